#include "weft/gan/latent.h"

#include <algorithm>
#include <cmath>

#include "weft/gan/objective.h"

namespace weft::gan {

Path path_of(const std::string& name) {
  if (name == "spherical") return Path::spherical;
  if (name == "linear") return Path::linear;
  throw ConfigError("a path is spherical or linear, not '" + name + "'" + suggestion(name, {"spherical", "linear"}));
}

namespace {

/// The point at t of the way from a to b, `length` numbers each, behind what is in `all`.
void append_between(const double* a, const double* b, int64_t length, double t, Path path, std::vector<double>& all) {
  double ab = 0, aa = 0, bb = 0;
  for (int64_t i = 0; i < length; ++i) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  const double angle = std::acos(std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0)), sine = std::sin(angle);
  const bool straight = path == Path::linear || !(sine >= 1e-6);    // in one direction, or in opposite ones: no circle is marked out
  const double of_a = straight ? 1 - t : std::sin((1 - t) * angle) / sine, of_b = straight ? t : std::sin(t * angle) / sine;
  for (int64_t i = 0; i < length; ++i) all.push_back(of_a * a[i] + of_b * b[i]);
}

}  // namespace

Tensor walks(const Tensor& latents, int64_t steps, Path path) {
  if (steps < 2) throw ConfigError("a walk of " + std::to_string(steps) + " points: it has at least its two ends");
  const int64_t ends = latents.size(0), length = latents.count() / ends;
  const std::vector<double> z = latents.values();
  std::vector<double> all;
  for (int64_t k = 0; k + 1 < ends; ++k)
    for (int64_t s = 0; s < steps; ++s) append_between(&z[size_t(k * length)], &z[size_t((k + 1) * length)], length, double(s) / double(steps - 1), path, all);
  return latents.context().from(all, {(ends - 1) * steps, 1, 1, length});
}

Tensor between(const Tensor& from, const Tensor& to, double t, Path path) {
  const std::vector<double> a = from.values(), b = to.values();
  const int64_t length = from.count() / from.size(0);
  std::vector<double> all;
  for (size_t i = 0; i < a.size(); i += size_t(length)) append_between(&a[i], &b[i], length, t, path, all);
  return from.context().from(all, from.shape());
}

namespace {

double below(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }     // the normal distribution function

/// The x in [-most, most] with below(x) = p.
double quantile(double p, double most) {
  double low = -most, high = most;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (below(middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

Tensor truncated(const Tensor& latents, double most) {
  if (!(most >= 0)) throw ConfigError("latents end at +-" + std::to_string(most) + "; that is a number from 0 on");
  std::vector<double> z = latents.values();
  const double least = below(-most), span = below(most) - least;
  for (double& x : z) x = quantile(least + below(x) * span, most);
  return latents.context().from(z, latents.shape());
}

}  // namespace weft::gan
