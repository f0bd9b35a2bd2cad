// What the tiled products under matmul and the convolutions share: out (rows, cols) = sum over depth of A(row,d) * B(col,d).
//
// A kernel is written once, over a Core that multiplies one tile a block:
//   gemm_simt.h     fused multiply-adds: precision fp32
//   gemm_tensor.h   mma.sync: precisions 3xtf32, tf32 and bf16
// and over two operands, which say what A and B are: a matrix, or pixels gathered for a convolution (conv_gather.h).
//   static constexpr bool kAlongDepth            do 16 bytes of neighbours lie along the depth, or along the rows?
//   using Element                                float, or __nv_bfloat16
//   Cursor start(int row) const                  what is worked out once for a row (or for the neighbours from it on)
//   void fetch(const Cursor&, int depth, int end, Sink&&) const
//     gives the neighbours at (row, depth) to the sink: all(p) for 16 aligned bytes at once, or one(i, p) for each; null
//     means zero. Nothing exists at or past `end`.
//
// A sum too long for the number of tiles is cut into parts, which a second kernel adds in rising order: no atomics, and
// how many there are follows from the shape alone, so the bits are the same on every device.
#pragma once
#include "moments.h"

namespace weft::WEFT_BACKEND {

template <class Element>
constexpr int kNeighbours = 16 / int(sizeof(Element));

/// A dense matrix: element (row, d) at data[row * pitch + d] if along the depth, else at data[d * pitch + row].
template <class E, bool kAlong>
struct MatrixOperand {
  using Element = E;
  static constexpr bool kAlongDepth = kAlong;
  const E* data;
  int64_t pitch;
  int rows;
  bool aligned;                                 // 16-byte aligned data, pitch and, if across, rows

  struct Cursor {
    const E* at;
    int left;                                   // rows from here on
  };
  __device__ __forceinline__ Cursor start(int row) const {
    return {data + (kAlong ? row * pitch : row), rows - row};
  }
  template <class Sink>
  __device__ __forceinline__ void fetch(const Cursor& c, int depth, int end, Sink&& sink) const {
    constexpr int kWide = kNeighbours<E>;
    const E* p = c.at + (kAlong ? depth : depth * pitch);
    const int count = c.left > 0 && depth < end ? (kAlong ? end - depth : c.left) : 0;
    if (sizeof(E) == 2 || (aligned && (count == 0 || count >= kWide))) {
      sink.all(count > 0 ? p : nullptr);
    } else if constexpr (sizeof(E) == 4) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sink.one(i, i < count ? p + i : nullptr);
    }
  }
};

/// What happens to a result on its way out: + bias[col], LeakyReLU, or added to what is there; and what it is stored as.
struct Epilogue {
  const float* bias = nullptr;
  float slope = 1;
  bool accumulate = false;
  bool bf16 = false;
  Moments<1>* moments = nullptr;                // of each tile's columns, if wanted
};
inline Epilogue epilogue_of(const ConvEpilogue& e, bool bf16) {
  return {static_cast<const float*>(e.bias), float(e.leaky_slope), e.accumulate, bf16, nullptr};
}

/// Stores kRun neighbouring columns of a row, `cols` of which exist. `to`: where the first of them goes.
template <int kRun, class T>
__device__ __forceinline__ void store_run(const Epilogue& epilogue, T* to, int col, int cols, const float* values) {
  float v[kRun];
#pragma unroll
  for (int i = 0; i < kRun; ++i) v[i] = values[i];
  const bool whole = col + kRun <= cols && (reinterpret_cast<uintptr_t>(to) & (sizeof(T) * kRun - 1)) == 0;
  Together<T, kRun> before{};
  if (epilogue.accumulate && whole) before = *reinterpret_cast<Together<T, kRun>*>(to);
#pragma unroll
  for (int i = 0; i < kRun; ++i) {
    if (col + i >= cols) continue;
    if (epilogue.bias) v[i] += epilogue.bias[col + i];
    v[i] = epilogue.accumulate ? widened(whole ? before.e[i] : to[i]) + v[i] : leaky(v[i], epilogue.slope);
    if (!whole) put(to + i, v[i]);
  }
  if (whole) store4<kRun>(to, v);
}

/// The same in the result's type. `row`: where a row's first column lies in `out`, in elements; a negative one does not exist.
template <int kRun>
__device__ __forceinline__ void store_run(const Epilogue& epilogue, void* out, int64_t row, int col, int cols, const float* values) {
  if (row < 0) return;
  if (epilogue.bf16) store_run<kRun>(epilogue, static_cast<__nv_bfloat16*>(out) + row + col, col, cols, values);
  else store_run<kRun>(epilogue, static_cast<float*>(out) + row + col, col, cols, values);
}

