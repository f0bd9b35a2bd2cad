// kernels/cuda/conv2d_input_grad.cu: the adjoint of conv2d in its input, which is also the transposed convolution.
//
//   x[n,h,w,c] = leaky(b[c] + sum over k and those r,s with  h + pad.h - r*dilation.h = p*stride.h,  0 <= p < P  (w alike)
//                             of  y[n,p,q,k] * w[k,r,s,c])
//
//   y (N,P,Q,K)   w (K,R,S,C/groups)   b (C) or null   x (N,H,W,C)      float32, contiguous
//
// Work:   the pixels h with the same h mod stride.h use the same taps, an arithmetic progression of r, and there the sum is
//         an ordinary convolution of stride 1 over y. So each of the stride.h * stride.w phases is one implicit matrix
//         product: rows its pixels, columns the channels c, depth (its taps) * K. No zero is ever inserted or multiplied.
//         A 4x4 stride-2 layer has four phases of 2x2 taps; 3x3 stride 2 has 4, 2, 2 and 1; a phase may have none.
//         blockIdx: x rows, y columns, z (phase, group). A block works out its phase in a few dozen instructions.
// Limit:  as conv2d, 2*N*P*Q*K*R*S*C/groups FLOPs. The filter is read as it lies, channels side by side.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: arXiv:1603.07285, section 4; Shi et al., "Is the deconvolution layer the same as a convolutional layer?",
//         arXiv:1609.07009, for the phases.
#include "conv_gather.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

struct Axis {                                   // of one direction, height or width
  int stride, pad, dilation, taps, extent;      // extent: of x
  int tap_step;                                 // stride / gcd(stride, dilation): between two taps of one phase
};
struct Phase {
  int first;                                    // the pixels first, first + stride, ...
  int pixels;
  int first_tap, taps;                          // the taps first_tap, first_tap + tap_step, ...
  int origin, step;                             // pixel number i meets y at  origin + i + tap number * step
};

__device__ __forceinline__ Phase phase_of(const Axis& a, int phase) {
  Phase out{phase, phase < a.extent ? (a.extent - phase - 1) / a.stride + 1 : 0, a.taps, 0, 0, 0};
  for (int r = 0; r < min(a.taps, a.tap_step); ++r)
    if ((phase + a.pad - r * a.dilation) % a.stride == 0) out.first_tap = r;
  if (out.first_tap == a.taps) return out;      // no tap reaches this phase: it holds the bias alone
  out.taps = (a.taps - out.first_tap - 1) / a.tap_step + 1;
  out.origin = (phase + a.pad - out.first_tap * a.dilation) / a.stride;
  out.step = -a.tap_step * a.dilation / a.stride;
  return out;
}

/// Columns are the channels c, the depth is (tap of the phase, k); four channels lie side by side.
struct PhaseFilters {
  static constexpr bool kAlongDepth = false;
  const float* w;                               // the group's first filter
  int channels, taps_w;                         // taps_w: S, of the whole filter
  int64_t filter_size;                          // R * S * C/groups
  bool vector;
  Divisor k_divisor;                            // K/groups
  Phase h, v;                                   // of this block, rows and columns of the image
  Divisor phase_taps_w;
  Size2 tap_step;

  using Cursor = int;
  __device__ __forceinline__ Cursor start(int row) const { return row; }
  __device__ __forceinline__ void fetch(const Cursor& c, int depth, int end, float (&value)[4]) const {
    uint32_t k, j;
    const uint32_t i = phase_taps_w.split(k_divisor.split(uint32_t(depth), &k), &j);
    const int r = h.first_tap + int(i) * tap_step.h, s = v.first_tap + int(j) * tap_step.w;
    const float* p = w + int64_t(k) * filter_size + (int64_t(r) * taps_w + s) * channels + c;
    const int count = depth < end ? channels - c : 0;
    if (vector && count >= 4) {
      load4(p, value);
    } else {
#pragma unroll
      for (int n = 0; n < 4; ++n) value[n] = n < count ? p[n] : 0.0f;
    }
  }
};

