// kernels/cuda/conv2d.cu: 2-D convolution, forward.
//
//   y[n,p,q,k] = leaky(b[k] + sum over r,s,c of  x[n, p*stride.h - pad.h + r*dilation.h, q*stride.w - ..., c] * w[k,r,s,c])
//
//   x (N,H,W,C)   w (K,R,S,C/groups)   b (K) or null   y (N,P,Q,K)      float32, contiguous, pad reads as 0
//
// Work:   an implicit matrix product, one for each group: rows are the N*P*Q output pixels, columns the filters, depth
//         R*S*C; the tiles and the mapping to threads are tile_gemm.h's. Nothing is unfolded in memory: a thread keeps its
//         pixels' window corners and works out a tap's address as it loads.
//         blockIdx: x rows, y columns, z group.
// Limit:  2*N*P*Q*K*R*S*C/groups FLOPs over 4*(|x|+|w|+|y|) bytes. The DCGAN layers sit right of the ridge: bound by
//         arithmetic. A 3-channel layer is left of it: its pixels are 12 bytes apart and are read singly.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285;
//         Chetlur et al., "cuDNN: efficient primitives for deep learning", arXiv:1410.0759, for the implicit product.
#include "conv_gather.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <class T>
__global__ void __launch_bounds__(T::kThreads) conv2d_kernel(WindowOperand windows, MatrixOperand<true> filters,
                                                             Epilogue epilogue, float* y, int y_channels) {
  const int group = blockIdx.z, depth = int(filters.pitch);
  const int first_row = blockIdx.x * T::kRows, first_col = blockIdx.y * T::kCols;
  windows.image += group * windows.channels;
  filters.data += int64_t(group) * filters.rows * depth;
  y += group * filters.rows;
  if (epilogue.bias) epilogue.bias += group * filters.rows;
  Patch<T> patch;
  multiply_tiles<T>(windows, filters, first_row, first_col, 0, depth, patch);
  store_patch(patch, epilogue, first_row, windows.outputs, first_col, filters.rows,
              [&](int row) { return y + int64_t(row) * y_channels; });
}

}  // namespace

void conv2d(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* x, Weight w, void* y) {
  const WindowOperand windows{gather_of(p, static_cast<const float*>(x))};
  if (windows.outputs == 0 || p.k == 0) return;
  const int depth = fits_int(int64_t(p.r) * p.s * windows.channels, "conv2d", "the size of a filter");
  const MatrixOperand<true> filters{static_cast<const float*>(w.data), depth, p.k / p.groups, aligned16(w.data) && depth % 4 == 0};
  const Epilogue epilogue{static_cast<const float*>(e.bias), float(e.leaky_slope), e.accumulate};
  with_tile(windows.outputs, filters.rows, p.groups, [&](auto tile) {
    using T = decltype(tile);
    const dim3 grid(unsigned(ceil_div(windows.outputs, T::kRows)), unsigned(ceil_div(filters.rows, T::kCols)), unsigned(p.groups));
    launch<conv2d_kernel<T>>(queue, grid, T::kThreads, 0, windows, filters, epilogue, static_cast<float*>(y), p.k);
  });
}

}  // namespace weft::WEFT_BACKEND
