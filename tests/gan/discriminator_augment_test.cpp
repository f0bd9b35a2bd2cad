// What a discriminator is shown instead of pictures: each alteration by its definition, on pictures from which it can be read off; how often; what
// the step makes of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "small_networks.h"
#include "weft/gan/discriminator_augment.h"

using namespace weft;
using namespace weft::testing;

namespace {

using Values = std::vector<double>;
using Augment = gan::DiscriminatorAugment;

gan::DiscriminatorAugmentOptions diffaugment(const char* policy) { return {gan::AugmentMethod::diffaugment, policy}; }
gan::DiscriminatorAugmentOptions ada(const char* policy, double p) { return {gan::AugmentMethod::ada, policy, p, 0.6, 4, 0}; }

/// What becomes of these pictures in step 5.
Values altered(const gan::DiscriminatorAugmentOptions& o, const Tensor& pictures, Augment::Side side = Augment::real, uint64_t seed = 3) {
  Augment augment(pictures.context(), o, seed);
  augment.prepare(5, pictures.shape());
  return augment(pictures, side).values();
}

/// Many times the same picture.
Tensor copies(const Tensor& picture, int64_t n) { return expand(picture, {n, picture.size(1), picture.size(2), picture.size(3)}); }

struct Spread {
  double mean, deviation, least, most;
  explicit Spread(const Values& v) : mean(0), deviation(0), least(*std::min_element(v.begin(), v.end())), most(*std::max_element(v.begin(), v.end())) {
    for (const double x : v) mean += x / double(v.size());
    for (const double x : v) deviation += (x - mean) * (x - mean) / double(v.size());
    deviation = std::sqrt(deviation);
  }
};

}  // namespace

TEST_CASE("with probability 0, pictures stay as they are to the bit") {
  for (const DType type : {DType::f32, DType::f64})
    for (const int64_t channels : {1, 3}) {
      const Context c = Context::open("cpu", {type, 1});
      const Tensor x = c.normal({5, 8, 6, channels}, 1);
      CHECK(altered(ada("", 0), x) == x.values());
      CHECK(altered(ada("", 0.5), x) != x.values());
    }
}

TEST_CASE("both sides are altered, each by draws of its own, which are the step's and the seed's") {
  const Context c = in_double();
  const Tensor x = c.normal({6, 8, 8, 3}, 1);
  for (const gan::DiscriminatorAugmentOptions& o : {diffaugment(""), ada("", 0.9)}) {
    const Values real = altered(o, x), fake = altered(o, x, Augment::fake);
    CHECK(real != x.values());
    CHECK(fake != x.values());
    CHECK(real != fake);
    CHECK(real == altered(o, x));
    CHECK(real != altered(o, x, Augment::real, 4));
    Augment later(c, o, 3);
    later.prepare(6, x.shape());
    CHECK(real != later(x, Augment::real).values());
    later.prepare(5, x.shape());
    CHECK(real == later(x, Augment::real).values());
    const Values few = altered(o, slice(x, 0, 0, 2));
    CHECK(std::equal(few.begin(), few.end(), real.begin()));       // a sample's draws do not depend on how many there are
  }
}

TEST_CASE("diffaugment's translation: by up to an eighth, and black comes in") {
  const Context c = in_double();
  constexpr int n = 400, h = 16, w = 12, most_y = 2, most_x = 2;
  const Tensor picture = c.uniform({1, h, w, 3}, 1) + 1;
  const Values x = picture.values(), y = altered(diffaugment("translation"), copies(picture, n));
  std::map<std::pair<int, int>, int> seen;
  for (int i = 0; i < n; ++i) {
    int matches = 0;
    for (int dy = -most_y; dy <= most_y; ++dy)
      for (int dx = -most_x; dx <= most_x; ++dx) {
        bool same = true;
        for (int k = 0; k < h * w * 3; ++k) {
          const int from_y = k / 3 / w + dy, from_x = k / 3 % w + dx;
          const bool inside = from_y >= 0 && from_y < h && from_x >= 0 && from_x < w;
          same = same && y[size_t(i * h * w * 3 + k)] == (inside ? x[size_t((from_y * w + from_x) * 3 + k % 3)] : 0);
        }
        if (same) ++matches, ++seen[{dy, dx}];
      }
    CHECK(matches == 1);
  }
  CHECK(seen.size() == 25);
  for (const auto& [shift, times] : seen) CHECK(times <= 40);      // 16 are expected
}

