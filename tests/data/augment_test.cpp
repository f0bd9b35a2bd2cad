// Augmentation. A picture whose channels are its own coordinates shows where each pixel came from: interpolation between them is
// exact, so the affine map can be read off the result.
#include "weft/gan/augment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;

namespace {

constexpr int side = 24;
constexpr double centre = (side - 1) / 2.0;
constexpr float kLuma[3] = {0.213f, 0.715f, 0.072f};
using Pixels = std::vector<float>;

Pixels noise(int channels, float low = -1, float high = 1) {
  std::mt19937 random(5);
  Pixels image(size_t(side * side * channels));
  for (float& v : image) v = low + (high - low) * float(random() >> 8) / float(1 << 24);
  return image;
}

Pixels altered(Pixels image, const AugmentOptions& options, int64_t position, int64_t epoch = 2, uint64_t seed = 9) {
  Augmenter(options, seed, side, side, int(image.size()) / (side * side))(image.data(), epoch, position);
  return image;
}

/// Of luma, in [0, 1].
double mean(const Pixels& image) {
  double sum = 0;
  for (size_t i = 0; i < image.size(); ++i) sum += double(kLuma[i % 3] * (image[i] + 1) / 2);
  return sum / (side * side);
}

struct Map {                                     // output to input, both from the centre
  double xx, xy, yx, yy, x, y;
};

/// Least squares would be more than is needed: three inner pixels as far apart as a search finds them.
Map map_of(AugmentOptions options, int64_t position) {
  Pixels ramps;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) ramps.insert(ramps.end(), {float(x) / side, float(y) / side, 1});
  options.fill = Fill::constant, options.fill_value = -1, options.jitter = 0;
  const Pixels seen = altered(ramps, options, position);
  struct Point { double u, v, x, y; };
  std::vector<Point> inner;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      if (const float* p = &seen[size_t(y * side + x) * 3]; p[2] == 1) inner.push_back({x - centre, y - centre, p[0] * side - centre, p[1] * side - centre});
  REQUIRE(inner.size() > 20);
  Map best{};
  double largest = 0;
  for (const Point& b : inner)
    for (const Point& c : inner) {
      const Point& a = inner[0];
      const double det = (b.u - a.u) * (c.v - a.v) - (c.u - a.u) * (b.v - a.v);
      if (std::abs(det) <= largest) continue;
      largest = std::abs(det);
      best.xx = ((b.x - a.x) * (c.v - a.v) - (c.x - a.x) * (b.v - a.v)) / det, best.xy = ((b.u - a.u) * (c.x - a.x) - (c.u - a.u) * (b.x - a.x)) / det;
      best.yx = ((b.y - a.y) * (c.v - a.v) - (c.y - a.y) * (b.v - a.v)) / det, best.yy = ((b.u - a.u) * (c.y - a.y) - (c.u - a.u) * (b.y - a.y)) / det;
      best.x = a.x - best.xx * a.u - best.xy * a.v, best.y = a.y - best.yx * a.u - best.yy * a.v;
    }
  return best;
}

// A ramp's value is at most 1, so one step of float is 6e-8 of it and 1.4e-6 of a pixel; the map's own sums are of numbers below
// 64, where a step is 4e-6, and there are five. Over the shortest base of a map, some 8 pixels, that is:
constexpr double slack = 8 * 4e-6;

/// What the fill makes of a tap at i.
int tap(int i, Fill fill) {
  if (fill == Fill::nearest) return std::min(std::max(i, 0), side - 1);
  if (fill == Fill::constant) return i < 0 || i >= side ? -1 : i;
  const int m = ((i % (2 * side)) + 2 * side) % (2 * side);
  return m < side ? m : 2 * side - 1 - m;
}

double sampled(const Pixels& image, double x, double y, Fill fill, double outside) {
  const int left = int(std::floor(x)), top = int(std::floor(y));
  double sum = 0;
  for (const int dy : {0, 1})
    for (const int dx : {0, 1}) {
      const int column = tap(left + dx, fill), row = tap(top + dy, fill);
      const double value = column < 0 || row < 0 ? outside : image[size_t(row * side + column)];
      sum += value * (dx ? x - left : 1 - (x - left)) * (dy ? y - top : 1 - (y - top));
    }
  return sum;
}

}  // namespace

