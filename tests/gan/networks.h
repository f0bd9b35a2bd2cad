// What the tests of networks that make pictures from noise share.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "weft/gan/model.h"

namespace weft {

/// The largest difference, as a share of b's largest value.
inline double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double gap = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i] - b[i]));
    gap = std::max(gap, std::fabs(a[i] - b[i])), size = std::max(size, std::fabs(b[i]));
  }
  return gap / size;
}

inline Context in_double() { return Context::open("cpu", {DType::f64}); }

/// Small networks of that model.
inline gan::ModelOptions options_for(const std::string& model, int size = 32) {
  gan::ModelOptions o;
  o.size = size, o.width = model == "r3gan" ? 8 : 4, o.latent = 6;
  if (model == "resnet") o.d_norm = "spectral";
  if (model == "r3gan" || model == "stylegan2") o.d_norm = "none";
  if (model == "stylegan2") o.minibatch_std = 4;
  return o;
}

}  // namespace weft
