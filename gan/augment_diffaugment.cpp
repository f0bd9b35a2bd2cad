// Zhao et al., arXiv:2006.10738, with the ranges of the authors' code.
#include <algorithm>
#include <numeric>

#include "augment_draws.h"

namespace weft::gan {
namespace {

enum Word : int { kBrightness, kSaturation, kContrast, kShiftY, kShiftX, kCutY, kCutX };

/// A share of a side, to the nearest pixel.
int part_of(int side, double share) { return int(side * share + 0.5); }

/// x + brightness; then each pixel's channels `saturation` times as far from their mean; then all `contrast` times as far from the picture's mean,
/// which the second leaves where it is: contrast * (saturation * x + (1 - saturation) * mean of the channels + brightness) + (1 - contrast) * (mean + brightness)
void draw_colour(bool on, const SampleDraws& draws, const Alteration& a) {
  const float brightness = on ? draws.uniform(kBrightness) - 0.5f : 0, saturation = on && a.channels > 1 ? 2 * draws.uniform(kSaturation) : 1;
  const float contrast = on ? draws.uniform(kContrast) + 0.5f : 1;
  for (int from = 0; from < a.channels; ++from)
    for (int to = 0; to < a.channels; ++to) a.colour[from * a.channels + to] = contrast * ((from == to ? saturation : 0) + (1 - saturation) / float(a.channels));
  std::fill_n(a.offset, a.channels, brightness);
  *a.towards = 1 - contrast;
}

/// [begin, end) of a side that a square of half of it, its middle anywhere, cuts out.
struct Cut { int begin, end; };
Cut draw_cut(const SampleDraws& draws, int word, int side) {
  const int size = part_of(side, 0.5), begin = draws.below(word, side + 1 - size % 2) - size / 2;
  return {std::max(begin, 0), std::min(begin + size, side)};
}

}  // namespace

void draw_diffaugment(const std::string& policy, const SampleDraws& draws, const Alteration& a) {
  draw_colour(has_part(policy, "color"), draws, a);
  const bool moves = has_part(policy, "translation"), cuts = has_part(policy, "cutout");
  const auto shift = [&](int word, int side) { const int most = part_of(side, 0.125); return moves ? draws.below(word, 2 * most + 1) - most : 0; };
  const int by_y = shift(kShiftY, a.height), by_x = shift(kShiftX, a.width);
  const Cut rows = cuts ? draw_cut(draws, kCutY, a.height) : Cut{0, 0}, columns = cuts ? draw_cut(draws, kCutX, a.width) : Cut{0, 0};
  for (int y = 0; y < a.height; ++y)
    for (int x = 0; x < a.width; ++x) {
      const int from_y = y + by_y, from_x = x + by_x;
      const bool inside = from_y >= 0 && from_y < a.height && from_x >= 0 && from_x < a.width;
      const bool cut = y >= rows.begin && y < rows.end && x >= columns.begin && x < columns.end;
      a.places[y * a.width + x] = inside && !cut ? from_y * a.width + from_x : -1;
    }
}

}  // namespace weft::gan
