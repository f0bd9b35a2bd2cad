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

constexpr double kHold = 0.1;                    // at structure 1, in pixels of [-1, 1] a step and unit of the likeness's slope

/// (N, h, w, 3) to (N, h, w, 1)
Tensor light_of(const Tensor& x) { return conv2d(x, x.context().from(std::vector<double>{0.299, 0.587, 0.114}, {1, 1, 1, 3})); }

/// Where the picture is to go to be more like the content in light and shade: up the slope of the likeness, over all patches the sum of
/// (2 cov + c) / (var + var' + c), SSIM without its factor of means. Nearly flat patches have so steep a slope that a step would end beyond
/// the top, as noise: theirs counts in proportion to their variance. And all of it counts by how much is needed: not at all where all
/// patches are alike, and wholly where in the mean less than a half is.
/// @param x      (N, h, w, 3), whose rows reach beyond those of the patches by kReach at both ends if `inner`
/// @param light  the content's, alike: (N, h, w, 1)
Tensor towards_likeness(const Tensor& x, const Tensor& light, bool inner) {
  constexpr double steady = 0.1;                 // variances: no slope is steeper than at this
  const Context context = x.context();
  const int down = inner ? 0 : kReach;
  const int64_t n = x.size(0);
  const Tensor column = context.full({1, kPatchSide, 1, 1}, 1.0 / kPatchSide), row = context.full({1, 1, kPatchSide, 1}, 1.0 / kPatchSide);
  const auto bordered = [&](const Tensor& plane) { return pad(plane, {down, down, kReach, kReach}, Padding::reflect); };
  const auto means = [&](const Tensor& planes) { return conv2d(conv2d(planes, column), row); };
  const Tensor nothing = context.constant(0), one = context.constant(1), c = context.constant(0.0036);       // SSIM's C2, of a range of 2
  const auto variance = [&](const Tensor& mean, const Tensor& square) { return maximum(square - mean * mean, nothing); };

  const Tensor theirs = bordered(light), their_mean = means(theirs), wanted = variance(their_mean, means(theirs * theirs));      // outside the graph
  const Context::Recording on(context, true);
  const Tensor leaf = x.leaf(), ours = bordered(light_of(leaf)), all = means(concat({ours, ours * ours, ours * theirs}, 0));
  const Tensor first = slice(all, 0, 0, n), spread = variance(first, slice(all, 0, n, 2 * n)) + wanted + c;
  const Tensor likeness = (2 * (slice(all, 0, 2 * n, 3 * n) - first * their_mean) + c) / spread;
  const Tensor weight = minimum(spread.detach() / steady, one), slope = grad(sum(likeness * weight), {leaf})[0].detach();
  const NoGraph off(context);
  const Tensor lacking = 1 - mean(likeness.detach());
  return minimum(6 * lacking * lacking * lacking, one) * slope;
}

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

