// The tiled matrix product under matmul and the convolutions: out (rows, cols) = sum over depth of A(row,d) * B(col,d).
//
// A block owns a tile of kRows x kCols results and walks the depth in slices of kDepth. Slices of A and B are staged in
// shared memory, two deep: while slice t is multiplied, slice t+1 travels from global memory into registers. A thread owns
// patches of 4x4 results in registers, half a tile apart where it has several, so that a warp's reads of shared memory are
// 16 bytes wide and free of bank conflicts.
//
// What A and B are is the operand's business: a matrix, or pixels gathered for a convolution (conv_gather.h). An operand is
//   static constexpr bool kAlongDepth                     four neighbours lie along the depth, or along the rows?
//   Cursor start(int row) const                           what is worked out once for a row (or four of them)
//   void fetch(const Cursor&, int depth, int end, float (&v)[4]) const     four neighbours; 0 outside
//
// Limit:  2*rows*cols*depth FLOPs. Each slice reads (kRows + kCols) * kDepth floats from global memory for
//         2 * kRows * kCols * kDepth FLOPs: 32 FLOPs a float in the 64x64 tile, 64 in the 128x128 one.
// Sums:   over rising depth in one fused multiply-add chain, so a result does not depend on the tile that was chosen.
#pragma once
#include "indexing.h"

namespace weft::WEFT_BACKEND {

template <int kRows_, int kCols_, int kDepth_, int kPatchRows_, int kPatchCols_>
struct Tile {
  static constexpr int kRows = kRows_, kCols = kCols_, kDepth = kDepth_;
  static constexpr int kPatchRows = kPatchRows_, kPatchCols = kPatchCols_;      // results of one thread, multiples of 4
  static constexpr int kThreadsAcross = kCols / kPatchCols, kThreads = kRows / kPatchRows * kThreadsAcross;
};
using WideTile = Tile<128, 128, 8, 8, 8>;       // 256 threads
using SquareTile = Tile<64, 64, 16, 4, 4>;      // 256 threads
using NarrowTile = Tile<128, 16, 16, 4, 4>;     // 128 threads: few filters, as in a layer that makes an RGB image

/// Calls f(tile) with the tile for this shape; `others` is how many such products run beside each other.
template <class F>
void with_tile(int64_t rows, int64_t cols, int64_t others, F&& f) {
  const int64_t wide_blocks = ceil_div(rows, WideTile::kRows) * ceil_div(cols, WideTile::kCols) * others;
  if (cols <= 16) {
    f(NarrowTile{});
  } else if (cols > 64 && wide_blocks >= 132) {   // 132: the multiprocessors of a large GPU
    f(WideTile{});
  } else {
    f(SquareTile{});
  }
}

/// A dense matrix: element (row, d) at data[row * pitch + d] if along the depth, else at data[d * pitch + row].
template <bool kAlong>
struct MatrixOperand {
  static constexpr bool kAlongDepth = kAlong;
  const float* data;
  int64_t pitch;
  int rows;
  bool vector;                                  // 16-byte aligned data and pitch

  struct Cursor {
    const float* at;
    int left;                                   // rows from here on
  };
  __device__ __forceinline__ Cursor start(int row) const {
    return {data + (kAlong ? row * pitch : row), max(rows - row, 0)};
  }
  __device__ __forceinline__ void fetch(const Cursor& c, int depth, int end, float (&v)[4]) const {
    const float* p = c.at + (kAlong ? depth : depth * pitch);
    const int count = kAlong ? (c.left ? end - depth : 0) : (depth < end ? c.left : 0);
    if (vector && count >= 4) {
      load4(p, v);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) v[i] = i < count ? p[i] : 0.0f;
    }
  }
};

/// One operand's way from global memory to its shared tile[depth][row], in pieces of four elements a thread.
template <class Operand, int kRows, class T>
struct TileLoader {
  static constexpr int kPieces = kRows * T::kDepth / 4, kPasses = (kPieces + T::kThreads - 1) / T::kThreads;
  static constexpr int kAcross = Operand::kAlongDepth ? T::kDepth / 4 : kRows / 4;
  typename Operand::Cursor cursor[kPasses];
  float value[kPasses][4] = {};

  __device__ __forceinline__ static int piece(int pass) { return pass * T::kThreads + int(threadIdx.x); }
  __device__ __forceinline__ static int row_of(int p) { return Operand::kAlongDepth ? p / kAcross : p % kAcross * 4; }
  __device__ __forceinline__ static int depth_of(int p) { return Operand::kAlongDepth ? p % kAcross * 4 : p / kAcross; }

