// Textile swatches that weft draws itself, so that there is always something to train on. A swatch is cloth: coloured threads
// run down (warp) and across (weft), a weave says which of the two is seen, and a whole number of repeats fits the picture, so
// each is a seamless tile. Houndstooth is no drawing but what four dark and four light threads do in a 2/2 twill.
// Colours are chosen in OKLCH (Ottosson, "A perceptual color space for image processing", 2020) and mixed in linear light.
#include <algorithm>
#include <cmath>

#include "dataset_kinds.h"
#include "drawing.h"
#include "weft/gan/image.h"
#include "weft/kernels/error.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int64_t kSwatches = 20000;
enum Pattern { stripes, checks, houndstooth, tartan, dots };

/// Ground, main, second, accent: hues in harmony, lightnesses far enough apart to be told from each other.
struct Colourway {
  Colour colours[4];
  explicit Colourway(Dice& dice) {
    struct Range { float lightness[2], chroma[2]; };
    static constexpr Range kCloths[3][4] = {
        {{{0.91f, 0.97f}, {0.008f, 0.035f}}, {{0.30f, 0.46f}, {0.06f, 0.13f}}, {{0.55f, 0.68f}, {0.08f, 0.15f}}, {{0.70f, 0.80f}, {0.10f, 0.16f}}},   // light
        {{{0.22f, 0.34f}, {0.03f, 0.07f}}, {{0.76f, 0.93f}, {0.02f, 0.10f}}, {{0.50f, 0.62f}, {0.10f, 0.16f}}, {{0.78f, 0.86f}, {0.11f, 0.17f}}},     // dark
        {{{0.56f, 0.68f}, {0.06f, 0.12f}}, {{0.92f, 0.97f}, {0.01f, 0.04f}}, {{0.27f, 0.36f}, {0.05f, 0.10f}}, {{0.77f, 0.84f}, {0.10f, 0.15f}}}};    // between
    static constexpr float kHarmonies[5][3] = {                             // turns from the ground's hue
        {0.0f, 0.08f, -0.08f}, {0.5f, 0.0f, 0.46f}, {0.42f, 0.58f, 0.0f}, {0.33f, 0.67f, 0.05f}, {0.0f, 0.0f, 0.5f}};
    const float hue = dice.unit();
    const auto& cloth = kCloths[dice.below(3)];
    const auto& harmony = kHarmonies[dice.below(5)];
    for (int c = 0; c < 4; ++c) {
      const float lightness = dice.in(cloth[c].lightness[0], cloth[c].lightness[1]), chroma = dice.in(cloth[c].chroma[0], cloth[c].chroma[1]);
      colours[c] = oklch(lightness, chroma, c == 0 ? hue : hue + harmony[c - 1] + dice.in(-0.015f, 0.015f));
    }
  }
};

/// The order of coloured threads along one axis, as bands of a repeat.
struct Bands {
  std::vector<std::pair<float, int>> list;       // width in any unit, colour
  void mirror() { for (int i = int(list.size()) - 2; i > 0; --i) list.push_back(list[size_t(i)]); }
  /// Colour at each of n samples over `repeats` repeats, begun at `phase` of one.
  std::vector<uint8_t> along(int n, int repeats, float phase) const {
    float whole = 0;
    for (const auto& [width, colour] : list) whole += width;
    std::vector<uint8_t> colours(size_t(n), 0);
    for (int s = 0; s < n; ++s) {
      float at = (float(s) + 0.5f) / float(n) * float(repeats) + phase;
      at = (at - std::floor(at)) * whole;
      size_t band = 0;
      while (band + 1 < list.size() && at >= list[band].first) at -= list[band++].first;
      colours[size_t(s)] = uint8_t(list[band].second);
    }
    return colours;
  }
};

Bands stripe_bands(Dice& dice) {
  switch (dice.below(3)) {
    case 0: return {{{1, 0}, {1, 1}}};                                                      // awning
    case 1: return {{{dice.in(3, 7), 0}, {1, 1}}};                                          // pin stripes
    default: {
      Bands b{{{dice.in(2, 5), 0}}};
      for (int n = 2 + dice.below(3), last = 0; n--;) {
        last = (last + 1 + dice.below(3)) % 4;
        b.list.push_back({dice.in(0.5f, 3), last});
      }
      b.mirror();
      return b;
    }
  }
}

