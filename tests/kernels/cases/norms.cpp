// Norms are judged within bounds derived from the size of what is rounded. u = 2^-24 is the relative error of one
// operation; a sum of R terms in any order is wrong by at most R u times the sum of the terms' sizes (Higham, "Accuracy
// and Stability of Numerical Algorithms", section 4.2), to first order in u.
#include "cases.h"

namespace weft::testing {
namespace {

const NormProblem problems[] = {{1, 30, 5}, {3, 8, 4}, {4, 49, 1}, {2, 16, 33}, {1, 3, 3}, {5, 1, 2}, {1, 260, 3}, {2, 20000, 1}, {70, 9, 8}};

std::string shape_of(const NormProblem& p) {
  return std::to_string(p.groups) + " groups of " + std::to_string(p.rows) + " rows, " + std::to_string(p.channels) + " channels";
}

/// Calls f(column, element) for every element of x; column is its place in mean and variance.
template <class F>
void each_element(const NormProblem& p, F f) {
  for (int64_t g = 0; g < p.groups; ++g)
    for (int64_t r = 0; r < p.rows; ++r)
      for (int64_t c = 0; c < p.channels; ++c) f(size_t(g * p.channels + c), size_t((g * p.rows + r) * p.channels + c));
}

/// mean and biased variance in double, rounded to float: what normalize is given.
Values float_moments(const NormProblem& p, const std::vector<double>& x) {
  std::vector<double> mean(size_t(p.groups * p.channels)), variance = mean;
  each_element(p, [&](size_t column, size_t i) { mean[column] += x[i] / double(p.rows); });
  each_element(p, [&](size_t column, size_t i) { variance[column] += (x[i] - mean[column]) * (x[i] - mean[column]) / double(p.rows); });
  for (double& v : mean) v = double(float(v));
  for (double& v : variance) v = double(float(v));
  return {mean, variance};
}

/// The mean is a sum of R terms and a division: (R + 2) u max|x|, and Chan's merge rounds each term twice, so 2 (R + 2).
/// The variance, with deviation d and mean m: the sum of squares is wrong by (R + 8) u d^2; each x - m inherits a few
/// roundings of m, 8 u |m| against d; and the mean's own error, squared. mean(x^2) - m^2 would be wrong by u m^2, and at
/// m = 10000 d misses this bound by orders of magnitude: that is what the offset cases are for.
Case moments_case(const NormProblem& p, double offset) {
  Numbers numbers(false);
  std::vector<double> x = numbers(p.groups * p.rows * p.channels);
  for (double& v : x) v = double(float(v + offset));
  const int64_t columns = p.groups * p.channels;
  Case c{"moments", shape_of(p) + ", about " + std::to_string(int(offset)), Rule::within, {scalars(x)}, {unwritten(columns), unwritten(columns)}};
  c.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) { ops.moments(queue, p, in[0], out[0], out[1]); };
  c.tolerance = [p, offset](const Values& exact) {
    Values tolerance = exact;
    const double rows = double(p.rows), largest = std::abs(offset) + 1.5, mean_error = 2 * (rows + 2) * kRoundoff * largest;
    for (double& t : tolerance[0]) t = mean_error;
    for (double& t : tolerance[1])
      t = (rows + 8) * kRoundoff * t + 8 * kRoundoff * largest * std::sqrt(t) + mean_error * mean_error;
    return tolerance;
  };
  return c;
}

struct Affine {
  const char* name;
  bool gamma, beta;
  double slope;
};
const Affine affines[] = {{"plain", false, false, 1}, {"gamma and beta", true, true, 1}, {"gamma, beta and LeakyReLU", true, true, 0.25},
                          {"gamma, beta and ReLU", true, true, 0}, {"beta and LeakyReLU", false, true, 0.25}, {"gamma", true, false, 1}};
constexpr double kEpsilon = 1.0 / 1024;   // the same number in float and double

/// What each column of a norm case is made of, in double.
struct Inputs {
  std::vector<double> x, mean, variance, gamma, beta;
  double scale(size_t c) const { return gamma.empty() ? 1 : gamma[c]; }
  double shift(size_t c) const { return beta.empty() ? 0 : beta[c]; }
};

Inputs draw(const NormProblem& p, const Affine& affine, Numbers& numbers) {
  Inputs in;
  in.x = numbers(p.groups * p.rows * p.channels);
  const Values moments = float_moments(p, in.x);
  in.mean = moments[0], in.variance = moments[1];
  if (affine.gamma) in.gamma = numbers(p.channels);
  if (affine.beta) in.beta = numbers(p.channels);
  return in;
}

Array optional(const std::vector<double>& values) { return values.empty() ? nothing() : scalars(values); }

/// y = h gamma + beta takes seven roundings, of the difference, the sum under the root, the root, the division, the
/// product and the sum (a reciprocal root counts for two); LeakyReLU one more, and has slope at most 1. As x * a + b with a
/// and b worked out before, the same roundings meet |x| and |mean| instead of their difference, so these go into the bound.
Case normalize_case(const NormProblem& p, const Affine& affine) {
  Numbers numbers(false);
  const Inputs d = draw(p, affine, numbers);
  Case c{"normalize", shape_of(p) + ", " + affine.name, Rule::within,
         {scalars(d.x), scalars(d.mean), scalars(d.variance), optional(d.gamma), optional(d.beta)}, {unwritten(int64_t(d.x.size()))}};
  c.run = [p, slope = affine.slope](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    ops.normalize(queue, p, kEpsilon, slope, in[0], in[1], in[2], in[3], in[4], out[0]);
  };
  c.tolerance = [p, d](const Values& exact) {
    Values tolerance = exact;
    each_element(p, [&](size_t column, size_t i) {
      const size_t channel = column % size_t(p.channels);
      const double size = (std::abs(d.x[i]) + std::abs(d.mean[column])) / std::sqrt(d.variance[column] + kEpsilon);
      tolerance[0][i] = 8 * kRoundoff * (size * std::abs(d.scale(channel)) + std::abs(d.shift(channel)));
    });
    return tolerance;
  };
  return c;
}

/// With u and h as in reference/norm.h, |h| wrong by 8 roundings of (|x| + |mean|) / deviation, here H: dbeta is a sum of
/// n = groups * rows terms, n u sum|u|; dgamma likewise of u h, and each h wrong by 8 u H: (n + 8) u sum(|u| H). dx is three
/// terms, the last two with sums of R inside: (R + 16) u |gamma|/deviation (|u| + mean|u| + H mean(|u| H)).
Case normalize_grad_case(const NormProblem& p, const Affine& affine, bool want_dx, bool want_parameters) {
  Numbers numbers(false);
  const Inputs d = draw(p, affine, numbers);
  const std::vector<double> dy = numbers(int64_t(d.x.size()));
  const auto wanted = [](bool yes, int64_t n) { return yes ? unwritten(n) : nothing(); };
  Case c{"normalize_grad", shape_of(p) + ", " + affine.name + (want_dx ? ", dx" : "") + (want_parameters ? ", dgamma, dbeta" : ""), Rule::within,
         {scalars(d.x), scalars(d.mean), scalars(d.variance), optional(d.gamma), optional(d.beta), scalars(dy)},
         {wanted(want_dx, int64_t(d.x.size())), wanted(want_parameters, p.channels), wanted(want_parameters, p.channels)}};
  c.run = [p, slope = affine.slope](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    ops.normalize_grad(queue, p, kEpsilon, slope, in[0], in[1], in[2], in[3], in[4], in[5], out[0], out[1], out[2]);
  };
  c.tolerance = [p, d, dy](const Values& exact) {
    const double rows = double(p.rows), terms = rows * double(p.groups);
    const auto deviation = [&](size_t column) { return std::sqrt(d.variance[column] + kEpsilon); };
    const auto size_h = [&](size_t column, size_t i) { return (std::abs(d.x[i]) + std::abs(d.mean[column])) / deviation(column); };
    std::vector<double> sum_u(d.mean.size()), sum_uh(d.mean.size());   // of sizes; |u| <= |dy|
    each_element(p, [&](size_t column, size_t i) {
      sum_u[column] += std::abs(dy[i]);
      sum_uh[column] += std::abs(dy[i]) * size_h(column, i);
    });
    Values tolerance{std::vector<double>(exact[0].size()), std::vector<double>(exact[1].size()), std::vector<double>(exact[2].size())};
    for (size_t column = 0; column < sum_u.size(); ++column) {
      const size_t channel = column % size_t(p.channels);
      if (!tolerance[1].empty()) tolerance[1][channel] += (terms + 8) * kRoundoff * sum_uh[column];
      if (!tolerance[2].empty()) tolerance[2][channel] += (terms + 8) * kRoundoff * sum_u[column];
    }
    if (!tolerance[0].empty())
      each_element(p, [&](size_t column, size_t i) {
        const double size = std::abs(dy[i]) + sum_u[column] / rows + size_h(column, i) * sum_uh[column] / rows;
        tolerance[0][i] = (rows + 16) * kRoundoff * std::abs(d.scale(column % size_t(p.channels))) / deviation(column) * size;
      });
    return tolerance;
  };
  return c;
}

}  // namespace

void add_norm_cases(std::vector<Case>& cases) {
  for (const NormProblem& p : problems) {
    for (const double offset : {0.0, 10000.0}) cases.push_back(moments_case(p, offset));
    for (const Affine& affine : affines) {
      cases.push_back(normalize_case(p, affine));
      cases.push_back(normalize_grad_case(p, affine, true, true));
    }
    cases.push_back(normalize_grad_case(p, affines[2], true, false));
    cases.push_back(normalize_grad_case(p, affines[2], false, true));
  }
}

}  // namespace weft::testing
