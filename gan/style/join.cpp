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
/// @param halves  it is to come round after half the length as well
Period best_period(const Image& image, int overlap, int shift, int multiple, bool halves, Range begins, Range lengths) {
  const int h = image.height, w = image.width;
  Period best{0, (w - overlap) / multiple * multiple};
  double least = std::numeric_limits<double>::infinity();
  for (int length = (lengths.low + multiple - 1) / multiple * multiple; length <= std::min(lengths.high, w - overlap); length += multiple) {
    const int first = std::min(begins.low, w - length - overlap), last = std::min(begins.high, w - length - overlap);
    std::vector<double> columns(size_t(last - first + overlap));
    for (int y = 0; y < h; ++y)
      for (int x = 0; x < last - first + overlap; ++x)
        columns[size_t(x)] += squared(image, y, first + x, (y + shift) % h, first + x + length) + (halves ? squared(image, y, first + x, y, first + x + length / 2) : 0);
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
Period found_period(const Image& image, int overlap, int shift, int multiple, bool halves) {
  const int w = image.width, smaller = (std::max(image.height, w) + 383) / 384;
  if (smaller == 1) return best_period(image, overlap, shift, multiple, halves, {0, w}, {(w + 1) / 2, w});
  const Image small = resized(image, std::max(1, image.height / smaller), std::max(1, w / smaller));
  const Period near = best_period(small, std::max(2, overlap / smaller), shift / smaller, 1, halves, {0, w}, {(small.width + 1) / 2, w});
  const int begin = near.begin * smaller, length = near.length * smaller;
  return best_period(image, overlap, shift, multiple, halves, {std::max(0, begin - smaller), begin + smaller}, {std::max(overlap, length - smaller), length + smaller});
}

/// What stands on both sides of a line, in all, and the line.
using Cut = std::pair<double, std::vector<int>>;

/// For each row the column, in [1, width), from which on the strip itself is taken; the line moves by one at most from row to row.
/// @param closed  the last row meets the first
Cut cut(const Strip& s, bool closed) {
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
  if (!closed) return solve(-1);
  Cut best{std::numeric_limits<double>::infinity(), {}};
  for (int start = 1; start < s.width; ++start)
    if (auto found = solve(start); found.first < best.first) best = std::move(found);
  return best;
}

struct Joined {
  Image image;
  double difference;                             // along the cut, a row
};

/// A piece of the picture whose right edge runs on at its left edge, `shift` rows higher up there. The join lies on the edge.
Joined joined_across(const Image& image, int shift, bool closed, int multiple, bool halves) {
  const int h = image.height, overlap = std::clamp(image.width / 6, 4, 64);
  const Period period = found_period(image, overlap, shift, multiple, halves);
  Strip strip{h, overlap, {}};
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < overlap; ++x) strip.difference.push_back(squared(image, y, period.begin + x, (y + shift) % h, period.begin + period.length + x));
  const auto [difference, from] = cut(strip, closed);
  Image out{h, period.length, image.channels, {}};
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < period.length; ++x) {
      const bool beyond = x < from[size_t(y)] && x < overlap;
      const size_t at = (size_t(beyond ? (y + shift) % h : y) * size_t(image.width) + size_t(period.begin + x + (beyond ? period.length : 0))) * size_t(image.channels);
      out.pixels.insert(out.pixels.end(), image.pixels.begin() + std::ptrdiff_t(at), image.pixels.begin() + std::ptrdiff_t(at) + image.channels);
    }
  return {cloth(out, shift ? Layout::half_drop : Layout::straight, 0, overlap / 2, h, out.width), difference / h};
}

}  // namespace

Image joined(const Image& swatch, Layout layout) {
  const bool drop = layout == Layout::half_drop;
  const auto rows_of = [&](bool halves) { return transposed(joined_across(transposed(swatch), 0, false, drop ? 2 : 1, halves).image); };
  const auto closed = [&](const Image& rows) { return joined_across(rows, drop ? rows.height / 2 : 0, true, 1, false); };
  const Joined any = closed(rows_of(false));
  if (!drop) return any.image;
  // Half a drop of two and a half bars would set light against dark. Whether the half is to be a period too, the second join tells.
  const Joined even = closed(rows_of(true));
  const auto cost = [](const Joined& j) { return j.difference * std::pow(double(j.image.height) * j.image.width, -1.5); };
  return cost(even) < 0.5 * cost(any) ? even.image : any.image;          // of cloth without bars the two differ by little: there the better length stays
}

}  // namespace weft::gan
