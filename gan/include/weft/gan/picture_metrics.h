// Metrics of generators of pictures, for during training. What takes longer, or a network to see by, is in weft/gan/evaluation.h.
#pragma once
#include "weft/gan/metric.h"

namespace weft::gan {

/// Each looks at 200 pictures at most, however many are asked for.
const std::vector<Metric>& picture_metrics();

}  // namespace weft::gan
