// kernels/cuda/matmul.cu: batched matrix product.
//
//   c[i] (+)= op(a[i]) op(b[i]) + bias
//
//   a (m,k), or (k,m) transposed   b (k,n), or (n,k) transposed   bias (n) or null   c (batch,m,n)      float32, row-major
//
// Work:   tile_gemm.h, rows m, columns n. Transposes are read as they lie: four neighbours of an operand run either along
//         the depth or along its rows, and the tile is stored accordingly.
//         blockIdx: x rows, y columns, z matrix of the batch (in several launches above 65535).
// Limit:  2*batch*m*n*k FLOPs over 4*(|a|+|b|+|c|) bytes. A thin product (a critic's last layer, n = 1) is bound by memory
//         and uses one column in 16 of its tile.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: S. Boehm, "How to optimize a CUDA matmul kernel for cuBLAS-like performance", 2022, for the kind of tiling.
#include "ops.h"
#include "tile_gemm.h"

namespace weft::WEFT_BACKEND {
namespace {

template <class T, bool kAlongA, bool kAlongB>
__global__ void __launch_bounds__(T::kThreads) matmul_kernel(MatrixOperand<kAlongA> a, MatrixOperand<kAlongB> b, int depth,
                                                             int64_t stride_a, int64_t stride_b, Epilogue epilogue, float* c) {
  const int first_row = blockIdx.x * T::kRows, first_col = blockIdx.y * T::kCols;
  a.data += blockIdx.z * stride_a;
  b.data += blockIdx.z * stride_b;
  c += int64_t(blockIdx.z) * a.rows * b.rows;
  Patch<T> patch;
  multiply_tiles<T>(a, b, first_row, first_col, 0, depth, patch);
  store_patch(patch, epilogue, first_row, a.rows, first_col, b.rows, [&](int row) { return c + int64_t(row) * b.rows; });
}

template <bool kAlong>
MatrixOperand<kAlong> matrix(const void* data, int64_t rows, int64_t depth, int64_t batch_stride) {
  const int64_t pitch = kAlong ? depth : rows;
  return {static_cast<const float*>(data), pitch, int(rows), aligned16(data) && pitch % 4 == 0 && batch_stride % 4 == 0};
}

template <bool kAlongA, bool kAlongB>
void matmul_as(Queue& queue, const MatmulProblem& p, const void* a, const void* b, const void* bias, void* c) {
  const Epilogue epilogue{static_cast<const float*>(bias), 1, p.accumulate};
  with_tile(p.m, p.n, p.batch, [&](auto tile) {
    using T = decltype(tile);
    constexpr int64_t kMostBatches = 65535;
    for (int64_t first = 0; first < p.batch; first += kMostBatches) {
      const dim3 grid(unsigned(ceil_div(p.m, T::kRows)), unsigned(ceil_div(p.n, T::kCols)), unsigned(min(p.batch - first, kMostBatches)));
      launch<matmul_kernel<T, kAlongA, kAlongB>>(
          queue, grid, T::kThreads, 0,
          matrix<kAlongA>(static_cast<const float*>(a) + first * p.batch_stride_a, p.m, p.k, p.batch_stride_a),
          matrix<kAlongB>(static_cast<const float*>(b) + first * p.batch_stride_b, p.n, p.k, p.batch_stride_b), int(p.k),
          p.batch_stride_a, p.batch_stride_b, epilogue, static_cast<float*>(c) + first * p.m * p.n);
    }
  });
}

}  // namespace

void matmul(Queue& queue, const MatmulProblem& p, const void* a, Weight b, const void* bias, void* c) {
  if (p.batch * p.m * p.n == 0) return;
  fits_int(p.m, "matmul", "m");
  fits_int(p.n, "matmul", "n");
  fits_int(p.k, "matmul", "k");
  const auto run = p.transpose_a ? (p.transpose_b ? matmul_as<false, true> : matmul_as<false, false>)
                                 : (p.transpose_b ? matmul_as<true, true> : matmul_as<true, false>);
  run(queue, p, a, b.data, bias, c);
}

}  // namespace weft::WEFT_BACKEND
