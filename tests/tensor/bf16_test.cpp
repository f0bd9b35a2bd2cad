// Precision bf16: which tensors are bfloat16, what they hold, and that derivatives and weights' copies follow.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "weft/tensor/autograd.h"
#include "weft/tensor/capture.h"
#include "weft/tensor/ops.h"

using namespace weft;

namespace {

Context narrow() { return Context::open("sim", {DType::f32, 1, Precision::bf16}); }
bool here() { return find_backend("sim", DType::f32) != nullptr; }

double rounded(double v) {              // to 8 bits, to nearest, ties to even: the definition
  if (v == 0 || !std::isfinite(v)) return v;
  const double unit = std::ldexp(1.0, std::ilogb(v) - 7);
  return std::nearbyint(v / unit) * unit;
}
std::vector<double> rounded(std::vector<double> values) {
  for (double& v : values) v = rounded(v);
  return values;
}

/// |a - b| / |b|, over all elements.
double apart(const std::vector<double>& a, const std::vector<double>& b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < b.size(); ++i) difference += (a[i] - b[i]) * (a[i] - b[i]), size += b[i] * b[i];
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("bfloat16 tensors: values go in and out rounded once, on the host as on the device") {
  if (!here()) return;
  const Context c = narrow();
  const std::vector<double> values{0, -0.0, 1, 1.00390625, 1.01171875, -3.14159, 1e-40, 3e38, 65535, INFINITY, -INFINITY, double(float(1e-3))};
  const Tensor t = c.from(values, {12}), b = c.empty({12}, DType::bf16), back = c.empty({12});
  CHECK(b.storage()->bytes == 24);
  b.write(values);
  std::vector<double> expected = rounded(values);
  expected[6] = 0x1p-133;           // 1e-40 is below the normal range, where units are 2^-133
  CHECK(b.values() == expected);
  CHECK(cast(t, DType::bf16).values() == expected);
  CHECK(std::signbit(cast(t, DType::bf16).values()[1]));
  b.write(std::vector<double>(12, 5));
  b.copy_from(t);
  back.copy_from(b);
  CHECK(back.values() == expected);
  CHECK(back.dtype() == DType::f32);
  CHECK(slice(b, 0, 3, 4).item() == 1);
  CHECK(slice(b, 0, 4, 5).item() == 1.015625);       // a tie, to even
  CHECK(std::isnan(cast(c.full({1}, NAN), DType::bf16).item()));
  CHECK_THROWS_AS(Context::open("sim").empty({2}, DType::bf16), DeviceError);
  CHECK_THROWS_AS(cast(Context::open("reference").zeros({2}), DType::bf16), DeviceError);
}

TEST_CASE("which results are bfloat16") {
  if (!here()) return;
  const Context c = narrow();
  const Tensor image = c.uniform({2, 6, 6, 3}, 1), w = c.uniform({8, 3, 3, 3}, 2), bias = c.zeros({8});
  const Tensor x = conv2d(image, w, bias, {{1, 1}, {1, 1}});
  const auto bf16 = [](const Tensor& t) { return t.dtype() == DType::bf16; };
  CHECK(bf16(x));
  CHECK_FALSE(bf16(conv2d(x, c.zeros({3, 1, 1, 8}))));                  // an image
  CHECK_FALSE(bf16(conv_transpose2d(x, c.zeros({8, 2, 2, 3}))));
  CHECK(bf16(conv_transpose2d(x, c.zeros({8, 2, 2, 16}))));
  CHECK_FALSE(bf16(conv2d_weight_grad(image, x, {3, 3}, {{1, 1}, {1, 1}})));

  const Tensor flat = flatten(x), wide = c.zeros({16, flat.size(1)});
  CHECK(bf16(matmul(flat, wide, false, true)));
  CHECK_FALSE(bf16(matmul(flat, c.zeros({3, flat.size(1)}), false, true)));   // logits
  CHECK_FALSE(bf16(matmul(flat, flat, false, true)));                          // a Gram matrix
  CHECK_FALSE(bf16(matmul(flat, c.zeros({2, 8}), true, false)));               // a gradient in weights
  CHECK_FALSE(bf16(matmul(c.zeros({2, 8}), c.zeros({8, 8}))));                 // u W of a power iteration
  const Tensor kept = c.zeros({8, 8});
  kept.storage()->keep_as_weight();
  CHECK(bf16(matmul(c.zeros({2, 8}), kept)));                                  // noise into a first layer

  CHECK(bf16(leaky_relu(x)));
  CHECK(bf16(x * bias + 1));
  CHECK(bf16(x * x.context().constant(2)));
  CHECK_FALSE(bf16(x + c.zeros(x.shape())));
  CHECK_FALSE(bf16(bias + slice(flatten(x), 1, 0, 1)));                        // both are repeated
  CHECK(bf16(dropout(x, 0.5, 9)));
  for (const Tensor& t : {reshape(x, {2, 36, 8}), permute(x, {0, 3, 1, 2}), slice(x, 2, 1, 3), concat({x, x}, 3), expand(slice(x, 0, 0, 1), x.shape()),
                          pad(x, {1, 1, 1, 1}, Padding::reflect), resize(x, {3, 3}), average_pool(x, {})})
    CHECK(bf16(t));
  CHECK_FALSE(bf16(concat({x, c.zeros(x.shape())}, 3)));
  const Normalized n = normalize_groups(x, 1, 8, bias, bias);
  CHECK(bf16(n.y));
  for (const Tensor& t : {n.mean, n.variance, sum(x), mean(x, {1, 2}), max(x, {0}), sum(slice(x, 0, 0, 1), {0}), sum_squares(x), max_pool(x, {}), gather(x, c.index({0}, {1}))})
    CHECK_FALSE(bf16(t));
}

namespace {

/// A small smooth network, its loss's gradients, and those of the gradient's size: a penalty's.
struct Gradients { std::vector<double> image, filter, scale, penalty_filter, penalty_scale; };

Gradients gradients(const Context& c, const Context& draws) {
  const auto leaf = [&](const Shape& shape, uint64_t stream, double spread) { return c.from((draws.normal(shape, stream) * spread).values(), shape).leaf(); };
  const Tensor image = leaf({4, 8, 8, 3}, 1, 1), first = leaf({8, 3, 3, 3}, 2, 0.3), second = leaf({16, 4, 4, 8}, 3, 0.1), last = leaf({1, 4, 4, 16}, 4, 0.1);
  const Tensor scale = leaf({8}, 5, 1), shift = leaf({8}, 6, 1);
  const Tensor x = tanh(normalize_groups(conv2d(image, first, {}, {{1, 1}, {1, 1}}), 1, 8, scale, shift).y);
  const Tensor y = sigmoid(conv2d(x, second, {}, {{2, 2}, {1, 1}}));
  const Tensor loss = mean(softplus(conv2d(y, last)));
  const Tensors once = grad(loss, {image, second, scale}, CreateGraph::yes);
  for (const Tensor& t : once) REQUIRE(t.dtype() == c.scalar());
  const Tensors twice = grad(sum_squares(once[0]), {second, scale});
  return {once[0].values(), once[1].values(), once[2].values(), twice[0].values(), twice[1].values()};
}

}  // namespace

// A stored tensor and a rounded filter are off by at most 2^-8 of each element. To a first derivative some eight of them contribute
// (three results forward, three gradients backward, the filter twice), each through maps whose gain relative to the size of what
// they pass on is about one, and to a second derivative, which walks the graph of the first, three times as many.
TEST_CASE("derivatives in bfloat16 stay as near to float64's as its roundings let them") {
  if (!here()) return;
  const Context draws = Context::open("cpu", {DType::f64});
  const Gradients found = gradients(narrow(), draws), right = gradients(draws, draws);
  const double once = 8 * 0x1p-8, twice = 3 * once;
  CHECK(apart(found.image, right.image) < once);
  CHECK(apart(found.filter, right.filter) < once);
  CHECK(apart(found.scale, right.scale) < once);
  CHECK(apart(found.penalty_filter, right.penalty_filter) < twice);
  CHECK(apart(found.penalty_scale, right.penalty_scale) < twice);
  CHECK(apart(found.image, right.image) > 1e-4);     // and was computed in bfloat16 at all
}

TEST_CASE("a weight's rounded copy is written by the optimiser, and made anew after any other write") {
  if (!here()) return;
  const Context c = narrow();
  const Tensor values = c.normal({100}, 1), copy_from = c.normal({2}, 5), gradients = c.normal({100}, 2), m = c.zeros({100}), v = c.zeros({100});
  values.storage()->keep_as_weight();
  REQUIRE(values.storage()->bf16);
  const Tensor copy(values.storage()->bf16, 0, {100}, DType::bf16);
  const auto right = [&] { return values.storage()->bf16_valid && copy.values() == rounded(values.values()); };
  c.step_state().update[1] = {0.1, 0.5, 0.5};
  c.publish_step_state();
  const auto update = [&](int64_t begin, int64_t end, const Tensor& skip = {}) {
    const auto range = [&](const Tensor& t) { return slice(t, 0, begin, end); };
    const std::vector<double> before = values.values();
    optimizer_step({}, {range(values), range(gradients), range(m), range(v), {}, skip}, 1);
    return values.values() != before;
  };
  CHECK(update(3, 51));                              // the rest of the copy is made at the same time
  CHECK(right());
  CHECK(update(64, 100));
  CHECK(right());
  CHECK_FALSE(update(0, 100, c.full({}, 1)));        // skipped
  CHECK(right());
  slice(values, 0, 10, 12).copy_from(copy_from);
  CHECK_FALSE(values.storage()->bf16_valid);
  CHECK(values.as_weight().bf16 == copy.data());
  CHECK(right());
  CHECK(slice(values, 0, 16, 32).as_weight().bf16 == static_cast<char*>(copy.data()) + 32);
  const Tensor in_float32 = Context::open("sim").zeros({8});
  in_float32.storage()->keep_as_weight();
  CHECK(in_float32.as_weight().bf16 == nullptr);
}

// Two weights: one is read, then written by the optimiser; the other is only written, and read beside the step.
TEST_CASE("captured steps and rounded copies: the same bits, whatever is written between two replays") {
  if (!here()) return;
  std::vector<double> results[3];
  for (const int captured_from : {-1, 0, 1}) {
    const Context c = narrow();
    const Tensor x = c.normal({2, 6, 6, 8}, 1), w = (c.normal({8, 3, 3, 8}, 2) * 0.2).leaf(), average = c.zeros(w.shape()), out = c.zeros({});
    for (const Tensor* t : {&w, &average}) t->storage()->keep_as_weight();
    c.step_state().update[0] = {0.05, 1, 1};
    c.publish_step_state();
    const auto step = [&] {
      const Tensor loss = mean(conv2d(x, w) * conv2d(x, w));
      out.copy_from(loss);
      OptimizerSettings sgd;
      sgd.kind = OptimizerKind::sgd, sgd.beta1 = 0;
      optimizer_step(sgd, {w.detach(), grad(loss, {w})[0], {}, {}, {}, {}}, 0);
      average.copy_from(lerp(w.detach(), average, c.constant(0.5)));
    };
    Captured captured;
    for (int i = 0; i < 6; ++i) {
      if (i == 3) w.write(std::vector<double>(size_t(w.count()), 0.125));
      if (i == captured_from) captured = c.capture(step);
      if (captured) captured.replay();
      else step();
      results[captured_from + 1].push_back(out.item());
      results[captured_from + 1].push_back(mean(conv2d(x, average)).item());
    }
    for (const double v : w.values()) results[captured_from + 1].push_back(v);
  }
  CHECK(results[1] == results[0]);
  CHECK(results[2] == results[0]);
}
