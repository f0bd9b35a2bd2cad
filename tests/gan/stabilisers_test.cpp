// What else keeps the two networks in balance: packs, averages, how often who moves; what goes with what; and that steps of several
// kinds are captured, cut and gone on with to the same bits.
#include <doctest/doctest.h>

#include <cmath>

#include "small_networks.h"

using namespace weft;
using namespace weft::testing;

namespace {

/// logit = table[x_1, ..., x_m] for a pack of numbers that are -1 or 1.  (N,1,1,m) -> (N)
class Table : public nn::Module {
 public:
  Table(const Context& c, int64_t m) : m_(m), table_(add("table", numbers(c, {int64_t(1) << m, 1}))) {}
  Tensor forward(const Tensor& x) override {
    Tensor which = c_one(x);             // one-hot of the pack
    for (int64_t k = 0; k < m_; ++k) {
      const Tensor bit = (slice(flatten(x), 1, k, k + 1) + 1) * 0.5;
      which = concat({which * (1 - bit), which * bit}, 1);
    }
    return reshape(matmul(which, table_->value), {x.size(0)});
  }

 private:
  static Tensor c_one(const Tensor& x) { return x.context().full({x.size(0), 1}, 1); }
  int64_t m_;
  std::shared_ptr<nn::Parameter> table_;
};

gan::Networks table(const Context& c, const gan::ModelOptions& o) { return {std::make_shared<Shift>(c, 1), std::make_shared<Table>(c, o.channels)}; }

/// Every pack of m draws of -1 and 1, each as often as `units` of `of` say it is drawn: the k-th of all packs, for each k.
std::vector<double> packs(int m, int units, int of) {
  std::vector<double> all;
  for (int k = 0; k < m; ++k)
    for (int bits = 0; bits < 1 << m; ++bits) {
      int count = 1;
      for (int i = 0; i < m; ++i) count *= bits >> i & 1 ? units : of - units;
      all.insert(all.end(), size_t(count), bits >> k & 1 ? 1 : -1);
    }
  return all;
}

/// The total variation between packs of m that a discriminator trained by the hinge objective finds: 1 - loss / 2.
double found_variation(int m, int real_units, int fake_units, int of) {
  constexpr int steps = 400;
  const Context c = in_double();
  gan::GanOptions o = by_descent("hinge", 0);
  o.discriminator.learning_rate = 2;
  o.discriminator.schedule = {nn::Schedule::Kind::linear, steps};
  o.packing = m;
  gan::Gan game(c, model_of(table), o);
  const auto tensor = [&](int units) {
    const std::vector<double> v = packs(m, units, of);
    return c.from(v, {int64_t(v.size()), 1, 1, 1});
  };
  first_parameter(game.generator()).write(std::vector<double>{0});
  const Tensor real = tensor(real_units), fake = tensor(fake_units);
  for (int i = 0; i < steps; ++i) game.step(real, fake);
  return 1 - game.gauges()["loss_d"] / 2;
}

}  // namespace

// Lin et al., arXiv:1712.04086, section 2: of two generators as far from the data, packs show the one that leaves something out.
TEST_CASE("packs tell a collapsed generator from a lopsided one") {
  const double collapsed[] = {.2, .36, .488}, lopsided[] = {.2, .24, .284};
  for (const int m : {1, 2, 3}) {
    CAPTURE(m);
    CHECK(found_variation(m, 8, 10, 10) == doctest::Approx(collapsed[m - 1]).epsilon(0.005));  // a fifth of the data is never made
    CHECK(found_variation(m, 5, 3, 10) == doctest::Approx(lopsided[m - 1]).epsilon(0.005));    // densities 0.6 and 1.4 on the halves
  }
}

TEST_CASE("a discriminator has the width that it is given, and the generator keeps its own") {
  const Context c = Context::open("cpu", {DType::f32, 1});
  // Elements of the first filters: 16 x latent x 2 width, and 16 x packing x d_width
  for (const auto& [width, d_width, packing, generator, discriminator] : {std::tuple{2, 0, 1, 16 * 3 * 4, 16 * 2}, {2, 5, 1, 16 * 3 * 4, 16 * 5}, {4, 3, 2, 16 * 3 * 8, 16 * 2 * 3}}) {
    gan::GanOptions o = small_options();
    o.model.size = 16, o.model.channels = 1, o.model.width = width, o.d_width = d_width, o.packing = packing;
    const gan::Gan game(c, gan::find_model("dcgan"), o);
    CHECK(first_parameter(game.generator()).count() == generator);
    CHECK(first_parameter(game.discriminator()).count() == discriminator);
  }
}

