// Who lies within whose reach. A point lies within a reach if it is nearer than the reach is long; so the k-th neighbour itself does not.
#include <algorithm>
#include <limits>

#include "metrics/products.h"

namespace weft::gan {
namespace {

/// Each point's squared distance to its k-th neighbour, for both k.
struct Reaches { std::vector<float> precision, density; };

Reaches reaches_of(const Points& p) {
  Reaches all;
  for_each_distance(p, p, [&](int64_t first, int64_t rows, const float* distances) {
    for (int64_t i = 0; i < rows; ++i) {
      std::vector<float> row(distances + i * p.count, distances + (i + 1) * p.count);
      row[size_t(first + i)] = std::numeric_limits<float>::infinity();
      std::nth_element(row.begin(), row.begin() + (kReachOfDensity - 1), row.end());
      all.density.push_back(row[kReachOfDensity - 1]);
      std::nth_element(row.begin(), row.begin() + (kReachOfPrecision - 1), row.begin() + kReachOfDensity);
      all.precision.push_back(row[kReachOfPrecision - 1]);
    }
  });
  return all;
}

double share(const std::vector<char>& flags) { return double(std::count(flags.begin(), flags.end(), 1)) / double(flags.size()); }

}  // namespace

Neighbourhood neighbourhood(const Points& real, const Points& generated) {
  expect_comparable("neighbourhood", real, generated, kReachOfDensity + 1);
  const Reaches of_real = reaches_of(real), of_generated = reaches_of(generated);
  std::vector<char> precise(size_t(generated.count)), recalled(size_t(real.count)), covered(size_t(real.count));
  double inside = 0;
  for_each_distance(real, generated, [&](int64_t first, int64_t rows, const float* distances) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < generated.count; ++j) {
        const float distance = distances[i * generated.count + j];
        const size_t r = size_t(first + i), g = size_t(j);
        if (distance < of_real.precision[r]) precise[g] = 1;
        if (distance < of_generated.precision[g]) recalled[r] = 1;
        if (distance < of_real.density[r]) covered[r] = 1, inside += 1;
      }
  });
  return {share(precise), share(recalled), inside / (double(kReachOfDensity) * double(generated.count)), share(covered)};
}

}  // namespace weft::gan
