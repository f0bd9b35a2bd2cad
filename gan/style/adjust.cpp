#include <algorithm>
#include <cmath>

#include "style/oklab.h"
#include "weft/gan/colour.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

void require(const char* dial, double value, double low, double high) {
  if (!(value >= low && value <= high))
    throw ConfigError(std::string(dial) + " is " + std::to_string(value) + "; it goes from " + std::to_string(int(low)) + " to " + std::to_string(int(high)));
}

/// Grain is clumps of silver, about two pixels wide, so neighbours share it: normal noise, smoothed, of variance 1.
float grain(uint64_t stream, int y, int x) {
  float sum = 0;
  for (int dy = -1; dy <= 1; ++dy)
    for (int dx = -1; dx <= 1; ++dx) {
      float four[4];
      normals_from(philox(stream, uint64_t(y + dy + 1), uint64_t(x + dx + 1)), four);
      sum += float((2 - std::abs(dy)) * (2 - std::abs(dx))) * four[0];
    }
  return sum / 6;                                // 36 is the sum of the weights' squares
}

/// A print's lightness: contrast in the middle, shoulder and toe at the ends, ink that is not black and paper that is not white.
float developed(float lightness, float film) {
  const float l = std::clamp(lightness, 0.0f, 1.0f), print = 0.06f + 0.91f * l * l * (3 - 2 * l);
  return l + film * (print - l);
}

}  // namespace

Image adjusted(const Image& picture, const Adjustments& a) {
  require("contrast", a.contrast, 0, 10);
  require("saturation", a.saturation, 0, 10);
  require("film", a.film, 0, 1);
  if (!std::isfinite(a.hue)) throw ConfigError("hue is not a number of degrees");
  Image out = with_channels(picture, 3);
  if (a.hue == 0 && a.contrast == 1 && a.saturation == 1 && !a.black_and_white && a.film == 0) return out;
  const float middle = std::cbrt(0.18f), cosine = float(std::cos(a.hue * M_PI / 180)), sine = float(std::sin(a.hue * M_PI / 180));
  const float chroma = a.black_and_white ? 0 : float(a.saturation), film = float(a.film);
  const uint64_t stream = stream_key(a.seed, "film.grain");
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x) {
      uint8_t* pixel = &out.pixels[(size_t(y) * size_t(out.width) + size_t(x)) * 3];
      const Lab lab = oklab(pixel);
      float lightness = developed(middle + float(a.contrast) * (lab[0] - middle), film);
      if (film > 0) lightness += film * 0.12f * std::clamp(lightness * (1 - lightness), 0.0f, 0.25f) * grain(stream, y, x);   // most where half of the silver is
      const auto rgb = srgb({lightness, chroma * (cosine * lab[1] - sine * lab[2]), chroma * (sine * lab[1] + cosine * lab[2])});
      std::copy(rgb.begin(), rgb.end(), pixel);
    }
  return out;
}

}  // namespace weft::gan
