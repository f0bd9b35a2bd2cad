// Points of the plane as a picture.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "weft/gan/points.h"
#include "weft/gan/sheet.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

struct Colour { float rgb[3], opacity; };
constexpr Colour kReal{{150, 150, 150}, 0.55f}, kMade{{20, 90, 200}, 0.45f};

/// The square that holds most of the points: one that is astray does not make all others small.
struct View {
  double left = -1, top = 1, side = 2;
  explicit View(const std::vector<float>& xy) {
    double low[2], high[2];
    for (size_t axis = 0; axis < 2; ++axis) {
      std::vector<float> values;
      for (size_t i = axis; i < xy.size(); i += 2) if (std::isfinite(xy[i])) values.push_back(xy[i]);
      if (values.empty()) return;
      std::sort(values.begin(), values.end());
      const size_t astray = values.size() / 500;
      low[axis] = values[astray], high[axis] = values[values.size() - 1 - astray];
    }
    side = 1.2 * std::max({high[0] - low[0], high[1] - low[1], 1e-6});
    left = (low[0] + high[0] - side) / 2, top = (low[1] + high[1] + side) / 2;
  }
};

/// A disc, laid over what is there, with an edge that is smooth.
void dot(Image& image, float x, float y, float radius, const Colour& colour) {
  for (int row = std::max(0, int(y - radius - 1)); row <= std::min(image.height - 1, int(y + radius + 1)); ++row)
    for (int column = std::max(0, int(x - radius - 1)); column <= std::min(image.width - 1, int(x + radius + 1)); ++column) {
      const float distance = std::hypot(float(column) + 0.5f - x, float(row) + 0.5f - y);
      const float share = colour.opacity * std::clamp(radius + 0.5f - distance, 0.0f, 1.0f);
      for (int k = 0; k < 3; ++k) {
        uint8_t& value = image.pixels[3 * (size_t(row) * size_t(image.width) + size_t(column)) + size_t(k)];
        value = uint8_t(std::lround(float(value) + share * (colour.rgb[k] - float(value))));
      }
    }
}

std::string caption(const View& v) {
  char text[96];
  std::snprintf(text, sizeof text, "x %.3g to %.3g   y %.3g to %.3g", v.left, v.left + v.side, v.top - v.side, v.top);
  return text;
}

}  // namespace

std::vector<float> to_points(const Tensor& points, const Units& units) {
  if (!are_points(points) || units.zero.size() != 2) throw ShapeError("points are (N,1,1,2) with units for two axes, not " + points.shape().text());
  std::vector<float> xy = points.floats();
  for (size_t i = 0; i < xy.size(); ++i) xy[i] = float(units.zero[i % 2] + units.one[i % 2] * double(xy[i]));
  return xy;
}

Image scatter(const std::vector<float>& real, const std::vector<float>& made, int side) {
  Image image{side, side, 3, std::vector<uint8_t>(size_t(side) * size_t(side) * 3, 255)};
  const View view(real.empty() ? made : real);
  const float scale = float(side) / float(view.side), radius = std::max(1.0f, float(side) / 340);
  const auto all = [&](const std::vector<float>& xy, const Colour& colour) {
    for (size_t i = 0; i + 1 < xy.size(); i += 2) {
      const float x = (xy[i] - float(view.left)) * scale, y = (float(view.top) - xy[i + 1]) * scale;
      if (x > -9 && y > -9 && x < float(side) + 9 && y < float(side) + 9) dot(image, x, y, radius, colour);   // not if NaN
    }
  };
  all(real, kReal);
  all(made, kMade);
  for (int i = 0; i < side; ++i)
    for (const int at : {0, side - 1})
      for (int k = 0; k < 3; ++k)
        image.pixels[3 * (size_t(at) * size_t(side) + size_t(i)) + size_t(k)] = image.pixels[3 * (size_t(i) * size_t(side) + size_t(at)) + size_t(k)] = 190;
  return contact_sheet({image}, 1, {caption(view)});
}

}  // namespace weft::gan
