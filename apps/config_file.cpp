// TOML into settings.
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

}  // namespace

void read_config_file(TrainSettings& settings, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) throw ConfigError("--config " + path + ": the file is missing, empty or cannot be read");
  try {
    read_table(settings, toml::parse(std::string_view(text.str()), std::string_view(path)), "", path);
  } catch (const toml::parse_error& error) {
    throw ConfigError(place(path, error.source().begin) + std::string(error.description()));
  }
}
#else
void read_config_file(TrainSettings&, const std::string& path) {
  throw ConfigError("--config " + path + ": this weft was built without toml++; give the settings by --set, or build again "
                    "where toml++ is installed (on Debian and Ubuntu: libtomlplusplus-dev)");
}
#endif
}  // namespace weft::apps
