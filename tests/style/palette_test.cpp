// Palettes: found, written, read, and printed with.
#include "weft/gan/palette.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "pictures.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

/// Three colours with shares of 6, 3 and 1 tenths, in stripes.
Image flag() {
  Image image = one_colour(20, 20, {180, 40, 60});
  const Image blue = one_colour(6, 20, {20, 60, 140}), cream = one_colour(2, 20, {240, 230, 200});
  std::copy(blue.pixels.begin(), blue.pixels.end(), image.pixels.begin() + 12 * 60);
  std::copy(cream.pixels.begin(), cream.pixels.end(), image.pixels.begin() + 18 * 60);
  return image;
}

}  // namespace

TEST_CASE("extract_palette: flat colours are found exactly, by share") {
  const Palette three = extract_palette(flag(), 3);
  REQUIRE(three.size() == 3);
  CHECK(hex(three[0]) == "#b4283c");
  CHECK(hex(three[1]) == "#143c8c");
  CHECK(hex(three[2]) == "#f0e6c8");
  CHECK(three[0].share == doctest::Approx(0.6));
  CHECK(three[1].share == doctest::Approx(0.3));
  CHECK(three[2].share == doctest::Approx(0.1));
  CHECK(extract_palette(flag(), 12).size() == 3);                // the picture has no more
  CHECK(extract_palette(flag(), 1).size() == 1);
  CHECK(hex(extract_palette(one_colour(1, 1, {7}), 5)[0]) == "#070707");
  CHECK_THROWS_AS(extract_palette(flag(), 0), ConfigError);
  CHECK_THROWS_AS(extract_palette(flag(), 65), ConfigError);
  const Palette again = extract_palette(swatch(3, 64), 6), first = extract_palette(swatch(3, 64), 6);
  REQUIRE(again.size() == first.size());
  double sum = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    CHECK(hex(again[i]) == hex(first[i]));
    CHECK((i == 0 || first[i].share <= first[i - 1].share));
    sum += first[i].share;
  }
  CHECK(sum == doctest::Approx(1));
}

TEST_CASE("hex codes: there and back, and what is none") {
  const Palette palette = palette_from_hex("#1b2a41, C9ADA7,#fff");
  REQUIRE(palette.size() == 3);
  CHECK(hex(palette[0]) == "#1b2a41");
  CHECK(hex(palette[1]) == "#c9ada7");
  CHECK(hex(palette[2]) == "#ffffff");
  CHECK(palette[0].share == doctest::Approx(1 / 3.0));
  for (const char* bad : {"", "#12", "#1234567", "#12345g", "#123456,", "red"}) CHECK_THROWS_AS(palette_from_hex(bad), ConfigError);
}

TEST_CASE("palette_strip: widths are shares") {
  const Image strip = palette_strip(extract_palette(flag(), 3), 4, 100);
  CHECK((strip.height == 4 && strip.width == 100));
  CHECK((strip.pixels[0] == 180 && strip.pixels[59 * 3] == 180 && strip.pixels[61 * 3] == 20 && strip.pixels[99 * 3] == 240));
}

TEST_CASE("separations: every pixel prints with exactly one ink, and specks do not") {
  Image picture = flag();
  std::fill_n(&picture.pixels[(5 * 20 + 7) * 3], 3, uint8_t(235));               // a single light dot in the red
  const Separations print = separate(picture, extract_palette(flag(), 3));
  REQUIRE(print.films.size() == 3);
  for (size_t i = 0; i < 400; ++i) {
    int inks = 0;
    for (const Image& film : print.films) inks += film.pixels[i] == 0;
    REQUIRE(inks == 1);
  }
  CHECK(print.flat.pixels == flag().pixels);
  CHECK(print.coverage[0] == doctest::Approx(0.6));
  CHECK(separate(one_colour(1, 1, {9, 9, 9}), palette_from_hex("#000,#fff")).coverage[0] == doctest::Approx(1));
  CHECK_THROWS_AS(separate(picture, {}), ConfigError);
}

TEST_CASE("a cut-out: its palette is of what can be seen, and nothing is printed around it") {
  Image image = one_colour(10, 20, {255, 255, 255});
  image.alpha.assign(200, 0);
  for (size_t i = 100; i < 140; ++i) {
    const std::vector<uint8_t> colour = i < 120 ? std::vector<uint8_t>{180, 40, 60} : std::vector<uint8_t>{20, 60, 140};
    std::copy(colour.begin(), colour.end(), &image.pixels[3 * i]);
    image.alpha[i] = 255;
  }
  const Palette two = extract_palette(image, 5);
  REQUIRE(two.size() == 2);
  for (const PaletteColour& colour : two) CHECK(colour.share == doctest::Approx(0.5));
  CHECK((hex(two[0]) == "#b4283c" || hex(two[0]) == "#143c8c"));
  Palette inks = palette_from_hex("#b4283c,#143c8c,#fff");
  const Separations print = separate(image, inks);
  CHECK(print.coverage[0] == doctest::Approx(0.5));
  CHECK(print.coverage[1] == doctest::Approx(0.5));
  CHECK(print.coverage[2] == 0);
  for (size_t ink = 0; ink < 3; ++ink) CHECK(std::count(print.films[ink].pixels.begin(), print.films[ink].pixels.end(), 0) == (ink < 2 ? 20 : 0));

  image.alpha.assign(200, 0);                    // where nothing can be seen, the colours are those that there are
  CHECK(extract_palette(image, 5).size() == 3);
  CHECK(separate(image, inks).coverage[2] == 0);
}
