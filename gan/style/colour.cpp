#include "weft/gan/colour.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

using Colours = Eigen::Matrix<double, 3, Eigen::Dynamic>;      // a column a pixel, in [0,1]
using Eigen::Matrix3d, Eigen::Vector3d;

constexpr double least_deviation = 2.0 / 255;    // contrasts below this are noise: they are not stretched to whatever the palette has

Colours colours_of(const Image& picture) {
  const Image image = with_channels(picture, 3);
  return Eigen::Map<const Eigen::Matrix<uint8_t, 3, Eigen::Dynamic>>(image.pixels.data(), 3, Eigen::Index(image.pixels.size() / 3)).cast<double>() / 255;
}

/// Which pixels can be seen; all of them where none can.
std::vector<Eigen::Index> seen(const Image& picture) {
  std::vector<Eigen::Index> pixels;
  for (size_t i = 0; i < picture.pixels.size() / size_t(picture.channels); ++i)
    if (picture.alpha.empty() || picture.alpha[i] > 0) pixels.push_back(Eigen::Index(i));
  if (pixels.empty()) return seen({picture.height, picture.width, picture.channels, picture.pixels});
  return pixels;
}

Colours taken(const Colours& colours, const std::vector<Eigen::Index>& pixels) {
  Colours some(3, Eigen::Index(pixels.size()));
  for (size_t i = 0; i < pixels.size(); ++i) some.col(Eigen::Index(i)) = colours.col(pixels[i]);
  return some;
}

Image image_of(const Colours& colours, int height, int width) {
  Image image{height, width, 3, std::vector<uint8_t>(size_t(colours.size()))};
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = uint8_t(std::clamp(std::nearbyint(colours.data()[i] * 255), 0.0, 255.0));
  return image;
}

Matrix3d covariance(const Colours& colours) {
  const Colours centred = colours.colwise() - Vector3d(colours.rowwise().mean());
  return centred * centred.transpose() / double(colours.cols());
}

/// @param least  of the eigenvalues: smaller ones are taken for this
Matrix3d power(const Matrix3d& symmetric, double exponent, double least = 0) {
  const Eigen::SelfAdjointEigenSolver<Matrix3d> solver(symmetric);
  return solver.eigenvectors() * solver.eigenvalues().cwiseMax(least).array().pow(exponent).matrix().asDiagonal() * solver.eigenvectors().transpose();
}

bool one_colour(const Colours& colours) { return (colours.colwise() - Vector3d(colours.col(0))).isZero(); }

/// T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2 is the one symmetric positive map with T A T = B.
void mkl(Colours& picture, const Colours& palette) {
  const Vector3d mean = picture.rowwise().mean(), wanted = palette.rowwise().mean();
  const Matrix3d a = covariance(picture);
  picture.colwise() -= mean;
  if (!one_colour(palette)) {
    const double least = least_deviation * least_deviation;
    const Matrix3d root = power(a, 0.5, least), inverse = power(a, -0.5, least);
    picture = (inverse * power(root * covariance(palette) * root, 0.5) * inverse * picture).eval();
  }
  picture.colwise() += wanted;
  for (int i = 0; i < 20; ++i)                   // each time less is lost to clipping
    picture.colwise() += wanted - picture.cwiseMax(0).cwiseMin(1).rowwise().mean();
}

Matrix3d lms_from_rgb() {
  return (Matrix3d() << 0.3811, 0.5783, 0.0402, 0.1967, 0.7244, 0.0782, 0.0241, 0.1288, 0.8444).finished();
}
Matrix3d opponents() {                           // l: light, alpha: yellow to blue, beta: red to green; orthonormal
  const Vector3d lengths(std::sqrt(1 / 3.0), std::sqrt(1 / 6.0), std::sqrt(1 / 2.0));
  return lengths.asDiagonal() * (Matrix3d() << 1, 1, 1, 1, 1, -2, 1, -1, 0).finished();
}

void reinhard(Colours& picture, const Colours& palette) {
  const Matrix3d lms = lms_from_rgb(), axes = opponents();
  const auto opponent = [&](const Colours& rgb) -> Colours { return axes * (lms * rgb).cwiseMax(1.0 / 255).array().log10().matrix(); };
  Colours from = opponent(picture);
  const Colours to = opponent(palette);
  const Vector3d mean = from.rowwise().mean(), wanted = to.rowwise().mean();
  const auto deviation = [](const Colours& c) -> Vector3d { return covariance(c).diagonal().cwiseSqrt(); };
  const Vector3d stretch = one_colour(palette) ? Vector3d(Vector3d::Ones()) : deviation(to).cwiseQuotient(deviation(from).cwiseMax(least_deviation));
  from = (stretch.asDiagonal() * (from.colwise() - mean)).colwise() + wanted;
  const Colours back = (axes.transpose() * from).array().unaryExpr([](double v) { return std::pow(10.0, std::clamp(v, -4.0, 1.0)); }).matrix();
  picture = lms.inverse() * back;
}

