// A captured training step: the same bits as without, whatever changes from step to step.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "weft/gan/trainer.h"

using namespace weft;

namespace {

gan::GanOptions tiny() {
  gan::GanOptions o;
  o.model = {16, 3, 2, 4};
  o.objective = &gan::find_objective("non-saturating");
  o.generator.settings.beta1 = o.discriminator.settings.beta1 = 0.5;
  return o;
}

struct Outcome {
  std::string sha256, average;
  std::vector<double> told;
  std::vector<bool> skipped;
  bool operator==(const Outcome& o) const { return sha256 == o.sha256 && average == o.average && told == o.told && skipped == o.skipped; }
};

/// Steps [from, to) on batches of their own, one of which may hold a NaN.
void train(gan::Gan& gan, const Tensor& real, int from, int to, int broken, Outcome& out) {
  for (int i = from; i < to; ++i) {
    std::vector<float> batch(size_t(real.count()));
    for (size_t j = 0; j < batch.size(); ++j) batch[j] = float((j * 7 + size_t(i) * 13) % 17) / 8 - 1;
    if (i == broken) batch[5] = std::numeric_limits<float>::quiet_NaN();
    real.write(batch.data());
    gan.step(real);
    out.skipped.push_back(gan.met_not_finite());
    if (out.skipped.back()) {
      const std::string hash = gan.parameters_sha256();
      const std::string what = gan.explain_not_finite(real);
      CHECK_MESSAGE(what.find("not finite") != std::string::npos, what);
      CHECK(gan.parameters_sha256() == hash);
    } else {
      const gan::Gauges g = gan.gauges();
      out.told.insert(out.told.end(), {g["loss_d"], g["loss_g"], g["d_real"], g["d_fake"], g["d_fake_after"], g["gradient_norm_discriminator"], g["gradient_norm_generator"]});
    }
    if (i % 2) (void)gan.sample(3, 1).values();        // between steps: other kernels, memory and step state
  }
}

Outcome run(const char* device, gan::GanOptions o, gan::CaptureSteps capture, int cut_at = 0, int broken = -1) {
  const Context context = Context::open(device, {DType::f32, 1});
  o.capture = capture;
  Outcome out;
  nn::Checkpoint middle;
  const Tensor real = context.empty({3, 16, 16, 3});
  {
    gan::Gan gan(context, gan::find_model("dcgan"), o);
    train(gan, real, 0, cut_at ? cut_at : 6, broken, out);
    gan.save(middle);
    out.sha256 = gan.parameters_sha256();
  }
  if (cut_at) {
    gan::Gan gan(context, gan::find_model("dcgan"), o);
    gan.load(middle, "the cut");
    gan.seek(cut_at);
    train(gan, real, cut_at, 6, broken, out);
    gan.save(middle = {});
    out.sha256 = gan.parameters_sha256();
  }
  for (const auto& [name, t] : middle.files["generator.ema"].tensors) out.average.append(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
  return out;
}

}  // namespace

TEST_CASE("a captured run ends with the bits of one that is not") {
  using gan::CaptureSteps;
  gan::GanOptions plain = tiny(), busy = tiny(), first = tiny(), momentum = tiny();
  busy.ema = 0.9;
  busy.order = gan::UpdateOrder::simultaneous;
  for (auto* side : {&busy.generator, &busy.discriminator}) {
    side->clip_norm = 0.01;
    side->schedule = {nn::Schedule::Kind::cosine, 6, 2};
  }
  first.order = gan::UpdateOrder::generator_first;
  first.freeze = "generator.main.0.*";
  for (auto* side : {&momentum.generator, &momentum.discriminator}) side->settings.kind = OptimizerKind::rmsprop;
  for (const char* device : {"cpu", "sim"}) {
    if (!find_backend(device, DType::f32)) continue;
    CAPTURE(device);
    for (const auto& o : {plain, busy, first, momentum}) {
      const Outcome expected = run(device, o, CaptureSteps::off);
      REQUIRE(std::isfinite(expected.told.back()));
      CHECK(run(device, o, CaptureSteps::on) == expected);
    }
    const Outcome expected = run(device, busy, CaptureSteps::off);
    CHECK(expected.average != "");
    for (const int cut : {1, 2, 4}) CHECK(run(device, busy, CaptureSteps::on, cut) == expected);
    const Outcome skipping = run(device, busy, CaptureSteps::off, 0, 3);
    CHECK(skipping.skipped == std::vector<bool>{false, false, false, true, false, false});
    CHECK(run(device, busy, CaptureSteps::on, 0, 3) == skipping);
    CHECK_FALSE(skipping == expected);
  }
}

TEST_CASE("a batch in another tensor, or a latent of its own, is no part of what was captured") {
  if (!find_backend("sim", DType::f32)) return;
  std::string sums[2];
  for (const bool captured : {false, true}) {
    const Context context = Context::open("sim");
    gan::GanOptions o = tiny();
    o.capture = captured ? gan::CaptureSteps::on : gan::CaptureSteps::off;
    gan::Gan gan(context, gan::find_model("dcgan"), o);
    const Tensor four = context.uniform({4, 16, 16, 3}, 7), two = context.uniform({2, 16, 16, 3}, 8), latent = context.normal({4, 1, 1, 4}, 9);
    for (int i = 0; i < 3; ++i) gan.step(four);
    gan.step(two);                                     // the last batch of an epoch, say
    for (int i = 0; i < 3; ++i) gan.step(four, latent);
    for (int i = 0; i < 3; ++i) gan.step(four);
    sums[captured] = gan.parameters_sha256() + std::to_string(gan.gauges()["loss_d"]);
  }
  CHECK(sums[0] == sums[1]);
}

// Both devices compute in float32 and differ in the order of their sums. Adam makes of a gradient that is all rounding a step of
// full length, so the difference grows with the steps; 1e-4 up to the fifth and 2 % up to the thirtieth are what training is to bear.
TEST_CASE("a DCGAN on sim follows the one on cpu, and each gives its bits twice") {
  if (!find_backend("sim", DType::f32) || !find_backend("cpu", DType::f32)) return;
  std::vector<double> losses[2];
  std::string last[2];
  for (const int side : {0, 1}) {
    std::string sums[2];
    for (std::string& sum : sums) {
      const Context context = Context::open(side ? "sim" : "cpu", {DType::f32, 1});
      gan::GanOptions o = tiny();
      o.model = {16, 3, 4, 8};
      o.generator.learning_rate = o.discriminator.learning_rate = 2e-3;
      gan::Gan gan(context, gan::find_model("dcgan"), o);
      const Tensor real = context.uniform({8, 16, 16, 3}, 7) * 2 - 1;
      losses[side].clear();
      for (int i = 0; i < 30; ++i) {
        gan.step(real);
        losses[side].insert(losses[side].end(), {gan.gauges()["loss_d"], gan.gauges()["loss_g"]});
      }
      sum = gan.parameters_sha256();
    }
    CHECK(sums[0] == sums[1]);
    last[side] = sums[0];
  }
  CHECK(last[0] != last[1]);                           // two devices, indeed
  double apart[2] = {};                                // up to step 5, up to step 30
  for (size_t i = 0; i < losses[0].size(); ++i)
    for (const size_t range : {i < 10 ? 0 : 1, 1}) apart[range] = std::max(apart[range], std::abs(losses[1][i] - losses[0][i]) / losses[0][i]);
  MESSAGE("apart by " << apart[0] << " in the first 5 steps, " << apart[1] << " in 30");
  CHECK(apart[0] <= 1e-4);
  CHECK(apart[1] <= 0.02);
  CHECK(apart[1] > 0);
  for (const int side : {0, 1}) CHECK(losses[side].back() > 0);   // and is a number
  CHECK(losses[0].back() != losses[0][1]);             // it trains
}
