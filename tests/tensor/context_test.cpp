// Claims about a Context: memory is accounted for, ids are its own, contexts do not mix, freed weights leave nothing behind.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>

#include "every_device.h"
#include "weft/tensor/ops.h"

using namespace weft;
using Doubles = std::vector<double>;

namespace {
Context float64() { return Context::open("cpu", {DType::f64}); }
}  // namespace

TEST_CASE("live and peak bytes") {
  const Context context = float64();
  context.constant(1);   // stays, and is where a gradient starts
  const size_t baseline = context.live_bytes();
  context.reset_peak();
  {
    const Tensor a = context.zeros({100});
    CHECK(context.live_bytes() == baseline + 800);
    { const Tensor b = context.empty({50}), i = context.empty_index({10}); }
    CHECK(context.live_bytes() == baseline + 800);
    CHECK(context.peak_bytes() == baseline + 1240);
    context.reset_peak();
    CHECK(context.peak_bytes() == baseline + 800);
    const Tensor shared = reshape(slice(a, 0, 10, 30), {4, 5});
    CHECK(context.live_bytes() == baseline + 800);
    const Tensor x = a.leaf();
    const Tensor y = tanh(x) * x;
    CHECK(grad(sum(y), {x})[0].count() == 100);
  }
  CHECK(context.live_bytes() == baseline);
}

TEST_CASE("a request that cannot be met throws OutOfMemory and is not counted") {
#ifdef WEFT_SANITIZE
  MESSAGE("skipped: the sanitizer ends the program at such a request");
  return;
#endif
  const Context context = float64();
  const size_t live = context.live_bytes(), peak = context.peak_bytes();
  CHECK_THROWS_AS(context.empty({int64_t(1) << 50}), OutOfMemory);
  CHECK(context.live_bytes() == live);
  CHECK(context.peak_bytes() == peak);
  CHECK(sum(context.full({10}, 2)).item() == 20);
}

TEST_CASE("empty tensors") {
  const Context context = float64();
  const Tensor a = context.empty({0, 3}), b = context.empty({3, 0});
  CHECK(a.values().empty());
  CHECK((a * 2).shape() == Shape{0, 3});
  CHECK(transpose(b).shape() == Shape{0, 3});
  CHECK(concat({a, context.zeros({2, 3})}, 0).shape() == Shape{2, 3});
}

TEST_CASE("storage ids are unique, even when an address comes back") {
  const Context context = float64();
  std::set<uint64_t> ids;
  for (int i = 0; i < 100; ++i) CHECK(ids.insert(context.zeros({16}).storage()->id).second);
}

TEST_CASE("two contexts do not mix") {
  const Context one = float64(), two = float64();
  const Tensor a = one.zeros({2, 2}), b = two.zeros({2, 2}), image = one.zeros({1, 2, 2, 1}), filter = two.zeros({1, 1, 1, 1});
  CHECK_THROWS_AS(a + b, DeviceError);
  CHECK_THROWS_AS(matmul(a, b), DeviceError);
  CHECK_THROWS_AS(concat({a, b}, 0), DeviceError);
  CHECK_THROWS_AS(conv2d(image, filter), DeviceError);
  CHECK_THROWS_AS(a.copy_from(b), DeviceError);
  CHECK_THROWS_AS(gather(a, two.index({0}, {1})), DeviceError);
  CHECK_THROWS_AS(gather(a, one.index({0}, {1}), two.zeros({1})), DeviceError);
  CHECK_THROWS_AS(normalize_groups(a, 1, 2, two.zeros({2}), {}), DeviceError);
  const Tensor x = a.leaf(), loss = reshape(x, {4});
  CHECK_THROWS_AS(grad(loss, {x}, CreateGraph::no, KeepGraph::yes, two.zeros({4})), DeviceError);
  CHECK_THROWS_AS(grad(loss, {b.leaf()}, CreateGraph::no, KeepGraph::yes, one.zeros({4})), DeviceError);
  CHECK_THROWS_AS(backward(sum(loss), {x}, {b}), DeviceError);
  CHECK_THROWS_AS(select(a, b, a), DeviceError);
  CHECK(two.from(a.values(), a.shape()).values() == a.values());
}

TEST_CASE("an index tensor is no number") {
  const Context context = float64();
  const Tensor index = context.index({1, 2}, {2}), x = context.zeros({2});
  CHECK_THROWS_AS(index + x, ShapeError);
  CHECK_THROWS_AS(exp(index), ShapeError);
  CHECK_THROWS_AS(sum(index), ShapeError);
  CHECK_THROWS_AS(concat({x, index}, 0), ShapeError);
  CHECK_THROWS_AS(gather(index, index), ShapeError);
  CHECK(slice(reshape(index, {1, 2}), 1, 1, 2).values() == Doubles{2});
  const std::vector<float> values{7, -1};
  index.write(values.data());
  CHECK(index.values() == Doubles{7, -1});
}

