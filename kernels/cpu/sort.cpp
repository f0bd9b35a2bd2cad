// sort: each row in rising order, by counting. A float's bits are turned into a key that orders as an unsigned number; three
// passes over 11 of its bits each, from the lowest, put (key, position) pairs in order, and equal ones stay as they came. All
// three counts are taken in one reading; a pass in which all keys share their bits is left out.
//
// A row is one thread's. Scratch: 16 bytes an element of the rows under way.
#include <cstring>

#include "loops.h"

namespace weft::cpu::WEFT_ISA {
namespace {

constexpr int kBits = 11, kPasses = 3;
constexpr uint32_t kBuckets = 1u << kBits;

struct Pair {
  uint32_t key;
  int32_t index;
};

uint32_t key_of(float x) {
  if (x != x) return ~0u;
  uint32_t bits;
  x += 0.0f;                                     // -0 becomes +0
  std::memcpy(&bits, &x, sizeof bits);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}

/// Leaves the row's pairs in order in one of the two, and says which.
const Pair* in_order(const float* x, int64_t first, int64_t n, Pair* from, Pair* to) {
  uint32_t counts[kPasses][kBuckets] = {};
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t key = key_of(x[first + i]);
    from[i] = {key, int32_t(first + i)};
    for (int pass = 0; pass < kPasses; ++pass) ++counts[pass][key >> pass * kBits & (kBuckets - 1)];
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    uint32_t* at = counts[pass];
    const int shift = pass * kBits;
    if (at[from[0].key >> shift & (kBuckets - 1)] == uint32_t(n)) continue;
    uint32_t before = 0;
    for (uint32_t bucket = 0; bucket < kBuckets; ++bucket) {
      const uint32_t count = at[bucket];
      at[bucket] = before;
      before += count;
    }
    for (int64_t i = 0; i < n; ++i) to[at[from[i].key >> shift & (kBuckets - 1)]++] = from[i];
    Pair* const swap = from;
    from = to, to = swap;
  }
  return from;
}

}  // namespace

void sort(CpuQueue& queue, const SortProblem& problem, const float* x, float* values, int32_t* index) {
  const int64_t rows = problem.rows, n = problem.n;
  if (rows * n == 0) return;
  const int64_t workers = queue.threads < rows ? queue.threads : rows;
  auto* pairs = reinterpret_cast<Pair*>(queue.scratch(Slot::sort, size_t(workers * n) * 4));
  parallel(queue, workers, rows * n, [&](int64_t worker) {
    Pair* own = pairs + worker * n * 2;
    for (int64_t row = rows * worker / workers; row < rows * (worker + 1) / workers; ++row) {
      const Pair* sorted = in_order(x, row * n, n, own, own + n);
      for (int64_t i = 0; i < n; ++i) values[row * n + i] = x[sorted[i].index];
      if (index)
        for (int64_t i = 0; i < n; ++i) index[row * n + i] = sorted[i].index;
    }
  });
}

}  // namespace weft::cpu::WEFT_ISA
