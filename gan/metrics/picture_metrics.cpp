// What `weft train --metrics-every` tells of pictures: the measures that need no network and take a second or two.
#include <algorithm>
#include <cmath>

#include "weft/gan/loader.h"
#include "weft/gan/measures.h"
#include "weft/gan/nearest.h"
#include "weft/gan/set_measures.h"
#include "weft/gan/sheet.h"
#include "weft/gan/metric.h"
#include "weft/kernels/error.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int64_t kMost = 200, kPairs = 200;

/// Equally many pictures of both, of the same classes.
struct Both { std::vector<Image> made, data; };

Both pictures(const Gan& gan, Dataset& data, int64_t count, uint64_t seed) {
  if (std::min(count, data.size()) < 2) throw ConfigError("metrics take two pictures at least");
  std::vector<int64_t> which = epoch_order(data.size(), stream_key(0, "evaluate.real"), 0);
  which.resize(size_t(std::min({count, kMost, data.size()})));
  const Tensor x = gan.sample(int64_t(which.size()), seed, classes_as(gan.context(), gan.options().model, data, which));
  Both both;
  for (size_t i = 0; i < which.size(); ++i) both.made.push_back(to_image(x, int64_t(i))), both.data.push_back(picture_of(data, which[i]));
  return both;
}

Gauges sliced_wasserstein(const Gan& gan, Dataset& train, int64_t count, uint64_t seed) {
  const Both both = pictures(gan, train, count, seed);
  const std::array<double, 3> d = patch_distance(gan.context(), both.made, both.data);
  return {{{"sliced_wasserstein", d[0]}, {"sliced_wasserstein_half", d[1]}, {"sliced_wasserstein_quarter", d[2]}}};
}

Gauges similarity_gap(const Gan& gan, Dataset& train, int64_t count, uint64_t seed) {
  const Both both = pictures(gan, train, count, seed);
  const double made = diversity(both.made, kPairs, seed).similarity, data = diversity(both.data, kPairs, seed).similarity;
  return {{{"similarity_gap", std::fabs(made - data)}, {"similarity", made}, {"similarity_data", data}}};
}

}  // namespace

const std::vector<Metric>& picture_metrics() {
  static const std::vector<Metric> all = {{"sliced_wasserstein", false, sliced_wasserstein}, {"similarity_gap", false, similarity_gap}};
  return all;
}

}  // namespace weft::gan
