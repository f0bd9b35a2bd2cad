// A number that is not finite: named, and then the run stops, skips the step or goes back.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "runs.h"
#include "weft/gan/trainer.h"
#include "weft/tensor/autograd.h"
#include "weft/tensor/finite_watch.h"

using namespace weft;
using namespace resume;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

gan::GanOptions tiny(double ema = 0) {
  gan::GanOptions o;
  o.model = {16, 1, 2, 3};
  o.objective = &gan::find_objective("non-saturating");
  o.ema = ema;
  return o;
}

Tensor images(const Context& context) { return context.uniform({4, 16, 16, 1}, 7); }

/// Puts one NaN into the parameter or buffer of this name.
void poison(nn::Module& network, const std::string& name) {
  for (const auto& [n, p] : network.parameters()) {
    if (n != name) continue;
    std::vector<double> values = p->value.values();
    values[values.size() / 2] = kNaN;
    p->value.write(values);
    return;
  }
  FAIL("no parameter " << name);
}

// Learning rates at which the smallest network leaves the range of float within a few steps.
const Words diverge = {"--set", "optimizer.name=sgd", "--set", "optimizer.beta1=0.99", "--set", "optimizer.learning_rate_d=100",
                       "--set", "optimizer.learning_rate_g=100", "--objective", "lsgan"};

