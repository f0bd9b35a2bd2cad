// IDX files, plain or gzip: two zero bytes, type 8 (unsigned byte), the rank, each axis as 4 big-endian bytes, then the values.
//   Format: yann.lecun.com/exdb/mnist, "The IDX file format"
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataset_kinds.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

struct Idx {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};

/// Memory follows the bytes that really come, never the count that the header claims.
Idx read_idx(const std::filesystem::path& path, int rank) {
  const std::string what = path.string();
  errno = 0;
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw DataError("cannot open " + what + ": " + std::strerror(errno ? errno : ENOMEM));
  gzbuffer(file.get(), 1 << 18);
  const auto read = [&](uint8_t* to, size_t count) {
    const int got = gzread(file.get(), to, unsigned(count));
    int code = Z_OK;
    const char* reason = gzerror(file.get(), &code);
    if (got < 0 || code != Z_OK) throw FormatError(what + ": broken gzip data (" + reason + ")");
    return size_t(got);
  };

  uint8_t header[16];
  const size_t header_size = 4 + 4 * size_t(rank);
  if (read(header, header_size) != header_size) throw FormatError(what + ": too short for an IDX file");
  if (header[0] || header[1] || header[2] != 8 || header[3] != rank)
    throw FormatError(what + ": is no IDX file of bytes with " + std::to_string(rank) + (rank == 1 ? " axis (labels)" : " axes (images)"));
  Idx idx;
  std::string claimed;
  int64_t total = 1;
  for (int axis = 0; axis < rank; ++axis) {
    const uint8_t* p = header + 4 + 4 * axis;
    idx.shape.push_back(int64_t(p[0]) << 24 | int64_t(p[1]) << 16 | int64_t(p[2]) << 8 | p[3]);
    claimed += (axis ? "x" : "") + std::to_string(idx.shape.back());
    if (__builtin_mul_overflow(total, idx.shape.back(), &total)) total = -1;
  }
  if (total <= 0 || total > int64_t(1) << 36) throw FormatError(what + ": " + claimed + " is no size for a data set");

  constexpr size_t block = 1 << 20;
  while (int64_t(idx.values.size()) < total) {
    const size_t have = idx.values.size(), want = size_t(std::min<int64_t>(block, total - int64_t(have)));
    idx.values.resize(have + want);
    const size_t got = read(idx.values.data() + have, want);
    if (got < want)
      throw FormatError(what + ": claims " + claimed + " values but ends after " + std::to_string(have + got) + ". Was it cut short?");
  }
  uint8_t extra;
  if (read(&extra, 1) != 0) throw FormatError(what + ": goes on after the " + claimed + " values that it claims");
  return idx;
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
    labels_ = std::move(idx.values);
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
  std::vector<uint8_t> labels_;                  // (size), or none
};

}  // namespace

bool is_idx_images(const std::filesystem::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  uint8_t start[4];
  return file && gzread(file.get(), start, 4) == 4 && std::memcmp(start, "\0\0\x08\x03", 4) == 0;
}

std::shared_ptr<Dataset> open_idx(const std::string& what, const std::filesystem::path& images, const std::filesystem::path& labels,
                                  std::vector<std::string> classes, const DatasetOptions& options) {
  return std::make_shared<IdxDataset>(what, images, labels, std::move(classes), options);
}

}  // namespace weft::gan
