// The measures of a mixture, of what a generator makes.
#include "weft/gan/metric.h"
#include "weft/gan/mixture.h"
#include "weft/gan/points.h"

namespace weft::gan {
namespace {

MixtureScore of_samples(const Gan& gan, const Dataset& train, int64_t count, uint64_t seed) {
  if (!train.mixture()) throw ConfigError("modes are counted where it is known which there are: --data ring8 or grid25");
  return score(*train.mixture(), to_points(gan.sample(count, seed), train.units()));
}

}  // namespace

const std::vector<Metric>& mixture_metrics() {
  constexpr const char* kPaper = "Lin et al., arXiv:1712.04086";
  static const std::vector<Metric> all = {
      {"modes", "modes of a mixture with at least one sample within three deviations", kPaper, true,
       [](const Gan& gan, Dataset& train, int64_t count, uint64_t seed) { return Gauges{{{"modes", of_samples(gan, train, count, seed).modes}}}; }},
      {"high_quality", "share of samples within three deviations of a mode; a perfect sampler: 0.989", kPaper, true,
       [](const Gan& gan, Dataset& train, int64_t count, uint64_t seed) { return Gauges{{{"high_quality", of_samples(gan, train, count, seed).high_quality}}}; }},
      {"in_mode_deviation", "deviation of those about their mode, in the mixture's; a perfect sampler: 0.974, and less is too narrow", "", true,
       [](const Gan& gan, Dataset& train, int64_t count, uint64_t seed) { return Gauges{{{"in_mode_deviation", of_samples(gan, train, count, seed).deviation}}}; }},
      {"reverse_kl", "divergence of the modes' shares of those from the mixture's, in nats; kl_floor: a perfect sampler's", kPaper, false,
       [](const Gan& gan, Dataset& train, int64_t count, uint64_t seed) {
         const MixtureScore s = of_samples(gan, train, count, seed);
         return Gauges{{{"reverse_kl", s.reverse_kl}, {"kl_floor", s.kl_floor}}};
       }},
  };
  return all;
}

}  // namespace weft::gan
