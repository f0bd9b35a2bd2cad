#include "metrics/products.h"

#include <Eigen/Core>
#include <algorithm>
#include <string>

#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
constexpr int64_t kRowsAtOnce = 256;

std::vector<double> middle_of(const Points& p) {
  std::vector<double> middle(size_t(p.dimensions));
  for (size_t i = 0; i < p.values.size(); ++i) middle[i % size_t(p.dimensions)] += p.values[i];
  for (double& m : middle) m /= double(p.count);
  return middle;
}

Points moved(Points p, const std::vector<double>& by) {
  for (size_t i = 0; i < p.values.size(); ++i) p.values[i] = float(double(p.values[i]) - by[i % by.size()]);
  return p;
}

std::vector<float> squares(const Points& p) {
  std::vector<float> all;
  for (int64_t i = 0; i < p.count; ++i) {
    double sum = 0;
    for (int64_t k = 0; k < p.dimensions; ++k) sum += double(p.values[size_t(i * p.dimensions + k)]) * p.values[size_t(i * p.dimensions + k)];
    all.push_back(float(sum));
  }
  return all;
}

}  // namespace

void expect_comparable(const char* measure, const Points& a, const Points& b, int64_t least) {
  const auto text = [](const Points& p) { return std::to_string(p.count) + " points of " + std::to_string(p.dimensions) + " numbers"; };
  if (a.dimensions != b.dimensions || a.dimensions < 1)
    throw ShapeError(std::string(measure) + ": compares points of one space, and got " + text(a) + " and " + text(b));
  if (std::min(a.count, b.count) < least)
    throw ShapeError(std::string(measure) + ": needs at least " + std::to_string(least) + " points on each side, and got " + text(a) + " and " + text(b));
}

void for_each_product(const Points& a, const Points& b, const SeeProducts& see) {
  const Eigen::Map<const Rows> left(a.values.data(), a.count, a.dimensions), right(b.values.data(), b.count, b.dimensions);
  Rows products;
  for (int64_t first = 0; first < a.count; first += kRowsAtOnce) {
    const int64_t rows = std::min(kRowsAtOnce, a.count - first);
    products.noalias() = left.middleRows(first, rows) * right.transpose();
    see(first, rows, products.data());
  }
}

void for_each_distance(const Points& a, const Points& b, const SeeProducts& see) {
  const std::vector<double> middle = middle_of(a);
  const Points left = moved(a, middle), right = moved(b, middle);
  const std::vector<float> left_squares = squares(left), right_squares = squares(right);
  std::vector<float> distances;
  for_each_product(left, right, [&](int64_t first, int64_t rows, const float* products) {
    distances.resize(size_t(rows * right.count));
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < right.count; ++j)
        distances[size_t(i * right.count + j)] = std::max(0.0f, left_squares[size_t(first + i)] + right_squares[size_t(j)] - 2 * products[i * right.count + j]);
    see(first, rows, distances.data());
  });
}

Tensor squared_distances(const Tensor& a, const Tensor& b) {
  const Tensor left = sum(a * a, {1}, KeepAxes::yes), right = sum(b * b, {1});
  return left + reshape(right, {1, b.size(0)}) - 2 * matmul(a, b, false, true);
}

}  // namespace weft::gan
