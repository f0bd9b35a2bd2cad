#include "weft/gan/augment.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "drawing.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr float kLuma[3] = {0.213f, 0.715f, 0.072f};      // of the colour matrices in SVG 1.1, 15.10 (feColorMatrix)

/// Each parameter has its own word, so that switching one on leaves the others as they were.
struct Draws {
  float rotation, shift_x, shift_y, shear, zoom_x, zoom_y, crop, crop_x, crop_y, brightness, contrast, saturation, hue;    // [-1, 1)
  Draws(uint64_t key, int64_t epoch, int64_t position) {
    float* fields[] = {&rotation, &shift_x, &shift_y, &shear, &zoom_x, &zoom_y, &crop, &crop_x, &crop_y, &brightness, &contrast, &saturation, &hue};
    for (size_t i = 0; i < std::size(fields); ++i)
      *fields[i] = 2 * uniform_from(philox(key, uint64_t(epoch), 4 * uint64_t(position) + i / 4).w[i % 4]) - 1;
  }
};

/// std::floor, which is a function call where the processor may be an old one.
int whole(float x) {
  const int towards_zero = int(x);
  return towards_zero - (float(towards_zero) > x);
}

/// ... c b a | a b c ... c b a | ...: the place in [-1/2, side - 1/2] that is seen at x.
float folded(float x, float side) {
  const float period = 2 * side, u = x + 0.5f - period * float(whole((x + 0.5f) / period));
  return std::min(u, period - u) - 0.5f;
}

}  // namespace

Augmenter::Augmenter(const AugmentOptions& options, uint64_t seed, int height, int width, int channels)
    : options_(options), height_(height), width_(width), channels_(channels), flip_key_(stream_key(seed, "data.flip")), key_(stream_key(seed, "data.augment")) {
  const struct { const char* name; double value, high; } ranges[] = {
      {"crop", options.crop, 0.9}, {"rotation", options.rotation, 180}, {"shift", options.shift, 1}, {"shear", options.shear, 1},
      {"zoom", options.zoom, 0.9}, {"jitter", options.jitter, 1}};
  for (const auto& r : ranges)
    if (!(r.value >= 0 && r.value <= r.high))
      throw ConfigError(std::string(r.name) + " = " + std::to_string(r.value) + " is no augmentation; it can be 0 to " + std::to_string(r.high));
  moves_ = options.crop > 0 || options.rotation > 0 || options.shift > 0 || options.shear > 0 || options.zoom > 0;
}

void Augmenter::operator()(float* image, int64_t epoch, int64_t position) {
  const bool flipped = options_.flip && philox(flip_key_, uint64_t(epoch), uint64_t(position)).w[0] >> 31;
  if (moves_) resample(image, flipped, epoch, position);
  else if (flipped)
    for (int y = 0; y < height_; ++y) {
      float* row = image + size_t(y) * size_t(width_ * channels_);
      for (int left = 0, right = width_ - 1; left < right; ++left, --right)
        std::swap_ranges(row + left * channels_, row + (left + 1) * channels_, row + right * channels_);
    }
  if (options_.jitter > 0) recolour(image, epoch, position);
}

