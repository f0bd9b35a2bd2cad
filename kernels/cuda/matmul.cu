// kernels/cuda/matmul.cu: batched matrix product.
//
//   c[i] (+)= op(a[i]) op(b[i]) + bias
//
//   a (m,k), or (k,m) transposed   b (k,n), or (n,k) transposed   bias (n) or null   c (batch,m,n)      float32, row-major
//
// Work:   gemm.h, rows m, columns n. Transposes are read as they lie: four neighbours of an operand run either along
//         the depth or along its rows, and the tile is stored accordingly.
//         blockIdx: x rows, y columns, z (part of the depth, matrix of the batch); several launches above 65535 matrices.
// Limit:  2*batch*m*n*k FLOPs over 4*(|a|+|b|+|c|) bytes. A thin product (a critic's last layer, n = 1) is bound by memory
//         and uses one column in 16 of its tile.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: S. Boehm, "How to optimize a CUDA matmul kernel for cuBLAS-like performance", 2022, for the kind of tiling.
#include "gemm_cores.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <class Core, bool kAlongA, bool kAlongB, class E = typename Core::Element>
__global__ void __launch_bounds__(Core::kThreads) matmul_kernel(MatrixOperand<E, kAlongA> a, MatrixOperand<E, kAlongB> b, int depth,
                                                                int64_t stride_a, int64_t stride_b, int batch, Parts parts,
                                                                Epilogue epilogue, float* c) {
  const int64_t matrix = blockIdx.z % batch, part = blockIdx.z / batch;
  const int first_row = blockIdx.x * Core::kRows, first_col = blockIdx.y * Core::kCols;
  a.data += matrix * stride_a;
  b.data += matrix * stride_b;
  c += part * parts.size + matrix * a.rows * b.rows;
  const int begin = int(part) * parts.depth, end = min(begin + parts.depth, depth);
  typename Core::Results results;
  Core::multiply(a, b, first_row, first_col, begin, end, results);
  store_results<Core>(results, epilogue, first_row, a.rows, first_col, b.rows, [&](int row) { return c + int64_t(row) * b.rows; });
}

template <class E, bool kAlong>
MatrixOperand<E, kAlong> matrix(const E* data, int64_t rows, int64_t depth, int64_t batch_stride) {
  const int64_t pitch = kAlong ? depth : rows;
  return {data, pitch, int(rows), aligned16(data) && pitch % kNeighbours<E> == 0 && batch_stride % kNeighbours<E> == 0};
}

template <bool kAlongA, bool kAlongB>
void matmul_as(Queue& queue, const MatmulProblem& p, const float* a, const float* b, const Epilogue& epilogue, float* c) {
  const bool fits_bf16 = aligned16(a) && aligned16(b) && (kAlongA ? p.k : p.m) % 8 == 0 && (kAlongB ? p.k : p.n) % 8 == 0 &&
                         p.batch_stride_a % 8 == 0 && p.batch_stride_b % 8 == 0;
  with_core(queue, fits_bf16, p.m, p.n, p.batch, [&](auto core) {
    using Core = decltype(core);
    using E = typename Core::Element;
    const int64_t down = ceil_div(p.m, Core::kRows), across = ceil_div(p.n, Core::kCols);
    const Parts parts = parts_of(down * across * p.batch, p.k, p.batch * p.m * p.n, Core::kDepth);
    const auto from = factors_of<E>(queue, a, p.m * p.k + (p.batch - 1) * p.batch_stride_a, b, p.k * p.n + (p.batch - 1) * p.batch_stride_b, parts);
    launch<matmul_kernel<Core, kAlongA, kAlongB>>(
        queue, dim3(unsigned(down), unsigned(across), unsigned(p.batch * parts.count)), Core::kThreads, Core::kSharedBytes,
        matrix<E, kAlongA>(from.a, p.m, p.k, p.batch_stride_a), matrix<E, kAlongB>(from.b, p.n, p.k, p.batch_stride_b), int(p.k),
        p.batch_stride_a, p.batch_stride_b, int(p.batch), parts, parts.count == 1 ? epilogue : Epilogue{}, parts.count == 1 ? c : from.sums);
    finish_parts(queue, parts, from.sums, epilogue, int(p.n), c);
  });
}

}  // namespace

void matmul(Queue& queue, const MatmulProblem& problem, const void* a, Weight b, const void* bias, void* c) {
  if (problem.batch * problem.m * problem.n == 0) return;
  for (const auto& [size, what] : {std::pair{problem.m, "m"}, {problem.n, "n"}, {problem.k, "k"}}) fits_int(size, "matmul", what);
  const auto run = problem.transpose_a ? (problem.transpose_b ? matmul_as<false, true> : matmul_as<false, false>)
                                       : (problem.transpose_b ? matmul_as<true, true> : matmul_as<true, false>);
  constexpr int64_t kMostBatches = 65535;         // that a grid has layers for
  for (int64_t first = 0; first < problem.batch; first += kMostBatches) {
    MatmulProblem p = problem;
    p.batch = min(problem.batch - first, kMostBatches);
    run(queue, p, static_cast<const float*>(a) + first * p.batch_stride_a, static_cast<const float*>(b.data) + first * p.batch_stride_b,
        {static_cast<const float*>(bias), 1, p.accumulate}, static_cast<float*>(c) + first * p.m * p.n);
  }
}

}  // namespace weft::WEFT_BACKEND
