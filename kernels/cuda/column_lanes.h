// How reductions over rows are dealt to threads: x (outer, rows, columns), one result for each (outer, column).
//
// A lane owns a pack of four neighbouring columns if there are four, so that a row of it moves as one 16-byte access, and
// walks its rows several at a time, their loads under way together. A single column is folded: four rows are the pack. A
// block holds kThreads lanes: `across` side by side along the columns, `down` that share the rows of one part, and, where
// both are few, `beside` outer indices. Neighbouring lanes read neighbouring memory either way. The rows are cut into
// parts when there are too few blocks to fill a GPU; parts go to the workspace and are merged by a second kernel.
//
// All numbers follow from the shape alone, and an array that is not 16-byte aligned is read in single elements by the same
// lanes: the same bits on every device and at every address.
#pragma once
#include "indexing.h"

namespace weft::WEFT_BACKEND {

struct ColumnLanes {
  int outer, rows, columns;                     // rows and columns of packs
  int parts, part_rows;
  int across, down, beside;                     // powers of two, across * down * beside == kThreads
  Divisor column_blocks, part_count;
  unsigned blocks;
  int pack;                                     // 4 or 1
  bool folded;                                  // the pack's elements are rows
};

/// Where a lane works. One outside the problem has `inside` false, no rows, and must still reach every barrier.
struct ColumnPlace {
  int outer, part, column, first_row, end_row, lane_down;
  bool inside;
};
__device__ __forceinline__ ColumnPlace place_of(const ColumnLanes& lanes, unsigned block) {
  ColumnPlace at;
  uint32_t column_block, part;
  const uint32_t strip = lanes.part_count.split(lanes.column_blocks.split(block, &column_block), &part);
  const unsigned lane = threadIdx.x / unsigned(lanes.across);
  at.part = int(part);
  at.column = int(column_block * lanes.across + threadIdx.x % unsigned(lanes.across));
  at.lane_down = int(lane % unsigned(lanes.down));
  at.outer = int(strip * lanes.beside + lane / unsigned(lanes.down));
  at.inside = at.column < lanes.columns && at.outer < lanes.outer;
  at.first_row = at.part * lanes.part_rows + at.lane_down;
  at.end_row = at.inside ? min((at.part + 1) * lanes.part_rows, lanes.rows) : 0;
  return at;
}

/// `wanted_blocks`: how many blocks to cut the rows for, where that leaves a lane `least_rows` rows or more.
inline ColumnLanes column_lanes(int64_t outer, int64_t rows, int64_t columns, bool packed, int64_t wanted_blocks,
                                int least_rows, int most_across, const char* op) {
  const bool folded = packed && columns == 1 && rows % 4 == 0;
  const int pack = folded || (packed && columns % 4 == 0) ? 4 : 1;
  ColumnLanes l{fits_int(outer, op, "the number of results"), fits_int(rows, op, "the number of rows") / (folded ? 4 : 1),
                fits_int(columns, op, "the number of columns") / (folded ? 1 : pack), 1, 0, 1, 1, 1, {}, {}, 0, pack, folded};
  while (l.across < l.columns && l.across < most_across) l.across *= 2;
  while (l.across * l.down < kThreads && l.down * 4 < l.rows) l.down *= 2;
  while (l.across * l.down < kThreads && l.across < l.columns) l.across *= 2;
  l.beside = kThreads / (l.across * l.down);
  const int64_t column_blocks = ceil_div(l.columns, l.across), blocks = ceil_div(outer, l.beside) * column_blocks;
  const int64_t wanted = min(ceil_div(wanted_blocks, blocks), int64_t(l.rows / (l.down * least_rows)));
  l.part_rows = int(ceil_div(l.rows, wanted > 1 ? wanted : 1));
  l.parts = l.part_rows ? int(ceil_div(l.rows, l.part_rows)) : 1;
  l.blocks = unsigned(fits_int(blocks * l.parts, op, "the number of blocks"));
  l.column_blocks = Divisor(column_blocks);
  l.part_count = Divisor(l.parts);
  return l;
}
/// Of a reduction: eight blocks for each multiprocessor of a large GPU. A column that a block's lanes walk in fewer than
/// sixteen rows has one part, and so no second launch.
inline ColumnLanes reduction_lanes(int64_t outer, int64_t rows, int64_t columns, const char* op) {
  return column_lanes(outer, rows, columns, true, 1056, 8, 32, op);
}

/// A lane's first element in an array, and the distance from one of its rows to the next.
__device__ __forceinline__ int64_t first_of(const ColumnLanes& lanes, const ColumnPlace& at) {
  return ((int64_t(at.outer) * lanes.rows + at.first_row) * lanes.columns + at.column) * lanes.pack;
}
__device__ __forceinline__ int64_t step_of(const ColumnLanes& lanes) { return int64_t(lanes.down) * lanes.columns * lanes.pack; }

/// Merges the values of a column's lanes, lower rows first, for all of them. Every thread must call.
template <class Value>
__device__ __forceinline__ Value merge_down(const ColumnLanes& lanes, const ColumnPlace& at, const Value& value) {
  WEFT_SHARED(Value, of_lane, [kThreads]);
  const int me = int(threadIdx.x);
  of_lane[me] = value;
  for (int half = lanes.down / 2; half > 0; half /= 2) {
    __syncthreads();
    if (at.lane_down < half) of_lane[me] = merge(of_lane[me], of_lane[me + half * lanes.across]);
  }
  __syncthreads();
  return of_lane[me - at.lane_down * lanes.across];
}

/// The elements of a folded pack as one, lower rows first.
template <template <int> class Value, int kPack>
__device__ __forceinline__ Value<1> fold(const Value<kPack>& v) {
  return merge(merge(v.of(0), v.of(1 % kPack)), merge(v.of(2 % kPack), v.of(3 % kPack)));
}

/// store(index, value) for each column of the pack; `rows` values stand above each other, this one in row `row`.
template <template <int> class Value, int kPack, class Store>
__device__ __forceinline__ void store_columns(const ColumnLanes& lanes, const ColumnPlace& at, int rows, int row,
                                              const Value<kPack>& value, Store&& store) {
  if (!at.inside || at.lane_down != 0) return;
  const int64_t first = (int64_t(at.outer) * rows + row) * lanes.columns + at.column;
  if (lanes.folded) {
    store(first, fold(value));
  } else {
#pragma unroll
    for (int j = 0; j < kPack; ++j) store(first * kPack + j, value.of(j));
  }
}
/// store(column, value) for each outer and column: the merged values of its rows. `values` (outer, rows, columns).
template <class Value, class Store>
__global__ void __launch_bounds__(kThreads) merge_parts_kernel(ColumnLanes lanes, const Value* values, Store store) {
  const ColumnPlace at = place_of(lanes, blockIdx.x);
  Value sum{};
#pragma unroll 4
  for (int row = at.first_row; row < at.end_row; row += lanes.down)
    sum = merge(sum, values[(int64_t(at.outer) * lanes.rows + row) * lanes.columns + at.column]);
  sum = merge_down(lanes, at, sum);
  if (at.inside && at.lane_down == 0) store(int64_t(at.outer) * lanes.columns + at.column, sum);
}
template <class Value, class Store>
void merge_parts(Queue& queue, int64_t outer, int64_t rows, int64_t columns, const Value* values, const Store& store, const char* op) {
  const ColumnLanes lanes = column_lanes(outer, rows, columns, false, 0, 1, 8, op);
  launch<merge_parts_kernel<Value, Store>>(queue, lanes.blocks, kThreads, 0, lanes, values, store);
}

}  // namespace weft::WEFT_BACKEND
