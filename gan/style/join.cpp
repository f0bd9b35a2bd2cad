#include "style/join.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::gan {
namespace {

/// Pixels of a strip `width` wide, and what meets them there from the other end.
struct Strip {
  int height, width;
  std::vector<double> difference;                // (height, width): squared, over channels
  double at(int y, int x) const { return difference[size_t(y * width + x)]; }
};

double squared(const Image& image, int ya, int xa, int yb, int xb) {
  const size_t c = size_t(image.channels);
  const uint8_t *a = &image.pixels[(size_t(ya) * size_t(image.width) + size_t(xa)) * c], *b = &image.pixels[(size_t(yb) * size_t(image.width) + size_t(xb)) * c];
  double sum = 0;
  for (size_t k = 0; k < c; ++k) sum += (int(a[k]) - int(b[k])) * (int(a[k]) - int(b[k]));
  return sum;
}

struct Period { int begin, length; };
struct Range { int low, high; };

/// Where to begin and after how many columns to come round, so that the `overlap` columns there and here differ least.
/// Row y on the left meets row y + shift on the right, around the picture. Lengths are multiples of `multiple`.
Period best_period(const Image& image, int overlap, int shift, int multiple, Range begins, Range lengths) {
  const int h = image.height, w = image.width;
  Period best{0, (w - overlap) / multiple * multiple};
  double least = std::numeric_limits<double>::infinity();
  for (int length = (lengths.low + multiple - 1) / multiple * multiple; length <= std::min(lengths.high, w - overlap); length += multiple) {
    const int first = std::min(begins.low, w - length - overlap), last = std::min(begins.high, w - length - overlap);
    std::vector<double> columns(size_t(last - first + overlap));
    for (int y = 0; y < h; ++y)
      for (int x = 0; x < last - first + overlap; ++x)
        columns[size_t(x)] += squared(image, y, first + x, (y + shift) % h, first + x + length);
    for (int begin = first; begin <= last; ++begin) {
      double sum = 0;
      for (int x = begin - first; x < begin - first + overlap; ++x) sum += columns[size_t(x)];
      sum *= std::pow(double(w) / length, 1.5);  // a larger piece is less seen to repeat, and worth a slightly worse join
      if (sum < least) least = sum, best = {begin, length};
    }
  }
  return best;
}

/// Of large pictures first in small, then closely around what was found.
Period found_period(const Image& image, int overlap, int shift, int multiple) {
  const int w = image.width, smaller = (std::max(image.height, w) + 383) / 384;
  if (smaller == 1) return best_period(image, overlap, shift, multiple, {0, w}, {(w + 1) / 2, w});
  const Image small = resized(image, std::max(1, image.height / smaller), std::max(1, w / smaller));
  const Period near = best_period(small, std::max(2, overlap / smaller), shift / smaller, 1, {0, w}, {(small.width + 1) / 2, w});
  const int begin = near.begin * smaller, length = near.length * smaller;
  return best_period(image, overlap, shift, multiple, {std::max(0, begin - smaller), begin + smaller}, {std::max(overlap, length - smaller), length + smaller});
}

/// For each row the column, in [1, width), from which on the strip itself is taken; the line moves by one at most from row to row.
/// @param closed  the last row meets the first
std::vector<int> cut(const Strip& s, bool closed) {
  using Cut = std::pair<double, std::vector<int>>;  // what stands on both sides of a line, in all, and the line
  const auto solve = [&](int start) {            // the column of the first row and, closed, of the last; -1: any
    std::vector<double> cost(size_t(s.height * s.width), std::numeric_limits<double>::infinity());
    const auto at = [&](int y, int x) -> double& { return cost[size_t(y * s.width + x)]; };
    const auto edge = [&](int y, int x) { return s.at(y, x - 1) + s.at(y, x); };     // what stands on both sides of the line
    for (int x = 1; x < s.width; ++x)
      if (start < 0 || x == start) at(0, x) = edge(0, x);
    for (int y = 1; y < s.height; ++y)
      for (int x = 1; x < s.width; ++x) {
        double before = at(y - 1, x);
        if (x > 1) before = std::min(before, at(y - 1, x - 1));
        if (x + 1 < s.width) before = std::min(before, at(y - 1, x + 1));
        at(y, x) = before + edge(y, x);
      }
    const double* last = &cost[size_t((s.height - 1) * s.width)];
    int x = start < 0 ? int(std::min_element(last, last + s.width) - last) : start;
    const double total = last[x];
    std::vector<int> path(size_t(s.height), x);
    for (int y = s.height - 2; y >= 0; --y) {
      const int from = std::max(1, x - 1), to = std::min(s.width - 1, x + 1);
      const double* row = &cost[size_t(y * s.width)];
      x = path[size_t(y)] = int(std::min_element(row + from, row + to + 1) - row);
    }
    return Cut{total, path};
  };
  if (!closed) return solve(-1).second;
  Cut best{std::numeric_limits<double>::infinity(), {}};
  for (int start = 1; start < s.width; ++start)
    if (auto found = solve(start); found.first < best.first) best = std::move(found);
  return best.second;
}

/// Where a pattern comes round, what its ends still differ by in the mean is light, and a slope over the whole length takes it away.
Image levelled(const Image& image, Period period, int overlap, int shift, bool closed) {
  const int h = image.height, reach = h / 6;
  const size_t c = size_t(image.channels);
  const auto at = [&](int y, int x) { return (size_t(y) * size_t(image.width) + size_t(x)) * c; };
  std::vector<double> gaps(size_t(h) * c), gap(size_t(h) * c);       // of the row's beginning to what meets it; the mean of rows around
  for (int y = 0; y < h; ++y)
    for (int x = period.begin; x < period.begin + overlap; ++x)
      for (size_t k = 0; k < c; ++k)
        gaps[size_t(y) * c + k] += double(int(image.pixels[at((y + shift) % h, x + period.length) + k]) - int(image.pixels[at(y, x) + k])) / overlap;
  for (int y = 0; y < h; ++y)
    for (int d = -reach; d <= reach; ++d)
      for (size_t k = 0; k < c; ++k) gap[size_t(y) * c + k] += gaps[size_t(closed ? (y + d + h) % h : std::clamp(y + d, 0, h - 1)) * c + k] / (2 * reach + 1);
  Image out = image;
  for (int y = 0; y < h; ++y)
    for (int x = period.begin; x < period.begin + period.length + overlap; ++x)
      for (size_t k = 0; k < c; ++k) {
        const double along = double(x - period.begin) / period.length - 0.5;
        const int of = along < 0 ? y : (y - shift + h) % h;          // whose end this is
        uint8_t& p = out.pixels[at(y, x) + k];
        p = uint8_t(std::clamp(std::lround(p - gap[size_t(of) * c + k] * along), 0l, 255l));
      }
  return out;
}

/// Twice the variance: what two places that have nothing to do with each other differ by, squared, in the mean.
double unrelated(const Image& image) {
  double sum[4] = {}, square = 0;
  const size_t c = size_t(image.channels);
  for (size_t i = 0; i < image.pixels.size(); ++i) sum[i % c] += image.pixels[i], square += double(image.pixels[i]) * image.pixels[i];
  const double n = double(image.pixels.size() / c);
  return 2 * (square / n - (sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2] + sum[3] * sum[3]) / (n * n)) + 1e-6;
}

