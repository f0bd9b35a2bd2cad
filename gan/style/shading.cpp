// Light and shade of a cloth under another surface. The blurred luminance of a garment is its folds and shadows: the dressed one is
// made lighter or darker, pixel by pixel, by the ratio of how light its surroundings should be to how light they are.
#include <algorithm>
#include <cmath>

#include "style/planes.h"
#include "style/regions.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

struct Spread {
  double mean = 0, deviation = 0;
};

Spread spread_of(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const float v : values) sum += v, squares += double(v) * v;
  const double mean = sum / double(values.size());
  return {mean, std::sqrt(std::max(0.0, squares / double(values.size()) - mean * mean))};
}

}  // namespace

Image shaded_as(const Image& picture, const Image& content) {
  if (picture.height != content.height || picture.width != content.width) throw ShapeError("shaded_as: the pictures are of different sizes");
  const int h = picture.height, w = picture.width, radius = std::max(1, std::max(h, w) / 64);
  const auto low = [&](const Image& image) { return smoothed(luminance(image).values, h, w, radius); };
  const std::vector<float> folds = low(content), first = low(picture);
  const Spread theirs = spread_of(folds), ours = spread_of(first);
  // The content's folds round the result's own mean; their depth between the content's and what the style has room for.
  const double depth = theirs.deviation > 0 ? std::sqrt(ours.deviation / theirs.deviation) : 0;
  Image result = with_channels(picture, 3);
  constexpr double floor = 0.04;                 // black stays black rather than turning into noise
  for (int pass = 0; pass < 2; ++pass) {         // the second makes good what clipping took
    const std::vector<float> now = pass == 0 ? first : low(result);
    for (size_t i = 0; i < now.size(); ++i) {
      const double wanted = std::clamp(ours.mean + depth * (folds[i] - theirs.mean), 0.0, 1.0), ratio = (wanted + floor) / (now[i] + floor);
      for (size_t k = 3 * i; k < 3 * i + 3; ++k) result.pixels[k] = uint8_t(std::lround(std::min(255.0, result.pixels[k] * ratio)));
    }
  }
  return result;
}

}  // namespace weft::gan
