#include "metrics/products.h"

namespace weft::gan {
namespace {

/// Mean of the kernel over all pairs; `apart` leaves out those of a point with itself.
double mean_kernel(const Points& a, const Points& b, bool apart) {
  double sum = 0;
  for_each_product(a, b, [&](int64_t first, int64_t rows, const float* products) {
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < b.count; ++j) {
        if (apart && first + i == j) continue;
        const double k = double(products[i * b.count + j]) / double(a.dimensions) + 1;
        sum += k * k * k;
      }
  });
  return sum / (double(a.count) * double(apart ? b.count - 1 : b.count));
}

}  // namespace

double kernel_distance(const Points& a, const Points& b) {
  expect_comparable("kernel_distance", a, b, 2);
  return mean_kernel(a, a, true) + mean_kernel(b, b, true) - 2 * mean_kernel(a, b, false);
}

}  // namespace weft::gan
