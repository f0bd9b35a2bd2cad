// kernels/cuda/conv2d_weight_grad.cu: the adjoint of conv2d in its filter.
//
//   dw[k,r,s,c] (+)= sum over n,p,q of  y[n,p,q,k] * x[n, p*stride.h - pad.h + r*dilation.h, q*stride.w - ..., c]
//
//   x (N,H,W,C)   y (N,P,Q,K), the gradient that arrives   dw (K,R,S,C/groups)      float32, contiguous
//
// Work:   a matrix product for each group: rows are the filters k, columns (r,s,c), the depth is the N*P*Q output pixels.
//         Both operands lie with their rows side by side. The result is small and the sum is long, so the depth is cut
//         into parts: each part's product goes to the workspace, and a second kernel adds the parts in rising order. No
//         atomics; how many parts there are follows from the shape alone, so the bits are the same on every device.
//         blockIdx: x columns, y rows, z (part, group).
// Limit:  2*N*P*Q*K*R*S*C/groups FLOPs; the parts cost 8 bytes an element of dw each, at most 64 MiB.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: Chetlur et al., arXiv:1410.0759.
#include "conv_gather.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <class T>
__global__ void __launch_bounds__(T::kThreads) conv2d_weight_grad_kernel(MatrixOperand<false> filters, TapOperand taps, int groups,
                                                                         int part_depth, int64_t part_size, bool accumulate,
                                                                         float* out) {
  const int group = blockIdx.z % groups, part = blockIdx.z / groups;
  const int first_row = blockIdx.y * T::kRows, first_col = blockIdx.x * T::kCols;
  filters.data += group * filters.rows;
  taps.image += group * taps.channels;
  out += part * part_size + int64_t(group) * filters.rows * taps.columns;
  const int begin = part * part_depth, end = min(begin + part_depth, taps.outputs);
  Patch<T> patch;
  multiply_tiles<T>(filters, taps, first_row, first_col, begin, end, patch);
  store_patch(patch, Epilogue{nullptr, 1, accumulate}, first_row, filters.rows, first_col, taps.columns,
              [&](int row) { return out + int64_t(row) * taps.columns; });
}

__global__ void __launch_bounds__(kThreads) sum_parts_kernel(const float* parts, int count, int64_t size, bool accumulate, float* out) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < size; i += int64_t(gridDim.x) * blockDim.x) {
    float sum = parts[i];
    for (int part = 1; part < count; ++part) sum += parts[part * size + i];
    out[i] = accumulate ? out[i] + sum : sum;
  }
}

/// How many parts: enough blocks for two waves on a large GPU, at least 256 pixels each, and a workspace of bounded size.
int64_t parts_for(int64_t blocks, int64_t depth, int64_t size) {
  const int64_t wanted = min(ceil_div(264, blocks), ceil_div(depth, 256));
  return max(int(min(wanted, (int64_t(64) << 20) / (4 * size))), 1);
}

}  // namespace

void conv2d_weight_grad(Queue& queue, const ConvProblem& p, bool accumulate, const void* x, const void* y, void* dw) {
  TapOperand taps{gather_of(p, static_cast<const float*>(x)), 0};
  taps.columns = fits_int(int64_t(p.r) * p.s * taps.channels, "conv2d_weight_grad", "the size of a filter");
  const auto* gradient = static_cast<const float*>(y);
  const MatrixOperand<false> filters{gradient, p.k, p.k / p.groups, aligned16(y) && p.k % 4 == 0 && p.k / p.groups % 4 == 0};
  const int64_t size = int64_t(p.k) * taps.columns;
  if (size == 0) return;
  with_tile(filters.rows, taps.columns, p.groups, [&](auto tile) {
    using T = decltype(tile);
    const int64_t across = ceil_div(taps.columns, T::kCols), down = ceil_div(filters.rows, T::kRows);
    const int64_t wanted = parts_for(across * down * p.groups, taps.outputs, size);
    const int part_depth = int(ceil_div(ceil_div(taps.outputs, wanted), T::kDepth) * T::kDepth);
    const int parts = max(int(ceil_div(taps.outputs, max(part_depth, 1))), 1);
    float* to = parts == 1 ? static_cast<float*>(dw) : static_cast<float*>(workspace(queue, size_t(parts * size) * 4));
    launch<conv2d_weight_grad_kernel<T>>(queue, dim3(unsigned(across), unsigned(down), unsigned(parts * p.groups)), T::kThreads, 0,
                                         filters, taps, p.groups, part_depth, size, accumulate && parts == 1, to);
    if (parts > 1) launch<sum_parts_kernel>(queue, blocks_for(size), kThreads, 0, to, parts, size, accumulate, static_cast<float*>(dw));
  });
}

}  // namespace weft::WEFT_BACKEND
