#include "cloth.h"

#include <algorithm>
#include <cmath>

#include "../settings.h"
#include "weft/gan/colour.h"
#include "weft/gan/dataset.h"
#include "weft/gan/palette.h"
#include "weft/gan/provenance.h"
#include "weft/gan/sheet.h"
#include "weft/gan/tile.h"
#include "weft/kernels/error.h"

namespace weft::apps::studio {
namespace {

std::string quoted(const std::filesystem::path& file) { return gan::quoted_for_shell(file.string()); }

int whole(const Json& asked, const char* key, int otherwise, int low, int high) {
  const int value = asked.value(key, otherwise);
  if (value < low || value > high) throw ConfigError(std::string(key) + " is " + std::to_string(value) + "; it lies between " + std::to_string(low) + " and " + std::to_string(high));
  return value;
}

/// A result of one picture, with the line that makes it.
Json shelved(Shelf& shelf, const gan::Image& picture, const std::string& command, const std::string& role, const std::string& id, const std::string& name) {
  Json told = shelf.add(gan::encode_png(picture, gan::provenance(command, gan::picture_input(role, shelf.file(id)))), name);
  told["command"] = command;
  return told;
}

}  // namespace

gan::Image drawn(const Context& context, const std::string& set, int64_t index, int size) {
  gan::DatasetOptions options;
  options.size = size;
  const auto data = gan::open_dataset(set, options);
  std::vector<float> values(size_t(size) * size_t(size) * size_t(data->channels()));
  data->read(index % data->size(), values.data());
  return gan::to_image(context.from(values, {1, size, size, data->channels()}), 0);
}

Json draw(const Context& context, Shelf& shelf, const Json& asked) {
  const std::string set = asked.at("set");
  if (set != "garments" && set != "swatches") throw ConfigError("weft draws garments and swatches, not '" + set + "'");
  const int index = whole(asked, "index", 0, 0, 19999), size = whole(asked, "size", set == "garments" ? 512 : 256, 16, 1024);
  const auto command = [&](const std::string& name) {
    return "weft generate " + name + " --seed " + std::to_string(index) + " --count 1 --size " + std::to_string(size) + " --out " + name + ".png";
  };
  const auto add = [&](const std::string& name) {
    return shelf.add(gan::encode_png(drawn(context, name, index, size), gan::provenance(command(name), {{"seed", std::to_string(index)}})), name + "-" + std::to_string(index) + ".png");
  };
  Json told = add(set);
  if (set == "garments") told["mask"] = add("garment-masks")["id"];
  return told;
}

Json tile(const Context& context, Shelf& shelf, const Json& asked) {
  const std::string id = asked.at("id"), name = asked.value("layout", "straight");
  const gan::Layout layout = gan::layout_named(name);
  const Picture swatch = asked.value("whole", false) ? shelf.image(id) : shelf.image(id, 1024);
  const gan::Tile made = gan::make_tile(context, *swatch, layout);
  const std::string command = "weft tile --swatch " + quoted(shelf.file(id)) + (name == "straight" ? "" : " --layout " + name) + " --out " + quoted(shelf.folder() / "tile.png");
  Json told = shelved(shelf, gan::straight_repeat(made.image, layout), command, "swatch", id, "tile-" + name + ".png");
  told["how"] = made.how, told["score"] = gan::seam_score(made.image, layout);
  told["smaller"] = swatch->width < shelf.image(id)->width;
  return told;
}

Json cloth_of(const Context& context, Shelf& shelf, const Json& asked) {
  const std::string id = asked.at("id"), name = asked.value("layout", "straight");
  const gan::Layout layout = gan::layout_named(name);
  const int repeat = whole(asked, "repeat", 4, 1, 12);
  gan::Image tile = gan::make_tile(context, *shelf.image(id, 1024), layout).image;
  const double scale = std::min(1.0, 2048.0 / (repeat * std::max(tile.height, tile.width)));
  if (scale < 1) tile = gan::resized_tile(tile, layout, 2 * std::max(4, int(tile.height * scale / 2)), 2 * std::max(4, int(tile.width * scale / 2)));
  const std::string command = "weft tile --swatch " + quoted(shelf.file(id)) + " --layout " + name + " --repeat " + std::to_string(repeat) + " --preview cloth.png --out tile.png";
  return shelved(shelf, gan::cloth(tile, layout, 0, 0, repeat * tile.height, repeat * tile.width), command, "swatch", id, "cloth-" + name + ".png");
}

Json palette(Shelf& shelf, const Json& asked) {
  Json colours = Json::array();
  for (const gan::PaletteColour& colour : gan::extract_palette(*shelf.image(asked.at("id"), 512), whole(asked, "count", 5, 1, 12)))
    colours.push_back({{"hex", gan::hex(colour)}, {"share", colour.share}});
  return {{"colours", colours}};
}

Json recolour(Shelf& shelf, const Json& asked, Report& report) {
  const auto go_on = [&](double done) { if (!report.tell(done)) throw GivenUp(); };      // each part of a large picture takes seconds
  const std::string id = asked.at("id"), method = asked.value("method", "mkl"), other = asked.value("palette", "");
  gan::Adjustments dials;
  dials.hue = asked.value("hue", 0.0), dials.saturation = asked.value("saturation", 1.0), dials.contrast = asked.value("contrast", 1.0);
  const int few = whole(asked, "flat", 0, 0, 12);
  gan::Image picture = *shelf.image(id);
  go_on(0.1);
  std::string command = "weft recolor --image " + quoted(shelf.file(id)), codes;
  gan::Palette inks;
  for (const Json& colour : asked.value("colours", Json::array())) {     // a list of codes has no shares: each stands in it as often as is its share of 32
    const long times = std::lround(32 * std::clamp(colour.value("share", 0.0), 0.0, 1.0));
    inks.insert(inks.end(), size_t(std::max(1L, times)), gan::palette_from_hex(colour.at("hex"))[0]);
  }
  if (!other.empty()) picture = gan::recoloured(picture, *shelf.image(other), gan::colour_method_named(method)), command += " --palette " + quoted(shelf.file(other));
  else if (!inks.empty()) {
    for (const gan::PaletteColour& ink : inks) codes += (codes.empty() ? "" : ",") + gan::hex(ink);
    picture = gan::recoloured(picture, gan::palette_strip(inks, 1, int(inks.size())), gan::colour_method_named(method));
    command += " --palette " + gan::quoted_for_shell(codes);
  }
  const int flat = few && !inks.empty() ? int(inks.size()) : few;        // the inks that are listed, then, and no others
  if (method != "mkl") command += " --method " + method;
  if (dials.hue != 0) command += " --hue " + number_text(dials.hue);
  if (dials.saturation != 1) command += " --saturation " + number_text(dials.saturation);
  if (dials.contrast != 1) command += " --contrast " + number_text(dials.contrast);
  if (flat) command += " --colors " + std::to_string(flat);
  go_on(0.4);
  picture = gan::adjusted(picture, dials);
  go_on(0.6);
  if (flat) picture = gan::separate(picture, inks.empty() ? gan::extract_palette(picture, flat) : inks).flat;
  go_on(0.8);
  return shelved(shelf, picture, command + " --out " + quoted(shelf.folder() / "recoloured.png"), "image", id, "recoloured.png");
}

}  // namespace weft::apps::studio