TEST_CASE("a permuted batch gives the same step, but for packs") {
  for (const int packing : {1, 2}) {
    double told[2];
    for (const int permuted : {0, 1}) {
      const Context c = in_double();
      gan::GanOptions o = small_options();
      o.packing = packing;
      o.penalties = gan::find_penalties("r1,r2");
      gan::Gan game(c, model_of(small_networks), o);
      const Tensor real = c.uniform({4, 5, 5, 2}, 3), z = c.normal({4, 1, 1, 3}, 4), order = c.index({2, 0, 3, 1}, {4});
      if (permuted) game.step(gather(real, order), gather(z, order));
      else game.step(real, z);
      told[permuted] = game.gauges()["loss_d"] + game.gauges()["penalty_r1"] + game.gauges()["loss_g"];
    }
    CHECK((std::abs(told[0] - told[1]) <= 1e-12) == (packing == 1));
  }
}

TEST_CASE("an average has gone half way after its half-life, and none of the way at once while a run is young") {
  const Context c = in_double();
  gan::GanOptions o = by_descent("non-saturating", 0);
  o.ema = std::exp2(-4 / 40.0);            // batches of 4, a half-life of 40 pictures
  const Tensor real = c.zeros({4, 1, 1, 1});
  for (const double ramp : {0.0, 0.5}) {
    o.ema_ramp = ramp;
    gan::Gan game(c, model_of(line), o);
    const Tensor theta = first_parameter(game.generator()), average = first_parameter(game.sampler());
    theta.write(std::vector<double>{0});
    average.write(std::vector<double>{0});
    game.step(real);
    theta.write(std::vector<double>{1});
    double expected = 0;
    for (int i = 1; i <= 10; ++i) {
      game.step(real);
      const double half_life = ramp ? std::min(10.0, ramp * i) : 10;
      expected += (1 - std::exp2(-1 / half_life)) * (1 - expected);
    }
    CHECK(std::abs(average.item() - expected) <= 1e-12);
    if (ramp == 0) CHECK(std::abs(average.item() - 0.5) <= 1e-12);
    else CHECK(average.item() > 0.85);
  }
}

TEST_CASE("an average is young by its own network's moves, where those are fewer") {
  const Context c = in_double();
  gan::GanOptions o = by_descent("non-saturating", 0);
  o.ema = std::exp2(-1 / 1000.0), o.ema_ramp = 0.5, o.d_steps = 2;
  gan::Gan game(c, model_of(line), o);
  const Tensor theta = first_parameter(game.generator()), average = first_parameter(game.sampler()), real = c.zeros({4, 1, 1, 1});
  game.step(real), game.step(real);
  theta.write(std::vector<double>{1}), average.write(std::vector<double>{0});
  double expected = 0;
  for (int step = 3; step <= 8; ++step) {
    game.step(real);
    if (step % 2 == 0) expected += (1 - std::exp2(-1 / (0.5 * (step - 1) / 2))) * (1 - expected);
  }
  CHECK(std::abs(average.item() - expected) <= 1e-12);
}

TEST_CASE("the generator moves in each n-th step, its optimiser counts only those, and the discriminator moves in all") {
  const Context c = in_double();
  gan::GanOptions o = small_options("non-saturating", 0.01);
  for (nn::OptimizerOptions* side : {&o.generator, &o.discriminator}) side->settings = {OptimizerKind::adam, 0.5, 0.9};
  o.d_steps = 3;
  gan::Gan game(c, model_of(small_networks), o);
  const auto values = [&](size_t player) { return game.arena(player).values.values(); };
  for (int i = 1; i <= 7; ++i) {
    const auto g = values(0), d = values(1);
    game.step(c.uniform({4, 5, 5, 2}, uint64_t(i)));
    CHECK((values(0) != g) == (i % 3 == 0));
    CHECK(values(1) != d);
    CHECK_FALSE(game.met_not_finite());
    if (i >= 3) CHECK(std::isfinite(game.gauges()["loss_g"]));     // of the last step in which it moved
  }
  nn::Checkpoint all;
  game.save(all);
  const auto updates = [&](const char* file) { return to_doubles(all.files[file].tensors["updates"])[0]; };
  CHECK(updates("generator.optimizer") == 2);
  CHECK(updates("discriminator.optimizer") == 7);
}

