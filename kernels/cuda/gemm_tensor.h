// The cores of precisions 3xtf32, tf32 and bf16: a tiled product of tensor-core instructions (mma.sync), fed by
// asynchronous copies (cp.async).
//
// A block owns a tile of kRows x kCols results, a warp a part of kWarpRows x kWarpCols of it. The depth is walked in slices of
// 128 bytes (32 floats, 64 bfloat16), kStages of which are in shared memory: while one is multiplied, the next ones are on
// their way. One barrier a slice is enough: behind it, everybody's copies of this slice have landed, and everybody is done
// with the slice before, whose place the next copy takes.
//
// Shared memory holds 16-byte pieces. An operand that lies along the depth has lines [row][128 bytes], else lines
// [depth][kRows]; a piece's place in its line is XORed with bits of the line's number (`turn`), so that eight lines' pieces
// of the same column lie in different banks, for the copies that write and for the instructions that read.
//   along the depth          ldmatrix: its 8 rows of 16 bytes are what a tf32 fragment holds as well, as 8x4 floats
//   across it, bfloat16      ldmatrix.trans
//   across it, float         single loads: there is no transposing ldmatrix for 32 bits
//
//   tf32      factors rounded to nearest (cvt.rna), products of 11-bit factors exact, sums in float32
//   3xtf32    a = high + low, both tf32: low*high + high*low + high*high, about float32's accuracy; low*low is left out
//   bf16      factors are bfloat16 in memory (gemm.cu rounds those that are not), products of 8-bit factors exact, sums in float32
//
// Limit:  on Hopper mma.sync reaches about 63 % of what wgmma does; a 64x64 warp tile reads 16 KiB of shared memory for
//         524,288 multiply-adds (bf16), just below what that needs. Smaller warp tiles are bound by shared memory.
// Sums:   over rising depth, 8 or 16 at a time, so a result does not depend on the tile that was chosen.
// Source: the fragments are those of the PTX manual, section "Matrix multiply-accumulate"; Ootomo & Yokota, "Recovering
//         single precision accuracy from tensor cores", arXiv:2203.03341, for the three products.
#pragma once
#include "gemm.h"

namespace weft::WEFT_BACKEND {

struct Tf32 {
  using Element = float;
  static constexpr bool kStoresBf16 = true;    // of precision bf16, where the factors are no whole pieces
  static constexpr int kWidestWarp = 32;        // 64 columns spilled registers: float pieces need more of them
  template <int I, int J>
  __device__ __forceinline__ static void multiply(float (&d)[I][J][4], uint32_t (&a)[I][4], uint32_t (&b)[J][2]) {
    each(a, b, [](uint32_t& x) { x = to_tf32(__uint_as_float(x)); });
    mma_tf32(d, a, b);
  }
  template <int I, int J, class F>
  __device__ __forceinline__ static void each(uint32_t (&a)[I][4], uint32_t (&b)[J][2], F&& f) {
#pragma unroll
    for (int i = 0; i < I * 4; ++i) f(a[i / 4][i % 4]);
#pragma unroll
    for (int j = 0; j < J * 2; ++j) f(b[j / 2][j % 2]);
  }
};

struct Tf32x3 {
  using Element = float;
  static constexpr bool kStoresBf16 = false;
  static constexpr int kWidestWarp = 32;
  template <int I, int J>
  __device__ __forceinline__ static void multiply(float (&d)[I][J][4], uint32_t (&a)[I][4], uint32_t (&b)[J][2]) {
    uint32_t low_a[I][4], low_b[J][2];
#pragma unroll
    for (int i = 0; i < I * 4; ++i) split(a[i / 4][i % 4], low_a[i / 4][i % 4]);
#pragma unroll
    for (int j = 0; j < J * 2; ++j) split(b[j / 2][j % 2], low_b[j / 2][j % 2]);
    mma_tf32(d, low_a, b);
    mma_tf32(d, a, low_b);
    mma_tf32(d, a, b);
  }
  __device__ __forceinline__ static void split(uint32_t& x, uint32_t& low) {   // an infinity ends as NaN
    const float whole = __uint_as_float(x);
    x = to_tf32(whole);
    low = to_tf32(whole - __uint_as_float(x));
  }
};

struct Bf16 {
  using Element = __nv_bfloat16;
  static constexpr bool kStoresBf16 = true;
  static constexpr int kWidestWarp = 64;
  template <int I, int J>
  __device__ __forceinline__ static void multiply(float (&d)[I][J][4], uint32_t (&a)[I][4], uint32_t (&b)[J][2]) {
    mma_bf16(d, a, b);
  }
};

/// The sink that sends neighbours to shared memory in the background.
template <class E>
struct ToShared {
  E* to;
  __device__ __forceinline__ void all(const E* p) const { copy_async<16>(to, p); }
  __device__ __forceinline__ void one(int i, const E* p) const { copy_async<4>(to + i, p); }   // bfloat16 comes in whole pieces
};

/// One operand's slice in shared memory: where pieces go, and how fragments are read.
template <class E, bool kAlong, int kSide>
struct Slice {
  static constexpr int kWide = kNeighbours<E>, kDepth = 8 * kWide;
  static constexpr int kAcross = kAlong ? 8 : kSide / kWide;    // pieces in a line
  static constexpr int kElements = kSide * kDepth;

