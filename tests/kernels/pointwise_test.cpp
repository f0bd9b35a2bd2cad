// The point-wise kinds: each finite on its domain and next to its own derivative's kink, broadcasting by zero strides, and
// the values that the formulas promise.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "float64.h"

using namespace weft;
using namespace weft::testing;

namespace {

Vector apply(const Float64& ops, PointwiseKind kind, const Vector& a, const Vector& b, const Vector& c, double p, double q) {
  PointwiseProblem box{1, {int64_t(a.size())}, {{1}, {1}, {1}}, p, q};
  Vector out(a.size(), NAN);
  ops->pointwise(*ops.queue, kind, box, a.data(), b.empty() ? nullptr : b.data(), c.empty() ? nullptr : c.data(), out.data());
  return out;
}
double apply(PointwiseKind kind, double a, double b = 0, double c = 0, double p = 0, double q = 0) {
  Float64 ops;
  return apply(ops, kind, Vector{a}, Vector{b}, Vector{c}, p, q)[0];
}
constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("every kind is finite on its domain, and its name and inputs are listed once") {
  Float64 ops;
  std::set<std::string> names;
  for (int k = 0; k < int(PointwiseKind::count); ++k) {
    const auto kind = PointwiseKind(k);
    CAPTURE(pointwise_info[k].name);
    CHECK(names.insert(pointwise_info[k].name).second);
    CHECK(pointwise_info[k].inputs >= 1);
    CHECK(pointwise_info[k].inputs <= 3);
    const bool positive = kind == PointwiseKind::log || kind == PointwiseKind::sqrt || kind == PointwiseKind::pow;
    Vector a = draw(200, 1), b = draw(200, 2);
    const Vector c = draw(200, 3);
    if (positive)
      for (double& v : a) v = std::abs(v) + 1e-6;
    if (kind == PointwiseKind::div)
      for (double& v : b) v += v < 0 ? -0.1 : 0.1;
    for (const double v : apply(ops, kind, a, b, c, 0.3, -1.5)) CHECK(std::isfinite(v));
  }
}

TEST_CASE("pointwise: values that the formulas promise") {
  CHECK(apply(PointwiseKind::affine, 3, 0, 0, 2, -1) == 5);
  CHECK(apply(PointwiseKind::leaky_relu, -2, 0, 0, 0.25) == -0.5);
  CHECK(apply(PointwiseKind::leaky_relu_grad, 0, 8, 0, 0.25) == 2);
  CHECK(apply(PointwiseKind::softplus, 1000) == 1000);      // no overflow
  CHECK(apply(PointwiseKind::softplus, -1000) == 0);
  CHECK(apply(PointwiseKind::softplus, -40) == doctest::Approx(std::exp(-40.0)).epsilon(1e-14));   // and no cancellation
  CHECK(apply(PointwiseKind::sigmoid, -1000) == 0);
  CHECK(apply(PointwiseKind::sigmoid, 1000) == 1);
  CHECK(apply(PointwiseKind::elu, 1e-12, 0, 0, 1) == 1e-12);
  CHECK(apply(PointwiseKind::elu, -1e-12, 0, 0, 1) == doctest::Approx(-1e-12).epsilon(1e-11));
  CHECK(apply(PointwiseKind::lerp, 2, 6, 0.25) == 3);
  CHECK(apply(PointwiseKind::fma, 2, 3, 4) == 10);
  CHECK(apply(PointwiseKind::select, 0, kNan, 4) == 4);      // what is not chosen does not matter
  CHECK(apply(PointwiseKind::select, -1, 3, kNan) == 3);
  CHECK(apply(PointwiseKind::sign, -3) == -1);
  CHECK(apply(PointwiseKind::sign, 0) == 0);
  for (PointwiseKind kind : {PointwiseKind::maximum, PointwiseKind::minimum}) {
    CHECK(std::isnan(apply(kind, kNan, 1)));
    CHECK(std::isnan(apply(kind, 1, kNan)));
  }
  for (double broken : {kInf, -kInf, kNan}) CHECK(apply(PointwiseKind::is_finite, broken) == 0);
  CHECK(apply(PointwiseKind::is_finite, 1e308) == 1);
}

TEST_CASE("pointwise: broadcasting by zero strides") {
  Float64 ops;
  const Vector image = {1, 2, 3, 4, 5, 6}, bias = {10, 20, 30}, column = {2, 3};
  PointwiseProblem box{2, {2, 3}, {{3, 1}, {0, 1}, {1, 0}}};
  Vector out(6, NAN);
  ops->pointwise(*ops.queue, PointwiseKind::add, box, image.data(), bias.data(), nullptr, out.data());
  CHECK(out == Vector{11, 22, 33, 14, 25, 36});
  PointwiseProblem scaled{2, {2, 3}, {{3, 1}, {1, 0}, {0, 1}}};   // image * column + bias
  ops->pointwise(*ops.queue, PointwiseKind::fma, scaled, image.data(), column.data(), bias.data(), out.data());
  CHECK(out == Vector{12, 24, 36, 22, 35, 48});
  CHECK(ops.queue->launches["pointwise"] == 2);
}
