// Mixtures: the data are what they say, a perfect sampler measures what it must, and one that is not does not.
#include "weft/gan/mixture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "weft/gan/loader.h"
#include "weft/gan/points.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"

using namespace weft;
using namespace weft::gan;

namespace {

constexpr double kPerfect = 0.98889, kPerfectDeviation = 0.9740;   // 1 - exp(-9/2); of a normal cut at three deviations, in the plane

std::vector<float> drawn(const std::string& name, int64_t count, int64_t first = 0) {
  DatasetOptions o;
  o.size = 1;
  const auto data = open_dataset(name, o);
  std::vector<float> xy(size_t(2 * count));
  for (int64_t i = 0; i < count; ++i) {
    data->read(first + i, &xy[size_t(2 * i)]);
    for (size_t axis = 0; axis < 2; ++axis) {
      float& v = xy[size_t(2 * i) + axis];
      v = float(data->units().zero[axis] + data->units().one[axis] * double(v));
    }
  }
  return xy;
}

/// `count` points of the mixture's own modes, mode after mode, `wide` times as wide.
std::vector<float> from_modes(const Mixture& m, const std::vector<size_t>& modes, int64_t count, double wide = 1) {
  std::vector<float> xy;
  for (int64_t i = 0; i < count; ++i) {
    float normals[4];
    normals_from(philox(7, 0, uint64_t(i)), normals);
    for (size_t axis = 0; axis < 2; ++axis) xy.push_back(float(m.centres[modes[size_t(i) % modes.size()]][axis] + wide * m.deviation * double(normals[axis])));
  }
  return xy;
}

std::vector<size_t> first_modes(size_t n) {
  std::vector<size_t> all(n);
  for (size_t k = 0; k < n; ++k) all[k] = k;
  return all;
}

/// The data's own test: as many points in each mode as its weight says, to four deviations of a count, as wide as they should be, none elsewhere.
std::string fault_of(const Mixture& m, const std::vector<float>& xy) {
  const MixtureScore s = score(m, xy);
  const double n = double(s.samples), least = *std::min_element(m.weights.begin(), m.weights.end());
  if (s.modes != int(m.centres.size())) return std::to_string(s.modes) + " modes";
  if (s.worst_weight > 4 * std::sqrt((1 - least) / (n * least))) return "weights";
  if (std::fabs(s.high_quality - kPerfect) > 4 * std::sqrt(kPerfect * (1 - kPerfect) / n)) return "quality";
  if (std::fabs(s.deviation - kPerfectDeviation) > 4 / std::sqrt(4 * n)) return "deviation";
  return "";
}

}  // namespace

TEST_CASE("ring8 and grid25 are drawn as they are defined, and a ring of seven centres is told from eight") {
  CHECK(fault_of(*find_mixture("ring8"), drawn("ring8", 100000)) == "");
  CHECK(fault_of(*find_mixture("grid25"), drawn("grid25", 100000)) == "");

  Mixture ring = *find_mixture("ring8");                 // as in the demonstration of Unrolled GAN: eight angles from 0 to 2 pi, both ends in
  for (size_t k = 0; k < 8; ++k) ring.centres[k] = {std::cos(2 * M_PI * double(k) / 7), std::sin(2 * M_PI * double(k) / 7)};
  const std::vector<float> seven = from_modes(ring, first_modes(8), 100000);
  CHECK(fault_of(*find_mixture("ring8"), seven) != "");
  CHECK(fault_of(ring, drawn("ring8", 100000)) != "");
  std::vector<Point> distinct;                           // and by its centres alone
  for (const Point& c : ring.centres)
    if (std::none_of(distinct.begin(), distinct.end(), [&](const Point& d) { return std::hypot(c[0] - d[0], c[1] - d[1]) < 1e-6; })) distinct.push_back(c);
  CHECK(distinct.size() == 7);
  Mixture uniform = ring;                                // a perfect sampler of it, against eight even modes at seven places: table B1.4
  uniform.centres = distinct, uniform.weights.assign(7, 1.0 / 7);
  double kl = 0;
  for (const double q : {2.0 / 8, 1.0 / 8, 1.0 / 8, 1.0 / 8, 1.0 / 8, 1.0 / 8, 1.0 / 8}) kl += q * std::log(q * 7);
  CHECK(score(uniform, seven).reverse_kl == doctest::Approx(kl).epsilon(0.05));
}

TEST_CASE("centres are as far apart as the protocol says") {
  for (const auto& [name, apart] : {std::pair{"ring8", 0.7653669}, std::pair{"grid25", 2.0}}) {
    const Mixture& m = *find_mixture(name);
    for (size_t a = 0; a < m.centres.size(); ++a) {
      double nearest = INFINITY;
      for (size_t b = 0; b < m.centres.size(); ++b)
        if (a != b) nearest = std::min(nearest, std::hypot(m.centres[a][0] - m.centres[b][0], m.centres[a][1] - m.centres[b][1]));
      CHECK(nearest == doctest::Approx(apart));
    }
  }
  CHECK(std::pow(spread_of(*find_mixture("ring8")).deviation[0], 2) == doctest::Approx(0.5001));
  CHECK(std::pow(spread_of(*find_mixture("grid25")).deviation[1], 2) == doctest::Approx(8.0025));
}

