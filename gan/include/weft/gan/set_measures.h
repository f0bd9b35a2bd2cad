// How far one set of pictures is from another: distances between two clouds of points, and what needs no network. The points are
// what a frozen network sees in each picture (weft/gan/describer.h), so a figure means something only beside that network's
// hash, the count of pictures, and the same figure between two halves of the real ones. docs/metrics.md says how to read each.
// All are the same on every run, and none depends on the order of the points.
#pragma once
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "weft/gan/image.h"

namespace weft::gan {

/// `count` points of `dimensions` numbers each, one point after another.
struct Points {
  int64_t count = 0, dimensions = 0;
  std::vector<float> values;
};

struct Moments {
  int64_t count = 0;
  std::vector<double> mean, covariance;          // (d), (d, d) with n - 1 in the denominator
};
/// Throws ShapeError for fewer than 2 points.
Moments moments_of(const Points& points);

/// Of the two normal distributions that have these moments: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), which is 0 for equal
/// ones. The root's trace is taken from the eigenvalues of S1^(1/2) S2 S1^(1/2), which is symmetric, so nothing complex arises.
/// With count <= d a covariance has no full rank; whoever calls must refuse that.
/// Paper: Heusel et al., arXiv:1706.08500. Throws ShapeError if the dimensions differ.
double frechet_distance(const Moments& a, const Moments& b);

/// By how much frechet_distance() exceeds its true value because `count` points stand for the whole of a distribution with these
/// moments, to first order in 1/count: sum l_i / n + sum l_i l_j (1 + [i = j]) / (2 n (l_i + l_j)), l the eigenvalues. Where both
/// sides are samples, the sum of both. It shrinks as 1/n, so figures of different counts are not to be compared.
double frechet_bias(const Moments& moments, int64_t count);

/// Unbiased squared maximum mean discrepancy by the kernel (x.y / d + 1)^3: its mean is 0 for equal distributions whatever the
/// count, so it may be negative. Paper: Binkowski et al., arXiv:1801.01401. Throws ShapeError for fewer than 2 points.
double kernel_distance(const Points& a, const Points& b);

/// Shares of points that lie within the reach of others; a point's reach is its distance to its k-th neighbour in its own set.
struct Neighbourhood {
  double precision = 0;                          // generated points within the reach of a real one: are they like real pictures?
  double recall = 0;                             // real points within the reach of a generated one: is all of the data there?
  double density = 0;                            // real reaches that a generated point lies in, over k: 1 where both sets are alike, above it in crowded places
  double coverage = 0;                           // real points that have a generated one within their reach
};
constexpr int kReachOfPrecision = 3, kReachOfDensity = 5;
/// Papers: Kynkaanniemi et al., arXiv:1904.06991 (k = 3); Naeem et al., arXiv:2002.09797 (k = 5).
/// Throws ShapeError for no more points than neighbours.
Neighbourhood neighbourhood(const Points& real, const Points& generated);

/// SSIM of luminances over several sizes, each half of the one before: the product of the contrast and structure at each, and the
/// luminance at the smallest. The paper's five exponents, of which as many are used as the 11x11 window fits, scaled to a sum of
/// 1; a mean below 0 counts as 0. Paper: Wang, Simoncelli, Bovik, 2003. Throws ShapeError if the sizes differ.
double multi_scale_similarity(const Image& a, const Image& b);

/// `pairs` random pairs of two different pictures, of [0, count). Throws ShapeError for fewer than 2.
std::vector<std::pair<int64_t, int64_t>> random_pairs(int64_t count, int64_t pairs, uint64_t seed);

/// Root of the mean squared difference of pixels, in [0, 1]. Of one size and as many channels.
double pixel_difference(const Image& a, const Image& b);

/// How alike the pictures of a set are to each other, as means over random pairs: 1 and 0 say that they are one picture.
struct Diversity {
  double similarity = 0;                         // multi_scale_similarity()
  double difference = 0;                         // pixel_difference()
};
Diversity diversity(const std::vector<Image>& pictures, int64_t pairs, uint64_t seed);

/// How labels are shared out among classes.
struct Balance {
  std::vector<double> shares;                    // of each class
  int64_t present = 0;                           // classes with a share of at least 0.02
  double divergence = 0;                         // Kullback and Leibler's, of these shares from the wanted ones, in nats; (K - 1) / 2n for a perfect sampler
};
/// @param wanted  the data's own shares
Balance balance(const std::vector<int>& labels, const std::vector<double>& wanted);
/// The share of each of so many classes.
std::vector<double> shares_of(const std::vector<int>& labels, int64_t classes);

}  // namespace weft::gan
