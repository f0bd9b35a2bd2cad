// A convolution that takes the moments of its result for the batch norm behind it: the same layer, but for roundings.
#include <doctest/doctest.h>

#include <cmath>

#include "every_device.h"
#include "weft/tensor/ops.h"

using namespace weft;

namespace {

std::vector<double> wave(int64_t n, double step) {
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(std::sin(step * double(i) + 0.3));
  return values;
}

struct Layer {
  std::vector<double> y, mean, variance, dx, dw;
  uint64_t moments;       // launches of that kernel
};

Layer run(const Context& c, bool transposed, int norm_groups) {
  const Tensor x = c.from(wave(4 * 8 * 8 * 12, 0.7), {4, 8, 8, 12}).leaf();
  const Tensor w = c.from(wave(12 * 4 * 4 * 12, 0.11), {12, 4, 4, 12}).leaf();
  const ConvGeometry half{.stride = {2, 2}, .pad = {1, 1}};
  const auto before = c.launches();
  const Tensor z = transposed ? conv_transpose2d(x, w, {}, half, 1, norm_groups) : conv2d(x, w, {}, {}, 1, norm_groups);
  const Normalized n = normalize_groups(z, 2, 12, c.full({12}, 1.5), c.full({12}, 0.1), 1e-5, 0.2);
  const Tensors d = grad(sum(n.y * n.y * n.y), {x, w});
  const auto count = [](const std::map<std::string, uint64_t>& of) { return of.count("moments_kernel") ? of.at("moments_kernel") : 0; };
  return {n.y.values(), n.mean.values(), n.variance.values(), d[0].values(), d[1].values(), count(c.launches()) - count(before)};
}

double gap(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0, apart = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(a[i]));
    if (const double d = std::abs(a[i] - b[i]); !(d <= apart)) apart = d;   // a NaN stays
    if (std::isnan(apart)) break;
  }
  return apart / largest;
}

}  // namespace

TEST_CASE("a convolution takes the moments for the norm behind it, and nothing else changes") {
  testing::on_every_device([](const Context& c) {
    const bool takes = std::string(c.device()) == "sim" || std::string(c.device()) == "cuda";
    for (const bool transposed : {false, true}) {
      const Layer apart = run(c, transposed, 0), together = run(c, transposed, 2), other = run(c, transposed, 1);
      if (takes) {
        CHECK(apart.moments == 1);
        CHECK(together.moments == (transposed ? 0 : 1));   // 25 pixels each of two images are no whole tile
        CHECK(other.moments == 1);                         // the moments of one group are not those of two
      }
      // Some hundred roundings of numbers up to six, against means down to a tenth.
      for (const auto& field : {&Layer::y, &Layer::mean, &Layer::variance, &Layer::dx, &Layer::dw}) CHECK(gap(apart.*field, together.*field) < 1e-3);
      if (!takes) CHECK(apart.y == together.y);
      CHECK(apart.y == other.y);
    }
  });
}

TEST_CASE("moments of a result that was written over are not used") {
  testing::on_every_device([](const Context& c) {
    const Tensor w = c.from(wave(12 * 12, 0.11), {12, 1, 1, 12});
    const Tensor z = conv2d(c.from(wave(128 * 12, 0.7), {2, 8, 8, 12}), w, {}, {}, 1, 1);
    z.copy_from(c.from(wave(128 * 12, 0.2), {2, 8, 8, 12}));
    CHECK(normalize_groups(z, 1, 12, {}, {}).y.values() == normalize_groups(z + 0.0, 1, 12, {}, {}).y.values());
  });
}
