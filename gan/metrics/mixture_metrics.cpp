// The measures of a mixture, of what a generator makes.
#include <cmath>

#include "weft/gan/metric.h"
#include "weft/gan/mixture.h"
#include "weft/gan/points.h"

namespace weft::gan {
namespace {

constexpr double kPerfectDeviation = 0.974;      // of a Gaussian of the plane that is cut at three deviations

MixtureScore of_samples(const Gan& gan, const Dataset& train, int64_t count, uint64_t seed) {
  if (!train.mixture()) throw ConfigError("modes are counted where it is known which there are: --data ring8 or grid25");
  return score(*train.mixture(), to_points(gan.sample(count, seed), train.units()));
}

}  // namespace

const std::vector<Metric>& mixture_metrics() {
  static const std::vector<Metric> all = {
      {"modes", true,
       [](const Gan& gan, Dataset& train, int64_t count, uint64_t seed) { return Gauges{{{"modes", of_samples(gan, train, count, seed).modes}}}; }},
      {"high_quality", true,
       [](const Gan& gan, Dataset& train, int64_t count, uint64_t seed) { return Gauges{{{"high_quality", of_samples(gan, train, count, seed).high_quality}}}; }},
      {"deviation_gap", false,
       [](const Gan& gan, Dataset& train, int64_t count, uint64_t seed) {
         const double deviation = of_samples(gan, train, count, seed).deviation;
         return Gauges{{{"deviation_gap", std::fabs(deviation - kPerfectDeviation)}, {"in_mode_deviation", deviation}}};
       }},
      {"reverse_kl", false,
       [](const Gan& gan, Dataset& train, int64_t count, uint64_t seed) {
         const MixtureScore s = of_samples(gan, train, count, seed);
         return Gauges{{{"reverse_kl", s.reverse_kl}, {"kl_floor", s.kl_floor}}};
       }},
  };
  return all;
}

}  // namespace weft::gan
