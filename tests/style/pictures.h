// Pictures for the tests of style: by a formula, of one colour, and the swatches that weft draws.
#pragma once
#include <cmath>
#include <vector>

#include "weft/gan/dataset.h"
#include "weft/gan/tile.h"

namespace weft::testing {

/// The same as `picture` in measures_witness.py.
inline gan::Image formula(int height, int width, int seed) {
  gan::Image image{height, width, 3, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int k = 0; k < 3; ++k) image.pixels.push_back(uint8_t((y * (7 + seed) + x * 3 * (k + 1) + (x * y + seed) % 29 * 5) % 256));
  return image;
}

inline gan::Image one_colour(int height, int width, std::vector<uint8_t> colour) {
  gan::Image image{height, width, int(colour.size()), std::vector<uint8_t>(size_t(height * width) * colour.size())};
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = colour[i % colour.size()];
  return image;
}

inline gan::Image swatch(int64_t i, int size) {
  std::vector<float> values(size_t(size) * size_t(size) * 3);
  gan::DatasetOptions options;
  options.size = size;
  gan::open_dataset("swatches", options)->read(i, values.data());
  gan::Image image{size, size, 3, {}};
  for (const float v : values) image.pixels.push_back(uint8_t(std::lround((v + 1) * 127.5f)));
  return image;
}

inline gan::Image crop(const gan::Image& image, int top, int left, int height, int width) {
  return gan::cloth(image, gan::Layout::straight, top, left, height, width);
}

}  // namespace weft::testing
