#include "dataset_folder.h"

#include <algorithm>
#include <unordered_map>

#include "dataset_kinds.h"
#include "image/image_codecs.h"
#include "labels.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBrokenAlwaysBorne = 3;        // pictures; beyond them, a share of all

}  // namespace

std::vector<std::string> pictures_below(const fs::path& root) {
  std::vector<std::string> files;
  int64_t others = 0;
  std::error_code trouble;
  const std::string prefix = (root / "").string();
  fs::recursive_directory_iterator entry(root, trouble), end;
  while (!trouble && entry != end) {
    const std::string path = entry->path().string();
    const bool hidden = path[path.rfind('/') + 1] == '.';
    std::error_code ignored;
    if (hidden) entry.disable_recursion_pending();
    else if (!is_picture(path)) others += entry->is_regular_file(ignored);
    else if (entry->is_regular_file(ignored)) files.push_back(path.substr(prefix.size()));
    entry.increment(trouble);
  }
  if (trouble) throw DataError("cannot read the folder " + root.string() + ": " + trouble.message());
  if (files.empty())
    throw DataError(root.string() + ": no pictures in it (" + (others ? std::to_string(others) + " other files" : "it is empty") +
                    "); looked for .png .jpg .jpeg .webp .bmp, folders within included");
  std::sort(files.begin(), files.end());       // std::string compares bytes, so the order is the same everywhere
  return files;
}

FolderDataset::FolderDataset(const fs::path& root, const DatasetOptions& options) : root_(root), options_(options), files_(pictures_below(root)) {
  side_ = options.high ? options.high : options.size, across_ = options.across ? options.across : options.size;
  channels_ = options.channels ? options.channels : 3;
  if (!options.labels.empty()) classes_from_table(options.labels);
  else if (std::error_code none; fs::is_regular_file(root_ / "labels.csv", none)) classes_from_table(root_ / "labels.csv");
  else classes_from_folders();
  size_ = int64_t(files_.size());
  pictures_.resize(files_.size());
  is_broken_.resize(files_.size());
}

int FolderDataset::read(int64_t i, float* out) {
  for (int64_t step = 0; step < size_; ++step) {
    const size_t k = size_t((i + step) % size_);
    if (is_broken_[k]) continue;
    try {
      const std::vector<uint8_t>& pixels = picture(k);
      for (size_t p = 0; p < pixels.size(); ++p) out[p] = float(pixels[p]) / 127.5f - 1;
      return labels_.empty() ? 0 : labels_[k];
    } catch (const FormatError& e) {
      set_aside(k, e.what());
    } catch (const DataError& e) {
      set_aside(k, e.what());
    } catch (const IoError& e) {
      set_aside(k, e.what());
    }
  }
  throw DataError(root_.string() + ": none of its " + std::to_string(size_) + " pictures can be read");
}

std::vector<uint8_t> FolderDataset::decode(size_t k) const { return fitted(read_image(root_ / files_[k]), channels_); }

std::vector<uint8_t> FolderDataset::fitted(const Image& picture, int channels) const {
  return fit_into(with_channels(picture, channels), height(), width(), options_.fit, options_.fill_value).pixels;
}

/// Pictures beside class folders are a class too, named ".".
void FolderDataset::classes_from_folders() {
  std::vector<std::string> of_file;
  bool any = false;
  for (const std::string& file : files_) {
    const size_t slash = file.find('/');
    of_file.push_back(slash == std::string::npos ? "." : file.substr(0, slash));
    any = any || slash != std::string::npos;
  }
  if (any) set_classes(of_file);
}

/// Only pictures that have a row are kept.
void FolderDataset::classes_from_table(const fs::path& path) {
  const std::vector<std::byte> text = codecs::read_bytes(path);
  const LabelTable table = parse_labels({reinterpret_cast<const char*>(text.data()), text.size()}, path.string());
  std::unordered_map<std::string, const LabelTable::Row*> rows;
  for (const LabelTable::Row& row : table.rows) rows[row.file] = &row;
  std::vector<std::string> labelled, without_row, without_picture, of_file;
  for (const std::string& file : files_) {
    const auto found = rows.find(file);
    if (found == rows.end()) { without_row.push_back(file); continue; }
    labelled.push_back(file);
    of_file.push_back(found->second->label);
    if (table.weighted) weights_.push_back(found->second->weight);
    rows.erase(found);
  }
  for (const LabelTable::Row& row : table.rows)
    if (rows.count(row.file)) without_picture.push_back(row.file);
  if (labelled.empty())
    throw FormatError(path.string() + ": none of its " + std::to_string(table.rows.size()) + " rows names a picture of " + root_.string() +
                      "; its first one names " + table.rows[0].file + ", and the folder's first picture is " + files_[0]);
  tell(path, without_row, "of the folder's pictures, which have no row and are left out");
  tell(path, without_picture, "of its rows, which name no picture of the folder");
  tell(path, table.ignored, "of its columns, which weft does not know");
  files_ = std::move(labelled);
  set_classes(of_file);
}

void FolderDataset::tell(const fs::path& path, const std::vector<std::string>& names, const std::string& what) const {
  if (names.empty() || !options_.note) return;
  std::string few;
  for (size_t i = 0; i < names.size() && i < 3; ++i) few += (i ? ", " : "") + names[i];
  options_.note(path.string() + ": ignored " + std::to_string(names.size()) + " " + what + ": " + few + (names.size() > 3 ? ", ..." : ""));
}

void FolderDataset::set_classes(const std::vector<std::string>& of_file) {
  classes_ = of_file;
  std::sort(classes_.begin(), classes_.end());
  classes_.erase(std::unique(classes_.begin(), classes_.end()), classes_.end());
  for (const std::string& name : of_file)
    labels_.push_back(int(std::lower_bound(classes_.begin(), classes_.end(), name) - classes_.begin()));
}

const std::vector<uint8_t>& FolderDataset::picture(size_t k) {
  if (!pictures_[k].empty()) return pictures_[k];
  std::vector<uint8_t> pixels = decode(k);
  std::vector<uint8_t>& place = cached_bytes_ + pixels.size() <= options_.cache_bytes ? pictures_[k] : passing_;
  if (&place != &passing_) cached_bytes_ += pixels.size();
  return place = std::move(pixels);
}

void FolderDataset::set_aside(size_t k, const std::string& reason) {
  is_broken_[k] = true;
  ++broken_;
  if (options_.note) options_.note(reason + "; the next good picture stands in for it");
  if (broken_ > kBrokenAlwaysBorne && double(broken_) > options_.broken_share * double(size_))
    throw DataError(root_.string() + ": too many broken pictures, " + std::to_string(broken_) + " of the " + std::to_string(size_) +
                    " so far, the last one " + reason + ". Remove or repair them");
}

std::shared_ptr<Dataset> open_folder(const fs::path& root, const DatasetOptions& options) {
  return std::make_shared<FolderDataset>(root, options);
}

}  // namespace weft::gan
