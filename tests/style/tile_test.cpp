// Repeats: where each pixel of the endless cloth comes from, and what the seams' measures see.
#include "weft/gan/tile.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <string>

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

TEST_CASE("make_tile: a swatch cut from cloth comes round in every layout") {
  const Context cpu = Context::open("cpu");
  const Image swatch = crop(tileable(160, 4), 11, 7, 100, 110);                  // its own edges do not meet
  REQUIRE(seam_score(swatch) > 1.3);
  for (const Layout layout : {Layout::straight, Layout::half_drop, Layout::brick}) {
    CAPTURE(int(layout));
    const Tile tile = make_tile(cpu, swatch, layout);
    CHECK(std::string(tile.how) == "joined");
    CHECK((2 * tile.image.width >= swatch.width && 2 * tile.image.height >= swatch.height));
    CHECK(seam_score(tile.image, layout) > 0.8);
    CHECK(seam_score(tile.image, layout) < 1.1);
    const SeamPatches patches = seam_patches(cpu, tile.image, layout, swatch);
    CHECK(patches.seam <= 1.25 * patches.worst);
    CHECK(make_tile(cpu, swatch, layout).image.pixels == tile.image.pixels);
  }
  CHECK(std::string(make_tile(cpu, swatch, Layout::mirror).how) == "mirrored");
  CHECK(make_tile(cpu, swatch, Layout::mirror).image.pixels == swatch.pixels);
}

TEST_CASE("make_tile: a pattern's period is found, so that no motif is cut") {
  const Context cpu = Context::open("cpu");
  const Image motif = tileable(48, 4), swatch = cloth(motif, Layout::straight, 5, 9, 92, 80);
  const Tile tile = make_tile(cpu, swatch, Layout::straight);
  CHECK((tile.image.width == 48 && tile.image.height == 48));
  bool found = false;                            // the same cloth, wherever it begins
  for (int i = 0; i < 48 * 48 && !found; ++i) found = cloth(motif, Layout::straight, i / 48, i % 48, 48, 48).pixels == tile.image.pixels;
  CHECK(found);
}

TEST_CASE("make_tile: a half drop that would break a pattern is two of its own repeats") {
  const Context cpu = Context::open("cpu");
  const Image motif = tileable(48, 4), swatch = cloth(motif, Layout::straight, 5, 9, 92, 80);
  for (const Layout layout : {Layout::half_drop, Layout::brick}) {
    const Tile tile = make_tile(cpu, swatch, layout);
    CHECK(std::string(tile.how) == "doubled");
    const Image made = cloth(tile.image, layout, 0, 0, 96, 96);
    bool found = false;
    for (int i = 0; i < 48 * 48 && !found; ++i) found = cloth(motif, Layout::straight, i / 48, i % 48, 96, 96).pixels == made.pixels;
    CHECK(found);
  }
}

TEST_CASE("make_tile: light that falls off over the swatch is levelled where the pattern comes round") {
  const Context cpu = Context::open("cpu");
  const Image motif = tileable(48, 4);
  Image swatch = cloth(motif, Layout::straight, 5, 9, 92, 80);
  for (uint8_t& p : swatch.pixels) p = uint8_t(60 + p / 2);
  const Image even = swatch;
  for (int i = 0; i < 92 * 80 * 3; ++i) swatch.pixels[size_t(i)] = uint8_t(swatch.pixels[size_t(i)] + i / 3 % 80 / 2 - i / 240 / 3);     // 40 levels across, 30 down
  const Image tile = make_tile(cpu, swatch, Layout::straight).image, plain = make_tile(cpu, even, Layout::straight).image;
  REQUIRE((tile.width == 48 && tile.height == 48 && plain.width == 48 && plain.height == 48));
  int least = 255;                               // by how much more or less light there is over the tile, wherever it begins
  for (int i = 0; i < 48 * 48; ++i) {
    const Image from = cloth(plain, Layout::straight, i / 48, i % 48, 48, 48);
    int low = 255, high = -255;
    for (size_t k = 0; k < from.pixels.size() && high - low < least; ++k) low = std::min(low, tile.pixels[k] - from.pixels[k]), high = std::max(high, tile.pixels[k] - from.pixels[k]);
    least = std::min(least, high - low);
  }
  CHECK(least <= 6);
}