TEST_CASE("augment: nothing asked for changes no bit; a flip mirrors the half that it takes") {
  const Pixels image = noise(3);
  int flips = 0;
  for (int i = 0; i < 400; ++i) {
    CHECK(altered(image, {}, i) == image);
    const Pixels out = altered(image, {.flip = true}, i);
    if (out == image) continue;
    ++flips;
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x)
        for (int k = 0; k < 3; ++k)
          if (out[size_t((y * side + x) * 3 + k)] != image[size_t((y * side + side - 1 - x) * 3 + k)]) FAIL(y << " " << x);
  }
  CHECK(std::abs(flips - 200) < 40);             // four sigma of 400 coins
}

TEST_CASE("augment: each motion is what it says, within its range and over all of it") {
  double turned = 0, shifted = 0, apart = 0, sheared = 0, zoomed = 0, cropped = 1, last_zoom = 0, like_the_last = 0, mirrored = 0;
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    Map m = map_of({.rotation = 40}, i);
    const double angle = std::atan2(m.yx, m.xx) * 180 / 3.14159265358979;
    CHECK((std::abs(m.xx - m.yy) < slack && std::abs(m.xy + m.yx) < slack && std::abs(std::hypot(m.xx, m.yx) - 1) < slack));
    CHECK((std::abs(m.x) < 30 * slack && std::abs(m.y) < 30 * slack && std::abs(angle) <= 40));
    turned = std::max(turned, std::abs(angle));

    m = map_of({.shift = 0.2}, i);
    CHECK((std::abs(m.xx - 1) < slack && std::abs(m.yy - 1) < slack && std::abs(m.xy) < slack && std::abs(m.yx) < slack));
    CHECK((std::abs(m.x) <= 0.2 * side + 30 * slack && std::abs(m.y) <= 0.2 * side + 30 * slack));
    apart = std::max(apart, std::abs(m.x - m.y));
    shifted = std::max({shifted, std::abs(m.x), std::abs(m.y)});

    m = map_of({.shear = 0.2}, i);
    CHECK((std::abs(m.xx - 1) < slack && std::abs(m.yy - 1) < slack && std::abs(m.yx) < slack && std::abs(m.xy) <= 0.2 + slack));
    sheared = std::max(sheared, std::abs(m.xy));

    m = map_of({.zoom = 0.2}, i);
    CHECK((std::abs(m.xx - 1) <= 0.2 + slack && std::abs(m.yy - 1) <= 0.2 + slack && std::abs(m.xy) < slack && std::abs(m.yx) < slack));
    zoomed = std::max(zoomed, std::abs(m.xx - m.yy));

    like_the_last += std::abs(angle / 40 - last_zoom) < 0.01;    // the words of one position are not those of the next
    last_zoom = (m.xx - 1) / 0.2;

    m = map_of({.rotation = 40, .shear = 0.2}, i);
    CHECK((std::abs(m.xx * m.yy - m.xy * m.yx - 1) < 2 * slack && std::abs(std::hypot(m.xx, m.yx) - 1) < slack));     // areas stay

    m = map_of({.flip = true, .rotation = 40}, i);
    mirrored += m.xx * m.yy - m.xy * m.yx < 0;

    m = map_of({.crop = 0.5}, i);                // the window lies inside, so no fill is ever seen
    CHECK((std::abs(m.xx - m.yy) < slack && m.xx >= 0.5 - slack && m.xx <= 1 + slack));
    CHECK(std::max(std::abs(m.x), std::abs(m.y)) + m.xx * side / 2 <= side / 2.0 + 30 * slack);
    cropped = std::min(cropped, m.xx);

    const Map alone = map_of({.rotation = 40}, i), with = map_of({.rotation = 40, .shift = 0.2}, i);
    CHECK((std::abs(alone.xx - with.xx) < slack && std::abs(alone.xy - with.xy) < slack));      // a switch leaves the others' draws alone
  }
  CHECK((turned > 36 && shifted > 0.18 * side && apart > 0.2 * side && like_the_last < 6 && std::abs(mirrored - 30) < 16 && sheared > 0.18 && zoomed > 0.2 && cropped < 0.55));
}

