// Distances between sets of points and pictures: known values, an independent numpy (measures_witness.py), and what each must see.
#include "weft/gan/set_measures.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "style/pictures.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

/// The same as `points` in measures_witness.py, times `scale`, plus `shift`.
Points by_formula(int64_t count, int64_t dimensions, int64_t seed, double scale = 1, double shift = 0) {
  Points p{count, dimensions, {}};
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = 0; k < dimensions; ++k)
      p.values.push_back(float((double((i * i * 37 + k * 101 + i * k * 13 + (i + 5) * (k + 3) * (k + 3) * seed) % 127) / 32 - 2) * scale + shift));
  return p;
}

Points normal(int64_t count, int64_t dimensions, uint64_t seed, double shift = 0) {
  Points p{count, dimensions, {}};
  while (int64_t(p.values.size()) < count * dimensions) {
    float four[4];
    normals_from(philox(seed, 0, p.values.size()), four);
    for (const float v : four)
      if (int64_t(p.values.size()) < count * dimensions) p.values.push_back(v + float(shift));
  }
  return p;
}

Points turned(const Points& p) {               // the last point first
  Points out{p.count, p.dimensions, {}};
  for (auto end = p.values.end(); end != p.values.begin(); end -= p.dimensions) out.values.insert(out.values.end(), end - p.dimensions, end);
  return out;
}

double frechet(const Points& a, const Points& b) { return frechet_distance(moments_of(a), moments_of(b)); }

}  // namespace

TEST_CASE("frechet distance: closed forms") {
  // 8 - 2 sqrt(14): the square root of the product of [[2,1],[1,2]] and diag(1,3) has the trace sqrt(8 + 2 sqrt(9)) = sqrt(14).
  const Moments a{10, {0, 0}, {2, 1, 1, 2}}, b{10, {0, 0}, {1, 0, 0, 3}};
  CHECK(frechet_distance(a, b) == doctest::Approx(0.5166852264521).epsilon(1e-12));
  CHECK(frechet_distance(b, a) == doctest::Approx(frechet_distance(a, b)).epsilon(1e-12));
  CHECK(frechet_distance(a, a) == doctest::Approx(0).epsilon(1e-12));
  // One dimension: (m1 - m2)^2 + (s1 - s2)^2.
  CHECK(frechet_distance({9, {1}, {4}}, {9, {-2}, {0.25}}) == doctest::Approx(9 + 2.25));
  CHECK(frechet_distance({9, {1}, {0}}, {9, {1}, {0}}) == 0);                                  // no spread at all
  CHECK_THROWS_AS(frechet_distance(a, {9, {1}, {4}}), ShapeError);
  CHECK_THROWS_AS(moments_of(by_formula(1, 3, 1)), ShapeError);
}

TEST_CASE("kernel distance: a value by hand") {
  // x = {0, 1}, y = {1, 2}: k(0,1) = 1, k(1,2) = 27, and (1 + 1 + 8 + 27) / 4 between them: 1 + 27 - 2 * 37 / 4.
  CHECK(kernel_distance({2, 1, {0, 1}}, {2, 1, {1, 2}}) == doctest::Approx(9.5).epsilon(1e-12));
  CHECK_THROWS_AS(kernel_distance({1, 1, {0}}, {2, 1, {1, 2}}), ShapeError);
  CHECK_THROWS_AS(kernel_distance({2, 1, {0, 1}}, {1, 2, {1, 2}}), ShapeError);
}

TEST_CASE("distances between sets agree with numpy, whatever the order of the points") {
  const Points x = by_formula(60, 5, 1), y = by_formula(50, 5, 3, 0.75, 1);
  for (const bool turn : {false, true}) {
    const Points a = turn ? turned(x) : x, b = turn ? turned(y) : y;
    CHECK(frechet(a, b) == doctest::Approx(6.0626213563324285).epsilon(1e-9));
    CHECK(kernel_distance(a, b) == doctest::Approx(7.419583901480559).epsilon(1e-5));
    const Neighbourhood n = neighbourhood(a, b);
    CHECK(n.precision == doctest::Approx(0.88));
    CHECK(n.recall == doctest::Approx(0.16666666666666666));
    CHECK(n.density == doctest::Approx(0.684));
    CHECK(n.coverage == doctest::Approx(0.5));
  }
}

TEST_CASE("the same set on both sides, and two sets far apart") {
  const Points x = normal(300, 4, 1), far = normal(300, 4, 2, 50);
  CHECK(std::fabs(frechet(x, x)) < 1e-9);
  const Neighbourhood same = neighbourhood(x, x), apart = neighbourhood(x, far);
  CHECK(same.precision == 1);
  CHECK(same.recall == 1);
  CHECK(same.density == doctest::Approx(1));     // each point lies within its own reach and those of about k - 1 others
  CHECK(same.coverage == 1);
  CHECK(apart.precision == 0);
  CHECK(apart.recall == 0);
  CHECK(apart.density == 0);
  CHECK(apart.coverage == 0);
  CHECK(frechet(x, far) == doctest::Approx(4 * 50 * 50).epsilon(0.02));
  CHECK(std::fabs(kernel_distance(x, normal(300, 4, 3))) < 0.3);
  CHECK(kernel_distance(x, normal(300, 4, 3, 1)) > 3);
}

