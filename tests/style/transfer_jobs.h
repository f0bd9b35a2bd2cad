// Jobs of `transfer` for its tests, of pictures by a formula.
#pragma once
#include <doctest/doctest.h>

#include <cmath>

#include "weft/gan/measures.h"
#include "weft/gan/transfer.h"

namespace weft::testing {

using namespace weft::gan;

/// Rings in warm light on a dark ground: something with a layout.
inline Image rings(int h, int w) {
  Image image{h, w, 3, {}};
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      const double r = std::hypot(y - 0.45 * h, x - 0.55 * w), light = 0.5 + 0.4 * std::cos(r / 5) * std::exp(-r / (0.6 * h));
      for (const double tint : {1.0, 0.8, 0.6}) image.pixels.push_back(uint8_t(40 + 200 * light * tint));
    }
  return image;
}

/// Slanted blue stripes with yellow dots: something with a texture.
inline Image stripes(int h, int w) {
  Image image{h, w, 3, {}};
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      const bool dot = (x % 12) * (x % 12) + (y % 12) * (y % 12) < 9;
      const double s = 0.5 + 0.5 * std::sin((x + 2 * y) * 0.7);
      for (const double v : {dot ? 240.0 : 30 + 60 * s, dot ? 220.0 : 50 + 90 * s, dot ? 60.0 : 120 + 100 * s}) image.pixels.push_back(uint8_t(v));
    }
  return image;
}

inline Image flat(int h, int w, uint8_t value, int channels = 3) { return {h, w, channels, std::vector<uint8_t>(size_t(h * w * channels), value)}; }

/// Left half white.
inline Image left_half(int h, int w) {
  Image mask = flat(h, w, 0, 1);
  for (int i = 0; i < h * w; ++i) mask.pixels[size_t(i)] = i % w < w / 2 ? 255 : 0;
  return mask;
}

inline TransferJob small_job() {
  TransferJob job{rings(64, 72), {{stripes(60, 60)}}, {}, {}};
  job.options.strength = 0.25;
  return job;
}

inline Context cpu() { return Context::open("cpu", {.threads = 2}); }

inline double patches_apart(const Image& a, const Image& b) { return patch_distance(cpu(), {a}, {b})[0]; }

template <class E>
void refused(const TransferJob& job, const std::string& part) {
  try {
    plan_transfer(cpu(), job);
    FAIL("was taken, though: " << part);
  } catch (const E& e) {
    CHECK_MESSAGE(std::string(e.what()).find(part) != std::string::npos, e.what());
  }
}

}  // namespace weft::testing
