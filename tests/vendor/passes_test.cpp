// The passes around a vendor's convolution, on the host executor.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "vendor/passes.h"

using namespace weft;

namespace {

struct Sim {
  std::unique_ptr<Queue> queue{find_backend("sim", DType::f32)->device->open({})};
};

/// Whole numbers up to 127, which bfloat16 holds: nothing rounds, so one right answer exists.
std::vector<float> numbers(size_t n, int seed) {
  std::vector<float> v(n);
  for (size_t i = 0; i < n; ++i) v[i] = float(int((i * 37 + size_t(seed) * 11) % 255) - 127);
  return v;
}

}  // namespace

TEST_CASE("vendor: narrow rounds to nearest, ties to even") {
  Sim sim;
  const std::vector<float> from = {1.0f, 1.00390625f, 1.01171875f, 1.00390637f, -1.00390625f, 0.0f, -0.0f, INFINITY, 3.4e38f};
  const std::vector<uint16_t> expected = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xbf80, 0x0000, 0x8000, 0x7f80, 0x7f80};
  std::vector<__nv_bfloat16> to(from.size());
  sim::narrow(*sim.queue, int64_t(from.size()), from.data(), to.data());
  for (size_t i = 0; i < from.size(); ++i) CHECK(to[i].bits == expected[i]);
}

TEST_CASE("vendor: finish adds a bias, activates, accumulates, and widens") {
  constexpr int64_t rows = 37, columns = 9, n = rows * columns;
  Sim sim;
  const std::vector<float> result = numbers(n, 1), before = numbers(n, 2), bias = numbers(columns, 3);
  std::vector<__nv_bfloat16> narrowed(n);
  sim::narrow(*sim.queue, n, result.data(), narrowed.data());
  for (const bool narrow : {false, true})
    for (const bool biased : {false, true})
      for (const bool accumulate : {false, true})
        for (const float slope : {1.0f, 0.25f}) {
          if (accumulate && slope != 1) continue;                // the table excludes it
          std::vector<float> out = before;
          const void* from = narrow ? static_cast<const void*>(narrowed.data()) : result.data();
          sim::finish(*sim.queue, {from, narrow, biased ? bias.data() : nullptr, slope, accumulate}, n, columns, out.data());
          int wrong = 0;
          for (int64_t i = 0; i < n; ++i) {
            const float sum = result[i] + (biased ? bias[i % columns] : 0);
            wrong += !(out[i] == (accumulate ? before[i] + sum : sum > 0 ? sum : slope * sum));
          }
          CHECK(wrong == 0);
        }
  std::vector<float> in_place = result;
  sim::finish(*sim.queue, {in_place.data(), false, bias.data(), 0, false}, n, columns, in_place.data());
  for (int64_t i = 0; i < n; ++i) REQUIRE(in_place[i] == std::fmax(result[i] + bias[i % columns], 0.0f));
}
