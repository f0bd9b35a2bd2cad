// A folder of pictures: listed at once, decoded when first asked for, kept at the target size as long as there is room.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "weft/gan/dataset.h"

namespace weft::gan {

/// Pictures below a folder, by their endings, as paths relative to it, sorted bytewise. Throws DataError if there are none.
std::vector<std::string> pictures_below(const std::filesystem::path& root);

class FolderDataset : public Dataset {
 public:
  FolderDataset(const std::filesystem::path& root, const DatasetOptions& options);
  std::string name(int64_t i) const override { return files_[size_t(i)]; }
  int read(int64_t i, float* out) override;

 protected:
  /// (side, side, channels) of picture k. What it throws of a picture makes it a broken one.
  virtual std::vector<uint8_t> decode(size_t k) const;
  /// A picture as this data set's options want it, with so many channels.
  std::vector<uint8_t> fitted(const Image& picture, int channels) const;
  const std::filesystem::path& root() const { return root_; }

 private:
  void classes_from_folders();
  void classes_from_table(const std::filesystem::path& path);
  void tell(const std::filesystem::path& path, const std::vector<std::string>& names, const std::string& what) const;
  void set_classes(const std::vector<std::string>& of_file);
  const std::vector<uint8_t>& picture(size_t k);
  void set_aside(size_t k, const std::string& reason);

  std::filesystem::path root_;
  DatasetOptions options_;
  std::vector<std::string> files_;               // below root
  std::vector<std::vector<uint8_t>> pictures_;   // (size), empty until decoded
  std::vector<uint8_t> passing_;                 // a decoded picture that the cache has no room for
  std::vector<bool> is_broken_;
  size_t cached_bytes_ = 0;
};

}  // namespace weft::gan
