// Two folders of pictures as the two sides of a translation, apart or in pairs.
#include "weft/gan/two_sides.h"

#include <algorithm>
#include <map>
#include <optional>

#include "dataset_folder.h"
#include "dataset_kinds.h"
#include "weft/tensor/durable_file.h"

namespace weft::gan {
namespace {

namespace fs = std::filesystem;

/// a's pixels beside b's, channel by channel.
std::vector<uint8_t> interleaved(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, size_t channels) {
  std::vector<uint8_t> both(a.size() + b.size());
  for (size_t i = 0; i < a.size(); i += channels) {
    std::copy_n(&a[i], channels, &both[2 * i]);
    std::copy_n(&b[i], channels, &both[2 * i + channels]);
  }
  return both;
}

/// "shoes/red" of "shoes/red.png"
std::string stem(const std::string& file) { return file.substr(0, file.rfind('.')); }

std::string list_of(const std::vector<std::string>& names) {
  constexpr size_t kMost = 20;
  std::string list;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) list += "\n  " + names[i];
  return list + (names.size() > kMost ? "\n  and " + std::to_string(names.size() - kMost) + " more" : "");
}

class PairedFolders final : public FolderDataset {
 public:
  PairedFolders(const fs::path& a, const fs::path& b, const DatasetOptions& options) : FolderDataset(a, options), b_(b) {
    channels_ *= 2;
    std::map<std::string, std::string> of_stem;
    std::vector<std::string> twice, lonely;
    for (const std::string& file : pictures_below(b))
      if (!of_stem.emplace(stem(file), file).second) twice.push_back((b / file).string());
    for (int64_t i = 0; i < size_; ++i) {
      const auto found = of_stem.find(stem(name(i)));
      if (found == of_stem.end()) {
        lonely.push_back((a / name(i)).string());
      } else if (found->second.empty()) {
        twice.push_back((a / name(i)).string());
      } else {
        counterpart_.push_back(found->second);
        found->second.clear();                 // taken
      }
    }
    for (const auto& [known, file] : of_stem)
      if (!file.empty()) lonely.push_back((b / file).string());
    if (!lonely.empty())
      throw DataError("pairs are matched by file name without its ending, and " + std::to_string(lonely.size()) + (lonely.size() == 1 ? " picture has" : " pictures have") +
                      " no counterpart on the other side:" + list_of(lonely) + "\nrename or remove them; a model for unpaired pictures (cyclegan, cut) needs no pairs");
    if (!twice.empty()) throw DataError("pairs are matched by file name without its ending, and these share theirs with another of their folder:" + list_of(twice));
  }

 private:
  std::vector<uint8_t> decode(size_t k) const override {
    const int c = channels_ / 2;
    return interleaved(fitted(read_image(root() / name(int64_t(k))), c), fitted(read_image(b_ / counterpart_[k]), c), size_t(c));
  }

  fs::path b_;
  std::vector<std::string> counterpart_;       // (size): below b_
};

class SideBySide final : public FolderDataset {
 public:
  SideBySide(const fs::path& folder, const DatasetOptions& options) : FolderDataset(folder, options) { channels_ *= 2; }

 private:
  std::vector<uint8_t> decode(size_t k) const override {
    const Image both = read_image(root() / name(int64_t(k)));
    if (both.width % 2 || both.width < both.height)
      throw FormatError((root() / name(int64_t(k))).string() + ": two pictures side by side have an even width, and one not below their height, not " +
                        std::to_string(both.width) + "x" + std::to_string(both.height));
    const int c = channels_ / 2;
    return interleaved(fitted(half(both, 0), c), fitted(half(both, 1), c), size_t(c));
  }