TEST_CASE("diffaugment's cutout: a square of half the sides, its middle anywhere") {
  const Context c = in_double();
  constexpr int n = 600, h = 8, w = 7, high = 4, wide = 4;         // half of 7 is 4, to the nearest pixel
  const Values y = altered(diffaugment("cutout"), c.full({n, h, w, 1}, 1));
  std::set<int> tops, lefts;
  int whole = 0;
  for (int i = 0; i < n; ++i) {
    int top = h, bottom = -1, left = w, right = -1, black = 0;
    for (int k = 0; k < h * w; ++k) {
      CHECK((y[size_t(i * h * w + k)] == 0 || y[size_t(i * h * w + k)] == 1));
      if (y[size_t(i * h * w + k)] == 1) continue;
      ++black, top = std::min(top, k / w), bottom = std::max(bottom, k / w), left = std::min(left, k % w), right = std::max(right, k % w);
    }
    CHECK(black == (bottom - top + 1) * (right - left + 1));       // a full rectangle
    CHECK(bottom - top < high);
    CHECK(right - left < wide);
    CHECK((bottom - top + 1 == high || top == 0 || bottom == h - 1));
    CHECK((right - left + 1 == wide || left == 0 || right == w - 1));
    tops.insert(top), lefts.insert(left), whole += black == high * wide;
  }
  CHECK(tops.size() == 7);                                         // its middle at 0 to 8: seven different first rows
  CHECK(lefts.size() == 6);
  CHECK(whole > n * 5 / 9 * 4 / 8 * 0.7);
}

TEST_CASE("diffaugment's colour: brightness, saturation and contrast of their ranges, in that order") {
  const Context c = in_double();
  constexpr int64_t n = 500;
  const Tensor picture = c.normal({1, 3, 4, 3}, 2);
  const Values x = picture.values(), y = altered(diffaugment("color"), copies(picture, n));
  const auto grey = [](const Values& v, int64_t pixel) { return (v[size_t(3 * pixel)] + v[size_t(3 * pixel + 1)] + v[size_t(3 * pixel + 2)]) / 3; };
  double middle = 0;
  for (const double v : x) middle += v / 36;
  Values brightness, saturation, contrast;
  for (int64_t i = 0; i < n; ++i) {
    const Values z(y.begin() + 36 * i, y.begin() + 36 * (i + 1));
    contrast.push_back((grey(z, 0) - grey(z, 1)) / (grey(x, 0) - grey(x, 1)));
    saturation.push_back((z[0] - z[1]) / (x[0] - x[1]) / contrast.back());
    double mean = 0;
    for (const double v : z) mean += v / 36;
    brightness.push_back(mean - middle);
    for (int64_t k = 0; k < 36; ++k) {
      const double bright = x[size_t(k)] + brightness.back(), of_pixel = grey(x, k / 3) + brightness.back();
      const double saturated = (bright - of_pixel) * saturation.back() + of_pixel;
      CHECK(std::abs(z[size_t(k)] - ((saturated - mean) * contrast.back() + mean)) <= 1e-9);
    }
  }
  const struct { Spread s; double low, high; } all[] = {{Spread(brightness), -0.5, 0.5}, {Spread(saturation), 0, 2}, {Spread(contrast), 0.5, 1.5}};
  for (const auto& [s, low, high] : all) {
    CHECK(s.least >= low - 1e-9);
    CHECK(s.most <= high + 1e-9);
    CHECK(s.most - s.least > 0.95 * (high - low));
    CHECK(std::abs(s.mean - (low + high) / 2) < 0.06 * (high - low));
  }
}

