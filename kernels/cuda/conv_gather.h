// The image side of a convolution seen as a matrix: pixels gathered at a filter's taps.
//
//   element (o, (i,j,c)) = image[n, oh*stride.h + origin.h + i*step.h, ow*stride.w + origin.w + j*step.w, c]
//   with o = (n*out_h + oh)*out_w + ow, and 0 where that pixel lies outside the image, or the pixel that mirrors it
//
// conv2d: the image is x, the origin -pad, the step the dilation. conv2d_input_grad: the image is y and the steps are
// negative, one such gather a phase. conv2d_weight_grad: as conv2d, with rows and depth exchanged.
#pragma once
#include "gemm.h"

namespace weft::WEFT_BACKEND {

/// Where padding that reflects reads.
__device__ __forceinline__ int mirrored(int i, int size) {
  const int from_edge = i < 0 ? -i : i;
  return min(from_edge, 2 * (size - 1) - from_edge);
}

template <class E>
struct ConvGather {
  using Element = E;
  const E* image;                               // the group's first channel
  int height, width, image_channels;
  int channels;                                 // of the group
  int outputs;                                  // N * out_h * out_w
  Size2 stride, origin, step;
  Divisor out_h, out_w, taps_w, channels_divisor;
  bool aligned;                                 // neighbouring channels can be read 16 bytes at once
  bool reflect;

  struct Place {                                // a window: the first line of its image, and where its tap (0,0) falls
    int line;
    int16_t h, w;
  };
  struct Tap {                                  // a column of the matrix: (i, j, c)
    int16_t i, j;
    int c;
  };
  __device__ __forceinline__ static Place nowhere() { return {0, -32768, -32768}; }
  __device__ __forceinline__ Place place(int o) const {
    uint32_t oh, ow;
    const uint32_t n = out_h.split(out_w.split(uint32_t(o), &ow), &oh);
    return {int(n) * height, int16_t(int(oh) * stride.h + origin.h), int16_t(int(ow) * stride.w + origin.w)};
  }
  __device__ __forceinline__ Tap tap(int column) const {
    uint32_t c, j;
    const uint32_t i = taps_w.split(channels_divisor.split(uint32_t(column), &c), &j);
    return {int16_t(i), int16_t(j), int(c)};
  }
  __device__ __forceinline__ void next(Tap& t) const {
    if (++t.c < channels) return;
    t.c = 0;
    if (++t.j < int(taps_w.d)) return;
    t.j = 0;
    ++t.i;
  }
  __device__ __forceinline__ const E* address(const Place& p, const Tap& t) const {   // null outside the image
    int h = p.h + t.i * step.h, w = p.w + t.j * step.w;
    if (reflect) h = mirrored(h, height), w = mirrored(w, width);
    if (unsigned(h) >= unsigned(height) || unsigned(w) >= unsigned(width)) return nullptr;
    return image + (int64_t(p.line + h) * width + w) * image_channels + t.c;
  }
  /// Column t and its neighbours; `count` of them exist.
  template <class Sink>
  __device__ __forceinline__ void read(const Place& p, Tap t, int count, Sink&& sink) const {
    if (sizeof(E) == 2 || aligned) {            // they share a tap, and exist together
      sink.all(count > 0 ? address(p, t) : nullptr);
    } else if constexpr (sizeof(E) == 4) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        sink.one(i, i < count ? address(p, t) : nullptr);
        next(t);
      }
    }
  }
};

/// Rows are windows, the depth is (tap, channel).
template <class E>
struct WindowOperand : ConvGather<E> {
  static constexpr bool kAlongDepth = true;
  using Cursor = typename ConvGather<E>::Place;
  __device__ __forceinline__ Cursor start(int row) const { return row < this->outputs ? this->place(row) : this->nowhere(); }
  template <class Sink>
  __device__ __forceinline__ void fetch(const Cursor& c, int depth, int end, Sink&& sink) const {
    this->read(c, this->tap(depth), end - depth, sink);
  }
};

/// Rows are (tap, channel), the depth is the windows.
template <class E>
struct TapOperand : ConvGather<E> {
  static constexpr bool kAlongDepth = false;
  int columns;
  struct Cursor {
    typename ConvGather<E>::Tap tap;
    int left;
  };
  __device__ __forceinline__ Cursor start(int row) const { return {this->tap(row), columns - row}; }
  template <class Sink>
  __device__ __forceinline__ void fetch(const Cursor& c, int depth, int end, Sink&& sink) const {
    const bool inside = depth < end;
    this->read(this->place(inside ? depth : 0), c.tap, inside ? c.left : 0, sink);
  }
};

/// Throws where a kernel's narrow numbers do not reach: pixels of one side in 16 bits, all pixels of a batch in 32.
inline void check_sizes(const ConvProblem& p, const char* op) {
  const int longest = max(max(p.h, p.w) + max(p.pad.h, p.pad.w), max(p.r * p.dilation.h, p.s * p.dilation.w));
  if (longest > 32000 || max(p.p, p.q) > 32000)
    throw ShapeError(std::string(op) + ": an image side, its padding or a filter exceeds 32000 pixels, which these kernels do not take; use tiles");
  fits_int(int64_t(p.n) * p.h * p.w, op, "the number of pixels");
  fits_int(int64_t(p.n) * p.p * p.q, op, "the number of output pixels");
  fits_int(int64_t(p.r) * p.s * max(p.c / p.groups, p.k / p.groups), op, "the size of a filter");
}

/// The gather of conv2d and conv2d_weight_grad.
template <class E>
ConvGather<E> gather_of(const ConvProblem& p, const E* x) {
  const int channels = p.c / p.groups;
  return {x, p.h, p.w, p.c, channels, p.n * p.p * p.q, p.stride, {-p.pad.h, -p.pad.w}, p.dilation, Divisor(p.p), Divisor(p.q),
          Divisor(p.s), Divisor(channels), aligned16(x) && channels % kNeighbours<E> == 0, p.reflect != 0};
}

/// Whether bfloat16 factors of this convolution come in whole pieces of 16 bytes. Where not (an RGB image), the layer moves
/// more than it multiplies, and computes in tf32.
inline bool fits_bf16(const ConvProblem& p) { return p.c / p.groups % 8 == 0 && p.k / p.groups % 8 == 0; }
/// The result as what its moments are taken of.
inline NormProblem norm_of(const ConvProblem& p, const ConvEpilogue& e, bool adjoint) {
  const int64_t pixels = adjoint ? int64_t(p.n) * p.h * p.w : int64_t(p.n) * p.p * p.q;
  return {e.moment_groups, pixels / e.moment_groups, adjoint ? p.c : p.k, (adjoint ? p.bf16_x : p.bf16_y) != 0};
}
inline int64_t size_x(const ConvProblem& p) { return int64_t(p.n) * p.h * p.w * p.c; }
inline int64_t size_y(const ConvProblem& p) { return int64_t(p.n) * p.p * p.q * p.k; }
inline int64_t size_w(const ConvProblem& p) { return int64_t(p.k) * p.r * p.s * (p.c / p.groups); }
inline Factor factor_x(const ConvProblem& p, const void* x) { return {x, size_x(p), p.bf16_x != 0}; }
inline Factor factor_y(const ConvProblem& p, const void* y) { return {y, size_y(p), p.bf16_y != 0}; }

}  // namespace weft::WEFT_BACKEND
