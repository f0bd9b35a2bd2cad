// VAE-GAN: every network's gradient against finite differences of the loss as it is written down, and each term of it.
#include "weft/gan/vaegan.h"

#include "networks.h"
#include "weft/tensor/random_stream.h"

using namespace weft;

namespace {

/// Terms of a step on `x`, by the definition, from the networks as they are.
struct Terms {
  double kl, like, on_real, on_codes, on_noise, fools_codes, fools_noise;
};

Terms terms_of(const gan::VaeGan& gan, const Tensor& x, uint64_t seed) {
  const Context c = x.context();
  const NoGraph scope(c);
  const int64_t n = x.size(0), latent = gan.options().model.latent;
  const gan::Code code = gan.encoder().encode(x);
  const Tensor z = code.mean + exp(0.5 * code.log_variance) * c.normal({n, latent}, stream_key(seed, "code"));
  const Tensor from_code = gan.generator()(reshape(z, {n, 1, 1, latent})), from_noise = gan.generator()(c.normal({n, 1, 1, latent}, stream_key(seed, "latent")));
  auto& judge = static_cast<gan::SeeingDiscriminator&>(gan.discriminator());
  const auto real = judge.look(x), codes = judge.look(from_code), noise = judge.look(from_noise);
  const auto number = [](const Tensor& t) { return t.item(); };
  Terms t{};
  for (int64_t i = 0; i < n; ++i) {
    const std::vector<double> m = slice(code.mean, 0, i, i + 1).values(), v = slice(code.log_variance, 0, i, i + 1).values();
    for (size_t k = 0; k < m.size(); ++k) t.kl += 0.5 * (m[k] * m[k] + std::exp(v[k]) - 1 - v[k]) / double(n);
    const std::vector<double> a = slice(real.features, 0, i, i + 1).values(), b = slice(codes.features, 0, i, i + 1).values();
    for (size_t k = 0; k < a.size(); ++k) t.like += 0.5 * (a[k] - b[k]) * (a[k] - b[k]) / double(n);
  }
  t.on_real = number(mean(softplus(-real.logits)));
  t.on_codes = number(mean(softplus(codes.logits))), t.on_noise = number(mean(softplus(noise.logits)));
  t.fools_codes = number(mean(softplus(-codes.logits))), t.fools_noise = number(mean(softplus(-noise.logits)));
  return t;
}

gan::GanOptions tiny() {
  gan::GanOptions o;
  o.model.size = 16, o.model.width = 2, o.model.latent = 3, o.model.stem = "dense";
  o.objective = &gan::find_objective("non-saturating");
  o.init = nn::Init::kaiming;
  o.weights.kl = 0.7, o.weights.content = 0.03, o.weights.adversarial = 1.3;
  for (nn::OptimizerOptions* side : {&o.generator, &o.discriminator}) side->settings.kind = OptimizerKind::sgd, side->settings.beta1 = 0, side->learning_rate = 0;
  return o;
}

}  // namespace

TEST_CASE("vaegan: each network follows its own loss of Algorithm 1, term by term") {
  const Context context = in_double();
  const gan::GanOptions o = tiny();
  gan::VaeGan gan(context, gan::find_model("vaegan"), o);
  const Tensor x = context.uniform({4, 16, 16, 1}, 7) * 2 - 1;
  gan.step(x);
  const Terms at = terms_of(gan, x, o.seed);
  CHECK(gan.gauges()["loss_kl"] == doctest::Approx(at.kl).epsilon(1e-9));
  CHECK(gan.gauges()["loss_like"] == doctest::Approx(at.like).epsilon(1e-9));
  CHECK(gan.gauges()["loss_d"] == doctest::Approx(at.on_real + (at.on_codes + at.on_noise) / 2).epsilon(1e-9));
  CHECK(gan.gauges()["loss_g"] == doctest::Approx((at.fools_codes + at.fools_noise) / 2).epsilon(1e-9));

  // Along a random direction, the difference of each term; and of the sum that the network is to follow.
  for (const size_t player : {0, 1, 2}) {
    CAPTURE(player);
    const nn::Arena& arena = gan.arena(player);
    const Tensor before = arena.values + 0.0, direction = context.normal(arena.values.shape(), 11);
    constexpr double h = 1e-6;
    Terms side[2];
    for (const int s : {0, 1}) {
      arena.values.copy_from(before + (s ? h : -h) * direction);
      side[s] = terms_of(gan, x, o.seed);
    }
    arena.values.copy_from(before);
    const auto slope = [&](double Terms::*term) { return (side[1].*term - side[0].*term) / (2 * h); };
    std::vector<double> parts;
    if (player == 0) parts = {0.03 * slope(&Terms::like), 0.65 * slope(&Terms::fools_codes), 0.65 * slope(&Terms::fools_noise)};
    if (player == 1) parts = {slope(&Terms::on_real), 0.5 * slope(&Terms::on_codes), 0.5 * slope(&Terms::on_noise)};
    if (player == 2) parts = {0.7 * slope(&Terms::kl), slope(&Terms::like)};
    double expected = 0;
    for (const double part : parts) expected += part;
    double scale = 0;
    for (const double part : parts) scale = std::max(scale, std::fabs(part));
    const double followed = sum(arena.gradients * direction).item();
    CHECK(std::fabs(followed - expected) <= 1e-6 * scale);
    for (const double part : parts) {                              // none of them is so small that it could be left out, or turned, unseen
      CHECK(std::fabs(followed - (expected - part)) > 1e-3 * scale);
      CHECK(std::fabs(followed - (expected - 2 * part)) > 1e-3 * scale);
    }
  }
}

TEST_CASE("vaegan refuses what its rules have no place for") {
  const Context context = in_double();
  gan::ModelOptions o = options_for("vaegan", 16);
  o.condition = "concat", o.classes = {"a", "b"};
  CHECK_THROWS_WITH_AS(gan::vaegan(context, o), doctest::Contains("--toward CLASS"), const ConfigError&);
  gan::GanOptions sees = tiny();
  sees.objective = &gan::find_objective("rpgan");
  CHECK_THROWS_WITH_AS(gan::make_contest(context, gan::find_model("vaegan"), sees), doctest::Contains("non-saturating"), const ConfigError&);
  gan::GanOptions odd = tiny();
  odd.model.size = 24;
  CHECK_THROWS_AS(gan::VaeGan(context, gan::find_model("vaegan"), odd), ConfigError);
}

TEST_CASE("vaegan measures how far restored pictures are") {
  const Context c = in_double();
  gan::GanOptions o;
  o.model.size = 16, o.model.width = 2, o.model.latent = 3, o.model.stem = "dense";
  o.objective = &gan::find_objective("non-saturating");
  gan::VaeGan game(c, gan::find_model("vaegan"), o);
  const Tensor x = c.uniform({4, 16, 16, 1}, 7) * 2 - 1;
  game.step(x);
  const NoGraph off(c);
  const Tensor code = slice(gan::in_evaluation(game.encoder(), x), 1, 0, 3), again = gan::in_evaluation(game.sampler(), reshape(code, {4, 1, 1, 3}));
  CHECK(game.measure({x})["held_out_l1"] == doctest::Approx(mean(abs(again - x)).item()));
}
