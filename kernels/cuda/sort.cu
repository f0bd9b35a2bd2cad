// kernels/cuda/sort.cu: rows in rising order, and the sort of everything that has to be put in order.
//
//   values[r,i] = x[index[r,i]],  values[r,0] <= values[r,1] <= ...   equal values as they came, NaN last
//
//   x, values (rows, n) float32   index (rows, n) int32, flat positions in x, or null      contiguous
//
// Work:   a float's bits become a key that orders as an unsigned number; radix_sort.h puts (key, entry) pairs in order,
//         eight passes of four bits; then one thread a value fetches it from where it was. All rows go together.
// Limit:  memory: a pass reads each key twice and each entry once and writes both, 20 bytes; the counts are one for each
//         thread and digit, 4 bytes an entry. Writes go to 16 places a run, so neighbouring threads' do not combine.
//         Workspace: 16 bytes an entry, and the counts.
// Twin:   kernels/reference; equal bit for bit.
// Source: Blelloch, "Prefix sums and their applications", 1990, for sorting by scans.
#include "ops.h"
#include "radix_sort.h"

namespace weft::WEFT_BACKEND {
namespace {

constexpr uint32_t kDigits = 16, kRun = 16;     // entries a thread sorts in one pass

struct Pass {
  const uint32_t* keys;
  const int32_t* entries;                       // null in the first pass: 0, 1, 2, ...
  uint32_t n, all_runs;                         // of a row; of all rows
  Divisor runs;                                 // of a row
  int shift;
  __device__ __forceinline__ uint32_t digit(uint32_t key) const { return key >> shift & (kDigits - 1); }
  /// A run's first and last entry, and where its count of digit 0 lies: counts[row][digit][run of the row].
  __device__ __forceinline__ uint32_t place(uint32_t run, uint32_t* first, uint32_t* end) const {
    uint32_t in_row;
    const uint32_t row = runs.split(run, &in_row);
    *first = row * n + in_row * kRun;
    *end = row * n + min(in_row * kRun + kRun, n);
    return row * kDigits * runs.d + in_row;
  }
};

__global__ void __launch_bounds__(kThreads) count_digits_kernel(Pass pass, uint32_t* counts) {
  const uint32_t run = blockIdx.x * blockDim.x + threadIdx.x;
  if (run >= pass.all_runs) return;
  uint32_t first, end, count[kDigits] = {};
  const uint32_t at = pass.place(run, &first, &end);
  for (uint32_t i = first; i < end; ++i) {
    const uint32_t digit = pass.digit(pass.keys[i]);
#pragma unroll
    for (uint32_t d = 0; d < kDigits; ++d) count[d] += digit == d;     // in registers: no address depends on the digit
  }
#pragma unroll
  for (uint32_t d = 0; d < kDigits; ++d) counts[at + d * pass.runs.d] = count[d];
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

__global__ void __launch_bounds__(kThreads) place_entries_kernel(Pass pass, const uint32_t* starts, uint32_t* keys, int32_t* entries) {
  const uint32_t run = blockIdx.x * blockDim.x + threadIdx.x;
  if (run >= pass.all_runs) return;
  uint32_t first, end, at[kDigits];
  const uint32_t counts = pass.place(run, &first, &end);
#pragma unroll
  for (uint32_t d = 0; d < kDigits; ++d) at[d] = starts[counts + d * pass.runs.d];
  for (uint32_t i = first; i < end; ++i) {
    const uint32_t key = pass.keys[i], digit = pass.digit(key);
    uint32_t to = 0;
#pragma unroll
    for (uint32_t d = 0; d < kDigits; ++d)
      if (digit == d) to = at[d]++;
    keys[to] = key;
    entries[to] = pass.entries ? pass.entries[i] : int32_t(i);
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

__global__ void __launch_bounds__(kThreads) float_keys_kernel(const float* x, int count, uint32_t* keys) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < uint32_t(count); i += gridDim.x * blockDim.x) {
    const float value = x[i] + 0.0f;              // -0 becomes +0
    const uint32_t bits = __float_as_uint(value);
    keys[i] = value != value ? ~0u : bits >> 31 ? ~bits : bits | 0x80000000u;
  }
}

__global__ void __launch_bounds__(kThreads) take_sorted_kernel(const float* x, const int32_t* entries, int count, float* values, int32_t* index) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < uint32_t(count); i += gridDim.x * blockDim.x) {
    values[i] = x[entries[i]];
    if (index) index[i] = entries[i];
  }
}

}  // namespace

RadixSort::RadixSort(Queue& queue, int64_t rows, int64_t n) : queue_(queue), rows_(rows), n_(n), runs_(ceil_div(n, kRun)) {
  const int64_t all = fits_int(rows * n, "sort", "the number of elements"), counts = rows * runs_ * kDigits;
  auto* memory = static_cast<uint32_t*>(workspace(queue, size_t(4 * all + counts + counts / 2048 + 64) * 4));
  keys_[0] = memory, keys_[1] = memory + all;
  entries_[0] = reinterpret_cast<int32_t*>(memory + 2 * all), entries_[1] = entries_[0] + all;
  counts_ = memory + 4 * all;
}

RadixSort::Result RadixSort::run(int bits) {
  const int64_t all_runs = rows_ * runs_, counts = all_runs * kDigits;
  const unsigned blocks = unsigned(ceil_div(all_runs, kThreads));
  Pass pass{keys_[0], nullptr, uint32_t(n_), uint32_t(all_runs), Divisor(runs_), 0};
  for (int side = 1; pass.shift < bits; pass.shift += 4, side ^= 1) {
    launch<count_digits_kernel>(queue_, blocks, kThreads, 0, pass, counts_);
    scan(queue_, counts_, counts, counts_ + counts);
    launch<place_entries_kernel>(queue_, blocks, kThreads, 0, pass, counts_, keys_[side], entries_[side]);
    pass.keys = keys_[side], pass.entries = entries_[side];
  }
  return {pass.keys, pass.entries};
}

void sort(Queue& queue, const SortProblem& p, const void* x, void* values, int32_t* index) {
  if (p.rows * p.n == 0) return;
  RadixSort sort(queue, p.rows, p.n);
  const int count = int(p.rows * p.n);
  launch<float_keys_kernel>(queue, blocks_for(count), kThreads, 0, static_cast<const float*>(x), count, sort.keys());
  const RadixSort::Result sorted = sort.run(32);
  launch<take_sorted_kernel>(queue, blocks_for(count), kThreads, 0, static_cast<const float*>(x), sorted.entries, count,
                             static_cast<float*>(values), index);
}

}  // namespace weft::WEFT_BACKEND
