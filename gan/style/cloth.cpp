#include <algorithm>
#include <cmath>
#include <cstring>

#include "weft/gan/measures.h"
#include "weft/gan/tile.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr int most_side = 256;                   // that patches along seams are looked at in

int wrapped(int i, int n) { return (i % n + n) % n; }
/// 0 1 2 3 2 1 0 1 ...: a mirror through the last pixel, not behind it
int mirrored(int i, int n) {
  if (n == 1) return 0;
  const int at = wrapped(i, 2 * n - 2);
  return std::min(at, 2 * n - 2 - at);
}

}  // namespace

Layout layout_named(const std::string& name) {
  constexpr const char* names[] = {"straight", "half-drop", "brick", "mirror"};
  for (int i = 0; i < 4; ++i)
    if (name == names[i]) return Layout(i);
  throw ConfigError("there is no layout '" + name + "'; there are straight, half-drop, brick, mirror");
}

Image cloth(const Image& tile, Layout layout, int top, int left, int height, int width) {
  expect_picture("cloth", tile);
  if (height < 1 || width < 1) throw ShapeError("cloth: " + std::to_string(width) + "x" + std::to_string(height) + " pixels of it; sides are 1 or more");
  const int h = tile.height, w = tile.width;
  const size_t c = size_t(tile.channels);
  Image out{height, width, tile.channels, std::vector<uint8_t>(size_t(height) * size_t(width) * c)};
  const auto odd = [](int i, int n) { return (i - wrapped(i, n)) / n % 2 != 0; };
  for (int row = 0; row < height; ++row)
    for (int column = 0; column < width; ++column) {
      int y = top + row, x = left + column;
      if (layout == Layout::mirror) {
        y = mirrored(y, h), x = mirrored(x, w);
      } else {
        const int drop = layout == Layout::half_drop && odd(x, w) ? h / 2 : 0, shift = layout == Layout::brick && odd(y, h) ? w / 2 : 0;
        y = wrapped(y - drop, h), x = wrapped(x - shift, w);
      }
      std::memcpy(&out.pixels[(size_t(row) * size_t(width) + size_t(column)) * c], &tile.pixels[(size_t(y) * size_t(w) + size_t(x)) * c], c);
    }
  return out;
}

Image straight_repeat(const Image& tile, Layout layout) {
  const auto period = [](int n) { return std::max(1, 2 * n - 2); };
  const int h = layout == Layout::mirror ? period(tile.height) : layout == Layout::brick ? 2 * tile.height : tile.height;
  const int w = layout == Layout::mirror ? period(tile.width) : layout == Layout::half_drop ? 2 * tile.width : tile.width;
  return cloth(tile, layout, 0, 0, h, w);
}

Image transposed(const Image& image) {
  const size_t c = size_t(image.channels), h = size_t(image.height), w = size_t(image.width);
  Image out{image.width, image.height, image.channels, std::vector<uint8_t>(image.pixels.size())};
  for (size_t y = 0; y < h; ++y)
    for (size_t x = 0; x < w; ++x) std::copy_n(&image.pixels[(y * w + x) * c], c, &out.pixels[(x * h + y) * c]);
  return out;
}

Image resized_tile(const Image& tile, Layout layout, int height, int width) {
  if (tile.height == height && tile.width == width) return tile;
  const Image around = cloth(tile, layout, -tile.height, -tile.width, 3 * tile.height, 3 * tile.width);
  return cloth(resized(around, 3 * height, 3 * width), Layout::straight, height, width, height, width);
}

double seam_score(const Image& tile, Layout layout) {
  if (layout == Layout::mirror) return seam_score(straight_repeat(tile, layout));
  const int h = tile.height, w = tile.width;
  const Image x = cloth(tile, layout, 0, 0, h, w + 1), y = cloth(tile, layout, 0, 0, h + 1, w);     // with what comes beyond the seam
  const size_t c = size_t(tile.channels);
  const auto difference = [&](const Image& p, int row, int column, int down, int across) {
    double sum = 0;
    const uint8_t* a = &p.pixels[(size_t(row) * size_t(p.width) + size_t(column)) * c];
    const uint8_t* b = a + (size_t(down) * size_t(p.width) + size_t(across)) * c;
    for (size_t k = 0; k < c; ++k) sum += std::abs(int(a[k]) - int(b[k]));
    return sum;
  };
  double seam_x = 0, seam_y = 0, inside_x = 0, inside_y = 0;
  for (int row = 0; row < h; ++row)
    for (int column = 0; column < w; ++column) {
      (column + 1 < w ? inside_x : seam_x) += difference(x, row, column, 0, 1);
      (row + 1 < h ? inside_y : seam_y) += difference(y, row, column, 1, 0);
    }
  const double tiny = 1e-6;                      // so that a tile of one colour has perfect seams
  const double across = (seam_x / h + tiny) / (inside_x / std::max(1, h * (w - 1)) + tiny);
  const double down = (seam_y / w + tiny) / (inside_y / std::max(1, (h - 1) * w) + tiny);
  return std::abs(std::log(across)) > std::abs(std::log(down)) ? across : down;
}

SeamPatches seam_patches(const Context& context, const Image& tile, Layout layout, const Image& swatch) {
  if (const int longer = std::max(tile.height, tile.width); longer > most_side) {
    const auto side = [longer](int s) { return std::max(1, int(std::lround(double(s) * most_side / longer / 2))) * 2; };     // even, for half drops
    return seam_patches(context, resized_tile(tile, layout, side(tile.height), side(tile.width)), layout, resized(swatch, side(swatch.height), side(swatch.width)));
  }
  const int strips = 8, h = tile.height, w = tile.width, band = std::max(14, std::min(h, w) / 8);    // half size must hold a patch
  std::vector<std::vector<Image>> pairs;
  for (int i = 0; i < strips; ++i) pairs.push_back({cloth(tile, layout, 0, i * w / strips - band / 2, h, band), cloth(tile, layout, i * h / strips - band / 2, 0, band, w)});
  const auto distances = patch_distances(context, pairs, {swatch});
  SeamPatches found{};
  for (int i = 0; i < strips; ++i) {
    const double distance = (distances[size_t(i)][0] + distances[size_t(i)][1]) / 2;
    if (i == 0) found.seam = distance;
    else found.middle += distance / (strips - 1), found.worst = std::max(found.worst, distance);
  }
  return found;
}

}  // namespace weft::gan
