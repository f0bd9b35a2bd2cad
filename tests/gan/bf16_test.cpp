// Training in precision bf16: near float32, in less memory, and with float32 in what is saved.
#include <doctest/doctest.h>

#include <cmath>

#include "weft/gan/trainer.h"

using namespace weft;

namespace {

gan::GanOptions options() {
  gan::GanOptions o;
  o.model = {16, 3, 8, 8};
  o.objective = &gan::find_objective("non-saturating");
  o.generator.settings.beta1 = o.discriminator.settings.beta1 = 0.5;
  o.ema = 0.9;
  return o;
}

Context open(Precision precision) { return Context::open("sim", {DType::f32, 1, precision}); }

Tensor batch(const Context& context, int64_t n, int size) { return context.uniform({n, size, size, 3}, 7) * 2 - 1; }

struct Trained {
  std::vector<double> losses;      // discriminator's and generator's of each step
  size_t peak = 0;                 // bytes
  nn::Checkpoint saved;
};
Trained train(Precision precision, const gan::GanOptions& o, int64_t n, int steps) {
  const Context context = open(precision);
  gan::Gan gan(context, gan::find_model("dcgan"), o);
  const Tensor real = batch(context, n, o.model.size);
  Trained out;
  for (int i = 0; i < steps; ++i) {
    context.reset_peak();
    gan.step(real);
    out.losses.insert(out.losses.end(), {gan.gauges()["loss_d"], gan.gauges()["loss_g"]});
    out.peak = context.peak_bytes();
  }
  gan.save(out.saved);
  return out;
}

}  // namespace

// A stored activation is off by up to 2^-8 of itself, and a loss is a mean over many: 2^-8 for the first step, whose weights are the
// same. Adam makes of a gradient that is all rounding a step of full length, so the runs part, tf32's from fp32's as well; 2 % in
// thirty steps at the usual rate of 2e-4 is what training is to bear, as between two devices.
TEST_CASE("a DCGAN in bf16 follows the one in fp32, and saves float32") {
  if (!find_backend("sim", DType::f32)) return;
  const Trained right = train(Precision::fp32, options(), 8, 30), found = train(Precision::bf16, options(), 8, 30);
  double furthest = 0;
  for (size_t i = 0; i < right.losses.size(); ++i) {
    const double off = std::abs(found.losses[i] - right.losses[i]) / right.losses[i];
    CHECK(off <= (i < 2 ? 0x1p-8 : 0.02));
    furthest = std::max(furthest, off);
  }
  MESSAGE("losses of 30 steps apart by at most " << furthest);
  CHECK(furthest > 0);
  for (const auto& file : found.saved.files)
    for (const auto& each : file.second.tensors) {
      const std::string &name = file.first, &tensor = each.first;
      const HostTensor& t = each.second;
      CAPTURE(name + "/" + tensor);
      CHECK(t.dtype == (tensor == "updates" ? FileDType::i64 : FileDType::f32));
      CHECK(t.shape == right.saved.files.at(name).tensors.at(tensor).shape);
    }
}

// Of a step's memory: what is in bfloat16 halves; parameters, moments, images, their gradients and statistics stay as they are.
TEST_CASE("a step whose memory is activations needs less than three quarters of it") {
  if (!find_backend("sim", DType::f32)) return;
  gan::GanOptions o = options();
  o.model.width = 32;
  const double peak = double(train(Precision::fp32, o, 64, 2).peak), narrow = double(train(Precision::bf16, o, 64, 2).peak);
  MESSAGE("peak of a step: " << peak << " bytes in fp32, " << narrow << " in bf16");
  CHECK(narrow < 0.75 * peak);
}

// Capturing, frozen layers, and a checkpoint that is loaded between two replays of one captured step.
TEST_CASE("captured steps in bf16 end with the bits of called ones") {
  if (!find_backend("sim", DType::f32)) return;
  for (const char* frozen : {"", "generator.main.0.*"}) {
    std::string sums[2];
    for (const bool captured : {false, true}) {
      const Context context = open(Precision::bf16);
      gan::GanOptions o = options();
      o.freeze = frozen;
      o.capture = captured ? gan::CaptureSteps::on : gan::CaptureSteps::off;
      gan::Gan gan(context, gan::find_model("dcgan"), o);
      const Tensor real = batch(context, 4, 16);
      nn::Checkpoint early;
      for (int i = 0; i < 8; ++i) {
        if (i == 2) gan.save(early);
        if (i == 5) gan.load(early, "two steps"), gan.seek(2);
        gan.step(real);
        sums[captured] += std::to_string(gan.gauges()["loss_d"]) + " ";
        if (i % 2) for (const float v : slice(gan.sample(1, 1), 1, 0, 2).floats()) sums[captured] += std::to_string(v) + " ";
      }
      sums[captured] += gan.parameters_sha256();
    }
    CHECK(sums[0] == sums[1]);
  }
}
