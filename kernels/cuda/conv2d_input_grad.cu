// kernels/cuda/conv2d_input_grad.cu: the adjoint of conv2d in its input, which is also the transposed convolution.
//
//   x[n,h,w,c] = leaky(b[c] + sum over k and those r,s with  h + pad.h - r*dilation.h = p*stride.h,  0 <= p < P  (w alike)
//                             of  y[n,p,q,k] * w[k,r,s,c])
//
//   y (N,P,Q,K)   w (K,R,S,C/groups)   b (C) or null   x (N,H,W,C)      contiguous
//   w, b float32   x, y float32, or bfloat16 in precision bf16
//
// Work:   the pixels h with the same h mod stride.h use the same taps, an arithmetic progression of r, and there the sum is
//         an ordinary convolution of stride 1 over y. So each of the stride.h * stride.w phases is one implicit matrix
//         product: rows its pixels, columns the channels c, depth (its taps) * K. No zero is ever inserted or multiplied.
//         A 4x4 stride-2 layer has four phases of 2x2 taps; 3x3 stride 2 has 4, 2, 2 and 1; a phase may have none.
//         blockIdx: x rows, y columns, z (part of the depth, phase, group). A block works out its phase in a few dozen instructions.
//         If the epilogue wants the moments of x, a block reads its tile back and takes those (gemm.h, tile_moments); norm.cu merges them.
// Limit:  as conv2d, 2*N*P*Q*K*R*S*C/groups FLOPs. The filter is read as it lies, channels side by side.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: arXiv:1603.07285, section 4; Shi et al., "Is the deconvolution layer the same as a convolutional layer?",
//         arXiv:1609.07009, for the phases.
#include "conv_direct.h"
#include "gemm_cores.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

/// Columns are the channels c, the depth is (tap of the phase, k); channels lie side by side.
template <class E>
struct PhaseFilters {
  using Element = E;
  static constexpr bool kAlongDepth = false;
  const E* w;                                   // the group's first filter
  int channels, taps_w;                         // taps_w: S, of the whole filter
  int64_t filter_size;                          // R * S * C/groups
  bool aligned;
  Divisor k_divisor;                            // K/groups
  Size2 tap_step;
  Phase h, v;                                   // of this block, rows and columns of the image
  Divisor phase_taps_w;

  using Cursor = int;
  __device__ __forceinline__ Cursor start(int row) const { return row; }
  template <class Sink>
  __device__ __forceinline__ void fetch(const Cursor& c, int depth, int end, Sink&& sink) const {
    constexpr int kWide = kNeighbours<E>;
    uint32_t k, j;
    const uint32_t i = phase_taps_w.split(k_divisor.split(uint32_t(depth), &k), &j);
    const int r = h.first_tap + int(i) * tap_step.h, s = v.first_tap + int(j) * tap_step.w;
    const E* p = w + int64_t(k) * filter_size + (int64_t(r) * taps_w + s) * channels + c;
    const int count = depth < end ? channels - c : 0;
    if (sizeof(E) == 2 || (aligned && (count <= 0 || count >= kWide))) {
      sink.all(count > 0 ? p : nullptr);
    } else if constexpr (sizeof(E) == 4) {
#pragma unroll
      for (int n = 0; n < 4; ++n) sink.one(n, n < count ? p + n : nullptr);
    }
  }
};

template <class Core, class E = typename Core::Element>
__global__ void __launch_bounds__(Core::kThreads) conv2d_input_grad_kernel(WindowOperand<E> windows, PhaseFilters<E> filters, Axis h, Axis v,
                                                                           int n, int groups, Parts parts, Epilogue epilogue, int group_tiles, void* x,
                                                                           int x_channels) {
  const int group = blockIdx.z % groups, phase = blockIdx.z / groups % (h.stride * v.stride), part = blockIdx.z / groups / (h.stride * v.stride);
  filters.h = phase_of(h, phase / v.stride);
  filters.v = phase_of(v, phase % v.stride);
  const int rows = n * filters.h.pixels * filters.v.pixels;
  const int first_row = blockIdx.x * Core::kRows, first_col = blockIdx.y * Core::kCols;
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
  const int64_t first = part * parts.size + group * filters.channels;
  if (epilogue.bias) epilogue.bias += group * filters.channels;
  const int begin = part * parts.depth, end = min(begin + parts.depth, taps * windows.channels);   // no part of a phase may be left
  typename Core::Results results;
  Core::multiply(windows, filters, first_row, first_col, begin, end, results);
  const auto row_begin = [&](int row) {
    uint32_t i, j;
    const uint32_t image = pixels_h.split(pixels_w.split(uint32_t(row), &j), &i);
    const int64_t line = int64_t(image) * h.extent + filters.h.first + int(i) * h.stride;
    return first + (line * v.extent + filters.v.first + int(j) * v.stride) * x_channels;
  };
  store_results<Core>(results, epilogue, x, first_row, rows, first_col, filters.channels, row_begin);
  if (!epilogue.moments) return;
  const int norm_group = int(blockIdx.x) / group_tiles, tile = (norm_group * h.stride * v.stride + phase) * group_tiles + int(blockIdx.x) % group_tiles;
  tile_moments<Core>(epilogue.moments + int64_t(tile) * x_channels + group * filters.channels, epilogue.bf16, x, first_row, rows, first_col,
                     filters.channels, row_begin);
}