TEST_CASE("augment: all motions at once are one interpolation, and what lies outside is as the fill says") {
  const Pixels image = noise(1);
  for (const Fill fill : {Fill::nearest, Fill::reflect, Fill::constant}) {
    const AugmentOptions options{.flip = true, .crop = 0.2, .rotation = 40, .shift = 0.4, .shear = 0.2, .zoom = 0.2, .fill = fill, .fill_value = 0.25};
    double worst = 0;
    int outside = 0;
    for (int i = 0; i < 40; ++i) {
      const Map m = map_of(options, i);
      const Pixels out = altered(image, options, i);
      for (int y = 0; y < side; ++y)
        for (int x = 0; x < side; ++x) {
          const double u = x - centre, v = y - centre, a = m.xx * u + m.xy * v + m.x + centre, b = m.yx * u + m.yy * v + m.y + centre;
          outside += a < -1 || b < -1 || a > side || b > side;
          const double gap = std::abs(double(out[size_t(y * side + x)]) - sampled(image, a, b, fill, 0.25));
          CHECK(!std::isnan(gap));
          worst = std::max(worst, gap);
        }
    }
    CHECK(outside > 2000);
    CHECK(worst < 2 * 2 * 30 * slack);           // two axes, each with a slope of at most 2 a pixel
  }
}

TEST_CASE("augment: pictures that are not square are mirrored in their width and moved by shares of their own sides") {
  constexpr int h = 5, w = 12;
  Pixels ramps;                                    // each pixel's column and row
  for (int i = 0; i < h * w; ++i) ramps.insert(ramps.end(), {float(i % w) / 20, float(i / w) / 20, 0});
  int flipped = 0;
  float farthest_x = 0, farthest_y = 0;
  for (int64_t position = 0; position < 200; ++position) {
    Pixels seen = ramps;
    Augmenter({.flip = true}, 9, h, w, 3)(seen.data(), 0, position);
    const bool is = seen[0] != 0;
    flipped += is;
    for (int i = 0; i < h * w; ++i) {
      CHECK(seen[size_t(3 * i)] == ramps[size_t(3 * (is ? i / w * w + w - 1 - i % w : i))]);
      CHECK(seen[size_t(3 * i + 1)] == ramps[size_t(3 * i + 1)]);
    }
    seen = ramps;
    Augmenter({.shift = 0.25}, 9, h, w, 3)(seen.data(), 0, position);
    const size_t middle = size_t(3 * (h / 2 * w + w / 2));
    farthest_x = std::max(farthest_x, std::abs(seen[middle] - ramps[middle]) * 20), farthest_y = std::max(farthest_y, std::abs(seen[middle + 1] - ramps[middle + 1]) * 20);
  }
  CHECK(std::abs(flipped - 100) < 30);
  CHECK((farthest_x <= 3.001f && farthest_x > 2.7f));
  CHECK((farthest_y <= 1.251f && farthest_y > 1.1f));
}

TEST_CASE("augment: jitter keeps greys grey, moves the mean as brightness does, and stays in range") {
  const Pixels colour = noise(3, -0.4f, 0.4f);
  double darkest = 1, brightest = 1, most = 0;
  for (int i = 0; i < 60; ++i) {
    const Pixels out = altered(colour, {.jitter = 0.2}, i);
    const double brightness = mean(out) / mean(colour);      // hue, saturation and contrast all leave it alone, to the three digits of the weights
    darkest = std::min(darkest, brightness), brightest = std::max(brightest, brightness);
    double moved = 0;
    for (size_t p = 0; p < out.size(); p += 3) moved += std::abs((out[p] - out[p + 2]) - (colour[p] - colour[p + 2]));
    most = std::max(most, moved / (side * side));

    Pixels grey = noise(3);
    for (size_t p = 0; p < grey.size(); p += 3) grey[p + 1] = grey[p + 2] = grey[p];
    const Pixels still_grey = altered(grey, {.jitter = 1}, i), one = altered(noise(1), {.jitter = 1}, i);
    for (size_t p = 0; p < grey.size(); p += 3)
      if (!(std::abs(still_grey[p] - still_grey[p + 1]) < 1e-5 && std::abs(still_grey[p] - still_grey[p + 2]) < 1e-5)) FAIL(i);    // 8 products of at most 4
    for (const Pixels* all : {&still_grey, &one})
      for (const float v : *all)
        if (!(std::abs(v) <= 1)) FAIL(v);
  }
  CHECK((darkest >= 0.799 && darkest < 0.83 && brightest <= 1.201 && brightest > 1.17));
  CHECK(most > 0.05);
}