Tensor to_tensor(const Context& context, const Image& image) {
  std::vector<float> values(image.pixels.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(image.pixels[i]) / 127.5f - 1;
  return context.from(values, {1, image.height, image.width, 3});
}

Image fitted(const Image& image, int longer) {
  const double scale = double(longer) / std::max(image.height, image.width);
  const auto side = [scale](int s) { return std::max(1, int(std::lround(s * scale))); };
  return at_least(resized(image, side(image.height), side(image.width)), kPatchSide + 1);
}

int style_stride(double brush, const TransferPlan& plan) { return std::max(1, int(std::lround(brush * std::sqrt(double(plan.parts))))); }

TransferLevel::TransferLevel(const Context& context, const Tensor& start, const TransferJob& job, const TransferPlan& plan)
    : Level(start), context_(context), plan_(plan), stream_(stream_key(job.options.seed, "transfer")), waves_(stream_key(job.options.seed, "transfer waves")), height_(int(start.size(1))), width_(int(start.size(2))),
      hold_(kHold * job.options.structure * job.options.structure) {
  if (hold_ > 0) light_ = light_of(to_tensor(context, resized(with_channels(job.content, 3), height_, width_)));
  const double brush = job.options.brush;
  const int longer = std::max(1, int(std::lround(std::max(height_, width_) * brush)));
  for (size_t r = 0; r < std::max<size_t>(1, job.masks.size()); ++r) {
    Region region;
    if (!job.masks.empty()) region.pixels = inside(resized(with_channels(job.masks[r], 1), height_, width_));
    if (!job.masks.empty() && region.pixels.empty()) continue;         // too thin to be seen at this size
    for (const Style& s : job.styles)
      if (job.masks.empty() || s.region == int(r))
        region.parts.push_back({{.pictures = to_tensor(context, fitted(s.picture, longer)), .stride = style_stride(brush, plan)}, s.weight});
    regions_.push_back(std::move(region));
  }
}

void TransferLevel::step(int number) {
  // A wave meets itself in the patches next to it, so a whole step along it would overshoot: its square is what it steps by. Random
  // directions see large shapes and little else, but would move all there is to move, and leave grain and colour noise: they are smoothed.
  constexpr double wave = 0.75, random = 1.2;
  const Tensor smooth = filter(draw_directions(context_, kTransferRandom, stream_), {0.2, 0.6, 0.2});
  const Tensor directions = concat({random * smooth, wave * draw_waves(context_, kTransferDirections - kTransferRandom, waves_)}, 0);
  squares_ = {}, gaps_ = 0;
  const double hold = hold_ * std::max(0.0, 1 - double(done_++) / plan_.steps);
  for (int part = 0; part < plan_.parts; ++part) {
    const std::vector<int32_t> rows = plan_.parts == 1 ? std::vector<int32_t>() : rows_of(height_, part, plan_.parts, number * 23 % kStripRows);
    if (plan_.parts > 1 && rows.empty()) continue;
    const Tensor seen = seen_of(picture, rows);
    Tensor sum;
    for (Region& region : regions_)
      for (int d = 0; d < kTransferDirections; d += plan_.directions_at_once)
        if (const std::optional<Tensor> one = gradient(region, seen, rows, slice(directions, 0, d, d + plan_.directions_at_once))) sum = sum ? sum + *one : *one;
    if (!sum) continue;
    // A patch is to move by the mean over directions of gap * direction, times its 147 numbers; a pixel is part of 49 patches.
    Tensor moved = fma(sum, context_.constant(-3.0 / kTransferDirections), seen);
    if (hold > 0) moved = fma(towards_likeness(seen, seen_of(light_, rows), !rows.empty()), context_.constant(hold), moved);
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

std::optional<PatchSource> TransferLevel::source(const Tensor& x, const Region& region, const std::vector<int32_t>& rows) const {
  if (rows.empty()) {
    PatchSource all{x, Border::reflect};
    if (!region.pixels.empty()) all.positions = context_.index(region.pixels, {int64_t(region.pixels.size())});
    return all;
  }
  PatchSource strips{pad(x, {0, 0, kReach, kReach}, Padding::reflect)};
  if (region.pixels.empty()) return strips;
  std::vector<char> inside(size_t(height_) * size_t(width_));
  for (const int32_t p : region.pixels) inside[size_t(p)] = 1;
  std::vector<int32_t> at;
  for (int64_t i = 0; i < int64_t(rows.size()) / kStripHeight * kStripRows; ++i) {
    const int64_t row = rows[size_t(i / kStripRows * kStripHeight + i % kStripRows + kReach)];
    for (int64_t c = 0; c < width_; ++c)
      if (inside[size_t(row * width_ + c)]) at.push_back(int32_t(i * width_ + c));
  }
  if (at.empty()) return {};
  strips.positions = context_.index(at, {int64_t(at.size())});
  return strips;
}

/// Of half the squared gaps between what is seen of the region and its styles; nothing if the region has no patch there.
std::optional<Tensor> TransferLevel::gradient(Region& region, const Tensor& seen, const std::vector<int32_t>& rows, const Tensor& directions) {
  const Context::Recording on(context_, true);
  const Tensor x = seen.leaf();
  const std::optional<PatchSource> source = this->source(x, region, rows);
  if (!source) return {};
  if (region.patches != source->patches()) {
    region.patches = source->patches();
    region.target.emplace(region.parts, region.patches, int(directions.size(0)));
  }
  const Tensor wanted = region.target->lists(directions);              // first: its memory is free again before ours is needed
  const Tensor gap = sorted_projections(*source, directions) - wanted, squares = sum_squares(gap);
  const Tensor change = grad(0.5 * squares, {x})[0];
  const NoGraph off(context_);
  squares_ = squares_ ? squares_ + squares.detach() : squares.detach();
  gaps_ += gap.count();
  return change;
}

}  // namespace weft::gan