Bands check_bands(Dice& dice) {
  switch (dice.below(3)) {
    case 0: return {{{1, 0}, {1, 1}}};                                                      // gingham
    case 1: return {{{dice.in(5, 9), 0}, {1, 1}}};                                          // windowpane
    default: { const float ground = dice.in(3, 6); return {{{ground, 0}, {1, 1}, {ground, 0}, {1, 2}}}; }     // tattersall
  }
}

Bands tartan_sett(Dice& dice) {
  Bands b{{{dice.in(4, 8), 0}, {dice.in(0.4f, 1), 3}, {dice.in(1, 3), 0}, {dice.in(2.5f, 5), 2}, {dice.in(0.5f, 1.2f), 1}, {dice.in(2, 5), 2}}};
  if (dice.below(2)) b.list.push_back({dice.in(0.4f, 0.9f), 3});
  b.mirror();
  return b;
}

class Swatches final : public Dataset {
 public:
  explicit Swatches(const DatasetOptions& options) {
    if (options.size < 8 || options.size > 1024) throw ConfigError("swatches are drawn with 8 to 1024 pixels a side, not " + std::to_string(options.size));
    size_ = kSwatches, side_ = options.high ? options.high : options.size, across_ = options.across ? options.across : options.size;
    drawn_ = std::max(side_, across_);
    if (drawn_ > 1024) throw ConfigError("swatches are drawn with 8 to 1024 pixels a side, not " + std::to_string(drawn_));
    channels_ = options.channels ? options.channels : 3;
    classes_ = {"stripes", "checks", "houndstooth", "tartan", "dots"};
    for (int64_t i = 0; i < size_; ++i) labels_.push_back(int(i % 5));
    samples_ = drawn_ <= 64 ? 4 : drawn_ <= 256 ? 3 : 2;
  }

  int read(int64_t i, float* out) override {
    const Image image = centre_crop(with_channels(draw(i, Pattern(labels_[size_t(i)])), channels_), height(), width());
    for (size_t p = 0; p < image.pixels.size(); ++p) out[p] = float(image.pixels[p]) / 127.5f - 1;
    return labels_[size_t(i)];
  }

 private:
  Image draw(int64_t i, Pattern pattern) const {
    Dice dice(key_, i);
    const Colourway way(dice);
    const int n = drawn_ * samples_;                       // samples a side
    const float phase_x = dice.unit(), phase_y = dice.unit();
    const Yarns yarns(dice, n, samples_);
    using Line = std::vector<uint8_t>;
    const auto even = [&](int colour) { return Line(size_t(n), uint8_t(colour)); };

    if (pattern == stripes) {
      const Bands bands = stripe_bands(dice);
      const int repeats = bands.list.size() > 2 ? 1 + dice.below(2) : 2 + dice.below(5), course = dice.below(3);
      const Line line = bands.along(n, repeats, phase_x);
      if (course == 0) return weave(way, yarns, line, even(0), [](int, int) { return 1.0f; });
      if (course == 1) return weave(way, yarns, even(0), line, [](int, int) { return 0.0f; });
      const auto slanted = [&](int x, int y) { return line[size_t(x + y < n ? x + y : x + y - n)] == 0 ? 1.0f : 0.0f; };
      return weave(way, yarns, even(0), even(1), slanted);
    }
    if (pattern == checks || pattern == tartan) {
      const Bands bands = pattern == checks ? check_bands(dice) : tartan_sett(dice);
      const int repeats = pattern == checks ? 2 + dice.below(3) : 1 + dice.below(2);
      return weave(way, yarns, bands.along(n, repeats, phase_x), bands.along(n, repeats, phase_y),
                   [&](int x, int y) { return 0.5f + yarns.seen * (yarns.warp_up(x, y) ? 0.5f : -0.5f); });
    }
    if (pattern == houndstooth) {
      const Bands bands{{{4, 0}, {4, 1}}};
      const int repeats = 2 + dice.below(2), ends = 8 * repeats;
      const auto thread = [&](int s, float phase) { return int(std::floor((float(s) + 0.5f) * float(ends) / float(n) + 8 * phase)); };
      std::vector<int> end(size_t(n), 0), pick(size_t(n), 0);
      for (int s = 0; s < n; ++s) end[size_t(s)] = thread(s, phase_x), pick[size_t(s)] = thread(s, phase_y);
      return weave(way, yarns, bands.along(n, repeats, phase_x), bands.along(n, repeats, phase_y),
                   [&](int x, int y) { return ((end[size_t(x)] - pick[size_t(y)]) & 3) < 2 ? 1.0f : 0.0f; });
    }
    const int repeats = 1 + dice.below(4);                 // dots, every other row half a step aside
    const float radius = dice.in(0.12f, 0.24f), square = radius * radius, ring = dice.below(3) ? 0 : square * dice.in(0.2f, 0.4f);
    const auto cell = [&](int s, float phase) { return (float(s) + 0.5f) * float(repeats) / float(n) + phase; };
    const auto off = [](float at) { return at - std::nearbyint(at); };        // to the nearest dot
    return weave(way, yarns, even(0), even(dice.below(2) ? 1 : 2), [&](int x, int y) {
      const float u = cell(x, phase_x), v = cell(y, phase_y);
      const float a = off(u), b = off(v), c = off(u + 0.5f), d = off(v + 0.5f);
      const float distance = std::min(a * a + b * b, c * c + d * d);
      return distance > square || distance < ring ? 1.0f : 0.0f;
    });
  }

