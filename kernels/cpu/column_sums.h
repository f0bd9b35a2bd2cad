// Sums down the columns of a block of rows: the heart of reductions and of normalisation.
#pragma once
#include "loops.h"

namespace weft::cpu::WEFT_ISA {
namespace {

constexpr int64_t kWide = 64;          // elements; a narrower row is repeated until it is about that wide
constexpr int64_t kBlock = 1 << 14;    // elements in a block: 64 KiB, so that a second pass over it finds it in cache

/// How many rows make one wide row.
constexpr int64_t repeats(int64_t columns) { return columns < kWide ? kWide / columns : 1; }

/// How n rows are cut into blocks. A function of the shape alone.
struct Blocks {
  int64_t rows, count;
  Blocks(int64_t n, int64_t columns) {
    const int64_t unit = repeats(columns);
    rows = kBlock / columns / unit * unit;
    if (rows < 8 * unit) rows = 8 * unit;
    count = (n + rows - 1) / rows;
  }
};

/// sums[c] = sum over r of value(r*columns + c, column in [0, columns*repeats))
template <class F>
void column_sums(int64_t rows, int64_t columns, float* sums, F value) {
  const int64_t unit = repeats(columns), wide = columns * unit;
  if (unit == 1) {
    for (int64_t c = 0; c < columns; ++c) sums[c] = 0;
    for (int64_t r = 0; r < rows; ++r)
#pragma omp simd
      for (int64_t c = 0; c < columns; ++c) sums[c] += value(r * columns + c, c);
    return;
  }
  alignas(64) float total[kWide] = {};
  const int64_t whole = rows / unit;
  for (int64_t r = 0; r < whole; ++r)
#pragma omp simd
    for (int64_t c = 0; c < wide; ++c) total[c] += value(r * wide + c, c);
  for (int64_t c = 0; c < (rows - whole * unit) * columns; ++c) total[c] += value(whole * wide + c, c);
  for (int64_t c = 0; c < columns; ++c) {      // by halves: fewer roundings than one after the other
    float four[4] = {};
    for (int64_t u = 0; u < unit; ++u) four[u % 4] += total[u * columns + c];
    sums[c] = (four[0] + four[1]) + (four[2] + four[3]);
  }
}

/// result[c] = sum over the rows of partial sums
inline void add_rows(int64_t rows, int64_t columns, const float* partials, float* result) {
  for (int64_t c = 0; c < columns; ++c) result[c] = partials[c];
  for (int64_t r = 1; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) result[c] += partials[r * columns + c];
}

/// One value per channel, repeated to the width of a wide row.
inline void widen(int64_t columns, const float* values, float* wide) {
  for (int64_t u = 0; u < repeats(columns); ++u)
    for (int64_t c = 0; c < columns; ++c) wide[u * columns + c] = values[c];
}

}  // namespace
}  // namespace weft::cpu::WEFT_ISA
