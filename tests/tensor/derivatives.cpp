#include "derivatives.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace weft::testing {

namespace cases {
void add_pointwise(std::vector<OpCase>&);
void add_rows(std::vector<OpCase>&);
void add_linear(std::vector<OpCase>&);
void add_images(std::vector<OpCase>&);
}  // namespace cases

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> all = [] {
    std::vector<OpCase> list;
    cases::add_pointwise(list);
    cases::add_rows(list);
    cases::add_linear(list);
    cases::add_images(list);
    return list;
  }();
  return all;
}

Values values_of(const OpCase& c, unsigned seed) {
  int64_t total = 0;
  for (const Input& i : c.inputs) total += i.shape.count();
  std::vector<int64_t> place(static_cast<size_t>(total));
  std::iota(place.begin(), place.end(), 0);
  std::shuffle(place.begin(), place.end(), std::mt19937(seed));
  Values values;
  for (size_t at = 0; const Input& i : c.inputs) {
    values.emplace_back();
    // 0.37: a grid that is symmetric about zero would hold zero, or a pair of equal magnitudes
    for (int64_t n = i.shape.count(); n > 0; --n) values.back().push_back(i.low + (i.high - i.low) * (double(place[at++]) + 0.37) / double(total));
  }
  return values;
}

std::vector<double> random_values(int64_t n, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<double> v;
  for (; n > 0; --n) v.push_back(double(bits()) / 2147483648.0 - 1);
  return v;
}

Tensors leaves_of(const Context& context, const OpCase& c, const Values& values) {
  Tensors leaves;
  for (size_t i = 0; i < values.size(); ++i) leaves.push_back(context.from(values[i], c.inputs[i].shape).leaf());
  return leaves;
}

namespace {

constexpr unsigned kWeighting = 101, kDirection = 202;
constexpr double kStep = 1e-4;
// Differences of a function that is constant are noise of about u * |loss| / step: 1e-16 * 100 / 1e-4.
constexpr double kNoise = 1e-10;

Tensor weighting(const Context& context, const Shape& shape) { return context.from(random_values(shape.count(), kWeighting), shape); }
Tensor direction(const Context& context, const Shape& shape, size_t i) {
  return context.from(random_values(shape.count(), kDirection + unsigned(i)), shape);
}

Tensors gradients(const Tensor& loss, const Tensors& with, CreateGraph create) {
  if (loss.requires_grad()) return grad(loss, with, create, KeepGraph::yes);
  Tensors none;
  for (const Tensor& t : with) none.push_back(t.context().zeros(t.shape()));
  return none;
}

// <d <f(x), r> / d x, v>
Tensor slope_of(const Context& context, const Tensors& first) {
  Tensor slope = context.zeros({});
  for (size_t i = 0; i < first.size(); ++i) slope = slope + sum(first[i] * direction(context, first[i].shape(), i));
  return slope;
}

Values host(const Tensors& tensors) {
  Values values;
  for (const Tensor& t : tensors) values.push_back(t.values());
  return values;
}

std::vector<double> joined(const Values& parts) {
  std::vector<double> all;
  for (const auto& p : parts) all.insert(all.end(), p.begin(), p.end());
  return all;
}

// (f(x + step) - f(x - step)) / (2 step) for every element of every part of x
std::vector<double> differences(Values x, const std::function<double(const Values&)>& f) {
  std::vector<double> result;
  for (auto& part : x)
    for (double& value : part) {
      const double at = value, above = at + kStep, below = at - kStep;
      value = above;
      const double high = f(x);
      value = below;
      result.push_back((high - f(x)) / (above - below));
      value = at;
    }
  return result;
}

}  // namespace

Derivatives derivatives(const Context& context, const OpCase& c, const Values& values, CreateGraph create) {
  const Tensors x = leaves_of(context, c, values);
  const Tensor y = c.f(x);
  const Tensor r = weighting(context, y.shape()).leaf();
  Derivatives d;
  d.result = y.values();
  const Tensor loss = sum(y * r);
  d.first = host(gradients(loss, x, create));
  Tensors all = x;
  all.push_back(r);
  d.second = host(gradients(slope_of(context, gradients(loss, x, CreateGraph::yes)), all, create));
  return d;
}

double first_order_gap(const Context& context, const OpCase& c) {
  const Values values = values_of(c);
  const Derivatives d = derivatives(context, c, values, CreateGraph::no);
  const NoGraph scope(context);
  const auto expected = differences(values, [&](const Values& x) {
    const Tensor y = c.f(leaves_of(context, c, x));
    return sum(y * weighting(context, y.shape())).item();
  });
  return relative_gap(joined(d.first), expected, kNoise);
}

double second_order_gap(const Context& context, const OpCase& c) {
  Values values = values_of(c);
  const Derivatives d = derivatives(context, c, values);
  const Shape result = c.f(leaves_of(context, c, values)).shape();
  values.push_back(random_values(result.count(), kWeighting));
  const auto expected = differences(values, [&](const Values& all) {
    const Tensors x = leaves_of(context, c, {all.begin(), all.end() - 1});
    return slope_of(context, gradients(sum(c.f(x) * context.from(all.back(), result)), x, CreateGraph::no)).item();
  });
  return relative_gap(joined(d.second), expected, kNoise);
}

double relative_gap(const std::vector<double>& a, const std::vector<double>& b, double floor) {
  const double wrong = std::numeric_limits<double>::quiet_NaN();
  if (a.size() != b.size()) return wrong;
  double gap = 0, scale = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return wrong;
    gap = std::max(gap, std::abs(a[i] - b[i]));
    scale = std::max({scale, std::abs(a[i]), std::abs(b[i])});
  }
  return gap <= floor ? 0 : gap / scale;
}

}  // namespace weft::testing
