// The input gradient of a convolution from up to four channels, of a multiple of 16 filters and few of them: a pixel's is a sum over the
// output pixels that it is part of, each a product of all its filters with their weights for that tap, so lanes run over filters and are added
// up once at the end. By columns (columns.cpp) the same numbers are written and read again, r*s of them a pixel.
//
//   x[n,h,w,c] = epilogue(sum over r,s,k of y[n, (h + pad.h - r*dilation.h) / stride.h, (w + pad.w - s) / stride.w, k] * w[k,r,s,c])
//
// The order of a sum is fixed: (r, s, blocks of lanes), then the lanes by halves. A thread owns whole rows of x.
#include "lanes.h"
#include "loops.h"

namespace weft::cpu::WEFT_ISA {
namespace {

/// A filter row that reaches the row of x under way: its weights, (s, blocks, channels, lanes), and the row of y.
struct Row {
  const float *weights, *y;
};

/// sums[i][c] of `pixels` pixels of x, `stride` apart, the first at `at` of the padded row; all of them have taps first, first + stride .. last.
template <int channels, int pixels>
void sum_taps(const ConvProblem& p, const Row* rows, int count, int64_t at, int64_t first, int64_t last, float sums[][channels]) {
  const int64_t stride = p.stride.w, blocks = p.k / kLanes, from = (at - first) / stride * p.k;
  Lanes sum[pixels][channels];
#pragma GCC unroll 4
  for (int i = 0; i < pixels; ++i)
#pragma GCC unroll 4
    for (int c = 0; c < channels; ++c) sum[i][c] = Lanes{};
  for (int row = 0; row < count; ++row) {
    const float *y = rows[row].y + from, *weights = rows[row].weights + first * blocks * channels * kLanes;
    for (int64_t s = first; s <= last; s += stride, y -= p.k, weights += stride * blocks * channels * kLanes)
      for (int64_t block = 0; block < blocks; ++block) {
        Lanes w[channels];
#pragma GCC unroll 4
        for (int c = 0; c < channels; ++c) w[c] = *reinterpret_cast<const Lanes*>(weights + (block * channels + c) * kLanes);
#pragma GCC unroll 4
        for (int i = 0; i < pixels; ++i) {
          const Lanes value = *reinterpret_cast<const Lanes*>(y + i * p.k + block * kLanes);
#pragma GCC unroll 4
          for (int c = 0; c < channels; ++c) sum[i][c] += value * w[c];
        }
      }
  }
  for (int i = 0; i < pixels; ++i)
    for (int c = 0; c < channels; ++c) {
      float lane[kLanes];
      *reinterpret_cast<Lanes*>(lane) = sum[i][c];
      for (int half = kLanes / 2; half > 0; half /= 2)
        for (int l = 0; l < half; ++l) lane[l] += lane[l + half];
      sums[i][c] = lane[0];
    }
}

template <int channels>
void input_grad(CpuQueue& queue, const ConvProblem& p, const ConvEpilogue& what, const float* y, const float* w, float* x) {
  constexpr int kPixels = 4;
  const int64_t blocks = p.k / kLanes, row_weights = p.s * blocks * channels * kLanes, stride = p.stride.w, W = p.w;
  float* const weights = queue.scratch(Slot::weights, size_t(p.r * row_weights));
  for (int64_t k = 0; k < p.k; ++k)
    for (int64_t tap = 0; tap < p.r * p.s; ++tap)
      for (int c = 0; c < channels; ++c) weights[((tap * blocks + k / kLanes) * channels + c) * kLanes + k % kLanes] = w[(k * p.r * p.s + tap) * channels + c];

  const int64_t owners = queue.threads < int64_t(p.n) * p.h ? queue.threads : int64_t(p.n) * p.h;
  auto* const all_rows = reinterpret_cast<Row*>(queue.scratch(Slot::partials, size_t(owners * p.r) * sizeof(Row) / sizeof(float)));
  const auto* const bias = static_cast<const float*>(what.bias);
  const float slope = float(what.leaky_slope);
  parallel(queue, owners, int64_t(p.n) * p.p * p.q * p.r * p.s * p.k, [&](int64_t owner) {
    Row* const rows = all_rows + owner * p.r;
    for (int64_t line = int64_t(p.n) * p.h * owner / owners; line < int64_t(p.n) * p.h * (owner + 1) / owners; ++line) {
      const int64_t n = line / p.h, h = line % p.h;
      int count = 0;
      for (int64_t r = 0; r < p.r; ++r) {
        const int64_t up = h + p.pad.h - r * p.dilation.h;             // p * stride.h, if some p put tap r on row h
        if (up < 0 || up % p.stride.h || up / p.stride.h >= p.p) continue;
        rows[count++] = {weights + r * row_weights, y + (n * p.p + up / p.stride.h) * p.q * p.k};
      }
      float* const to = x + line * W * channels;
      const auto store = [&](int64_t pixel, const float* sums) {
        for (int c = 0; c < channels; ++c) {
          float& value = to[pixel * channels + c];
          const float all = sums[c] + (bias ? bias[c] : 0) + (what.accumulate ? value : 0);
          value = all > 0 || what.accumulate ? all : slope * all;
        }
      };
      for (int64_t phase = 0; phase < stride; ++phase)
        for (int64_t pixel = phase; pixel < W;) {
          const int64_t at = pixel + p.pad.w, some = at % stride, far = at - (p.q - 1) * stride;      // taps at - q * stride, q from 0 to Q - 1
          const int64_t first = far > some ? far : some, last = at < p.s ? at : p.s - 1;
          const int64_t end = at + (kPixels - 1) * stride;
          if (last == p.s - 1 && first == some && end - (p.q - 1) * stride <= some && pixel + (kPixels - 1) * stride < W) {
            float sums[kPixels][channels];
            sum_taps<channels, kPixels>(p, rows, count, at, first, last, sums);
            for (int i = 0; i < kPixels; ++i) store(pixel + i * stride, sums[i]);
            pixel += kPixels * stride;
          } else {
            float sums[1][channels];
            sum_taps<channels, 1>(p, rows, count, at, first, last, sums);
            store(pixel, sums[0]);
            pixel += stride;
          }
        }
    }
  });
}

}  // namespace

void few_channels_input_grad(CpuQueue& queue, const ConvProblem& p, const ConvEpilogue& what, const float* y, const float* w, float* x) {
  (p.c == 1 ? input_grad<1> : p.c == 2 ? input_grad<2> : p.c == 3 ? input_grad<3> : input_grad<4>)(queue, p, what, y, w, x);
}

}  // namespace weft::cpu::WEFT_ISA
