// What the pictures that weft draws are drawn with: draws by counters, colours, and sRGB, with the same bits everywhere.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "weft/kernels/philox.h"

namespace weft::gan {

/// The draws of one picture, one after the other.
class Dice {
 public:
  Dice(uint64_t key, int64_t i) : key_(key), i_(uint64_t(i)) {}
  float unit() {                                 // [0, 1)
    if (used_ % 4 == 0) words_ = philox(key_, i_, used_ / 4);
    return uniform_from(words_.w[used_++ % 4]);
  }
  float in(float low, float high) { return low + (high - low) * unit(); }
  int below(int n) { return int(unit() * float(n)); }

 private:
  uint64_t key_, i_, used_ = 0;
  Words4 words_{};
};

/// Sine and cosine of an angle in turns.
struct Turned {
  float sine, cosine;
  explicit Turned(float turns) { detail::sincos_turn(turns - std::floor(turns), &sine, &cosine); }
};

struct Place { float x, y; };                    // y downwards

/// From a point to the piece of a line between two others.
inline float squared_distance(float x, float y, Place a, Place b) {
  const float dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const float t = length > 0 ? std::clamp(((x - a.x) * dx + (y - a.y) * dy) / length, 0.0f, 1.0f) : 0;
  const float ex = x - a.x - t * dx, ey = y - a.y - t * dy;
  return ex * ex + ey * ey;
}

struct Colour {
  float rgb[3];                                  // linear, [0, 1]
};

/// Chroma gives way until the colour is one of sRGB's. `hue` in turns.
inline Colour oklch(float lightness, float chroma, float hue) {
  const auto [sine, cosine] = Turned(hue);
  for (;; chroma *= 0.9f) {
    const float a = chroma * cosine, b = chroma * sine;
    const float l = lightness + 0.39633778f * a + 0.21580376f * b, m = lightness - 0.10556135f * a - 0.06385417f * b,
                s = lightness - 0.08948418f * a - 1.29148555f * b;
    const float l3 = l * l * l, m3 = m * m * m, s3 = s * s * s;
    const Colour c{{4.07674166f * l3 - 3.30771159f * m3 + 0.23096993f * s3, -1.26843800f * l3 + 2.60975740f * m3 - 0.34131940f * s3,
                    -0.00419609f * l3 - 0.70341861f * m3 + 1.70761470f * s3}};
    const auto [low, high] = std::minmax({c.rgb[0], c.rgb[1], c.rgb[2]});
    if (low >= 0 && high <= 1) return c;
    if (chroma < 1e-3f) return {{std::clamp(c.rgb[0], 0.0f, 1.0f), std::clamp(c.rgb[1], 0.0f, 1.0f), std::clamp(c.rgb[2], 0.0f, 1.0f)}};
  }
}

/// Linear light, [0, 1], as a byte of sRGB (IEC 61966-2-1). x^(5/12) is taken by roots.
class Srgb {
 public:
  Srgb() : encoded_(kSteps) {
    for (int i = 0; i < kSteps; ++i) {
      const double linear = double(i) / (kSteps - 1), root = std::sqrt(std::sqrt(linear));
      double twelfth = 1;
      for (int newton = 0; newton < 60 && linear > 0; ++newton) twelfth = (2 * twelfth + root / (twelfth * twelfth)) / 3;
      const double encoded = linear <= 0.0031308 ? 12.92 * linear : 1.055 * twelfth * twelfth * twelfth * twelfth * twelfth - 0.055;
      encoded_[size_t(i)] = uint8_t(std::nearbyint(255 * encoded));
    }
  }
  uint8_t operator()(float linear) const { return encoded_[size_t(std::clamp(linear * (kSteps - 1) + 0.5f, 0.0f, float(kSteps - 1)))]; }

 private:
  static constexpr int kSteps = 4096;
  std::vector<uint8_t> encoded_;
};

}  // namespace weft::gan