  /// What the single threads add: each a little lighter or darker, and rounded. Threads finer than a pixel are not seen.
  struct Yarns {
    int count;                                   // across the picture
    float seen;                                  // 0 to 1
    std::vector<int> index;                      // (n): the thread at each sample
    std::vector<float> light[2];                 // (n): of warp and weft
    Yarns(Dice& dice, int n, int samples) : count(4 * (16 + 4 * dice.below(5))) {
      const float pixels = float(n) / float(samples) / float(count);
      seen = std::clamp((pixels - 1) / 2, 0.0f, 1.0f);
      for (int axis = 0; axis < 2; ++axis) {
        std::vector<float> slub(size_t(count), 0);
        for (float& s : slub) s = dice.in(-0.12f, 0.12f);
        for (int s = 0; s < n; ++s) {
          const float at = (float(s) + 0.5f) * float(count) / float(n), across = 2 * (at - std::floor(at)) - 1;
          const int t = int(at);
          if (axis == 0) index.push_back(t);
          light[axis].push_back(1 + seen * (slub[size_t(t)] - 0.45f * across * across + 0.1f - 0.08f * float(axis)));
        }
      }
    }
    bool warp_up(int x, int y) const { return ((index[size_t(x)] - index[size_t(y)]) & 3) < 2; }     // 2/2 twill
  };

  /// @param share  (x, y) -> how much of the warp's colour is seen there, 0 to 1
  template <class Share>
  Image weave(const Colourway& way, const Yarns& yarns, const std::vector<uint8_t>& warp, const std::vector<uint8_t>& weft, Share share) const {
    Image image{drawn_, drawn_, 3, std::vector<uint8_t>(size_t(drawn_) * size_t(drawn_) * 3)};
    const float scale = 1.0f / float(samples_ * samples_);
    for (int row = 0; row < drawn_; ++row)
      for (int column = 0; column < drawn_; ++column) {
        float sum[3] = {};
        for (int y = row * samples_; y < (row + 1) * samples_; ++y)
          for (int x = column * samples_; x < (column + 1) * samples_; ++x) {
            const Colour &a = way.colours[weft[size_t(y)]], &b = way.colours[warp[size_t(x)]];
            const float w = share(x, y), light = yarns.seen == 0 ? 1.0f : yarns.light[yarns.warp_up(x, y) ? 0 : 1][size_t(yarns.warp_up(x, y) ? x : y)];
            for (int k = 0; k < 3; ++k) sum[k] += light * (a.rgb[k] + w * (b.rgb[k] - a.rgb[k]));
          }
        for (int k = 0; k < 3; ++k)
          image.pixels[(size_t(row) * size_t(drawn_) + size_t(column)) * 3 + size_t(k)] = srgb_(sum[k] * scale);
      }
    return image;
  }

  uint64_t key_ = stream_key(0, "data.swatches");
  int drawn_, samples_;                          // pixels of the square of which a window is seen, and a pixel's side
  Srgb srgb_;
};

}  // namespace

std::shared_ptr<Dataset> open_swatches(const DatasetOptions& options) { return std::make_shared<Swatches>(options); }

}  // namespace weft::gan
