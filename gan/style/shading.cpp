// Light and shade of a cloth under another surface. The blurred luminance of a garment is its folds and shadows: the dressed one is
// made lighter or darker, pixel by pixel, by the ratio of how light its surroundings should be to how light they are. Where a cloth was laid over
// the garment beforehand, how light the surroundings are is the cloth's own matter, its large motifs': there the garment's light falls on it.
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

Image lit_as(const Image& picture, const Image& content, const std::vector<float>& share) {
  const int h = picture.height, w = picture.width;
  if (h != content.height || w != content.width || share.size() != size_t(h) * size_t(w)) throw ShapeError("lit_as: the pictures are of different sizes");
  const int radius = std::max(1, std::max(h, w) / 64);
  const auto low = [&](const Image& image) { return smoothed(luminance(image).values, h, w, radius); };
  const std::vector<float> folds = low(content), now = low(picture);
  double all = 0, fold_mean = 0, now_mean = 0;
  for (size_t i = 0; i < share.size(); ++i) all += share[i], fold_mean += share[i] * folds[i], now_mean += share[i] * now[i];
  Image result = with_channels(picture, 3);
  if (all == 0) return result;
  constexpr double floor = 0.04;
  fold_mean = fold_mean / all + floor, now_mean = now_mean / all + floor;
  const auto fold = [&](size_t i) { return (folds[i] + floor) / fold_mean - 1; };
  double theirs = 0, ours = 0, both = 0;         // squares and products
  for (size_t i = 0; i < share.size(); ++i) {
    const double now_here = (now[i] + floor) / now_mean - 1;
    theirs += share[i] * fold(i) * fold(i), ours += share[i] * now_here * now_here, both += share[i] * fold(i) * now_here;
  }
  if (theirs == 0) return result;
  const double depth = std::max(1.0, std::pow(ours / theirs, 0.25));        // folds must be seen beside the motifs: as in shaded_as, half way to theirs
  const double lacking = std::clamp(depth - both / theirs, 0.0, depth);     // by least squares, so deep they are in the picture already
  for (size_t i = 0; i < share.size(); ++i)
    for (size_t k = 3 * i; k < 3 * i + 3; ++k) result.pixels[k] = uint8_t(std::lround(std::clamp(result.pixels[k] * (1 + lacking * fold(i)), 0.0, 255.0)));
  return result;
}

}  // namespace weft::gan
