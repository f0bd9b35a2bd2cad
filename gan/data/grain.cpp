// At which scale do points fall into dots?
#include <algorithm>
#include <cmath>

#include "weft/gan/points.h"

namespace weft::gan {

// C(r), the share of pairs nearer than r, grows as r^2 where points fill an area, and hardly where r is past the width of the dots but
// not at their distance. Within a round Gaussian of deviation s, C(r) = 1 - exp(-u), u = r^2 / 4 s^2, whose slope in a log-log plot,
// 2 u / (e^u - 1), passes 1 at u = 1.2564, r = 2.2418 s. So the first r with slope 1 tells s.
double grain_of(Dataset& points) {
  constexpr int kPoints = 2000, kSteps = 96;
  constexpr double kSlopeOne = 2.2418, kLargest = 4, kSmallest = 4e-4, kEnoughPairs = 200;
  const int64_t n = std::min<int64_t>(kPoints, points.size());
  std::vector<float> xy(size_t(2 * n));
  for (int64_t i = 0; i < n; ++i) points.read(i * (points.size() / n), &xy[size_t(2 * i)]);
  const double step = std::log(kLargest / kSmallest) / kSteps;
  std::vector<double> nearer(kSteps + 1, 0);     // pairs, by the logarithm of their distance; then summed
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j) {
      const double square = std::pow(xy[size_t(2 * i)] - xy[size_t(2 * j)], 2) + std::pow(xy[size_t(2 * i + 1)] - xy[size_t(2 * j + 1)], 2);
      const double at = std::ceil((0.5 * std::log(square + 1e-30) - std::log(kSmallest)) / step);
      if (at <= kSteps) ++nearer[size_t(std::max(0.0, at))];
    }
  for (int k = 1; k <= kSteps; ++k) nearer[size_t(k)] += nearer[size_t(k) - 1];
  constexpr int kSpan = 4;                       // steps over which the slope is taken; enough to be smooth
  bool area = false;                             // seen; points that coincide are no area
  for (int k = kSpan; k + kSpan <= kSteps; ++k) {
    const double low = nearer[size_t(k - kSpan)], high = nearer[size_t(k + kSpan)];
    if (low < kEnoughPairs) continue;
    const bool steep = std::log(high / low) > 2 * kSpan * step;
    if (area && !steep) return kSmallest * std::exp(k * step) / kSlopeOne;
    area = area || steep;
  }
  return 1;
}

}  // namespace weft::gan
