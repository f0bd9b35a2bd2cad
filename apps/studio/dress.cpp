#include "dress.h"

#include <algorithm>
#include <cmath>

#include "../settings.h"
#include "../transfer_inputs.h"
#include "cloth.h"
#include "weft/kernels/error.h"

namespace weft::apps::studio {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int look_side = 128;
constexpr double look_seconds = 0.17;            // of work, as foretold
constexpr double look_at_most = 0.22;            // after which the picture is taken as it is

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

const char* const colour_names[] = {"style", "content", "luminance"};

/// What the steps of all levels cost, in pixels: those of the picture, and of styles, which are projected and sorted but not moved, a half.
double units_of(const gan::TransferPlan& plan, const gan::TransferJob& job) {
  const double longer = std::max(plan.height, plan.width), brush = job.options.brush;
  double area = plan.height * plan.width / (longer * longer), sum = 0;
  for (const gan::Style& s : job.styles) area += 0.5 * brush * brush * std::min(s.picture.height, s.picture.width) / std::max(s.picture.height, s.picture.width);
  for (const int level : plan.levels) sum += double(level) * level * area * plan.steps;
  return sum;
}

}  // namespace

Dress dress_of(const Json& settings) {
  try {
    Dress d;
    d.content = settings.at("content").get<std::string>(), d.mask = settings.value("mask", "");
    for (const Json& style : settings.at("styles")) d.styles.emplace_back(style.at("id").get<std::string>(), style.value("weight", 1.0));
    d.lay = settings.value("lay", 0.0);
    gan::TransferOptions& o = d.options;
    o.structure = settings.value("structure", o.structure), o.strength = settings.value("strength", o.strength), o.brush = settings.value("brush", o.brush);
    o.colours = gan::transfer_colours_named(settings.value("colours", "style"));
    o.keep_shading = settings.value("shading", false);
    o.feather = settings.value("feather", 0), o.size = settings.value("size", 0);
    o.seed = settings.value("seed", uint64_t{0});
    if (d.styles.empty() || d.styles.size() > 8) throw ConfigError("one to eight styles can be mixed, not " + std::to_string(d.styles.size()));
    if (!(d.lay >= 0 && d.lay <= 1)) throw ConfigError("the cloth is laid on by a share of 0 to 1");
    return d;
  } catch (const Json::exception& e) {
    throw ConfigError(std::string("these settings cannot be read: ") + e.what());
  }
}

Json to_json(const Dress& d) {
  Json styles = Json::array();
  for (const auto& [id, weight] : d.styles) styles.push_back({{"id", id}, {"weight", weight}});
  const gan::TransferOptions& o = d.options;
  return {{"content", d.content}, {"styles", styles}, {"mask", d.mask}, {"lay", d.lay}, {"structure", o.structure}, {"strength", o.strength}, {"brush", o.brush},
          {"colours", colour_names[int(o.colours)]}, {"shading", o.keep_shading}, {"feather", o.feather}, {"size", o.size}, {"seed", o.seed}};
}

/// @param side  of the longer side of what goes in, as is enough for a look; 0: all of it
gan::TransferJob Dresser::job_of(const Dress& d, int side) const {
  gan::TransferJob job;
  job.options = d.options;
  const Picture whole = shelf_.image(d.content);
  job.content = side ? *shelf_.image(d.content, side) : *whole;
  const double share = double(std::max(job.content.height, job.content.width)) / std::max(whole->height, whole->width);
  if (side) job.options.size = 0, job.options.feather = int(std::lround(d.options.feather * share));
  if (!d.mask.empty()) {
    const Picture mask = shelf_.image(d.mask);
    if (mask->height != whole->height || mask->width != whole->width) throw DataError("this mask belongs to a picture of another size; paint it anew");
    job.masks.push_back(side ? gan::resized(*mask, job.content.height, job.content.width) : *mask);
  }
  for (const auto& [id, weight] : d.styles)
    job.styles.push_back({side ? *shelf_.image(id, std::max(16, int(std::ceil(2 * side * d.options.brush)))) : *shelf_.image(id), weight});
  if (d.lay > 0) job.lit = job.content, job.content = laid_over(job.content, job.styles[0].picture, d.lay, job.masks);
  return job;
}