TEST_CASE("ada's blit: mirrored, in quarter turns, and moved by whole pixels, each with its probability") {
  const Context c = in_double();
  constexpr int n = 800, side = 8;
  const Tensor picture = c.uniform({1, side, side, 1}, 1);
  const Values x = picture.values();
  const auto mirrored = [](int i) { return i < 0 ? -i : i >= side ? 2 * (side - 1) - i : i; };
  for (const double p : {1.0, 0.4}) {
    const Values y = altered(ada("blit", p), copies(picture, n));
    std::map<int, int> poses;
    int moved = 0, as_it_was = 0;
    for (int i = 0; i < n; ++i) {
      int matches = 0;
      for (int pose = 0; pose < 8; ++pose)
        for (int dy = -1; dy <= 1; ++dy)
          for (int dx = -1; dx <= 1; ++dx) {
            bool same = true;
            for (int k = 0; k < side * side && same; ++k) {
              int v = k / side - dy, u = k % side - dx;            // moved last: in the result's own directions
              for (int turn = 0; turn < pose % 4; ++turn) std::tie(u, v) = std::pair(side - 1 - v, u);
              if (pose >= 4) u = side - 1 - u;
              same = y[size_t(i * side * side + k)] == x[size_t(mirrored(v) * side + mirrored(u))];
            }
            if (!same) continue;
            ++matches, ++poses[pose], moved += dy != 0 || dx != 0, as_it_was += pose == 0 && dy == 0 && dx == 0;
          }
      CHECK(matches == 1);
    }
    CHECK(poses.size() == 8);
    // A share of at most an eighth of 8 pixels is rounded: to 0 half of the time, in each direction.
    CHECK(std::abs(double(moved) / n - p * 0.75) < 0.06);
    CHECK(std::abs(double(as_it_was) / n - (1 - p / 2) * (1 - p * 3 / 4) * (1 - p * 3 / 4)) < 0.06);
  }
}

TEST_CASE("ada's geometry: scale, turn, stretch and shift of their spreads, read off two ramps") {
  const Context c = in_double();
  constexpr int n = 1500, side = 33, middle = side / 2;            // odd: the middle is a pixel
  Values ramps;
  for (int k = 0; k < side * side; ++k)
    for (const double v : {double(k % side - middle), double(k / side - middle), 0.0}) ramps.push_back(v);
  const Tensor picture = c.from(ramps, {1, side, side, 3});
  for (const double p : {1.0, 0.5}) {
    const Values y = altered(ada("geom", p), copies(picture, n));
    Values scale, stretch, turns, shift;
    int measured = 0, turned = 0;
    for (int i = 0; i < n; ++i) {
      const auto at = [&](int row, int column, int of) { return y[size_t(((i * side + middle + row) * side + middle + column) * 3 + of)]; };
      const double x0 = at(0, 0, 0), y0 = at(0, 0, 1), xx = at(0, 1, 0) - x0, xy = at(1, 0, 0) - x0, yx = at(0, 1, 1) - y0, yy = at(1, 0, 1) - y0;
      if (std::max(std::abs(x0), std::abs(y0)) > middle - 3) continue;                                                 // it may have been mirrored
      ++measured;
      const double determinant = xx * yy - xy * yx, squares = xx * xx + xy * xy + yx * yx + yy * yy;
      scale.push_back(-std::log2(determinant) / 2);
      stretch.push_back(std::acosh(std::max(1.0, squares / 2 / determinant)) / 2 / std::log(2.0));                     // log2 of the wider side, against the mean
      turns.push_back(std::atan2(yx - xy, xx + yy));
      turned += std::abs(turns.back()) > 1e-4;                                                                             // weights are float32
      shift.push_back(x0), shift.push_back(y0);
    }
    REQUIRE(measured > 0.95 * n);
    const double often = std::sqrt(p);
    CHECK(Spread(scale).deviation == doctest::Approx(0.2 * often).epsilon(0.08));
    double square = 0;
    for (const double s : stretch) square += s * s / double(stretch.size());
    CHECK(std::sqrt(square) == doctest::Approx(0.2 * often).epsilon(0.08));
    CHECK(std::abs(double(turned) / measured - p) < 0.04);                                                             // once in two places
    if (p == 1) CHECK(Spread(turns).deviation == doctest::Approx(std::acos(-1) / std::sqrt(3.0)).epsilon(0.05));        // any angle
    CHECK(Spread(shift).deviation == doctest::Approx(0.125 * side * often).epsilon(0.12));                             // seen through scale, and cut off
  }
}

