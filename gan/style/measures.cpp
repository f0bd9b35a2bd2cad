#include "weft/gan/measures.h"

#include <algorithm>
#include <cmath>

#include "style/planes.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/ops.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int patch_side = 7, patch_values = patch_side * patch_side * 3, filters_at_once = 16;

struct Filters {
  int count, side;
  std::vector<float> values;                     // (count, side, side, 3), each of length 1
};

Filters random_filters(int count, int side) {
  Filters filters{count, side, {}};
  const uint64_t stream = stream_key(0, "measures.filters");
  const int n = side * side * 3;
  for (int f = 0; f < count; ++f) {
    std::vector<float> filter;
    double square = 0;
    for (uint64_t i = 0; int(filter.size()) < n; ++i) {
      float four[4];
      normals_from(philox(stream, uint64_t(f), i), four);
      for (int k = 0; k < 4 && int(filter.size()) < n; ++k) filter.push_back(four[k]);
    }
    for (const float v : filter) square += double(v) * v;
    for (const float v : filter) filters.values.push_back(float(v / std::sqrt(square)));
  }
  return filters;
}

/// DCT-II along both sides, times an orthonormal basis of colour: grey, red against blue, green against both.
Filters cosine_filters() {
  Filters filters{patch_values, patch_side, {}};
  const double colours[3][3] = {{std::sqrt(1 / 3.0), std::sqrt(1 / 3.0), std::sqrt(1 / 3.0)}, {std::sqrt(0.5), 0, -std::sqrt(0.5)}, {-std::sqrt(1 / 6.0), std::sqrt(2 / 3.0), -std::sqrt(1 / 6.0)}};
  const auto wave = [](int k, int i) { return std::sqrt((k ? 2.0 : 1.0) / patch_side) * std::cos(M_PI / patch_side * (i + 0.5) * k); };
  for (const auto& colour : colours)
    for (int v = 0; v < patch_side; ++v)
      for (int u = 0; u < patch_side; ++u)
        for (int y = 0; y < patch_side; ++y)
          for (int x = 0; x < patch_side; ++x)
            for (const double share : colour) filters.values.push_back(float(wave(v, y) * wave(u, x) * share));
  return filters;
}

/// (1, H, W, 3) in [0,1]
Tensor as_tensor(const Context& context, const Image& image) {
  const Image colour = with_channels(image, 3);
  std::vector<float> values(colour.pixels.size());
  std::transform(colour.pixels.begin(), colour.pixels.end(), values.begin(), [](uint8_t p) { return float(p) / 255; });
  return context.from(values, {1, colour.height, colour.width, 3});
}

/// The integral of |A(q) - B(q)| over quantiles q, lists in rising order: exact for lists of any two lengths.
double wasserstein(const float* a, size_t n, const float* b, size_t m) {
  double sum = 0, at = 0;
  for (size_t i = 0, j = 0; i < n && j < m;) {
    const double end_a = double(i + 1) / double(n), end_b = double(j + 1) / double(m), end = std::min(end_a, end_b);
    sum += (end - at) * std::abs(double(a[i]) - double(b[j]));
    at = end;
    i += end_a <= end_b, j += end_b <= end_a;
  }
  return sum;
}

/// All pictures' projections by filters (k, side, side, 3), sorted: k rows.
std::vector<float> projections(const Tensors& pictures, const Tensor& filters) {
  Tensors parts;
  for (const Tensor& picture : pictures) {
    const Tensor y = conv2d(picture, filters);   // (1, P, Q, k)
    parts.push_back(transpose(reshape(y, {y.size(1) * y.size(2), y.size(3)})));
  }
  return sort(parts.size() == 1 ? parts[0] : concat(parts, 1)).values.floats();
}

/// Of each of `sets` to `b`.
std::vector<double> sliced_distances(const Context& context, const std::vector<std::vector<Image>>& sets, const std::vector<Image>& b, const Filters& filters) {
  const NoGraph scope(context);
  const auto tensors = [&](const std::vector<Image>& pictures) {
    Tensors all;
    for (const Image& picture : pictures) all.push_back(as_tensor(context, at_least(picture, filters.side)));
    return all;
  };
  std::vector<Tensors> left;
  for (const std::vector<Image>& set : sets) left.push_back(tensors(set));
  const Tensors right = tensors(b);
  const Tensor bank = context.from(filters.values, {filters.count, filters.side, filters.side, 3});
  std::vector<double> distances(sets.size());
  for (int begin = 0; begin < filters.count; begin += filters_at_once) {   // memory stays that of a few copies of the pictures
    const int end = std::min(begin + filters_at_once, filters.count);
    const Tensor some = slice(bank, 0, begin, end);
    const std::vector<float> q = projections(right, some);
    for (size_t i = 0; i < left.size(); ++i) {
      const std::vector<float> p = projections(left[i], some);
      const size_t k = size_t(end - begin), n = p.size() / k, m = q.size() / k;
      for (size_t f = 0; f < k; ++f) distances[i] += wasserstein(&p[f * n], n, &q[f * m], m) / filters.count;
    }
  }
  return distances;
}

void require_same_size(const char* measure, const Image& a, const Image& b) {
  if (a.height != b.height || a.width != b.width)
    throw ShapeError(std::string(measure) + ": compares pictures of one size, and got " + std::to_string(a.width) + "x" + std::to_string(a.height) + " and " +
                     std::to_string(b.width) + "x" + std::to_string(b.height) + "; resize one of them");
}

}  // namespace

