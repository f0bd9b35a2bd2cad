// The measures: against an independent numpy (measures_witness.py), and that each sees what it is for and nothing else.
#include "weft/gan/measures.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "pictures.h"
#include "weft/gan/tile.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

const Context& cpu() {
  static const Context context = Context::open("cpu");
  return context;
}
Image mixed(const Image& a, const Image& b, int percent) {
  Image out = a;
  for (size_t i = 0; i < out.pixels.size(); ++i) out.pixels[i] = uint8_t((a.pixels[i] * (100 - percent) + b.pixels[i] * percent) / 100);
  return out;
}
Image blurred(const Image& image) { return resized(resized(image, image.height / 4, image.width / 4), image.height, image.width); }

}  // namespace

TEST_CASE("measures agree with numpy") {
  const Image a = formula(24, 30, 1), b = mixed(a, formula(24, 30, 4), 25);
  CHECK(structural_similarity(a, b) == doctest::Approx(0.9117418).epsilon(1e-5));
  CHECK(patch_distance(cpu(), {formula(16, 20, 1)}, {formula(13, 24, 4)}, FilterBank::cosine)[0] == doctest::Approx(0.047385).epsilon(1e-5));
  CHECK(gradient_energy(a) == doctest::Approx(0.1715067).epsilon(1e-5));
  CHECK(luminance_correlation(a, b, 0) == doctest::Approx(0.9543883).epsilon(1e-5));
}

TEST_CASE("patch distance: a metric that looks at patches, not at where they are") {
  const Image a = swatch(3, 48), b = swatch(11, 48);
  for (const FilterBank bank : {FilterBank::random, FilterBank::cosine}) {
    const auto far = patch_distance(cpu(), {a}, {b}, bank), back = patch_distance(cpu(), {b}, {a}, bank), same = patch_distance(cpu(), {a}, {a}, bank);
    const auto moved = patch_distance(cpu(), {cloth(a, Layout::straight, 5, 9, 48, 48)}, {a}, bank);      // the same cloth from another corner
    const auto half = patch_distance(cpu(), {mixed(a, b, 50)}, {b}, bank);
    for (size_t scale = 0; scale < 3; ++scale) {
      CAPTURE(scale);
      CHECK(same[scale] == 0);
      CHECK(far[scale] > 0.01);
      CHECK(back[scale] == doctest::Approx(far[scale]).epsilon(1e-6));
      CHECK(moved[scale] < 0.35 * far[scale]);
      CHECK(half[scale] < 0.8 * far[scale]);
    }
    CHECK(patch_distance(cpu(), {blurred(a)}, {a}, bank)[0] > 0.02 * far[0]);
    CHECK(patch_distance(cpu(), {a, b}, {a, b}, bank)[0] == 0);
    CHECK(patch_distance(cpu(), {a, b}, {a}, bank)[0] == doctest::Approx(far[0] / 2).epsilon(0.2));       // half of the patches are a's
  }
  CHECK(patch_distance(cpu(), {one_colour(1, 1, {0})}, {one_colour(3, 200, {0, 0, 0})})[0] == 0);
  CHECK_THROWS_AS(patch_distance(cpu(), {}, {a}), ShapeError);
}

TEST_CASE("colour distance: shares of colours, wherever they are") {
  const Image a = swatch(3, 48);
  Image shuffled = a;
  for (size_t i = 0; i < 48 * 48; ++i) std::copy_n(&a.pixels[(i * 997 % (48 * 48)) * 3], 3, &shuffled.pixels[i * 3]);
  CHECK(colour_distance(cpu(), {shuffled}, {a}) == 0);
  CHECK(colour_distance(cpu(), {one_colour(4, 4, {255, 0, 0})}, {one_colour(9, 2, {0, 255, 0})}) > 0.5);
  // One step of grey: the mean over directions d of |d.(1,1,1)|, which is sqrt(3)/2 on the sphere, up to the 64 that were drawn.
  CHECK(colour_distance(cpu(), {one_colour(4, 4, {0})}, {one_colour(4, 4, {255})}) == doctest::Approx(0.866).epsilon(0.15));
}

TEST_CASE("SSIM, correlation and gradient energy see structure, shading and blur") {
  const Image a = swatch(3, 64), b = swatch(11, 64);
  CHECK(structural_similarity(a, a) == doctest::Approx(1));
  CHECK(structural_similarity(a, mixed(a, b, 30)) > structural_similarity(a, mixed(a, b, 60)));
  CHECK(structural_similarity(a, blurred(a)) < 0.9);
  CHECK(gradient_energy(blurred(a)) < 0.3 * gradient_energy(a));
  CHECK(gradient_energy(one_colour(5, 5, {9, 9, 9})) == 0);
  Image shade = a;                               // brighter to the right, whatever the cloth
  for (size_t i = 0; i < shade.pixels.size(); ++i) shade.pixels[i] = uint8_t(i / 3 % 64 * 3 + shade.pixels[i] / 5);
  Image lit = b;
  for (size_t i = 0; i < lit.pixels.size(); ++i) lit.pixels[i] = uint8_t(i / 3 % 64 * 3 + lit.pixels[i] / 5);
  CHECK(luminance_correlation(shade, lit, 8) > 0.97);
  CHECK(luminance_correlation(shade, lit, 8) > luminance_correlation(shade, lit, 0));
  CHECK(luminance_correlation(a, one_colour(64, 64, {7}), 0) == 0);
  CHECK(structural_similarity(one_colour(1, 1, {7}), one_colour(1, 1, {7})) == doctest::Approx(1));
  CHECK(luminance_correlation(one_colour(1, 1, {7}), one_colour(1, 1, {7}), 5) == 0);
  CHECK_THROWS_AS(structural_similarity(a, swatch(3, 32)), ShapeError);
  CHECK_THROWS_AS(luminance_correlation(a, swatch(3, 32), 1), ShapeError);
}

TEST_CASE("copied share: pieces of the style and its stretched copy are found, new cloth of the kind is not") {
  const Image style = formula(64, 80, 1), other = formula(64, 80, 6);
  CHECK(copied_share(cpu(), crop(style, 6, 10, 48, 48), style) == 1);
  CHECK(copied_share(cpu(), resized(style, 96, 72), style) == 1);
  CHECK(copied_share(cpu(), other, style) < 0.1);
  Image pasted = other;
  for (int y = 0; y < 32; ++y) std::copy_n(&style.pixels[size_t(y * 80 * 3)], 80 * 3, &pasted.pixels[size_t(y * 80 * 3)]);
  CHECK(copied_share(cpu(), pasted, style) == doctest::Approx(0.5).epsilon(0.2));
  CHECK(copied_share(cpu(), one_colour(64, 64, {9, 9, 9}), one_colour(64, 64, {9, 9, 9})) == 0);        // flat says nothing
  CHECK(copied_share(cpu(), one_colour(1, 1, {9}), style) == 0);
}