Words diverging(const Words& more) {
  Words words = diverge;
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("the first operation whose result is not finite is named, forward and backward") {
  const Context context = Context::open("cpu", {DType::f64});
  const Tensor x = context.from(std::vector<double>{1, 0, 4}, {3}).leaf();
  struct Row { const char* operation; std::function<Tensor()> forward; };
  const Tensor zero = context.zeros({3}), large = context.full({3}, 1e200);
  const Row rows[] = {
      {"log", [&] { return log(x) * 2; }},
      {"div", [&] { return tanh(1 / x); }},
      {"exp", [&] { return exp(x * 1000) + 1; }},
      {"sqrt", [&] { return sqrt(x - 2); }},
      {"pow", [&] { return pow(x, -1) * zero; }},
      {"mul", [&] { return (x + 1) * large * large; }},
      {"matmul", [&] { return matmul(reshape(large, {1, 3}), reshape(large, {3, 1})); }},
      {"conv2d", [&] { return conv2d(reshape(large, {1, 1, 3, 1}), context.full({1, 1, 3, 1}, 1e200), {}, {}); }},
      {"moments (variance)", [&] { return normalize_groups(reshape(large * x, {3, 1}), 1, 1, {}, {}).y; }},
      {"sum_squares", [&] { return sum_squares(large); }},
  };
  for (const Row& row : rows) {
    const FiniteWatch watch(context);
    row.forward();
    CHECK(watch.operation == row.operation);
    CHECK(watch.broken > 0);
  }
  {
    const FiniteWatch watch(context);                       // sqrt is finite at 0, its derivative is not
    const Tensor loss = sum(sqrt(x));
    CHECK(!watch.found());
    grad(loss, {x});
    CHECK(watch.operation == "div in the gradient of sqrt");
  }
  {
    const FiniteWatch watch(context);                       // a derivative that was given up has nothing to do with what comes next
    const Tensor loss = record("broken", sum(x).detach(), {x}, {}, [](const RuleCall&) -> Tensors { throw Error("no derivative"); });
    CHECK_THROWS_AS(grad(loss, {x}), Error);
    log(x);
    CHECK(watch.operation == "log");
  }
  const FiniteWatch watch(context);
  sum(log(x + 1));
  CHECK(!watch.found());
  CHECK_THROWS_AS(FiniteWatch{context}, Error);
}

TEST_CASE("a NaN in any parameter of either network is named") {
  const Context context = Context::open("cpu");
  for (const bool in_generator : {true, false}) {
    const gan::Gan names(context, gan::find_model("dcgan"), tiny());
    for (const auto& [name, p] : (in_generator ? names.generator() : names.discriminator()).parameters()) {
      if (!p->trainable) continue;
      gan::Gan gan(context, gan::find_model("dcgan"), tiny());
      const Tensor real = images(context);
      gan.step(real);
      CHECK(!gan.met_not_finite());
      poison(in_generator ? gan.generator() : gan.discriminator(), name);
      gan.step(real);
      const std::string full = (in_generator ? "generator." : "discriminator.") + name;
      CAPTURE(full);
      CHECK(gan.met_not_finite());
      const std::string what = gan.explain_not_finite(real);
      CHECK_MESSAGE(what.find("parameter " + full + " was not finite already") != std::string::npos, what);
    }
  }
}

TEST_CASE("a step that is not finite leaves no trace: parameters, running statistics, average, updates") {
  const Context context = Context::open("cpu");
  gan::Gan gan(context, gan::find_model("dcgan"), tiny(0.9));
  const Tensor real = images(context);
  gan.step(real);
  REQUIRE(!gan.met_not_finite());
  nn::Checkpoint before, after;
  gan.save(before);

  std::vector<double> broken = real.values();
  for (double& v : broken) v = kNaN;
  gan.step(context.from(broken, real.shape()));
  CHECK(gan.met_not_finite());
  gan.save(after);
  // The generator's own pass does not meet the real pictures, so it moves, and its average with it.
  for (const char* file : {"discriminator", "discriminator.optimizer"})
    for (const auto& each : before.files[file].tensors) {
      const auto& name = each.first;
      const auto& t = each.second;
      CAPTURE(name);
      const bool of_fakes = name.find("running") != std::string::npos;       // the generated half still counts
      if (!of_fakes) CHECK(after.files[file].tensors[name].bytes == t.bytes);
    }
  for (const auto& file : after.files)
    for (const auto& each : file.second.tensors)
      for (const double v : to_doubles(each.second)) CHECK_MESSAGE(std::isfinite(v), file.first << " " << each.first);

  const std::string hash = gan.parameters_sha256();
  gan.explain_not_finite(context.from(broken, real.shape()));
  CHECK(gan.parameters_sha256() == hash);                                    // looking changes nothing
}

TEST_CASE("stop: exit 1, the operation and the layer named, no checkpoint of the trouble") {
  const Runs runs;
  const Result r = runs.train("run", 60, diverging({}));
  CAPTURE(r.err);
  CHECK(r.code == 1);
  CHECK(r.says("not finite"));
  CHECK(r.says("generator.main."));
  CHECK(r.says("train.watchdog"));
  if (fs::exists(runs / "run/checkpoints/LATEST")) CHECK(run_weft({"verify", runs / "run"}).code == 0);
}

TEST_CASE("skip and rollback go on, give up where nothing helps, and never save a number that is not finite") {
  const Runs runs;
  for (const std::string policy : {"skip", "rollback"}) {
    const Result r = runs.train(policy, 60, diverging({"--set", "train.watchdog=" + policy}));
    CAPTURE(r.err);
    CHECK(r.code == 1);
    CHECK(r.says(policy == "skip" ? "the step is skipped" : "the networks go back to those of step"));
    CHECK(r.says("steps before"));
    const Result checked = run_weft({"verify", runs / policy});
    CHECK(checked.code == 0);
  }
}

TEST_CASE("a number that is not finite where no gradient meets it: in a running statistic that the run began with") {
  const Runs runs;
  sha256(runs.train("first", 1));
  Safetensors file = read_safetensors(runs / "first/checkpoints/step-000001/generator.safetensors");
  HostTensor& mean = file.tensors.at("main.1.running_mean");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(mean.bytes.data(), &nan, sizeof nan);
  write_safetensors(runs / "poisoned.safetensors", file.tensors, file.metadata);
  CHECK(run_weft({"verify", runs / "poisoned.safetensors"}).code == 3);
  const Result r = runs.train("run", 3, {"--init-from", runs / "poisoned.safetensors"});
  CHECK(r.code == 1);
  CHECK(r.says("generator main.1.running_mean holds a number that is not finite"));
  CHECK(!fs::exists(runs / "run/checkpoints/LATEST"));
}
