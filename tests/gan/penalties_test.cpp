// Penalties, and the gradients of everything that a step minimises: against closed forms, and against differences of what the step tells.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "small_networks.h"

using namespace weft;
using namespace weft::testing;

namespace {

using Values = std::vector<double>;

Values minus(Values a, const Values& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void expect(const Values& got, const Values& wanted, double within = 1e-12) {
  REQUIRE(got.size() >= wanted.size());  // an arena is padded
  for (size_t i = 0; i < wanted.size(); ++i) CHECK(std::abs(got[i] - wanted[i]) <= within);
}

/// The discriminator's gradient in the step after `before` ones, D being <w, x> + b with this w, over that without penalties.
Values what_it_adds(const char* penalties, const Values& w, int every = 1, double end = 1, int anneal = 0, int before = 0) {
  Values gradients[2];
  for (const int with : {0, 1}) {
    const Context c = in_double();
    gan::GanOptions o = by_descent("minimax", 0, int(w.size()));
    if (with) o.penalties = gan::find_penalties(penalties), o.penalty_every = every, o.penalty_end = end, o.penalty_anneal = anneal;
    gan::Gan game(c, model_of(line), o);
    first_parameter(game.discriminator()).write(w);
    game.seek(before);
    game.step(c.normal({6, 1, 1, int64_t(w.size())}, 3));
    gradients[with] = game.discriminator().parameters()[0].second->gradient.values();
    gradients[with].push_back(game.discriminator().parameters()[1].second->gradient.item());
  }
  return minus(gradients[1], gradients[0]);
}

}  // namespace

TEST_CASE("of a linear discriminator: gamma w, and 2 lambda (|w| - 1) w / |w|; of its offset nothing") {
  const Values w{0.6, -1.1, 0.4};
  const double norm = std::sqrt(dot(w, w));
  const auto times = [&](double factor) { return Values{factor * w[0], factor * w[1], factor * w[2], 0}; };
  const double slope = 2 * (norm - 1) / norm;
  expect(what_it_adds("r1:0.7", w), times(0.7));
  expect(what_it_adds("r2:0.7", w), times(0.7));
  expect(what_it_adds("wgan-gp:3", w), times(3 * slope), 1e-11);          // 1e-12 under the root
  expect(what_it_adds("dragan:3", w), times(3 * slope), 1e-11);
  expect(what_it_adds("r1:0.7,r2:0.2", w), times(0.9));
  expect(what_it_adds("r1:0.7,wgan-gp:3,r2:0.2,dragan:1", w), times(0.9 + 4 * slope), 1e-11);
  expect(what_it_adds("r1", w), times(10));
  expect(what_it_adds("wgan-gp", w), times(10 * slope), 1e-11);
  // every fourth step, for four
  for (const int before : {0, 4, 8}) expect(what_it_adds("r1:0.7", w, 4, 1, 0, before), times(2.8));
  for (const int before : {1, 2, 3, 5}) expect(what_it_adds("r1:0.7", w, 4, 1, 0, before), times(0));
  // log-linearly to a hundredth in 10 steps
  for (const int before : {0, 1, 5, 10, 30}) expect(what_it_adds("r1:0.7", w, 1, 0.01, 10, before), times(0.7 * std::pow(0.01, std::min(1.0, before / 10.0))));
}

TEST_CASE("of a network with one hidden layer, second order included") {
  const Context c = in_double();
  const double gamma = 0.8;
  const Values wv{0.3, -0.7, 0.5, 0.9, -0.2, 0.4}, vv{1.2, -0.6, 0.8}, xv{0.5, -1.5};   // W (3,2), v (3), x (1,2)
  for (const bool curved : {true, false}) {
    CAPTURE(curved);
    const Tensor W = c.from(wv, {3, 2}).leaf(), v = c.from(vv, {3}).leaf(), x = c.from(xv, {1, 2}).leaf();
    const Tensor h = matmul(x, W, false, true), logit = sum((curved ? tanh(h) : leaky_relu(h, 0.2)) * v, {1});
    const Tensor g = grad(sum(logit), {x}, CreateGraph::yes)[0];
    const Tensor r1 = gamma * gan::find_penalties("r1")[0].penalty->cost(g);
    const Tensors got = grad(r1, {v, W});
    // dD/dx = W^T (v . s'), and with g for it: d/dv = gamma s' . (W g), d/dW = gamma [(v . s') g^T + (v . s'' . (W g)) x^T]
    double s1[3], s2[3], grads[2] = {}, wg[3];
    for (const int k : {0, 1, 2}) {
      const double a = wv[size_t(2 * k)] * xv[0] + wv[size_t(2 * k + 1)] * xv[1], t = std::tanh(a);
      s1[k] = curved ? 1 - t * t : a > 0 ? 1 : 0.2;
      s2[k] = curved ? -2 * t * (1 - t * t) : 0;
      for (const int j : {0, 1}) grads[j] += wv[size_t(2 * k + j)] * vv[size_t(k)] * s1[k];
    }
    expect(g.values(), {grads[0], grads[1]});
    CHECK(std::abs(r1.item() - gamma / 2 * (grads[0] * grads[0] + grads[1] * grads[1])) <= 1e-12);
    Values dv, dw;
    for (const int k : {0, 1, 2}) {
      wg[k] = wv[size_t(2 * k)] * grads[0] + wv[size_t(2 * k + 1)] * grads[1];
      dv.push_back(gamma * s1[k] * wg[k]);
      for (const int j : {0, 1}) dw.push_back(gamma * (vv[size_t(k)] * s1[k] * grads[j] + vv[size_t(k)] * s2[k] * wg[k] * xv[size_t(j)]));
    }
    expect(got[0].values(), dv);
    expect(got[1].values(), dw);
  }
}

TEST_CASE("where gradients are taken") {
  const Context c = in_double();
  const Tensor real = c.normal({64, 2, 3, 1}, 1), fake = c.normal({64, 2, 3, 1}, 2) * 0.5 + 3;
  const auto named = [](const char* name) { return *gan::find_penalties(name)[0].penalty; };
  const Values r = real.values(), f = fake.values(), between = gan::penalty_points(named("wgan-gp"), real, fake, 5).values(), around = gan::penalty_points(named("dragan"), real, fake, 5).values();
  std::vector<double> shares;
  for (size_t n = 0; n < 64; ++n) {
    const double share = (between[6 * n] - r[6 * n]) / (f[6 * n] - r[6 * n]);
    shares.push_back(share);
    for (size_t i = 6 * n; i < 6 * n + 6; ++i) CHECK(std::abs(between[i] - (r[i] + share * (f[i] - r[i]))) <= 1e-12);   // one share a picture
  }
  std::sort(shares.begin(), shares.end());
  CHECK(shares[0] >= 0);
  CHECK(shares[0] < 0.1);
  CHECK(shares[63] <= 1);
  CHECK(shares[63] > 0.9);
  double mean = 0, square = 0, most = 0;
  for (const double v : r) mean += v / 384, square += v * v / 384;
  const double half_deviation = 0.5 * std::sqrt(square - mean * mean);
  for (size_t i = 0; i < r.size(); ++i) {
    CHECK(around[i] >= r[i]);
    most = std::max(most, around[i] - r[i]);
  }
  CHECK(most <= half_deviation);
  CHECK(most > 0.8 * half_deviation);
  CHECK(gan::penalty_points(named("wgan-gp"), real, fake, 6).values() != between);             // another seed
  for (const char* name : {"clip", "r1", "r2"}) CHECK_THROWS_WITH_AS(gan::penalty_points(named(name), real, fake, 5), doctest::Contains("no points of its own"), const ConfigError&);
}

TEST_CASE("R1 looks at real pictures, R2 at generated ones, alone and together") {
  for (const char* penalties : {"r1", "r2", "r1,r2"}) {
    CAPTURE(penalties);
    const Context c = in_double();
    gan::GanOptions o = small_options();
    o.penalties = gan::find_penalties(penalties);
    gan::Gan game(c, model_of(small_networks), o);
    const Tensor real = c.uniform({4, 5, 5, 2}, 1), z = c.normal({4, 1, 1, 3}, 2);
    game.step(real, z);
    const auto half_square_at = [&](const Tensor& pictures) {
      const Tensor x = pictures.detach().leaf(), g = grad(sum(game.discriminator()(x)), {x})[0];
      return sum(g * g).item() / 8;
    };
    const double at_real = half_square_at(real), at_fake = half_square_at(game.generator()(z)), r1 = game.gauges()["penalty_r1"], r2 = game.gauges()["penalty_r2"];
    CHECK(std::abs(at_real - at_fake) > 1e-3 * at_real);
    const std::string asked = penalties;
    CHECK((asked == "r2" ? std::isnan(r1) : std::abs(r1 - at_real) <= 1e-12));
    CHECK((asked == "r1" ? std::isnan(r2) : std::abs(r2 - at_fake) <= 1e-12));
  }
}

TEST_CASE("real and generated pictures, and those between, are shown with their classes") {
  const Context c = in_double();
  gan::GanOptions o = small_options();
  o.model.classes = {"a", "b", "c"};
  o.penalties = gan::find_penalties("r1,r2,wgan-gp");
  gan::Gan game(c, model_of(small_networks), o);
  const Tensor real = c.uniform({4, 5, 5, 2}, 1), z = c.normal({4, 1, 1, 3}, 2), labels = gan::classes_in_turn(c, 4, o.model);
  game.step({real, labels, z});
  const gan::Gauges told = game.gauges();
  dynamic_cast<gan::Conditional&>(game.generator()).set_condition(labels);
  dynamic_cast<gan::Conditional&>(game.discriminator()).set_condition(labels);
  const Tensor fake = game.generator()(z).detach(), on_real = game.discriminator()(real), on_fake = game.discriminator()(fake);
  CHECK(std::abs(told["loss_d"] - o.objective->discriminator(on_real, on_fake, 1).item()) <= 1e-12);
  CHECK(std::abs(told["loss_g"] - o.objective->generator({}, on_fake).item()) <= 1e-12);
  for (const gan::WeightedPenalty& p : o.penalties) {
    CAPTURE(p.penalty->name);
    const std::string name = p.penalty->name;
    const Tensor x = (name == "r1" ? real : name == "r2" ? fake : gan::penalty_points(*p.penalty, real, fake, o.seed)).leaf();
    const double cost = p.penalty->cost(grad(sum(game.discriminator()(x)), {x})[0]).item();
    CHECK(std::abs(told["penalty_" + name] - cost) <= 1e-12);
  }
}

TEST_CASE("a discriminator that says the same of all pictures has a finite gradient") {
  for (const char* which : {"wgan-gp", "dragan", "r1", "r2"})
    for (const double g : what_it_adds(which, {0, 0})) CHECK(std::isfinite(g));
}

namespace {

/// One combination of everything: what a step tells adds up to a number for each network, and its gradients are those of that number.
struct Combination {
  const char* objective = "non-saturating";
  const char* penalties = "";
  int packing = 1, classes = 0, every = 1, anneal = 0;
  double mode_seeking = 0, smoothing = 0;
  gan::AugmentMethod augment = gan::AugmentMethod::none;
};

class Game {
 public:
  explicit Game(const Combination& m) : m_(m), context_(in_double()), gan_(context_, model_of(small_networks), options(m)) {
    batch_.push_back(context_.uniform({6, 5, 5, gan_.options().model.channels}, 11) * 2 - 1);
    if (m.classes) batch_.push_back(gan::classes_in_turn(context_, 6, gan_.options().model));
    const Tensor& weights = gan_.arena(1).values;                    // grey, which diffaugment brings in, lies on the kink of a filter without a bias
    if (m.augment != gan::AugmentMethod::none) weights.copy_from(weights + 0.1 * context_.normal(weights.shape(), 12));
  }
  gan::Gauges step() {
    gan_.seek(kBefore);
    gan_.step(batch_);
    return gan_.gauges();
  }
  /// What the network is to make small, from what the step tells of its parts.
  double total(size_t player) {
    const gan::Gauges told = step();
    if (player == 0) return told["loss_g"] + (m_.mode_seeking > 0 ? m_.mode_seeking / (told["mode_seeking"] + 1e-5) : 0);
    double sum = told["loss_d"];
    for (const gan::WeightedPenalty& p : gan::find_penalties(m_.penalties))
      sum += p.weight * m_.every * std::pow(kEnd, m_.anneal ? double(kBefore) / m_.anneal : 0) * told[std::string("penalty_") + p.penalty->name];
    return sum;
  }
  double gap(size_t player) {
    const nn::Arena& arena = gan_.arena(player);
    step();
    const Values at = arena.values.values(), gradient = arena.gradients.values();
    double worst = 0;
    for (const unsigned way : {1u, 2u, 3u}) {
      Values direction = context_.normal({int64_t(at.size())}, way).values();
      const double predicted = dot(gradient, direction);
      const auto moved = [&](double h) {
        Values there = at;
        for (size_t i = 0; i < at.size(); ++i) there[i] += h * direction[i];
        arena.values.write(there);
        return total(player);
      };
      constexpr double h = 1e-5;
      const double found = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
      arena.values.write(at);
      const double gap = std::abs(found - predicted) / std::max(std::abs(found), std::sqrt(dot(gradient, gradient)));
      if (!(gap <= worst)) worst = gap;  // a NaN stays
    }
    return worst;
  }

