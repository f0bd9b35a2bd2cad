// What keeps a discriminator in bounds: weights in a box, or a price on the steepness with which its logit follows the pictures.
#pragma once
#include <string>
#include <vector>

#include "weft/tensor/ops.h"

namespace weft::gan {

struct Penalty {
  const char* name;
  const char* what;
  const char* paper;
  double weight;                         // by default
  enum class At { weights, real, fake, between, around_real } at;   // the pictures at which the gradient is taken
  /// What it adds to the loss for each unit of weight, from a logit's gradient in its own pictures (N, ...). nullptr: nothing; `weight`
  /// is the bound of every weight then.
  Tensor (*cost)(const Tensor& gradient);
};

/// All of them, for `weft list`, tests and docs.
const std::vector<Penalty>& penalties();

struct WeightedPenalty {
  const Penalty* penalty;
  double weight;
};
/// "r1:0.5,r2": several, each with its own weight or the default. "" and "none": none. Throws ConfigError for a name that there is
/// none of (with a suggestion), one that comes twice, or a weight that is not positive.
std::vector<WeightedPenalty> find_penalties(const std::string& text);

/// Where `penalty` takes the gradient, if that is neither the real nor the generated pictures themselves, else ConfigError. Draws are of
/// (seed, step).
Tensor penalty_points(const Penalty& penalty, const Tensor& real, const Tensor& fake, uint64_t seed);

}  // namespace weft::gan