TEST_CASE("clipped gradients, weight decay and two learning rates reach both networks") {
  const auto moved = [](double clip, double decay, double rate_g, double rate_d, size_t player) {
    const Context c = in_double();
    gan::GanOptions o = small_options();
    o.order = gan::UpdateOrder::simultaneous;
    o.generator.learning_rate = rate_g, o.discriminator.learning_rate = rate_d;
    for (nn::OptimizerOptions* side : {&o.generator, &o.discriminator}) side->clip_norm = clip, side->settings.decay = decay;
    gan::Gan game(c, model_of(small_networks), o);
    const auto before = game.arena(player).values.values();
    game.step(c.uniform({4, 5, 5, 2}, 1));
    auto after = game.arena(player).values.values();
    double square = 0;
    for (size_t i = 0; i < after.size(); ++i) square += (after[i] - before[i]) * (after[i] - before[i]);
    return std::sqrt(square);
  };
  for (const size_t player : {0, 1}) {
    CAPTURE(player);
    CHECK(moved(1e-3, 0, 0.5, 0.5, player) == doctest::Approx(0.5e-3).epsilon(0.01));
    CHECK(moved(0, 0, player == 0 ? 0.2 : 0.1, player == 1 ? 0.2 : 0.1, player) == doctest::Approx(2 * moved(0, 0, 0.1, 0.1, player)).epsilon(1e-9));
    CHECK(moved(0, 0.5, 0.1, 0.1, player) != doctest::Approx(moved(0, 0, 0.1, 0.1, player)).epsilon(1e-3));
  }
}

namespace {

/// Pictures of noise of its own, whatever the latent, as StyleGAN2's layers add it; brighter by their class.
class NoiseAlone : public nn::Module, public gan::Conditional {
 public:
  explicit NoiseAlone(const Context& c) : scale_(add("scale", numbers(c, {1}))) {}
  Tensor forward(const Tensor& z) override {
    const Tensor level = matmul(labels_, z.context().from(std::vector<double>{0, 10}, {2, 1}));
    return (z.context().normal({z.size(0), 5, 5, 2}, 77) + reshape(level, {z.size(0), 1, 1, 1})) * (1 + scale_->value);
  }

 private:
  std::shared_ptr<nn::Parameter> scale_;
};
gan::Networks noise_alone(const Context& c, const gan::ModelOptions& o) { return {std::make_shared<NoiseAlone>(c), small_networks(c, o).discriminator}; }

}  // namespace

TEST_CASE("mode seeking with classes compares pictures of one class that do not share the noise inside of the generator") {
  const Context c = in_double();
  gan::GanOptions o = small_options();
  o.model.classes = {"dark", "bright"}, o.mode_seeking = 1;
  gan::Gan game(c, model_of(noise_alone), o);
  first_parameter(game.generator()).write(std::vector<double>{0});
  game.step({c.zeros({4, 5, 5, 2}), c.from(std::vector<double>{1, 0, 0, 1, 0, 1, 1, 0}, {4, 2})});
  // Two normal numbers lie 1.13 apart, three of each latent as well; classes would lie 10 apart.
  CHECK(game.gauges()["mode_seeking"] > 0.4);
  CHECK(game.gauges()["mode_seeking"] < 3);
}

TEST_CASE("smoothed labels are the discriminator's, of real pictures alone") {
  const auto softplus_of = [](double v) { return std::log1p(std::exp(v)); };
  for (const double smoothing : {0.0, 0.1, 0.3}) {
    const Context c = in_double();
    gan::GanOptions o = by_descent("non-saturating", 0);
    o.label_smoothing = smoothing;
    gan::Gan game(c, model_of(line), o);
    first_parameter(game.generator()).write(std::vector<double>{0});
    first_parameter(game.discriminator()).write(std::vector<double>{2});
    game.discriminator().parameters()[1].second->value.write(std::vector<double>{0});
    game.step(c.full({2, 1, 1, 1}, 0.75), c.full({2, 1, 1, 1}, -0.25));          // logits 1.5 and -0.5
    CHECK(std::abs(game.gauges()["loss_d"] - (softplus_of(1.5) - (1 - smoothing) * 1.5 + softplus_of(-0.5))) <= 1e-12);
    CHECK(std::abs(game.gauges()["loss_g"] - softplus_of(0.5)) <= 1e-12);
  }
}

