// im2col and its adjoint: what turns a convolution into a matrix product.
//
//   columns (images, P, Q, R, S, C/groups)
//   take_columns   columns[n,p,q,r,s,c] = x[n, p*stride.h - pad.h + r*dilation.h, q*stride.w - pad.w + s*dilation.w, c], or 0
//   add_columns    x[n,h,w,c] = epilogue(sum of the columns that were taken from there)
//
// Without dilation, one filter row of one output pixel is S*C/groups neighbours in memory on both sides, so both are moves
// of short runs. add_columns sums into a row that is wider than the image by its padding and so needs no bounds, in the
// fixed order (r, q, s); a thread owns whole rows of x. Of up to four channels, a run is so short that each addition would wait
// for the one before, which wrote into the same few floats: there a pixel's sum stays in registers while its filter row is read.
#include <cstring>
#include <type_traits>

#include "loops.h"

namespace weft::cpu::WEFT_ISA {

void take_columns(CpuQueue& queue, const ConvProblem& problem, int64_t images, int64_t group, const float* x, float* columns) {
  const int64_t H = problem.h, W = problem.w, C = problem.c, P = problem.p, Q = problem.q, R = problem.r, S = problem.s;
  const int64_t width = C / problem.groups, run = S * width, step = problem.dilation.w;
  parallel(queue, images * P, images * P * Q * R * run, [&](int64_t line) {
    const int64_t n = line / P, p = line % P;
    for (int64_t q = 0; q < Q; ++q)
      for (int64_t r = 0; r < R; ++r) {
        const int64_t h = p * problem.stride.h - problem.pad.h + r * problem.dilation.h, w = q * problem.stride.w - problem.pad.w;
        float* to = columns + ((line * Q + q) * R + r) * run;
        const float* from = x + ((n * H + h) * W + w) * C + group * width;
        if (h < 0 || h >= H) {
          std::memset(to, 0, size_t(run) * sizeof(float));
        } else if (step == 1 && width == C && w >= 0 && w + S <= W) {
          std::memcpy(to, from, size_t(run) * sizeof(float));
        } else {
          for (int64_t s = 0; s < S; ++s) {
            const bool inside = w + s * step >= 0 && w + s * step < W;
            for (int64_t c = 0; c < width; ++c) to[s * width + c] = inside ? from[s * step * C + c] : 0;
          }
        }
      }
  });
}

namespace {

/// sum (padded row, width) += one filter row of the columns: tap s of output pixel q belongs to q * stride + s * dilation.
template <int width>
void add_filter_row(const ConvProblem& p, const float* columns, int64_t length, float* sum) noexcept {   // or OpenMP guards the call by a weak symbol
  const int64_t S = p.s, stride = p.stride.w, dilation = p.dilation.w, apart = p.r * S * width, end = p.q * stride;
  const auto add = [&](int64_t at, auto checked) {
    float* const pixel = sum + at * width;
    float own[width];
    for (int c = 0; c < width; ++c) own[c] = pixel[c];
    for (int64_t s = S - 1; s >= 0; --s) {
      const int64_t from = at - s * dilation;
      if (checked && (from < 0 || from >= end || from % stride)) continue;
      const float* const tap = columns + (checked ? from / stride : from) * apart + s * width;
      for (int c = 0; c < width; ++c) own[c] += tap[c];
    }
    for (int c = 0; c < width; ++c) pixel[c] = own[c];
  };
  // Between these every tap has a pixel.
  const int64_t first = stride > 1 || (S - 1) * dilation > end ? end : (S - 1) * dilation;
  for (int64_t at = 0; at < first && at < length; ++at) add(at, std::true_type());
  for (int64_t at = first; at < end && at < length; ++at) add(at, std::false_type());
  for (int64_t at = end; at < length; ++at) add(at, std::true_type());
}

}  // namespace

void add_columns(CpuQueue& queue, const ConvProblem& problem, const ConvEpilogue& what, int64_t images, int64_t group,
                 const float* columns, float* x) {
  const int64_t H = problem.h, W = problem.w, C = problem.c, P = problem.p, Q = problem.q, R = problem.r, S = problem.s;
  const int64_t width = C / problem.groups, first_c = group * width;
  const int64_t pieces = problem.dilation.w == 1 ? 1 : S, run = S / pieces * width;   // runs of neighbours in a filter row
  const int64_t reached = (Q - 1) * problem.stride.w + (S - 1) * problem.dilation.w + 1, padded = W + problem.pad.w;
  const int64_t length = (reached > padded ? reached : padded) * width;
  const int64_t owners = queue.threads < images * H ? queue.threads : images * H;
  float* const sums = queue.scratch(Slot::partials, size_t(owners * length));   // (owners, padded row, width)
  const float* const bias = what.bias ? static_cast<const float*>(what.bias) + first_c : nullptr;
  const float slope = float(what.leaky_slope);
  const auto add_row = width == 1 ? add_filter_row<1> : width == 2 ? add_filter_row<2> : width == 3 ? add_filter_row<3> : width == 4 ? add_filter_row<4> : nullptr;

  parallel(queue, owners, images * P * Q * R * S * width, [&](int64_t owner) {
    float* const sum = sums + owner * length;
    for (int64_t line = images * H * owner / owners; line < images * H * (owner + 1) / owners; ++line) {
      const int64_t n = line / H, h = line % H;
      std::memset(sum, 0, size_t(length) * sizeof(float));
      for (int64_t r = 0; r < R; ++r) {
        const int64_t up = h + problem.pad.h - r * problem.dilation.h;   // p * stride.h, if some p put tap r on row h
        if (up < 0 || up % problem.stride.h || up / problem.stride.h >= P) continue;
        const float* from = columns + (((n * P + up / problem.stride.h) * Q) * R + r) * S * width;
        if (add_row) {
          add_row(problem, from, reached, sum);
          continue;
        }
        for (int64_t q = 0; q < Q; ++q, from += R * S * width)
          for (int64_t piece = 0; piece < pieces; ++piece) {
            float* to = sum + (q * problem.stride.w + piece * problem.dilation.w) * width;
#pragma omp simd
            for (int64_t i = 0; i < run; ++i) to[i] += from[piece * run + i];
          }
      }
      float* const row = x + line * W * C + first_c;
      const float* const inside = sum + problem.pad.w * width;
      for (int64_t w = 0; w < W; ++w)
        for (int64_t c = 0; c < width; ++c) {
          float value = inside[w * width + c];
          if (bias) value += bias[c];
          if (what.accumulate) value += row[w * C + c];
          row[w * C + c] = value > 0 || what.accumulate ? value : slope * value;
        }
    }
  });
}

}  // namespace weft::cpu::WEFT_ISA