constexpr int kQuantiles = 512;

/// (kQuantiles) in rising order, of at most 2^16 of the values, evenly taken.
std::vector<double> quantiles(const Eigen::RowVectorXd& values) {
  const Eigen::Index step = 1 + values.cols() / 65536;
  std::vector<double> some;
  for (Eigen::Index i = 0; i < values.cols(); i += step) some.push_back(values[i]);
  std::sort(some.begin(), some.end());
  std::vector<double> out;
  for (int q = 0; q < kQuantiles; ++q) {
    const double at = double(q) / (kQuantiles - 1) * double(some.size() - 1);
    const size_t low = size_t(at), high = std::min(low + 1, some.size() - 1);
    out.push_back(some[low] + (at - double(low)) * (some[high] - some[low]));
  }
  return out;
}

/// The value that stands among `to` where `value` stands among `from`; in the middle of those it is equal to.
double matched(double value, const std::vector<double>& from, const std::vector<double>& to) {
  const auto [low, high] = std::equal_range(from.begin(), from.end(), value);
  double at = double(low - from.begin() + high - from.begin() - 1) / 2;      // equal ones are [low, high)
  if (low == high) at = low == from.begin() ? 0 : low == from.end() ? kQuantiles - 1 : double(low - from.begin()) - (*low - value) / (*low - low[-1]);
  const size_t i = std::min(size_t(at), size_t(kQuantiles - 2));
  return to[i] + (at - double(i)) * (to[i + 1] - to[i]);
}

/// Random axes, orthonormal: a function of the round.
Matrix3d turned(uint64_t round) {
  const uint64_t stream = stream_key(0, "colour.axes");
  Matrix3d random;
  for (int column = 0; column < 3; ++column) {
    float four[4];
    normals_from(philox(stream, round, uint64_t(column)), four);
    random.col(column) = Vector3d(four[0], four[1], four[2]);
  }
  return random.householderQr().householderQ();
}

void sliced(Colours& picture, const Colours& palette) {
  if (one_colour(palette)) return mkl(picture, palette);
  for (uint64_t round = 0; round < 24; ++round) {
    const Matrix3d axes = round == 0 ? Matrix3d(Matrix3d::Identity()) : turned(round);
    Colours from = axes.transpose() * picture;
    const Colours to = axes.transpose() * palette;
    for (int axis = 0; axis < 3; ++axis) {
      const std::vector<double> a = quantiles(from.row(axis)), b = quantiles(to.row(axis));
      for (Eigen::Index i = 0; i < from.cols(); ++i) from(axis, i) = matched(from(axis, i), a, b);
    }
    picture = axes * from;
  }
}

}  // namespace

ColourMethod colour_method_named(const std::string& name) {
  constexpr const char* names[] = {"mkl", "reinhard", "sliced"};
  for (int i = 0; i < 3; ++i)
    if (name == names[i]) return ColourMethod(i);
  throw ConfigError("there is no colour method '" + name + "'; there are mkl, reinhard, sliced");
}

Image recoloured(const Image& picture, const Image& palette, ColourMethod method) {
  Colours colours = colours_of(picture);
  const std::vector<Eigen::Index> pixels = seen(picture);
  Colours some = taken(colours, pixels);
  (method == ColourMethod::mkl ? mkl : method == ColourMethod::reinhard ? reinhard : sliced)(some, taken(colours_of(palette), seen(palette)));
  for (size_t i = 0; i < pixels.size(); ++i) colours.col(pixels[i]) = some.col(Eigen::Index(i));
  Image out = image_of(colours, picture.height, picture.width);
  out.alpha = picture.alpha;
  return out;
}

Image with_light_of(const Image& colours, const Image& light) {
  if (colours.height != light.height || colours.width != light.width)
    throw ShapeError("with_light_of: pictures of " + std::to_string(colours.width) + "x" + std::to_string(colours.height) + " and " +
                     std::to_string(light.width) + "x" + std::to_string(light.height) + "; resize one of them");
  const Eigen::RowVector3d luma(0.299, 0.587, 0.114);
  Colours out = colours_of(colours);
  // Adding grey moves the luma and no colour difference.
  const Eigen::RowVectorXd grey = luma * (colours_of(light) - out);
  out.rowwise() += grey;
  return image_of(out, colours.height, colours.width);
}

}  // namespace weft::gan
