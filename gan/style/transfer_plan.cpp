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

constexpr int kSmallestSide = 8, kMostAtOnce = kTransferDirections;

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
  check_pictures(job);
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

/// Where style and structure pull against each other, steps need longer to find both.
double steps_at_full_strength(double structure) { return 60 * (1 + 0.9 * structure * structure); }

/// A patch's, or so many that the deepest tap has two rows.
int smallest_side(const TransferJob& job) { return job.features ? 1 << job.features->stages().size() : kSmallestSide; }

/// Longer sides: from a quarter of the size (structure 0), 0.6 (0.5) or 0.72 (1; of features, which ask for no likeness to hold, all of it) in steps of
/// about the root of 2, none so small that a side has no patches.
std::vector<int> levels_of(const TransferJob& job, int height, int width) {
  const int longer = std::max(height, width), shorter = std::min(height, width);
  const double structure = job.options.structure, share = job.features ? 0.75 : 0.93 - 0.46 * structure;
  const double first = std::max(0.25 + share * structure, double(smallest_side(job)) / shorter);
  const int steps = std::max(0, int(std::ceil(-std::log(first) / std::log(std::sqrt(2.0)) - 1e-9)));
  std::vector<int> levels;
  for (int i = 0; i <= steps; ++i) levels.push_back(steps ? int(std::lround(longer * std::pow(first, double(steps - i) / steps))) : longer);
  return levels;
}

/// Of each style, what part of the picture its region is; 0 where it has no weight.
std::vector<double> areas_of(const TransferJob& job) {
  std::vector<double> areas;
  for (const Style& s : job.styles)
    areas.push_back(s.weight == 0 ? 0 : job.masks.empty() ? 1 : double(inside(job.masks[size_t(s.region)]).size()) / (double(job.content.height) * job.content.width));
  return areas;
}

/// Of tensors at the last level, as measured: bytes a pixel, of which a grid of patches has a quarter.
///   throughout                  the picture, what it was before, the content's light, the regions, the styles; and for each style and grid where its lists
///                               are read, an index a direction and patch
///   the most of: directions     the gradient, the sum, a copy with borders (of strips more of them); projections, their order, the way back, a region's own
///                likeness       its planes, after the directions are done
///                reading        of a style's lists, before the picture's: its grid, and a copy, or projections, or their rows, values and order
/// and a fiftieth more, since a part's strips have now more of a region and now less.
size_t bytes_of(const TransferJob& job, const TransferPlan& plan, const std::vector<double>& areas) {
  if (job.features) return gram_bytes(job, plan.height, plan.width);
  const bool strips = plan.parts > 1, held = job.options.structure > 0, regions = !job.masks.empty();
  const double pixels = double(plan.height) * plan.width, longer = std::max(plan.height, plan.width) * job.options.brush;
  const double work = strips ? double(plan.width) * 64 * std::ceil(std::ceil((plan.height + 57.0) / kStripRows) / plan.parts) : pixels;
  const double c = plan.directions_at_once;
  double styles = 0, indices = 0, reading = 0;
  for (size_t i = 0; i < job.styles.size(); ++i) {
    const double size = style_pixels(job.styles[i].picture, longer), stride = style_stride(size, job.options.brush, plan) / kTransferStride;
    styles += 12 * size;
    indices += 4 * c * areas[i];
    reading = std::max(reading, size * std::max({24.0, 12 + c / (stride * stride), 4 * c / (stride * stride)}));
  }
  const double throughout = pixels * ((strips ? 13 : 12) + (held ? 4 : 0) + (regions ? 4 : 0)) + styles + work * indices;
  const double directions = work * ((strips ? 52 : 28) + 4.5 * c + 7 + (regions ? c : 0)), likeness = held ? work * (150 + (regions && strips ? 4 : 0)) : 0;
  return size_t(1.02 * (throughout + std::max({directions, likeness, reading + work * (16 + (job.styles.size() > 1 ? c : 0))})));
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

/// A plan for a result of this longer side, except for levels and steps: in as few parts, with as many directions at once, as the memory has room for.
TransferPlan of_size(const TransferJob& job, const std::vector<double>& areas, double longer, size_t most) {
  const double scale = longer / std::max(job.content.height, job.content.width);
  TransferPlan plan{};
  plan.height = int(std::lround(job.content.height * scale)), plan.width = int(std::lround(job.content.width * scale));
  const int most_parts = job.features ? 1 : std::max(1, plan.height / kStripRows / 4);    // a part is four strips or more, or it would not look like the whole
  for (plan.parts = 1;; plan.parts = std::min(2 * plan.parts, most_parts)) {
    for (plan.directions_at_once = kMostAtOnce;; plan.directions_at_once /= 2) {
      plan.bytes = bytes_of(job, plan, areas);
      if (most == 0 || plan.bytes <= most || plan.directions_at_once == 1) break;
    }
    if (most == 0 || plan.bytes <= most || plan.parts == most_parts) break;
  }
  return plan;
}

/// The largest longer side below this that the memory has room for; 0: none.
int fitting(const TransferJob& job, const std::vector<double>& areas, int longer, size_t most) {
  while (--longer > 0) {
    const TransferPlan plan = of_size(job, areas, longer, most);
    if (std::min(plan.height, plan.width) < smallest_side(job)) return 0;
    if (plan.bytes <= most) return longer;
  }
  return 0;
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
  const size_t most = most_of(context, job.options);
  const std::vector<double> areas = areas_of(job);
  TransferPlan plan = of_size(job, areas, job.options.size == 0 ? std::max(c.height, c.width) : job.options.size, most);
  if (std::min(plan.height, plan.width) < smallest_side(job))
    throw DataError("transfer: the content is " + std::to_string(c.width) + "x" + std::to_string(c.height) + " and would be " + std::to_string(plan.width) + "x" +
                    std::to_string(plan.height) + ", but a side needs " + std::to_string(smallest_side(job)) + " pixels to have " +
                    (job.features ? "features" : "patches") + "; crop it, or choose a larger size");
  if (int64_t{plan.height} * plan.width > kMaxImagePixels)
    throw ConfigError("transfer: a result of " + std::to_string(plan.width) + "x" + std::to_string(plan.height) + " has more than the " +
                      std::to_string(kMaxImagePixels >> 20) + " Mi pixels that a picture may have; choose a smaller size");
  check_feather(job, plan.height, plan.width);
  plan.levels = levels_of(job, plan.height, plan.width);
  plan.steps = job.options.strength == 0 ? 0 : job.features ? kGramSteps : int(std::ceil(job.options.effort * steps_at_full_strength(job.options.structure) * job.options.strength));
  if (most && plan.bytes > most) {
    const int fits = fitting(job, areas, std::max(plan.height, plan.width), most);
    const std::string other = job.features ? "--method swd" : job.options.brush > 1 ? "a smaller brush" : "";
    throw OutOfMemory("transfer: a result of " + std::to_string(plan.width) + "x" + std::to_string(plan.height) + " takes " + mib(plan.bytes) + " of tensors" +
                      (job.features ? "" : " even in parts") + ", and there are " + mib(most) + "; " + (fits ? "size " + std::to_string(fits) + " would fit" : "no size would fit") +
                      (other.empty() ? "" : fits ? ", and so might " + other : ", but " + other + " might"));
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
