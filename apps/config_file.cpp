// TOML into settings.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "settings.h"
#ifdef WEFT_HAS_TOML
#include <toml++/toml.h>
#endif

namespace weft::apps {
#ifdef WEFT_HAS_TOML
namespace {

// toml++ 3.3 and 3.4 run into undefined behaviour on letters beyond ASCII outside of strings (is_non_ascii_horizontal_whitespace).
// So it is given ASCII: each byte of such a letter as %XX, which TOML allows in just the places where it allows the letter. A %
// that it makes itself, from an escape, would be one too many.
std::string in_ascii(std::string_view text, const std::string& path) {
  for (const char* escape : {"\\u0025", "\\U00000025"})
    if (text.find(escape) != text.npos) throw ConfigError(path + ": write % itself and not " + escape);
  std::string out;
  for (const char c : text) {
    char code[8];
    std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(c));
    out += c == '%' || (c & 0x80) ? code : std::string(1, c);
  }
  return out;
}

std::string from_ascii(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] == '%' && i + 2 < text.size()) out += char(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16)), i += 2;
    else out += text[i];
  return out;
}

std::string place(const std::string& path, const toml::source_position& at) {
  return path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
}

void read_table(TrainSettings& settings, const toml::table& table, const std::string& prefix, const std::string& path) {
  for (auto&& [name, node] : table) {
    const std::string key = prefix + from_ascii(name.str());
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
    if (const auto* v = node.as_string()) text << from_ascii(v->get()), kind = TextKind::string;
    else if (const auto* i = node.as_integer()) text << i->get(), kind = TextKind::integer;
    else if (const auto* f = node.as_floating_point()) text.precision(17), text << f->get(), kind = TextKind::real;
    else if (const auto* b = node.as_boolean()) text << (b->get() ? "true" : "false"), kind = TextKind::boolean;
    else throw ConfigError(where + key + " must be a single value, not a list, table or date");
    assign(settings, setting, text.str(), kind, where + key);
  }
}

}  // namespace

void read_config_text(TrainSettings& settings, std::string_view text, const std::string& path) {
  const bool marked = text.substr(0, 3) == "\xef\xbb\xbf";            // a byte order mark
  try {
    read_table(settings, toml::parse(in_ascii(text.substr(marked ? 3 : 0), path), std::string_view(path)), "", path);
  } catch (const toml::parse_error& error) {
    throw ConfigError(place(path, error.source().begin) + from_ascii(error.description()));
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
