// The trainer against PyTorch, and against itself.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "where.h"
#include "weft/gan/trainer.h"

using namespace weft;

namespace {

const HostTensors& torch_run() {
  static const HostTensors t = read_safetensors(testing::test_file("gan/torch_steps.safetensors")).tensors;
  return t;
}

HostTensors part(const std::string& prefix) {
  HostTensors found;
  for (const auto& [name, tensor] : torch_run())
    if (name.rfind(prefix, 0) == 0) found[name.substr(prefix.size())] = tensor;
  return found;
}

// (N,C,H,W) on disk -> (N,H,W,C)
Tensor image(const Context& context, const std::string& name) {
  const HostTensor& t = torch_run().at(name);
  return permute(context.from(to_doubles(t), Shape(t.shape)), {0, 2, 3, 1});
}

double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double gap = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i] - b[i]));
    gap = std::max(gap, std::fabs(a[i] - b[i]));
  }
  return gap;
}

double largest_gap(const nn::Module& module, const HostTensors& expected) {
  const HostTensors now = nn::state_dict(module);
  double gap = 0;
  for (const auto& [name, tensor] : expected) gap = std::max(gap, largest_gap(to_doubles(now.at(name)), to_doubles(tensor)));
  return gap;
}

gan::GanOptions small_dcgan() {
  gan::GanOptions o;
  o.model = {16, 3, 4, 8};
  o.objective = &gan::find_objective("non-saturating");
  for (auto* side : {&o.generator, &o.discriminator}) {
    side->settings.beta1 = 0.5;
    side->learning_rate = 2e-3;
  }
  return o;
}

struct Outcome { double losses, parameters; };

Outcome three_steps(const Context& context) {
  gan::Gan gan(context, gan::find_model("dcgan"), small_dcgan());
  nn::load_state_dict(gan.generator(), part("start.generator."));
  nn::load_state_dict(gan.discriminator(), part("start.discriminator."));
  double losses = 0;
  for (int i = 0; i < 3; ++i) {
    const std::string step = "step" + std::to_string(i);
    gan.step(image(context, step + ".real"), image(context, step + ".latent"));
    const std::vector<double> expected = to_doubles(torch_run().at(step + ".losses"));
    const gan::Gauges g = gan.gauges();
    losses = std::max(losses, largest_gap({g["loss_d"], g["loss_g"]}, expected));
  }
  return {losses, std::max(largest_gap(gan.generator(), part("end.generator.")), largest_gap(gan.discriminator(), part("end.discriminator.")))};
}

}  // namespace

TEST_CASE("three steps are PyTorch's three steps") {
  const Outcome in_double = three_steps(Context::open("cpu", {DType::f64}));
  // What remains is the random stream's absence: every number comes from the file, so float64 rounding alone is left.
  CHECK(in_double.losses <= 1e-10);
  CHECK(in_double.parameters <= 1e-9);
  for (const char* device : {"cpu", "sim", "reference"}) {
    if (!find_backend(device, DType::f32)) continue;
    CAPTURE(device);
    const Outcome in_float = three_steps(Context::open(device));
    CHECK(in_float.losses <= 1e-5);
    // Adam moves each number by at most its rate a step, whatever the gradient's size: one whose gradient is all rounding may
    // differ by the whole way, 2 * 3 * rate, and the 1e-5 is asked of the losses.
    CHECK(in_float.parameters <= 2 * 3 * 2e-3);
  }
}

TEST_CASE("PyTorch's generator draws the same pictures here") {
  for (DType scalar : {DType::f32, DType::f64}) {
    const Context context = Context::open("cpu", {scalar});
    gan::Networks networks = gan::dcgan(context, {16, 3, 4, 8});
    nn::load_state_dict(*networks.generator, part("end.generator."));
    networks.generator->set_training(false);
    const NoGraph scope(context);
    const Tensor pictures = (*networks.generator)(image(context, "step0.latent"));
    CHECK(largest_gap(pictures.values(), image(context, "pictures").values()) <= (scalar == DType::f64 ? 1e-12 : 1.0 / 255));
  }
}

