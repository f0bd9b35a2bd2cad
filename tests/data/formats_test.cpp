// One picture in every format, written by other programs (tests/fuzz/make_seeds.py): a quarter each of red, green, blue and cream.
#include <doctest/doctest.h>

#include <cmath>

#include "files.h"

#include "weft/gan/image.h"
#include "weft/kernels/error.h"
#include "where.h"

using namespace weft;
using namespace weft::gan;

namespace {

constexpr int kColours[4][3] = {{200, 30, 40}, {20, 150, 60}, {30, 60, 190}, {240, 230, 200}};
constexpr int kGreys[4] = {40, 120, 200, 250};

/// The largest difference from the quarters, pixels beside their borders apart; `margin` of them on each side.
int distance(const Image& image, int margin) {
  int worst = 0;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const int h = image.height / 2, w = image.width / 2, quarter = y / h * 2 + x / w;
      if (y % h < margin || y % h >= h - margin || x % w < margin || x % w >= w - margin) continue;
      for (int k = 0; k < image.channels; ++k) {
        const int expected = image.channels == 1 ? kGreys[quarter] : kColours[quarter][k];
        worst = std::max(worst, std::abs(expected - int(image.pixels[size_t((y * image.width + x) * image.channels + k)])));
      }
    }
  return worst;
}

// Quality 95 quantises a flat block's mean by steps of 2, after division by 8: an eighth of a value. Rounding to Y, Cb, Cr costs a
// half each and back to blue 1.77 times the chroma's: 0.6 + 1.77 * 0.6, and the half of the last rounding. WebP adds limited range,
// 255/219 of it, and its own quantiser.
constexpr int kJpeg = 3, kWebp = 5;
struct Seed { const char* name; int channels, tolerance, margin; };
constexpr Seed kSeeds[] = {
    {"rgb.png", 3, 0, 0}, {"grey.png", 1, 0, 0}, {"rgba.png", 3, 0, 0}, {"palette.png", 3, 0, 0}, {"grey16.png", 1, 0, 0}, {"rgb16.png", 3, 0, 0},
    {"rgba16.png", 3, 0, 0}, {"interlaced.png", 3, 0, 0}, {"split.png", 3, 0, 0}, {"exif6.png", 3, 0, 0},
    {"24.bmp", 3, 0, 0}, {"32.bmp", 3, 0, 0}, {"palette.bmp", 3, 0, 0}, {"v3.bmp", 3, 0, 0}, {"565.bmp", 3, 8, 0},      // 5 bits, rounded down
    {"lossless.webp", 3, 0, 0}, {"lossless-alpha.webp", 3, 0, 0}, {"exif8.webp", 3, 0, 0}, {"lossy.webp", 3, kWebp, 4},
    {"grey.jpg", 1, kJpeg, 0}, {"420.jpg", 3, kJpeg, 2}, {"444.jpg", 3, kJpeg, 0}, {"progressive.jpg", 3, kJpeg, 2}, {"cmyk.jpg", 3, kJpeg, 2},
    {"exif1.jpg", 3, kJpeg, 2}, {"exif2.jpg", 3, kJpeg, 2}, {"exif3.jpg", 3, kJpeg, 2}, {"exif4.jpg", 3, kJpeg, 2},
    {"exif5.jpg", 3, kJpeg, 2}, {"exif6.jpg", 3, kJpeg, 2}, {"exif7.jpg", 3, kJpeg, 2}, {"exif8.jpg", 3, kJpeg, 2}};

}  // namespace

TEST_CASE("pictures by other programs: every format, kind and orientation") {
  for (const Seed& seed : kSeeds) {
    CAPTURE(std::string(seed.name));
    Image image;
    try {
      image = read_image(testing::test_file("fuzz/corpus/image/") + seed.name);
    } catch (const FormatError& e) {
      CHECK_MESSAGE(std::string(e.what()).find("this build of weft has no") != std::string::npos, e.what());
      continue;
    }
    CHECK(image.channels == seed.channels);
    CHECK(image.width == 2 * image.height);
    CHECK(distance(image, seed.margin) <= seed.tolerance);
  }
  const Image grey = read_image(testing::test_file("fuzz/corpus/image/grey.bmp"));                          // a palette of greys is a palette
  CHECK(grey.channels == 3);
  CHECK(distance(with_channels(grey, 1), 0) == 0);
}

TEST_CASE("pictures by other programs: an animation is no picture") {
  CHECK_THROWS_AS(read_image(testing::test_file("fuzz/corpus/image/animated.webp")), FormatError);
}

TEST_CASE("pictures by other programs: EXIF in a WebP after a chunk of odd length, and behind the header that JPEG has") {
  std::ifstream stream(testing::test_file("fuzz/corpus/image/exif8.webp"), std::ios::binary);
  std::string file(std::istreambuf_iterator<char>(stream), {});
  const size_t at = file.find("EXIF");
  REQUIRE(at != std::string::npos);
  file[at + 4] = char(file[at + 4] + 6);                                                // the first byte of its length
  file.insert(at + 8, std::string("Exif\0\0", 6));
  file.insert(at, std::string("JUNK\3\0\0\0abc\0", 12));
  file[4] = char(file[4] + 18);                                                         // and of the whole's
  Image image;
  try {
    image = decode_image(testing::as_bytes(file));
  } catch (const FormatError& e) {
    CHECK_MESSAGE(std::string(e.what()).find("this build of weft has no") != std::string::npos, e.what());
    return;
  }
  CHECK((image.width == 16 && image.height == 8));
  CHECK(distance(image, 0) == 0);
}