  __device__ __forceinline__ static int turn(int line) {
    if (kAlong) return line & 7;
    if (sizeof(E) == 4) return kAcross >= 8 ? (line & 3) * 2 : (line >> 1 & 1) * 2;
    return kAcross >= 8 ? line & 7 : line >> 2 & 1;
  }
  __device__ __forceinline__ static int place(int line, int piece) { return (line * kAcross + (piece ^ turn(line))) * kWide; }

  /// Two neighbouring groups of eight rows from `row` on, over one instruction's depth (`step` of 4 in the slice): r[0], r[1]
  /// are the groups' first half of that depth, r[2], r[3] its second half.
  __device__ __forceinline__ static void read(const E* slice, int row, int step, uint32_t (&r)[4]) {
    const int lane = int(threadIdx.x) % 32;
    if constexpr (kAlong) {
      ldmatrix<4>(r, slice + place(row + lane % 16, step * 2 + lane / 16));
    } else if constexpr (sizeof(E) == 2) {
      ldmatrix<4, true>(r, slice + place(step * 16 + lane % 8 + lane / 16 * 8, row / 8 + lane / 8 % 2));
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = row + i % 2 * 8 + lane / 4;
        r[i] = __float_as_uint(slice[place(step * 8 + i / 2 * 4 + lane % 4, at / 4) + at % 4]);
      }
    }
  }
};

template <class Math, int kRows_, int kCols_, int kWarpRows, int kWarpCols, int kStages>
struct TensorCore {
  using Element = typename Math::Element;
  static constexpr int kRows = kRows_, kCols = kCols_, kDepth = 8 * kNeighbours<Element>;
  static constexpr int kWarpsAcross = kCols / kWarpCols, kThreads = 32 * (kRows / kWarpRows) * kWarpsAcross;
  static constexpr int kTilesDown = kWarpRows / 16, kTilesAcross = kWarpCols / 8;       // of 16x8 results
  static constexpr size_t kSharedBytes = size_t(kStages) * (kRows + kCols) * 128;
  static constexpr bool kStoresBf16 = Math::kStoresBf16;
  static_assert(kRows * 8 % kThreads == 0 && kCols * 8 % kThreads == 0 && kTilesAcross % 2 == 0, "every thread copies alike");

  struct Results {
    float sum[kTilesDown][kTilesAcross][4] = {};
    __device__ __forceinline__ const float* run(int i, int j) const { return &sum[i / 2][j][i % 2 * 2]; }
  };
  static constexpr int kLines = kTilesDown * 2, kRuns = kTilesAcross, kRun = 2;
  __device__ __forceinline__ static int warp_row() { return int(threadIdx.x) / 32 / kWarpsAcross * kWarpRows; }
  __device__ __forceinline__ static int warp_col() { return int(threadIdx.x) / 32 % kWarpsAcross * kWarpCols; }
  __device__ __forceinline__ static int row(int i) { return warp_row() + i * 8 + int(threadIdx.x) % 32 / 4; }
  __device__ __forceinline__ static int col(int j) { return warp_col() + j * 8 + int(threadIdx.x) % 4 * 2; }

  /// One operand's way from global to shared memory. All of a thread's pieces share their column: its depth if along.
  template <class Operand, int kSide>
  struct Loader {
    using Tile = Slice<Element, Operand::kAlongDepth, kSide>;
    static constexpr int kPasses = kSide * 8 / kThreads, kLinesAPass = kThreads / Tile::kAcross;
    typename Operand::Cursor cursor[Operand::kAlongDepth ? kPasses : 1];
    Element* stages;