TEST_CASE("augment: jitter is one matrix, whose gain and saturation lie within the range and over all of it") {
  const float base = -0.1f, step = 0.2f;         // grey, and grey with more red, green, blue
  double dullest = 1, liveliest = 1, flattest = 1, hardest = 1, turned = 0;
  for (int i = 0; i < 60; ++i) {
    Pixels image(size_t(side * side * 3), base);
    for (size_t k = 0; k < 3; ++k) image[3 * (k + 1) + k] += step;
    const Pixels out = altered(image, {.jitter = 0.2}, i);
    double m[3][3];
    for (size_t to = 0; to < 3; ++to)
      for (size_t from = 0; from < 3; ++from) m[to][from] = (double(out[3 * (from + 1) + to]) - double(out[to])) / double(step);
    const double gain = m[0][0] + m[0][1] + m[0][2];       // of greys, which stay grey
    const double det = m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
                       m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    const double saturation = std::sqrt(det / (gain * gain * gain));      // a turn of the hue keeps areas in the plane of chroma
    const double contrast = gain * mean(image) / mean(out);               // what is left of the gain without brightness
    CHECK((contrast > 0.79 && contrast < 1.21 && saturation > 0.79 && saturation < 1.21));     // SVG's weights have three digits
    flattest = std::min(flattest, contrast), hardest = std::max(hardest, contrast);
    dullest = std::min(dullest, saturation), liveliest = std::max(liveliest, saturation);
    turned = std::max(turned, std::abs(m[0][1] - m[0][2] * kLuma[1] / kLuma[2]) / gain);           // 0 without a turn
  }
  CHECK((dullest < 0.83 && liveliest > 1.17 && flattest < 0.83 && hardest > 1.17));
  CHECK(turned > 0.1);
}

TEST_CASE("augment: a pair's two pictures are altered alike") {
  for (const AugmentOptions& how : {AugmentOptions{.flip = true}, AugmentOptions{.flip = true, .rotation = 20, .zoom = 0.2}, AugmentOptions{.jitter = 0.5}}) {
    Augmenter augment(how, 3, 6, 5, 6);
    Pixels pair(6 * 5 * 6);
    bool altered = false;
    for (int64_t at = 0; at < 8; ++at) {
      for (size_t i = 0; i < pair.size(); ++i) pair[i] = float((i / 6 * 7 + i % 3 * 5) % 23) / 23 - 0.5f;         // both sides the same
      const Pixels before = pair;
      augment(pair.data(), 1, at);
      altered = altered || pair != before;
      for (size_t i = 0; i < pair.size(); i += 6)
        for (size_t k = 0; k < 3; ++k) CHECK(pair[i + k] == pair[i + k + 3]);
    }
    CHECK(altered);
  }
}

TEST_CASE("augment: a function of seed, epoch and position, each of which counts; what is out of range is refused") {
  const Pixels image = noise(3);
  for (const AugmentOptions& options : {AugmentOptions{.rotation = 10}, AugmentOptions{.jitter = 0.1}}) {
    const Pixels out = altered(image, options, 4, 2, 9);
    CHECK(out == altered(image, options, 4, 2, 9));
    CHECK(out != altered(image, options, 5, 2, 9));
    CHECK(out != altered(image, options, 4, 3, 9));
    CHECK(out != altered(image, options, 4, 2, 10));
  }
  for (const AugmentOptions& wrong : {AugmentOptions{.crop = 1}, AugmentOptions{.rotation = 181}, AugmentOptions{.shift = -1}, AugmentOptions{.shear = NAN},
                                      AugmentOptions{.zoom = 1}, AugmentOptions{.jitter = 1.5}})
    CHECK_THROWS_AS(altered(image, wrong, 0), ConfigError);
}
