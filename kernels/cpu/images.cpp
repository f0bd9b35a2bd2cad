// Resampling by separable tap tables, and max pooling.   x (N,H,W,C)   y (N,P,Q,C)
//
//   resample   one output row at a time: the rows that its taps name are summed into one row of W*C (a vector loop), then
//              each output pixel sums that row's pixels, up to 16 channels at a time. taps_h + taps_w reads an element instead of taps_h * taps_w
//   max_pool   per output pixel a vector loop over channels, branch-free: a NaN wins, padding never does
#include <limits>

#include "loops.h"

namespace weft::cpu::WEFT_ISA {

namespace {

/// y's channels from `first` on, `channels` of them: each a sum of taps of x's pixels. So few stay in registers.
template <int channels>
void mix_pixels(int64_t columns, int64_t taps, const int32_t* index, const float* weight, int64_t C, int64_t first, const float* x, float* y) noexcept {
  for (int64_t q = 0; q < columns; ++q) {
    float own[channels] = {};
    for (int64_t j = q * taps; j < (q + 1) * taps; ++j)
      if (index[j] >= 0)                         // [-1, W)
        for (int c = 0; c < channels; ++c) own[c] += weight[j] * x[index[j] * C + first + c];
    for (int c = 0; c < channels; ++c) y[q * C + first + c] = own[c];
  }
}

}  // namespace

void resample(CpuQueue& queue, const ResampleProblem& problem, const float* x, const int32_t* index_h,
              const float* weight_h, const int32_t* index_w, const float* weight_w, float* y) {
  const int64_t H = problem.h, W = problem.w, C = problem.c, P = problem.p, Q = problem.q;
  const int64_t taps_h = problem.taps_h, taps_w = problem.taps_w, images = problem.n;
  const int64_t owners = queue.threads < images * P ? queue.threads : images * P;
  float* const blended = queue.scratch(Slot::partials, size_t(owners * W * C));   // (owners, W, C)
  parallel(queue, owners, images * P * Q * C * taps_w, [&](int64_t owner) {
    float* const row = blended + owner * W * C;
    for (int64_t line = images * P * owner / owners; line < images * P * (owner + 1) / owners; ++line) {
      const int64_t n = line / P, p = line % P;
      const float* source = nullptr;   // the row to read: one of x as it is, or the blend
      for (int64_t i = 0; i < taps_h; ++i) {
        const int64_t h = index_h[p * taps_h + i];   // [-1, H)
        const float weight = weight_h[p * taps_h + i];
        if (h < 0) continue;
        const float* from = x + (n * H + h) * W * C;
        if (!source && taps_h == 1 && weight == 1) {
          source = from;
        } else if (!source) {
          for (int64_t at = 0; at < W * C; ++at) row[at] = weight * from[at];
          source = row;
        } else {
          for (int64_t at = 0; at < W * C; ++at) row[at] += weight * from[at];
        }
      }
      float* const out = y + line * Q * C;
      if (!source) {
        for (int64_t at = 0; at < Q * C; ++at) out[at] = 0;
        continue;
      }
      for (int64_t first = 0, step; first < C; first += step) {
        const int64_t left = C - first;
        step = left >= 16 ? 16 : left >= 8 ? 8 : left >= 4 ? 4 : left;
        const auto mix = step == 16 ? mix_pixels<16> : step == 8 ? mix_pixels<8> : step == 4 ? mix_pixels<4> : step == 3 ? mix_pixels<3> : step == 2 ? mix_pixels<2> : mix_pixels<1>;
        mix(Q, taps_w, index_w, weight_w, C, first, source, out);
      }
    }
  });
}

void max_pool(CpuQueue& queue, const PoolProblem& problem, const float* x, float* y, int32_t* index) {
  const int64_t N = problem.n, H = problem.h, W = problem.w, C = problem.c, P = problem.p, Q = problem.q;
  constexpr int64_t kChannels = 64;
  parallel(queue, N * P, N * P * Q * C * problem.window.h * problem.window.w, [&](int64_t line) {
    const int64_t n = line / P, p = line % P;
    for (int64_t q = 0; q < Q; ++q)
      for (int64_t first = 0; first < C; first += kChannels) {
        const int64_t channels = C - first < kChannels ? C - first : kChannels;
        float best[kChannels];
        int32_t winner[kChannels];
        for (int64_t c = 0; c < channels; ++c) best[c] = -std::numeric_limits<float>::infinity(), winner[c] = -1;
        for (int r = 0; r < problem.window.h; ++r)
          for (int s = 0; s < problem.window.w; ++s) {
            const int64_t h = p * problem.stride.h - problem.pad.h + r, w = q * problem.stride.w - problem.pad.w + s;
            if (h < 0 || h >= H || w < 0 || w >= W) continue;
            const int64_t at = ((n * H + h) * W + w) * C + first;
            for (int64_t c = 0; c < channels; ++c) {
              const float value = x[at + c], leader = best[c];
              const bool wins = winner[c] < 0 || (leader == leader && (value > leader || value != value));
              best[c] = wins ? value : leader;
              winner[c] = wins ? int32_t(at + c) : winner[c];
            }
          }
        const int64_t at = (line * Q + q) * C + first;
        for (int64_t c = 0; c < channels; ++c) y[at + c] = best[c];
        if (index)
          for (int64_t c = 0; c < channels; ++c) index[at + c] = winner[c];
      }
  });
}

}  // namespace weft::cpu::WEFT_ISA
