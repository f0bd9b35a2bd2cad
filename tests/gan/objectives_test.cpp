// Objectives where their values, their optimum and what training makes of them are known.
#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "one_number.h"

using namespace weft;
using namespace weft::testing;

namespace {

Tensor row(const Context& c, const std::vector<double>& v) { return c.from(v, {int64_t(v.size())}); }

double d_loss(const gan::Objective& o, const Tensor& real, const Tensor& fake, double target = 1) { return o.discriminator(real, fake, target).item(); }

constexpr double kLog2 = std::numbers::ln2;

/// Of f(x) dx over the line, f a density at most exp(-x^2/2) away from it.
template <class F>
double integral(F f) {
  double sum = 0;
  for (int i = -20000; i <= 30000; ++i) sum += f(i * 1e-3) * 1e-3;
  return sum;
}
double normal(double x, double variance = 1) { return std::exp(-x * x / 2 / variance) / std::sqrt(2 * std::numbers::pi * variance); }
double log_sigmoid(double t) { return t < 0 ? t - std::log1p(std::exp(t)) : -std::log1p(std::exp(-t)); }

}  // namespace

TEST_CASE("values where real and generated pictures cannot be told apart, and at a point worked out by hand") {
  const Context c = in_double();
  const Tensor zero = c.zeros({4}), half = c.full({4}, 0.5), real = row(c, {1.5, -0.25}), fake = row(c, {0.75, -2});
  const auto value = [&](const char* name, const Tensor& at) { return d_loss(gan::find_objective(name), at, at); };
  const auto g = [&](const char* name, const Tensor& r, const Tensor& f) { return gan::find_objective(name).generator(r, f).item(); };
  const auto near = [](double a, double b) { CHECK(std::abs(a - b) <= 1e-12); };
  near(value("minimax", zero), 2 * kLog2);
  near(value("non-saturating", zero), 2 * kLog2);
  near(value("lsgan", half), 0.25);
  near(value("hinge", zero), 2);
  near(value("wasserstein", half), 0);
  near(value("ragan", half), 2 * kLog2);
  near(value("rpgan", half), kLog2);
  near(g("minimax", {}, zero), -kLog2);
  near(g("non-saturating", {}, zero), kLog2);
  near(g("lsgan", {}, half), 0.125);
  near(g("ragan", half, half), 2 * kLog2);
  near(g("rpgan", half, half), kLog2);

  const auto sp = [](double t) { return std::log1p(std::exp(t)); };
  near(value("minimax", real), (sp(-1.5) + sp(0.25) + sp(1.5) + sp(-0.25)) / 2);
  near(d_loss(gan::find_objective("minimax"), real, fake), (sp(-1.5) + sp(0.25) + sp(0.75) + sp(-2)) / 2);
  near(d_loss(gan::find_objective("lsgan"), real, fake), (0.25 + 1.25 * 1.25 + 0.75 * 0.75 + 4) / 4);
  near(d_loss(gan::find_objective("hinge"), real, fake), (0 + 1.25 + 1.75 + 0) / 2);
  near(d_loss(gan::find_objective("wasserstein"), real, fake), -0.625 - 0.625);
  near(d_loss(gan::find_objective("ragan"), real, fake), (sp(-2.125) + sp(-0.375) + sp(0.125) + sp(-2.625)) / 2);     // means 0.625 and -0.625
  near(d_loss(gan::find_objective("rpgan"), real, fake), (sp(-0.75) + sp(-1.75)) / 2);
  near(g("minimax", {}, fake), -(sp(0.75) + sp(-2)) / 2);
  near(g("non-saturating", {}, fake), (sp(-0.75) + sp(2)) / 2);
  near(g("lsgan", {}, fake), (0.0625 + 9) / 4);
  near(g("hinge", {}, fake), 0.625);
  near(g("wasserstein", {}, fake), 0.625);
  near(g("ragan", real, fake), (sp(-0.125) + sp(2.625) + sp(2.125) + sp(0.375)) / 2);
  near(g("rpgan", real, fake), (sp(0.75) + sp(1.75)) / 2);

  // labels 0.9 instead of 1: the optimal logit of p = q is log(0.9 / 1.1)
  const Tensor smooth = c.full({4}, std::log(0.9 / 1.1)).leaf();
  const Tensor slope = grad(gan::find_objective("minimax").discriminator(smooth, smooth, 0.9), {smooth})[0];
  CHECK(max(abs(slope)).item() <= 1e-15);
  near(d_loss(gan::find_objective("lsgan"), real, fake, 0.9), (0.36 + 1.15 * 1.15 + 0.75 * 0.75 + 4) / 4);
}

