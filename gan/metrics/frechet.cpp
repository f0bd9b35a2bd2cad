// Distance of two sets of points by their means and covariances alone.
#include <Eigen/Eigenvalues>

#include "weft/gan/set_measures.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

using Matrix = Eigen::MatrixXd;

Matrix covariance_of(const Moments& m) {
  const auto d = Eigen::Index(m.mean.size());
  return Eigen::Map<const Matrix>(m.covariance.data(), d, d);        // symmetric, so the order of its axes does not matter
}

/// Rounding may leave an eigenvalue of a covariance a little below 0.
Eigen::VectorXd eigenvalues_of(const Matrix& symmetric) {
  return Eigen::SelfAdjointEigenSolver<Matrix>(symmetric, Eigen::EigenvaluesOnly).eigenvalues().cwiseMax(0);
}

}  // namespace

Moments moments_of(const Points& p) {
  if (p.count < 2) throw ShapeError("moments: " + std::to_string(p.count) + " points have no covariance; it takes 2 at least, and more than dimensions for it to be of use");
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Matrix x = Eigen::Map<const Rows>(p.values.data(), p.count, p.dimensions).cast<double>();
  const Eigen::RowVectorXd mean = x.colwise().mean();
  x.rowwise() -= mean;
  const Matrix covariance = x.transpose() * x / double(p.count - 1);
  return {p.count, {mean.data(), mean.data() + mean.size()}, {covariance.data(), covariance.data() + covariance.size()}};
}

double frechet_distance(const Moments& a, const Moments& b) {
  if (a.mean.size() != b.mean.size())
    throw ShapeError("frechet_distance: points of " + std::to_string(a.mean.size()) + " and of " + std::to_string(b.mean.size()) + " numbers are of different networks");
  const Matrix s1 = covariance_of(a), s2 = covariance_of(b);
  const Eigen::SelfAdjointEigenSolver<Matrix> solved(s1);
  const Matrix root = solved.eigenvectors() * solved.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal() * solved.eigenvectors().transpose();
  double between = 0;
  for (size_t i = 0; i < a.mean.size(); ++i) between += (a.mean[i] - b.mean[i]) * (a.mean[i] - b.mean[i]);
  return between + s1.trace() + s2.trace() - 2 * eigenvalues_of(root * s2 * root).cwiseSqrt().sum();
}

double frechet_bias(const Moments& moments, int64_t count) {
  const Eigen::VectorXd l = eigenvalues_of(covariance_of(moments));
  double sum = l.sum();
  for (Eigen::Index i = 0; i < l.size(); ++i)
    for (Eigen::Index j = 0; j < l.size(); ++j)
      if (l[i] + l[j] > 0) sum += l[i] * l[j] * (i == j ? 2 : 1) / (2 * (l[i] + l[j]));
  return sum / double(count);
}

}  // namespace weft::gan