TEST_CASE("a perfect sampler measures its ceiling and its floor, and 2,500 samples scatter about them as they must") {
  for (const auto& [name, floor, largest] : {std::tuple{"ring8", 0.0014, 0.0055}, std::tuple{"grid25", 0.0048, 0.0106}}) {
    double kl = 0;
    for (int64_t run = 0; run < 20; ++run) {
      const MixtureScore s = score(*find_mixture(name), drawn(name, 2500, 2500 * run));
      CHECK(s.high_quality > 0.9826);
      CHECK(s.high_quality < 0.9952);
      CHECK(s.reverse_kl < largest);
      CHECK(s.kl_floor == doctest::Approx(floor).epsilon(0.03));
      kl += s.reverse_kl / 20;
    }
    CHECK(kl == doctest::Approx(floor).epsilon(0.3));
  }
}

TEST_CASE("collapsed samplers have the divergence ln(K/m), narrow ones show in the deviation alone") {
  for (const char* name : {"ring8", "grid25"}) {
    const Mixture& m = *find_mixture(name);
    for (const size_t few : {size_t(1), size_t(2), size_t(5), m.centres.size() - 1}) {
      const MixtureScore s = score(m, from_modes(m, first_modes(few), int64_t(few) * 1000, 0.1));
      CHECK(s.modes == int(few));
      CHECK(s.reverse_kl == doctest::Approx(std::log(double(m.centres.size()) / double(few))));
      CHECK(s.high_quality == 1);
    }
    const MixtureScore narrow = score(m, from_modes(m, first_modes(m.centres.size()), 50000, 0.55));
    CHECK(narrow.high_quality > 0.999);
    CHECK(narrow.reverse_kl < 0.001);
    CHECK(narrow.deviation == doctest::Approx(0.55).epsilon(0.02));
  }
  const Mixture& ring = *find_mixture("ring8");
  const MixtureScore astray = score(ring, {1, 0, NAN, 0, 0, INFINITY, 0.2f, 0.1f});
  CHECK(astray.samples == 4);
  CHECK(astray.high_quality == 0.25);
  CHECK(std::isnan(score(ring, {5, 5}).reverse_kl));
  CHECK_THROWS_AS(score(ring, {}), DataError);
}

TEST_CASE("points are drawn afresh for ever: no seed and no epoch sees another's") {
  DatasetOptions o;
  o.size = 1;
  const auto batch_of = [&](uint64_t seed, Cursor from) {
    Loader loader(open_dataset("ring8", o), {.batch = 256, .seed = seed}, from);
    return loader.next().images;
  };
  CHECK(batch_of(1, {}) == batch_of(1, {}));
  CHECK(batch_of(1, {}) != batch_of(2, {}));
  CHECK(batch_of(1, {}) != batch_of(1, {1, 0}));
  Loader loader(open_dataset("ring8", o), {.batch = 256, .seed = 1}, {0, 99900});        // over the end of an epoch
  const std::vector<float> across = loader.next().images;
  CHECK(loader.cursor().epoch == 1);
  CHECK(loader.cursor().position == 156);
  CHECK(std::vector<float>(across.begin() + 200, across.end()) == [&] { auto b = batch_of(1, {1, 0}); b.resize(312); return b; }());
  CHECK_THROWS_AS(open_dataset("ring8", {}), ConfigError);                               // 32 pixels
}

TEST_CASE("the grain of points is the width of their modes") {
  DatasetOptions o;
  o.size = 1;
  for (const char* name : {"ring8", "grid25"}) {
    const Mixture& m = *find_mixture(name);
    const double expected = m.deviation / spread_of(m).deviation[0];
    CHECK(grain_of(*open_dataset(name, o)) == doctest::Approx(expected).epsilon(0.15));
  }
}

TEST_CASE("a scatter plot shows real points in grey and made ones in blue, where they are") {
  const Image plot = scatter({-1, -1, 1, 1}, {1, -1, NAN, 0, 1e30f, 5}, 100);
  const auto at = [&](double x, double y) {              // the frame has a side of 2.4 about the middle, and a margin of 4
    const size_t row = size_t(4 + (1.2 - y) / 2.4 * 100), column = size_t(4 + (x + 1.2) / 2.4 * 100);
    return &plot.pixels[3 * (row * size_t(plot.width) + column)];
  };
  CHECK(at(-1, -1)[0] < 230);
  CHECK(at(-1, -1)[0] == at(-1, -1)[2]);
  CHECK(at(1, -1)[2] > at(1, -1)[0] + 50);
  CHECK(at(0, 0)[0] == 255);
}
