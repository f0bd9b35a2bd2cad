// Pairs made of pictures alone: the picture, and a line drawing of it.
#include <algorithm>
#include <cmath>

#include "dataset_kinds.h"
#include "weft/gan/nearest.h"
#include "weft/gan/two_sides.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

/// Values of a picture's pixels, with the edge repeated beyond it.
struct Plane {
  int height, width;
  std::vector<float> values;
  float at(int y, int x) const { return values[size_t(std::clamp(y, 0, height - 1)) * size_t(width) + size_t(std::clamp(x, 0, width - 1))]; }
};

Plane smoothed(const Plane& p) {
  Plane rows = p, both = p;
  for (int y = 0, i = 0; y < p.height; ++y)
    for (int x = 0; x < p.width; ++x, ++i) rows.values[size_t(i)] = (p.at(y, x - 1) + 2 * p.at(y, x) + p.at(y, x + 1)) / 4;
  for (int y = 0, i = 0; y < p.height; ++y)
    for (int x = 0; x < p.width; ++x, ++i) both.values[size_t(i)] = (rows.at(y - 1, x) + 2 * rows.at(y, x) + rows.at(y + 1, x)) / 4;
  return both;
}

class Sketches final : public Dataset {
 public:
  Sketches(std::shared_ptr<Dataset> pictures, int size) : pictures_(std::move(pictures)) {
    size_ = pictures_->size(), side_ = size, channels_ = 2 * pictures_->channels();
    classes_ = pictures_->classes(), labels_ = pictures_->labels(), weights_ = pictures_->weights();
  }

  int read(int64_t i, float* out) override {
    const int c = pictures_->channels();
    int label;
    const Image picture = resized(picture_of(*pictures_, i, &label), side_, side_);
    broken_ = pictures_->broken();
    const Image lines = with_channels(line_drawing(picture), c);
    for (size_t k = 0; k < picture.pixels.size(); k += size_t(c), out += 2 * c)
      for (int channel = 0; channel < c; ++channel) {
        out[channel] = float(lines.pixels[k + size_t(channel)]) / 127.5f - 1;
        out[c + channel] = float(picture.pixels[k + size_t(channel)]) / 127.5f - 1;
      }
    return label;
  }
  std::string name(int64_t i) const override { return pictures_->name(i); }

 private:
  std::shared_ptr<Dataset> pictures_;
};

}  // namespace

Image line_drawing(const Image& picture) {
  const Image grey = with_channels(picture, 1);
  Plane p{grey.height, grey.width, {grey.pixels.begin(), grey.pixels.end()}};
  p = smoothed(p);
  Plane dx = p, dy = p, strength = p;              // Sobel's, over one grey level a pixel
  float strongest = 0;
  for (int y = 0, k = 0; y < p.height; ++y)
    for (int x = 0; x < p.width; ++x, ++k) {
      const size_t i = size_t(k);
      dx.values[i] = (p.at(y - 1, x + 1) + 2 * p.at(y, x + 1) + p.at(y + 1, x + 1) - p.at(y - 1, x - 1) - 2 * p.at(y, x - 1) - p.at(y + 1, x - 1)) / 8;
      dy.values[i] = (p.at(y + 1, x - 1) + 2 * p.at(y + 1, x) + p.at(y + 1, x + 1) - p.at(y - 1, x - 1) - 2 * p.at(y - 1, x) - p.at(y - 1, x + 1)) / 8;
      strength.values[i] = std::sqrt(dx.values[i] * dx.values[i] + dy.values[i] * dy.values[i]);
      strongest = std::max(strongest, strength.values[i]);
    }
  // A quarter of the strongest is a black line; below a grey level a pixel it is noise, however weak the rest.
  const float black = std::max(strongest / 4, 4.0f), white = black / 4;
  Image lines{p.height, p.width, 1, std::vector<uint8_t>(p.values.size(), 255)};
  for (int y = 0, k = 0; y < p.height; ++y)
    for (int x = 0; x < p.width; ++x, ++k) {
      const size_t i = size_t(k);
      const float ax = std::fabs(dx.values[i]), ay = std::fabs(dy.values[i]), s = strength.values[i];
      const bool across = ax > 0.41421356f * ay, down = ay > 0.41421356f * ax;      // tan 22.5 degrees: which of the eight neighbours it points to
      const int step_x = across ? 1 : 0, step_y = down ? (dx.values[i] * dy.values[i] < 0 && across ? -1 : 1) : 0;
      // Of two that are equally strong the second is the ridge.
      if (s < strength.at(y + step_y, x + step_x) || s <= strength.at(y - step_y, x - step_x)) continue;
      lines.pixels[i] = uint8_t(255 - std::clamp((s - white) / (black - white), 0.0f, 1.0f) * 255);
    }
  return lines;
}

std::shared_ptr<Dataset> open_sketches(const std::string& source, const DatasetOptions& options) {
  DatasetOptions own = options;
  std::error_code ignored;
  if (source == kNamedData[0].name) own.size = 28;                     // IDX pictures come as they are, and are resized here
  else if (std::filesystem::is_regular_file(source, ignored) && is_idx_images(source)) own.size = int(read_idx_header(source).shape.at(1));
  return std::make_shared<Sketches>(open_dataset(source, own), options.size);
}

}  // namespace weft::gan