/// Stores a block's results; `row_begin(row)` is where a row's first column lies in `out`, in elements, and is asked only for
/// rows that exist.
template <class Core, class RowBegin>
__device__ __forceinline__ void store_results(const typename Core::Results& results, const Epilogue& epilogue, void* out, int first_row,
                                              int rows, int first_col, int cols, RowBegin&& row_begin) {
#pragma unroll
  for (int i = 0; i < Core::kLines; ++i) {
    const int row = first_row + Core::row(i);
    if (row >= rows) continue;
    const int64_t begin = row_begin(row);
#pragma unroll
    for (int j = 0; j < Core::kRuns; ++j) {
      const int col = first_col + Core::col(j);
      if constexpr (Core::kStoresBf16) store_run<Core::kRun>(epilogue, out, begin, col, cols, results.run(i, j));
      else store_run<Core::kRun>(epilogue, static_cast<float*>(out) + begin + col, col, cols, results.run(i, j));
    }
  }
}

/// moments[col] of this block's part of the result. It reads back what the block has just stored, which the caches still have;
/// another kernel would fetch it from memory. `row_begin` as above; every thread of the block must call.
template <class Core, class RowBegin>
__device__ __forceinline__ void tile_moments(Moments<1>* moments, bool bf16, const void* out, int first_row, int rows, int first_col, int cols,
                                             RowBegin&& row_begin) {
  constexpr int kDown = Core::kThreads / Core::kCols;
  static_assert(kDown >= 1 && Core::kThreads % Core::kCols == 0, "every column has its lanes");
  WEFT_SHARED(Moments<1>, of_lane, [Core::kThreads]);
  const int me = int(threadIdx.x), col = first_col + me % Core::kCols, first = first_row + me / Core::kCols;
  const int end = col < cols ? min(rows, first_row + Core::kRows) : 0;
  const auto value = [&](int row) {
    const int64_t at = row_begin(row) + col;
    if (Core::kStoresBf16 && bf16) return widened(static_cast<const __nv_bfloat16*>(out)[at]);
    return static_cast<const float*>(out)[at];
  };
  Moments<1> sum;
  __syncthreads();                              // all of the tile is stored
  for (int row = first; row < end; row += kDown) sum.mean[0] += value(row), sum.count += 1;
  if (sum.count > 0) sum.mean[0] /= sum.count;
  for (int row = first; row < end; row += kDown) {
    const float deviation = value(row) - sum.mean[0];
    sum.m2[0] = fmaf(deviation, deviation, sum.m2[0]);
  }
  of_lane[me] = sum;
  __syncthreads();
  if (me >= Core::kCols || col >= cols) return;
  for (int down = 1; down < kDown; ++down) sum = merge(sum, of_lane[me + down * Core::kCols]);
  moments[col] = sum;
}

/// How the depth is cut. Part number i covers [i * depth, (i + 1) * depth) and stores `size` results.
struct Parts {
  int count, depth;
  int64_t size;
  int64_t moments = 0;                          // of how many columns of tiles, where the depth is not cut
  size_t bytes() const { return count == 1 ? size_t(moments) * sizeof(Moments<1>) : size_t(count * size) * 4; }
};

/// How many tiles a group of the wanted moments has, in one of `products` products of `rows` rows each; 0 where the blocks cannot
/// take them: none are wanted, the depth is cut, or a tile would span two groups.
inline int64_t tiles_of_group(const ConvEpilogue& e, const Parts& parts, int64_t rows, int tile_rows) {
  if (!e.mean || parts.count > 1 || (e.moment_groups > 1 && rows / e.moment_groups % tile_rows != 0)) return 0;
  return ceil_div(rows / e.moment_groups, tile_rows);
}

/// @param blocks  tiles of all products of the launch    @param slice  parts are whole multiples of it, the last one aside
inline Parts parts_of(int64_t blocks, int64_t depth, int64_t size, int slice) {
  constexpr int64_t kLargeGpu = 132, kShortest = 256, kMostBytes = int64_t(64) << 20;   // multiprocessors; depth; workspace
  int64_t wanted = blocks >= kLargeGpu ? 1 : ceil_div(2 * kLargeGpu, blocks);
  wanted = min(min(wanted, ceil_div(depth, kShortest)), size ? kMostBytes / (4 * size) : 1);
  const int part = int(ceil_div(wanted > 1 ? ceil_div(depth, wanted) : depth, slice) * slice);
  return {depth ? int(ceil_div(depth, part)) : 1, part, size};
}

/// out[i] = the epilogue of the sum over the parts of sums[part * size + i]; the column is i % cols.
void finish_parts(Queue& queue, const Parts& parts, const float* sums, const Epilogue& epilogue, int cols, void* out);

/// An array that is multiplied, as it lies in memory.
struct Factor {
  const void* data;
  int64_t size;
  bool bf16;
};
/// A filter, or its rounded copy if bfloat16 is wanted and there is one.
inline Factor factor_of(const Weight& w, int64_t size, bool bf16) {
  return bf16 && w.bf16 ? Factor{w.bf16, size, true} : Factor{w.data, size, false};
}

/// Both factors as a core wants them, and room for the parts.
template <class Element>
struct Factors {
  const Element *a, *b;
  float* sums;                                  // of the parts, or null
  Moments<1>* moments;                          // of the tiles, or null
};
/// What is not of the core's type, or bfloat16 but not 16-byte aligned, is converted into the workspace.
template <class Element>
Factors<Element> factors_of(Queue& queue, const Factor& a, const Factor& b, const Parts& parts);

}  // namespace weft::WEFT_BACKEND
