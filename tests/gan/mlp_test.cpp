// Fully connected networks for points: what they are, and that they learn a ring of eight modes in a few seconds.
#include <doctest/doctest.h>

#include <cmath>

#include "temporary_folder.h"
#include "weft/gan/mixture.h"
#include "weft/gan/points.h"
#include "weft/gan/trainer.h"

using namespace weft;

namespace {

gan::ModelOptions points(const std::string& form, int waves = 8) {
  gan::ModelOptions o;
  o.size = 1, o.channels = 2, o.width = 16, o.latent = 2, o.form = form, o.waves = waves, o.grain = 0.02;
  return o;
}

}  // namespace

TEST_CASE("mlp makes points of latents and a logit of each, or of as many as are judged together") {
  const Context c = Context::open("cpu", {.threads = 1});
  for (const char* form : {"relu", "maxout"}) {
    const gan::Networks alone = gan::mlp(c, points(form));
    CHECK((*alone.generator)(c.normal({6, 1, 1, 2}, 1)).shape() == Shape{6, 1, 1, 2});
    CHECK((*alone.discriminator)(c.normal({6, 1, 1, 2}, 1)).count() == 6);
    gan::ModelOptions packs = points(form);
    packs.channels = 6;
    CHECK((*gan::mlp(c, packs).discriminator)(c.normal({6, 1, 1, 6}, 1)).count() == 6);
  }
  CHECK_THROWS_AS(gan::mlp(c, gan::ModelOptions{}), ConfigError);          // pictures
}

TEST_CASE("a discriminator sees no wave before its time, and all of them at the end") {
  const Context c = Context::open("cpu", {.threads = 1});
  const gan::Networks n = gan::mlp(c, points("relu"));
  nn::initialise(*n.discriminator, nn::Init::kaiming, 3);
  auto& paced = dynamic_cast<gan::Paced&>(*n.discriminator);
  const Tensor x = c.normal({5, 1, 1, 2}, 1);
  const auto logits_with = [&](double done, double wave_weight) {
    paced.set_progress(done);
    const auto first = n.discriminator->parameters()[0].second;              // (16, 2 + 2 * 8)
    std::vector<double> w = first->value.values();
    for (size_t i = 0; i < w.size(); ++i) if (i % 18 == 17) w[i] = wave_weight;    // the finest wave's sine
    first->value.write(w, "test");
    return (*n.discriminator)(x).values();
  };
  CHECK(logits_with(0, 0) == logits_with(0, 5));
  CHECK(logits_with(0.3, 0) == logits_with(0.3, 5));
  CHECK(logits_with(1, 0) != logits_with(1, 5));
}

TEST_CASE("the ring's eight modes are found in a few seconds") {
  const testing::TemporaryFolder folder;
  gan::TrainRequest request;
  gan::TrainSettings& s = request.settings;                                  // a shortened form of the model's defaults
  s.model = "mlp", s.data = "ring8", s.out = (folder.path / "run").string(), s.device = "cpu", s.threads = 1;
  s.size = 1, s.width = 64, s.latent = 2, s.batch = 256, s.steps = 1500, s.seed = 5, s.init = "kaiming";
  s.objective = "rpgan", s.penalty = "r1:0.3,r2:0.3", s.penalty_end = 0.1, s.penalty_anneal = 1, s.ema_half_life = 128000, s.ema_ramp = 0.1;
  s.learning_rate_g = s.learning_rate_d = 2e-3, s.beta1 = 0, s.beta2 = 0.99, s.schedule = "exponential", s.hold = 0.3, s.final_g = 0.02, s.final_d = 0.3;
  s.samples = 500, s.samples_every = 0, s.checkpoint_every = 0;
  gan::train(request, {});
  const gan::TrainedGenerator trained = gan::load_generator(s.out, Context::open("cpu", {.threads = 1}));
  REQUIRE(trained.model.units.one.size() == 2);                              // of its file
  const gan::MixtureScore score = gan::score(*gan::find_mixture("ring8"), gan::to_points(trained.sample(2500, 1), trained.model.units));
  MESSAGE("modes " << score.modes << ", high quality " << score.high_quality << ", reverse KL " << score.reverse_kl << ", deviation " << score.deviation);
  CHECK(score.modes == 8);
  CHECK(score.high_quality > 0.6);
  CHECK(score.reverse_kl < 0.2);
  CHECK(std::filesystem::exists(folder.path / "run/landscape.html"));
}

TEST_CASE("a schedule that is held for half of the run falls in the other half") {
  const auto sum_of = [](const std::string& schedule) {
    const testing::TemporaryFolder folder;
    gan::TrainRequest request;
    gan::TrainSettings& s = request.settings;
    s.model = "mlp", s.data = "ring8", s.out = (folder.path / "run").string(), s.device = "cpu", s.threads = 1;
    s.size = 1, s.width = 4, s.latent = 2, s.batch = 4, s.steps = 8, s.init = "kaiming", s.samples = 4, s.samples_every = 0, s.checkpoint_every = 0;
    s.schedule = schedule, s.hold = 0.5;
    return gan::train(request, {}).parameters_sha256;
  };
  CHECK(sum_of("constant") == sum_of("constant"));
  CHECK(sum_of("constant") != sum_of("linear"));
}
