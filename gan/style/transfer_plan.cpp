// What a transfer will do and take, and whether it can be done: before any of it is done.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "style/regions.h"
#include "style/transfer_level.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr int kSmallestSide = 8, kStepsAtFullStrength = 60, kMostAtOnce = kTransferDirections;

void within(const char* name, double value, double low, double high) {
  char text[160];
  std::snprintf(text, sizeof text, "transfer: %s is %g; it lies between %g and %g", name, value, low, high);
  if (!(value >= low && value <= high)) throw ConfigError(text);
}

void check(const TransferJob& job) {
  const TransferOptions& o = job.options;
  within("structure", o.structure, 0, 1);
  within("strength", o.strength, 0, 1);
  within("effort", o.effort, 0, 1);
  within("brush", o.brush, 0.25, 4);
  within("size", o.size == 0 ? kSmallestSide : o.size, kSmallestSide, kMaxImageSide);
  within("feather", o.feather, 0, kMaxImageSide);
  check_masks(job);
  const int regions = std::max(1, int(job.masks.size()));
  for (int r = 0; r < regions; ++r) {
    double sum = 0;
    for (const Style& s : job.styles) {
      within("a style's weight", s.weight, 0, 1e6);
      if (!job.masks.empty() && (s.region < 0 || s.region >= regions))
        throw ConfigError("a style is for mask " + std::to_string(s.region + 1) + ", and there are " + std::to_string(regions));
      if (job.masks.empty() || s.region == r) sum += s.weight;
    }
    if (!(sum > 0)) throw ConfigError("transfer: " + (job.masks.empty() ? std::string("no style") : "no style of mask " + std::to_string(r + 1)) + " has a weight above 0");
  }
}

/// A patch's, or so many that the deepest tap has two rows.
int smallest_side(const TransferJob& job) { return job.features ? 1 << job.features->stages().size() : kSmallestSide; }

/// Longer sides: from a quarter of the size (structure 0), 0.625 (0.5) or 0.8 (1; of features, which ask for no likeness to hold, all of it) in steps of
/// about the root of 2, none so small that a side has no patches.
std::vector<int> levels_of(const TransferJob& job, int height, int width) {
  const int longer = std::max(height, width), shorter = std::min(height, width);
  const double structure = job.options.structure, share = job.features ? 0.75 : 0.95 - 0.4 * structure;
  const double first = std::max(0.25 + share * structure, double(smallest_side(job)) / shorter);
  const int steps = std::max(0, int(std::ceil(-std::log(first) / std::log(std::sqrt(2.0)) - 1e-9)));
  std::vector<int> levels;
  for (int i = 0; i <= steps; ++i) levels.push_back(steps ? int(std::lround(longer * std::pow(first, double(steps - i) / steps))) : longer);
  return levels;
}

/// Of tensors at the last level, as measured. A pixel has 12 bytes in each of the picture, the gradient, their sum and a copy with
/// borders; and a direction has, for a quarter of the patches, projections, their order, the lists compared, and as much again on the way back,
/// and for all of them where they are read in a style's lists. A style's lists are made, and their memory given back, before the picture's.
size_t bytes_of(const TransferJob& job, const TransferPlan& plan) {
  if (job.features) return gram_bytes(*job.features, plan.height, plan.width);
  const double pixels = double(plan.height) * plan.width, longer = std::max(plan.height, plan.width) * job.options.brush;
  const double c = plan.directions_at_once, stride = style_stride(job.options.brush, plan);
  double styles = 0, lists = 0;
  for (const Style& s : job.styles) {
    const double size = longer * longer * std::min(s.picture.height, s.picture.width) / std::max(s.picture.height, s.picture.width);
    styles += 12 * size;
    lists = std::max(lists, size / (stride * stride) * 4 * c);
  }
  const double work = plan.parts == 1 ? pixels : double(plan.width) * 64 * std::ceil(std::ceil((plan.height + 57.0) / kStripRows) / plan.parts);
  const double held = job.options.structure > 0 ? 130 : 0;              // by the likeness of light and shade, after the directions are done
  return size_t(pixels * (plan.parts == 1 ? 12 : 13) + (held > 0 ? 4 * pixels : 0) + styles + std::max(work * ((plan.parts == 1 ? 28 : 52) + std::max(11 * c, held)), lists + work * 5 * c));
}

