#include "metrics/products.h"

#include <Eigen/Core>
#include <algorithm>
#include <string>

#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
constexpr int64_t kRowsAtOnce = 256;

Eigen::Map<const Rows> rows_of(const Points& p) { return {p.values.data(), p.count, p.dimensions}; }

void products_of(const Eigen::Ref<const Rows>& left, const Eigen::Ref<const Rows>& right, const SeeProducts& see) {
  Rows products;
  for (int64_t first = 0; first < left.rows(); first += kRowsAtOnce) {
    const int64_t rows = std::min(kRowsAtOnce, left.rows() - first);
    products.noalias() = left.middleRows(first, rows) * right.transpose();
    see(first, rows, products.data());
  }
}

}  // namespace

void expect_comparable(const char* measure, const Points& a, const Points& b, int64_t least) {
  const auto text = [](const Points& p) { return std::to_string(p.count) + " points of " + std::to_string(p.dimensions) + " numbers"; };
  if (a.dimensions != b.dimensions || a.dimensions < 1)
    throw ShapeError(std::string(measure) + ": compares points of one space, and got " + text(a) + " and " + text(b));
  if (std::min(a.count, b.count) < least)
    throw ShapeError(std::string(measure) + ": needs at least " + std::to_string(least) + " points on each side, and got " + text(a) + " and " + text(b));
}

void for_each_product(const Points& a, const Points& b, const SeeProducts& see) { products_of(rows_of(a), rows_of(b), see); }

void for_each_distance(const Points& a, const Points& b, const SeeProducts& see) {
  const Eigen::RowVectorXd middle = rows_of(a).cast<double>().colwise().mean();
  const auto moved = [&](const Points& p) { return Rows((rows_of(p).cast<double>().rowwise() - middle).cast<float>()); };
  const auto squares = [](const Rows& x) { return Eigen::VectorXf(x.cast<double>().rowwise().squaredNorm().cast<float>()); };
  const Rows left = moved(a), right = moved(b);
  const Eigen::VectorXf left_squares = squares(left), right_squares = squares(right);
  Rows distances;
  products_of(left, right, [&](int64_t first, int64_t rows, const float* products) {
    distances = left_squares.segment(first, rows).replicate(1, b.count).rowwise() + right_squares.transpose();
    distances -= 2 * Eigen::Map<const Rows>(products, rows, b.count);
    distances = distances.unaryExpr([](float d) { return std::max(0.0f, d); });
    see(first, rows, distances.data());
  });
}

Tensor squared_distances(const Tensor& a, const Tensor& b) {
  const Tensor left = sum(a * a, {1}, KeepAxes::yes), right = sum(b * b, {1});
  return left + reshape(right, {1, b.size(0)}) - 2 * matmul(a, b, false, true);
}

}  // namespace weft::gan
