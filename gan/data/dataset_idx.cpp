// Pictures and labels in IDX files.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <span>

#include "dataset_kinds.h"
#include "gzip.h"
#include "idx.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

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

/// What is wrong with a file's contents, with its name before it.
template <class Read>
auto naming(const std::filesystem::path& path, Read read) {
  try {
    return read();
  } catch (const FormatError& reason) {
    throw FormatError(path.string() + ": " + reason.what());
  }
}

std::vector<std::byte> read_all(const std::filesystem::path& path) { return read_start(path, size_t(kMaxIdxValues) + 17); }
Idx read_idx(const std::filesystem::path& path, int rank) { return naming(path, [&] { return parse_idx(read_all(path), rank); }); }

/// At most `limit` bytes of what a file holds, gzip or not.
std::vector<std::byte> read_unpacked(const std::filesystem::path& path, size_t limit) {
  const std::vector<std::byte> start = read_start(path, limit);
  return is_gzip(start) ? naming(path, [&] { return gunzip(read_all(path), limit); }) : start;
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

IdxHeader read_idx_header(const std::filesystem::path& path) {
  constexpr size_t most_axes = 8;
  const std::vector<std::byte> start = read_unpacked(path, 4 + 4 * most_axes);
  const auto byte = [&](size_t at) { return at < start.size() ? unsigned(start[at]) : 0; };
  const std::map<unsigned, const char*> types = {{0x08, "uint8"}, {0x09, "int8"}, {0x0b, "int16"}, {0x0c, "int32"}, {0x0d, "float32"}, {0x0e, "float64"}};
  const size_t axes = byte(3);
  if (byte(0) || byte(1) || !types.count(byte(2)) || axes == 0 || axes > most_axes || start.size() < 4 + 4 * axes)
    throw FormatError(path.string() + " is no IDX file: it begins with two zero bytes, a type, a rank from 1 to 8 and that many sizes");
  IdxHeader header{types.at(byte(2)), {}};
  for (size_t at = 4; at < 4 + 4 * axes; at += 4) header.shape.push_back(int64_t(byte(at)) << 24 | int64_t(byte(at + 1)) << 16 | int64_t(byte(at + 2)) << 8 | byte(at + 3));
  return header;
}

bool is_idx_images(const std::filesystem::path& path) {
  const std::vector<std::byte> start = read_unpacked(path, 4);
  return start.size() == 4 && std::memcmp(start.data(), "\0\0\x08\x03", 4) == 0;
}

std::shared_ptr<Dataset> open_idx(const std::string& what, const std::filesystem::path& images, const std::filesystem::path& labels,
                                  std::vector<std::string> classes, const DatasetOptions& options) {
  return std::make_shared<IdxDataset>(what, images, labels, std::move(classes), options);
}

}  // namespace weft::gan
