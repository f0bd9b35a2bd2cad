#include "diagnosis.h"

#include <algorithm>

namespace weft::diagnosis {

std::string failure(const std::string& what, const std::string& error, const Launched& launched, bool sync) {
  std::string text = what + ": " + error;
  const uint64_t kept = std::min(launched.count, Launched::kNames);
  if (kept == 0) return text;
  text += sync || launched.count == 1 ? "; launched last: " : "; it was in one of the " + std::to_string(launched.count) + " launches since the last check: ";
  if (kept < launched.count) text += "..., ";
  for (uint64_t i = launched.count - kept, times; i < launched.count; i += times) {
    const std::string name = launched.names[i % Launched::kNames];
    for (times = 1; i + times < launched.count && launched.names[(i + times) % Launched::kNames] == name;) ++times;
    text += name + (times > 1 ? " " + std::to_string(times) + " times" : "") + (i + times < launched.count ? ", " : "");
  }
  return sync ? text : text + ". With --sync it is found where it happens, slowly";
}

}  // namespace weft::diagnosis
