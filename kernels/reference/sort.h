// Rows in rising order, and where each value came from.
//
//   values[r,i] = x[index[r,i]],  values[r,0] <= values[r,1] <= ...,  index[r,i] in [r*n, (r+1)*n)
//
//   x, values, index (rows, n); index may be null
//
// Equal values keep their order, +0 and -0 are equal, NaN comes last.
#pragma once
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "weft/kernels/geometry.h"

namespace weft::reference {

template <class T>
void sort(const SortProblem& problem, const T* x, T* values, int32_t* index) {
  std::vector<int32_t> order(size_t(problem.n));
  for (int64_t row = 0; row < problem.rows; ++row) {
    std::iota(order.begin(), order.end(), int32_t(row * problem.n));
    std::stable_sort(order.begin(), order.end(), [x](int32_t a, int32_t b) { return x[a] < x[b] || (std::isnan(x[b]) && !std::isnan(x[a])); });
    for (int64_t i = 0; i < problem.n; ++i) {
      values[row * problem.n + i] = x[order[size_t(i)]];
      if (index) index[row * problem.n + i] = order[size_t(i)];
    }
  }
}

}  // namespace weft::reference
