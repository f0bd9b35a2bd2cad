// How good what a generator makes is, in numbers. `weft train` asks for them every run.metrics_every steps, `weft evaluate` at the end.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weft/gan/dataset.h"
#include "weft/gan/gan.h"

namespace weft::gan {

struct Metric {
  const char* name;
  bool higher_is_better;
  /// Of `count` samples of `seed` against the data that it was trained on: the metric itself first, then what else there is to tell of it.
  /// A function of its arguments alone: it may be asked at any step, and changes nothing. Throws ConfigError for a count or data that it can say nothing of.
  Gauges (*measure)(const Gan& gan, Dataset& train, int64_t count, uint64_t seed);
};

/// Of generators of pictures; each looks at 200 pictures at most, however many are asked for. What takes longer, or a network to see by, is in
/// weft/gan/evaluation.h.
///   sliced_wasserstein   distance of the samples' 7x7 patches from the data's, at full, half and quarter size. Karras et al., arXiv:1710.10196; Rabin
///                        et al., SSVM 2011
///   similarity_gap       how far the samples' multi-scale SSIM to each other is from that of the data's pictures. Wang, Simoncelli, Bovik, 2003;
///                        Odena et al., arXiv:1610.09585
const std::vector<Metric>& picture_metrics();

/// Of generators whose data is a mixture that is known (weft/gan/mixture.h); others are a ConfigError. Lin et al., arXiv:1712.04086.
///   modes           with at least one sample within three deviations
///   high_quality    share of samples within three deviations of a mode; a perfect sampler: 0.989
///   deviation_gap   how far the deviation of those about their mode, in the mixture's, is from the 0.974 of a perfect sampler
///   reverse_kl      divergence of the modes' shares of those from the mixture's, in nats; with kl_floor, a perfect sampler's
const std::vector<Metric>& mixture_metrics();

}  // namespace weft::gan
