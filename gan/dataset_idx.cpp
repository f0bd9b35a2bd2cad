// IDX files, plain or gzip: two zero bytes, type 8 (unsigned byte), the rank, each axis as 4 big-endian bytes, then the values.
//   Format: yann.lecun.com/exdb/mnist, "The IDX file format"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>

#include "dataset_kinds.h"
#include "gzip.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

struct Idx {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};

/// At most `limit` bytes of a file.
std::vector<std::byte> read_start(const std::filesystem::path& path, size_t limit) {
  errno = 0;
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw DataError("cannot open " + path.string() + ": " + std::strerror(errno));
  std::vector<std::byte> bytes;
  for (size_t got = 1; got && bytes.size() < limit;) {
    const size_t have = bytes.size(), want = std::min<size_t>(1 << 20, limit - have);
    bytes.resize(have + want);
    got = std::fread(bytes.data() + have, 1, want, file.get());
    bytes.resize(have + got);
  }
  if (std::ferror(file.get())) throw IoError("cannot read " + path.string() + ": " + std::strerror(errno));
  return bytes;
}

/// Memory follows the bytes that really come, never the count that the header claims. Throws FormatError without a file's name.
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
  if (total <= 0 || total > int64_t(1) << 36) throw FormatError(claimed + " is no size for a data set");

  const auto values = take(header_size + size_t(total) + 1).subspan(header_size);
  if (values.size() < size_t(total))
    throw FormatError("claims " + claimed + " values but ends after " + std::to_string(values.size()) + ". Was it cut short?");
  if (values.size() > size_t(total)) throw FormatError("goes on after the " + claimed + " values that it claims");
  const uint8_t* first = reinterpret_cast<const uint8_t*>(values.data());
  idx.values.assign(first, first + total);
  return idx;
}

Idx read_idx(const std::filesystem::path& path, int rank) {
  try {
    return parse_idx(read_start(path, size_t(1) << 37), rank);
  } catch (const FormatError& reason) {
    throw FormatError(path.string() + ": " + reason.what());
  }
}

class IdxDataset final : public Dataset {
 public:
  IdxDataset(const std::string& what, const std::filesystem::path& images, const std::filesystem::path& labels,
             std::vector<std::string> classes, const DatasetOptions& options) {
    Idx idx = read_idx(images, 3);
    size_ = idx.shape[0], rows_ = int(idx.shape[1]), columns_ = int(idx.shape[2]);
    pixels_ = std::move(idx.values);
    side_ = options.size;
    channels_ = options.channels ? options.channels : 1;

    const int native = std::max(rows_, columns_);
    int power = 1;
    while (power < native && power < (1 << 20)) power *= 2;
    if (side_ != native && side_ != power)
      throw ConfigError(what + ": its pictures are " + std::to_string(rows_) + "x" + std::to_string(columns_) + " and are never resampled; size can be " +
                        std::to_string(native) + (power == native ? "" : " or " + std::to_string(power) + " (with a black border)") + ", not " + std::to_string(side_));

    if (labels.empty()) return;
    idx = read_idx(labels, 1);
    if (idx.shape[0] != size_)
      throw FormatError(labels.string() + ": " + std::to_string(idx.shape[0]) + " labels for " + std::to_string(size_) + " pictures");
    labels_.assign(idx.values.begin(), idx.values.end());
    const int highest = *std::max_element(labels_.begin(), labels_.end());
    if (classes.empty())
      for (int c = 0; c <= highest; ++c) classes.push_back(std::to_string(c));
    if (highest >= int(classes.size()))
      throw FormatError(labels.string() + ": label " + std::to_string(highest) + " of " + std::to_string(classes.size()) + " classes");
    classes_ = std::move(classes);
  }

  int read(int64_t i, float* out) override {
    const int top = (side_ - rows_) / 2, left = (side_ - columns_) / 2;
    std::fill(out, out + size_t(side_) * size_t(side_) * size_t(channels_), -1.0f);
    const uint8_t* p = &pixels_[size_t(i) * size_t(rows_) * size_t(columns_)];
    for (int y = 0; y < rows_; ++y)
      for (int x = 0; x < columns_; ++x, ++p)
        std::fill_n(out + ((size_t(top + y) * size_t(side_)) + size_t(left + x)) * size_t(channels_), channels_, float(*p) / 127.5f - 1);
    return labels_.empty() ? 0 : labels_[size_t(i)];
  }

 private:
  int rows_, columns_;
  std::vector<uint8_t> pixels_;                  // (size, rows, columns)
};

}  // namespace

bool is_idx_images(const std::filesystem::path& path) {
  std::vector<std::byte> start = read_start(path, 4);
  try {
    if (is_gzip(start)) start = gunzip(read_start(path, size_t(1) << 37), 4);
  } catch (const FormatError& reason) {
    throw FormatError(path.string() + ": " + reason.what());
  }
  return start.size() == 4 && std::memcmp(start.data(), "\0\0\x08\x03", 4) == 0;
}

std::shared_ptr<Dataset> open_idx(const std::string& what, const std::filesystem::path& images, const std::filesystem::path& labels,
                                  std::vector<std::string> classes, const DatasetOptions& options) {
  return std::make_shared<IdxDataset>(what, images, labels, std::move(classes), options);
}

}  // namespace weft::gan