template <class T>
__global__ void __launch_bounds__(T::kThreads) conv2d_input_grad_kernel(WindowOperand windows, PhaseFilters filters, Axis h,
                                                                        Axis v, int n, int groups, Epilogue epilogue, float* x,
                                                                        int x_channels) {
  const int group = blockIdx.z % groups, phase = blockIdx.z / groups;
  filters.h = phase_of(h, phase / v.stride);
  filters.v = phase_of(v, phase % v.stride);
  const int rows = n * filters.h.pixels * filters.v.pixels;
  const int first_row = blockIdx.x * T::kRows, first_col = blockIdx.y * T::kCols;
  if (first_row >= rows) return;                // phases differ by a row of pixels; the grid is made for the largest
  const Divisor pixels_h(filters.h.pixels), pixels_w(filters.v.pixels);
  const int taps = filters.h.taps * filters.v.taps;
  if (taps) filters.phase_taps_w = Divisor(filters.v.taps);
  windows.outputs = rows;
  windows.out_h = pixels_h;
  windows.out_w = pixels_w;
  windows.taps_w = filters.phase_taps_w;
  windows.origin = {filters.h.origin, filters.v.origin};
  windows.step = {filters.h.step, filters.v.step};
  windows.image += group * windows.channels;
  filters.w += int64_t(group) * windows.channels * filters.filter_size;
  x += group * filters.channels;
  if (epilogue.bias) epilogue.bias += group * filters.channels;
  Patch<T> patch;
  multiply_tiles<T>(windows, filters, first_row, first_col, 0, taps * windows.channels, patch);
  store_patch(patch, epilogue, first_row, rows, first_col, filters.channels, [&](int row) {
    uint32_t i, j;
    const uint32_t image = pixels_h.split(pixels_w.split(uint32_t(row), &j), &i);
    const int64_t line = int64_t(image) * h.extent + filters.h.first + int(i) * h.stride;
    return x + (line * v.extent + filters.v.first + int(j) * v.stride) * x_channels;
  });
}

int greatest_common_divisor(int a, int b) { return b ? greatest_common_divisor(b, a % b) : a; }
Axis axis_of(int stride, int pad, int dilation, int taps, int extent) {
  return {stride, pad, dilation, taps, extent, stride / greatest_common_divisor(stride, dilation)};
}

}  // namespace

void conv2d_input_grad(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* y, Weight w, void* x) {
  const int channels = p.c / p.groups, filters_per_group = p.k / p.groups;
  const int rows = fits_int(ceil_div(p.h, p.stride.h) * ceil_div(p.w, p.stride.w) * p.n, "conv2d_input_grad", "the number of pixels");
  if (rows == 0 || channels == 0) return;
  fits_int(int64_t(p.r) * p.s * filters_per_group, "conv2d_input_grad", "the depth of the sum");
  const auto* image = static_cast<const float*>(y);
  WindowOperand windows{};
  windows.image = image;
  windows.height = p.p;
  windows.width = p.q;
  windows.image_channels = p.k;
  windows.channels = filters_per_group;
  windows.stride = {1, 1};
  windows.channels_divisor = Divisor(filters_per_group);
  windows.vector = aligned16(image) && filters_per_group % 4 == 0;
  PhaseFilters filters{};
  filters.w = static_cast<const float*>(w.data);
  filters.channels = channels;
  filters.taps_w = p.s;
  filters.filter_size = int64_t(p.r) * p.s * channels;
  filters.vector = aligned16(w.data) && channels % 4 == 0;
  filters.k_divisor = Divisor(filters_per_group);
  const Axis h = axis_of(p.stride.h, p.pad.h, p.dilation.h, p.r, p.h), v = axis_of(p.stride.w, p.pad.w, p.dilation.w, p.s, p.w);
  filters.tap_step = {h.tap_step, v.tap_step};
  const Epilogue epilogue{static_cast<const float*>(e.bias), float(e.leaky_slope), e.accumulate};
  const int products = p.stride.h * p.stride.w * p.groups;
  with_tile(rows, channels, products, [&](auto tile) {
    using T = decltype(tile);
    const dim3 grid(unsigned(ceil_div(rows, T::kRows)), unsigned(ceil_div(channels, T::kCols)), unsigned(products));
    launch<conv2d_input_grad_kernel<T>>(queue, grid, T::kThreads, 0, windows, filters, h, v, p.n, p.groups, epilogue,
                                        static_cast<float*>(x), p.c);
  });
}

}  // namespace weft::WEFT_BACKEND
