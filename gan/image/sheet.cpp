#include "weft/gan/sheet.h"

#include <algorithm>
#include <cmath>

#include "weft/tensor/ops.h"

namespace weft::gan {
namespace {

void draw(const float* image, int h, int w, int c, Image& onto, int top, int left) {
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      for (int k = 0; k < c; ++k) {
        const float value = std::nearbyintf((image[(y * w + x) * c + k] + 1) * 127.5f);
        onto.pixels[(size_t(top + y) * size_t(onto.width) + size_t(left + x)) * size_t(c) + size_t(k)] =
            uint8_t(value >= 0 ? std::min(value, 255.0f) : 0);   // NaN is black
      }
}

Image blank(int h, int w, int c) {
  Image image;
  image.height = h, image.width = w, image.channels = c;
  image.pixels.assign(size_t(h) * size_t(w) * size_t(c), 255);
  return image;
}

}  // namespace

Image to_image(const Tensor& images, int64_t i) {
  const int h = int(images.size(1)), w = int(images.size(2)), c = int(images.size(3));
  const std::vector<float> values = slice(images, 0, i, i + 1).floats();
  Image image = blank(h, w, c);
  draw(values.data(), h, w, c, image, 0, 0);
  return image;
}

Image to_sheet(const Tensor& images, int columns) {
  const int n = int(images.size(0)), h = int(images.size(1)), w = int(images.size(2)), c = int(images.size(3));
  if (columns == 0) columns = std::max(1, int(std::lround(std::ceil(std::sqrt(double(n) * h / w)))));
  const int rows = (n + columns - 1) / columns, gap = 2;
  const std::vector<float> values = images.floats();
  Image sheet = blank(rows * (h + gap) - gap, columns * (w + gap) - gap, c);
  for (int i = 0; i < n; ++i)
    draw(values.data() + size_t(i) * size_t(h * w * c), h, w, c, sheet, i / columns * (h + gap), i % columns * (w + gap));
  return sheet;
}

}  // namespace weft::gan
