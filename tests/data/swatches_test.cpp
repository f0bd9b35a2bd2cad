// The swatches that weft draws: the same everywhere, seamless, in every class and at every size.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "weft/gan/dataset.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;

namespace {

std::vector<float> swatch(Dataset& data, int64_t i) {
  std::vector<float> pixels(size_t(data.height() * data.width() * data.channels()));
  CHECK(data.read(i, pixels.data()) == i % 5);
  return pixels;
}

/// The mean difference between the picture's last column and its first, over that of neighbouring columns: 1 if the seam is a
/// place like any other. `width` cuts columns off.
double seam(const std::vector<std::vector<float>>& swatches, int side, int width) {
  double at_seam = 0, within = 0;
  for (const auto& p : swatches)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < width; ++x)
        for (int k = 0; k < 3; ++k) {
          const double step = std::abs(double(p[size_t(((y * side) + x) * 3 + k)]) - double(p[size_t(((y * side) + (x + 1) % width) * 3 + k)]));
          (x + 1 == width ? at_seam : within) += step;
        }
  return at_seam / (within / (width - 1));
}

}  // namespace

TEST_CASE("swatches: any size, one or three channels, all values of [-1, 1] on the grid of bytes") {
  for (const int size : {8, 9, 32, 100, 300}) {
    const auto data = open_dataset("swatches", {.size = size});
    CHECK((data->size() == 20000 && data->channels() == 3 && data->width() == size && data->height() == size));
    CHECK(data->classes() == std::vector<std::string>{"stripes", "checks", "houndstooth", "tartan", "dots"});
    for (int i = 0; i < 10; ++i)
      for (const float v : swatch(*data, i))
        if (!(std::nearbyint((v + 1) * 127.5f) / 127.5f - 1 == v && std::abs(v) <= 1)) FAIL(size << " " << i << " " << v);
  }
  const auto grey = open_dataset("swatches", {.size = 16, .channels = 1});
  CHECK(swatch(*grey, 19999).size() == 256);
  CHECK_THROWS_AS(open_dataset("swatches", {.size = 7}), ConfigError);
  CHECK_THROWS_AS(open_dataset("swatches", {.size = 1025}), ConfigError);
}

TEST_CASE("swatches: other than square, they are the middle of a square") {
  const auto wide = open_dataset("swatches", {.size = 10, .across = 16}), high = open_dataset("swatches", {.size = 10, .high = 16}), square = open_dataset("swatches", {.size = 16});
  CHECK((wide->height() == 10 && wide->width() == 16 && high->height() == 16 && high->width() == 10));
  for (const int64_t i : {0, 7, 19}) {
    std::vector<float> w(480), h(480), s(768);
    wide->read(i, w.data()), high->read(i, h.data()), square->read(i, s.data());
    CHECK(std::equal(w.begin(), w.end(), s.begin() + 3 * 48));
    for (size_t y = 0; y < 16; ++y) CHECK(std::equal(h.begin() + std::ptrdiff_t(y * 30), h.begin() + std::ptrdiff_t(y * 30 + 30), s.begin() + std::ptrdiff_t(y * 48 + 9)));
  }
  CHECK_THROWS_AS(open_dataset("swatches", {.size = 16, .across = 1025}), ConfigError);
  CHECK_THROWS_AS(open_dataset("garments", {.size = 16, .across = 24}), ConfigError);
}

TEST_CASE("swatches: a function of the number, with the same bits on every machine") {
  const auto data = open_dataset("swatches", {.size = 32});
  std::set<uLong> seen;
  uLong all = 0;
  for (int i = 0; i < 500; ++i) {
    const auto pixels = swatch(*data, i);
    seen.insert(crc32(0, reinterpret_cast<const Bytef*>(pixels.data()), uInt(4 * pixels.size())));
    all = crc32(all, reinterpret_cast<const Bytef*>(pixels.data()), uInt(4 * pixels.size()));
  }
  CHECK(seen.size() == 500);                     // no two alike
  CHECK(all == 3131486125);                      // a change here changes what every run on swatches sees
}

TEST_CASE("swatches: seamless tiles") {
  const int side = 48;
  const auto data = open_dataset("swatches", {.size = side});
  std::vector<std::vector<float>> swatches;
  for (int i = 0; i < 1000; ++i) swatches.push_back(swatch(*data, i));
  const double whole = seam(swatches, side, side), cut = seam(swatches, side, side - 5);
  MESSAGE("at the seam ", whole, ", and with five columns missing ", cut);
  CHECK(std::abs(whole - 1) < 0.1);              // the pattern's phase is random, so 1 in expectation
  CHECK(cut > 1.3);
}

TEST_CASE("garments: any size, in the middle of a light ground, mirrored but for their folds, and each another") {
  for (const int size : {16, 33, 128}) {
    CAPTURE(size);
    const auto data = open_dataset("garments", {.size = size});
    CHECK(data->classes().size() == 5);
    std::vector<float> pixels(size_t(size) * size_t(size) * 3), before;
    for (int64_t i = 0; i < 10; ++i) {
      CHECK(data->read(i, pixels.data()) == i % 5);
      CHECK(pixels != before);
      before = pixels;
      const auto at = [&](int y, int x) { return pixels[(size_t(y) * size_t(size) + size_t(x)) * 3] + pixels[(size_t(y) * size_t(size) + size_t(x)) * 3 + 1] + pixels[(size_t(y) * size_t(size) + size_t(x)) * 3 + 2]; };
      for (const int corner : {0, size - 1}) CHECK(at(corner, corner) > 1);                 // the ground is light, [-3, 3]
      CHECK(std::all_of(pixels.begin(), pixels.end(), [](float p) { return p >= -1 && p <= 1; }));
    }
  }
  CHECK_THROWS_AS(open_dataset("garments", {.size = 8}), ConfigError);

  // Its mask is white where the garment is: the ground's pixels, all alike along a row, are where the mask is black.
  const auto garments = open_dataset("garments", {.size = 64}), masks = open_dataset("garment-masks", {.size = 64});
  std::vector<float> garment(64 * 64 * 3), mask(64 * 64);
  for (int64_t i = 0; i < 10; ++i) {
    garments->read(i, garment.data());
    masks->read(i, mask.data());
    CHECK(mask[0] == -1);
    CHECK(mask[64 * 24 + 26] == 1);                                                            // beside the middle, where trousers part
    double inside = 0;
    for (const float m : mask) inside += (m + 1) / 2 / (64 * 64);
    CHECK(inside > 0.1);
    CHECK(inside < 0.6);
  }
}
