#include "weft/gan/nearest.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "metrics/products.h"
#include "weft/gan/set_measures.h"
#include "weft/gan/sheet.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr int64_t kAtOnce = 512;

}  // namespace

std::vector<Nearest> nearest_pictures(const Context& context, const std::vector<Image>& pictures, Dataset& data, const std::vector<int64_t>& own) {
  const int64_t numbers = int64_t(data.height()) * data.width() * data.channels();
  for (const Image& p : pictures)
    if (p.height != data.height() || p.width != data.width() || p.channels != data.channels())
      throw ShapeError("nearest_pictures: pictures of " + std::to_string(p.width) + "x" + std::to_string(p.height) + "x" + std::to_string(p.channels) + " are compared with data of " +
                       std::to_string(data.width()) + "x" + std::to_string(data.height()) + "x" + std::to_string(data.channels()));
  const NoGraph scope(context);
  const Tensor asked = reshape(to_tensor(context, pictures, data.channels()), {int64_t(pictures.size()), numbers});
  std::vector<Nearest> nearest(pictures.size(), {-1, std::numeric_limits<double>::infinity()});
  for (int64_t begin = 0; begin < data.size(); begin += kAtOnce) {
    const int64_t rows = std::min(kAtOnce, data.size() - begin);
    std::vector<float> values(size_t(rows * numbers));
    for (int64_t i = 0; i < rows; ++i) data.read(begin + i, &values[size_t(i * numbers)]);
    const std::vector<float> squares = squared_distances(context.from(values, {rows, numbers}), asked).floats();
    for (int64_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < pictures.size(); ++j) {
        const double distance = squares[size_t(i) * pictures.size() + j];
        if (distance < nearest[j].distance && !(j < own.size() && own[j] == begin + i)) nearest[j] = {begin + i, distance};
      }
  }
  for (size_t j = 0; j < pictures.size(); ++j) {                       // once more, without the rounding of large sums
    const Image found = nearest[j].index < 0 ? pictures[j] : picture_of(data, nearest[j].index);
    nearest[j].distance = pixel_difference(found, pictures[j]);
  }
  return nearest;
}

double pixel_difference(const Image& a, const Image& b) {
  double square = 0;
  for (size_t k = 0; k < a.pixels.size(); ++k) square += (a.pixels[k] - b.pixels[k]) * (a.pixels[k] - b.pixels[k]);
  return std::sqrt(square / double(a.pixels.size())) / 255;
}

Image picture_of(Dataset& data, int64_t i, int* label) {
  Image image{data.height(), data.width(), data.channels(), {}};
  std::vector<float> values(size_t(data.height()) * size_t(data.width()) * size_t(data.channels()));
  const int of_class = data.read(i, values.data());
  if (label) *label = of_class;
  for (const float v : values) image.pixels.push_back(uint8_t(std::clamp(std::nearbyintf((v + 1) * 127.5f), 0.0f, 255.0f)));
  return image;
}

}  // namespace weft::gan