void Augmenter::resample(float* image, bool flipped, int64_t epoch, int64_t position) {
  const Draws d(key_, epoch, position);
  const float high = float(height_), wide = float(width_), centre_x = (wide - 1) / 2, centre_y = (high - 1) / 2;
  const auto [sine, cosine] = Turned(float(options_.rotation) * d.rotation / 360);
  const float zoom_x = (1 + float(options_.zoom) * d.zoom_x) * (flipped ? -1.0f : 1.0f), zoom_y = 1 + float(options_.zoom) * d.zoom_y;
  const float shear = float(options_.shear) * d.shear;
  const float kept = 1 - float(options_.crop) * (d.crop + 1) / 2, slack_x = (1 - kept) * wide / 2, slack_y = (1 - kept) * high / 2;
  // Output to input, about the centre: kept * (rotation * shear * zoom * place + shift) + the window's place.
  const float xx = kept * cosine * zoom_x, xy = kept * (cosine * shear - sine) * zoom_y, yx = kept * sine * zoom_x, yy = kept * (sine * shear + cosine) * zoom_y;
  const float to_x = centre_x + kept * float(options_.shift) * wide * d.shift_x + slack_x * d.crop_x;
  const float to_y = centre_y + kept * float(options_.shift) * high * d.shift_y + slack_y * d.crop_y;

  const size_t c = size_t(channels_);
  before_.assign(image, image + size_t(height_) * size_t(width_) * c);
  const bool bordered = options_.fill == Fill::constant;   // otherwise nothing is ever asked for from outside
  const float outside = float(options_.fill_value);
  const auto fetch = [&](int x, int y, size_t k) {
    return bordered && (x < 0 || y < 0 || x >= width_ || y >= height_) ? outside : before_[(size_t(y) * size_t(width_) + size_t(x)) * c + k];
  };
  for (int row = 0; row < height_; ++row)
    for (int column = 0; column < width_; ++column) {
      const float u = float(column) - centre_x, v = float(row) - centre_y;
      float x = xx * u + xy * v + to_x, y = yx * u + yy * v + to_y;
      if (options_.fill == Fill::reflect) x = folded(x, wide), y = folded(y, high);
      if (!bordered) x = std::clamp(x, 0.0f, wide - 1), y = std::clamp(y, 0.0f, high - 1);
      const int left = whole(x), top = whole(y), right = bordered ? left + 1 : std::min(left + 1, width_ - 1),
                bottom = bordered ? top + 1 : std::min(top + 1, height_ - 1);
      const float across = x - float(left), down = y - float(top);
      for (size_t k = 0; k < c; ++k) {
        const float a = fetch(left, top, k), b = fetch(right, top, k), e = fetch(left, bottom, k), f = fetch(right, bottom, k);
        const float upper = a + across * (b - a), lower = e + across * (f - e);
        *image++ = std::clamp(upper + down * (lower - upper), -1.0f, 1.0f);
      }
    }
}

// A pair's two pictures have their channels side by side, and get the same draws.
void Augmenter::recolour(float* image, int64_t epoch, int64_t position) {
  const size_t all = size_t(channels_), c = channels_ % 3 == 0 ? 3 : 1;
  for (size_t first = 0; first < all; first += c) recolour(image + first, all, c, epoch, position);
}

void Augmenter::recolour(float* image, size_t stride, size_t c, int64_t epoch, int64_t position) {
  const Draws d(key_, epoch, position);
  const float strength = float(options_.jitter);
  const float brightness = 1 + strength * d.brightness, contrast = 1 + strength * d.contrast, saturation = 1 + strength * d.saturation;
  const size_t pixels = size_t(height_) * size_t(width_);
  double sum = 0;
  for (size_t i = 0; i < pixels; ++i)
    for (size_t k = 0; k < c; ++k) sum += double((c == 3 ? kLuma[k] : 1.0f) * image[i * stride + k]);
  // In [0, 1], v' = brightness * (mean + contrast * (turned v - mean)); in [-1, 1] the ends move with it.
  const float mean = float(sum / double(pixels)), gain = brightness * contrast, offset = brightness * (1 - contrast) * mean + brightness - 1;
  if (c != 3) {
    for (size_t i = 0; i < pixels * stride; i += stride) image[i] = std::clamp(gain * image[i] + offset, -1.0f, 1.0f);
    return;
  }
  const auto [sine, cosine] = Turned(90 * strength * d.hue / 360);       // a quarter turn at strength 1: SimCLR's proportion of hue to the others
  const float by_sine[3][3] = {{-0.213f, -0.715f, 0.928f}, {0.143f, 0.140f, -0.283f}, {-0.787f, 0.715f, 0.072f}};
  float matrix[3][3];                                      // saturate and hueRotate in one: both keep luma and leave greys alone
  for (int to = 0; to < 3; ++to)
    for (int from = 0; from < 3; ++from)
      matrix[to][from] = kLuma[from] + saturation * (cosine * ((to == from ? 1.0f : 0.0f) - kLuma[from]) + sine * by_sine[to][from]);
  for (size_t i = 0; i < pixels; ++i, image += stride) {
    const float r = image[0], g = image[1], b = image[2];
    for (int k = 0; k < 3; ++k) image[k] = std::clamp(gain * (matrix[k][0] * r + matrix[k][1] * g + matrix[k][2] * b) + offset, -1.0f, 1.0f);
  }
}

}  // namespace weft::gan
