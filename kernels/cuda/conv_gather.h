// The image side of a convolution seen as a matrix: pixels gathered at a filter's taps.
//
//   element (o, (i,j,c)) = image[n, oh*stride.h + origin.h + i*step.h, ow*stride.w + origin.w + j*step.w, c]
//   with o = (n*out_h + oh)*out_w + ow, and 0 where that pixel lies outside the image
//
// conv2d: the image is x, the origin -pad, the step the dilation. conv2d_input_grad: the image is y and the steps are
// negative, one such gather a phase. conv2d_weight_grad: as conv2d, with rows and depth exchanged.
#pragma once
#include "tile_gemm.h"

namespace weft::WEFT_BACKEND {

struct ConvGather {
  const float* image;                           // the group's first channel
  int height, width, image_channels;
  int channels;                                 // of the group
  int outputs;                                  // N * out_h * out_w
  Size2 stride, origin, step;
  Divisor out_h, out_w, taps_w, channels_divisor;
  bool vector;                                  // four channels can be read at once

  struct Place {                                // a window: image n, and where its tap (0,0) falls
    const float* base;
    int h, w;
  };
  struct Tap {                                  // a column of the matrix: (i, j, c)
    int i, j, c;
  };
  __device__ __forceinline__ Place place(int o) const {
    uint32_t oh, ow;
    const uint32_t n = out_h.split(out_w.split(uint32_t(o), &ow), &oh);
    return {image + int64_t(n) * height * width * image_channels, int(oh) * stride.h + origin.h, int(ow) * stride.w + origin.w};
  }
  __device__ __forceinline__ Tap tap(int column) const {
    uint32_t c, j;
    const uint32_t i = taps_w.split(channels_divisor.split(uint32_t(column), &c), &j);
    return {int(i), int(j), int(c)};
  }
  __device__ __forceinline__ void next(Tap& t) const {
    if (++t.c < channels) return;
    t.c = 0;
    if (++t.j < int(taps_w.d)) return;
    t.j = 0;
    ++t.i;
  }
  __device__ __forceinline__ const float* address(const Place& p, const Tap& t) const {   // null outside the image
    const int h = p.h + t.i * step.h, w = p.w + t.j * step.w;
    if (unsigned(h) >= unsigned(height) || unsigned(w) >= unsigned(width)) return nullptr;
    return p.base + (int64_t(h) * width + w) * image_channels + t.c;
  }
  /// Columns t and the three after it; `count` of them exist.
  __device__ __forceinline__ void read4(const Place& p, Tap t, int count, float (&v)[4]) const {
    if (vector) {                               // the four share a tap, and exist together
      const float* from = count > 0 ? address(p, t) : nullptr;
      if (from) load4(from, v);
      else v[0] = v[1] = v[2] = v[3] = 0.0f;
      return;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float* from = i < count ? address(p, t) : nullptr;
      v[i] = from ? *from : 0.0f;
      next(t);
    }
  }
};

/// Rows are windows, the depth is (tap, channel).
struct WindowOperand : ConvGather {
  static constexpr bool kAlongDepth = true;
  using Cursor = Place;
  __device__ __forceinline__ Cursor start(int row) const {
    if (row < outputs) return place(row);
    return {nullptr, 0, 0};
  }
  __device__ __forceinline__ void fetch(const Cursor& c, int depth, int end, float (&v)[4]) const {
    read4(c, tap(depth), c.base ? end - depth : 0, v);
  }
};

/// Rows are (tap, channel), the depth is the windows.
struct TapOperand : ConvGather {
  static constexpr bool kAlongDepth = false;
  int columns;
  struct Cursor {
    Tap tap;
    int left;
  };
  __device__ __forceinline__ Cursor start(int row) const { return {tap(row), columns - row}; }
  __device__ __forceinline__ void fetch(const Cursor& c, int depth, int end, float (&v)[4]) const {
    const bool inside = depth < end;
    read4(place(inside ? depth : 0), c.tap, inside ? c.left : 0, v);
  }
};

/// The gather of conv2d and conv2d_weight_grad.
inline ConvGather gather_of(const ConvProblem& p, const float* x) {
  ConvGather g{x, p.h, p.w, p.c, p.c / p.groups, 0, p.stride, {-p.pad.h, -p.pad.w}, p.dilation, Divisor(p.p), Divisor(p.q),
               Divisor(p.s), Divisor(p.c / p.groups), false};
  g.outputs = fits_int(int64_t(p.n) * p.p * p.q, "conv2d", "the number of output pixels");
  g.vector = aligned16(x) && g.channels % 4 == 0;
  return g;
}

}  // namespace weft::WEFT_BACKEND
