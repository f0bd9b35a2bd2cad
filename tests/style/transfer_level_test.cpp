// One step of `transfer`, held to its definition: where ranks would put the patches, and what the content's light and shade adds.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "style/transfer_level.h"
#include "weft/tensor/random_stream.h"

using namespace weft;
using namespace weft::gan;

namespace {

constexpr int kReach = kPatchSide / 2;

/// No two of its patches come to the same along any direction.
Image noise(int height, int width, uint32_t seed) {
  std::minstd_rand random(seed);
  Image image{height, width, 3, {}};
  for (int i = 0; i < height * width * 3; ++i) image.pixels.push_back(uint8_t(random() >> 16));
  return image;
}

/// Rows of pixels, three numbers each.
struct Picture {
  int height, width;
  std::vector<double> values;
  Picture(const Tensor& x) : height(int(x.size(1))), width(int(x.size(2))), values(x.values()) {}
  static int mirrored(int at, int side) { return at < 0 ? -at : at >= side ? 2 * (side - 1) - at : at; }
  /// Beyond the borders the picture is mirrored.
  double& at(int y, int x, int c) { return values[size_t((mirrored(y, height) * width + mirrored(x, width)) * 3 + c)]; }
  double light(int y, int x) { return 0.299 * at(y, x, 0) + 0.587 * at(y, x, 1) + 0.114 * at(y, x, 2); }
};

/// Of each patch, SSIM of light and shade, which it takes from 0 on, and the variances it is made of.
struct Likeness {
  std::vector<double> values, spreads;
  Likeness(Picture a, Picture b) {
    const double c1 = 0.01 * 0.01 * 4, c2 = 0.03 * 0.03 * 4;
    for (int y = 0; y < a.height; ++y)
      for (int x = 0; x < a.width; ++x) {
        double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
        for (int v = y - kReach; v <= y + kReach; ++v)
          for (int u = x - kReach; u <= x + kReach; ++u) {
            const double p = 1 + a.light(v, u), q = 1 + b.light(v, u);
            sa += p / 49, sb += q / 49, saa += p * p / 49, sbb += q * q / 49, sab += p * q / 49;
          }
        spreads.push_back(saa - sa * sa + sbb - sb * sb + c2);
        values.push_back((2 * sa * sb + c1) / (sa * sa + sb * sb + c1) * (2 * (sab - sa * sb) + c2) / spreads.back());
      }
  }
};

/// Of the sum of all likenesses, each weighted by what its variances were `before`, in one number of the picture: by finite differences.
double slope_at(const Tensor& start, const Tensor& content, const Likeness& before, size_t i) {
  const auto at = [&](double by) {
    Picture p(start);
    p.values[i] += by;
    const Likeness now(p, content);
    double sum = 0;
    for (size_t j = 0; j < now.values.size(); ++j) sum += std::min(1.0, before.spreads[j] / 0.05) * now.values[j];
    return sum;
  };
  return (at(1e-5) - at(-1e-5)) / 2e-5;
}

struct Step {
  Context context = Context::open("cpu");
  Tensor start;
  TransferJob job;
  TransferPlan plan{};

