#include "weft/gan/tile.h"

#include <algorithm>
#include <cmath>

#include "style/join.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr int least_side = 16;

bool tiles_already(const Context& context, const Image& swatch, Layout layout) {
  const double score = seam_score(swatch, layout);
  if (score < 0.8 || score > 1.25 || (layout == Layout::half_drop && swatch.height % 2) || (layout == Layout::brick && swatch.width % 2)) return false;
  const SeamPatches patches = seam_patches(context, swatch, layout, swatch);
  return patches.seam <= 1.25 * patches.worst;
}

/// The same cloth, begun further left or right, where neighbours differ as much as they do on average: an edge through a line of the
/// pattern, or along one, would be seen in every use that is not perfect. Where the pattern comes round and no join can be told, anywhere
/// will do; elsewhere the join stays near the edge, where it is measured.
Image begun_across(const Image& tile, Layout layout, const Join& join) {
  const int h = tile.height, w = tile.width, around = std::max(1, join.periodic && !join.told() ? w / 2 : w / 14);
  const Image wide = cloth(tile, layout, 0, -around, h, w + 2 * around);
  const size_t c = size_t(wide.channels);
  std::vector<double> differences(size_t(wide.width - 1));           // of columns x and x + 1
  for (size_t y = 0; y < size_t(h); ++y)
    for (size_t x = 0; x < differences.size(); ++x)
      for (size_t k = 0; k < c; ++k) {
        const uint8_t* p = &wide.pixels[(y * size_t(wide.width) + x) * c + k];
        differences[x] += std::abs(int(p[0]) - int(p[c]));
      }
  double mean = 0;
  for (int x = 0; x < w; ++x) mean += differences[size_t(around + x - 1)] / w;
  const auto oddness = [&](int x) { return std::abs(std::log((differences[size_t(x)] + 1e-6) / (mean + 1e-6))); };
  int best = around - 1;                                             // as it is
  for (int x = 0; x < 2 * around; ++x)
    if (oddness(x) < oddness(best)) best = x;
  return cloth(tile, layout, 0, best + 1 - around, h, w);
}

Image begun(const Repeat& repeat, Layout layout) {
  const Image across = begun_across(repeat.image, layout, repeat.across);
  return transposed(begun_across(transposed(across), layout == Layout::half_drop ? Layout::brick : layout, repeat.down));
}

}  // namespace

Tile make_tile(const Context& context, const Image& picture, Layout wanted) {
  if (std::min(picture.height, picture.width) < least_side)
    throw DataError("a swatch of " + std::to_string(picture.width) + "x" + std::to_string(picture.height) + " pixels; a repeat takes at least 16 a side");
  // Bricks are a half drop that lies on its side.
  const bool turn = wanted == Layout::brick;
  const Layout layout = turn ? Layout::half_drop : wanted;
  const Image swatch = turn ? transposed(with_channels(picture, 3)) : with_channels(picture, 3);

  Tile tile{swatch, "mirrored"};
  if (layout != Layout::mirror && tiles_already(context, swatch, layout)) tile.how = "kept";
  else if (layout != Layout::mirror) {
    const Repeat repeat = joined(swatch, layout);
    tile = {begun(repeat, layout), repeat.doubled ? "doubled" : "joined"};
  }
  if (turn) tile.image = transposed(tile.image);
  return tile;
}

}  // namespace weft::gan
