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
#include "indexing.h"

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

/// What happens to a result on its way out: + bias[col], LeakyReLU, or added to what is there.
struct Epilogue {
  const float* bias = nullptr;
  float slope = 1;
  bool accumulate = false;
};
inline Epilogue epilogue_of(const ConvEpilogue& e) { return {static_cast<const float*>(e.bias), float(e.leaky_slope), e.accumulate}; }

/// Stores kRun neighbouring columns of a row, `cols` of which exist.
template <int kRun>
__device__ __forceinline__ void store_run(const Epilogue& epilogue, float* row, int col, int cols, const float* values) {
  float v[kRun];
#pragma unroll
  for (int i = 0; i < kRun; ++i) v[i] = values[i];
  struct __align__(4 * kRun) Run { float f[kRun]; };
  float* to = row + col;
  const bool whole = col + kRun <= cols && (reinterpret_cast<uintptr_t>(to) & (4 * kRun - 1)) == 0;
  Run before{};
  if (epilogue.accumulate && whole) before = *reinterpret_cast<Run*>(to);
#pragma unroll
  for (int i = 0; i < kRun; ++i) {
    if (col + i >= cols) continue;
    if (epilogue.bias) v[i] += epilogue.bias[col + i];
    v[i] = epilogue.accumulate ? (whole ? before.f[i] : to[i]) + v[i] : leaky(v[i], epilogue.slope);
    if (!whole) to[i] = v[i];
  }
  if (!whole) return;
#pragma unroll
  for (int i = 0; i < kRun; ++i) before.f[i] = v[i];
  *reinterpret_cast<Run*>(to) = before;
}

/// Stores a block's results; `row_address(row)` is where a row's first column lies, and is asked only for rows that exist.
template <class Core, class RowAddress>
__device__ __forceinline__ void store_results(const typename Core::Results& results, const Epilogue& epilogue, int first_row, int rows,
                                              int first_col, int cols, RowAddress&& row_address) {
#pragma unroll
  for (int i = 0; i < Core::kLines; ++i) {
    const int row = first_row + Core::row(i);
    if (row >= rows) continue;
    float* out = row_address(row);
#pragma unroll
    for (int j = 0; j < Core::kRuns; ++j) store_run<Core::kRun>(epilogue, out, first_col + Core::col(j), cols, results.run(i, j));
  }
}

/// How the depth is cut. Part number i covers [i * depth, (i + 1) * depth) and stores `size` results.
struct Parts {
  int count, depth;
  int64_t size;
  size_t bytes() const { return count == 1 ? 0 : size_t(count * size) * 4; }
};

/// @param blocks  tiles of all products of the launch    @param slice  parts are whole multiples of it, the last one aside
inline Parts parts_of(int64_t blocks, int64_t depth, int64_t size, int slice) {
  constexpr int64_t kLargeGpu = 132, kShortest = 256, kMostBytes = int64_t(64) << 20;   // multiprocessors; depth; workspace
  int64_t wanted = blocks >= kLargeGpu ? 1 : ceil_div(2 * kLargeGpu, blocks);
  wanted = min(min(wanted, ceil_div(depth, kShortest)), size ? kMostBytes / (4 * size) : 1);
  const int part = int(ceil_div(wanted > 1 ? ceil_div(depth, wanted) : depth, slice) * slice);
  return {depth ? int(ceil_div(depth, part)) : 1, part, size};
}

/// out[i] = the epilogue of the sum over the parts of sums[part * size + i]; the column is i % cols.
void finish_parts(Queue& queue, const Parts& parts, const float* sums, const Epilogue& epilogue, int cols, float* out);

/// Both factors as a core wants them, and room for the parts.
template <class Element>
struct Factors {
  const Element *a, *b;
  float* sums;
};
/// bf16 precision rounds the factors into the workspace; the others take them as they are.
template <class Element>
Factors<Element> factors_of(Queue& queue, const void* a, int64_t a_size, const void* b, int64_t b_size, const Parts& parts);

}  // namespace weft::WEFT_BACKEND