  __device__ __forceinline__ void start(const Operand& o, int first_row) {
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) cursor[pass] = o.start(first_row + row_of(piece(pass)));
  }
  __device__ __forceinline__ void fetch(const Operand& o, int depth, int end) {
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass)
      if (kPieces % T::kThreads == 0 || piece(pass) < kPieces)
        o.fetch(cursor[pass], depth + depth_of(piece(pass)), end, value[pass]);
  }
  __device__ __forceinline__ void store(float (&tile)[T::kDepth][kRows + 4]) const {
#pragma unroll
    for (int pass = 0; pass < kPasses; ++pass) {
      const int p = piece(pass), row = row_of(p), depth = depth_of(p);
      if (kPieces % T::kThreads != 0 && p >= kPieces) continue;
      if (Operand::kAlongDepth) {
#pragma unroll
        for (int i = 0; i < 4; ++i) tile[depth + i][row] = value[pass][i];
      } else {
        store4(&tile[depth][row], value[pass]);
      }
    }
  }
};

/// A thread's results, and where they stand in the tile.
template <class T>
struct Patch {
  float sum[T::kPatchRows][T::kPatchCols] = {};
  __device__ __forceinline__ static int row(int i) {
    return i / 4 * (T::kRows / (T::kPatchRows / 4)) + int(threadIdx.x) / T::kThreadsAcross * 4 + i % 4;
  }
  __device__ __forceinline__ static int col(int j) {
    return j / 4 * (T::kCols / (T::kPatchCols / 4)) + int(threadIdx.x) % T::kThreadsAcross * 4 + j % 4;
  }
};

/// patch = this block's part of the product over depth [begin, end); every thread of the block must call.
template <class T, class A, class B>
__device__ __forceinline__ void multiply_tiles(const A& a, const B& b, int first_row, int first_col, int begin, int end,
                                               Patch<T>& patch) {
  WEFT_SHARED(float, a_tile, [2][T::kDepth][T::kRows + 4]);
  WEFT_SHARED(float, b_tile, [2][T::kDepth][T::kCols + 4]);
  TileLoader<A, T::kRows, T> from_a;
  TileLoader<B, T::kCols, T> from_b;
  from_a.start(a, first_row);
  from_b.start(b, first_col);
  from_a.fetch(a, begin, end);
  from_b.fetch(b, begin, end);
  from_a.store(a_tile[0]);
  from_b.store(b_tile[0]);
  __syncthreads();
  int stage = 0;
  for (int depth = begin; depth < end; depth += T::kDepth, stage ^= 1) {
    const bool more = depth + T::kDepth < end;
    if (more) {
      from_a.fetch(a, depth + T::kDepth, end);
      from_b.fetch(b, depth + T::kDepth, end);
    }
#pragma unroll
    for (int d = 0; d < T::kDepth; ++d) {
      float va[T::kPatchRows], vb[T::kPatchCols];
#pragma unroll
      for (int i = 0; i < T::kPatchRows; i += 4) load4(&a_tile[stage][d][Patch<T>::row(i)], reinterpret_cast<float(&)[4]>(va[i]));
#pragma unroll
      for (int j = 0; j < T::kPatchCols; j += 4) load4(&b_tile[stage][d][Patch<T>::col(j)], reinterpret_cast<float(&)[4]>(vb[j]));
#pragma unroll
      for (int i = 0; i < T::kPatchRows; ++i)
#pragma unroll
        for (int j = 0; j < T::kPatchCols; ++j) patch.sum[i][j] = fmaf(va[i], vb[j], patch.sum[i][j]);
    }
    if (more) {                                 // into the stage that everybody finished with before the last barrier
      from_a.store(a_tile[stage ^ 1]);
      from_b.store(b_tile[stage ^ 1]);
    }
    __syncthreads();
  }
}

/// What happens to a result on its way out: + bias[col], LeakyReLU, or added to what is there.
struct Epilogue {
  const float* bias = nullptr;
  float slope = 1;
  bool accumulate = false;
};

/// Stores the block's part; `row_address(row)` is where a row's first column lies, and is asked only for rows that exist.
template <class T, class RowAddress>
__device__ __forceinline__ void store_patch(const Patch<T>& patch, const Epilogue& epilogue, int first_row, int rows,
                                            int first_col, int cols, RowAddress&& row_address) {
#pragma unroll
  for (int i = 0; i < T::kPatchRows; ++i) {
    const int row = first_row + patch.row(i);
    if (row >= rows) continue;
    float* out = row_address(row);
#pragma unroll
    for (int j = 0; j < T::kPatchCols; ++j) {
      const int col = first_col + patch.col(j);
      if (col >= cols) continue;
      float v = patch.sum[i][j];
      if (epilogue.bias) v += epilogue.bias[col];
      out[col] = epilogue.accumulate ? out[col] + v : leaky(v, epilogue.slope);
    }
  }
}

}  // namespace weft::WEFT_BACKEND
