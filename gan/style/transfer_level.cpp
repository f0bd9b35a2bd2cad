#include "style/transfer_level.h"

#include <algorithm>
#include <cmath>

#include "style/planes.h"
#include "style/regions.h"
#include "weft/tensor/autograd.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int kReach = kPatchSide / 2, kStripHeight = kStripRows + 2 * kReach;

constexpr double kFirstRate = 1.3, kLastRate = 0.4;   // of the step that moves a patch all the way; from half of a level on it falls evenly
constexpr double kEnough = 0.7, kEnoughSlope = 0.16;               // mean likeness at which nothing is held: at structure 1, and how much less at 0
constexpr double kHold = 0.21, kHeldToTheEnd = 0.1;                 // at structure 1, in pixels of [-1, 1] a step, unit of the likeness's slope and of what it lacks; share that is left of it at a level's end
constexpr double kLeastHue = 0.3;                                    // how far colours go at least where light goes 1
constexpr double kAxes[3][3] = {{0.57735, 0.57735, 0.57735}, {0.70711, 0, -0.70711}, {-0.40825, 0.81650, -0.40825}};   // grey, red against blue, green against both

/// (N, h, w, 3) to (N, h, w, 1)
Tensor light_of(const Tensor& x) { return conv2d(x, x.context().from(std::vector<double>{0.299, 0.587, 0.114}, {1, 1, 1, 3})); }

/// Where the picture is to go to be more like the content in light and shade: up the slope of the likeness, over all patches the sum of
/// SSIM. Nearly flat patches have so steep a slope that a step would end beyond the top, as noise: theirs counts in proportion to their
/// variance. And all of it counts by how much is needed: by what the mean likeness lacks to `enough`.
/// @param x      (N, h, w, 3), whose rows reach beyond those of the patches by kReach at both ends if `inner`
/// @param light  the content's, alike: (N, h, w, 1)
/// @param moved  alike: 1 where the picture is in a region, 0 where it stays as it is; empty: all of it is
Tensor towards_likeness(const Tensor& x, const Tensor& light, const Tensor& moved, double enough, bool inner) {
  constexpr double steady = 0.05;                // variances: no slope is steeper than at this
  const Context context = x.context();
  const int down = inner ? 0 : kReach;
  const int64_t n = x.size(0);
  const Tensor column = context.full({1, kPatchSide, 1, 1}, 1.0 / kPatchSide), row = context.full({1, 1, kPatchSide, 1}, 1.0 / kPatchSide);
  const auto bordered = [&](const Tensor& plane) { return pad(1 + plane, {down, down, kReach, kReach}, Padding::reflect); };
  const auto means = [&](const Tensor& planes) { return conv2d(conv2d(planes, column), row); };
  const Tensor nothing = context.constant(0), one = context.constant(1);
  const Tensor c1 = context.constant(0.0004), c2 = context.constant(0.0036);   // SSIM's, of light in [0, 2]
  const auto variance = [&](const Tensor& mean, const Tensor& square) { return maximum(square - mean * mean, nothing); };

  const Tensor theirs = bordered(light), their_mean = means(theirs), wanted = variance(their_mean, means(theirs * theirs));      // outside the graph
  const Context::Recording on(context, true);
  const Tensor leaf = x.leaf(), ours = bordered(light_of(leaf)), all = means(concat({ours, ours * ours, ours * theirs}, 0));
  const Tensor mean_light = slice(all, 0, 0, n), both = mean_light * their_mean, spread = variance(mean_light, slice(all, 0, n, 2 * n)) + wanted + c2;
  const Tensor in_light = (2 * both + c1) / (mean_light * mean_light + their_mean * their_mean + c1);
  const Tensor likeness = in_light * (2 * (slice(all, 0, 2 * n, 3 * n) - both) + c2) / spread;
  const Tensor weight = minimum(spread.detach() / steady, one), slope = grad(sum(likeness * weight), {leaf})[0].detach();
  const NoGraph off(context);
  const Tensor counted = moved && inner ? slice(moved, 1, kReach, kReach + kStripRows) : moved, unlike = 1 - likeness.detach();
  const Tensor lacking = moved ? sum(unlike * counted) / maximum(sum(counted), one) : mean(unlike);
  return maximum(lacking - (1 - enough), nothing) * slope;
}