TEST_CASE("each side pulls where it should: a real logit up, a generated one down, and the generator the other way") {
  const Context c = in_double();
  for (const gan::Objective& o : gan::objectives()) {
    CAPTURE(o.name);
    const Tensor real = row(c, {0.3, 0.1, -0.2}).leaf(), fake = row(c, {0.1, 0.2, 0.4}).leaf();
    const Tensors d = grad(o.discriminator(real, fake, 1), {real, fake}), g = grad(o.generator(o.generator_sees_real ? real.detach() : Tensor(), fake), {fake});
    for (const double slope : d[0].values()) CHECK(slope < 0);
    for (const double slope : d[1].values()) CHECK(slope > 0);
    for (const double slope : g[0].values()) CHECK(slope < 0);
  }
}

// Three places, with densities p = (4, 3, 1) / 8 and q = (2, 2, 4) / 8: every picture of the one beside every picture of the other.
TEST_CASE("at the optimum that the registry names a discriminator has no slope, and the loss is what the divergence says") {
  const Context c = in_double();
  const double p[] = {4 / 8.0, 3 / 8.0, 1 / 8.0}, q[] = {2 / 8.0, 2 / 8.0, 4 / 8.0};
  std::vector<int32_t> real, fake;
  for (const int i : {0, 0, 0, 0, 1, 1, 1, 2})
    for (const int j : {0, 0, 1, 1, 2, 2, 2, 2}) real.push_back(i), fake.push_back(j);
  const Tensor at_real = c.index(real, {64}), at_fake = c.index(fake, {64});
  double js = 0, tv = 0, chi = 0;
  for (const int i : {0, 1, 2}) {
    const double m = (p[i] + q[i]) / 2;
    js += (p[i] * std::log(p[i] / m) + q[i] * std::log(q[i] / m)) / 2, tv += std::abs(p[i] - q[i]) / 2, chi += (p[i] - q[i]) * (p[i] - q[i]) / (p[i] + q[i]);
  }
  const auto at = [&](const char* name, const std::vector<double>& logits) {
    const Tensor table = c.from(logits, {3, 1}).leaf();
    const Tensor loss = gan::find_objective(name).discriminator(reshape(gather(table, at_real), {64}), reshape(gather(table, at_fake), {64}), 1);
    return std::pair{loss.item(), grad(loss, {table})[0].values()};
  };
  std::vector<double> log_ratio, share, sign, moved;
  for (const int i : {0, 1, 2}) {
    log_ratio.push_back(std::log(p[i] / q[i])), moved.push_back(log_ratio.back() + 3);
    share.push_back(p[i] / (p[i] + q[i])), sign.push_back(p[i] > q[i] ? 1 : -1);
  }
  const auto flat = [](const std::vector<double>& slope) { for (const double s : slope) CHECK(std::abs(s) <= 1e-15); };
  for (const char* name : {"minimax", "non-saturating"}) {
    const auto [loss, slope] = at(name, log_ratio);
    CHECK(std::abs(-loss - (2 * js - std::log(4))) <= 1e-12);
    flat(slope);
  }
  {
    const auto [loss, slope] = at("lsgan", share);                 // (1 - chi) / 4: a Pearson divergence of p + q, in another measure
    CHECK(std::abs(loss - (1 - chi / 2) / 4) <= 1e-12);
    flat(slope);
  }
  {
    const auto [loss, slope] = at("hinge", sign);
    CHECK(std::abs(loss - (2 - 2 * tv)) <= 1e-12);
    for (const size_t i : {0, 1, 2})
      for (const double e : {1e-3, -1e-3}) {
        std::vector<double> beside = sign;
        beside[i] += e;
        CHECK(at("hinge", beside).first > loss);
      }
  }
  for (const auto& logits : {log_ratio, moved}) {
    const auto [loss, slope] = at("rpgan", logits);
    double pair = 0;                                               // JS of p x q and q x p
    for (const int i : {0, 1, 2})
      for (const int j : {0, 1, 2}) {
        const double a = p[i] * q[j], b = q[i] * p[j];
        pair += (a * std::log(2 * a / (a + b)) + b * std::log(2 * b / (a + b))) / 2;
      }
    CHECK(std::abs(loss - (kLog2 - pair)) <= 1e-12);
    flat(slope);
  }
  {                                                                // ragan: descended to, it rises with p / q
    std::vector<double> logits(3);
    for (int i = 0; i < 4000; ++i) {
      const auto slope = at("ragan", logits).second;
      for (const size_t k : {0, 1, 2}) logits[k] -= 0.5 * slope[k];
    }
    flat(at("ragan", {logits[0] + 1, logits[1] + 1, logits[2] + 1}).second);
    CHECK(logits[0] > logits[1] + 0.1);
    CHECK(logits[1] > logits[2] + 0.1);
  }
}