TEST_CASE("constants are told apart by their bits") {
  const Context context = float64();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(context.constant(nan).item()));
  CHECK(context.constant(5).item() == 5);
  CHECK(context.constant(-3).item() == -3);
  CHECK(std::isnan(context.constant(nan).item()));
  CHECK(std::signbit(context.constant(-0.0).item()));
  CHECK_FALSE(std::signbit(context.constant(0.0).item()));
  CHECK(context.constant(5).storage() == context.constant(5).storage());
}

TEST_CASE("values outlive the last handle of their context") {
  Tensor value, constant;
  {
    const Context context = float64();
    value = context.full({3}, 2) * 3;
    constant = context.constant(4);
  }
  CHECK(sum(value).item() == 18);
  CHECK(constant.item() == 4);
}

TEST_CASE("draws are functions of stream, step and element") {
  const Context context = float64();
  const auto first = context.uniform({10}, 1).values();
  CHECK(context.uniform({10}, 1).values() == first);
  CHECK(context.uniform({10}, 2).values() != first);
  const auto longer = context.uniform({13}, 1).values();
  CHECK(Doubles(longer.begin(), longer.begin() + 10) == first);
  context.step_state().step = 1;
  context.publish_step_state();
  CHECK(context.uniform({10}, 1).values() != first);
  for (double u : longer) CHECK((u >= 0 && u < 1));
}

TEST_CASE("an optimiser's step is refused where the device does not know its rate") {
  const Context context = float64();
  const Update u{context.full({2}, 1), context.full({2}, 1), {}, {}, {}, {}};
  OptimizerSettings sgd{OptimizerKind::sgd, 0};
  context.step_state().update[3].learning_rate = 0.25;
  CHECK_THROWS_WITH_AS(optimizer_step(sgd, u, 3), doctest::Contains("publish_step_state()"), Error);
  context.publish_step_state();
  optimizer_step(sgd, u, 3);
  CHECK(u.values.values() == Doubles{0.75, 0.75});
  for (const int slot : {-1, 4}) CHECK_THROWS_AS(optimizer_step(sgd, u, slot), ConfigError);
}

// A backend may keep a layout derived from a weight. It must notice that the weight was written, and that another weight
// lives at the address of one that is gone.
TEST_CASE("weights: written, freed and replaced at the same address") {
  testing::on_every_device([](const Context& context) {
    const Tensor x = context.full({2, 4, 4, 8}, 1), rows = context.full({3, 16}, 1);
    auto weight = [&](const Shape& shape, double value) {
      const Tensor w = context.full(shape, value);
      w.storage()->weight = true;
      return w;
    };
    const ConvGeometry g{{1, 1}, {1, 1}};
    auto check = [&](const Tensor& w, double value) {
      CHECK(conv2d(x, w, {}, g).values()[5 * 4] == 72 * value);            // an inner pixel: 3*3*8 ones
      CHECK(conv_transpose2d(context.full({1, 3, 3, 4}, 1), w, {}, g).values()[4 * 8] == 36 * value);
      CHECK(matmul(rows, reshape(slice(w, 0, 0, 2), {16, 9})).values()[0] == 16 * value);
      CHECK(matmul(rows, reshape(slice(w, 0, 2, 4), {9, 16}), false, true).values()[0] == 16 * value);
    };
    bool address_came_back = context.device() == std::string("cuda");   // not looked at there
    std::set<const void*> addresses;
    for (int round = 1; round <= 6; ++round) {
      const Tensor w = weight({4, 3, 3, 8}, round);
      address_came_back = !addresses.insert(w.data()).second || address_came_back;
      check(w, round);
      check(w, round);
      w.copy_from(context.full(w.shape(), -round), "optimiser");
      check(w, -round);
    }
    WARN_MESSAGE(address_came_back, "no weight came to lie where another had been");
  });
}

TEST_CASE("opening what there is not says what there is") {
  std::string text;
  try {
    Context::open("toaster");
  } catch (const DeviceError& e) {
    text = e.what();
  }
  CHECK_MESSAGE(text.find("toaster") != std::string::npos, text);
  CHECK_MESSAGE(text.find("reference") != std::string::npos, text);
  CHECK_THROWS_AS(Context::open("sim", {DType::f64}), DeviceError);
}

TEST_CASE("a memory limit counts what is kept for reuse, and gives it back before it refuses") {
  const Context context = Context::open("reference", {.memory_limit = 1 << 20});
  CHECK(context.most_bytes() == 1 << 20);
  { const Tensor a = context.zeros({100, 1000}), b = context.zeros({100, 1000}); }      // 800 KB, kept
  const Tensor large = context.full({7, 256, 100}, 2);                                  // 717 KB
  try {
    (void)(large + 1);
    FAIL("no error");
  } catch (const OutOfMemory& e) {
    const std::string text = e.what();
    CHECK_MESSAGE(text.find("the limit of 1 MiB leaves no room for another 700 KiB") != std::string::npos, text);
    CHECK_MESSAGE(text.find("the largest:\n  700 KiB  (7, 256, 100)") != std::string::npos, text);
  }
  CHECK(context.live_bytes() == large.storage()->bytes);                                // it goes on
  CHECK((context.zeros({1000}) + 1).values()[999] == 1);
}