struct Joined {
  Image image;
  Join join;
};

/// A piece of the picture whose right edge runs on at its left edge, `shift` rows higher up there. The join lies on the edge.
Joined joined_across(const Image& picture, int shift, bool closed, int multiple) {
  const int h = picture.height, overlap = std::clamp(picture.width / 6, 4, 64);
  const Period period = found_period(picture, overlap, shift, multiple);
  Image even = levelled(picture, period, overlap, shift, closed);
  double apart = 0;
  for (int y = 0; y < h; ++y)
    for (int x = period.begin; x < period.begin + overlap; ++x) apart += squared(even, y, x, (y + shift) % h, x + period.length) / (h * overlap);
  const bool periodic = apart < unrelated(picture) / (shift ? 4 : 3);            // half a period away, a tartan is like itself to a third
  const Image image = periodic ? std::move(even) : picture;

  Strip strip{h, overlap, {}};
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < overlap; ++x) strip.difference.push_back(squared(image, y, period.begin + x, (y + shift) % h, period.begin + period.length + x));
  const std::vector<int> from = cut(strip, closed);
  Image out{h, period.length, image.channels, {}};
  double across = 1e-6, own = 1e-6;
  for (int y = 0; y < h; ++y) {
    const int there = (y + shift) % h, left = period.begin + from[size_t(y)], right = left + period.length;
    across += squared(image, there, right - 1, y, left);
    own += (squared(image, y, left - 1, y, left) + squared(image, there, right - 1, there, right)) / 2;
    for (int x = 0; x < period.length; ++x) {
      const bool beyond = x < from[size_t(y)];
      const size_t at = (size_t(beyond ? there : y) * size_t(image.width) + size_t(period.begin + x + (beyond ? period.length : 0))) * size_t(image.channels);
      out.pixels.insert(out.pixels.end(), image.pixels.begin() + std::ptrdiff_t(at), image.pixels.begin() + std::ptrdiff_t(at) + image.channels);
    }
  }
  return {cloth(out, shift ? Layout::half_drop : Layout::straight, 0, overlap / 2, h, out.width), {periodic, across / own}};
}

}  // namespace

Repeat joined(const Image& swatch, Layout layout) {
  const auto both = [&](bool drop) {
    const Joined rows = joined_across(transposed(swatch), 0, false, drop ? 2 : 1);
    const Image upright = transposed(rows.image);
    Joined all = joined_across(upright, drop ? upright.height / 2 : 0, true, 1);
    return Repeat{std::move(all.image), all.join, rows.join, false};
  };
  if (layout != Layout::half_drop) return both(false);
  Repeat drop = both(true), straight = both(false);
  // A drop by half of what is no period breaks a pattern; two of its own repeats, one on the other, are a half drop as well.
  straight.doubled = straight.across.periodic && straight.down.periodic && drop.across.seen > 1.25 * straight.across.seen;
  if (!straight.doubled) return drop;
  straight.image = cloth(straight.image, Layout::straight, 0, 0, 2 * straight.image.height, straight.image.width);
  return straight;
}

}  // namespace weft::gan
