#include "style/oklab.h"

#include <algorithm>
#include <cmath>

namespace weft::gan {
namespace {

std::array<float, 256> linear_light() {
  std::array<float, 256> table{};
  for (size_t i = 0; i < 256; ++i) {
    const double v = double(i) / 255;
    table[i] = float(v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
  }
  return table;
}

uint8_t encoded(float linear) {
  const float v = std::clamp(linear, 0.0f, 1.0f);
  return uint8_t(std::lround(255 * (v <= 0.0031308f ? 12.92f * v : 1.055f * std::pow(v, 1 / 2.4f) - 0.055f)));
}

}  // namespace

Lab oklab(const uint8_t* rgb) {
  static const std::array<float, 256> linear = linear_light();
  const float r = linear[rgb[0]], g = linear[rgb[1]], b = linear[rgb[2]];
  const float l = std::cbrt(0.4122214708f * r + 0.5363325363f * g + 0.0514459929f * b), m = std::cbrt(0.2119034982f * r + 0.6806995451f * g + 0.1073969566f * b),
              s = std::cbrt(0.0883024619f * r + 0.2817188376f * g + 0.6299787005f * b);
  return {0.2104542553f * l + 0.7936177850f * m - 0.0040720468f * s, 1.9779984951f * l - 2.4285922050f * m + 0.4505937099f * s,
          0.0259040371f * l + 0.7827717662f * m - 0.8086757660f * s};
}

std::array<uint8_t, 3> srgb(Lab lab) {
  lab[0] = std::clamp(lab[0], 0.0f, 1.0f);
  for (float keep = 1;; keep = keep > 0.01f ? keep * 0.95f : 0) {
    const float a = keep * lab[1], b = keep * lab[2];
    const float l = std::pow(lab[0] + 0.3963377774f * a + 0.2158037573f * b, 3.0f), m = std::pow(lab[0] - 0.1055613458f * a - 0.0638541728f * b, 3.0f),
                s = std::pow(lab[0] - 0.0894841775f * a - 1.2914855480f * b, 3.0f);
    const float red = 4.0767416621f * l - 3.3077115913f * m + 0.2309699292f * s, green = -1.2684380046f * l + 2.6097574011f * m - 0.3413193965f * s,
                blue = -0.0041960863f * l - 0.7034186147f * m + 1.7076147010f * s;
    const auto [low, high] = std::minmax({red, green, blue});
    if (keep == 0 || (low > -0.002f && high < 1.002f)) return {encoded(red), encoded(green), encoded(blue)};    // a rounding beyond the edge is none
  }
}

}  // namespace weft::gan
