// kernels/cuda/gather.cu: weighted rows by index, and the adjoint.
//
//   gather        y[i,:]     = sum over t of weight[i,t] * table[index[i,t],:]                              index -1 reads 0
//   scatter_add   table[j,:] = sum over (i,t) with index[i,t] == j of weight[i,t] * x[i,:], in rising (i,t)
//
//   index (rows, taps) int32   weight (rows, taps) or null for 1   table (table_rows, columns)   x, y (rows, columns)
//
// Work:   gather: one thread an element of y, or four neighbours of a row where 16-byte accesses can be had. scatter_add must add in a fixed order, so float atomics are out: the entries
//         (i,t) are first sorted by index with a stable radix sort, four bits a pass, and then one thread an element of
//         the table walks its own entries, found by binary search. A pass: each thread counts the digits of a run of
//         entries; the counts of all runs are scanned, digit by digit; each thread puts its run where the scan says.
// Limit:  memory. The sort reads the index and moves 4 bytes an entry in each pass, and there are log16(table_rows)
//         passes: max pooling's backward pass pays more for it than for the sum. Workspace: 8 bytes an entry.
// Twin:   kernels/reference; equal bit for bit, since the order of the sum is part of the contract.
// Source: Blelloch, "Prefix sums and their applications", 1990, for sorting by scans.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

constexpr uint32_t kDigits = 16, kRun = 16;     // entries a thread sorts in one pass

/// sum += row, times *weight if there is one
template <int kPack>
__device__ __forceinline__ void add_row(float (&sum)[kPack], const float* row, const float* weight) {
  const float factor = weight ? *weight : 1.0f;
  float v[kPack];
  load_pack(row, true, v);
#pragma unroll
  for (int k = 0; k < kPack; ++k) sum[k] += factor * v[k];
}

template <int kPack>
__global__ void __launch_bounds__(kThreads) gather_kernel(GatherProblem p, Divisor packs, int count, const float* table,
                                                          const int32_t* index, const float* weight, float* y) {
  for (uint32_t to = blockIdx.x * blockDim.x + threadIdx.x; to < uint32_t(count); to += gridDim.x * blockDim.x) {
    uint32_t pack;
    const int64_t row = packs.split(to, &pack);
    float sum[kPack] = {};
    for (int64_t entry = row * p.taps; entry < (row + 1) * p.taps; ++entry) {
      const int64_t from = index[entry];
      if (from >= 0) add_row(sum, table + from * p.columns + pack * kPack, weight ? weight + entry : nullptr);
    }
    store_pack(y + int64_t(to) * kPack, true, sum);
  }
}

/// An entry that adds nowhere sorts behind all others.
__device__ __forceinline__ uint32_t key_of(const int32_t* index, int32_t entry, uint32_t table_rows) {
  return index[entry] < 0 ? table_rows : uint32_t(index[entry]);
}
struct Pass {
  const int32_t* index;
  const int32_t* order;                         // entries as the last pass left them, or null for 0, 1, 2, ...
  uint32_t table_rows, entries, runs;
  int shift;
  __device__ __forceinline__ int32_t entry(uint32_t i) const { return order ? order[i] : int32_t(i); }
  __device__ __forceinline__ uint32_t digit(int32_t e) const { return key_of(index, e, table_rows) >> shift & (kDigits - 1); }
};

/// counts[digit][run], by the thread that owns the run
__global__ void __launch_bounds__(kThreads) count_digits_kernel(Pass pass, uint32_t* counts) {
  const uint32_t run = blockIdx.x * blockDim.x + threadIdx.x;
  if (run >= pass.runs) return;
  uint32_t count[kDigits] = {};
  for (uint32_t i = run * kRun; i < min(run * kRun + kRun, pass.entries); ++i) {
    const uint32_t digit = pass.digit(pass.entry(i));
#pragma unroll
    for (uint32_t d = 0; d < kDigits; ++d) count[d] += digit == d;     // in registers: no address depends on the digit
  }
  for (uint32_t d = 0; d < kDigits; ++d) counts[uint64_t(d) * pass.runs + run] = count[d];
}

/// Exclusive sums within each piece of kThreads * kRun values, and each piece's total.
__global__ void __launch_bounds__(kThreads) scan_pieces_kernel(uint32_t* values, uint64_t n, uint32_t* totals) {
  WEFT_SHARED(uint32_t, sums, [2][kThreads]);
  const uint64_t first = (uint64_t(blockIdx.x) * kThreads + threadIdx.x) * kRun;
  uint32_t own = 0;
  for (uint32_t i = 0; i < kRun; ++i) own += first + i < n ? values[first + i] : 0;
  int now = 0;
  sums[0][threadIdx.x] = own;
  for (unsigned step = 1; step < kThreads; step *= 2, now ^= 1) {
    __syncthreads();
    sums[now ^ 1][threadIdx.x] = sums[now][threadIdx.x] + (threadIdx.x >= step ? sums[now][threadIdx.x - step] : 0);
  }
  const uint32_t total = sums[now][threadIdx.x];  // inclusive, of this thread and those before it
  uint32_t before = total - own;
  for (uint32_t i = 0; i < kRun; ++i) {
    if (first + i >= n) break;
    const uint32_t value = values[first + i];
    values[first + i] = before;
    before += value;
  }
  if (threadIdx.x == kThreads - 1) totals[blockIdx.x] = total;
}

__global__ void __launch_bounds__(kThreads) add_totals_kernel(uint32_t* values, uint64_t n, const uint32_t* totals) {
  for (uint64_t i = uint64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += uint64_t(gridDim.x) * blockDim.x)
    values[i] += totals[i / (kThreads * kRun)];
}

