// Garments that weft draws itself: flat lays on a light ground, so that there is something to dress where there is no photograph. An
// outline, half of it, is mirrored; cloth has a colour, folds that run the way the garment hangs, and light from the upper left.
#include "dataset_kinds.h"
#include "drawing.h"
#include "weft/gan/image.h"
#include "weft/kernels/error.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int64_t kGarments = 20000;

struct Cut {
  const char* name;
  std::vector<Place> half;                       // x from the middle, both in sides of the picture: from the neck's or waist's middle outwards and down to the hem's middle
  float pleats, wrinkles;                        // how much hangs in folds from above, and how much is crumpled
};

const std::vector<Cut>& cuts() {
  static const std::vector<Cut> all = {
      {"T-shirt", {{0, .20f}, {.09f, .15f}, {.13f, .10f}, {.24f, .14f}, {.42f, .34f}, {.31f, .42f}, {.25f, .36f}, {.26f, .88f}, {0, .89f}}, .25f, 1},
      {"longsleeve", {{0, .17f}, {.08f, .14f}, {.12f, .09f}, {.24f, .13f}, {.30f, .26f}, {.43f, .78f}, {.35f, .81f}, {.25f, .42f}, {.26f, .89f}, {0, .90f}}, .3f, 1},
      {"dress", {{0, .20f}, {.07f, .13f}, {.10f, .06f}, {.17f, .08f}, {.16f, .22f}, {.19f, .27f}, {.15f, .44f}, {.24f, .66f}, {.37f, .92f}, {.2f, .945f}, {0, .95f}}, 1, .35f},
      {"skirt", {{0, .16f}, {.16f, .155f}, {.165f, .20f}, {.24f, .45f}, {.36f, .84f}, {.2f, .865f}, {0, .87f}}, 1.1f, .2f},
      {"trousers", {{0, .09f}, {.18f, .085f}, {.235f, .30f}, {.23f, .93f}, {.07f, .935f}, {.012f, .40f}, {0, .385f}}, .55f, .6f}};
  return all;
}

/// Distance to the outline, in sides: above 0 inside.
float inside(const std::vector<Place>& half, float x, float y) {
  bool in = false;
  float nearest = 9;
  for (size_t i = 0; i < half.size(); ++i) {
    const Place a = half[i], b = half[(i + 1) % half.size()];
    if ((a.y > y) != (b.y > y) && x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x) in = !in;
    if (a.x == 0 && b.x == 0) continue;          // the middle is no edge
    nearest = std::min(nearest, squared_distance(x, y, a, b));
  }
  return (in ? 1.0f : -1.0f) * std::sqrt(nearest);
}

float wave(float turns) { return Turned(turns).sine; }

float smooth(float low, float high, float x) {
  const float t = std::clamp((x - low) / (high - low), 0.0f, 1.0f);
  return t * t * (3 - 2 * t);
}

class Garments final : public Dataset {
 public:
  Garments(const DatasetOptions& o, bool masks) : masks_(masks) {
    if (o.size < 16 || o.size > 2048) throw ConfigError("garments are drawn with 16 to 2048 pixels a side, not " + std::to_string(o.size));
    size_ = kGarments, side_ = o.size;
    channels_ = o.channels ? o.channels : masks ? 1 : 3;
    for (const Cut& cut : cuts()) classes_.push_back(cut.name);
    for (int64_t i = 0; i < size_; ++i) labels_.push_back(int(i % int64_t(cuts().size())));
  }

  int read(int64_t i, float* out) override {
    const Image image = with_channels(draw(i), channels_);
    for (size_t p = 0; p < image.pixels.size(); ++p) out[p] = float(image.pixels[p]) / 127.5f - 1;
    return labels_[size_t(i)];
  }

 private:
  struct Fold { float across, down, phase, bend, depth; };

  Image draw(int64_t i) const {
    const Cut& cut = cuts()[size_t(labels_[size_t(i)])];
    Dice dice(key_, i);
    std::vector<Place> half = cut.half;
    const float wide = dice.in(0.9f, 1.12f), high = dice.in(0.94f, 1.03f), tilt = dice.in(-0.03f, 0.03f), shift = dice.in(-0.02f, 0.02f);
    for (Place& p : half) p = {p.x * wide * dice.in(0.97f, 1.03f), 0.5f + (p.y - 0.5f) * high};
    half.front().x = half.back().x = 0;
    const bool pale = dice.below(3) == 0;
    const Colour cloth = oklch(pale ? dice.in(.86f, .95f) : dice.in(.38f, .78f), pale ? dice.in(0, .03f) : dice.in(.03f, .14f), dice.unit());
    const Colour ground = oklch(dice.in(.88f, .96f), dice.in(0, .02f), dice.unit());
    const int pleats = 7 + dice.below(8);
    const float pleat_phase = dice.unit(), sway = dice.in(.05f, .2f);
    std::vector<Fold> folds(9);
    for (Fold& f : folds) f = {dice.in(-3.5f, 3.5f), dice.in(-3, 3), dice.unit(), dice.in(.1f, .5f), dice.in(.3f, 1)};

    /// How far a point of the cloth is out of the picture's plane.
    const auto height = [&](float x, float y) {
      float h = 0;
      for (const Fold& f : folds) h += f.depth * wave(f.across * x + f.down * y + f.phase + f.bend * wave(1.3f * y - 1.7f * x + f.phase));
      const float spread = 0.14f + 0.22f * smooth(.15f, .95f, y);      // pleats fan out downwards and begin at nothing
      return cut.wrinkles * 0.010f * h + cut.pleats * 0.022f * smooth(.12f, .9f, y) * wave(float(pleats) * x / spread / 4 + pleat_phase + sway * wave(1.1f * y));
    };

    Image image{side_, side_, 3, std::vector<uint8_t>(size_t(side_) * size_t(side_) * 3)};
    const float pixel = 1.0f / float(side_);
    for (int row = 0; row < side_; ++row)
      for (int column = 0; column < side_; ++column) {
        const float v = (float(row) + 0.5f) * pixel, x = (float(column) + 0.5f) * pixel - 0.5f - shift - tilt * (v - 0.5f);
        const float depth = inside(half, std::abs(x), v), cover = smooth(-pixel, pixel, depth);
        const float step = 0.004f, slope_x = (height(x + step, v) - height(x - step, v)) / (2 * step), slope_y = (height(x, v + step) - height(x, v - step)) / (2 * step);
        const float rim = 1 - smooth(0, .035f, depth);                 // cloth turns away at its edge
        const float light = std::clamp((0.93f - 0.42f * slope_x - 0.30f * slope_y) / std::sqrt(1 + slope_x * slope_x + slope_y * slope_y) * (1 - 0.35f * rim * rim), 0.15f, 1.25f);
        const float shadow = 1 - 0.30f * smooth(-.05f, 0, inside(half, std::abs(x - .012f), v - .016f)), wall = 1.02f - 0.10f * v;
        for (int k = 0; k < 3; ++k)
          image.pixels[(size_t(row) * size_t(side_) + size_t(column)) * 3 + size_t(k)] =
              masks_ ? uint8_t(255 * cover + 0.5f) : srgb_(cover * light * cloth.rgb[k] + (1 - cover) * shadow * wall * ground.rgb[k]);
      }
    return image;
  }

  bool masks_;
  uint64_t key_ = stream_key(0, "data.garments");
  Srgb srgb_;
};

}  // namespace

std::shared_ptr<Dataset> open_drawn_garments(const DatasetOptions& options, bool masks) { return std::make_shared<Garments>(options, masks); }

}  // namespace weft::gan
