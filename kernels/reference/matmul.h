// Matrix products, one a batch entry.
//
//   c[b,i,j] (+)= sum over l of op(a)[b,i,l] * op(b)[b,l,j]  +  bias[j]
//
//   a (batch, m, k), or (batch, k, m) when transposed      b (batch, k, n), or (batch, n, k) when transposed
//   bias (n) or null                                       c (batch, m, n)
//
// A batch stride of 0 repeats one matrix for the whole batch.
#pragma once
#include "weft/kernels/geometry.h"

namespace weft::reference {

template <class T>
void matmul(const MatmulProblem& problem, const T* a, const T* b, const T* bias, T* c) {
  const int64_t m = problem.m, n = problem.n, k = problem.k;
  for (int64_t batch = 0; batch < problem.batch; ++batch) {
    const T* a_matrix = a + batch * problem.batch_stride_a;
    const T* b_matrix = b + batch * problem.batch_stride_b;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        T sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += a_matrix[problem.transpose_a ? l * m + i : i * k + l] *
                 b_matrix[problem.transpose_b ? j * k + l : l * n + j];
        if (bias) sum += bias[j];
        T& result = c[(batch * m + i) * n + j];
        result = problem.accumulate ? result + sum : sum;
      }
  }
}

}  // namespace weft::reference
