// Repeats: where each pixel of the endless cloth comes from, and what the seams' measures see.
#include "weft/gan/tile.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "pictures.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

Image letters(int height, int width) {           // every pixel another value
  Image image{height, width, 1, {}};
  for (int i = 0; i < height * width; ++i) image.pixels.push_back(uint8_t(i));
  return image;
}

/// Noise as coarse as `grain` pixels, drawn on a ring so that it tiles.
Image tileable(int side, int grain) {
  std::mt19937 random(7);
  Image image = one_colour(side / grain, side / grain, {0, 0, 0});
  for (uint8_t& p : image.pixels) p = uint8_t(random());
  return crop(resized(cloth(image, Layout::straight, 0, 0, 3 * side / grain, 3 * side / grain), 3 * side, 3 * side), side, side, side, side);
}

/// `width` pixels on all four sides become `colour`.
Image bordered(Image image, int width, uint8_t colour) {
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      if (std::min({x, y, image.width - 1 - x, image.height - 1 - y}) < width)
        for (int k = 0; k < 3; ++k) image.pixels[size_t((y * image.width + x) * 3 + k)] = colour;
  return image;
}

}  // namespace

TEST_CASE("cloth: the four layouts, pixel by pixel") {
  using Pixels = std::vector<uint8_t>;
  const Image tile = letters(2, 4);              // 0 1 2 3 / 4 5 6 7
  CHECK(cloth(tile, Layout::straight, 0, 0, 3, 5).pixels == Pixels{0, 1, 2, 3, 0, 4, 5, 6, 7, 4, 0, 1, 2, 3, 0});
  CHECK(cloth(tile, Layout::half_drop, 0, 0, 2, 9).pixels == Pixels{0, 1, 2, 3, 4, 5, 6, 7, 0, 4, 5, 6, 7, 0, 1, 2, 3, 4});
  CHECK(cloth(tile, Layout::brick, 0, 0, 4, 4).pixels == Pixels{0, 1, 2, 3, 4, 5, 6, 7, 2, 3, 0, 1, 6, 7, 4, 5});
  CHECK(cloth(tile, Layout::mirror, 0, 0, 3, 8).pixels == Pixels{0, 1, 2, 3, 2, 1, 0, 1, 4, 5, 6, 7, 6, 5, 4, 5, 0, 1, 2, 3, 2, 1, 0, 1});
  for (const Layout layout : {Layout::straight, Layout::half_drop, Layout::brick, Layout::mirror}) {
    const Image repeat = straight_repeat(tile, layout);
    CHECK(cloth(repeat, Layout::straight, -7, -13, 20, 30).pixels == cloth(tile, layout, -7, -13, 20, 30).pixels);
    CHECK(cloth(one_colour(1, 1, {5}), layout, -3, 3, 2, 2).pixels == Pixels{5, 5, 5, 5});
  }
  CHECK(layout_named("half-drop") == Layout::half_drop);
  CHECK_THROWS_AS(layout_named("halfdrop"), ConfigError);
}

TEST_CASE("seam score: 1 where the cloth runs on, above at an edge, below at a flat border") {
  const Image tile = tileable(64, 4);
  CHECK(seam_score(tile) == doctest::Approx(1).epsilon(0.2));
  CHECK(seam_score(tile, Layout::mirror) == doctest::Approx(1).epsilon(0.2));
  CHECK(seam_score(crop(tile, 0, 0, 64, 51)) > 1.5);             // left-right no longer meets, top-bottom still does
  CHECK(seam_score(crop(tile, 0, 0, 51, 64)) > 1.5);
  CHECK(seam_score(bordered(tile, 3, 128)) < 0.5);
  CHECK(seam_score(tile, Layout::half_drop) > 1.5);              // a tile for one layout is none for another
  CHECK(seam_score(tile, Layout::brick) > 1.5);
  CHECK(seam_score(one_colour(9, 9, {7, 7, 7})) == doctest::Approx(1));
  CHECK(seam_score(one_colour(1, 1, {7, 7, 7})) == doctest::Approx(1));
}

TEST_CASE("seam score: half-drop and brick look across the shifted seam") {
  const Image whole = tileable(64, 4);
  // Half-drop cloth whose every column repeats after 32 rows is straight cloth as well.
  Image both = cloth(crop(whole, 0, 0, 32, 64), Layout::straight, 0, 0, 64, 64);
  const double straight = seam_score(both), half = seam_score(both, Layout::half_drop);
  CHECK(half == doctest::Approx(straight));
}

TEST_CASE("patches across the seam: a flat, a blurred and a hard border are all found") {
  const Context cpu = Context::open("cpu");
  const Image tile = tileable(96, 4);
  const SeamPatches good = seam_patches(cpu, tile, Layout::straight, tile);
  CHECK(good.seam <= 1.5 * good.worst);
  Image soft = tile;
  const Image blur = resized(resized(tile, 12, 12), 96, 96);
  for (int y = 0; y < 96; ++y)
    for (int x = 0; x < 96; ++x)
      if (std::min({x, y, 95 - x, 95 - y}) < 6)
        for (size_t k = 0; k < 3; ++k) soft.pixels[size_t(y * 96 + x) * 3 + k] = blur.pixels[size_t(y * 96 + x) * 3 + k];
  for (const Image& bad : {bordered(tile, 8, 128), soft}) {
    const SeamPatches found = seam_patches(cpu, bad, Layout::straight, tile);
    CHECK(found.seam > 1.2 * found.worst);
    CHECK(found.seam > 1.5 * good.seam);
  }
}
