// Convolutions that are no matrix product worth its tiles, because a channel meets few others: computed as they are written.
// All of it is float32 arithmetic, whatever the precision: these layers move more than they multiply.
//
// conv2d and conv2d_input_grad are one walk here, and so one kernel (conv_phases.h): `in` and `out` are x and y, or y and x.
#pragma once
#include "conv_gather.h"
#include "conv_phases.h"

namespace weft::WEFT_BACKEND {

struct DirectProblem {
  Axis h, v;                                    // rows and columns of pixels
  bool adjoint;                                 // the input gradient, a phase for each blockIdx.z
  int n, in_h, in_w, in_channels, out_channels;
  bool aligned;                                 // `in` can be read 16 bytes at once
  bool reflect;
};
inline DirectProblem direct_problem(const ConvProblem& p, bool adjoint, const void* in) {
  const Axis h = axis_of(p.stride.h, p.pad.h, p.dilation.h, p.r, adjoint ? p.h : p.p), v = axis_of(p.stride.w, p.pad.w, p.dilation.w, p.s, adjoint ? p.w : p.q);
  if (adjoint) return {h, v, true, p.n, p.p, p.q, p.k, p.c, aligned16(in), false};
  return {h, v, false, p.n, p.h, p.w, p.c, p.k, aligned16(in), p.reflect != 0};
}
inline unsigned phases_of(const DirectProblem& d) { return d.adjoint ? unsigned(d.h.stride * d.v.stride) : 1; }
/// Strips of `strip` neighbours of one line, in the largest phase.
inline int64_t strips_of(const DirectProblem& d, int strip) {
  const int down = d.adjoint ? d.h.stride : 1, across = d.adjoint ? d.v.stride : 1;
  return d.n * ceil_div(d.h.extent, down) * ceil_div(ceil_div(d.v.extent, across), strip);
}

/// Whether conv2d_few_filters.cu does, conv2d or, `adjoint`, its input gradient; the weight gradient only asks for p.k <= 4 and
/// a float32 y.
bool fits_few_filters(const ConvProblem& p, bool adjoint);
void conv2d_few_filters(Queue&, const ConvProblem&, bool adjoint, const ConvEpilogue&, const void* in, const Weight& w, void* out);
void conv2d_few_filters_weight_grad(Queue&, const ConvProblem&, bool accumulate, const void* x, const void* y, void* dw);

/// Whether conv2d_few_channels.cu does, conv2d alone.
bool fits_few_channels(const ConvProblem& p);
void conv2d_few_channels(Queue&, const ConvProblem&, const ConvEpilogue&, const void* x, const Weight& w, void* y);

/// The line of an image that tap line t of a result's line meets, or null for zeros.
template <class E>
__device__ __forceinline__ const E* line_of(const DirectProblem& d, const Walk& h, const E* in, int image, int result, int t) {
  const int at = result * h.stride + h.origin + t * h.step, row = d.reflect ? mirrored(at, d.in_h) : at;
  return unsigned(row) < unsigned(d.in_h) ? in + (int64_t(image) * d.in_h + row) * d.in_w * d.in_channels : nullptr;
}
/// The pack at pixel `at` of a line, 0 outside of it.
template <int kPack, class E>
__device__ __forceinline__ void load_inside(const DirectProblem& d, const E* line, int at, float (&v)[kPack]) {
  if (d.reflect) at = mirrored(at, d.in_w);
  if (unsigned(at) < unsigned(d.in_w)) return load_pack(line + int64_t(at) * d.in_channels, d.aligned, v);
#pragma unroll
  for (int i = 0; i < kPack; ++i) v[i] = 0.0f;
}

/// Whether conv2d_depthwise.cu computes it, all three; the weight gradient only if x and y are of one type.
bool fits_depthwise(const ConvProblem& p);
void conv2d_depthwise(Queue&, const ConvProblem&, bool adjoint, const ConvEpilogue&, const void* in, const Weight& w, void* out);
void conv2d_depthwise_weight_grad(Queue&, const ConvProblem&, bool accumulate, const void* x, const void* y, void* dw);

/// The strips of a block's phase, and what their results are the sum of.
template <int kStrip>
struct Strips {
  Walk h, v;
  Divisor per_line, lines;
  int count;
  __device__ __forceinline__ Strips(const DirectProblem& d, int phase)
      : h(walk_of(d.h, d.adjoint, phase / d.v.stride)), v(walk_of(d.v, d.adjoint, phase % d.v.stride)),
        per_line(max(1, (v.results + kStrip - 1) / kStrip)), lines(max(1, h.results)),
        count(v.results ? d.n * h.results * int(per_line.d) : 0) {}
  struct Strip {
    int image, line, first;                     // results first, first + 1, ... of that line
  };
  __device__ __forceinline__ Strip strip(int number) const {
    uint32_t at, line;
    const uint32_t image = lines.split(per_line.split(uint32_t(number), &at), &line);
    return {int(image), int(line), int(at) * kStrip};
  }
  /// Where result number i of a strip lies, in elements and without its channel; negative past the end of the line.
  __device__ __forceinline__ int64_t place(const DirectProblem& d, const Strip& s, int i) const {
    if (s.first + i >= v.results) return -1;
    const int64_t row = int64_t(s.image) * d.h.extent + h.first + s.line * h.spacing;
    return (row * d.v.extent + v.first + (s.first + i) * v.spacing) * d.out_channels;
  }
};

}  // namespace weft::WEFT_BACKEND
