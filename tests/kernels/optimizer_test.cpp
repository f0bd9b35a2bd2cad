// Three steps of each optimiser from p = 1 with the gradients 0.5, -0.25, 1, against numbers worked out by hand (as
// fractions, or in 20 digits) from the formulas in PyTorch's documentation. All constants are powers of two or sums of a
// few, so nothing but roots and divisions rounds. Tolerance: 20 operations of 2^-53.
#include <doctest/doctest.h>

#include <cmath>

#include "float64.h"

using namespace weft;
using namespace weft::testing;

namespace {

struct Run {
  Vector parameter;   // after each step
  double m = 0, v = 0;
};

Run three_steps(const OptimizerSettings& settings, bool keep_m, bool keep_v, double learning_rate, double clip = 1, double skip = 0) {
  Float64 ops;
  Run run;
  double p = 1;
  const double gradients[] = {0.5, -0.25, 1};
  for (int t = 1; t <= 3; ++t) {
    StepState state;
    state.update[1] = {learning_rate, 1 - std::pow(settings.beta1, t), 1 - std::pow(settings.beta2, t)};
    const OptimizerArenas arenas{&p, &gradients[t - 1], keep_m ? &run.m : nullptr, keep_v ? &run.v : nullptr, 1, &clip, &skip};
    ops->optimizer_step(*ops.queue, settings, arenas, &state, 1);
    run.parameter.push_back(p);
  }
  return run;
}

bool near(const Vector& got, const Vector& expected) {
  bool good = got.size() == expected.size();
  for (size_t i = 0; good && i < got.size(); ++i) good = std::abs(got[i] - expected[i]) <= 20 * std::ldexp(1.0, -53) * std::abs(expected[i]);
  return good;
}

}  // namespace

constexpr double kRate = 0.125, kEpsilon = 0.125;   // an epsilon so large that its place shows

TEST_CASE("sgd: plain, decay, momentum, Nesterov") {
  CHECK(near(three_steps({OptimizerKind::sgd, 0, 0, 0, 0}, false, false, kRate).parameter, {0.9375, 0.96875, 0.84375}));
  CHECK(near(three_steps({OptimizerKind::sgd, 0, 0, 0, 0.5}, false, false, kRate).parameter, {0.875, 0.8515625, 0.67333984375}));
  CHECK(near(three_steps({OptimizerKind::sgd, 0.5, 0, 0, 0}, true, false, kRate).parameter, {0.9375, 0.9375, 0.8125}));
  CHECK(near(three_steps({OptimizerKind::sgd, 0.5, 0, 0, 0.5}, true, false, kRate).parameter, {0.875, 0.7890625, 0.57177734375}));
  CHECK(near(three_steps({OptimizerKind::sgd, 0.5, 0, 0, 0, true}, true, false, kRate).parameter, {0.90625, 0.9375, 0.75}));
}

TEST_CASE("adam and adamw: bias corrections, epsilon outside the root, decay as L2 and decoupled") {
  const double beta1 = 0.5, beta2 = 63.0 / 64;
  const Run plain = three_steps({OptimizerKind::adam, beta1, beta2, kEpsilon, 0}, true, true, kRate);
  CHECK(near(plain.parameter, {0.9, 0.9, 0.80951752646408802782}));
  CHECK(near({plain.m, plain.v}, {0.5, 0.02037143707275390625}));
  const Run decay = three_steps({OptimizerKind::adam, beta1, beta2, kEpsilon, 0.5}, true, true, kRate);
  CHECK(near(decay.parameter, {0.88888888888888888889, 0.82021762276162740319, 0.70932702240416591145}));
  const Run decoupled = three_steps({OptimizerKind::adamw, beta1, beta2, kEpsilon, 0.5}, true, true, kRate);
  CHECK(near(decoupled.parameter, {0.8375, 0.78515625, 0.64560151083908802782}));
  CHECK(near({decoupled.m, decoupled.v}, {plain.m, plain.v}));   // decoupled decay never reaches the moments
}

TEST_CASE("rmsprop: plain, decay, momentum") {
  CHECK(near(three_steps({OptimizerKind::rmsprop, 0, 0.75, kEpsilon, 0}, false, true, kRate).parameter,
             {0.83333333333333333333, 0.91666666666666666667, 0.73006116980329591376}));
  CHECK(near(three_steps({OptimizerKind::rmsprop, 0, 0.75, kEpsilon, 0.5}, false, true, kRate).parameter,
             {0.8, 0.76678240537522813629, 0.57768810468111818946}));
  CHECK(near(three_steps({OptimizerKind::rmsprop, 0.5, 0.75, kEpsilon, 0}, true, true, kRate).parameter,
             {0.83333333333333333333, 0.83333333333333333333, 0.64672783646996258043}));
}

TEST_CASE("an optimiser's gradient scale comes before decay; a rate scale multiplies the rate; skip leaves no trace") {
  const OptimizerSettings decay{OptimizerKind::sgd, 0, 0, 0, 0.5};
  CHECK(near(three_steps(decay, false, false, kRate, 0.5).parameter, {0.90625, 0.865234375, 0.7486572265625}));
  OptimizerSettings doubled = decay;
  doubled.rate_scale = 2;
  CHECK(near(three_steps(doubled, false, false, kRate / 2).parameter, {0.875, 0.8515625, 0.67333984375}));
  for (const double skip : {1.0, -1.0, double(NAN)}) {
    const Run skipped = three_steps({OptimizerKind::adamw, 0.5, 0.75, kEpsilon, 0.5}, true, true, kRate, 1, skip);
    CHECK(skipped.parameter == Vector{1, 1, 1});
    CHECK(skipped.m == 0);
    CHECK(skipped.v == 0);
  }
}