TEST_CASE("a constant added to all logits leaves the relativistic ones alone, and a permuted batch all of them") {
  const Context c = in_double();
  const Tensor real = c.normal({6}, 1), fake = c.normal({6}, 2), order = c.index({3, 0, 5, 1, 4, 2}, {6});
  const auto mixed = [&](const Tensor& t) { return reshape(gather(reshape(t, {6, 1}), order), {6}); };
  for (const gan::Objective& o : gan::objectives()) {
    CAPTURE(o.name);
    const double loss = d_loss(o, real, fake), g = o.generator(real, fake).item();
    CHECK(std::abs(d_loss(o, mixed(real), mixed(fake)) - loss) <= 1e-14);
    CHECK(std::abs(o.generator(mixed(real), mixed(fake)).item() - g) <= 1e-14);
    const bool pairs = o.name == std::string("rpgan"), moves = std::abs(d_loss(o, real + 5, fake + 5) - loss) > 1e-12;
    CHECK((std::abs(d_loss(o, mixed(real), fake) - loss) > 1e-6) == pairs);                    // who is paired with whom
    CHECK(moves == !(o.generator_sees_real || o.name == std::string("wasserstein")));
    if (o.generator_sees_real) CHECK(std::abs(o.generator(real + 5, fake + 5).item() - g) <= 1e-13);
  }
}

// Data N(0,1), generated N(mu,1): the best logit is log p/q = -mu x + mu^2/2, a line. One is trained on fresh samples by the real trainer.
TEST_CASE("the optimal critic between two normal distributions") {
  struct Known { double mu, js, pair_js; };
  for (const Known& k : {Known{0, 0, 0}, {.5, .030311, .058878}, {1, .111421, .201345}, {2, .336831, .500072}, {3, .526777, .647596}, {4, .632720, .686536}, {6, .689298, .693114}}) {
    for (const char* objective : {"minimax", "rpgan"}) {
      CAPTURE(k.mu);
      CAPTURE(objective);
      const bool pairs = objective == std::string("rpgan");
      const Context c = in_double();
      gan::GanOptions o = by_descent(objective, 0);                 // the generator stays
      if (pairs && (k.mu == 0 || k.mu > 3)) continue;
      constexpr int steps = 500;
      o.discriminator.settings = {OptimizerKind::adam, 0.9, 0.999};
      o.discriminator.learning_rate = 0.1 + 0.1 * k.mu;
      o.discriminator.schedule = {nn::Schedule::Kind::cosine, steps};
      gan::Gan game(c, model_of(line), o);
      first_parameter(game.generator()).write(std::vector<double>{k.mu});
      const Tensor real = c.empty({2048, 1, 1, 1});
      for (int i = 0; i < steps; ++i) {
        c.step_state().step = uint64_t(i);
        c.publish_step_state();
        real.copy_from(c.normal(real.shape(), 77));
        game.step(real);
      }
      const nn::NamedParameters d = game.discriminator().parameters();
      const double a = d[0].second->value.item(), b = d[1].second->value.item(), mu = k.mu;
      if (!pairs) {
        const double v = integral([&](double x) { return normal(x) * log_sigmoid(a * x + b) + normal(x - mu) * log_sigmoid(-a * x - b); });
        CHECK(std::abs(v - (2 * k.js - std::log(4))) <= 0.005);
        if (mu >= 0.5 && mu <= 3) CHECK(std::abs(b - mu * mu / 2) <= 0.02 * mu * mu / 2 + 0.005);
      } else {
        const double v = integral([&](double x) { return normal(x + mu, 2) * log_sigmoid(a * x); });      // x: real - generated
        CHECK(std::abs(v - (k.pair_js - kLog2)) <= 0.005);
      }
      if (mu >= 0.5 && mu <= 3) CHECK(std::abs(a + mu) <= 0.02 * mu);
    }
  }
}
