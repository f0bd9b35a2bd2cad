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
  const char* what;
  const char* paper;
  bool higher_is_better;
  /// Of `count` samples of `seed` against the data that it was trained on: the metric itself first, then what else there is to tell of it.
  /// A function of its arguments alone: it may be asked at any step, and changes nothing. Throws ConfigError for a count or data that it can say nothing of.
  Gauges (*measure)(const Gan& gan, Dataset& train, int64_t count, uint64_t seed);
};

}  // namespace weft::gan
