// kernels/cuda/gather.cu: weighted rows by index, and the adjoint.
//
//   gather        y[i,:]     = sum over t of weight[i,t] * table[index[i,t],:]                              index -1 reads 0
//   scatter_add   table[j,:] = sum over (i,t) with index[i,t] == j of weight[i,t] * x[i,:], in rising (i,t)
//
//   index (rows, taps) int32   weight (rows, taps) or null for 1   table (table_rows, columns)   x, y (rows, columns)
//
// Work:   gather: one thread an element of y, or four neighbours of a row where 16-byte accesses can be had. scatter_add
//         must add in a fixed order, so float atomics are out: the entries (i,t) are first sorted by index (radix_sort.h),
//         and then one thread an element of the table walks its own entries, found by binary search. Where no row is named
//         twice (a permutation, windows that do not overlap) the table is cleared and written.
// Limit:  memory. The sort moves 16 bytes an entry in each of its log16(table_rows) passes: the backward pass of windows
//         that overlap pays more for it than for the sum. Workspace: 16 bytes an entry.
// Twin:   kernels/reference; equal bit for bit, since the order of the sum is part of the contract.
#include "ops.h"
#include "radix_sort.h"

namespace weft::WEFT_BACKEND {
namespace {

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

__global__ void __launch_bounds__(kThreads) index_keys_kernel(const int32_t* index, int count, uint32_t table_rows, uint32_t* keys) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < uint32_t(count); i += gridDim.x * blockDim.x)
    keys[i] = index[i] < 0 ? table_rows : uint32_t(index[i]);      // what adds nowhere goes behind all others
}

template <int kPack>
__global__ void __launch_bounds__(kThreads) sum_entries_kernel(GatherProblem p, Divisor packs, Divisor taps, int count, const float* x,
                                                               const float* weight, RadixSort::Result sorted, float* table) {
  const uint32_t entries = uint32_t(p.rows * p.taps);
  for (uint32_t to = blockIdx.x * blockDim.x + threadIdx.x; to < uint32_t(count); to += gridDim.x * blockDim.x) {
    uint32_t pack;
    const uint32_t row = packs.split(to, &pack);
    uint32_t low = 0, high = entries;           // the first entry whose key is not below row
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (sorted.keys[middle] < row) low = middle + 1;
      else high = middle;
    }
    float sum[kPack] = {};
    for (; low < entries && sorted.keys[low] == row; ++low) {
      const int32_t entry = sorted.entries[low];
      add_row(sum, x + taps.divide(uint32_t(entry)) * p.columns + pack * kPack, weight ? weight + entry : nullptr);
    }
    store_pack(table + int64_t(to) * kPack, true, sum);
  }
}

/// Where no row is named twice there is no order to keep: the table was cleared, and each entry writes its row.
__global__ void __launch_bounds__(kThreads) scatter_kernel(GatherProblem p, Divisor columns, Divisor taps, int count, const float* x,
                                                           const int32_t* index, const float* weight, float* table) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < uint32_t(count); i += gridDim.x * blockDim.x) {
    uint32_t column;
    const uint32_t entry = columns.split(i, &column);
    if (index[entry] < 0) continue;
    table[index[entry] * p.columns + column] = (weight ? weight[entry] : 1.0f) * x[taps.divide(entry) * p.columns + column];
  }
}
__global__ void __launch_bounds__(kThreads) clear_kernel(float* table, int64_t n) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) table[i] = 0;
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
  const auto* rows = static_cast<const float*>(x);
  const auto* factor = static_cast<const float*>(weight);
  auto* sums = static_cast<float*>(table);
  const int entries = int(p.rows * p.taps);
  const Divisor taps(p.taps ? p.taps : 1);
  if (p.unique) {
    const int64_t size = p.table_rows * p.columns;
    const int count = fits_int(entries * p.columns, "scatter_add", "the number of elements");
    launch<clear_kernel>(queue, blocks_for(size), kThreads, 0, sums, size);
    if (count > 0) launch<scatter_kernel>(queue, blocks_for(count), kThreads, 0, p, Divisor(p.columns), taps, count, rows, index, factor, sums);
    return;
  }
  RadixSort::Result sorted{};
  if (entries > 0) {
    RadixSort sort(queue, 1, entries);
    launch<index_keys_kernel>(queue, blocks_for(entries), kThreads, 0, index, entries, uint32_t(p.table_rows), sort.keys());
    int bits = 1;
    while (p.table_rows >> bits) ++bits;
    sorted = sort.run(bits);
  }
  with_pack(p.columns % 4 == 0 && aligned16(x) && aligned16(table) ? 4 : 1, [&](auto pack) {
    constexpr int kPack = decltype(pack)::value;
    const int count = fits_int(p.table_rows * (p.columns / kPack), "scatter_add", "the size of the table");
    launch<sum_entries_kernel<kPack>>(queue, blocks_for(count), kThreads, 0, p, Divisor(p.columns / kPack), taps, count, rows, factor, sorted, sums);
  });
}

}  // namespace weft::WEFT_BACKEND
