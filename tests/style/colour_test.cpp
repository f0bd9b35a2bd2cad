// Colour: what each method promises, on honest pictures and on those that have no contrast to stretch; the dials, one by one.
#include "weft/gan/colour.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "pictures.h"
#include "style/oklab.h"
#include "weft/gan/measures.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

const ColourMethod methods[] = {ColourMethod::mkl, ColourMethod::reinhard, ColourMethod::sliced};

std::array<double, 3> mean_colour(const Image& image) {
  std::array<double, 3> sum{};
  for (size_t i = 0; i < image.pixels.size(); ++i) sum[i % 3] += image.pixels[i] * 3.0 / double(image.pixels.size());
  return sum;
}
double mean_difference(const Image& a, const Image& b) {
  double most = 0;
  for (size_t k = 0; k < 3; ++k) most = std::max(most, std::abs(mean_colour(a)[k] - mean_colour(b)[k]));
  return most;
}
int largest_difference(const Image& a, const Image& b) {
  int most = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) most = std::max(most, std::abs(int(a.pixels[i]) - int(b.pixels[i])));
  return most;
}

}  // namespace

TEST_CASE("recoloured: colours arrive, and structure stays") {
  const Context cpu = Context::open("cpu");
  for (const int64_t i : {3, 11, 41}) {           // not where both are two lumps of colour: no one line maps these onto each other
    const Image picture = resized(swatch(i, 96), 64, 80), palette = swatch(i + 7, 48);
    const double before = colour_distance(cpu, {picture}, {palette});
    for (const ColourMethod method : methods) {
      CAPTURE(i);
      CAPTURE(int(method));
      const Image out = recoloured(picture, palette, method);
      const double after = colour_distance(cpu, {out}, {palette});
      CHECK((out.height == 64 && out.width == 80 && out.channels == 3));
      CHECK(after < (method == ColourMethod::mkl ? 0.5 : method == ColourMethod::sliced ? 0.35 : 0.8) * before);
      CHECK(out.pixels == recoloured(picture, palette, method).pixels);
    }
    CHECK(mean_difference(recoloured(picture, palette), palette) <= 1.0);
    CHECK(largest_difference(recoloured(picture, picture), picture) <= 2);                     // nothing to do, nothing done
    CHECK(std::abs(luminance_correlation(recoloured(picture, palette), picture, 0)) > 0.3);    // one linear map for all pixels
  }
}

TEST_CASE("recoloured: the map of mkl is Monge's for Gaussians") {
  // In one dimension that is the increasing line through the means with the ratio of deviations as its slope.
  Image picture{1, 256, 1, {}}, palette{1, 128, 1, {}};
  for (int i = 0; i < 256; ++i) picture.pixels.push_back(uint8_t(i));
  for (int i = 0; i < 128; ++i) palette.pixels.push_back(uint8_t(100 + i / 2));
  const Image out = recoloured(picture, palette);
  const double slope = (out.pixels[3 * 255] - out.pixels[0]) / 255.0;
  CHECK(slope == doctest::Approx(18.47 / 73.90).epsilon(0.03));                 // deviations of 0..63.5 and of 0..255
  CHECK(std::is_sorted(out.pixels.begin(), out.pixels.end()));
}

TEST_CASE("recoloured: reinhard gives the logarithms of light the palette's mean and deviation") {
  Image picture{1, 230, 1, {}}, palette{1, 80, 1, {}};
  for (int i = 0; i < 230; ++i) picture.pixels.push_back(uint8_t(26 + i));
  for (int i = 0; i < 80; ++i) palette.pixels.push_back(uint8_t(90 + i));
  const auto moments = [](const Image& image) -> std::array<double, 2> {
    double sum = 0, squares = 0;
    for (const uint8_t p : image.pixels) sum += std::log10(p), squares += std::log10(p) * std::log10(p);
    const auto n = double(image.pixels.size());
    return {sum / n, std::sqrt(squares / n - sum / n * sum / n)};
  };
  const auto made = moments(recoloured(picture, palette, ColourMethod::reinhard)), wanted = moments(palette);
  CHECK(made[0] == doctest::Approx(wanted[0]).epsilon(0.01));
  CHECK(made[1] == doctest::Approx(wanted[1]).epsilon(0.05));
  CHECK(moments(picture)[1] > 2 * wanted[1]);
}

