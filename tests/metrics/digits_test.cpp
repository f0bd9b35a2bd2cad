// Stacked digits: the data set, the reader of digits, and the score of 1,000 modes.
#include "weft/gan/digits.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "weft/gan/dataset.h"
#include "weft/gan/nearest.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;

TEST_CASE("stacked digits: every picture is read as the number that it was drawn for") {
  for (const int size : {16, 28}) {              // by every variant of each digit, or nearly
    CAPTURE(size);
    const auto data = open_dataset("stacked-digits", {.size = size});
    CHECK(data->channels() == 3);
    CHECK(data->classes().size() == 1000);
    std::vector<Image> pictures;
    for (int64_t i = 0; i < 500; ++i) pictures.push_back(picture_of(*data, i * 257));            // 257 and 1,000 have no common divisor
    const std::vector<DigitReader::Reading> read = DigitReader(Context::open("cpu", {.threads = 1}), size).read(pictures);
    int64_t right = 0, clear = 0;
    for (size_t i = 0; i < read.size(); ++i) right += read[i].number == data->labels()[i * 257], clear += read[i].clear;
    CHECK(right == 500);
    CHECK(clear > 480);                                                                          // 0.999^3 of 500 is 498.5
  }
}

TEST_CASE("stacked digits: a channel a digit, white on black, and a function of the index alone") {
  const auto data = open_dataset("stacked-digits", {.size = 32}), again = open_dataset("stacked-digits", {.size = 32});
  again->read(7, std::vector<float>(32 * 32 * 3).data());
  const Image picture = picture_of(*data, 123456), same = picture_of(*again, 123456);
  CHECK(picture.pixels == same.pixels);
  CHECK(data->labels()[123456] == 456);
  CHECK(picture.pixels != picture_of(*data, 122456).pixels);                                     // the same number by other digits
  for (size_t c = 0; c < 3; ++c) {
    int most = 0, ink = 0;
    for (size_t i = c; i < picture.pixels.size(); i += 3) most = std::max<int>(most, picture.pixels[i]), ink += picture.pixels[i];
    CHECK(most == 255);
    CHECK(picture.pixels[c] == 0);
    CHECK(ink > 255 * 32 * 32 / 20);
    CHECK(ink < 255 * 32 * 32 / 3);
  }
  CHECK_THROWS_AS(open_dataset("stacked-digits", {.size = 8}), ConfigError);
  CHECK_THROWS_WITH_AS(open_dataset("stacked-digits", {.size = 32, .channels = 1}), doctest::Contains("three channels"), ConfigError);
}

TEST_CASE("stacked digits: noise and grey are not clear, and other pictures are refused") {
  const DigitReader reader(Context::open("cpu", {.threads = 1}), 16);
  Image grey{16, 16, 3, std::vector<uint8_t>(16 * 16 * 3, 128)}, half = picture_of(*open_dataset("stacked-digits", {.size = 16}), 5);
  for (size_t i = 2; i < half.pixels.size(); i += 3) half.pixels[i] = 0;                         // the third digit is gone
  const std::vector<DigitReader::Reading> read = reader.read({grey, half});
  CHECK(!read[0].clear);
  CHECK(!read[1].clear);
  CHECK(read[1].number / 10 == 0);                                                               // the number 5 begins with two zeros
  CHECK_THROWS_AS(reader.read({Image{16, 16, 1, std::vector<uint8_t>(256)}}), ShapeError);
}

TEST_CASE("stacked digits: modes and divergence in closed form") {
  const auto shown = [](int modes, int times, bool clear = true) {
    std::vector<DigitReader::Reading> all;
    for (int i = 0; i < modes * times; ++i) all.push_back({i % modes, clear});
    return score(all);
  };
  CHECK(shown(1000, 26).modes == 1000);
  for (const double share : shown(1000, 26).digits) CHECK(share == doctest::Approx(0.1));
  CHECK(shown(10, 1).digits[0] == doctest::Approx(0.7));                     // 000 to 009
  CHECK(shown(10, 1).digits[9] == doctest::Approx(1 / 30.0));
  CHECK(std::fabs(shown(1000, 26).kl) < 1e-12);
  CHECK(shown(1000, 26).kl_floor == doctest::Approx(0.0192).epsilon(0.001));                     // simulated: 0.0195
  CHECK(shown(250, 4).modes == 250);
  CHECK(shown(250, 4).kl == doctest::Approx(std::log(4)));
  CHECK(shown(1, 10).kl == doctest::Approx(std::log(1000)));
  CHECK(shown(250, 4, false).modes == 250);
  CHECK(shown(250, 4, false).clear_modes == 0);
  CHECK(shown(250, 4, false).clear == 0);
  CHECK_THROWS_AS(score(std::vector<DigitReader::Reading>()), DataError);
}
