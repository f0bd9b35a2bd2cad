// The style side of `restyle`: crops of a few pictures, many of each, and some cells of each picture that no step sees.
#include <algorithm>
#include <map>

#include "dataset_folder.h"
#include "dataset_kinds.h"
#include "weft/gan/two_sides.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

namespace fs = std::filesystem;

struct Corner { size_t picture; int y, x; };

struct Pictures {
  std::vector<std::string> files;
  std::vector<int> labels;
  std::vector<Image> images;
  std::vector<std::string> classes;
};

class Crops final : public Dataset {
 public:
  Crops(std::shared_ptr<const Pictures> from, std::vector<Corner> corners, int side, int channels) : from_(std::move(from)), corners_(std::move(corners)) {
    size_ = int64_t(corners_.size());
    side_ = side, channels_ = channels;
    classes_ = from_->classes;
    for (const Corner& c : corners_) labels_.push_back(from_->labels[c.picture]);
  }

  int read(int64_t i, float* out) override {
    const Corner& at = corners_[size_t(i)];
    const Image& picture = from_->images[at.picture];
    const size_t row = size_t(side_) * size_t(channels_);
    for (int y = 0; y < side_; ++y) {
      const uint8_t* in = picture.pixels.data() + (size_t(at.y + y) * size_t(picture.width) + size_t(at.x)) * size_t(channels_);
      for (size_t k = 0; k < row; ++k) out[size_t(y) * row + k] = float(in[k]) / 127.5f - 1;
    }
    return labels_[size_t(i)];
  }
  std::string name(int64_t i) const override {
    const Corner& c = corners_[size_t(i)];
    return from_->files[c.picture] + "@" + std::to_string(c.x) + "," + std::to_string(c.y);
  }

 private:
  std::shared_ptr<const Pictures> from_;
  std::vector<Corner> corners_;
};

/// The picture at a scale at which its shorter side has `shorter` pixels (0: as it is), and no fewer than a crop.
Image scaled(const Image& picture, int shorter, int side) {
  const int now = std::min(picture.height, picture.width), wanted = std::max(shorter ? shorter : now, side);
  if (now == wanted) return picture;
  const auto to = [&](int length) { return std::max(wanted, int(std::lround(double(length) * wanted / now))); };
  return resized(picture, to(picture.height), to(picture.width));
}

}  // namespace

Split open_style_crops(const std::string& source, const DatasetOptions& o, int shorter, const SplitOptions& part) {
  auto all = std::make_shared<Pictures>();
  const bool one = fs::is_regular_file(source);
  const fs::path root = one ? fs::path(source).parent_path() : fs::path(source);
  if (!one && !fs::is_directory(root)) throw DataError("there is no folder or picture " + source + "; a style is a folder of pictures, or one of them");
  std::vector<std::string> files = one ? std::vector<std::string>{fs::path(source).filename().string()} : pictures_below(root);
  std::map<std::string, int> folders;          // first-level folders are styles of their own; pictures beside them are one too
  for (const std::string& file : files) folders.emplace(file.find('/') == std::string::npos ? "." : file.substr(0, file.find('/')), 0);
  for (auto& [name, label] : folders) {
    label = int(all->classes.size());
    all->classes.push_back(name == "." ? "style" : name);
  }
  std::vector<Corner> seen, held;
  const uint64_t key = stream_key(0, "data.held_out");
  for (const std::string& file : files) {
    try {
      all->images.push_back(with_channels(scaled(read_image(root / file), shorter, o.size), o.channels ? o.channels : 3));
    } catch (const FormatError& e) {
      if (one) throw;
      if (o.note) o.note(std::string(e.what()) + "; it is left out");
      continue;
    }
    const size_t p = all->images.size() - 1;
    all->files.push_back(file);
    all->labels.push_back(folders.at(file.find('/') == std::string::npos ? "." : file.substr(0, file.find('/'))));
    // Cells of a crop's size tile the picture. Those that are held out are out of every crop that training sees.
    const Image& picture = all->images.back();
    const int side = o.size, across = picture.width / side, down = picture.height / side, step = std::max(1, side / 4);
    std::vector<bool> out(size_t(across) * size_t(down));
    for (size_t c = 0; c < out.size(); ++c) out[c] = part.held_out > 0 && out.size() > 1 && uniform_from(philox(key, p, c).w[0]) < float(part.held_out);
    if (part.held_out > 0 && out.size() >= 4 && std::find(out.begin(), out.end(), true) == out.end()) out[philox(key, p, 0).w[1] % out.size()] = true;
    for (size_t c = 0; c < out.size(); ++c)
      if (out[c]) held.push_back({p, int(c) / across * side, int(c) % across * side});
    for (int y = 0; y + side <= picture.height; y += step)
      for (int x = 0; x + side <= picture.width; x += step) {
        bool free = true;
        for (const int cy : {y / side, (y + side - 1) / side})
          for (const int cx : {x / side, (x + side - 1) / side}) free = free && !(cy < down && cx < across && out[size_t(cy) * size_t(across) + size_t(cx)]);
        if (free) seen.push_back({p, y, x});
      }
  }
  if (seen.empty()) throw DataError(source + ": none of its " + std::to_string(files.size()) + " pictures can be used as a style");
  if (held.empty() && part.held_out > 0)
    throw DataError(source + ": none of its pictures has room for crops of " + std::to_string(o.size) + " pixels to learn from and for one to judge by; take larger pictures, a smaller --size, or data.style_size=" +
                    std::to_string(2 * o.size));
  const int channels = o.channels ? o.channels : 3;
  return {std::make_shared<Crops>(all, seen, o.size, channels), held.empty() ? nullptr : std::make_shared<Crops>(all, held, o.size, channels)};
}

}  // namespace weft::gan
