// The backend's own exp, tanh, sigmoid, softplus, sine and cosine against libm's in double, all over their range.
#include <limits>

#include "fixture.h"

namespace weft {
namespace {

double exact(PointwiseKind kind, double x) {
  switch (kind) {
    case PointwiseKind::exp: return std::exp(x);
    case PointwiseKind::tanh: return std::tanh(x);
    case PointwiseKind::sigmoid: return 1 / (1 + std::exp(-x));
    case PointwiseKind::sin: return std::sin(x);
    case PointwiseKind::cos: return std::cos(x);
    default: return (x > 0 ? x : 0) + std::log1p(std::exp(x > 0 ? -x : x));
  }
}

/// Distance in units in the last place of the exact result; infinite for a wrong NaN or infinity.
double error(float got, double expected) {
  const float rounded = float(expected);
  if (std::isnan(rounded)) return std::isnan(got) ? 0 : INFINITY;
  if (got == rounded) return 0;
  if (std::isinf(rounded)) return got == std::numeric_limits<float>::max() ? 1 : INFINITY;
  const double unit = std::max(std::ldexp(1.0, std::ilogb(expected) - 23), 1.4012984643e-45);
  const double distance = std::abs(double(got) - expected) / unit;
  return distance == distance ? distance : INFINITY;
}

TEST_CASE("exp, tanh, sigmoid, softplus, sine and cosine are within 2.5 units in the last place everywhere") {
  Backendful cpu("cpu", DType::f32);
  std::vector<float> x = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 88.7f, 88.73f, -87.4f, -103.9f, -104.1f, 1e30f, -1e30f, 1e-40f, 0.625f};
  for (int i = 0; i < 400000; ++i) x.push_back(120 * noise(uint64_t(i)));
  for (int i = 0; i < 400000; ++i) x.push_back(noise(uint64_t(i)) * noise(uint64_t(i) + 7) * 2);
  x.resize(x.size() / 1024 * 1024 + 1024, 0);                          // a run apart from those with infinities, where libm does sine and cosine
  for (int i = 0; i < 400000; ++i) x.push_back(std::ldexp(noise(uint64_t(i) + 99), i % 22));         // angles to a million
  for (int i = 0; i < 4096; ++i) x.push_back(float(i) * 1.57079633f);                                // near zeros
  const int64_t n = int64_t(x.size());
  std::vector<float> y(x.size());
  for (const PointwiseKind kind : {PointwiseKind::exp, PointwiseKind::tanh, PointwiseKind::sigmoid, PointwiseKind::softplus, PointwiseKind::sin, PointwiseKind::cos}) {
    cpu.ops().pointwise(*cpu.queue, kind, {1, {n}, {{1}}, 0, 0}, x.data(), nullptr, nullptr, y.data());
    double worst = 0;
    float where = 0;
    for (size_t i = 0; i < x.size(); ++i)
      if (const double e = error(y[i], exact(kind, x[i])); !(e <= worst)) worst = e, where = x[i];
    INFO(std::string(pointwise_info[int(kind)].name) << ": " << worst << " units at " << where);
    CHECK(worst <= 2.5);   // exp's one, and a rounded sum and quotient after it, which may weigh double across a power of 2
  }
}

}  // namespace
}  // namespace weft