/// Along kAxes.
std::array<double, 3> variances(const Image& picture) {
  std::array<double, 3> result{};
  const size_t n = picture.pixels.size() / 3;
  for (size_t axis = 0; axis < 3; ++axis) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; ++i) {
      double v = 0;
      for (size_t c = 0; c < 3; ++c) v += kAxes[axis][c] * picture.pixels[3 * i + c];
      sum += v, squares += v * v;
    }
    result[axis] = std::max(0.0, squares / double(n) - sum * sum / (double(n) * double(n)));
  }
  return result;
}

/// (3, 1, 1, 3): leaves grey as it is, takes red against blue times `warm` and green against both times `green`.
Tensor colour_matrix(const Context& context, double warm, double green) {
  const double by[3] = {1, warm, green};
  std::vector<double> matrix(9);
  for (int axis = 0; axis < 3; ++axis)
    for (int i = 0; i < 9; ++i) matrix[size_t(i)] += by[axis] * kAxes[axis][i / 3] * kAxes[axis][i % 3];
  return context.from(matrix, {3, 1, 1, 3});
}

Size2 first_of(int grid) { return {grid / kTransferStride, grid % kTransferStride}; }

/// A part of the picture's rows: strips spread evenly over its height, so that their patches are distributed as the whole's. The
/// patches of all parts tile the picture; `offset` moves the borders between strips, so none of them can be seen.
/// @return  which row of the picture, mirrored beyond its ends, for (strips, kStripRows + 6)
std::vector<int32_t> rows_of(int height, int part, int parts, int offset) {
  std::vector<int32_t> rows;
  const int period = std::max(1, 2 * (height - 1));
  for (int first = part * kStripRows - offset; first < height; first += parts * kStripRows)
    for (int y = first - kReach; y < first + kStripRows + kReach; ++y) {
      const int at = (y % period + period) % period;
      rows.push_back(std::min(at, period - at));
    }
  return rows;
}

}  // namespace

Image fitted(const Image& image, int longer) {
  const double scale = double(longer) / std::max(image.height, image.width);
  const auto side = [scale](int s) { return std::max(1, int(std::lround(s * scale))); };
  return at_least(resized(image, side(image.height), side(image.width)), kPatchSide + 1);
}

double style_pixels(const Image& style, double longer) { return longer * longer * std::min(style.height, style.width) / std::max(style.height, style.width); }

int style_stride(double pixels, double brush, const TransferPlan& plan) {
  return kTransferStride * std::max({1, int(std::lround(brush * std::sqrt(double(plan.parts)))), std::min(3, int(std::sqrt(pixels / kStylePatches)))});
}

TransferLevel::TransferLevel(const Context& context, const Tensor& start, const TransferJob& job, const TransferPlan& plan)
    : Level(start), context_(context), plan_(plan), stream_(stream_key(job.options.seed, "transfer")), tinted_(stream_key(job.options.seed, "transfer tinted")),
      waves_(stream_key(job.options.seed, "transfer waves")), height_(int(start.size(1))), width_(int(start.size(2))),
      hold_(kHold * std::sqrt(job.options.structure)), enough_(kEnough - kEnoughSlope * (1 - job.options.structure)) {
  if (hold_ > 0) light_ = light_of(to_tensor(context, resized(with_channels(job.content, 3), height_, width_)));
  std::vector<float> moved(job.masks.empty() || hold_ == 0 ? 0 : size_t(height_) * size_t(width_));
  const double brush = job.options.brush;
  const int longer = std::max(1, int(std::lround(std::max(height_, width_) * brush)));
  std::array<double, 3> spread{};
  for (size_t r = 0; r < std::max<size_t>(1, job.masks.size()); ++r) {
    Region region;
    if (!job.masks.empty()) region.pixels = inside(resized(with_channels(job.masks[r], 1), height_, width_));
    if (!job.masks.empty() && region.pixels.empty()) continue;         // too thin to be seen at this size
    if (!moved.empty())
      for (const int32_t p : region.pixels) moved[size_t(p)] = 1;
    for (const Style& s : job.styles) {
      if (!job.masks.empty() && s.region != int(r)) continue;
      const Image shown = fitted(s.picture, longer);
      const std::array<double, 3> own = variances(shown);
      for (size_t axis = 0; axis < 3; ++axis) spread[axis] += s.weight * own[axis];
      const int stride = style_stride(double(shown.height) * shown.width, brush, plan);
      region.parts.push_back({{.pictures = to_tensor(context, shown), .stride = stride}, s.weight});
    }
    regions_.push_back(std::move(region));
  }
  for (size_t i = 0; i < 2; ++i) hues_[i] = std::clamp(std::pow(spread[i + 1] / std::max(spread[0], 1e-3), 0.25), kLeastHue, 1.0);
  if (!moved.empty()) moved_ = context.from(moved, {1, height_, width_, 1});
}

