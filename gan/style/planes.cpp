#include "style/planes.h"

#include <algorithm>
#include <cmath>

namespace weft::gan {

Plane luminance(const Image& image) {
  expect_picture("luminance", image);
  Plane plane{image.height, image.width, std::vector<float>(size_t(image.height) * size_t(image.width))};
  const size_t c = size_t(image.channels);
  for (size_t i = 0; i < plane.values.size(); ++i) {
    const uint8_t* p = &image.pixels[i * c];
    plane.values[i] = (c == 1 ? float(p[0]) : 0.299f * float(p[0]) + 0.587f * float(p[1]) + 0.114f * float(p[2])) / 255;
  }
  return plane;
}

Plane blurred_inside(const Plane& plane, double sigma, int radius) {
  std::vector<float> window(size_t(2 * radius + 1));
  double sum = 0;
  for (int t = -radius; t <= radius; ++t) sum += std::exp(-t * t / (2 * sigma * sigma));
  for (int t = -radius; t <= radius; ++t) window[size_t(t + radius)] = float(std::exp(-t * t / (2 * sigma * sigma)) / sum);

  const size_t h = size_t(plane.height - 2 * radius), w = size_t(plane.width - 2 * radius), from = size_t(plane.width);
  std::vector<float> rows(size_t(plane.height) * w, 0.0f);
  for (size_t y = 0; y < size_t(plane.height); ++y)
    for (size_t t = 0; t < window.size(); ++t)
      for (size_t x = 0; x < w; ++x) rows[y * w + x] += window[t] * plane.values[y * from + x + t];
  Plane out{int(h), int(w), std::vector<float>(h * w, 0.0f)};
  for (size_t y = 0; y < h; ++y)
    for (size_t t = 0; t < window.size(); ++t)
      for (size_t x = 0; x < w; ++x) out.values[y * w + x] += window[t] * rows[(y + t) * w + x];
  return out;
}

Compared compared(const Plane& x, const Plane& y) {
  const double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  const auto blurred = [](const Plane& p) { return blurred_inside(p, 1.5, kWindow / 2).values; };
  const auto product = [&](Plane p, const Plane& q) {
    for (size_t i = 0; i < p.values.size(); ++i) p.values[i] *= q.values[i];
    return blurred(p);
  };
  const std::vector<float> mx = blurred(x), my = blurred(y), xx = product(x, x), yy = product(y, y), xy = product(x, y);
  double luminance = 0, contrast = 0;
  for (size_t i = 0; i < mx.size(); ++i) {
    const double u = mx[i], v = my[i], cs = (2 * (xy[i] - u * v) + c2) / (xx[i] - u * u + yy[i] - v * v + c2);
    contrast += cs;
    luminance += (2 * u * v + c1) / (u * u + v * v + c1) * cs;
  }
  return {luminance / double(mx.size()), contrast / double(mx.size())};
}

Image at_least(const Image& image, int side) {
  return resized(image, std::max(image.height, side), std::max(image.width, side));
}

}  // namespace weft::gan
