// What a contest is to a program that uses the library: what it refuses, what it leaves as it was, what others can read of it.
#include <doctest/doctest.h>

#include "../temporary_folder.h"
#include "small_networks.h"
#include "weft/gan/trainer.h"

using namespace weft;
using namespace weft::testing;

namespace {

gan::GanOptions small_dcgan(const char* objective = "non-saturating") {
  gan::GanOptions o;
  o.model = {16, 1, 2, 3};
  o.objective = &gan::find_objective(objective);
  return o;
}

/// A network that throws whenever it is asked.
class Broken : public nn::Module {
 public:
  Tensor forward(const Tensor&) override { throw ShapeError("broken"); }
};

}  // namespace

TEST_CASE("looking for what is not finite: one that threw leaves all as it was, and where all is finite nothing is said") {
  const Context c = Context::open("cpu", {.threads = 1});
  gan::Gan game(c, gan::find_model("dcgan"), small_dcgan()), twin(c, gan::find_model("dcgan"), small_dcgan());
  const Tensor real = c.uniform({4, 16, 16, 1}, 1);
  CHECK(game.explain_not_finite(real).empty());
  game.step(real), twin.step(real);
  CHECK(game.explain_not_finite(real).empty());
  // The generator has seen its batch, running statistics included, when the discriminator meets pictures that do not fit it.
  CHECK_THROWS_AS(game.explain_not_finite(c.zeros({4, 32, 32, 1})), const ShapeError&);
  game.step(real), twin.step(real);
  CHECK(game.parameters_sha256() == twin.parameters_sha256());
}

TEST_CASE("a network that throws in evaluation is in training again") {
  const Context c = Context::open("cpu", {.threads = 1});
  Broken broken;
  CHECK_THROWS_AS(gan::in_evaluation(broken, c.zeros({2, 3})), const ShapeError&);
  CHECK(broken.training());
  CHECK_THROWS_WITH_AS(gan::in_evaluation(broken, c.zeros({2, 3}), 0), doctest::Contains("in_evaluation"), const ShapeError&);
  CHECK_THROWS_WITH_AS(gan::in_evaluation(broken, c.zeros({0, 3})), doctest::Contains("in_evaluation"), const ShapeError&);
}

TEST_CASE("initial values are of seed and name, and the context's step is the caller's") {
  const Context c = Context::open("cpu", {.threads = 1});
  const auto values = [&] {
    nn::Linear layer(c, 3, 4);
    nn::initialise(layer, nn::Init::xavier, 5);
    return layer.parameters()[0].second->value.values();
  };
  const std::vector<double> first = values();
  c.step_state().step = 7, c.step_state().update[0].learning_rate = 0.25;
  c.publish_step_state();
  const std::vector<double> drawn = c.normal({4}, 1).values();
  CHECK(values() == first);
  gan::Gan game(c, gan::find_model("dcgan"), small_dcgan());
  (void)game.sample(2, 1);
  CHECK(c.step_state().step == 7);
  CHECK(c.step_state().update[0].learning_rate == 0.25);
  CHECK(c.normal({4}, 1).values() == drawn);
}

TEST_CASE("counts and shares out of their range, and a missing objective, are refused with the setting's name") {
  const Context c = Context::open("cpu", {.threads = 1});
  const auto refused = [&](const char* why, const std::function<void(gan::GanOptions&)>& change) {
    gan::GanOptions o = small_dcgan();
    change(o);
    CHECK_THROWS_WITH_AS(gan::Gan(c, gan::find_model("dcgan"), o), doctest::Contains(why), const ConfigError&);
  };
  refused("objective", [](gan::GanOptions& o) { o.objective = nullptr; });
  refused("train.packing", [](gan::GanOptions& o) { o.packing = 0; });
  refused("train.d_steps", [](gan::GanOptions& o) { o.d_steps = 0; });
  refused("train.penalty_every", [](gan::GanOptions& o) { o.penalty_every = 0; });
  for (const double ema : {-0.1, 1.0, 1.5, double(NAN)}) refused("model.ema", [&](gan::GanOptions& o) { o.ema = ema; });
  for (const double smoothing : {-0.1, 7.0, double(NAN)}) refused("train.label_smoothing", [&](gan::GanOptions& o) { o.label_smoothing = smoothing; });
  gan::GanOptions translates = small_dcgan();
  translates.model.latent = gan::ModelOptions().latent, translates.objective = nullptr;
  CHECK_THROWS_WITH_AS(gan::make_contest(c, gan::find_model("pix2pix"), translates), doctest::Contains("objective"), const ConfigError&);
}