__global__ void __launch_bounds__(kThreads) place_entries_kernel(Pass pass, const uint32_t* starts, int32_t* sorted) {
  const uint32_t run = blockIdx.x * blockDim.x + threadIdx.x;
  if (run >= pass.runs) return;
  uint32_t at[kDigits];
  for (uint32_t d = 0; d < kDigits; ++d) at[d] = starts[uint64_t(d) * pass.runs + run];
  for (uint32_t i = run * kRun; i < min(run * kRun + kRun, pass.entries); ++i) {
    const int32_t entry = pass.entry(i);
    const uint32_t digit = pass.digit(entry);
#pragma unroll
    for (uint32_t d = 0; d < kDigits; ++d)
      if (digit == d) sorted[at[d]++] = entry;
  }
}

template <int kPack>
__global__ void __launch_bounds__(kThreads) sum_entries_kernel(GatherProblem p, Divisor packs, Divisor taps, int count, const float* x,
                                                               const int32_t* index, const float* weight, const int32_t* sorted,
                                                               float* table) {
  const uint32_t entries = uint32_t(p.rows * p.taps), table_rows = uint32_t(p.table_rows);
  for (uint32_t to = blockIdx.x * blockDim.x + threadIdx.x; to < uint32_t(count); to += gridDim.x * blockDim.x) {
    uint32_t pack;
    const uint32_t row = packs.split(to, &pack);
    uint32_t low = 0, high = entries;           // the first entry whose key is not below row
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (key_of(index, sorted[middle], table_rows) < row) low = middle + 1;
      else high = middle;
    }
    float sum[kPack] = {};
    for (; low < entries && key_of(index, sorted[low], table_rows) == row; ++low) {
      const int32_t entry = sorted[low];
      add_row(sum, x + taps.divide(uint32_t(entry)) * p.columns + pack * kPack, weight ? weight + entry : nullptr);
    }
    store_pack(table + int64_t(to) * kPack, true, sum);
  }
}

/// values[i] = sum of values[0..i), in place; `scratch` holds the totals of all levels.
void scan(Queue& queue, uint32_t* values, int64_t n, uint32_t* scratch) {
  const int64_t pieces = ceil_div(n, kThreads * kRun);
  launch<scan_pieces_kernel>(queue, unsigned(pieces), kThreads, 0, values, n, scratch);
  if (pieces == 1) return;
  scan(queue, scratch, pieces, scratch + pieces);
  launch<add_totals_kernel>(queue, blocks_for(n), kThreads, 0, values, n, scratch);
}

/// The entries in rising (index, entry).
const int32_t* sort_entries(Queue& queue, const GatherProblem& p, const int32_t* index) {
  const int64_t entries = p.rows * p.taps, runs = ceil_div(entries, kRun), counts = runs * kDigits;
  auto* memory = static_cast<int32_t*>(workspace(queue, size_t(2 * entries + counts + counts / 2048 + 64) * 4));
  int32_t* sorted[2] = {memory, memory + entries};
  auto* count = reinterpret_cast<uint32_t*>(memory + 2 * entries);
  Pass pass{index, nullptr, uint32_t(p.table_rows), uint32_t(entries), uint32_t(runs), 0};
  const unsigned blocks = unsigned(ceil_div(runs, kThreads));
  for (int side = 0; pass.shift == 0 || (pass.shift < 32 && pass.table_rows >> pass.shift); pass.shift += 4, side ^= 1) {
    launch<count_digits_kernel>(queue, blocks, kThreads, 0, pass, count);
    scan(queue, count, counts, count + counts);
    launch<place_entries_kernel>(queue, blocks, kThreads, 0, pass, count, sorted[side]);
    pass.order = sorted[side];
  }
  return pass.order;
}

}  // namespace

void gather(Queue& queue, const GatherProblem& p, const void* table, const int32_t* index, const void* weight, void* y) {
  with_pack(p.columns % 4 == 0 && aligned16(table) && aligned16(y) ? 4 : 1, [&](auto pack) {
    constexpr int kPack = decltype(pack)::value;
    const int count = fits_int(p.rows * (p.columns / kPack), "gather", "the size of the result");
    if (count == 0) return;
    launch<gather_kernel<kPack>>(queue, blocks_for(count), kThreads, 0, p, Divisor(p.columns / kPack), count, static_cast<const float*>(table),
                                 index, static_cast<const float*>(weight), static_cast<float*>(y));
  });
}

void scatter_add(Queue& queue, const GatherProblem& p, const void* x, const int32_t* index, const void* weight, void* table) {
  if (p.table_rows * p.columns == 0) return;
  fits_int(p.rows * p.taps, "scatter_add", "the number of index entries");
  fits_int(p.table_rows, "scatter_add", "the number of table rows");
  const int32_t* sorted = p.rows * p.taps > 0 ? sort_entries(queue, p, index) : nullptr;
  with_pack(p.columns % 4 == 0 && aligned16(x) && aligned16(table) ? 4 : 1, [&](auto pack) {
    constexpr int kPack = decltype(pack)::value;
    const int count = fits_int(p.table_rows * (p.columns / kPack), "scatter_add", "the size of the table");
    launch<sum_entries_kernel<kPack>>(queue, blocks_for(count), kThreads, 0, p, Divisor(p.columns / kPack), Divisor(p.taps ? p.taps : 1), count,
                                      static_cast<const float*>(x), index, static_cast<const float*>(weight), sorted,
                                      static_cast<float*>(table));
  });
}

}  // namespace weft::WEFT_BACKEND
