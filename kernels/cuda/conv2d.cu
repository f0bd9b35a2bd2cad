// kernels/cuda/conv2d.cu: 2-D convolution, forward.
//
//   y[n,p,q,k] = leaky(b[k] + sum over r,s,c of  x[n, p*stride.h - pad.h + r*dilation.h, q*stride.w - ..., c] * w[k,r,s,c])
//
//   x (N,H,W,C)   w (K,R,S,C/groups)   b (K) or null   y (N,P,Q,K)      contiguous, pad reads as 0, or mirrors x
//   w, b float32   x, y float32, or bfloat16 in precision bf16
//
// Work:   an implicit matrix product, one for each group: rows are the N*P*Q output pixels, columns the filters, depth
//         R*S*C; tiles and the mapping to threads are the core's (gemm_simt.h, gemm_tensor.h). Nothing is unfolded in memory:
//         a thread keeps its pixels' window corners and works out a tap's address as it loads.
//         blockIdx: x rows, y columns, z (part of the depth, group).
//         What would leave most of a tile empty (depthwise, one to four filters) or reads pixels singly (one to four channels)
//         is taken by the kernels of conv_direct.h, by its shape alone.
//         If the epilogue wants the moments of y, a block reads its tile back and takes those (gemm.h, tile_moments); norm.cu merges them.
// Limit:  2*N*P*Q*K*R*S*C/groups FLOPs over 4*(|x|+|w|+|y|) bytes, half of that in bfloat16. The DCGAN layers
//         sit right of the ridge: bound by arithmetic.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285;
//         Chetlur et al., "cuDNN: efficient primitives for deep learning", arXiv:1410.0759, for the implicit product.
#include "conv_direct.h"
#include "gemm_cores.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <class Core, class E = typename Core::Element>
__global__ void __launch_bounds__(Core::kThreads) conv2d_kernel(WindowOperand<E> windows, MatrixOperand<E, true> filters, int groups,
                                                                Parts parts, Epilogue epilogue, void* y, int y_channels) {
  const int group = blockIdx.z % groups, part = blockIdx.z / groups, depth = int(filters.pitch);
  const int first_row = blockIdx.x * Core::kRows, first_col = blockIdx.y * Core::kCols;
  windows.image += group * windows.channels;
  filters.data += int64_t(group) * filters.rows * depth;
  const int64_t first = part * parts.size + group * filters.rows;
  if (epilogue.bias) epilogue.bias += group * filters.rows;
  const int begin = part * parts.depth, end = min(begin + parts.depth, depth);
  typename Core::Results results;
  Core::multiply(windows, filters, first_row, first_col, begin, end, results);
  const auto row_begin = [&](int row) { return first + int64_t(row) * y_channels; };
  store_results<Core>(results, epilogue, y, first_row, windows.outputs, first_col, filters.rows, row_begin);
  if (epilogue.moments)
    tile_moments<Core>(epilogue.moments + int64_t(blockIdx.x) * y_channels + group * filters.rows, epilogue.bf16, y, first_row, windows.outputs, first_col,
                       filters.rows, row_begin);
}

void tiled(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* x, const Weight& w, void* y) {
  const int rows = p.n * p.p * p.q, cols = p.k / p.groups, depth = p.r * p.s * (p.c / p.groups);
  Epilogue epilogue = epilogue_of(e, p.bf16_y);
  with_core(queue, fits_bf16(p), rows, cols, p.groups, [&](auto core) {
    using Core = decltype(core);
    using E = typename Core::Element;
    const int64_t down = ceil_div(rows, Core::kRows), across = ceil_div(cols, Core::kCols);
    Parts parts = parts_of(down * across * p.groups, depth, size_y(p), Core::kDepth);
    const int64_t tiles = tiles_of_group(e, parts, rows, Core::kRows);
    parts.moments = tiles * e.moment_groups * p.k;
    const auto from = factors_of<E>(queue, factor_x(p, x), factor_of(w, size_w(p), sizeof(E) == 2), parts);
    epilogue.moments = from.moments;
    const MatrixOperand<E, true> filters{from.b, depth, cols, aligned16(from.b) && depth % kNeighbours<E> == 0};
    launch<conv2d_kernel<Core>>(queue, dim3(unsigned(down), unsigned(across), unsigned(parts.count * p.groups)), Core::kThreads,
                                Core::kSharedBytes, WindowOperand<E>{gather_of(p, from.a)}, filters, p.groups, parts,
                                parts.count == 1 ? epilogue : Epilogue{}, parts.count == 1 ? y : from.sums, p.k);
    finish_parts(queue, parts, from.sums, epilogue, p.k, y);
    finish_moments(queue, norm_of(p, e, false), tiles, from.moments, y, e);
  });
}

}  // namespace

void conv2d(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* x, Weight w, void* y) {
  if (size_y(p) == 0) return;
  check_sizes(p, "conv2d");
  if (fits_depthwise(p)) conv2d_depthwise(queue, p, false, e, x, w, y);
  else if (fits_few_filters(p, false)) conv2d_few_filters(queue, p, false, e, x, w, y);
  else if (fits_few_channels(p)) conv2d_few_channels(queue, p, e, x, w, y);
  else return tiled(queue, p, e, x, w, y);
  finish_moments(queue, norm_of(p, e, false), 0, nullptr, y, e);
}

}  // namespace weft::WEFT_BACKEND
