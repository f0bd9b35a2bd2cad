// Digits in strokes: lines and arcs of ellipses that a round pen follows.
#include "weft/gan/digits.h"

#include "drawing.h"
#include "weft/kernels/error.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

using Stroke = std::vector<Place>;               // of a glyph that is two high and about one wide, about its middle

/// From turn `from` to turn `to`: 0 is right, a quarter is below.
Stroke arc(Place middle, float across, float down, float from, float to) {
  constexpr int kPieces = 14;
  Stroke all;
  for (int k = 0; k <= kPieces; ++k) {
    const auto [sine, cosine] = Turned(from + (to - from) * float(k) / kPieces);
    all.push_back({middle.x + across * cosine, middle.y + down * sine});
  }
  return all;
}

Stroke joined(Stroke a, const Stroke& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<Stroke> upside_down(std::vector<Stroke> strokes) {
  for (Stroke& s : strokes)
    for (Place& p : s) p = {-p.x, -p.y};
  return strokes;
}

const std::vector<std::vector<Stroke>>& glyphs() {
  static const std::vector<Stroke> six = {arc({0, .42f}, .55f, .58f, 0, 1), {{-.55f, .42f}, {-.51f, -.1f}, {-.35f, -.55f}, {-.05f, -.86f}, {.35f, -1}}};
  static const std::vector<std::vector<Stroke>> all = {
      {arc({0, 0}, .56f, 1, 0, 1)},
      {{{-.32f, -.6f}, {.06f, -1}, {.06f, 1}}},
      {joined(arc({0, -.45f}, .55f, .55f, .5f, 1.06f), {{-.56f, 1}, {.6f, 1}})},
      {joined(arc({-.02f, -.52f}, .5f, .48f, .56f, 1.25f), {}), arc({-.02f, .48f}, .58f, .52f, -.25f, .42f)},
      {{{.22f, -1}, {-.6f, .38f}, {.62f, .38f}}, {{.26f, -.25f}, {.26f, 1}}},
      {joined({{.5f, -1}, {-.42f, -1}, {-.48f, -.1f}}, arc({-.02f, .38f}, .58f, .62f, -.36f, .42f))},
      six,
      {{{-.56f, -1}, {.56f, -1}, {-.12f, 1}}},
      {arc({0, -.5f}, .45f, .48f, 0, 1), arc({0, .49f}, .55f, .51f, 0, 1)},
      upside_down(six)};
  return all;
}

}  // namespace

std::vector<uint8_t> draw_digit(int digit, uint64_t variant, int side) {
  constexpr float kDegree = 1.0f / 360, kHeight = 0.31f;         // of a digit from its middle, in sides
  Dice dice(stream_key(0, "data.digits." + std::to_string(digit)), int64_t(variant));
  const auto [sine, cosine] = Turned(dice.in(-10, 10) * kDegree);
  const float slant = dice.in(-0.14f, 0.14f), wide = kHeight * dice.in(0.9f, 1.1f), high = kHeight * dice.in(0.9f, 1.1f);
  const float right = 0.5f + dice.in(-0.05f, 0.05f), down = 0.5f + dice.in(-0.05f, 0.05f), pen = dice.in(0.035f, 0.055f);
  std::vector<Stroke> strokes = glyphs()[size_t(digit)];
  for (Stroke& s : strokes)
    for (Place& p : s) {
      const float x = wide * (p.x - slant * p.y), y = high * p.y;
      p = {right + cosine * x - sine * y, down + sine * x + cosine * y};
    }
  std::vector<uint8_t> pixels;
  pixels.reserve(size_t(side) * size_t(side));
  for (int row = 0; row < side; ++row)
    for (int column = 0; column < side; ++column) {
      const float x = (float(column) + 0.5f) / float(side), y = (float(row) + 0.5f) / float(side);
      float nearest = 9;
      for (const Stroke& s : strokes)
        for (size_t k = 1; k < s.size(); ++k) nearest = std::min(nearest, squared_distance(x, y, s[k - 1], s[k]));
      const float cover = std::clamp((pen - std::sqrt(nearest)) * float(side) + 0.5f, 0.0f, 1.0f);     // of the pixel, by the pen
      pixels.push_back(uint8_t(255 * cover + 0.5f));
    }
  return pixels;
}

}  // namespace weft::gan