TEST_CASE("every objective and update order trains, in float64 too, twice with the same bits") {
  for (DType scalar : {DType::f32, DType::f64})
    for (const gan::Objective& objective : gan::objectives())
      for (auto order : {gan::UpdateOrder::discriminator_first, gan::UpdateOrder::generator_first, gan::UpdateOrder::simultaneous}) {
        CAPTURE(objective.name);
        std::string sums[2];
        for (std::string& sum : sums) {
          const Context context = Context::open("cpu", {scalar});
          gan::GanOptions o = small_dcgan();
          o.objective = &objective;
          o.order = order;
          o.ema = 0.9;
          gan::Gan gan(context, gan::find_model("dcgan"), o);
          const std::string before = gan.parameters_sha256();
          const Tensor real = context.uniform({4, 16, 16, 3}, 7) * 2 - 1;
          for (int i = 0; i < 2; ++i) gan.step(real);
          sum = gan.parameters_sha256();
          CHECK(sum != before);
          const gan::Gauges g = gan.gauges();
          for (double v : {g["loss_d"], g["loss_g"], g["gradient_norm_discriminator"], g["gradient_norm_generator"]}) CHECK(std::isfinite(v));
          CHECK(g["gradient_norm_generator"] > 0);
        }
        CHECK(sums[0] == sums[1]);
      }
}

TEST_CASE("a DCGAN trains through the CUDA sources, twice with the same bits") {
  if (!find_backend("sim", DType::f32)) return;
  std::string sums[2];
  for (std::string& sum : sums) {
    const Context context = Context::open("sim");
    gan::Gan gan(context, gan::find_model("dcgan"), small_dcgan());
    const Tensor real = context.uniform({4, 16, 16, 3}, 7) * 2 - 1;
    for (int i = 0; i < 2; ++i) gan.step(real);
    sum = gan.parameters_sha256();
    // No other backend answered in its place: every family of kernels was launched, under its own name.
    for (const char* kernel : {"conv2d_kernel", "conv2d_input_grad_kernel", "conv2d_weight_grad_kernel", "normalize_kernel",
                               "optimizer_kernel", "pointwise_kernel", "random_kernel"})
      CHECK_MESSAGE(context.launches().count(kernel) == 1, kernel);
  }
  CHECK(sums[0] == sums[1]);
}

TEST_CASE("orders differ as they should") {
  // From the same start: in the simultaneous order the generator sees the discriminator as it was.
  auto loss_g = [](gan::UpdateOrder order) {
    const Context context = Context::open("cpu", {DType::f64});
    gan::GanOptions o = small_dcgan();
    o.order = order;
    gan::Gan gan(context, gan::find_model("dcgan"), o);
    gan.step(context.uniform({4, 16, 16, 3}, 7) * 2 - 1);
    return gan.gauges()["loss_g"];
  };
  CHECK(loss_g(gan::UpdateOrder::simultaneous) == loss_g(gan::UpdateOrder::generator_first));
  CHECK(loss_g(gan::UpdateOrder::simultaneous) != loss_g(gan::UpdateOrder::discriminator_first));
}

TEST_CASE("dcgan reaches 16 to 128 pixels and 28, and says so of the others") {
  const Context context = Context::open("cpu");
  for (int size : {16, 28, 32, 64, 128})
    for (int channels : {1, 3}) {
      CAPTURE(size);
      const gan::Networks n = gan::dcgan(context, {size, channels, 2, 5});
      const NoGraph scope(context);
      n.generator->set_norm_groups(1);
      const Tensor images = (*n.generator)(context.normal({2, 1, 1, 5}, 1));
      CHECK(images.shape() == Shape{2, size, size, channels});
      const Tensor logits = (*n.discriminator)(images);
      CHECK(logits.count() == 2);
    }
  for (int size : {0, 4, 8, 14, 24, 31, 48, 56, 96, 256}) {
    CAPTURE(size);
    CHECK_THROWS_AS(gan::dcgan(context, {size, 1, 2, 5}), const ConfigError&);
  }
}

TEST_CASE("image i of a seed is the same whatever the count") {
  const Context context = Context::open("cpu", {DType::f64});
  gan::Gan gan(context, gan::find_model("dcgan"), small_dcgan());
  const std::vector<double> few = gan.sample(3, 5).values(), many = gan.sample(70, 5).values();
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
  CHECK(gan.sample(3, 6).values() != few);
}

TEST_CASE("unknown names come with a suggestion") {
  CHECK_THROWS_WITH_AS(gan::find_objective("hnge"), doctest::Contains("did you mean 'hinge'"), const ConfigError&);
  CHECK_THROWS_WITH_AS(gan::find_model("dgan"), doctest::Contains("did you mean 'dcgan'"), const ConfigError&);
}
