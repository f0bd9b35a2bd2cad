#include "weft/gan/sheet.h"

#include <algorithm>
#include <cmath>

#include "weft/tensor/ops.h"

namespace weft::gan {

Tensor to_tensor(const Context& context, std::span<const Image> pictures, int channels) {
  std::vector<float> values;
  for (const Image& picture : pictures)
    for (const uint8_t p : with_channels(picture, channels).pixels) values.push_back(p / 127.5f - 1);
  return context.from(values, {int64_t(pictures.size()), pictures[0].height, pictures[0].width, channels});
}

Image to_image(const Tensor& images, int64_t i) { return to_sheet(slice(images, 0, i, i + 1), 1); }

Image to_sheet(const Tensor& images, int columns) {
  const int n = int(images.size(0)), h = int(images.size(1)), w = int(images.size(2)), c = int(images.size(3));
  if (columns == 0) columns = std::max(1, int(std::lround(std::ceil(std::sqrt(double(n) * h / w)))));
  const int rows = (n + columns - 1) / columns, gap = 2;
  const std::vector<float> values = images.floats();
  Image sheet{rows * (h + gap) - gap, columns * (w + gap) - gap, c, {}};
  sheet.pixels.assign(size_t(sheet.height) * size_t(sheet.width) * size_t(c), 255);
  const float* value = values.data();
  for (int i = 0; i < n; ++i)
    for (int y = 0; y < h; ++y) {
      uint8_t* to = &sheet.pixels[(size_t(i / columns * (h + gap) + y) * size_t(sheet.width) + size_t(i % columns * (w + gap))) * size_t(c)];
      for (int k = 0; k < w * c; ++k) {
        const float level = std::nearbyintf((*value++ + 1) * 127.5f);
        to[k] = uint8_t(level >= 0 ? std::min(level, 255.0f) : 0);       // NaN is black
      }
    }
  return sheet;
}

}  // namespace weft::gan