TEST_CASE("ada's colour: what may become of the direction of grey, and of what lies across it") {
  const Context c = in_double();
  constexpr int n = 1500;
  const Tensor basis = c.from(Values{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, {1, 2, 2, 3});
  const Values y = altered(ada("color", 1), copies(basis, n));
  Values brightness, contrast, saturation, hue;
  int flipped = 0;
  for (int i = 0; i < n; ++i) {
    double m[3][3], offset[3];
    for (int to = 0; to < 3; ++to) {
      offset[to] = y[size_t(i * 12 + to)];
      for (int from = 0; from < 3; ++from) m[to][from] = y[size_t(i * 12 + 3 + 3 * from + to)] - offset[to];
    }
    const double along = m[0][0] + m[0][1] + m[0][2];              // of grey: 1 to contrast, its sign the mirror of luma
    for (int to = 0; to < 3; ++to) CHECK(std::abs(m[to][0] + m[to][1] + m[to][2] - along) <= 1e-5);
    flipped += along < 0;
    contrast.push_back(std::log2(std::abs(along)));
    brightness.push_back(offset[0] / along);
    CHECK(std::max(std::abs(offset[1] - offset[0]), std::abs(offset[2] - offset[0])) <= 1e-5);
    // red - green and red + green - 2 blue lie across grey, and at right angles to each other
    const double across[2][3] = {{std::sqrt(.5), -std::sqrt(.5), 0}, {std::sqrt(1 / 6.), std::sqrt(1 / 6.), -2 * std::sqrt(1 / 6.)}};
    double r[2][2] = {};
    for (int a : {0, 1})
      for (int b : {0, 1})
        for (int to = 0; to < 3; ++to)
          for (int from = 0; from < 3; ++from) r[a][b] += across[a][to] * m[to][from] * across[b][from];
    const double size = std::sqrt(r[0][0] * r[1][1] - r[0][1] * r[1][0]);
    CHECK(std::abs(r[0][0] - r[1][1]) + std::abs(r[0][1] + r[1][0]) <= 1e-4 * size);       // turned, and scaled
    saturation.push_back(std::log2(size) - contrast.back());
    hue.push_back(std::atan2(r[1][0], r[0][0]));
  }
  CHECK(std::abs(flipped / double(n) - 0.5) < 0.05);
  CHECK(Spread(brightness).deviation == doctest::Approx(0.2).epsilon(0.06));
  CHECK(Spread(contrast).deviation == doctest::Approx(0.5).epsilon(0.06));
  CHECK(Spread(saturation).deviation == doctest::Approx(1).epsilon(0.06));
  CHECK(Spread(hue).deviation == doctest::Approx(std::acos(-1) / std::sqrt(3.0)).epsilon(0.05));
  for (const Values& v : {brightness, contrast, saturation}) CHECK(std::abs(Spread(v).mean) < 0.1);
}

TEST_CASE("of grey pictures ada mirrors luma, brightens and scales, as of the grey ones among coloured") {
  const Context c = in_double();
  const Tensor grey = c.normal({200, 2, 2, 1}, 1), coloured = expand(grey, {200, 2, 2, 3});
  gan::DiscriminatorAugmentOptions o = ada("color", 0.7);
  const Values one = altered(o, grey), three = altered(o, coloured);
  for (size_t i = 0; i < one.size(); ++i) CHECK(std::abs(one[i] - three[3 * i]) <= 1e-5);
}

namespace {

gan::GanOptions with_augment(const gan::DiscriminatorAugmentOptions& augment, int channels, int packing = 1) {
  gan::GanOptions o = small_options();
  o.augment = augment, o.model.channels = channels, o.packing = packing;
  return o;
}

}  // namespace

TEST_CASE("a step shows the discriminator altered pictures of both sides; R1, R2 and WGAN-GP take the slope at the pictures as they were") {
  const Context c = in_double();
  for (const gan::DiscriminatorAugmentOptions& augment : {diffaugment(""), ada("", 0.8)})
    for (const char* penalties : {"r1,r2,wgan-gp", "r1", "r2"}) {
      gan::GanOptions o = with_augment(augment, 3);
      o.penalties = gan::find_penalties(penalties);
      gan::Gan game(c, model_of(small_networks), o);
      const Tensor real = c.uniform({4, 5, 5, 3}, 1), z = c.normal({4, 1, 1, 3}, 2);
      game.step(real, z);
      const gan::Gauges told = game.gauges();
      Augment as_it_was(c, augment, o.seed);
      as_it_was.prepare(1, real.shape());
      const Tensor fake = game.generator()(z).detach();
      const Tensor on_real = game.discriminator()(as_it_was(real, Augment::real)), on_fake = game.discriminator()(as_it_was(fake, Augment::fake));
      CHECK(std::abs(told["loss_d"] - o.objective->discriminator(on_real, on_fake, 1).item()) <= 1e-12);
      CHECK(std::abs(told["loss_g"] - o.objective->generator({}, on_fake).item()) <= 1e-12);
      for (const gan::WeightedPenalty& p : o.penalties) {
        const std::string name = p.penalty->name;
        const Tensor x = (name == "r1" ? real : name == "r2" ? fake : gan::penalty_points(*p.penalty, real, fake, o.seed)).leaf();
        const Tensor shown = as_it_was(x, name == "r2" ? Augment::fake : Augment::real);
        CHECK(std::abs(told["penalty_" + name] - p.penalty->cost(grad(sum(game.discriminator()(shown)), {x})[0]).item()) <= 1e-12);
        const Tensor apart = shown.detach().leaf();
        CHECK(std::abs(told["penalty_" + name] - p.penalty->cost(grad(sum(game.discriminator()(apart)), {apart})[0]).item()) > 1e-6);
      }
    }
}

TEST_CASE("each picture of a pack is altered by itself") {
  const Context c = in_double();
  gan::GanOptions o = with_augment(diffaugment(""), 1, 2);
  gan::Gan game(c, model_of(small_networks), o);
  const Tensor real = c.uniform({4, 5, 5, 1}, 1);
  game.step(real);
  Augment as_it_was(c, o.augment, o.seed);
  as_it_was.prepare(1, real.shape());
  const Tensor shown = as_it_was(real, Augment::real), packs = concat({slice(shown, 0, 0, 2), slice(shown, 0, 2, 4)}, -1);
  CHECK(std::abs(game.gauges()["d_real"] - mean(sigmoid(game.discriminator()(packs))).item()) <= 1e-12);
}

namespace {

/// p after each of these steps, the discriminator's logit being `on_real` for black pictures and `on_real` + slope for generated ones, which are 1.
Values course_of_p(const char* objective, double on_real, double slope, const gan::DiscriminatorAugmentOptions& augment, int steps) {
  const Context c = in_double();
  gan::GanOptions o = by_descent(objective, 0);
  o.augment = augment;
  const auto build = [](const Context& context, const gan::ModelOptions& m) {
    return gan::Networks{std::make_shared<Shift>(context, m.channels), std::make_shared<Line>(context, 4 * m.channels, true)};
  };
  gan::Gan game(c, model_of(build), o);
  first_parameter(game.generator()).write(Values{1});
  first_parameter(game.discriminator()).write(Values(4, slope / 4));
  game.discriminator().parameters()[1].second->value.write(Values{on_real});
  Values p;
  for (int i = 0; i < steps; ++i) {
    game.step(c.zeros({10, 2, 2, 1}), c.zeros({10, 2, 2, 1}));
    p.push_back(game.gauges()["augment_p"]);
  }
  return p;
}

}  // namespace

TEST_CASE("p rises while the discriminator is surer of real pictures than the target, and falls while it is not; by the paper's step; within 0 and 1") {
  gan::DiscriminatorAugmentOptions o{gan::AugmentMethod::ada, "blit", 0.5, 0.6, 3, 0.2};                  // 3 steps of 10 pictures, 200 from 0 to 1: 0.15
  const auto close = [](const Values& got, const Values& wanted) {
    REQUIRE(got.size() == wanted.size());
    for (size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - wanted[i]) <= 1e-6);
  };
  const Values rises{.5, .5, .5, .65, .65, .65, .8, .8, .8, .95, .95, .95, 1, 1}, falls{.5, .5, .5, .35, .35, .35, .2, .2, .2, .05, .05, .05, 0, 0};
  close(course_of_p("non-saturating", 0.1, 0, o, 14), rises);
  close(course_of_p("non-saturating", -0.1, 0, o, 14), falls);
  close(course_of_p("hinge", 0.1, 0, o, 14), rises);
  close(course_of_p("lsgan", 0.4, 0, o, 14), falls);               // nearer to the label of generated pictures
  close(course_of_p("lsgan", 0.6, 0, o, 14), rises);
  for (const char* relative : {"wasserstein", "ragan", "rpgan"}) {
    close(course_of_p(relative, -3, -1, o, 14), rises);            // a constant says nothing; generated pictures are below
    close(course_of_p(relative, 3, 1, o, 14), falls);
  }
  o.target = 1;                                                    // it is as sure as it should be
  close(course_of_p("non-saturating", 0.1, 0, o, 4), {.5, .5, .5, .5});
  o.kimg = 0;
  const Values none = course_of_p("non-saturating", 0.1, 0, o, 4);
  for (const double p : none) CHECK(std::isnan(p));                // it does not change, and nothing is told of it
}

