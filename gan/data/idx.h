// IDX files, plain or gzip: two zero bytes, type 8 (unsigned byte), the rank, each axis as 4 big-endian bytes, then the values.
//   Format: yann.lecun.com/exdb/mnist, "The IDX file format"
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::gan {

struct Idx {
  std::vector<int64_t> shape;                    // each at least 1
  std::vector<uint8_t> values;
};

constexpr int64_t kMaxIdxValues = int64_t(1) << 33;       // the largest known one, infiMNIST, has 6.4e9; what gzip may unpack to

/// @param rank  3: pictures (count, rows, columns); 1: labels
/// Memory follows the bytes that really come, never the count that the header claims. Throws FormatError without a file's name.
Idx parse_idx(std::span<const std::byte> file, int rank);

}  // namespace weft::gan