TEST_CASE("make_tile: the edge of a ruled pattern lies where a step is as usual, since its join cannot be told anywhere") {
  const Context cpu = Context::open("cpu");
  Image ruled{70, 70, 3, {}};
  const auto line = [](int i) { const double d = std::abs((i + 12) % 24 - 12); return 140 * std::exp(-d * d / 18); };
  for (int i = 0; i < 70 * 70; ++i) ruled.pixels.insert(ruled.pixels.end(), 3, uint8_t(200 - std::max(line(i / 70 + 7), line(i % 70 + 7))));         // joined between the lines
  const Tile tile = make_tile(cpu, ruled, Layout::straight);
  REQUIRE((tile.image.width % 24 == 0 && tile.image.height % 24 == 0));
  const double score = seam_score(tile.image);
  CHECK((score > 0.8 && score < 1.1));
  int in_range = 0;                              // the same cloth without a seam, begun anywhere
  for (int i = 0; i < 24 * 24; ++i) {
    const double other = seam_score(cloth(tile.image, Layout::straight, i / 24, i % 24, 48, 48));
    in_range += other > 0.8 && other < 1.1;
  }
  CHECK(in_range < 24 * 24 / 10);
}

TEST_CASE("make_tile: bars in a half drop or as bricks run on, whatever number of them a straight repeat would take") {
  const Context cpu = Context::open("cpu");
  Image bars{66, 50, 3, {}};                                         // five and a half periods
  for (int i = 0; i < 66 * 50; ++i) bars.pixels.insert(bars.pixels.end(), 3, uint8_t(i / 50 % 12 < 5 ? 40 : 200));
  REQUIRE(make_tile(cpu, bars, Layout::straight).image.height / 2 % 12 == 6);     // an odd number of bars
  for (const bool turned : {false, true}) {
    const Layout layout = turned ? Layout::brick : Layout::half_drop;
    const Image tile = make_tile(cpu, turned ? transposed(bars) : bars, layout).image;
    const Image wide = cloth(tile, layout, 0, 0, 2 * tile.height, 2 * tile.width), rows = turned ? transposed(wide) : wide;
    int uneven = 0;
    for (int y = 0; y < rows.height; ++y)
      for (int x = 1; x < rows.width; ++x) uneven += rows.pixels[size_t(y * rows.width + x) * 3] != rows.pixels[size_t(y * rows.width) * 3];
    CHECK(uneven == 0);
  }
}

TEST_CASE("make_tile: what tiles already is kept; grey, flat and small swatches") {
  const Context cpu = Context::open("cpu");
  const Image tile = tileable(64, 4);
  const Tile kept = make_tile(cpu, tile, Layout::straight);
  CHECK(std::string(kept.how) == "kept");
  CHECK(kept.image.pixels == tile.pixels);
  CHECK(make_tile(cpu, one_colour(20, 30, {9}), Layout::half_drop).image.channels == 3);
  CHECK(make_tile(cpu, one_colour(16, 400, {9, 8, 7}), Layout::brick).image.pixels[0] == 9);
  CHECK(make_tile(cpu, with_channels(crop(tile, 0, 0, 16, 16), 1), Layout::straight).image.channels == 3);
  CHECK_THROWS_AS(make_tile(cpu, one_colour(15, 300, {9, 8, 7}), Layout::straight), DataError);
  CHECK_THROWS_AS(make_tile(cpu, one_colour(1, 1, {9}), Layout::mirror), DataError);
}

TEST_CASE("a tile in another size still tiles, and a PNG knows its print size") {
  const Image tile = tileable(48, 4);
  for (const int side : {32, 96}) CHECK(seam_score(resized_tile(tile, Layout::straight, side, side)) == doctest::Approx(1).epsilon(0.2));
  CHECK(seam_score(resized(tile, 96, 96)) > 1.2 * seam_score(resized_tile(tile, Layout::straight, 96, 96)));
  const std::string png = encode_png(tile, {}, 300);                             // 300 dpi are 11811 pixels a metre
  const size_t at = png.find("pHYs");
  REQUIRE(at != std::string::npos);
  CHECK(png.substr(at + 4, 9) == std::string("\0\0\x2e\x23\0\0\x2e\x23\1", 9));
  CHECK(encode_png(tile).find("pHYs") == std::string::npos);
  CHECK(decode_image(std::as_bytes(std::span(png.data(), png.size()))).pixels == tile.pixels);
}
