// How alike pictures are to each other, and how a set is shared out among classes.
#include <algorithm>
#include <cmath>

#include "style/planes.h"
#include "weft/gan/set_measures.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr std::array<double, 5> kExponents = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
constexpr double kPresent = 0.02;                // share from which a class counts as there

/// Means of 2x2 pixels; an odd last row or column is left out.
Plane halved(const Plane& p) {
  Plane half{p.height / 2, p.width / 2, {}};
  for (int y = 0; y < half.height; ++y)
    for (int x = 0; x < half.width; ++x) {
      const float* at = &p.values[size_t(2 * y * p.width + 2 * x)];
      half.values.push_back((at[0] + at[1] + at[p.width] + at[p.width + 1]) / 4);
    }
  return half;
}

}  // namespace

double multi_scale_similarity(const Image& a, const Image& b) {
  if (a.height != b.height || a.width != b.width) throw ShapeError("multi_scale_similarity: compares pictures of one size; resize one of them");
  Plane x = luminance(at_least(a, kWindow)), y = luminance(at_least(b, kWindow));
  size_t scales = 1;
  while (scales < kExponents.size() && std::min(x.height, x.width) >> scales >= kWindow) ++scales;
  double sum = 0, similarity = 1;
  for (size_t s = 0; s < scales; ++s) sum += kExponents[s];
  for (size_t s = 0; s < scales; ++s) {
    if (s) x = halved(x), y = halved(y);
    const Compared c = compared(x, y);
    similarity *= std::pow(std::max(0.0, s + 1 < scales ? c.contrast : c.luminance), kExponents[s] / sum);
  }
  return similarity;
}

std::vector<std::pair<int64_t, int64_t>> random_pairs(int64_t count, int64_t pairs, uint64_t seed) {
  if (count < 2) throw ShapeError("random_pairs: " + std::to_string(count) + " pictures make no pair; it takes 2 at least");
  std::vector<std::pair<int64_t, int64_t>> all;
  const uint64_t key = stream_key(seed, "measures.pairs");
  for (int64_t i = 0; i < pairs; ++i) {
    const Words4 words = philox(key, 0, uint64_t(i));
    const auto below = [](uint32_t word, int64_t most) { return int64_t((uint64_t(word) * uint64_t(most)) >> 32); };
    const int64_t a = below(words.w[0], count), b = below(words.w[1], count - 1);
    all.emplace_back(a, b + (b >= a));
  }
  return all;
}

Diversity diversity(const std::vector<Image>& pictures, int64_t pairs, uint64_t seed) {
  Diversity mean;
  for (const auto& [i, j] : random_pairs(int64_t(pictures.size()), pairs, seed)) {
    const Image &a = pictures[size_t(i)], &b = pictures[size_t(j)];
    mean.similarity += multi_scale_similarity(a, b) / double(pairs);
    mean.difference += pixel_difference(a, b) / double(pairs);
  }
  return mean;
}

std::vector<double> shares_of(const std::vector<int>& labels, int64_t classes) {
  std::vector<double> shares(static_cast<size_t>(classes));
  for (const int label : labels) shares.at(size_t(label)) += 1;
  for (double& s : shares) s /= double(std::max<size_t>(1, labels.size()));
  return shares;
}

Balance balance(const std::vector<int>& labels, const std::vector<double>& wanted) {
  Balance b{shares_of(labels, int64_t(wanted.size())), 0, 0};
  for (size_t c = 0; c < wanted.size(); ++c) {
    b.present += b.shares[c] >= kPresent;
    if (b.shares[c] > 0) b.divergence += b.shares[c] * std::log(b.shares[c] / wanted[c]);
  }
  return b;
}

}  // namespace weft::gan
