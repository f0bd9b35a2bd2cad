// Normalisation in float64: the moments by hand, the gradient against finite differences.
#include <doctest/doctest.h>

#include <cmath>

#include "float64.h"

using namespace weft;
using namespace weft::testing;

namespace {

constexpr double kEpsilon = 1e-3;

struct Setting {
  NormProblem problem;
  bool gamma, beta;
  double slope;
};

/// loss = <moments + normalize + LeakyReLU of x, dy>
double loss(const Float64& ops, const Setting& s, const Vector& x, const Vector& gamma, const Vector& beta, const Vector& dy) {
  Vector mean(size_t(s.problem.groups * s.problem.channels), NAN), variance = mean, y(x.size(), NAN);
  ops->moments(*ops.queue, s.problem, x.data(), mean.data(), variance.data());
  ops->normalize(*ops.queue, s.problem, kEpsilon, s.slope, x.data(), mean.data(), variance.data(), s.gamma ? gamma.data() : nullptr,
                 s.beta ? beta.data() : nullptr, y.data());
  return dot(y, dy);
}

}  // namespace

TEST_CASE("moments: by hand, and with a mean far larger than the deviation") {
  Float64 ops;
  const Vector x = {1, 10, 3, 20, 5, 60};   // (1, 3 rows, 2 channels)
  Vector mean(2), variance(2);
  ops->moments(*ops.queue, {1, 3, 2}, x.data(), mean.data(), variance.data());
  CHECK(mean == Vector{3, 30});
  CHECK(variance[0] == doctest::Approx(8.0 / 3).epsilon(1e-15));
  CHECK(variance[1] == doctest::Approx(1400.0 / 3).epsilon(1e-15));
  const Vector far = {1e9 + 1, 1e9 + 3, 1e9 + 5};
  ops->moments(*ops.queue, {1, 3, 1}, far.data(), mean.data(), variance.data());
  CHECK(variance[0] == doctest::Approx(8.0 / 3).epsilon(1e-15));
}

TEST_CASE("normalize gives every column mean 0 and variance v / (v + epsilon)") {
  Float64 ops;
  const NormProblem p{3, 11, 4};
  const Vector x = draw(3 * 11 * 4, 1);
  Vector mean(12), variance(12), y(x.size()), mean_y(12), variance_y(12);
  ops->moments(*ops.queue, p, x.data(), mean.data(), variance.data());
  ops->normalize(*ops.queue, p, kEpsilon, 1, x.data(), mean.data(), variance.data(), nullptr, nullptr, y.data());
  ops->moments(*ops.queue, p, y.data(), mean_y.data(), variance_y.data());
  for (size_t i = 0; i < 12; ++i) {
    CHECK(std::abs(mean_y[i]) <= 1e-14);   // 11 terms of size 2, 2^-53 each
    CHECK(std::abs(variance_y[i] - variance[i] / (variance[i] + kEpsilon)) <= 1e-14);
  }
}

// Central differences with step h are wrong by h^2/6 of the third derivative, and by 2^-53/h of the loss. With h = 1e-5
// both lie near 1e-10, so 1e-6 of the gradient's size leaves room for losses of size 100 and gradients of 1e-2.
// A z within h of LeakyReLU's kink would fail here; with these seeds there is none.
TEST_CASE("normalize_grad is the derivative of moments and normalize together") {
  Float64 ops;
  const Setting settings[] = {{{1, 9, 3}, true, true, 1},    {{2, 7, 3}, true, true, 0.2}, {{3, 5, 2}, false, false, 0.2},
                              {{4, 6, 1}, true, false, 0.2}, {{1, 12, 5}, false, true, 0}, {{2, 2, 2}, true, true, 0.2}};
  for (const Setting& s : settings) {
    const NormProblem p = s.problem;
    CAPTURE(p.groups);
    CAPTURE(s.slope);
    const int64_t n = p.groups * p.rows * p.channels;
    Vector inputs[] = {draw(n, 1), draw(p.channels, 2), draw(p.channels, 3)};   // x, gamma, beta
    const Vector dy = draw(n, 4);
    Vector mean(size_t(p.groups * p.channels)), variance = mean;
    Vector gradients[] = {Vector(size_t(n), NAN), Vector(size_t(p.channels), NAN), Vector(size_t(p.channels), NAN)};
    ops->moments(*ops.queue, p, inputs[0].data(), mean.data(), variance.data());
    const auto backward = [&](double* dx, double* dgamma, double* dbeta) {
      ops->normalize_grad(*ops.queue, p, kEpsilon, s.slope, inputs[0].data(), mean.data(), variance.data(), s.gamma ? inputs[1].data() : nullptr,
                          s.beta ? inputs[2].data() : nullptr, dy.data(), dx, dgamma, dbeta);
    };
    backward(gradients[0].data(), gradients[1].data(), gradients[2].data());
    const bool wanted[] = {true, s.gamma, s.beta};
    for (int which = 0; which < 3; ++which) {
      if (!wanted[which]) continue;
      const double size = std::sqrt(dot(gradients[which], gradients[which]) / double(gradients[which].size()));
      for (size_t i = 0; i < inputs[which].size(); ++i) {
        double& value = inputs[which][i];
        const double kept = value, h = 1e-5;
        value = kept + h;
        const double above = loss(ops, s, inputs[0], inputs[1], inputs[2], dy);
        value = kept - h;
        const double below = loss(ops, s, inputs[0], inputs[1], inputs[2], dy);
        value = kept;
        CHECK(std::abs(gradients[which][i] - (above - below) / (2 * h)) <= 1e-6 * size);
      }
    }
    // Leaving results out changes none of the others.
    Vector dx(size_t(n), NAN), dgamma(size_t(p.channels), NAN), dbeta = dgamma;
    backward(dx.data(), nullptr, nullptr);
    backward(nullptr, dgamma.data(), dbeta.data());
    CHECK(dx == gradients[0]);
    CHECK(dgamma == gradients[1]);
    CHECK(dbeta == gradients[2]);
  }
}
