// Reductions over the middle axis.
//
//   out[o,i] = sum, sum of squares, max, min or count of non-finite values over j of x[o,j,i]
//
//   x (outer, n, inner)   out (outer, inner)   index (outer, inner) or null: the j that won, for max and min
#pragma once
#include "weft/kernels/geometry.h"
#include "weft/kernels/kinds.h"

namespace weft::reference {

/// The first of the largest (or smallest) of x[0], x[stride], ... x[(n-1)*stride], n >= 1. A NaN beats every number, so
/// that a broken value cannot hide behind a maximum; the first NaN stays.
template <class T>
int64_t position_of_extreme(bool largest, const T* x, int64_t n, int64_t stride) {
  int64_t best = 0;
  for (int64_t j = 1; j < n; ++j) {
    const T leader = x[best * stride], challenger = x[j * stride];
    if (leader != leader) break;
    if (challenger != challenger || (largest ? challenger > leader : challenger < leader)) best = j;
  }
  return best;
}

template <class T>
void reduce(ReduceKind kind, const ReduceProblem& problem, const T* x, T* out, int32_t* index) {
  const auto [outer, n, inner, bf16] = problem;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      const T* column = x + o * n * inner + i;  // x[o,:,i], `inner` apart
      T& result = out[o * inner + i];
      if (kind == ReduceKind::max || kind == ReduceKind::min) {
        const int64_t winner = position_of_extreme(kind == ReduceKind::max, column, n, inner);
        result = column[winner * inner];
        if (index) index[o * inner + i] = int32_t(winner);
        continue;
      }
      T sum = 0;
      for (int64_t j = 0; j < n; ++j) {
        const T value = column[j * inner];
        if (kind == ReduceKind::sum) sum += value;
        if (kind == ReduceKind::sum_squares) sum += value * value;
        if (kind == ReduceKind::count_non_finite) sum += T(!(value - value == 0));
      }
      result = sum;
    }
}

}  // namespace weft::reference