/// The kernel fills in what depends on the phase.
template <class E>
WindowOperand<E> windows_of(const ConvProblem& p, const E* y) {
  WindowOperand<E> windows{};
  windows.image = y;
  windows.height = p.p;
  windows.width = p.q;
  windows.image_channels = p.k;
  windows.channels = p.k / p.groups;
  windows.stride = {1, 1};
  windows.channels_divisor = Divisor(windows.channels);
  windows.aligned = aligned16(y) && windows.channels % kNeighbours<E> == 0;
  return windows;
}
template <class E>
PhaseFilters<E> filters_of(const ConvProblem& p, const E* w, Size2 tap_step) {
  const int channels = p.c / p.groups;
  return {w, channels, p.s, int64_t(p.r) * p.s * channels, aligned16(w) && channels % kNeighbours<E> == 0, Divisor(p.k / p.groups), tap_step, {}, {}, {}};
}

void tiled(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* y, const Weight& w, void* x) {
  const Axis h = axis_of(p.stride.h, p.pad.h, p.dilation.h, p.r, p.h), v = axis_of(p.stride.w, p.pad.w, p.dilation.w, p.s, p.w);
  const int rows = int(ceil_div(p.h, p.stride.h) * ceil_div(p.w, p.stride.w)) * p.n, cols = p.c / p.groups;    // of the largest phase
  const int64_t depth = ceil_div(p.r, h.tap_step) * ceil_div(p.s, v.tap_step) * (p.k / p.groups);                // of the deepest
  const int phases = p.stride.h * p.stride.w, products = phases * p.groups;
  const bool alike = p.h % p.stride.h == 0 && p.w % p.stride.w == 0;    // all phases have as many pixels
  Epilogue epilogue = epilogue_of(e, p.bf16_x);
  with_core(queue, fits_bf16(p), rows, cols, products, [&](auto core) {
    using Core = decltype(core);
    using E = typename Core::Element;
    const int64_t down = ceil_div(rows, Core::kRows), across = ceil_div(cols, Core::kCols);
    Parts parts = parts_of(down * across * products, depth, size_x(p), Core::kDepth);
    const int64_t tiles = alike ? tiles_of_group(e, parts, rows, Core::kRows) : 0;    // of a phase
    parts.moments = tiles * phases * e.moment_groups * p.c;
    const auto from = factors_of<E>(queue, factor_y(p, y), factor_of(w, size_w(p), sizeof(E) == 2), parts);
    epilogue.moments = from.moments;
    launch<conv2d_input_grad_kernel<Core>>(queue, dim3(unsigned(down), unsigned(across), unsigned(parts.count * products)), Core::kThreads,
                                           Core::kSharedBytes, windows_of(p, from.a), filters_of(p, from.b, {h.tap_step, v.tap_step}), h, v, p.n,
                                           p.groups, parts, parts.count == 1 ? epilogue : Epilogue{}, int(tiles), parts.count == 1 ? x : from.sums, p.c);
    finish_parts(queue, parts, from.sums, epilogue, p.c, x);
    finish_moments(queue, norm_of(p, e, true), tiles * phases, from.moments, x, e);
  });
}

}  // namespace

void conv2d_input_grad(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* y, Weight w, void* x) {
  if (size_x(p) == 0) return;
  check_sizes(p, "conv2d_input_grad");
  if (fits_depthwise(p)) conv2d_depthwise(queue, p, true, e, y, w, x);
  else if (fits_few_filters(p, true)) conv2d_few_filters(queue, p, true, e, y, w, x);
  else return tiled(queue, p, e, y, w, x);
  finish_moments(queue, norm_of(p, e, true), 0, nullptr, x, e);
}

}  // namespace weft::WEFT_BACKEND
