// kernels/cuda/matmul.cu: batched matrix product.
//
//   c[i] (+)= op(a[i]) op(b[i]) + bias
//
//   a (m,k), or (k,m) transposed   b (k,n), or (n,k) transposed   bias (n) or null   c (batch,m,n)      row-major
//   bias float32   a, b, c float32, or bfloat16 in precision bf16
//
// Work:   gemm.h, rows m, columns n. Transposes are read as they lie: four neighbours of an operand run either along
//         the depth or along its rows, and the tile is stored accordingly.
//         blockIdx: x rows, y columns, z (part of the depth, matrix of the batch); several launches above 65535 matrices.
// Limit:  2*batch*m*n*k FLOPs over 4*(|a|+|b|+|c|) bytes, half of that in bfloat16. A thin product (a critic's last layer, n = 1) is bound by memory
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
                                                                Epilogue epilogue, void* c) {
  const int64_t matrix = blockIdx.z % batch, part = blockIdx.z / batch;
  const int first_row = blockIdx.x * Core::kRows, first_col = blockIdx.y * Core::kCols;
  a.data += matrix * stride_a;
  b.data += matrix * stride_b;
  const int64_t first = part * parts.size + matrix * a.rows * b.rows;
  const int begin = int(part) * parts.depth, end = min(begin + parts.depth, depth);
  typename Core::Results results;
  Core::multiply(a, b, first_row, first_col, begin, end, results);
  store_results<Core>(results, epilogue, c, first_row, a.rows, first_col, b.rows, [&](int row) { return first + int64_t(row) * b.rows; });
}

template <class E, bool kAlong>
MatrixOperand<E, kAlong> matrix(const E* data, int64_t rows, int64_t depth, int64_t batch_stride) {
  const int64_t pitch = kAlong ? depth : rows;
  return {data, pitch, int(rows), aligned16(data) && pitch % kNeighbours<E> == 0 && batch_stride % kNeighbours<E> == 0};
}

template <bool kAlongA, bool kAlongB>
void matmul_as(Queue& queue, const MatmulProblem& p, const void* a, const Weight& b, const Epilogue& epilogue, void* c) {
  const bool fits_bf16 = (kAlongA ? p.k : p.m) % 8 == 0 && (kAlongB ? p.k : p.n) % 8 == 0 &&
                         p.batch_stride_a % 8 == 0 && p.batch_stride_b % 8 == 0;
  with_core(queue, fits_bf16, p.m, p.n, p.batch, [&](auto core) {
    using Core = decltype(core);
    using E = typename Core::Element;
    const int64_t down = ceil_div(p.m, Core::kRows), across = ceil_div(p.n, Core::kCols);
    const Parts parts = parts_of(down * across * p.batch, p.k, p.batch * p.m * p.n, Core::kDepth);
    const int64_t size_b = p.k * p.n + (p.batch - 1) * p.batch_stride_b;
    const auto from = factors_of<E>(queue, {a, p.m * p.k + (p.batch - 1) * p.batch_stride_a, p.bf16_a},
                                    p.bf16_b ? Factor{b.data, size_b, true} : factor_of(b, size_b, sizeof(E) == 2), parts);
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
  fits_int(problem.m, "matmul", "m");
  fits_int(problem.n, "matmul", "n");
  fits_int(problem.k, "matmul", "k");
  const auto run = problem.transpose_a ? (problem.transpose_b ? matmul_as<false, true> : matmul_as<false, false>)
                                       : (problem.transpose_b ? matmul_as<true, true> : matmul_as<true, false>);
  constexpr int64_t kMostBatches = 65535;         // that a grid has layers for
  for (int64_t first = 0; first < problem.batch; first += kMostBatches) {
    MatmulProblem p = problem;
    p.batch = min(problem.batch - first, kMostBatches);
    const auto at = [](const void* from, int64_t elements, bool bf16) { return static_cast<const char*>(from) + elements * (bf16 ? 2 : 4); };
    Weight from_b = b;
    from_b.data = at(b.data, first * p.batch_stride_b, p.bf16_b);
    if (b.bf16) from_b.bf16 = at(b.bf16, first * p.batch_stride_b, true);
    run(queue, p, at(a, first * p.batch_stride_a, p.bf16_a), from_b, {static_cast<const float*>(bias), 1, p.accumulate, p.bf16_c},
        const_cast<char*>(at(c, first * p.m * p.n, p.bf16_c)));
  }
}

}  // namespace weft::WEFT_BACKEND
