// Random numbers: Random123's known answers, the error of our logarithm, sine and cosine over every input they can have,
// the shape of the normal distribution, and bits that every backend must repeat.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "agreement.h"
#include "weft/kernels/philox.h"

using namespace weft;
using namespace weft::testing;

namespace {

/// Counter words in Random123's order: element low, element high, step low, step high.
bool answers(const uint32_t (&counter)[4], const uint32_t (&key)[2], const uint32_t (&expected)[4]) {
  const auto join = [](uint32_t low, uint32_t high) { return uint64_t(high) << 32 | low; };
  const Words4 words = philox(join(key[0], key[1]), join(counter[2], counter[3]), join(counter[0], counter[1]));
  return std::memcmp(words.w, expected, sizeof expected) == 0;
}

constexpr uint64_t kKey = 0x0123456789abcdefull, kStep = 42;
/// The first 32 normals of that key and step, as bits. Changing one changes every image of every seed.
constexpr uint32_t known_normals[32] = {
    0x3df0b3a0, 0x3fcf8e5a, 0x3ed5bd3c, 0x3f144684, 0x3f837dd8, 0xbd867330, 0x3faa7e40, 0x3e4716b4,
    0x3e89f247, 0x3e9ab0a7, 0xbfbdf69c, 0xbfef73be, 0xc03652d0, 0x3f090f58, 0x3ea2ea36, 0xbd7af83c,
    0x3f0eef26, 0x3ef5a019, 0x3f842901, 0x3fa48273, 0x3f33f8eb, 0x3f85c29d, 0x3f39385d, 0x3f8fad91,
    0xbfadb016, 0xbf961005, 0xbe1575a6, 0x3e37c5d8, 0x3ec59367, 0x3fa15535, 0x3d9ccf1b, 0x3e524a58};

}  // namespace

TEST_CASE("philox4x32-10: the known answers of Random123 (kat_vectors)") {
  CHECK(answers({0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  CHECK(answers({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK(answers({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST_CASE("uniform numbers: all of [0, 1), never 1") {
  CHECK(uniform_from(0) == 0);
  CHECK(uniform_from(0xffu) == 0);
  CHECK(uniform_from(0x100u) == std::ldexp(1.0f, -24));
  CHECK(uniform_from(~0u) == 1 - std::ldexp(1.0f, -24));
}

// All 2^24 arguments, so the bounds are not estimates. Where 2 units come from: s = (m-1)/(m+1) carries two roundings (the
// sum and the quotient), the final fused step one more, each of half a unit; the reduction's exponent term halves nothing
// below sqrt(1/2), where |log m| reaches half of the result. 2e-7 is 3 roundings of 2^-24 at most 1, and Taylor's rest of
// 2.5e-8 for the cosine at an eighth of a turn.
TEST_CASE("log, sine and cosine polynomials against double, for every argument") {
  double log_units = 0, sine_error = 0, cosine_error = 0;
  for (uint32_t i = 0; i < 1u << 24; ++i) {
    const float turn = uniform_from(i << 8), u = 1.0f - turn;   // (0, 1]
    const double exact = std::log(double(u)), unit = std::ldexp(1.0, exact != 0 ? std::ilogb(exact) - 23 : -149);
    const double units = std::abs(double(detail::log_unit(u)) - exact) / unit;
    if (!(units <= log_units)) log_units = units;
    float sine, cosine;
    detail::sincos_turn(turn, &sine, &cosine);
    const double angle = 2 * 3.14159265358979323846 * double(turn);
    const double ds = std::abs(double(sine) - std::sin(angle)), dc = std::abs(double(cosine) - std::cos(angle));
    if (!(ds <= sine_error)) sine_error = ds;
    if (!(dc <= cosine_error)) cosine_error = dc;
  }
  MESSAGE("largest errors: log " << log_units << " units in the last place, sine " << sine_error << ", cosine " << cosine_error);
  CHECK(log_units <= 2);
  CHECK(sine_error <= 2e-7);
  CHECK(cosine_error <= 2e-7);
}

// The means over n of x, x^2 and x^4 of a standard normal have expectations 0, 1, 3 and standard deviations sqrt(1/n),
// sqrt(2/n), sqrt(96/n); that of the excess kurtosis is sqrt(24/n). Neighbours in a group of four must not know of each
// other: the mean of their product has standard deviation sqrt(1/n).
TEST_CASE("a million normals: mean, variance, kurtosis, independence of neighbours") {
  const int64_t groups = 250000, n = 4 * groups;
  double sum = 0, squares = 0, fourths = 0, neighbours[4] = {};
  for (int64_t i = 0; i < groups; ++i) {
    float x[4];
    normals_from(philox(kKey, kStep, uint64_t(i)), x);
    for (int j = 0; j < 4; ++j) {
      const double v = x[j], square = v * v;
      sum += v, squares += square, fourths += square * square;
      neighbours[j] += v * double(x[(j + 1) % 4]);
    }
  }
  const double mean = sum / double(n), variance = squares / double(n), kurtosis = fourths / double(n) / (variance * variance);
  MESSAGE("mean " << mean << ", variance " << variance << ", kurtosis " << kurtosis);
  CHECK(std::abs(mean) <= 4 * std::sqrt(1.0 / double(n)));
  CHECK(std::abs(variance - 1) <= 4 * std::sqrt(2.0 / double(n)));
  CHECK(std::abs(kurtosis - 3) <= 4 * std::sqrt(24.0 / double(n)));
  for (const double product : neighbours) CHECK(std::abs(product / double(groups)) <= 4 * std::sqrt(1.0 / double(groups)));
}

TEST_CASE("the first 32 normals of a key, on every backend") {
  StepState state;
  state.step = kStep;
  Case c{"random", "known answers", Rule::exact, {bytes_of(state)}, {unwritten(32)}};
  c.run = [](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    ops.random(queue, RandomKind::normal, kKey, static_cast<const StepState*>(in[0]), 32, out[0]);
  };
  struct Name {
    const char* device;
    DType scalar;
  };
  for (const Name& name : {Name{"reference", DType::f32}, Name{"cpu", DType::f64}, Name{"cpu", DType::f32}, Name{"sim", DType::f32}, Name{"cuda", DType::f32}}) {
    const Backend* backend = find_backend(name.device, name.scalar);
    if (!backend || !backend->device->unavailable().empty() || !backend->ops->random) continue;
    CAPTURE(name.device);
    Session session(*backend);
    const Outcome outcome = run_case(session, c, 0);
    CHECK(outcome.fault == "");
    for (size_t i = 0; i < 32; ++i) {
      const float value = float(outcome.values[0][i]);
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      CHECK(bits == known_normals[i]);
      CHECK(outcome.values[0][i] == double(value));   // float64 holds the same numbers
    }
  }
}
