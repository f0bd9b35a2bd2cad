// Which digits samples show, and how evenly they show all 1,000 stacks of three.
#include "weft/gan/digits.h"

#include <algorithm>
#include <cmath>

#include "metrics/products.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr int kTemplates = 300, kTried = 100;                    // of a digit; and drawn to see how near to a template clear ones are
constexpr uint64_t kFirstTemplate = 1000000, kFirstTried = 2000000;
constexpr double kClear = 0.999;
constexpr size_t kAtOnce = 500;                                  // pictures

/// Brightness is taken out: pixels of unit length, and black stays black, which is 1 away from every template.
void append(std::vector<float>& to, const std::vector<uint8_t>& pixels, size_t first = 0, size_t step = 1) {
  double squares = 0;
  for (size_t i = first; i < pixels.size(); i += step) squares += double(pixels[i]) * pixels[i];
  const double scale = squares > 0 ? 1 / std::sqrt(squares) : 0;
  for (size_t i = first; i < pixels.size(); i += step) to.push_back(float(pixels[i] * scale));
}

/// (10 x count, side * side), a digit's variants from `first` on after another's.
Tensor variants(const Context& context, int side, int count, uint64_t first) {
  std::vector<float> values;
  for (int digit = 0; digit < kDigits; ++digit)
    for (int k = 0; k < count; ++k) append(values, draw_digit(digit, first + uint64_t(k), side));
  return context.from(values, {int64_t(kDigits) * count, int64_t(side) * side});
}

struct Near { int digit; float distance; };                      // squared

std::vector<Near> nearest(const Tensor& asked, const Tensor& templates) {
  const NoGraph scope(asked.context());
  const std::vector<float> distances = squared_distances(asked, templates).floats();
  std::vector<Near> all;
  for (auto row = distances.begin(); row != distances.end(); row += templates.size(0)) {
    const auto least = std::min_element(row, row + templates.size(0));
    all.push_back({int((least - row) / kTemplates), *least});
  }
  return all;
}

}  // namespace

DigitReader::DigitReader(const Context& context, int side) : side_(side), templates_(variants(context, side, kTemplates, kFirstTemplate)) {
  std::vector<float> distances;
  for (const Near& n : nearest(variants(context, side, kTried, kFirstTried), templates_)) distances.push_back(n.distance);
  std::sort(distances.begin(), distances.end());
  farthest_ = distances[size_t(kClear * double(distances.size()))];
}

std::vector<DigitReader::Reading> DigitReader::read(const std::vector<Image>& pictures) const {
  std::vector<Reading> all;
  for (size_t begin = 0; begin < pictures.size(); begin += kAtOnce) {
    const size_t end = std::min(pictures.size(), begin + kAtOnce);
    std::vector<float> channels;
    for (size_t k = begin; k < end; ++k) {
      const Image& p = pictures[k];
      if (p.width != side_ || p.height != side_ || p.channels != 3)
        throw ShapeError("digits are read in pictures of " + std::to_string(side_) + "x" + std::to_string(side_) + "x3, and one is " + std::to_string(p.width) + "x" + std::to_string(p.height) + "x" + std::to_string(p.channels));
      for (size_t c = 0; c < 3; ++c) append(channels, p.pixels, c, 3);
    }
    const std::vector<Near> found = nearest(templates_.context().from(channels, {int64_t(3 * (end - begin)), int64_t(side_) * side_}), templates_);
    for (size_t i = 0; i < found.size(); i += 3)
      all.push_back({100 * found[i].digit + 10 * found[i + 1].digit + found[i + 2].digit,
                     std::max({found[i].distance, found[i + 1].distance, found[i + 2].distance}) <= farthest_});
  }
  return all;
}

StackScore score(const std::vector<DigitReader::Reading>& readings) {
  if (readings.empty()) throw DataError("a score of no samples");
  std::vector<int64_t> shown(kStacks), shown_clearly(kStacks);
  StackScore s;
  s.samples = int64_t(readings.size());
  int64_t clear = 0;
  for (const DigitReader::Reading& r : readings) {
    ++shown[size_t(r.number)];
    for (const int digit : {r.number / 100, r.number / 10 % 10, r.number % 10}) s.digits[size_t(digit)] += 1 / (3 * double(s.samples));
    if (r.clear) ++clear, ++shown_clearly[size_t(r.number)];
  }
  for (size_t n = 0; n < size_t(kStacks); ++n) {
    s.modes += shown[n] > 0, s.clear_modes += shown_clearly[n] > 0;
    const double share = double(shown[n]) / double(s.samples);
    if (shown[n]) s.kl += share * std::log(share * kStacks);
  }
  s.clear = double(clear) / double(s.samples);
  s.kl_floor = double(kStacks - 1) / (2 * double(s.samples));
  return s;
}

}  // namespace weft::gan
