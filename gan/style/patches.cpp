#include "style/patches.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr int kReach = kPatchSide - 1;

Tensor bordered(const PatchSource& s) {
  if (s.border == Border::none) {
    const Tensor below = s.first.h ? slice(s.pictures, 1, s.first.h, s.pictures.size(1)) : s.pictures;
    return s.first.w ? slice(below, 2, s.first.w, below.size(2)) : below;
  }
  const int before = kReach / 2, after = kReach - before;
  return pad(s.pictures, {before - s.first.h, after, before - s.first.w, after}, s.border == Border::wrap ? Padding::wrap : Padding::reflect);
}

/// Where each of `ours` entries is read in lists of `theirs`, `rows` of them one after the other.
Tensor equal_shares(const Context& context, int64_t rows, int64_t theirs, int64_t ours) {
  std::vector<int32_t> index(size_t(rows * ours));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < ours; ++i) index[size_t(row * ours + i)] = int32_t(row * theirs + (2 * i + 1) * theirs / (2 * ours));
  return context.index(index, {rows * ours});
}

/// Of grey or of a hue: (count, 1, 1, 3), of length 1. `angle` and `kind` in [0, 1): (count, 1, 1, 1)
Tensor tints(const Tensor& angle, const Tensor& kind) {
  const auto colour = [&](double r, double g, double b) { return angle.context().from(std::vector<double>{r, g, b}, {1, 1, 1, 3}); };
  const Tensor hue = cos(2 * std::numbers::pi * angle) * colour(0.70711, -0.70711, 0) + sin(2 * std::numbers::pi * angle) * colour(0.40825, 0.40825, -0.81650);
  return lerp(hue, colour(0.57735, 0.57735, 0.57735), 1 - greater(kind, 1.0 / 3));
}

/// Begun two pixels further down or across with each turn, as far as the stride reaches, and as large each time, so that it has as many patches.
PatchSource turned(PatchSource s, int turn) {
  const int turns = s.stride / 2;
  if (turns < 2 || s.border != Border::none) return s;
  const auto window = [&](int axis, int first, int at) {
    const int64_t side = s.pictures.size(axis), room = std::clamp<int64_t>(side - kPatchSide - s.stride, 0, 2 * (turns - 1)), from = std::min<int64_t>(2 * at, room);
    s.pictures = slice(s.pictures, axis, from + first, side - room + from);
  };
  window(1, s.first.h, turn % turns), window(2, s.first.w, turn / turns % turns);
  s.first = {0, 0};
  return s;
}

}  // namespace

int64_t PatchSource::patches() const {
  if (positions) return positions.count();
  const int64_t lost = border == Border::none ? kReach : 0;
  const auto along = [&](int axis) { return (pictures.size(axis) - lost - (axis == 1 ? first.h : first.w) - 1) / stride + 1; };
  return pictures.size(0) / groups * along(1) * along(2);
}

Tensor draw_directions(const Context& context, int count, uint64_t stream, int side) {
  const Tensor raw = context.normal({count, side, side, 3}, stream);
  return raw / sqrt(sum(raw * raw, {1, 2, 3}, KeepAxes::yes));
}

Tensor draw_tinted(const Context& context, int count, uint64_t stream) {
  const Tensor grey = context.normal({count, kPatchSide, kPatchSide, 1}, stream), colours = context.uniform({2, count, 1, 1, 1}, stream + 1);
  const auto draw = [&](int i) { return reshape(slice(colours, 0, i, i + 1), {count, 1, 1, 1}); };
  return grey / sqrt(sum(grey * grey, {1, 2, 3}, KeepAxes::yes)) * tints(draw(0), draw(1));
}

Tensor draw_waves(const Context& context, int count, uint64_t stream) {
  constexpr double sigma = 1.5;
  std::vector<double> across, down, window;
  for (int i = 0; i < kPatchSide * kPatchSide; ++i) {
    across.push_back(i % kPatchSide - kReach / 2), down.push_back(i / kPatchSide - kReach / 2);
    window.push_back(std::exp(-(across.back() * across.back() + down.back() * down.back()) / (4 * sigma * sigma)));
  }
  const auto plane = [&](const std::vector<double>& values) { return context.from(values, {1, kPatchSide, kPatchSide, 1}); };
  const Tensor draws = context.uniform({5, count, 1, 1, 1}, stream);
  const auto draw = [&](int i) { return reshape(slice(draws, 0, i, i + 1), {count, 1, 1, 1}); };

  const Tensor phase = 2 * std::numbers::pi * (draw(2) + (draw(0) - 0.5) * plane(across) + (draw(1) - 0.5) * plane(down));
  const Tensor waves = cos(phase) * plane(window) * tints(draw(3), draw(4));
  return waves / sqrt(sum(waves * waves, {1, 2, 3}, KeepAxes::yes) + 1e-12);
}

Tensor sorted_projections(const PatchSource& s, const Tensor& directions) {
  const Tensor maps = conv2d(bordered(s), directions, {}, {.stride = {s.stride, s.stride}});   // (N, P, Q, directions)
  const int64_t count = directions.size(0);
  const Tensor rows = reshape(maps, {maps.count() / count, count}), chosen = s.positions ? gather(rows, s.positions) : rows;
  return sort(transpose(reshape(chosen, {s.groups, s.patches(), count}))).values;
}

PatchTarget::PatchTarget(std::vector<Part> parts, int64_t patches, int directions) : patches_(patches) {
  double sum = 0;
  for (const Part& p : parts) {
    if (!(p.weight >= 0)) throw ConfigError("a style's weight is " + std::to_string(p.weight) + "; weights are 0 or more");
    sum += p.weight;
  }
  if (!(sum > 0)) throw ConfigError("no style has a weight above 0, so there is nothing to move towards; give one of them a weight");
  for (Part& p : parts) {
    if (p.weight == 0) continue;
    p.weight /= sum;
    const int64_t theirs = turned(p.source, 0).patches();
    const Tensor shares = theirs == patches ? Tensor() : equal_shares(p.source.pictures.context(), int64_t(p.source.groups) * directions, theirs, patches);
    parts_.push_back({std::move(p), shares});
  }
}

Tensor PatchTarget::lists(const Tensor& directions, int turn) const {
  const NoGraph off(directions.context());
  Tensor mixed;
  for (const Read& read : parts_) {
    Tensor lists = sorted_projections(turned(read.part.source, turn), directions);
    if (read.shares) lists = reshape(gather(reshape(lists, {lists.count()}), read.shares), {read.part.source.groups, directions.size(0), patches_});
    if (parts_.size() > 1) lists = read.part.weight * lists;
    mixed = mixed ? mixed + lists : lists;
  }
  return mixed;
}

Tensor patch_distance(const PatchSource& source, const Tensor& wanted, const Tensor& directions) {
  return mean(abs(sorted_projections(source, directions) - wanted));
}

}  // namespace weft::gan