    __device__ __forceinline__ static int piece() { return int(threadIdx.x) % Tile::kAcross; }
    __device__ __forceinline__ static int line(int pass) { return int(threadIdx.x) / Tile::kAcross + pass * kLinesAPass; }
    __device__ __forceinline__ Loader(const Operand& o, int first_row, Element* to) : stages(to) {
      if constexpr (Operand::kAlongDepth) {
#pragma unroll
        for (int pass = 0; pass < kPasses; ++pass) cursor[pass] = o.start(first_row + line(pass));
      } else {
        cursor[0] = o.start(first_row + piece() * Tile::kWide);
      }
    }
    __device__ __forceinline__ void copy(const Operand& o, int stage, int depth, int end) const {
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) {
        const ToShared<Element> sink{stages + stage * Tile::kElements + Tile::place(line(pass), piece())};
        if constexpr (Operand::kAlongDepth) o.fetch(cursor[pass], depth + piece() * Tile::kWide, end, sink);
        else o.fetch(cursor[0], depth + line(pass), end, sink);
      }
    }
  };

  /// results = this block's part of the product over depth [begin, end); every thread of the block must call.
  template <class A, class B>
  __device__ __forceinline__ static void multiply(const A& a, const B& b, int first_row, int first_col, int begin, int end, Results& results) {
    using SliceA = Slice<Element, A::kAlongDepth, kRows>;
    using SliceB = Slice<Element, B::kAlongDepth, kCols>;
    SharedCarver carve;
    auto* a_stages = carve.template take<Element>(kStages * SliceA::kElements, "a_stages");
    auto* b_stages = carve.template take<Element>(kStages * SliceB::kElements, "b_stages");
    const Loader<A, kRows> from_a(a, first_row, a_stages);
    const Loader<B, kCols> from_b(b, first_col, b_stages);
    const int slices = (end - begin + kDepth - 1) / kDepth;
    const auto copy_slice = [&](int slice) {    // beyond the last one an empty group keeps the count
      if (slice < slices) {
        from_a.copy(a, slice % kStages, begin + slice * kDepth, end);
        from_b.copy(b, slice % kStages, begin + slice * kDepth, end);
      }
      copy_async_commit();
    };
#pragma unroll
    for (int slice = 0; slice < kStages - 1; ++slice) copy_slice(slice);
    for (int slice = 0; slice < slices; ++slice) {
      copy_async_wait<kStages - 2>();
      __syncthreads();
      copy_slice(slice + kStages - 1);
      const Element *a_slice = a_stages + slice % kStages * SliceA::kElements, *b_slice = b_stages + slice % kStages * SliceB::kElements;
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        uint32_t fragment_a[kTilesDown][4], fragment_b[kTilesAcross][2];
#pragma unroll
        for (int i = 0; i < kTilesDown; ++i) SliceA::read(a_slice, warp_row() + i * 16, step, fragment_a[i]);
#pragma unroll
        for (int j = 0; j < kTilesAcross; j += 2) {
          uint32_t two[4];
          SliceB::read(b_slice, warp_col() + j * 8, step, two);
          fragment_b[j][0] = two[0], fragment_b[j][1] = two[2], fragment_b[j + 1][0] = two[1], fragment_b[j + 1][1] = two[3];
        }
        Math::multiply(results.sum, fragment_a, fragment_b);
      }
    }
  }
};

/// Calls f(core) with the core for this shape.
template <class Math, class F>
void with_tensor_core(int64_t rows, int64_t cols, F&& f) {
  if (cols <= 16) f(TensorCore<Math, 128, 16, 32, 16, 4>{});            // few filters: 128 threads, 72 KiB
  else if (rows <= 64) f(TensorCore<Math, 64, 64, 32, 32, 4>{});        // few rows: 128 threads, 64 KiB
  else if (cols <= 64) f(TensorCore<Math, 128, 64, 64, 32, 3>{});       // 128 threads, 72 KiB
  else f(TensorCore<Math, 128, 128, 64, Math::kWidestWarp, 3>{});       // 128 or 256 threads, 96 KiB
}

}  // namespace weft::WEFT_BACKEND
