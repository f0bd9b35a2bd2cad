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

// A large photograph is hundreds of megabytes of colours: no step makes a second copy of them.

/// Which pixels can be seen; all of them where none can.
std::vector<uint32_t> seen(const Image& picture) {
  std::vector<uint32_t> pixels;
  pixels.reserve(picture.pixels.size() / 3);
  for (size_t i = 0; i < picture.pixels.size() / 3; ++i)
    if (picture.alpha.empty() || picture.alpha[i] > 0) pixels.push_back(uint32_t(i));
  if (pixels.empty()) return seen({picture.height, picture.width, 3, picture.pixels});
  return pixels;
}

Vector3d colour_of(const uint8_t* pixel) { return Eigen::Map<const Eigen::Matrix<uint8_t, 3, 1>>(pixel).cast<double>() / 255; }

Colours colours_of(const Image& image, const std::vector<uint32_t>& pixels) {
  Colours colours(3, Eigen::Index(pixels.size()));
  for (size_t i = 0; i < pixels.size(); ++i) colours.col(Eigen::Index(i)) = colour_of(&image.pixels[3 * size_t(pixels[i])]);
  return colours;
}

void put(const Vector3d& colour, uint8_t* pixel) {
  for (Eigen::Index k = 0; k < 3; ++k) pixel[k] = uint8_t(std::clamp(std::nearbyint(colour[k] * 255), 0.0, 255.0));
}

Matrix3d covariance(const Colours& colours) {
  const Vector3d mean = colours.rowwise().mean();
  Matrix3d sum = Matrix3d::Zero();
  for (Eigen::Index i = 0; i < colours.cols(); ++i) {
    const Vector3d centred = colours.col(i) - mean;
    sum += centred * centred.transpose();
  }
  return sum / double(colours.cols());
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
    const Matrix3d map = inverse * power(root * covariance(palette) * root, 0.5) * inverse;
    for (Eigen::Index i = 0; i < picture.cols(); ++i) picture.col(i) = (map * picture.col(i)).eval();
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
  Image out = with_channels(picture, 3);
  const std::vector<uint32_t> pixels = seen(out);
  Colours colours = colours_of(out, pixels);
  const Image wanted = with_channels(palette, 3);
  (method == ColourMethod::mkl ? mkl : method == ColourMethod::reinhard ? reinhard : sliced)(colours, colours_of(wanted, seen(wanted)));
  for (size_t i = 0; i < pixels.size(); ++i) put(colours.col(Eigen::Index(i)), &out.pixels[3 * size_t(pixels[i])]);
  return out;
}

Image with_light_of(const Image& colours, const Image& light) {
  if (colours.height != light.height || colours.width != light.width)
    throw ShapeError("with_light_of: pictures of " + std::to_string(colours.width) + "x" + std::to_string(colours.height) + " and " +
                     std::to_string(light.width) + "x" + std::to_string(light.height) + "; resize one of them");
  const Vector3d luma(0.299, 0.587, 0.114);
  Image out = with_channels(colours, 3);
  const Image wanted = with_channels(light, 3);
  for (size_t i = 0; i < out.pixels.size(); i += 3) {        // adding grey moves the luma and no colour difference
    const Vector3d colour = colour_of(&out.pixels[i]);
    put(colour.array() + luma.dot(colour_of(&wanted.pixels[i]) - colour), &out.pixels[i]);
  }
  return out;
}

}  // namespace weft::gan
