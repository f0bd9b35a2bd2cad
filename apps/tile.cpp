// weft tile: a repeat out of a swatch.
#include <cmath>
#include <cstdio>

#include "command.h"
#include "json.h"
#include "pictures.h"
#include "settings.h"
#include "weft/gan/provenance.h"
#include "weft/gan/tile.h"
#include "weft/kernels/error.h"

namespace weft::apps {
namespace {

struct TileArguments {
  std::string swatch, out, layout = "straight", size, width_cm, dpi, repeat = "3", preview;
  bool json = false;
};

struct Plan {
  gan::Layout layout;
  int size = 0, repeat = 3;      // size: of the longer side; 0: as it comes
  double width_cm = 0, dpi = 0;  // 0: not given
};

Plan planned(const TileArguments& a) {
  Plan plan{gan::layout_named(a.layout), 0, int(parse_integer("--repeat", a.repeat, 1, 32)), 0, 0};
  if (!a.size.empty()) plan.size = int(parse_integer("--size", a.size, 16, 4096));
  if (!a.width_cm.empty()) plan.width_cm = parse_number("--width-cm", a.width_cm, 0.1, 1000);
  if (!a.dpi.empty()) plan.dpi = parse_number("--dpi", a.dpi, 10, 4800);
  if (plan.width_cm > 0 && plan.size) throw ConfigError("--width-cm and --size both say how large the tile gets; give one");
  if (plan.width_cm > 0 && plan.dpi == 0) plan.dpi = 300;
  return plan;
}

/// The tile in the size that was asked for.
gan::Image in_size(const gan::Image& tile, const Plan& plan) {
  const double width = plan.width_cm > 0 ? plan.width_cm / 2.54 * plan.dpi : plan.size ? double(plan.size) * tile.width / std::max(tile.height, tile.width) : tile.width;
  const double scale = width / tile.width;
  if (plan.width_cm > 0 && (width < 16 || std::max(width, scale * tile.height) > 4096))
    throw ConfigError("--width-cm " + std::to_string(plan.width_cm) + " at " + std::to_string(int(plan.dpi)) + " dpi is a tile of " + std::to_string(std::lround(width)) + "x" +
                      std::to_string(std::lround(scale * tile.height)) + " pixels; 16 to 4096 can be had: choose another --dpi");
  const auto side = [scale](int s, bool even) { return even ? 2 * std::max(1, int(std::lround(s * scale / 2))) : std::max(1, int(std::lround(s * scale))); };
  return gan::resized_tile(tile, plan.layout, side(tile.height, plan.layout == gan::Layout::half_drop), side(tile.width, plan.layout == gan::Layout::brick));
}

gan::Tile tile_of(const Context& context, const gan::Image& swatch, gan::Layout layout, const std::string& name) {
  try {
    return gan::make_tile(context, swatch, layout);
  } catch (const DataError& e) {
    throw DataError(name + ": " + e.what());
  }
}

Json make(const Context& context, const PictureJob& job, const std::filesystem::path& preview, const Plan& plan, const std::string& command) {
  const gan::Image swatch = gan::read_image(job.in);
  gan::Tile tile = tile_of(context, swatch, plan.layout, job.in.string());
  const gan::SeamPatches patches = gan::seam_patches(context, tile.image, plan.layout, swatch);
  tile.image = in_size(tile.image, plan);
  const double score = gan::seam_score(tile.image, plan.layout);
  const int64_t height = int64_t{plan.repeat} * tile.image.height, width = int64_t{plan.repeat} * tile.image.width;
  if (!preview.empty() && (std::max(height, width) > gan::kMaxImageSide || height * width > gan::kMaxImagePixels))
    throw ConfigError("--preview of " + std::to_string(plan.repeat) + " tiles each way has " + std::to_string(width) + "x" + std::to_string(height) + " pixels, too many; give a smaller --repeat");
  const gan::TextChunks how = gan::provenance(command, gan::picture_input("swatch", job.in));
  const gan::Image repeat = gan::straight_repeat(tile.image, plan.layout);
  gan::write_png(job.out, repeat, how, plan.dpi);
  if (!preview.empty()) gan::write_png(preview, gan::cloth(tile.image, plan.layout, 0, 0, int(height), int(width)), how, plan.dpi);
  Json result = {{"swatch", job.in.string()}, {"file", job.out.string()}, {"how", tile.how}, {"tile", {tile.image.width, tile.image.height}},
                 {"repeat", {repeat.width, repeat.height}}, {"seam_score", score},
                 {"patches", {{"seam", patches.seam}, {"middle", patches.middle}, {"worst_of_middle", patches.worst}}}};
  if (!preview.empty()) result["preview"] = preview.string();
  if (plan.dpi > 0) result["print_cm"] = {repeat.width / plan.dpi * 2.54, repeat.height / plan.dpi * 2.54};
  return result;
}

/// One line a tile, and a warning where the eye will find the seam. Where edges are hard, the score alone does not tell.
void tell(const Json& result) {
  std::puts(result["file"].get<std::string>().c_str());
  const double score = result["seam_score"], seam = result["patches"]["seam"], worst = result["patches"]["worst_of_middle"];
  std::fprintf(stderr, "weft: %s, %dx%d pixels; seam score %.2f (1: none can be told)\n", result["how"].get<std::string>().c_str(), result["repeat"][0].get<int>(),
               result["repeat"][1].get<int>(), score);
  if (result["how"] == "doubled") std::fprintf(stderr, "weft: a drop by half would break this pattern, so two of its own repeats stand in each tile\n");
  const bool odd = score < 0.5 || score > 1.5;
  if (odd && seam <= worst)
    std::fprintf(stderr, "weft: the edge lies on a line of the pattern, or on flat ground, which is what the score sees; around it the cloth is as near to the swatch as elsewhere\n");
  else if (odd || seam > 1.5 * worst)
    std::fprintf(stderr, "weft: look at the seam with --preview: a swatch that shows its pattern at least one and a half times each way joins better\n");
}

int run(const TileArguments& a, const std::string& command) {
  const Plan plan = planned(a);
  const std::vector<PictureJob> jobs = picture_jobs(a.swatch, "--out", a.out), previews = picture_jobs(a.swatch, "--preview", a.preview);
  std::vector<PictureJob> all = jobs;
  all.insert(all.end(), previews.begin(), previews.end());
  expect_apart(all);
  const Context context = Context::open("cpu");
  Json results = Json::array();
  const int64_t left_out = each_usable(a.swatch, jobs.size(), [&](size_t i) {
    results.push_back(make(context, jobs[i], previews[i].out, plan, command));
    if (!a.json) tell(results.back());
  });
  if (a.json) print_json({{"layout", a.layout}, {"tiles", results}, {"left_out", left_out}});
  return 0;
}

}  // namespace

Command tile_command(const std::string& typed) {
  const auto a = std::make_shared<TileArguments>();
  return {"tile", "Make a seamless repeat out of a swatch",
          "weft tile --swatch linen.jpg --out linen-tile.png --preview cloth.png --repeat 4\n"
          "  weft tile --swatch print.jpg --layout half-drop --width-cm 32 --dpi 300 --out print-tile.png",
          {{"--swatch", "FILE|DIR", "a picture of cloth or paper, flat and evenly lit; or a folder of them", &a->swatch, true},
           {"--out", "OUT", "FILE.png: a piece that repeats straight, whatever the layout; of a folder, a folder", &a->out, true},
           {"--layout", "NAME", "straight, half-drop, brick or mirror [straight]", &a->layout},
           {"--size", "PX", "longer side of a tile, 16 to 4096 [as it comes]", &a->size},
           {"--width-cm", "X", "width of a tile in print", &a->width_cm},
           {"--dpi", "D", "pixels an inch in print, 10 to 4800; written into the file [300 with --width-cm]", &a->dpi},
           {"--preview", "OUT", "the cloth, --repeat tiles each way", &a->preview},
           {"--repeat", "N", "1 to 32 [3]", &a->repeat},
           {"--json", "", "print the result as one JSON object", &a->json}},
          [a, command = typed] { return run(*a, command); }};
}

}  // namespace weft::apps
