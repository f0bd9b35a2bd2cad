// Rows by their number, and the adjoint: rows added up by their number.
//
//   gather        y[i,:]     = sum over t of weight[i,t] * table[index[i,t],:]
//   scatter_add   table[j,:] = sum over (i,t) with index[i,t] == j of weight[i,t] * x[i,:], in rising (i,t)
//
//   table (table_rows, columns)   x, y (rows, columns)   index, weight (rows, taps)
//
// Index -1 reads zeros, and adds nowhere. weight may be null, for 1 everywhere. An embedding is a gather with one tap.
#pragma once
#include <algorithm>

#include "weft/kernels/geometry.h"

namespace weft::reference {

template <class T>
void gather(const GatherProblem& problem, const T* table, const int32_t* index, const T* weight, T* y) {
  const int64_t taps = problem.taps, columns = problem.columns;
  for (int64_t i = 0; i < problem.rows; ++i)
    for (int64_t column = 0; column < columns; ++column) {
      T sum = 0;
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t j = index[i * taps + t];  // [-1, table_rows)
        if (j < 0) continue;
        const T value = table[j * columns + column];
        sum += weight ? weight[i * taps + t] * value : value;
      }
      y[i * columns + column] = sum;
    }
}

template <class T>
void scatter_add(const GatherProblem& problem, const T* x, const int32_t* index, const T* weight, T* table) {
  const int64_t taps = problem.taps, columns = problem.columns;
  std::fill_n(table, problem.table_rows * columns, T(0));
  for (int64_t i = 0; i < problem.rows; ++i)
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t j = index[i * taps + t];  // [-1, table_rows)
      if (j < 0) continue;
      for (int64_t column = 0; column < columns; ++column) {
        const T value = x[i * columns + column];
        table[j * columns + column] += weight ? weight[i * taps + t] * value : value;
      }
    }
}

}  // namespace weft::reference