TEST_CASE("what p depends on is kept, and looking at a step again leaves it alone") {
  const Context c = in_double();
  gan::DiscriminatorAugmentOptions o{gan::AugmentMethod::ada, "", 0.25, 0.6, 4, 1};
  Augment one(c, o, 1), other(c, o, 1);
  const Shape pictures{10, 4, 4, 1};
  const auto step = [&](Augment& a, int64_t i) { a.prepare(i, pictures), a.hear(c.full({10}, i % 5 ? 1 : -1)); return a.probability().item(); };
  for (int64_t i = 1; i <= 6; ++i) step(one, i);
  other.load_state_dict(one.state_dict(), "test");
  for (int64_t i = 7; i <= 20; ++i) CHECK(step(one, i) == step(other, i));
  CHECK(one.probability().item() != 0.25);
  HostTensors broken = one.state_dict();
  broken.erase("signs");
  CHECK_THROWS_WITH_AS(other.load_state_dict(broken, "test"), doctest::Contains("signs"), const FormatError&);

  gan::GanOptions g = with_augment(o, 1);
  g.augment.interval = 2;
  gan::Gan watched(c, model_of(small_networks), g), plain(c, model_of(small_networks), g);
  for (int i = 1; i <= 5; ++i) {
    const Tensor real = c.uniform({4, 5, 5, 1}, uint64_t(i));
    watched.step(real), plain.step(real);
    (void)watched.explain_not_finite(real);
    CHECK(watched.gauges()["augment_p"] == plain.gauges()["augment_p"]);
  }
}

