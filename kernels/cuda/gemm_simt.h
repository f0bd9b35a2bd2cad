// The core of precision fp32: a tiled product of fused multiply-adds.
//
// A block owns a tile of kRows x kCols results and walks the depth in slices of kDepth. Slices of A and B are staged in
// shared memory, two deep: while slice t is multiplied, slice t+1 travels from global memory into registers. A thread owns
// patches of 4x4 results in registers, half a tile apart where it has several, so that a warp's reads of shared memory are
// 16 bytes wide and free of bank conflicts.
//
// Limit:  2*rows*cols*depth FLOPs. Each slice reads (kRows + kCols) * kDepth floats from global memory for
//         2 * kRows * kCols * kDepth FLOPs: 32 FLOPs a float in the 64x64 tile, 64 in the 128x128 one.
// Sums:   over rising depth in one fused multiply-add chain, so a result does not depend on the tile that was chosen.
// Source: S. Boehm, "How to optimize a CUDA matmul kernel for cuBLAS-like performance", 2022, for the kind of tiling.
#pragma once
#include "gemm.h"

namespace weft::WEFT_BACKEND {

/// The sink that puts four neighbours into registers.
struct ToRegisters {
  float (&v)[4];
  __device__ __forceinline__ void all(const float* p) const {
    if (p) load4(p, v);
    else v[0] = v[1] = v[2] = v[3] = 0.0f;
  }
  __device__ __forceinline__ void one(int i, const float* p) const { v[i] = p ? *p : 0.0f; }
};

template <int kRows_, int kCols_, int kDepth_, int kPatchRows_, int kPatchCols_>
struct SimtCore {
  using Element = float;
  static constexpr int kRows = kRows_, kCols = kCols_, kDepth = kDepth_;
  static constexpr int kPatchRows = kPatchRows_, kPatchCols = kPatchCols_;      // results of one thread, multiples of 4
  static constexpr int kThreadsAcross = kCols / kPatchCols, kThreads = kRows / kPatchRows * kThreadsAcross;
  static constexpr size_t kSharedBytes = 0;     // what there is, is static
  static constexpr bool kStoresBf16 = false;

  struct Results {
    float sum[kPatchRows][kPatchCols] = {};
    __device__ __forceinline__ const float* run(int i, int j) const { return &sum[i][j * 4]; }
  };
  static constexpr int kLines = kPatchRows, kRuns = kPatchCols / 4, kRun = 4;
  __device__ __forceinline__ static int row(int i) {
    return i / 4 * (kRows / (kPatchRows / 4)) + int(threadIdx.x) / kThreadsAcross * 4 + i % 4;
  }
  __device__ __forceinline__ static int col(int j) {    // of run number j
    return j * (kCols / kRuns) + int(threadIdx.x) % kThreadsAcross * 4;
  }

  /// One operand's way from global memory to its shared tile[depth][row], in pieces of four elements a thread.
  template <class Operand, int kSide>
  struct Loader {
    static constexpr int kPieces = kSide * kDepth / 4, kPasses = (kPieces + kThreads - 1) / kThreads;
    static constexpr int kAcross = Operand::kAlongDepth ? kDepth / 4 : kSide / 4;
    typename Operand::Cursor cursor[kPasses];
    float value[kPasses][4] = {};

    __device__ __forceinline__ static int piece(int pass) { return pass * kThreads + int(threadIdx.x); }
    __device__ __forceinline__ static int row_of(int p) { return Operand::kAlongDepth ? p / kAcross : p % kAcross * 4; }
    __device__ __forceinline__ static int depth_of(int p) { return Operand::kAlongDepth ? p % kAcross * 4 : p / kAcross; }

    __device__ __forceinline__ void start(const Operand& o, int first_row) {
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) cursor[pass] = o.start(first_row + row_of(piece(pass)));
    }
    __device__ __forceinline__ void fetch(const Operand& o, int depth, int end) {
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass)
        if (kPieces % kThreads == 0 || piece(pass) < kPieces)
          o.fetch(cursor[pass], depth + depth_of(piece(pass)), end, ToRegisters{value[pass]});
    }
    __device__ __forceinline__ void store(float (&tile)[kDepth][kSide + 4]) const {
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        const int p = piece(pass), row = row_of(p), depth = depth_of(p);
        if (kPieces % kThreads != 0 && p >= kPieces) continue;
        if (Operand::kAlongDepth) {
#pragma unroll
          for (int i = 0; i < 4; ++i) tile[depth + i][row] = value[pass][i];
        } else {
          store4(&tile[depth][row], value[pass]);
        }
      }
    }
  };

  /// results = this block's part of the product over depth [begin, end); every thread of the block must call.
  template <class A, class B>
  __device__ __forceinline__ static void multiply(const A& a, const B& b, int first_row, int first_col, int begin, int end, Results& results) {
    WEFT_SHARED(float, a_tile, [2][kDepth][kRows + 4]);
    WEFT_SHARED(float, b_tile, [2][kDepth][kCols + 4]);
    Loader<A, kRows> from_a;
    Loader<B, kCols> from_b;
    from_a.start(a, first_row);
    from_b.start(b, first_col);
    from_a.fetch(a, begin, end);
    from_b.fetch(b, begin, end);
    from_a.store(a_tile[0]);
    from_b.store(b_tile[0]);
    __syncthreads();
    int stage = 0;
    for (int depth = begin; depth < end; depth += kDepth, stage ^= 1) {
      const bool more = depth + kDepth < end;
      if (more) {
        from_a.fetch(a, depth + kDepth, end);
        from_b.fetch(b, depth + kDepth, end);
      }
#pragma unroll
      for (int d = 0; d < kDepth; ++d) {
        float va[kPatchRows], vb[kPatchCols];
#pragma unroll
        for (int i = 0; i < kPatchRows; i += 4) load4(&a_tile[stage][d][row(i)], reinterpret_cast<float(&)[4]>(va[i]));
#pragma unroll
        for (int j = 0; j < kRuns; ++j) load4(&b_tile[stage][d][col(j)], reinterpret_cast<float(&)[4]>(vb[j * 4]));
#pragma unroll
        for (int i = 0; i < kPatchRows; ++i)
#pragma unroll
          for (int j = 0; j < kPatchCols; ++j) results.sum[i][j] = fmaf(va[i], vb[j], results.sum[i][j]);
      }
      if (more) {                               // into the stage that everybody finished with before the last barrier
        from_a.store(a_tile[stage ^ 1]);
        from_b.store(b_tile[stage ^ 1]);
      }
      __syncthreads();
    }
  }
};

/// Calls f(core) with the core for this shape; `others` is how many such products run beside each other.
template <class F>
void with_simt_core(int64_t rows, int64_t cols, int64_t others, F&& f) {
  using Wide = SimtCore<128, 128, 8, 8, 8>;     // 256 threads
  using Square = SimtCore<64, 64, 16, 4, 4>;    // 256 threads
  using Narrow = SimtCore<128, 16, 16, 4, 4>;   // 128 threads: few filters, as in a layer that makes an RGB image
  const int64_t wide_blocks = ceil_div(rows, Wide::kRows) * ceil_div(cols, Wide::kCols) * others;
  if (cols <= 16) {
    f(Narrow{});
  } else if (cols > 64 && wide_blocks >= 132) {   // 132: the multiprocessors of a large GPU
    f(Wide{});
  } else {
    f(Square{});
  }
}

}  // namespace weft::WEFT_BACKEND
