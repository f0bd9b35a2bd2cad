// What a picture tells of how it was made, as the page's settings.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "shelf.h"

namespace weft::apps::studio {
namespace {

/// A command's words, as gan::quoted_for_shell() wrote them; what it escaped by a code is left as the code.
std::vector<std::string> words_of(const std::string& command) {
  enum { bare, quoted, escaping } state = bare;              // outside, in '', in $''
  std::vector<std::string> words(1);
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (state == bare && c == ' ') words.emplace_back();
    else if (state == bare && c == '$') state = escaping, ++i;
    else if (c == '\'') state = state == bare ? quoted : bare;
    else if (state != quoted && c == '\\' && i + 1 < command.size()) words.back() += command[++i];
    else words.back() += c;
  }
  return words;
}

/// PICTURE:NUMBER's number, of 0 to `most`.
double after_colon(const std::string& word, double most, double otherwise) {
  const size_t colon = word.rfind(':');
  if (colon == std::string::npos || colon + 1 == word.size()) return otherwise;
  char* end = nullptr;
  const double value = std::strtod(word.c_str() + colon + 1, &end);
  return *end == 0 && value >= 0 && value <= most ? value : otherwise;
}

/// What `weft transfer` tells of a picture that it made: pictures by their sums, dials by its flags. Of masks it keeps no sum.
Json settings_of_transfer(std::map<std::string, std::string>& text) {
  const std::vector<std::string> words = words_of(text["weft.command"]);
  const auto all = [&](const std::string& name) {
    std::vector<std::string> values;
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] == "--" + name && i + 1 < words.size()) values.push_back(words[i + 1]);
      if (words[i].rfind("--" + name + "=", 0) == 0) values.push_back(words[i].substr(name.size() + 3));
    }
    return values;
  };
  const auto flag = [&](const std::string& name, const std::string& otherwise) {
    const std::vector<std::string> values = all(name);
    return values.empty() ? otherwise : values.back();
  };
  const auto number = [&](const std::string& name, const std::string& otherwise) { return std::strtod(flag(name, otherwise).c_str(), nullptr); };
  const auto whole = [&](const std::string& name) {          // of a file from anywhere: what is none, or out of all bounds, is 0
    const double value = number(name, "0");
    return value >= 0 && value < 9e15 ? int64_t(value) : 0;
  };
  const auto id = [&](const std::string& role) { return text["weft." + role + "_sha256"].substr(0, 32); };
  Json styles = Json::array();
  const std::vector<std::string> given = all("style");
  for (size_t i = 0; i < std::min<size_t>(8, given.size()); ++i)
    if (const std::string each = id("style" + (given.size() == 1 ? "" : std::to_string(i + 1))); !each.empty()) styles.push_back({{"id", each}, {"weight", after_colon(given[i], 1e6, 1)}});
  if (styles.empty() || id("content").empty()) return nullptr;
  const double lay = id("blend") == styles[0]["id"] ? after_colon(flag("blend", ""), 1, 0.5) : 0;
  return {{"content", id("content")}, {"styles", styles}, {"mask", ""}, {"lay", lay}, {"structure", number("structure", "0.5")},
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
