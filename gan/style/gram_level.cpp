// Method gram of a transfer: a job's pictures at one level's size, for style/gram.h.
#include <algorithm>
#include <cmath>

#include "style/gram.h"
#include "style/planes.h"
#include "style/regions.h"

namespace weft::gan {

std::unique_ptr<Level> gram_level(const Tensor& start, const Tensor& content, const TransferJob& job, const TransferPlan& plan) {
  const Context context = start.context();
  const int h = int(start.size(1)), w = int(start.size(2)), longer = std::max(1, int(std::lround(std::max(h, w) * job.options.brush)));
  const int least = 1 << job.features->stages().size();
  std::vector<GramRegion> regions;
  Tensors all;
  for (size_t r = 0; r < std::max<size_t>(1, job.masks.size()); ++r) {
    GramRegion region;
    if (!job.masks.empty()) region.share = context.from(coverage(resized(job.masks[r], h, w), 0), {1, h, w, 1});
    if (region.share && mean(region.share).item() == 0) continue;      // too thin to be seen at this size
    for (const Style& s : job.styles) {
      if (s.weight == 0 || (!job.masks.empty() && s.region != int(r))) continue;
      all.push_back(to_tensor(context, at_least(fitted(s.picture, longer), least)));
      region.styles.push_back({all.back(), s.weight});
    }
    regions.push_back(std::move(region));
  }
  return std::make_unique<GramLevel>(GramLoss(job.features, content, regions, job.options.strength), start, palette_root(all), plan.steps);
}

/// As measured. In a step: of each activation the convolution's result, the ReLU's and a gradient, those that are just computed once more, and a
/// style tap times a region's share; the pyramid of changes with Adam's moments. Before the first one: the styles, the content's taps, and the
/// first stage of the largest style. Beside either, the weights; and a fiftieth more, for what is small.
size_t gram_bytes(const TransferJob& job, int h, int w) {
  double weights = 0, activations = 0, taps = 0, share = 1, from = 3;
  for (const auto& stage : job.features->stages()) {
    for (const int64_t filters : stage) {
      weights += double(filters) * (9 * from + 1), activations += share * double(filters);
      from = double(filters);
    }
    taps += share * double(stage[0]);
    share /= 4;
  }
  double styles = 0, largest = 0;
  for (const Style& s : job.styles) {
    const double size = style_pixels(s.picture, std::max(h, w) * job.options.brush);
    styles += size, largest = std::max(largest, size);
  }
  const double pixels = double(h) * w, step = pixels * (200 + 2.6 * 4 * activations + 4 * taps * double(job.masks.size()));
  const double before = pixels * (52 + 4 * taps) + 12 * styles + largest * (16 + 12 * double(job.features->stages()[0][0]));
  return size_t(1.02 * (4 * weights + std::max(step, before)));
}

}  // namespace weft::gan
