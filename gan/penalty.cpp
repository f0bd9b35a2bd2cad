#include "weft/gan/penalty.h"

#include <charconv>
#include <cmath>

#include "weft/gan/objective.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

/// |g|^2 of each sample: (N)
Tensor squared_norm(const Tensor& g) {
  const Tensor rows = flatten(g);
  return sum(rows * rows, {1});
}

Tensor half_squared_norm(const Tensor& g) { return sum_squares(g) * (0.5 / double(g.size(0))); }

/// (|g| - 1)^2. The root's own slope at 0 is infinite; 1e-12 keeps a discriminator that says the same of all pictures out of there.
Tensor off_one(const Tensor& g) {
  const Tensor off = sqrt(squared_norm(g) + 1e-12) - 1;
  return mean(off * off);
}

/// (N,1,1,1), as many axes as x has
Shape one_a_sample(const Tensor& x) {
  Shape shape{x.size(0)};
  while (shape.rank() < x.rank()) shape.push_back(1);
  return shape;
}

}  // namespace

const std::vector<Penalty>& penalties() {
  using At = Penalty::At;
  static const std::vector<Penalty> all = {
      {"clip", "every weight within [-w, w] after each step", "Arjovsky et al., arXiv:1701.07875", 0.01, At::weights, nullptr},
      {"wgan-gp", "w (|grad D| - 1)^2 between real and generated pictures", "Gulrajani et al., arXiv:1704.00028", 10, At::between, off_one},
      {"dragan", "w (|grad D| - 1)^2 around real pictures", "Kodali et al., arXiv:1705.07215", 10, At::around_real, off_one},
      {"r1", "w/2 |grad D|^2 at real pictures", "Mescheder et al., arXiv:1801.04406", 10, At::real, half_squared_norm},
      {"r2", "w/2 |grad D|^2 at generated pictures", "Mescheder et al., arXiv:1801.04406", 10, At::fake, half_squared_norm},
  };
  return all;
}

Tensor penalty_points(const Penalty& penalty, const Tensor& real, const Tensor& fake, uint64_t seed) {
  if (penalty.at != Penalty::At::between && penalty.at != Penalty::At::around_real)
    throw ConfigError(std::string("penalty ") + penalty.name + " has no points of its own: it looks at weights, or at real or generated pictures as they are");
  const Context context = real.context();
  const Tensor along = context.uniform(one_a_sample(real), stream_key(seed, std::string("penalty.") + penalty.name));
  if (penalty.at == Penalty::At::between) return lerp(real, fake, along);
  const Tensor noise = context.uniform(real.shape(), stream_key(seed, std::string("penalty.noise.") + penalty.name));
  return fma(along * noise, 0.5 * sqrt(variance(real)), real);             // as in the authors' code: up to half a standard deviation
}

namespace {

double weight_of(const std::string& text, const std::string& name) {
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size() || !(weight > 0) || !std::isfinite(weight))
    throw ConfigError("penalty " + name + ": its weight is '" + text + "', but it must be a number above 0; to do without it, leave it out");
  return weight;
}

}  // namespace

std::vector<WeightedPenalty> find_penalties(const std::string& text) {
  std::vector<WeightedPenalty> found;
  if (text == "none") return found;
  for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
    end = std::min(text.find(',', begin), text.size());
    const std::string one = text.substr(begin, end - begin), name = one.substr(0, one.find(':'));
    const Penalty& named = row_named(penalties(), name, "penalty", "penalties");
    for (const WeightedPenalty& before : found)
      if (before.penalty == &named) throw ConfigError("penalty " + name + " is named twice; give it one weight, as in " + name + ":10");
    found.push_back({&named, name.size() == one.size() ? named.weight : weight_of(one.substr(name.size() + 1), name)});
  }
  return found;
}

}  // namespace weft::gan
