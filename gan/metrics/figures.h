// The figures that clouds of points give, whatever made points of pictures.
#pragma once
#include "weft/gan/evaluation.h"
#include "weft/gan/set_measures.h"

namespace weft::gan {

/// As many points each; test has none where the data has no test part of that size.
struct PointSets { Points generated, real, other, test; };

/// Frechet's and the kernel distance, precision, recall, density and coverage.
void add_distances(const PointSets& sets, const std::string& features, const std::string& resize, std::deque<Figure>& figures);

/// Of a generator of points of the plane: the same distances in the plane, and, of a mixture that weft knows, what came of its modes.
void add_point_figures(const TrainedGenerator& generator, Dataset& data, const EvaluateRequest& request, const Context& context, Evaluation& result);

/// What a generator makes of a seed, as many at once as fit: `see` gets (n,H,W,C).
/// @param labels  (count, classes); empty of a generator without classes
void for_each_sample(const TrainedGenerator& generator, const Context& context, int64_t count, uint64_t seed, const Tensor& labels,
                     const std::function<void(const Tensor&)>& see);

}  // namespace weft::gan