  Step(int height, int width, int steps, int parts = 1) : start(to_tensor(context, noise(height, width, 1)) * 0.8) {
    job.content = noise(height, width, 5), job.styles = {{noise(height, width, 9)}};
    plan.height = height, plan.width = width, plan.steps = steps, plan.parts = parts, plan.directions_at_once = 16;
  }
  TransferLevel level(double structure) {
    job.options.structure = structure;
    return TransferLevel(context, start * 1, job, plan);             // a copy: parts are moved in place
  }
};

/// Each of the 7x7x3 directions, down and across by 0.2, 0.6, 0.2, mirrored at its borders.
std::vector<double> smoothed(const std::vector<double>& directions) {
  std::vector<double> result;
  for (size_t first = 0; first < directions.size(); first += 147)
    for (int i = 0; i < 147; ++i) {
      double sum = 0;
      for (int v = -1; v <= 1; ++v)
        for (int u = -1; u <= 1; ++u) {
          const int y = Picture::mirrored(i / 21 + v, 7), x = Picture::mirrored(i / 3 % 7 + u, 7);
          sum += (v ? 0.2 : 0.6) * (u ? 0.2 : 0.6) * directions[first + size_t(y * 21 + x * 3 + i % 3)];
        }
      result.push_back(sum);
    }
  return result;
}

/// A pixel's three numbers, red against blue times `warm`, green against both times `green`.
void tint(double* pixel, double warm, double green) {
  const double grey = (pixel[0] + pixel[1] + pixel[2]) / 3, w = warm * (pixel[0] - pixel[2]) / 2, g = green * (2 * pixel[1] - pixel[0] - pixel[2]) / 6;
  pixel[0] = grey + w - g, pixel[1] = grey + 2 * g, pixel[2] = grey - w - g;
}

std::vector<double> difference(const Tensor& a, const Tensor& b) { return (a - b).values(); }

double product(const std::vector<double>& a, const std::vector<double>& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

}  // namespace

TEST_CASE("a step moves each patch to where its rank would put it in the style, along its grid's smoothed directions and waves of 0.85: in colours by less, where the style has less of them") {
  Step s(12, 14, 5);
  const NoGraph off(s.context);
  double squares_of[3] = {}, sums[3] = {};
  std::vector<uint8_t>& pixels = s.job.styles[0].picture.pixels;       // a third of noise's red against blue, a twentieth of its green against both
  for (size_t i = 0; i < pixels.size(); i += 3) {
    double pixel[3] = {double(pixels[i]), double(pixels[i + 1]), double(pixels[i + 2])};
    tint(pixel, 1.0 / 3, 1.0 / 20);
    for (size_t c = 0; c < 3; ++c) pixels[i + c] = uint8_t(std::lround(std::clamp(pixel[c], 0.0, 255.0)));
    const double r = pixels[i], g = pixels[i + 1], b = pixels[i + 2], axes[3] = {(r + g + b) / std::sqrt(3.0), (r - b) / std::sqrt(2.0), (2 * g - r - b) / std::sqrt(6.0)};
    for (size_t k = 0; k < 3; ++k) sums[k] += axes[k] / (12 * 14), squares_of[k] += axes[k] * axes[k] / (12 * 14);
  }
  const auto deviation = [&](int k) { return std::sqrt(squares_of[k] - sums[k] * sums[k]); };
  const double warm = std::sqrt(deviation(1) / deviation(0)), green = 0.3;
  REQUIRE(warm > 0.4);
  REQUIRE(warm < 0.8);
  REQUIRE(std::sqrt(deviation(2) / deviation(0)) < 0.3);               // so the least holds
  TransferLevel level = s.level(0);
  level.step(0);

  const uint64_t seed = s.job.options.seed;
  std::vector<double> free = smoothed(draw_directions(s.context, 12, stream_key(seed, "transfer")).values());
  std::vector<double> tinted = smoothed(draw_tinted(s.context, 12, stream_key(seed, "transfer tinted")).values());
  const std::vector<double> waves = draw_waves(s.context, 40, stream_key(seed, "transfer waves")).values();
  Picture start(s.start), style(to_tensor(s.context, s.job.styles[0].picture)), expected = start;
  const auto projected = [](Picture& p, int y, int x, const std::vector<double>& d) {
    double sum = 0;
    for (int i = 0; i < 147; ++i) sum += d[size_t(i)] * p.at(y + i / 21 - kReach, x + i / 3 % 7 - kReach, i % 3);
    return sum;
  };
  double squares = 0;
  for (int grid = 0; grid < 4; ++grid)
    for (int k = 0; k < 16; ++k) {
      const std::vector<double>& drawn = k < 3 ? free : k < 6 ? tinted : waves;
      const int at = k < 3 ? 3 * grid + k : k < 6 ? 3 * grid + k - 3 : 10 * grid + k - 6;
      std::vector<double> d(drawn.begin() + 147 * at, drawn.begin() + 147 * (at + 1));
      for (double& v : d) v *= k < 6 ? 1.2 : 0.85;
      std::vector<double> way = d;
      for (size_t j = 0; j < 147; j += 3) tint(&d[j], 1 / warm, 1 / green), tint(&way[j], warm, green);
      std::vector<std::pair<double, int>> ours;                      // where each patch stands, and its middle
      std::vector<double> theirs;
      for (int y = grid / 2; y < 12; y += 2)
        for (int x = grid % 2; x < 14; x += 2) ours.push_back({projected(start, y, x, d), y * 14 + x});
      for (int y = kReach + grid / 2; y < 12 - kReach; y += 2)
        for (int x = kReach + grid % 2; x < 14 - kReach; x += 2) theirs.push_back(projected(style, y, x, d));
      std::sort(ours.begin(), ours.end()), std::sort(theirs.begin(), theirs.end());
      for (size_t i = 0; i < ours.size(); ++i) {
        const double gap = theirs[(2 * i + 1) * theirs.size() / (2 * ours.size())] - ours[i].first;
        squares += gap * gap;
        for (int j = 0; j < 147; ++j) expected.at(ours[i].second / 14 + j / 21 - kReach, ours[i].second % 14 + j / 3 % 7 - kReach, j % 3) += 1.3 * 3.0 / 16 * gap * way[size_t(j)];
      }
    }
  const std::vector<double> result = level.picture.values();
  for (size_t i = 0; i < result.size(); ++i) CHECK(result[i] == doctest::Approx(expected.values[i]).epsilon(1e-4).scale(1));
  CHECK(level.gap() == doctest::Approx(std::sqrt(squares / (16 * 12 * 14))).epsilon(1e-5));
}

TEST_CASE("at structure 1 a step also climbs the likeness of light and shade: as far as is needed, and less where patches are flat") {
  Image faint = noise(12, 14, 5);
  for (uint8_t& p : faint.pixels) p = uint8_t(96 + p / 4);
  struct Case {
    Image content;
    double of_content, of_noise;                 // what the start is made of
    bool alike, flat;
  };
  for (const Case& k : {Case{noise(12, 14, 5), 0, 0.8, false, false}, Case{noise(12, 14, 5), 0.5, 0.1, true, false}, Case{faint, 0.5, 0.2, true, true}}) {
    Step s(12, 14, 5);
    const NoGraph off(s.context);
    s.job.content = k.content;
    const Tensor content = to_tensor(s.context, k.content);
    s.start = k.of_content * content + k.of_noise * to_tensor(s.context, noise(12, 14, 1));
    TransferLevel held = s.level(1), free = s.level(0);
    held.step(0), free.step(0);
    const std::vector<double> moved = difference(held.picture, free.picture);

    const Likeness before(s.start, content);
    const double mean = std::accumulate(before.values.begin(), before.values.end(), 0.0) / double(before.values.size());
    const double need = std::max(0.7 - mean, 0.0), flattest = *std::min_element(before.spreads.begin(), before.spreads.end());
    REQUIRE((need < 0.1) == k.alike);
    REQUIRE((flattest < 0.045) == k.flat);
    for (const size_t i : {0u, 20u, 101u, 250u, 333u, 503u}) {
      CHECK(moved[i] == doctest::Approx(0.21 * need * slope_at(s.start, content, before, i)).epsilon(2e-3).scale(1e-3));
    }
  }
}

TEST_CASE("with a mask, what is needed is counted in its region: what stays as it is is like the content and says nothing") {
  Step s(12, 14, 5);
  const NoGraph off(s.context);
  Image mask{12, 14, 1, std::vector<uint8_t>(12 * 14)};
  for (int i = 0; i < 12 * 14; ++i) mask.pixels[size_t(i)] = i % 14 < 5 ? 255 : 0;
  s.job.masks = {mask};
  const Tensor content = to_tensor(s.context, s.job.content), edge = s.context.from(std::vector<float>(mask.pixels.begin(), mask.pixels.end()), {1, 12, 14, 1}) / 255;
  s.start = content + edge * (0.34 * (content + to_tensor(s.context, noise(12, 14, 1))) - content);
  TransferLevel held = s.level(1), free = s.level(0);
  held.step(0), free.step(0);
  const std::vector<double> moved = difference(held.picture, free.picture);

  const Likeness before(s.start, content);
  double inside = 0, whole = 0;
  for (size_t i = 0; i < 12 * 14; ++i) whole += before.values[i] / (12 * 14), inside += mask.pixels[i] ? before.values[i] / (12 * 5) : 0;
  const double need = 0.7 - inside;
  REQUIRE(need > 0.02);
  REQUIRE(need > 2 * std::max(0.7 - whole, 0.0));
  for (const size_t i : {2u, 133u, 300u}) {
    CHECK(moved[i] == doctest::Approx(0.21 * need * slope_at(s.start, content, before, i)).epsilon(3e-3).scale(1e-3));
  }
}

TEST_CASE("what holds is weighted by the root of structure and falls evenly to a tenth over the steps of a level") {
  Step s(12, 14, 3);
  const NoGraph off(s.context);
  TransferLevel held = s.level(1), half = s.level(0.5), free = s.level(0);
  const Likeness before(s.start, to_tensor(s.context, s.job.content));
  const double mean = std::accumulate(before.values.begin(), before.values.end(), 0.0) / double(before.values.size());
  const double half_as_much = std::sqrt(0.5) * (0.62 - mean) / (0.7 - mean);   // less is enough at 0.5
  std::vector<double> first;
  for (const double weight : {1.0, 0.7, 0.4, 0.1}) {
    held.picture = half.picture = free.picture = s.start;
    held.step(0), half.step(0), free.step(0);
    const std::vector<double> moved = difference(held.picture, free.picture), less = difference(half.picture, free.picture);
    if (first.empty()) first = moved;
    CHECK(product(moved, first) / product(first, first) == doctest::Approx(weight).epsilon(1e-3).scale(1));
    CHECK(product(less, first) / product(first, first) == doctest::Approx(weight * half_as_much).epsilon(1e-3).scale(1));
  }
}

TEST_CASE("a strip of a picture that is worked on in parts is held as the whole is, and strips move from step to step") {
  Step whole(130, 10, 5), parts(130, 10, 5, 2);
  const NoGraph off(whole.context), off_too(parts.context);
  TransferLevel held = whole.level(1), free = whole.level(0), held_strip = parts.level(1), free_strip = parts.level(0);
  for (TransferLevel* level : {&held, &free, &held_strip, &free_strip}) level->step(0);
  const std::vector<double> moved = difference(held.picture, free.picture), strip = difference(held_strip.picture, free_strip.picture);
  const double most = std::abs(*std::max_element(moved.begin(), moved.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }));
  REQUIRE(most > 0.01);
  const auto clear = [](const std::vector<double>& all) { return std::vector<double>(all.begin() + 4 * 30, all.begin() + 48 * 30); };   // of the border and of what the second part moves
  const std::vector<double> a = clear(moved), b = clear(strip);
  const Likeness before(whole.start, to_tensor(whole.context, whole.job.content));
  const auto lacking = [&](const std::vector<int>& rows) {             // of the patches in them
    double sum = 0;
    for (const int y : rows)
      for (int x = 0; x < 10; ++x) sum += 0.7 - before.values[size_t(y * 10 + x)];
    return sum / double(rows.size());
  };
  std::vector<int> all(130), seen;                                   // the first part: strips of 58 rows at 0 and at 116, mirrored beyond the last
  std::iota(all.begin(), all.end(), 0);
  for (const int first : {0, 116})
    for (int y = first; y < first + 58; ++y) seen.push_back(Picture::mirrored(y, 130));
  const double share = product(a, b) / product(a, a);
  CHECK(share == doctest::Approx(lacking(seen) / lacking(all)).epsilon(1e-4));
  for (size_t i = 0; i < a.size(); ++i) CHECK(b[i] == doctest::Approx(share * a[i]).epsilon(1e-4).scale(most));

  TransferLevel later = parts.level(0);
  later.step(1);
  CHECK(difference(later.picture, free_strip.picture) != std::vector<double>(moved.size()));   // other strips
}