/// What the tensors may take; 0: nobody knows.
size_t most_of(const Context& context, const TransferOptions& o) {
  size_t most = context.most_bytes();
  std::ifstream file("/proc/meminfo");
  std::string word;
  while (most == 0 && file >> word)
    if (word == "MemAvailable:" && file >> most) most *= 1024 * 3 / 4;   // of what the machine could still give
  return o.memory && (most == 0 || o.memory < most) ? o.memory : most;
}

std::string mib(size_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

}  // namespace

TransferColours transfer_colours_named(const std::string& name) {
  if (name == "style") return TransferColours::style;
  if (name == "content") return TransferColours::content;
  if (name == "luminance") return TransferColours::luminance;
  throw ConfigError("colours '" + name + "': there are style (all of it is the style's), content (the content's palette) and luminance (the content's colours, pixel for pixel)");
}

TransferPlan plan_transfer(const Context& context, const TransferJob& job) {
  check(job);
  const Image& c = job.content;
  const double scale = job.options.size == 0 ? 1 : double(job.options.size) / std::max(c.height, c.width);
  TransferPlan plan{};
  plan.height = int(std::lround(c.height * scale)), plan.width = int(std::lround(c.width * scale));
  if (std::min(plan.height, plan.width) < smallest_side(job))
    throw DataError("transfer: the content is " + std::to_string(c.width) + "x" + std::to_string(c.height) + " and would be " + std::to_string(plan.width) + "x" +
                    std::to_string(plan.height) + ", but a side needs " + std::to_string(smallest_side(job)) + " pixels to have " +
                    (job.features ? "features" : "patches") + "; crop it, or choose a larger size");
  plan.levels = levels_of(job, plan.height, plan.width);
  plan.steps = job.options.strength == 0 ? 0 : job.features ? kGramSteps : int(std::ceil(job.options.effort * kStepsAtFullStrength * job.options.strength));
  const size_t most = most_of(context, job.options);
  const int most_parts = job.features ? 1 : std::max(1, plan.height / kStripRows / 4);    // a part is four strips or more, or it would not look like the whole
  for (plan.parts = 1;; plan.parts = std::min(2 * plan.parts, most_parts)) {
    for (plan.directions_at_once = kMostAtOnce;; plan.directions_at_once /= 2) {
      plan.bytes = bytes_of(job, plan);
      if (most == 0 || plan.bytes <= most || plan.directions_at_once == 1) break;
    }
    if (most == 0 || plan.bytes <= most || plan.parts == most_parts) break;
  }
  if (most && plan.bytes > most) {
    const int fits = int(std::max(plan.height, plan.width) * std::sqrt(double(most) / double(plan.bytes)));
    throw OutOfMemory("transfer: a result of " + std::to_string(plan.width) + "x" + std::to_string(plan.height) + " takes " + mib(plan.bytes) + " of tensors" + (job.features ? "" : " even in parts") + ", and there are " +
                      mib(most) + "; size " + std::to_string(fits) + " would fit" + (job.features ? ", and so might --method swd" : job.options.brush > 1 ? ", and so might a smaller brush" : ""));
  }
  return plan;
}

std::string TransferPlan::text() const {
  std::string sizes;
  for (const int level : levels) sizes += (sizes.empty() ? "" : ", ") + std::to_string(level);
  return std::to_string(width) + "x" + std::to_string(height) + ", levels " + sizes + ", " + std::to_string(steps) + " steps each, " + mib(bytes) + " of tensors" +
         (parts > 1 ? " in " + std::to_string(parts) + " parts" : "");
}

}  // namespace weft::gan
