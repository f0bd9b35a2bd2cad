// Putting things in order by 32-bit keys: a stable radix sort of rows, four bits a pass, by counting. A pass: each thread
// counts the digits of a run of 16 entries; the counts of all runs are scanned, row by row and digit by digit; each thread
// puts its run where the scan says. No atomics: equal keys stay as they came, and the result is a function of the keys alone.
#pragma once
#include "indexing.h"

namespace weft::WEFT_BACKEND {

/// Rows of n keys each; the workspace is its own until the next call of workspace().
class RadixSort {
 public:
  RadixSort(Queue& queue, int64_t rows, int64_t n);
  /// rows * n, to be filled by the caller.
  uint32_t* keys() const { return keys_[0]; }
  /// The keys' lowest `bits` put each row in order. Entries are positions in all of `keys`, row after row.
  struct Result {
    const uint32_t* keys;
    const int32_t* entries;
  };
  Result run(int bits);

 private:
  Queue& queue_;
  int64_t rows_, n_, runs_;
  uint32_t *keys_[2], *counts_;
  int32_t* entries_[2];
};

}  // namespace weft::WEFT_BACKEND
