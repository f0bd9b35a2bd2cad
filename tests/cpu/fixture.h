// Buffers, a small whole-number or real filling, and a convolution run on the cpu backend and on the float64 reference.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "weft/kernels/ops.h"

namespace weft {

struct Backendful {
  const Backend* backend;
  std::unique_ptr<Queue> queue;
  Backendful(const char* device, DType scalar, int threads = 0)
      : backend(find_backend(device, scalar)), queue(backend->device->open({threads, 0})) {}
  const Ops& ops() const { return *backend->ops; }
};

/// A hash of i, in [-1, 1): the same numbers on every machine.
inline float noise(uint64_t i) {
  i = (i + 1) * 0x9E3779B97F4A7C15u;
  i ^= i >> 29;
  return float(int64_t((i * 0xBF58476D1CE4E5B9u) >> 40) - (1 << 23)) / float(1 << 23);
}
inline std::vector<float> filled(size_t n, uint64_t salt) {
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = noise(salt * 1000003 + i);
  return values;
}

struct Layer {
  const char* name;
  ConvProblem problem;
};
inline ConvProblem problem(int n, int side, int c, int k, int kernel, int stride, int pad, int dilation = 1, int groups = 1) {
  const int p = (side + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
  return {n, side, side, c, k, kernel, kernel, p, p, {stride, stride}, {pad, pad}, {dilation, dilation}, groups};
}
inline size_t x_size(const ConvProblem& p) { return size_t(p.n) * p.h * p.w * p.c; }
inline size_t y_size(const ConvProblem& p) { return size_t(p.n) * p.p * p.q * p.k; }
inline size_t w_size(const ConvProblem& p) { return size_t(p.k) * p.r * p.s * (p.c / p.groups); }

/// DCGAN's layers at batch n, as conv2d problems: a generator's are the same, read from the small side.
inline std::vector<Layer> dcgan(int n, int size, int channels, int width) {
  std::vector<Layer> layers;
  static const char* const names[] = {"image", "second", "third", "fourth"};
  int side = size, from = channels, to = width, i = 0;
  for (; side > 4; side /= 2, from = to, to *= 2) layers.push_back({names[i++], problem(n, side, from, to, 4, 2, 1)});
  layers.push_back({"logit", problem(n, 4, from, 1, 4, 1, 0)});
  layers.push_back({"stem", problem(n, 4, from, 100, 4, 1, 0)});
  return layers;
}

/// Every number within `bound` of the float64 result, where the bound is that of a plain float32 sum of `terms` products of
/// numbers below 1 in size: terms roundings of a running sum that stays below sqrt(terms) by chance; 8 units of slack.
inline void check_close(const std::vector<float>& got, const std::vector<double>& expected, int64_t terms, const std::string& what) {
  const double bound = 8 * std::sqrt(double(terms)) * 5.97e-8 * std::sqrt(double(terms));
  size_t wrong = 0;
  for (size_t i = 0; i < got.size(); ++i) wrong += !(std::abs(double(got[i]) - expected[i]) <= bound);
  CHECK_MESSAGE(wrong == 0, what << ": " << wrong << " of " << got.size() << " are off by more than " << bound);
}

}  // namespace weft