std::vector<std::array<double, 3>> patch_distances(const Context& context, const std::vector<std::vector<Image>>& sets, const std::vector<Image>& b, FilterBank bank) {
  static_assert(patch_values == 147);
  if (b.empty() || std::any_of(sets.begin(), sets.end(), [](const auto& set) { return set.empty(); })) throw ShapeError("patch_distance: needs at least one picture on each side");
  const Filters filters = bank == FilterBank::random ? random_filters(128, patch_side) : cosine_filters();
  std::vector<std::array<double, 3>> distances(sets.size());
  for (int scale = 0; scale < 3; ++scale) {
    const auto smaller = [scale](std::vector<Image> pictures) {
      for (Image& p : pictures) p = resized(p, std::max(1, p.height >> scale), std::max(1, p.width >> scale));
      return pictures;
    };
    std::vector<std::vector<Image>> small;
    for (const std::vector<Image>& set : sets) small.push_back(smaller(set));
    const std::vector<double> at_scale = sliced_distances(context, small, smaller(b), filters);
    for (size_t i = 0; i < sets.size(); ++i) distances[i][size_t(scale)] = at_scale[i];
  }
  return distances;
}

std::array<double, 3> patch_distance(const Context& context, const std::vector<Image>& a, const std::vector<Image>& b, FilterBank bank) {
  return patch_distances(context, {a}, b, bank)[0];
}

double colour_distance(const Context& context, const std::vector<Image>& a, const std::vector<Image>& b) {
  if (a.empty() || b.empty()) throw ShapeError("colour_distance: needs at least one picture on each side");
  return sliced_distances(context, {a}, b, random_filters(64, 1))[0];
}

double structural_similarity(const Image& a, const Image& b) {
  require_same_size("structural_similarity", a, b);
  return compared(luminance(at_least(a, kWindow)), luminance(at_least(b, kWindow))).luminance;
}

double luminance_correlation(const Image& a, const Image& b, double sigma) {
  require_same_size("luminance_correlation", a, b);
  // Where less than two radii fit, a smaller blur must do.
  const int radius = sigma > 0 ? std::min(int(std::ceil(3 * sigma)), (std::min(a.height, a.width) - 1) / 4) : 0;
  const auto plane = [&](const Image& image) { return radius ? blurred_inside(luminance(image), sigma, radius).values : luminance(image).values; };
  const std::vector<float> x = plane(a), y = plane(b);
  double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) sx += x[i], sy += y[i];
  const double n = double(x.size()), mx = sx / n, my = sy / n;
  for (size_t i = 0; i < x.size(); ++i) xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my), xy += (x[i] - mx) * (y[i] - my);
  return xx > 1e-9 * n && yy > 1e-9 * n ? xy / std::sqrt(xx * yy) : 0;
}

double gradient_energy(const Image& image) {
  const Plane p = luminance(image);
  const size_t h = size_t(p.height), w = size_t(p.width);
  double across = 0, down = 0;
  for (size_t y = 0; y < h; ++y)
    for (size_t x = 0; x + 1 < w; ++x) across += std::pow(p.values[y * w + x + 1] - p.values[y * w + x], 2);
  for (size_t i = 0; i + w < h * w; ++i) down += std::pow(p.values[i + w] - p.values[i], 2);
  return (w > 1 ? across / double(h * (w - 1)) : 0) + (h > 1 ? down / double((h - 1) * w) : 0);
}

double copied_share(const Context& context, const Image& image, const Image& style) {
  const int side = 16, step = 2, most = 256;
  const double threshold = 0.95, flat = 2.0 / 255;
  const NoGraph scope(context);
  const auto fitted = [&](const Image& p) {
    const double scale = std::min(1.0, double(most) / std::max(p.height, p.width));
    return at_least(resized(p, std::max(1, int(std::lround(p.height * scale))), std::max(1, int(std::lround(p.width * scale)))), side);
  };
  const Image small = fitted(image);
  const Plane plane = luminance(small);
  const int rows = plane.height / side, columns = plane.width / side, n = side * side;
  std::vector<float> blocks;                     // those that are not flat, of mean 0 and length 1: (k, side, side, 1)
  for (int block = 0; block < rows * columns; ++block) {
    std::vector<double> values;
    double mean = 0, square = 0;
    for (int i = 0; i < n; ++i) values.push_back(plane.values[size_t((block / columns * side + i / side) * plane.width + block % columns * side + i % side)]);
    for (const double v : values) mean += v / n;
    for (const double v : values) square += (v - mean) * (v - mean);
    if (square < n * flat * flat) continue;
    for (const double v : values) blocks.push_back(float((v - mean) / std::sqrt(square)));
  }
  const int64_t k = int64_t(blocks.size()) / n;
  if (k == 0) return 0;

  std::vector<bool> copied(static_cast<size_t>(k));
  const Tensor filters = context.from(blocks, {k, side, side, 1});
  const Tensor box = context.full({1, side, side, 1}, 1.0 / n);
  for (const Image& candidate : {fitted(style), resized(style, small.height, small.width)}) {
    const Plane p = luminance(candidate);
    const Tensor x = context.from(p.values, {1, p.height, p.width, 1});
    const ConvGeometry geometry{.stride = {step, step}};
    const Tensor mean = conv2d(x, box, {}, geometry), spread = conv2d(x * x, box, {}, geometry) - mean * mean;
    const Tensor correlation = conv2d(x - 0.5, filters, {}, geometry) / sqrt(maximum(spread, context.constant(flat * flat)) * n);   // (1, P, Q, k)
    const std::vector<float> best = max(correlation, {0, 1, 2}).floats();
    for (size_t i = 0; i < copied.size(); ++i)
      if (best[i] > threshold) copied[i] = true;
  }
  return double(std::count(copied.begin(), copied.end(), true)) / (rows * columns);
}

}  // namespace weft::gan
