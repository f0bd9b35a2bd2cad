// How reductions over rows are dealt to threads: x (outer, rows, columns), one result for each (outer, column).
//
// A block holds kThreads threads as `across` lanes side by side along the columns, times `down` lanes that share the rows
// of one part. Few columns mean many lanes down, so a warp reads neighbours in memory either way. The rows are cut into
// parts when there are too few blocks to fill a GPU; parts go to the workspace and are merged in rising order. Both
// numbers follow from the shape alone: the same bits on every device.
#pragma once
#include "indexing.h"

namespace weft::WEFT_BACKEND {

struct ColumnLanes {
  int64_t outer, rows, columns;
  int64_t parts, part_rows;
  int across, down;                             // powers of two, across * down == kThreads
  int64_t column_blocks;

  int64_t blocks() const { return outer * parts * column_blocks; }
};

/// Where a thread works. A thread past the last column has `column >= columns` and must still reach every barrier.
struct ColumnPlace {
  int64_t outer, part, column, first_row, end_row;
  int lane_down;
};
__device__ __forceinline__ ColumnPlace place_of(const ColumnLanes& lanes) {
  const int64_t block = blockIdx.x, strip = block / lanes.column_blocks;
  ColumnPlace at;
  at.outer = strip / lanes.parts;
  at.part = strip % lanes.parts;
  at.column = block % lanes.column_blocks * lanes.across + int(threadIdx.x) % lanes.across;
  at.lane_down = int(threadIdx.x) / lanes.across;
  at.first_row = at.part * lanes.part_rows + at.lane_down;
  at.end_row = min((at.part + 1) * lanes.part_rows, lanes.rows);
  return at;
}

inline ColumnLanes column_lanes(int64_t outer, int64_t rows, int64_t columns, const char* op) {
  ColumnLanes l{outer, rows, columns, 1, rows, 1, kThreads, 1};
  while (l.across < columns && l.across < 32) l.across *= 2;
  l.down = kThreads / l.across;
  l.column_blocks = ceil_div(columns, l.across);
  const int64_t blocks = outer * l.column_blocks;
  const int64_t wanted = min(ceil_div(528, blocks), ceil_div(rows, int64_t(l.down) * 8));   // each lane sees 8 rows or more
  l.part_rows = ceil_div(rows, wanted > 1 ? wanted : 1);
  l.parts = l.part_rows ? ceil_div(rows, l.part_rows) : 1;
  fits_int(l.blocks(), op, "the number of blocks");
  return l;
}

/// Merges the values of a column's lanes, lower rows first; the result is lane_down 0's. Every thread must call.
template <class Value, class Merge>
__device__ __forceinline__ Value merge_down(const ColumnLanes& lanes, const ColumnPlace& at, Value value, Merge&& merge) {
  WEFT_SHARED(Value, of_lane, [kThreads]);
  of_lane[threadIdx.x] = value;
  for (int half = lanes.down / 2; half > 0; half /= 2) {
    __syncthreads();
    if (at.lane_down < half)
      of_lane[threadIdx.x] = merge(of_lane[threadIdx.x], of_lane[int(threadIdx.x) + half * lanes.across]);
  }
  return of_lane[threadIdx.x];                  // what this thread wrote last
}

}  // namespace weft::WEFT_BACKEND
