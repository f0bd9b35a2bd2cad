// Threads: the same bits from run to run with any number of them, and for our own loops the same bits whatever their number.
#include <cstring>

#include "fixture.h"

namespace weft {
namespace {

/// Everything a training step calls, at sizes that are shared out; all results behind one another.
struct Results {
  std::vector<float> convolutions, loops;
};

void append(std::vector<float>& to, const std::vector<float>& values) { to.insert(to.end(), values.begin(), values.end()); }

Results step(int threads) {
  Backendful cpu("cpu", DType::f32, threads);
  const Ops& ops = cpu.ops();
  Queue& queue = *cpu.queue;
  Results results;

  const ConvProblem p = problem(8, 16, 24, 40, 4, 2, 1);
  std::vector<float> x = filled(x_size(p), 1), w = filled(w_size(p), 2), y = filled(y_size(p), 3);
  std::vector<float> y2(y.size()), x2(x.size()), w2(w.size());
  ops.conv2d(queue, p, {nullptr, 0.2}, x.data(), {w.data()}, y2.data());
  ops.conv2d_input_grad(queue, p, {}, y.data(), {w.data()}, x2.data());
  ops.conv2d_weight_grad(queue, p, false, x.data(), y.data(), w2.data());
  for (const auto* part : {&y2, &x2, &w2}) append(results.convolutions, *part);

  for (const int64_t channels : {1, 3, 24, 100}) {
    const int64_t rows = int64_t(x.size()) / channels;
    std::vector<float> mean(channels), variance(channels), gamma = filled(channels, 4), beta = filled(channels, 5);
    std::vector<float> out(size_t(rows * channels)), dx(out.size()), dgamma(channels), dbeta(channels), sum(channels);
    const NormProblem norm{1, rows, channels};
    ops.moments(queue, norm, x.data(), mean.data(), variance.data());
    ops.normalize(queue, norm, 1e-5, 0.2, x.data(), mean.data(), variance.data(), gamma.data(), beta.data(), out.data());
    ops.normalize_grad(queue, norm, 1e-5, 0.2, x.data(), mean.data(), variance.data(), gamma.data(), beta.data(), x2.data(),
                       dx.data(), dgamma.data(), dbeta.data());
    ops.reduce(queue, ReduceKind::sum, {1, rows, channels}, x.data(), sum.data(), nullptr);
    for (const auto* part : {&mean, &variance, &out, &dx, &dgamma, &dbeta, &sum}) append(results.loops, *part);
  }

  std::vector<int32_t> index(3000);
  for (size_t i = 0; i < index.size(); ++i) index[i] = int32_t(i * 7919 % 101) - 1;
  std::vector<float> table(100 * 16);
  ops.scatter_add(queue, {1500, 2, 16, 100}, x.data(), index.data(), nullptr, table.data());
  append(results.loops, table);
  return results;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_CASE("the same threads give the same bits; our own loops give them for any number of threads") {
  const Results one = step(1), two = step(2), three = step(3);
  for (int again = 0; again < 5; ++again) {
    const Results repeat = step(2);
    CHECK(same_bits(repeat.convolutions, two.convolutions));
    CHECK(same_bits(repeat.loops, two.loops));
  }
  CHECK(same_bits(one.loops, two.loops));
  CHECK(same_bits(one.loops, three.loops));
  REQUIRE(one.convolutions.size() == two.convolutions.size());
  // Threads may cut a weight gradient's 512 terms elsewhere: both lie within a float32 sum's error of the truth.
  for (size_t i = 0; i < one.convolutions.size(); ++i)
    if (!(std::abs(one.convolutions[i] - two.convolutions[i]) <= 2 * 8 * 512 * 5.97e-8)) FAIL("differs at " << i);
}

TEST_CASE("random numbers and the optimiser are the reference's to the last bit") {
  Backendful cpu("cpu", DType::f32, 2), plain("reference", DType::f32);
  const StepState state{5, {{1e-3, 0.5, 0.25}}};
  for (const RandomKind kind : {RandomKind::bits, RandomKind::uniform, RandomKind::normal})
    for (const int64_t n : {1, 7, 64, 100003}) {
      std::vector<float> a(size_t(n) + 1, 9.0f), b(a);
      cpu.ops().random(*cpu.queue, kind, 0x123456789abcdefu, &state, n, a.data());
      plain.ops().random(*plain.queue, kind, 0x123456789abcdefu, &state, n, b.data());
      CHECK(same_bits(a, b));
    }
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam, OptimizerKind::adamw, OptimizerKind::rmsprop})
    for (const bool moment : {false, true}) {
      if (!moment && (kind == OptimizerKind::adam || kind == OptimizerKind::adamw)) continue;
      OptimizerSettings settings;
      settings.kind = kind, settings.decay = 0.01, settings.nesterov = true, settings.beta1 = 0.5;
      const int64_t n = 50001;
      std::vector<float> p1 = filled(n, 1), m1 = filled(n, 2), v1(n), p2, m2, v2;
      const std::vector<float> gradient = filled(n, 3);
      for (size_t i = 0; i < v1.size(); ++i) v1[i] = std::abs(noise(i));
      p2 = p1, m2 = m1, v2 = v1;
      const float scale = 0.5f;
      cpu.ops().optimizer_step(*cpu.queue, settings, {p1.data(), gradient.data(), moment ? m1.data() : nullptr, v1.data(), n, &scale, nullptr}, &state, 0);
      plain.ops().optimizer_step(*plain.queue, settings, {p2.data(), gradient.data(), moment ? m2.data() : nullptr, v2.data(), n, &scale, nullptr}, &state, 0);
      INFO("kind " << int(kind) << " moment " << moment);
      CHECK(same_bits(p1, p2));
      CHECK(same_bits(m1, m2));
      CHECK(same_bits(v1, v2));
    }
}

}  // namespace
}  // namespace weft