TEST_CASE("sheets show the classes in turn; a picture of a seed and class is the same whatever the count") {
  const Context c = in_double();
  gan::GanOptions o = small_options();
  o.model.classes = {"a", "b", "c"};
  gan::Gan game(c, model_of(small_networks), o);
  const auto few = game.sample(4, 9).values(), many = game.sample(70, 9).values(), of_b = game.sample(4, 9, c.from(std::vector<double>{0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0}, {4, 3})).values();
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
  CHECK(std::equal(few.begin() + 50, few.begin() + 100, of_b.begin() + 50));
  CHECK_FALSE(std::equal(few.begin(), few.begin() + 50, of_b.begin()));
}

TEST_CASE("what cannot go together is refused, with what can") {
  const Context c = Context::open("cpu", {DType::f32, 1});
  const auto refused = [&](const char* model, const std::function<void(gan::GanOptions&)>& change, const char* why) {
    gan::GanOptions o;
    o.model.size = 16, o.model.width = 2;
    o.objective = &gan::find_objective("non-saturating");
    change(o);
    CHECK_THROWS_WITH_AS(gan::make_contest(c, gan::find_model(model), o), doctest::Contains(why), const ConfigError&);
  };
  for (const gan::Penalty& p : gan::penalties()) {
    const auto set = [&](gan::GanOptions& o) { o.penalties = gan::find_penalties(p.name); };
    if (p.cost) refused("dcgan", set, "--penalty clip");
    else CHECK_NOTHROW([&] {
      gan::GanOptions o;
      o.model.size = 16, o.model.width = 2;
      o.objective = &gan::find_objective("wasserstein");
      set(o);
      gan::make_contest(c, gan::find_model("dcgan"), o);
    }());
  }
  for (const char* objective : {"hinge", "wasserstein", "ragan", "rpgan"})
    refused("dcgan", [&](gan::GanOptions& o) { o.objective = &gan::find_objective(objective), o.label_smoothing = 0.1; }, "minimax, non-saturating, lsgan have");
  refused("dcgan", [](gan::GanOptions& o) { o.model.classes = {"a", "b"}; }, "model.condition=none");
  refused("cyclegan", [](gan::GanOptions& o) { o.objective = &gan::find_objective("rpgan"); }, "hinge, wasserstein do without");
  refused("cyclegan", [](gan::GanOptions& o) { o.penalties = gan::find_penalties("r1"); }, "penalty r1");
  refused("cyclegan", [](gan::GanOptions& o) { o.d_width = 16; }, "model.d_width");
  refused("cyclegan", [](gan::GanOptions& o) { o.packing = 2; }, "train.packing");
  refused("cyclegan", [](gan::GanOptions& o) { o.mode_seeking = 1; }, "train.mode_seeking");
  refused("cyclegan", [](gan::GanOptions& o) { o.label_smoothing = 0.1; }, "train.label_smoothing");
  refused("cyclegan", [](gan::GanOptions& o) { o.d_steps = 2; }, "train.d_steps");
  gan::GanOptions three = small_options();
  three.packing = 3;
  gan::Gan game(c, model_of(small_networks), three);
  CHECK_THROWS_WITH_AS(game.step(c.zeros({4, 5, 5, 2})), doctest::Contains("3 pictures at a time"), const ConfigError&);
}