/// (grids * directions, 7, 7, 3). A wave meets itself in the patches next to it, so a whole step along it would overshoot: its square is what it
/// steps by. The others see large shapes and little else, but would move all there is to move, and leave grain and colour noise: they are smoothed.
/// Along a direction of light and colours a gap in light is closed by as much of colours, which is noise where a style's colours vary less. Hence
/// directions see colours as much larger as steps then make them smaller, half of the way (hues_) to where all vary alike.
Tensor TransferLevel::directions() const {
  constexpr double wave = 0.85, random = 1.2;
  constexpr int each = kTransferGrids * kTransferRandom, waves = kTransferGrids * (kTransferDirections - 2 * kTransferRandom);
  const auto by_grid = [](const Tensor& all) { return reshape(all, {kTransferGrids, all.size(0) / kTransferGrids, kPatchSide, kPatchSide, 3}); };
  const auto smooth = [&](const Tensor& drawn) { return by_grid(random * filter(drawn, {0.2, 0.6, 0.2})); };
  const Tensor all = concat({smooth(draw_directions(context_, each, stream_)), smooth(draw_tinted(context_, each, tinted_)), by_grid(wave * draw_waves(context_, waves, waves_))}, 1);
  return conv2d(reshape(all, {kTransferGrids * kTransferDirections, kPatchSide, kPatchSide, 3}), colour_matrix(context_, 1 / hues_[0], 1 / hues_[1]));
}

void TransferLevel::step(int number) {
  const Tensor directions = this->directions();
  squares_ = {}, gaps_ = 0;
  const double past = double(done_++) / plan_.steps, hold = hold_ * std::max(kHeldToTheEnd, 1 - (1 - kHeldToTheEnd) * past);
  // The draw of a step is noise in the picture, the more of it the longer the step: the later ones are shorter.
  const double rate = kFirstRate + (kLastRate - kFirstRate) * std::clamp(2 * past - 1, 0.0, 1.0);
  for (int part = 0; part < plan_.parts; ++part) {
    const std::vector<int32_t> rows = plan_.parts == 1 ? std::vector<int32_t>() : rows_of(height_, part, plan_.parts, number * 23 % kStripRows);
    if (plan_.parts > 1 && rows.empty()) continue;
    const Tensor seen = seen_of(picture, rows);
    Tensor sum;
    for (Region& region : regions_)
      for (int d = 0; d < kTransferGrids * kTransferDirections; d += plan_.directions_at_once)
        if (const std::optional<Tensor> one = gradient(region, seen, rows, d / kTransferDirections, number, slice(directions, 0, d, d + plan_.directions_at_once)))
          sum = sum ? sum + *one : *one;
    if (!sum) continue;
    // A patch is to move by the mean over its grid's directions of gap * direction, times its 147 numbers; a pixel is part of 49 patches.
    sum = conv2d(sum, colour_matrix(context_, hues_[0] * hues_[0], hues_[1] * hues_[1]));
    Tensor moved = fma(sum, context_.constant(-3.0 / kTransferDirections * rate), seen);
    if (hold > 0) moved = fma(towards_likeness(seen, seen_of(light_, rows), moved_ ? seen_of(moved_, rows) : moved_, enough_, !rows.empty()), context_.constant(hold), moved);
    if (rows.empty()) picture = moved;
    else write_back(moved, rows);
  }
}