TEST_CASE("a batch that is none, and labels for a network that knows no classes") {
  const Context c = Context::open("cpu", {.threads = 1});
  gan::Gan plain(c, gan::find_model("dcgan"), small_dcgan());
  gan::GanOptions with_classes = small_dcgan();
  with_classes.model.condition = "concat", with_classes.model.classes = {"a", "b"};
  gan::Gan classes(c, gan::find_model("dcgan"), with_classes);
  const Tensor real = c.uniform({4, 16, 16, 1}, 1), labels = c.zeros({4, 2});
  CHECK_THROWS_WITH_AS(plain.step(Tensors{}), doctest::Contains("{real}"), const ShapeError&);
  CHECK_THROWS_WITH_AS(plain.step(Tensors{Tensor()}), doctest::Contains("{real}"), const ShapeError&);
  CHECK_THROWS_WITH_AS(classes.step(real), doctest::Contains("{real, labels}"), const ShapeError&);
  CHECK_THROWS_WITH_AS(classes.explain_not_finite(real), doctest::Contains("{real, labels}"), const ShapeError&);
  CHECK_THROWS_WITH_AS(plain.sample(4, 1, labels), doctest::Contains("knows no classes"), const ConfigError&);
  CHECK_THROWS_WITH_AS(gan::in_evaluation(plain.discriminator(), real, 64, labels), doctest::Contains("knows no classes"), const ConfigError&);
  CHECK(plain.discriminator().training());
}

TEST_CASE("a model of one's own is played with any setting; one of the list only with its own") {
  const Context c = Context::open("cpu", {.threads = 1});
  const gan::Model mine = model_of(small_networks);
  gan::GanOptions o = small_options();
  o.packing = 2, o.d_steps = 2, o.label_smoothing = 0.1, o.ema = 0.5, o.order = gan::UpdateOrder::simultaneous;
  const std::unique_ptr<gan::Contest> contest = gan::make_contest(c, mine, o);
  contest->step({c.zeros({4, 5, 5, 2})});
  CHECK(contest->steps_done() == 1);
  CHECK_THROWS_WITH_AS(gan::make_contest(c, gan::find_model("classifier"), o), doctest::Contains("does nothing for classifier"), const ConfigError&);
}

TEST_CASE("what a contest saves is read as a generator, from its folder and from the file alone") {
  const testing::TemporaryFolder folder;
  const Context c = Context::open("cpu", {.threads = 1});
  gan::Gan game(c, gan::find_model("dcgan"), small_dcgan());
  game.step(c.uniform({4, 16, 16, 1}, 1));
  nn::Checkpoint saved;
  game.save(saved);
  nn::Checkpoints(folder.path).save(1, saved);
  const std::string at = nn::Checkpoints(folder.path).path(1).string();
  for (const std::string& from : {at, at + "/generator.safetensors"}) CHECK(gan::load_generator(from, c).sample(3, 2).values() == game.sample(3, 2).values());

  saved.files["generator"].metadata.erase("model");
  write_safetensors(folder.path / "nameless.safetensors", saved.files["generator"].tensors, saved.files["generator"].metadata);
  CHECK_THROWS_WITH_AS(gan::load_generator((folder.path / "nameless.safetensors").string(), c), doctest::Contains("lacks 'model'"), const FormatError&);
}

namespace {

/// Pictures of one grey each, which nobody wrote to a disk.
class Greys final : public gan::Dataset {
 public:
  Greys() { size_ = 8, side_ = 5, channels_ = 1; }
  int read(int64_t i, float* out) override {
    std::fill(out, out + 25, float(i) / 4 - 1);
    return 0;
  }
};

}  // namespace

TEST_CASE("a run of a model, objective, penalty and data of one's own: cut and gone on with, it is the same run; settings that were kept are asked for") {
  const testing::TemporaryFolder folder;
  const gan::Model mine = model_of(small_networks);
  gan::Objective objective = gan::find_objective("wasserstein");
  objective.name = "mine too";
  gan::Penalty penalty = *gan::find_penalties("r1")[0].penalty;
  const std::vector<gan::WeightedPenalty> penalties = {{&penalty, 2}};
  gan::TrainRequest request;
  request.settings.model = mine.name, request.settings.size = 5, request.settings.latent = 3, request.settings.batch = 4, request.settings.samples = 4;
  request.settings.device = "cpu", request.settings.threads = 1;
  request.own = {&mine, &objective, &penalties, {{std::make_shared<Greys>(), nullptr}}};
  const auto run = [&](const char* name, int64_t steps) {
    request.settings.out = (folder.path / name).string(), request.settings.steps = steps, request.resume = steps > 2;
    return gan::train(request, {});
  };
  CHECK(run("cut", 2).model == "by hand");
  const gan::TrainReport cut = run("cut", 4), whole = run("whole", 4);
  CHECK(cut.resumed_at == 2);
  CHECK(cut.parameters_sha256 == whole.parameters_sha256);
  penalty.cost = [](const Tensor& g) { return 0 * sum(g); };
  CHECK(run("free", 4).parameters_sha256 != whole.parameters_sha256);

  request.config = {{"rate", "1"}};
  run("kept", 2);
  request.config.clear();
  CHECK_THROWS_WITH_AS(run("kept", 4), doctest::Contains("TrainRequest::config"), const ConfigError&);
  request.config = {{"rate", "2"}};
  CHECK_THROWS_WITH_AS(run("kept", 4), doctest::Contains("rate: 1 -> 2"), const ConfigError&);
}