TEST_CASE("recoloured: sliced matches colours, not one channel after the other: by a grey palette all comes out grey") {
  Image picture{16, 16, 3, {}}, greys{1, 256, 3, {}};
  for (int i = 0; i < 256; ++i) {
    for (const int v : {i % 16 * 17, i / 16 * 17, (i % 16 * 7 + i / 16 * 3) % 16 * 17}) picture.pixels.push_back(uint8_t(v));
    greys.pixels.insert(greys.pixels.end(), 3, uint8_t(i));
  }
  const auto chroma = [](const Image& image) {
    double sum = 0;
    for (size_t i = 0; i < image.pixels.size(); i += 3) sum += std::abs(image.pixels[i] - image.pixels[i + 1]) * 3.0 / double(image.pixels.size());
    return sum;
  };
  CHECK(chroma(picture) > 80);
  CHECK(chroma(recoloured(picture, greys, ColourMethod::sliced)) < 20);
}

TEST_CASE("recoloured: grey, one colour, one pixel, black and white") {
  const Image colourful = swatch(3, 48), grey = with_channels(with_channels(swatch(11, 48), 1), 3);
  for (const ColourMethod method : methods) {
    CAPTURE(int(method));
    const Image toned = recoloured(grey, colourful, method), faded = recoloured(colourful, grey, method);
    CHECK(mean_difference(toned, colourful) < 40);
    for (size_t i = 0; i + 2 < faded.pixels.size() && method == ColourMethod::mkl; i += 3)     // no chroma comes from nowhere
      REQUIRE(std::abs(int(faded.pixels[i]) - int(faded.pixels[i + 2])) <= 3);
    for (const Image& flat : {one_colour(1, 1, {200, 30, 90}), one_colour(1, 1, {0, 0, 0}), one_colour(9, 4, {255, 255, 255}), one_colour(2, 2, {17})}) {
      CHECK(mean_difference(recoloured(colourful, flat, method), with_channels(flat, 3)) < 60);
      const Image moved = recoloured(flat, colourful, method);
      CHECK(mean_difference(moved, colourful) < 40);
      CHECK(std::equal(moved.pixels.begin() + 3, moved.pixels.end(), moved.pixels.begin()));   // still one colour
      CHECK(recoloured(flat, flat, method).pixels.size() == size_t(3 * flat.height * flat.width));
    }
  }
  const Image tinted = recoloured(colourful, one_colour(1, 1, {120, 110, 130}));
  CHECK(luminance_correlation(tinted, colourful, 0) > 0.95);                    // moved, not flattened
}

TEST_CASE("recoloured: what is transparent counts for nothing, and stays") {
  const Image picture = swatch(3, 32), palette = swatch(11, 32);
  const auto beside_white = [](const Image& image) {     // twice as high, the lower half cut away
    Image out = image;
    out.height *= 2;
    out.pixels.resize(2 * image.pixels.size(), 255);
    out.alpha.assign(out.pixels.size() / 3, 0);
    std::fill_n(out.alpha.begin(), out.alpha.size() / 2, uint8_t(255));
    return out;
  };
  const Image cut = beside_white(picture);
  for (const ColourMethod method : methods) {
    const Image whole = recoloured(picture, palette, method), part = recoloured(cut, beside_white(palette), method);
    CHECK(part.alpha == cut.alpha);
    CHECK(std::equal(whole.pixels.begin(), whole.pixels.end(), part.pixels.begin()));
    CHECK(part.pixels.back() == 255);
  }
  Image nothing = cut;
  nothing.alpha.assign(nothing.alpha.size(), 0);
  CHECK(recoloured(nothing, palette).alpha == nothing.alpha);
}

TEST_CASE("with_light_of keeps one picture's light and the other's colours") {
  const Image a = one_colour(8, 8, {120, 100, 140}), b = one_colour(8, 8, {90, 140, 100});
  const Image out = with_light_of(a, b);
  CHECK(int(with_channels(out, 1).pixels[0]) == doctest::Approx(with_channels(b, 1).pixels[0]).epsilon(0.02));
  CHECK(out.pixels[0] - out.pixels[2] == 120 - 140);
  CHECK_THROWS_AS(with_light_of(a, swatch(3, 16)), ShapeError);
}

