#include "idx.h"

#include <algorithm>
#include <string>

#include "gzip.h"
#include "weft/kernels/error.h"

namespace weft::gan {

Idx parse_idx(std::span<const std::byte> file, int rank) {
  const size_t header_size = 4 + 4 * size_t(rank);
  std::vector<std::byte> contents;
  const auto take = [&](size_t limit) {
    if (is_gzip(file)) contents = gunzip(file, limit);
    return is_gzip(file) ? std::span<const std::byte>(contents) : file.first(std::min(limit, file.size()));
  };
  const auto start = take(header_size);
  if (start.size() != header_size) throw FormatError("too short for an IDX file");
  const uint8_t* header = reinterpret_cast<const uint8_t*>(start.data());
  if (header[0] || header[1] || header[2] != 8 || header[3] != rank)
    throw FormatError("is no IDX file of bytes with " + std::to_string(rank) + (rank == 1 ? " axis (labels)" : " axes (images)"));
  Idx idx;
  std::string claimed;
  int64_t total = 1;
  for (int axis = 0; axis < rank; ++axis) {
    const uint8_t* p = header + 4 + 4 * axis;
    idx.shape.push_back(int64_t(p[0]) << 24 | int64_t(p[1]) << 16 | int64_t(p[2]) << 8 | p[3]);
    claimed += (axis ? "x" : "") + std::to_string(idx.shape.back());
    if (__builtin_mul_overflow(total, idx.shape.back(), &total)) total = -1;
  }
  if (total <= 0 || total > kMaxIdxValues)
    throw FormatError(claimed + " is no size for a data set (up to 8 GiB are read)");

  const auto values = take(header_size + size_t(total) + 1).subspan(header_size);
  if (values.size() < size_t(total))
    throw FormatError("claims " + claimed + " values but ends after " + std::to_string(values.size()) + ". Was it cut short?");
  if (values.size() > size_t(total)) throw FormatError("goes on after the " + claimed + " values that it claims");
  const uint8_t* first = reinterpret_cast<const uint8_t*>(values.data());
  idx.values.assign(first, first + total);
  return idx;
}

}  // namespace weft::gan