TEST_CASE("what it cannot alter, and what it has no part of") {
  const Context c = in_double();
  CHECK_THROWS_WITH_AS(Augment(c, diffaugment("color,cutuot"), 1), doctest::Contains("did you mean 'cutout'"), const ConfigError&);
  CHECK_THROWS_WITH_AS(Augment(c, ada("cutout", 1), 1), doctest::Contains("blit,geom,color"), const ConfigError&);
  CHECK_THROWS_WITH_AS(Augment(c, {gan::AugmentMethod::none, "blit"}, 1), doctest::Contains("none"), const ConfigError&);
  Augment fits(c, diffaugment(""), 1);
  CHECK_THROWS_WITH_AS(fits.prepare(1, {4, 8, 8, 2}), doctest::Contains("(4, 8, 8, 2)"), const ShapeError&);
  CHECK_THROWS_WITH_AS(fits.prepare(1, {4, 1, 8, 1}), doctest::Contains("(4, 1, 8, 1)"), const ShapeError&);
  gan::GanOptions o = with_augment(diffaugment(""), 2);
  CHECK_THROWS_WITH_AS(gan::Gan(c, model_of(small_networks), o), doctest::Contains("2 channels"), const ConfigError&);
  o.model.units = {{0, 0}, {1, 1}};
  CHECK_THROWS_WITH_AS(gan::Gan(c, model_of(small_networks), o), doctest::Contains("points of the plane"), const ConfigError&);
  o = with_augment(ada("", 0), 3), o.model.latent = 100;
  CHECK_THROWS_WITH_AS(gan::make_contest(c, gan::find_model("cyclegan"), o), doctest::Contains("train.augment"), const ConfigError&);
}