TEST_CASE("OkLab: published values, and there and back for every 5th colour") {
  const uint8_t red[] = {255, 0, 0}, white[] = {255, 255, 255};                 // of Ottosson's reference
  const Lab r = oklab(red), w = oklab(white);
  CHECK(r[0] == doctest::Approx(0.6280).epsilon(1e-3));
  CHECK(r[1] == doctest::Approx(0.2249).epsilon(1e-3));
  CHECK(r[2] == doctest::Approx(0.1258).epsilon(1e-3));
  CHECK(w[0] == doctest::Approx(1).epsilon(1e-4));
  CHECK(std::abs(w[1]) + std::abs(w[2]) < 1e-4);
  int most = 0;
  for (int i = 0; i < 52 * 52 * 52; ++i) {
    const uint8_t rgb[] = {uint8_t(i % 52 * 5), uint8_t(i / 52 % 52 * 5), uint8_t(i / 2704 * 5)};
    const auto back = srgb(oklab(rgb));
    for (size_t k = 0; k < 3; ++k) most = std::max(most, std::abs(int(back[k]) - int(rgb[k])));
  }
  CHECK(most <= 1);
}

TEST_CASE("adjusted: each dial does its own, and none does nothing") {
  const Image a = swatch(3, 48);
  CHECK(adjusted(a, {}).pixels == a.pixels);
  const auto lightness = [](const Image& p, size_t i) { return oklab(&p.pixels[3 * i])[0]; };
  const auto chroma = [](const Image& p, size_t i) { const Lab l = oklab(&p.pixels[3 * i]); return std::hypot(l[1], l[2]); };

  Adjustments turn;
  turn.hue = 120;
  const Image muted = one_colour(1, 1, {90, 120, 150}), turned = adjusted(muted, turn);      // has room in sRGB at every hue
  CHECK(std::abs(lightness(turned, 0) - lightness(muted, 0)) < 0.01);
  CHECK(std::abs(chroma(turned, 0) - chroma(muted, 0)) < 0.01);
  CHECK(largest_difference(turned, muted) > 20);
  CHECK(largest_difference(adjusted(adjusted(turned, turn), turn), muted) <= 3);

  Adjustments less, more, grey, flat, hard;
  less.saturation = 0.5, more.saturation = 1.5, grey.black_and_white = true, flat.contrast = 0.5, hard.contrast = 1.5;
  const Image dull = adjusted(a, less), vivid = adjusted(a, more), bw = adjusted(a, grey);
  double dull_sum = 0, vivid_sum = 0, plain_sum = 0;
  for (size_t i = 0; i < 48 * 48; ++i) dull_sum += chroma(dull, i), vivid_sum += chroma(vivid, i), plain_sum += chroma(a, i);
  CHECK(dull_sum == doctest::Approx(plain_sum / 2).epsilon(0.05));
  CHECK(vivid_sum > 1.05 * plain_sum);
  for (size_t i = 0; i < bw.pixels.size(); i += 3) REQUIRE((std::abs(bw.pixels[i] - bw.pixels[i + 1]) <= 1 && std::abs(bw.pixels[i] - bw.pixels[i + 2]) <= 1));
  CHECK(gradient_energy(adjusted(a, flat)) < gradient_energy(a));
  CHECK(gradient_energy(adjusted(a, hard)) > gradient_energy(a));

  Adjustments film;
  film.film = 1;
  const Image developed = adjusted(a, film);
  CHECK(developed.pixels == adjusted(a, film).pixels);
  CHECK(*std::min_element(developed.pixels.begin(), developed.pixels.end()) > 0);
  Adjustments other = film;
  other.seed = 1;
  CHECK(developed.pixels != adjusted(a, other).pixels);
  CHECK(gradient_energy(adjusted(one_colour(32, 32, {120, 120, 120}), film)) > 0);             // grain
  for (const Adjustments& bad : {Adjustments{0, -1}, Adjustments{0, 1, 11}, Adjustments{0, 1, 1, false, 1.5}, Adjustments{std::numeric_limits<double>::quiet_NaN()}})
    CHECK_THROWS_AS(adjusted(a, bad), ConfigError);
}