 private:
  static constexpr int kBefore = 8;
  static constexpr double kEnd = 0.2;
  static gan::GanOptions options(const Combination& m) {
    gan::GanOptions o = small_options(m.objective);
    o.order = gan::UpdateOrder::simultaneous;
    o.penalties = gan::find_penalties(m.penalties);
    o.penalty_every = m.every, o.penalty_anneal = m.anneal, o.penalty_end = kEnd;
    o.packing = m.packing, o.mode_seeking = m.mode_seeking, o.label_smoothing = m.smoothing;
    for (int i = 0; i < m.classes; ++i) o.model.classes.push_back(std::to_string(i));
    if (m.augment != gan::AugmentMethod::none) o.augment = {m.augment, "", 0.8, 0.6, 4, 0}, o.model.channels = m.classes ? 3 : 1;
    return o;
  }
  Combination m_;
  Context context_;
  gan::Gan gan_;
  Tensors batch_;
};

}  // namespace

TEST_CASE("both networks' gradients are those of what the step tells: every objective with every penalty and stabiliser") {
  std::vector<Combination> all;
  constexpr const char* everything = "wgan-gp:0.7,dragan:0.4,r1:0.9,r2:0.3";
  for (const gan::Objective& o : gan::objectives()) all.push_back({o.name}), all.push_back({o.name, everything, 2, 2, 4, 20, 0.5, 0});
  for (const gan::Penalty& p : gan::penalties())
    if (p.cost) all.push_back({"rpgan", p.name}), all.push_back({"non-saturating", p.name, 3, 3, 1, 0, 0, 0.1});
  for (const int packing : {1, 2, 3, 6})
    for (const int classes : {0, 2}) all.push_back({"hinge", "r1:0.5,r2:0.5", packing, classes, 1, 0, 1.3});
  for (const gan::AugmentMethod augment : {gan::AugmentMethod::diffaugment, gan::AugmentMethod::ada})
    for (const char* penalties : {"", "r1:0.9", "wgan-gp:0.7,r1:0.9,r2:0.3"})
      all.push_back({"rpgan", penalties, 1, 0, 1, 0, 0, 0, augment}), all.push_back({"non-saturating", penalties, 2, 2, 1, 0, 0.5, 0, augment});
  for (const Combination& m : all) {
    CAPTURE(m.objective);
    CAPTURE(m.penalties);
    CAPTURE(m.packing);
    CAPTURE(m.classes);
    Game game(m);
    for (const size_t player : {0, 1}) {
      CAPTURE(player);
      CHECK(game.gap(player) <= 1e-6);
    }
  }
  MESSAGE(all.size() << " combinations");
}

TEST_CASE("weights are kept in their box, frozen ones left alone") {
  const Context c = in_double();
  for (const char* freeze : {"", "discriminator.norm.*"}) {
    gan::GanOptions o = small_options("wasserstein", 0.3);
    o.penalties = gan::find_penalties("clip");
    o.freeze = freeze;
    gan::Gan game(c, model_of(small_networks), o);
    const auto largest = [&](const nn::Module& network) {
      double most = 0;
      for (const auto& [name, p] : network.parameters()) most = std::max(most, max(abs(p->value)).item());
      return most;
    };
    CHECK(largest(game.discriminator()) >= 1);                                                 // the norm's scales
    for (int i = 0; i < 3; ++i) game.step(c.uniform({4, 5, 5, 2}, uint64_t(i)));
    CHECK(largest(game.discriminator()) == (*freeze ? 1 : 0.01));
    CHECK(largest(game.generator()) > 0.1);
  }
}

TEST_CASE("names, weights, and what comes of wrong ones") {
  const auto found = gan::find_penalties("r1:0.25,clip,wgan-gp:1e-3");
  REQUIRE(found.size() == 3);
  CHECK(found[0].weight == 0.25);
  CHECK(found[1].weight == 0.01);
  CHECK(found[2].weight == 1e-3);
  CHECK(gan::find_penalties("").empty());
  CHECK(gan::find_penalties("none").empty());
  const auto refused = [](const char* text, const char* why) { CHECK_THROWS_WITH_AS(gan::find_penalties(text), doctest::Contains(why), const ConfigError&); };
  refused("wgangp", "did you mean 'wgan-gp'");
  refused("r1:0", "above 0");
  refused("r1:-1", "above 0");
  refused("r1:", "above 0");
  refused("r1:nan", "above 0");
  refused("r1:inf", "above 0");
  refused("r1:2x", "above 0");
  refused("r1,r2,r1:3", "twice");
  refused("r1,,r2", "no penalty is called ''");
}
