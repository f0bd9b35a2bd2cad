// Mixtures of round Gaussians in the plane, and how near samples come to one: did they find every mode, do they stay in the modes,
// are the modes as wide and as heavy as they should be.
//   Lin, Khetan, Fanti and Oh, "PacGAN", arXiv:1712.04086, section 4.1: ring, grid, and the first three measures
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace weft::gan {

using Point = std::array<double, 2>;

struct Mixture {
  const char* name;
  std::vector<Point> centres;
  double deviation;                      // of every mode, along each axis
  std::vector<double> weights;           // of the modes; they sum to 1
};

/// ring8: eight modes of deviation 0.01 on the unit circle. grid25: five times five of deviation 0.05, two apart.
const std::vector<Mixture>& mixtures();
/// nullptr if there is none of that name.
const Mixture* find_mixture(const std::string& name);

/// Mean and population deviation of the whole mixture along each axis.
struct Spread { Point mean, deviation; };
Spread spread_of(const Mixture& mixture);

/// A sample belongs to the nearest centre, and is of high quality within three deviations of it.
struct MixtureScore {
  int64_t samples = 0;
  int modes = 0;                         // with a sample of high quality
  double high_quality = 0;               // share of the samples. A perfect sampler: 1 - exp(-9/2) = 0.98889
  double deviation = 0;                  // of those of high quality about their own mode's mean, an axis, in the mixture's deviations. A perfect sampler: 0.974
  double reverse_kl = 0;                 // of their shares of the modes from the weights, in nats; NaN without any
  double kl_floor = 0;                   // what a perfect sampler has of that on average: (modes - 1) / (2 samples of high quality)
  double worst_weight = 0;               // largest relative error of a mode's weight, all samples counted
};
/// @param xy  x, y of each sample, in the mixture's units; one that is not finite belongs nowhere, and counts as of low quality
/// Throws: DataError for no samples, or half a one.
MixtureScore score(const Mixture& mixture, const std::vector<float>& xy);

}  // namespace weft::gan
