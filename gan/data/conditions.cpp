#include "weft/gan/conditions.h"

#include <algorithm>
#include <set>

#include "weft/gan/objective.h"

namespace weft::gan {
Conditions conditions_of(const std::vector<std::string>& classes) {
  Conditions c;
  std::set<std::string> all;
  bool several = false;
  for (const std::string& each : classes) {
    const std::vector<std::string> names = parts_of(each, '|');
    several = several || names.size() != 1 || names[0] != each;
    all.insert(names.begin(), names.end());
  }
  c.names = several ? std::vector<std::string>(all.begin(), all.end()) : classes;
  for (const std::string& each : classes) c.rows.push_back(condition_row(c.names, each, "class"));
  return c;
}

std::vector<float> condition_row(const std::vector<std::string>& names, const std::string& text, const std::string& what) {
  std::vector<float> row(names.size(), 0);
  for (const std::string& one : parts_of(text, '|')) {
    const auto at = std::find(names.begin(), names.end(), one);
    if (at == names.end()) throw ConfigError(what + " '" + one + "' is none of " + listed(names) + suggestion(one, names));
    row[size_t(at - names.begin())] = 1;
  }
  return row;
}

}  // namespace weft::gan
