// The float64 reference, called on ordinary vectors: it computes in host memory.
#pragma once
#include <memory>
#include <random>
#include <vector>

#include "weft/kernels/ops.h"

namespace weft::testing {

struct Float64 {
  const Backend& backend = *find_backend("cpu", DType::f64);
  std::unique_ptr<Queue> queue{backend.device->open({})};
  const Ops* operator->() const { return backend.ops; }
};

using Vector = std::vector<double>;

/// Normal numbers, the same in every run.
inline Vector draw(int64_t n, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  Vector values(static_cast<size_t>(n));
  for (double& v : values) v = normal(engine);
  return values;
}

inline double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// |p - q| against the size of the products that p and q are sums of, which cancellation cannot shrink.
inline double gap(double p, double q, const Vector& a, const Vector& b) {
  return std::abs(p - q) / std::sqrt(dot(a, a) * dot(b, b));
}

}  // namespace weft::testing
