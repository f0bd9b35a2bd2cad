// The shapes that every backend is tried on: batch above 1, H != W, R != S, stride and dilation above 1, one channel, three
// channels, odd sizes, channels that are no multiple of 4. All small, for `sim` runs a fiber a thread.
#pragma once
#include <cmath>
#include <random>

#include "agreement.h"

namespace weft::testing {

void add_pointwise_cases(std::vector<Case>&);   // pointwise, strided_copy
void add_row_cases(std::vector<Case>&);         // reduce, gather, scatter_add, sort
void add_image_cases(std::vector<Case>&);       // resample, max_pool
void add_linear_cases(std::vector<Case>&);      // matmul, conv2d, conv2d_input_grad, conv2d_weight_grad
void add_norm_cases(std::vector<Case>&);        // moments, normalize, normalize_grad
void add_step_cases(std::vector<Case>&);        // random, optimizer_step

inline std::vector<Case> every_case() {
  std::vector<Case> cases;
  for (auto add : {add_pointwise_cases, add_row_cases, add_image_cases, add_linear_cases, add_norm_cases, add_step_cases})
    add(cases);
  return cases;
}

/// Test data, the same in every run. Whole numbers lie in [-3, 3], so ties and zeros are common; reals are floats in
/// (-1.5, 1.5).
class Numbers {
 public:
  explicit Numbers(bool whole, unsigned seed = 1) : whole_(whole), engine_(seed) {}
  bool whole() const { return whole_; }
  Rule rule() const { return whole_ ? Rule::exact : Rule::rounded; }
  const char* word() const { return whole_ ? "whole numbers" : "reals"; }

  std::vector<double> operator()(int64_t n) {
    std::vector<double> values(static_cast<size_t>(n));
    for (double& v : values) v = whole_ ? double(below(7)) - 3 : double(float(3.0 * engine_() / 4294967296.0 - 1.5));
    return values;
  }
  std::vector<double> positive(int64_t n) {   // reals in [0.05, 1.55)
    std::vector<double> values = (*this)(n);
    for (double& v : values) v = double(float(std::abs(v) + 0.05));
    return values;
  }
  /// Indices in [-1, limit).
  std::vector<double> places(int64_t n, int limit) {
    std::vector<double> values(static_cast<size_t>(n));
    for (double& v : values) v = double(below(limit + 1)) - 1;
    return values;
  }
  int below(int limit) { return int(engine_() % unsigned(limit)); }

 private:
  bool whole_;
  std::mt19937 engine_;
};

constexpr double kRoundoff = 5.9604644775390625e-8;   // 2^-24: the relative error of one float operation

}  // namespace weft::testing
