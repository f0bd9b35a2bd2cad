// What a picture tells of how it was made, as the page's settings.
#include <cstdlib>
#include <map>

#include "shelf.h"

namespace weft::apps::studio {
namespace {

/// What `weft transfer` tells of a picture that it made: pictures by their sums, dials by its flags. Of masks it keeps no sum.
Json settings_of_transfer(std::map<std::string, std::string>& text) {
  const std::string command = text["weft.command"] + " ";
  const auto flag = [&](const std::string& name, const std::string& otherwise) {
    const size_t at = command.find(" --" + name + " "), begin = at + name.size() + 4;
    return at == std::string::npos ? otherwise : command.substr(begin, command.find(' ', begin) - begin);
  };
  const auto number = [&](const std::string& name, const std::string& otherwise) { return std::strtod(flag(name, otherwise).c_str(), nullptr); };
  const auto whole = [&](const std::string& name) {          // of a file from anywhere: what is none, or out of all bounds, is 0
    const double value = number(name, "0");
    return value >= 0 && value < 9e15 ? int64_t(value) : 0;
  };
  const auto id = [&](const std::string& role) { return text["weft." + role + "_sha256"].substr(0, 32); };
  Json styles = Json::array();
  if (const std::string one = id("style"); !one.empty()) styles.push_back({{"id", one}, {"weight", 1.0}});
  for (int i = 1; i <= 8; ++i)
    if (const std::string each = id("style" + std::to_string(i)); !each.empty()) styles.push_back({{"id", each}, {"weight", 1.0}});
  if (styles.empty() || id("content").empty()) return nullptr;
  return {{"content", id("content")}, {"styles", styles}, {"mask", ""}, {"lay", id("blend") == styles[0]["id"] ? 0.5 : 0.0}, {"structure", number("structure", "0.5")},
          {"strength", number("strength", "0.5")}, {"brush", number("brush", "1")}, {"colours", flag("colors", "style")}, {"shading", flag("keep", "") == "shading"},
          {"feather", whole("feather")}, {"size", whole("size")}, {"seed", whole("seed")}};
}

}  // namespace

Json parse_json(const std::string& text) {
  return Json::parse(text, [](int depth, Json::parse_event_t, Json&) { return depth <= 8; }, false);
}

Json settings_of_png(const std::filesystem::path& png) {
  if (png.extension() != ".png") return nullptr;
  std::map<std::string, std::string> text;
  for (const auto& [key, value] : gan::read_png_text(png)) text[key] = value;
  const Json settings = parse_json(text["weft.studio"]);
  if (settings.is_object()) return settings;
  return text["weft.command"].rfind("weft transfer ", 0) == 0 ? settings_of_transfer(text) : Json(nullptr);
}

}  // namespace weft::apps::studio