TEST_CASE("the kernel distance of two samples of one distribution is 0 in the mean, below it as often as above") {
  double sum = 0;
  int below = 0;
  const int runs = 60;
  for (int r = 0; r < runs; ++r) {
    const double d = kernel_distance(normal(40, 3, uint64_t(2 * r + 1)), normal(40, 3, uint64_t(2 * r + 2)));
    sum += d, below += d < 0;
  }
  CHECK(std::fabs(sum / runs) < 0.1);
  CHECK(below > runs / 5);
  CHECK(below < runs * 9 / 10);
}

TEST_CASE("the finite-sample bias of the Frechet distance is what is said of it") {
  const Moments plane{1000, {0, 0}, {1, 0, 0, 1}};
  CHECK(frechet_bias(plane, 200) == doctest::Approx(0.0175).epsilon(1e-12));
  CHECK(frechet_bias({1000, {0, 0, 0}, {1, 0, 0, 0, 2.25, 0, 0, 0, 0.25}}, 200) == doctest::Approx(0.0319423).epsilon(0.02));
  double one = 0, two = 0;
  const int runs = 400;
  for (int r = 0; r < runs; ++r) {
    const Moments a = moments_of(normal(200, 2, uint64_t(2 * r + 1))), b = moments_of(normal(200, 2, uint64_t(2 * r + 2)));
    one += frechet_distance(a, plane) / runs, two += frechet_distance(a, b) / runs;
  }
  CHECK(one == doctest::Approx(0.0175).epsilon(0.08));         // the standard error of 400 runs is 4 in a hundred
  CHECK(two == doctest::Approx(2 * 0.0175).epsilon(0.08));
}

TEST_CASE("a collapsed generator is seen, and by what") {
  const Points data = normal(400, 4, 1), good = normal(400, 4, 2);
  Points one = good, half = good;                // one point again and again, with a little noise; and half of the space only
  for (size_t i = 0; i < one.values.size(); ++i) one.values[i] = data.values[i % 4] + 0.01f * good.values[i];
  for (size_t i = 0; i < half.values.size(); i += 4) half.values[i] = std::fabs(half.values[i]);
  const Neighbourhood n = neighbourhood(data, good), of_one = neighbourhood(data, one), of_half = neighbourhood(data, half);
  CHECK(frechet(data, one) > 20 * frechet(data, good));
  CHECK(frechet(data, half) > 5 * frechet(data, good));
  CHECK(kernel_distance(data, one) > 20 * std::fabs(kernel_distance(data, good)));
  CHECK(of_one.precision > 0.9);                 // each of its points is a good one, so precision alone is no measure
  CHECK(of_one.recall < 0.05);
  CHECK(of_one.coverage < 0.05);
  CHECK(of_half.recall < n.recall - 0.2);
  CHECK(of_half.coverage < n.coverage - 0.2);
}

TEST_CASE("multi-scale similarity agrees with torch, and pictures that repeat are more alike than the data's") {
  const Image a = formula(52, 60, 1), b = formula(52, 60, 4);
  Image quarter = a;
  for (size_t i = 0; i < a.pixels.size(); ++i) quarter.pixels[i] = uint8_t((a.pixels[i] * 3 + b.pixels[i]) / 4);
  CHECK(multi_scale_similarity(a, quarter) == doctest::Approx(0.905368987586021).epsilon(1e-5));
  CHECK(multi_scale_similarity(crop(a, 0, 0, 20, 20), crop(quarter, 0, 0, 20, 20)) == doctest::Approx(0.8919283820957851).epsilon(1e-5));
  CHECK(multi_scale_similarity(a, a) == doctest::Approx(1));
  CHECK(multi_scale_similarity(one_colour(1, 1, {7}), one_colour(1, 1, {7})) == doctest::Approx(1));
  CHECK_THROWS_AS(multi_scale_similarity(a, formula(52, 61, 1)), ShapeError);

  std::vector<Image> swatches, repeated;
  for (int i = 0; i < 24; ++i) swatches.push_back(swatch(i, 32)), repeated.push_back(swatch(i % 2, 32));
  const Diversity many = diversity(swatches, 100, 0), few = diversity(repeated, 100, 0), none = diversity({swatches[0], swatches[0]}, 10, 0);
  CHECK(few.similarity > many.similarity + 0.2);
  CHECK(few.difference < many.difference);
  CHECK(none.similarity == doctest::Approx(1));
  CHECK(none.difference == 0);
}

TEST_CASE("random pairs are of two different pictures, evenly over all") {
  std::vector<int> seen(7);
  for (const auto& [a, b] : random_pairs(7, 7000, 3)) {
    REQUIRE(a != b);
    ++seen[size_t(a)], ++seen[size_t(b)];
  }
  CHECK(*std::min_element(seen.begin(), seen.end()) > 1800);
  CHECK_THROWS_AS(random_pairs(1, 5, 0), ShapeError);
}

TEST_CASE("class balance") {
  const Balance even = balance({0, 1, 2, 3, 0, 1, 2, 3}, {0.25, 0.25, 0.25, 0.25}), one = balance({2, 2, 2, 2}, {0.25, 0.25, 0.25, 0.25});
  CHECK(even.present == 4);
  CHECK(even.divergence == doctest::Approx(0));
  CHECK(one.present == 1);
  CHECK(one.divergence == doctest::Approx(std::log(4)));
  std::vector<int> labels(100, 0);
  labels[0] = labels[1] = 1;
  CHECK(balance(labels, {0.5, 0.5}).present == 2);     // 2 in 100 are just enough
  labels[0] = 0;
  CHECK(balance(labels, {0.5, 0.5}).present == 1);
}