namespace {

struct Outcome {
  std::string sha256;
  std::vector<double> told, average;
  bool operator==(const Outcome& o) const { return sha256 == o.sha256 && told == o.told && average == o.average; }
};

/// Twelve steps on batches of their own, perhaps cut after some of them and gone on with by other networks.
Outcome play(const char* device, gan::GanOptions o, gan::CaptureSteps capture, int cut = 0) {
  const Context c = Context::open(device, {DType::f32, 1});
  o.capture = capture;
  const bool classes = !o.model.classes.empty();
  const Tensor real = c.empty({4, 5, 5, o.model.channels}), labels = gan::classes_in_turn(c, 4, o.model);
  Outcome out;
  nn::Checkpoint at_cut;
  for (const auto& [from, to] : {std::pair{0, cut}, {cut, 12}}) {
    if (from == to) continue;
    gan::Gan game(c, model_of(small_networks), o);
    if (from > 0) game.load(at_cut, "the cut"), game.seek(from);
    for (int i = from; i < to; ++i) {
      std::vector<float> pixels(size_t(real.count()));
      for (size_t j = 0; j < pixels.size(); ++j) pixels[j] = float((j * 7 + size_t(i) * 13) % 17) / 8 - 1;
      real.write(pixels.data());
      game.step(classes ? Tensors{real, labels} : Tensors{real});
      CHECK_FALSE(game.met_not_finite());
      if (i % 2) (void)game.sample(3, 1).values();
    }
    for (const auto& [name, value] : game.gauges().values)
      if (name.find("penalty") == std::string::npos && name.find("_g") == std::string::npos && name.find("after") == std::string::npos) out.told.push_back(value);
    out.sha256 = game.parameters_sha256();
    out.average = game.arena(0).values.values();
    const auto ema = first_parameter(game.sampler()).values();
    out.average.insert(out.average.end(), ema.begin(), ema.end());
    game.save(at_cut);
    if (to == cut) out.told.clear();
  }
  return out;
}

gan::GanOptions busy(const char* objective, const char* penalties) {
  gan::GanOptions o = small_options(objective, 2e-3);
  for (nn::OptimizerOptions* side : {&o.generator, &o.discriminator}) side->settings = {OptimizerKind::adam, 0.5, 0.9};
  o.penalties = gan::find_penalties(penalties);
  o.ema = 0.9, o.ema_ramp = 0.3;
  return o;
}

}  // namespace

TEST_CASE("steps of several kinds: captured as not, and cut anywhere as whole") {
  gan::GanOptions lazy = busy("rpgan", "r1:0.5,r2:0.5"), critic = busy("wasserstein", "wgan-gp"), packs = busy("non-saturating", "dragan:1,clip:0.5"), classes = busy("ragan", "r1:1");
  lazy.penalty_every = 3, lazy.penalty_anneal = 8, lazy.penalty_end = 0.1;
  critic.d_steps = 3, critic.penalty_every = 2;
  packs.packing = 2, packs.mode_seeking = 0.5, packs.label_smoothing = 0.1, packs.order = gan::UpdateOrder::generator_first;
  classes.model.classes = {"a", "b", "c"}, classes.packing = 2, classes.mode_seeking = 0.2, classes.order = gan::UpdateOrder::simultaneous, classes.penalty_every = 4;
  gan::GanOptions adaptive = busy("rpgan", "r1:0.5,r2:0.5"), altered = busy("non-saturating", "wgan-gp:1");
  adaptive.augment = {gan::AugmentMethod::ada, "", 0.3, 0.6, 3, 0.05}, adaptive.model.channels = 1, adaptive.penalty_every = 2;
  altered.augment.method = gan::AugmentMethod::diffaugment, altered.model.channels = 3, altered.packing = 2, altered.model.classes = {"a", "b"};
  std::vector<std::string> all;
  for (const char* device : {"cpu", "sim"}) {
    if (!find_backend(device, DType::f32)) continue;
    CAPTURE(device);
    for (const gan::GanOptions& o : {lazy, critic, packs, classes, adaptive, altered}) {
      CAPTURE(o.objective->name);
      const Outcome whole = play(device, o, gan::CaptureSteps::off);
      REQUIRE(std::isfinite(whole.told.at(0)));
      all.push_back(whole.sha256);
      CHECK(play(device, o, gan::CaptureSteps::on) == whole);
      for (int cut = 1; cut < 12; cut += device == std::string("cpu") ? 1 : 4) {
        CAPTURE(cut);
        CHECK(play(device, o, gan::CaptureSteps::off, cut) == whole);
        if (cut % 3 == 1) CHECK(play(device, o, gan::CaptureSteps::on, cut) == whole);
      }
    }
  }
  std::sort(all.begin(), all.end());
  CHECK(std::unique(all.begin(), all.end()) == all.end());         // all of these are different runs
  gan::GanOptions plain = lazy;
  plain.penalty_end = 1;
  CHECK(play("cpu", plain, gan::CaptureSteps::off).sha256 != play("cpu", lazy, gan::CaptureSteps::off).sha256);   // and what is set matters
}