Json Dresser::look(const Dress& dress, Report& report) {
  const auto start = Clock::now();
  gan::TransferJob job = job_of(dress, look_side);
  const double wanted = units_of(gan::plan_transfer(quick_, job), job) * seconds_a_unit_;
  if (wanted > look_seconds) job.options.effort = std::max(0.02, look_seconds / wanted);
  const double units = units_of(gan::plan_transfer(quick_, job), job);
  double share = 0;
  const auto work = Clock::now();
  const gan::Image result = gan::transfer(quick_, job, [&](const gan::TransferProgress& p) {
    share = p.done;
    return report.tell(p.done) && since(work) < look_at_most;
  });
  if (!report.tell(1)) throw GivenUp();
  if (units * share > 0) seconds_a_unit_ = 0.5 * seconds_a_unit_ + 0.5 * since(work) / (units * share);
  report.show(gan::encode_png(result));
  return {{"width", result.width}, {"height", result.height}, {"effort", job.options.effort}, {"seconds", since(start)}};
}

Json Dresser::make(const Dress& dress, Report& report) {
  const std::string told = command(dress, shelf_.folder() / "dressed.png");
  const auto start = Clock::now();
  double shown = 0;
  bool whole = true;
  const gan::Image result = gan::transfer(slow_, job_of(dress, 0), [&](const gan::TransferProgress& p) {
    if (since(start) > shown + 1.5) report.show(gan::encode_png(p.picture())), shown = since(start);
    return whole = report.tell(p.done);
  });
  if (!whole) throw GivenUp();
  gan::TextChunks about = {{"seed", std::to_string(dress.options.seed)}, {"studio", to_json(dress).dump()}};
  for (const auto& chunk : gan::picture_input("content", shelf_.file(dress.content))) about.push_back(chunk);
  for (size_t i = 0; i < dress.styles.size(); ++i)
    for (const auto& chunk : gan::picture_input("style" + (dress.styles.size() > 1 ? std::to_string(i + 1) : std::string()), shelf_.file(dress.styles[i].first))) about.push_back(chunk);
  const std::string png = gan::encode_png(result, gan::provenance(told, about));
  report.show(png);
  return {{"name", shelf_.remember(png)}, {"width", result.width}, {"height", result.height}, {"seconds", since(start)}, {"settings", to_json(dress)}};
}

std::string Dresser::command(const Dress& d, const std::filesystem::path& out) const {
  const auto quoted = [](const std::string& text) { return gan::quoted_for_shell(text); };
  std::string line = "weft transfer --content " + quoted(shelf_.file(d.content).string());
  const bool one = d.styles.size() == 1;
  for (const auto& [id, weight] : d.styles) line += " --style " + quoted(shelf_.file(id).string() + (one ? "" : ":" + number_text(weight)));
  if (d.lay > 0) line += " --blend " + quoted(shelf_.file(d.styles[0].first).string() + ":" + number_text(d.lay));
  const gan::TransferOptions& o = d.options;
  if (!d.mask.empty()) line += " --mask " + quoted(shelf_.file(d.mask).string());
  if (!d.mask.empty() && o.feather) line += " --feather " + std::to_string(o.feather);
  line += " --structure " + number_text(o.structure) + " --strength " + number_text(o.strength) + " --brush " + number_text(o.brush);
  if (o.colours != gan::TransferColours::style) line += std::string(" --colors ") + colour_names[int(o.colours)];
  if (o.keep_shading) line += " --keep shading";
  if (o.size) line += " --size " + std::to_string(o.size);
  if (o.seed) line += " --seed " + std::to_string(o.seed);
  return line + " --out " + quoted(out.string());
}

void Dresser::warm_up() {
  gan::TransferJob job{drawn(quick_, "garments", 7, look_side), {{drawn(quick_, "swatches", 14, look_side)}}, {}, {}};
  job.options.effort = 0.1;
  const double units = units_of(gan::plan_transfer(quick_, job), job);
  for (int round = 0; round < 2; ++round) {
    const auto start = Clock::now();
    gan::transfer(quick_, job);
    seconds_a_unit_ = since(start) / units;
  }
}

}  // namespace weft::apps::studio
