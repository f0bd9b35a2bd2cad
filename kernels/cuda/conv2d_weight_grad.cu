// kernels/cuda/conv2d_weight_grad.cu: the adjoint of conv2d in its filter.
//
//   dw[k,r,s,c] (+)= sum over n,p,q of  y[n,p,q,k] * x[n, p*stride.h - pad.h + r*dilation.h, q*stride.w - ..., c]
//
//   x (N,H,W,C)   y (N,P,Q,K), the gradient that arrives   dw (K,R,S,C/groups)      contiguous
//   dw float32   x, y float32, or bfloat16 in precision bf16
//
// Work:   a matrix product for each group: rows are the filters k, columns (r,s,c), the depth is the N*P*Q output pixels.
//         Both operands lie with their rows side by side. The result is small and the sum is long, so the depth is cut
//         into parts (gemm.h): as many as fill a large GPU twice.
//         blockIdx: x columns, y rows, z (part, group). Depthwise and one to four filters: see conv_tap_sums.h.
// Limit:  2*N*P*Q*K*R*S*C/groups FLOPs; the parts cost 8 bytes an element of dw each, at most 64 MiB.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: Chetlur et al., arXiv:1410.0759.
#include "conv_direct.h"
#include "gemm_cores.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <class Core, class E = typename Core::Element>
__global__ void __launch_bounds__(Core::kThreads) conv2d_weight_grad_kernel(MatrixOperand<E, false> filters, TapOperand<E> taps, int groups,
                                                                            Parts parts, Epilogue epilogue, float* dw) {
  const int group = blockIdx.z % groups, part = blockIdx.z / groups;
  const int first_row = blockIdx.y * Core::kRows, first_col = blockIdx.x * Core::kCols;
  filters.data += group * filters.rows;
  taps.image += group * taps.channels;
  const int64_t first = part * parts.size + int64_t(group) * filters.rows * taps.columns;
  const int begin = part * parts.depth, end = min(begin + parts.depth, taps.outputs);
  typename Core::Results results;
  Core::multiply(filters, taps, first_row, first_col, begin, end, results);
  store_results<Core>(results, epilogue, dw, first_row, filters.rows, first_col, taps.columns,
                      [&](int row) { return first + int64_t(row) * taps.columns; });
}

}  // namespace

void conv2d_weight_grad(Queue& queue, const ConvProblem& p, bool accumulate, const void* x, const void* y, void* dw) {
  if (size_w(p) == 0) return;
  check_sizes(p, "conv2d_weight_grad");
  if (fits_depthwise(p) && p.bf16_x == p.bf16_y) return conv2d_depthwise_weight_grad(queue, p, accumulate, x, y, dw);
  if (p.groups == 1 && p.k <= 4 && !p.bf16_y) return conv2d_few_filters_weight_grad(queue, p, accumulate, x, y, dw);
  const int rows = p.k / p.groups, cols = p.r * p.s * (p.c / p.groups);
  const Epilogue epilogue{nullptr, 1, accumulate};
  with_core(queue, fits_bf16(p), rows, cols, p.groups, [&](auto core) {
    using Core = decltype(core);
    using E = typename Core::Element;
    const int64_t down = ceil_div(rows, Core::kRows), across = ceil_div(cols, Core::kCols);
    const Parts parts = parts_of(down * across * p.groups, int64_t(p.n) * p.p * p.q, size_w(p), Core::kDepth);
    const auto from = factors_of<E>(queue, factor_x(p, x), factor_y(p, y), parts);
    const MatrixOperand<E, false> filters{from.b, p.k, rows, aligned16(from.b) && p.k % kNeighbours<E> == 0 && rows % kNeighbours<E> == 0};
    auto* out = static_cast<float*>(dw);
    launch<conv2d_weight_grad_kernel<Core>>(queue, dim3(unsigned(across), unsigned(down), unsigned(parts.count * p.groups)), Core::kThreads,
                                            Core::kSharedBytes, filters, TapOperand<E>{gather_of(p, from.a), cols}, p.groups, parts,
                                            parts.count == 1 ? epilogue : Epilogue{}, parts.count == 1 ? out : from.sums);
    finish_parts(queue, parts, from.sums, epilogue, 1, out);
  });
}

}  // namespace weft::WEFT_BACKEND
