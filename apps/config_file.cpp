// TOML into settings.
#include <cstring>
#include <fstream>
#include <sstream>

#include "settings.h"
#ifdef WEFT_HAS_TOML
#include <toml++/toml.h>
#endif

namespace weft::apps {
#ifdef WEFT_HAS_TOML
namespace {

std::string place(const std::string& path, const toml::source_position& at) {
  return path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
}

void read_table(TrainSettings& settings, const toml::table& table, const std::string& prefix, const std::string& path) {
  for (auto&& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where = place(path, name.source().begin);
    const bool is_group = prefix.empty() && node.is_table();
    if (is_group) {
      bool known = false;
      std::vector<std::string> groups;
      for (const Setting& s : settings_list()) {
        const std::string full = s.key;
        groups.push_back(full.substr(0, full.find('.')));
        known = known || groups.back() == key;
      }
      if (!known) throw ConfigError(where + "there is no table [" + key + "]" + gan::suggestion(key, groups));
      read_table(settings, *node.as_table(), key + ".", path);
      continue;
    }
    const Setting& setting = find_setting(key, where);
    std::ostringstream text;
    TextKind kind;
    if (const auto* v = node.as_string()) text << v->get(), kind = TextKind::string;
    else if (const auto* i = node.as_integer()) text << i->get(), kind = TextKind::integer;
    else if (const auto* f = node.as_floating_point()) text.precision(17), text << f->get(), kind = TextKind::real;
    else if (const auto* b = node.as_boolean()) text << (b->get() ? "true" : "false"), kind = TextKind::boolean;
    else throw ConfigError(where + key + " must be a single value, not a list, table or date");
    assign(settings, setting, text.str(), kind, where + key);
  }
}

/// toml++ 3.3 and 3.4 run into undefined behaviour on letters beyond ASCII outside of strings and comments, where TOML knows none.
void refuse_letters_outside_quotes(std::string_view text, const std::string& path) {
  std::string_view quote;                                           // what ends the string that we are in
  bool comment = false;
  char before = '\n';
  toml::source_position at{1, 1};
  for (size_t i = text.substr(0, 3) == "\xef\xbb\xbf" ? 3 : 0; i < text.size(); before = text[i++], ++at.column) {
    const char c = text[i];
    if (c == '\n') {
      at = {at.line + 1, 0}, comment = false;
      if (quote.size() == 1) quote = {};
    } else if (!quote.empty()) {
      const size_t next = c == '\\' && quote[0] == '"' ? i + 1 : text.size(), letter = text.find_first_not_of(" \t\r\n", next);
      if (letter < text.size() && letter > next && (text[letter] & 0x80))      // it looks for white space after a line's last backslash
        throw ConfigError(place(path, at) + "a letter beyond ASCII may not be the first after a line that ends in a backslash");
      if (next < text.size() && (text[next] == '"' || text[next] == '\\')) ++i, ++at.column;
      else if (text.substr(i, quote.size()) == quote) i += quote.size() - 1, quote = {};
    } else if (!comment && (c == '"' || c == '\'') && std::strchr(" \t\n=,.[{", before)) {
      const std::string three(3, c);
      quote = text.substr(i, text.substr(i, 3) == three ? 3 : 1);
      i += quote.size() - 1;
    } else if (!comment && (c & 0x80)) {
      throw ConfigError(place(path, at) + "letters beyond ASCII must stand in quotes");
    } else if (c == '#') {
      comment = true;
    }
  }
}

}  // namespace

void read_config_text(TrainSettings& settings, std::string_view text, const std::string& path) {
  refuse_letters_outside_quotes(text, path);
  try {
    read_table(settings, toml::parse(text, std::string_view(path)), "", path);
  } catch (const toml::parse_error& error) {
    throw ConfigError(place(path, error.source().begin) + std::string(error.description()));
  }
}
#else
void read_config_text(TrainSettings&, std::string_view, const std::string& path) {
  throw ConfigError("--config " + path + ": this weft was built without toml++; give the settings by --set, or build again "
                    "where toml++ is installed (on Debian and Ubuntu: libtomlplusplus-dev)");
}
#endif

void read_config_file(TrainSettings& settings, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw ConfigError("--config " + path + ": the file is missing, empty or cannot be read");
  read_config_text(settings, text.str(), path);
}
}  // namespace weft::apps
