// What `weft train --plan` foretells.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <fstream>

#include "weft/gan/image.h"
#include "weft/gan/plan.h"
#include "weft/tensor/ops.h"

using namespace weft;
namespace fs = std::filesystem;

namespace {

struct Pictures {
  fs::path folder;
  Pictures() {
    std::string name = (fs::temp_directory_path() / "weft plan XXXXXX").string();
    folder = mkdtemp(name.data());
    for (int k = 0; k < 9; ++k)
      gan::write_png(folder / (std::to_string(k) + ".png"), {16, 16, 3, std::vector<uint8_t>(16 * 16 * 3, uint8_t(k * 20))});
  }
  ~Pictures() { fs::remove_all(folder); }
};

gan::TrainSettings small(const Pictures& pictures) {
  gan::TrainSettings s;
  s.data = pictures.folder.string(), s.out = (pictures.folder / "run").string();
  s.size = 16, s.width = 4, s.latent = 8, s.batch = 5, s.steps = 40;
  s.device = "cpu", s.threads = 1;
  return s;
}

}  // namespace

TEST_CASE("the FLOPs of a DCGAN's step are those of its layers, counted by hand") {
  const Pictures pictures;
  const gan::TrainPlan plan = gan::plan_training(small(pictures), {});
  // A layer, for one image, in any of its three directions: 2 * (4x4 taps) * channels in * channels out * positions.
  const uint64_t g1 = 2 * 16 * 8 * 8 * 1, g2 = 2 * 16 * 8 * 4 * (4 * 4), g3 = 2 * 16 * 4 * 3 * (8 * 8);
  const uint64_t d1 = 2 * 16 * 3 * 4 * (8 * 8), d2 = 2 * 16 * 4 * 8 * (4 * 4), d3 = 2 * 16 * 8 * 1 * 1;
  const uint64_t generator = 2 * g1 + 3 * g2 + 3 * g3;                   // forward, to the weights, and to the input where a layer is before
  const uint64_t discriminator_learns = 2 * (2 * d1 + 3 * d2 + 3 * d3);  // real and generated
  const uint64_t discriminator_tells = 2 * (d1 + d2 + d3);               // forward and to the image: no weight gradients
  CHECK(plan.flops == 5 * (generator + discriminator_learns + discriminator_tells));
}

TEST_CASE("a step that is penalised now and then counts for its share of the work, and in full for the memory") {
  const Pictures pictures;
  gan::TrainSettings s = small(pictures);
  s.d_norm = "none", s.penalty = "r1";
  const gan::TrainPlan each = gan::plan_training(s, {});
  s.penalty_every = 4;
  const gan::TrainPlan some = gan::plan_training(s, {});
  s.penalty.clear(), s.penalty_every = 1;
  const gan::TrainPlan none = gan::plan_training(s, {});
  CHECK(some.peak_tensor_bytes == each.peak_tensor_bytes);
  CHECK(none.peak_tensor_bytes < each.peak_tensor_bytes);
  CHECK(some.flops == doctest::Approx(0.25 * double(each.flops) + 0.75 * double(none.flops)).epsilon(1e-6));
}

TEST_CASE("the FLOPs of products and convolutions, in batches, groups and strides") {
  const Context context = Context::open("reference");
  const auto counted = [&](const std::function<void()>& work) {
    const uint64_t before = context.flops();
    work();
    return context.flops() - before;
  };
  const Tensor a = context.zeros({2, 5, 3}), b = context.zeros({2, 3, 7}), w = context.zeros({3, 7});
  CHECK(counted([&] { matmul(a, b); }) == 2 * (2 * 5 * 3 * 7));
  CHECK(counted([&] { matmul(a, w); }) == 2 * (2 * 5 * 3 * 7));
  CHECK(counted([&] { a + a; }) == 0);
  const Tensor x = context.zeros({2, 9, 8, 6}), filters = context.zeros({4, 3, 2, 3});            // two groups
  const ConvGeometry geometry{.stride = {2, 1}, .pad = {1, 0}, .groups = 2};
  const Tensor y = conv2d(x, filters, {}, geometry);
  const uint64_t work = 2 * uint64_t(y.count()) * (3 * 2 * 3);
  CHECK(y.count() == 2 * 5 * 7 * 4);
  CHECK(counted([&] { conv2d(x, filters, {}, geometry); }) == work);
  CHECK(counted([&] { conv_transpose2d(y, filters, {}, geometry); }) == work);
  CHECK(counted([&] { conv2d_weight_grad(x, y, {3, 2}, geometry); }) == work);
}

TEST_CASE("a plan tells sizes, time and memory, and leaves nothing behind") {
  const Pictures pictures;
  gan::TrainSettings s = small(pictures);
  const gan::TrainPlan plan = gan::plan_training(s, {});
  CHECK(!fs::exists(s.out));
  CHECK(plan.images == 9);
  CHECK(plan.height == 16);
  CHECK(plan.channels == 3);
  REQUIRE(plan.networks.size() == 2);
  CHECK(plan.networks[0].parameters == 16 * (8 * 8 + 8 * 4 + 4 * 3) + 2 * (8 + 4));   // filters, norm scales and shifts
  CHECK(plan.networks[0].bytes == 4 * (uint64_t(plan.networks[0].parameters) + 2 * (8 + 4)));   // and running statistics
  CHECK(plan.networks[1].parameters == 16 * (3 * 4 + 4 * 8 + 8 * 1) + 2 * 8);
  CHECK(plan.checkpoint_bytes >= plan.networks[0].bytes + plan.networks[1].bytes + 8 * uint64_t(plan.networks[0].parameters + plan.networks[1].parameters));   // and Adam's moments
  CHECK(plan.peak_tensor_bytes >= plan.networks[0].bytes + plan.networks[1].bytes);
  CHECK(plan.peak_process_bytes >= plan.peak_tensor_bytes);
  CHECK(plan.seconds > 0);
  CHECK(plan.steps == 40);
  CHECK(plan.total_seconds == 40 * plan.seconds);

  s.minutes = plan.seconds / 60;                       // the clock ends it first
  CHECK(gan::plan_training(s, {}).total_seconds == 60 * s.minutes);
  s.steps = 0, s.minutes = 3;
  CHECK(gan::plan_training(s, {}).total_seconds == 180);
  s.data = (pictures.folder / "nowhere").string();
  CHECK_THROWS_AS(gan::plan_training(s, {}), DataError);
}