  static Image half(const Image& both, int which) {
    Image one{both.height, both.width / 2, both.channels, {}};
    const auto row = std::ptrdiff_t(one.width) * one.channels;
    for (int y = 0; y < both.height; ++y) {
      const auto begin = both.pixels.begin() + (2 * std::ptrdiff_t(y) + which) * row;
      one.pixels.insert(one.pixels.end(), begin, begin + row);
    }
    return one;
  }
};

/// One side of pairs, as a data set of its own.
class OneSide final : public Dataset {
 public:
  OneSide(std::shared_ptr<Dataset> pairs, int which) : pairs_(std::move(pairs)), which_(which) {
    size_ = pairs_->size(), side_ = pairs_->height(), channels_ = pairs_->channels() / 2;
    classes_ = pairs_->classes(), labels_ = pairs_->labels(), weights_ = pairs_->weights();
  }
  int read(int64_t i, float* out) override {
    const size_t c = size_t(channels_), pixels = size_t(side_) * size_t(side_);
    both_.resize(2 * c * pixels);
    const int label = pairs_->read(i, both_.data());
    broken_ = pairs_->broken();
    for (size_t p = 0; p < pixels; ++p) std::copy_n(&both_[(2 * p + size_t(which_)) * c], c, out + p * c);
    return label;
  }
  std::string name(int64_t i) const override { return pairs_->name(i); }

 private:
  std::shared_ptr<Dataset> pairs_;
  int which_;
  std::vector<float> both_;
};

struct Sides { fs::path a, b, test_a, test_b; };       // test_...: empty unless the data keep them apart

/// Where the sides are; none if neither is there.
std::optional<Sides> find_sides(const fs::path& source) {
  if (!is_folder(source)) throw DataError("there is no folder " + source.string() + "; a translation's data is a folder with its two sides, A and B, in it");
  for (const auto& [a, b] : {std::pair{"A", "B"}, std::pair{"trainA", "trainB"}}) {
    const bool has_a = is_folder(source / a), has_b = is_folder(source / b);
    if (!has_a && !has_b) continue;
    if (has_a != has_b) throw DataError((source / (has_a ? b : a)).string() + " is missing; beside it there is " + (source / (has_a ? a : b)).string());
    Sides sides{source / a, source / b, {}, {}};
    if (is_folder(source / "testA") && is_folder(source / "testB")) sides.test_a = source / "testA", sides.test_b = source / "testB";
    return sides;
  }
  return std::nullopt;
}

/// What the data keep apart is what is held out; else a share of them.
template <class Open>
Split open_split(const fs::path& train, const fs::path& test, const SplitOptions& o, Open open) {
  if (test.empty()) return split(open(train), o);
  return {split(open(train), {0, o.most}).train, open(test)};
}

}  // namespace

std::array<Split, 2> open_two_sides(const std::string& source, const DatasetOptions& options, const SplitOptions& o) {
  if (source.rfind("sketches", 0) == 0) {        // each side read for itself, so from two threads
    const auto side = [&](int which) {
      const Split pairs = open_pairs(source, options, o);
      const auto of = [&](const std::shared_ptr<Dataset>& part) { return part ? std::make_shared<OneSide>(part, which) : nullptr; };
      return Split{of(pairs.train), of(pairs.held_out)};
    };
    return {side(0), side(1)};
  }
  const std::optional<Sides> sides = find_sides(source);
  if (!sides) throw DataError(source + ": neither A and B nor trainA and trainB are in it, the folders of the two sides");
  const auto open = [&](const fs::path& folder) { return open_dataset(folder.string(), options); };
  return {open_split(sides->a, sides->test_a, o, open), open_split(sides->b, sides->test_b, o, open)};
}

Split open_pairs(const std::string& source, const DatasetOptions& options, const SplitOptions& o) {
  if (source == "sketches") return open_pairs("sketches:fashion-mnist", options, o);
  if (source.rfind("sketches:", 0) == 0) return split(open_sketches(source.substr(9), options), o);
  if (const std::optional<Sides> sides = find_sides(source)) {
    const auto open = [&](const fs::path& a) { return std::make_shared<PairedFolders>(a, a == sides->a ? sides->b : sides->test_b, options); };
    return open_split(sides->a, sides->test_a, o, open);
  }
  const fs::path root = source, train = is_folder(root / "train") ? root / "train" : root;
  fs::path test;
  for (const char* name : {"val", "test"})
    if (train != root && is_folder(root / name)) test = root / name;
  return open_split(train, test, o, [&](const fs::path& folder) { return std::make_shared<SideBySide>(folder, options); });
}

}  // namespace weft::gan