/// (1, h, w, C), or of some rows of it (strips, kStripHeight, w, C).
Tensor TransferLevel::seen_of(const Tensor& whole, const std::vector<int32_t>& rows) const {
  if (rows.empty()) return whole;
  const int64_t channels = whole.size(3), strips = int64_t(rows.size()) / kStripHeight;
  return reshape(gather(reshape(whole, {height_, width_ * channels}), context_.index(rows, {int64_t(rows.size())})), {strips, kStripHeight, width_, channels});
}

/// In place: neighbouring strips share six rows, which each of them moves in its turn.
void TransferLevel::write_back(const Tensor& strips, const std::vector<int32_t>& rows) const {
  const Tensor from = reshape(strips, {int64_t(rows.size()), int64_t{width_} * 3}), to = reshape(picture, {height_, int64_t{width_} * 3});
  for (size_t first = 0; first < rows.size(); first += kStripHeight) {
    size_t begin = first, end = first + kStripHeight;        // without what is mirrored beyond the picture's ends
    while (begin + 1 < end && rows[begin + 1] != rows[begin] + 1) ++begin;
    while (end > begin + 1 && rows[end - 1] != rows[end - 2] + 1) --end;
    slice(to, 0, rows[begin], rows[begin] + int64_t(end - begin)).copy_from(slice(from, 0, int64_t(begin), int64_t(end)));
  }
}

double TransferLevel::gap() const { return squares_ ? std::sqrt(squares_.item() / double(gaps_)) : 0; }

std::optional<PatchSource> TransferLevel::source(const Tensor& x, const Region& region, const std::vector<int32_t>& rows, int grid) const {
  PatchSource all{rows.empty() ? x : pad(x, {0, 0, kReach, kReach}, Padding::reflect), rows.empty() ? Border::reflect : Border::none};
  all.stride = kTransferStride, all.first = first_of(grid);
  if (region.pixels.empty()) return all;
  std::vector<char> inside(size_t(height_) * size_t(width_));
  for (const int32_t p : region.pixels) inside[size_t(p)] = 1;
  std::vector<int32_t> at;
  int32_t patch = 0;                             // in the order of the grid's
  for (int64_t strip = 0; strip < x.size(0); ++strip)
    for (int64_t y = all.first.h; y < (rows.empty() ? height_ : kStripRows); y += kTransferStride) {
      const int64_t row = rows.empty() ? y : rows[size_t(strip * kStripHeight + y + kReach)];
      for (int64_t c = all.first.w; c < width_; c += kTransferStride, ++patch)
        if (inside[size_t(row * width_ + c)]) at.push_back(patch);
    }
  if (at.empty()) return {};
  all.positions = context_.index(at, {int64_t(at.size())});
  return all;
}

/// Of half the squared gaps between what is seen of the region and its styles; nothing if the region has no patch there.
std::optional<Tensor> TransferLevel::gradient(Region& region, const Tensor& seen, const std::vector<int32_t>& rows, int grid, int number, const Tensor& directions) {
  const Context::Recording on(context_, true);
  const Tensor x = seen.leaf();
  const std::optional<PatchSource> source = this->source(x, region, rows, grid);
  if (!source) return {};
  Region::Compared& compared = region.grids[size_t(grid)];
  if (compared.patches != source->patches()) {
    compared.patches = source->patches();
    std::vector<PatchTarget::Part> parts = region.parts;               // their grids go along, so that no patch of a style is left out
    for (PatchTarget::Part& p : parts) p.source.first = first_of(grid);
    compared.with.emplace(parts, compared.patches, int(directions.size(0)));
  }
  const Tensor wanted = compared.with->lists(directions, number);              // first: its memory is free again before ours is needed
  const Tensor gap = sorted_projections(*source, directions) - wanted, squares = sum_squares(gap);
  const Tensor change = grad(0.5 * squares, {x})[0];
  const NoGraph off(context_);
  squares_ = squares_ ? squares_ + squares.detach() : squares.detach();
  gaps_ += gap.count();
  return change;
}

}  // namespace weft::gan
