// Any bytes as --config: settings that come back equal through our own writer, or ConfigError.
#include <cstdlib>

#include "settings.h"
#include "weft/kernels/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weft::apps;
  TrainSettings settings, again;
  try {
    read_config_text(settings, {reinterpret_cast<const char*>(data), size}, "f.toml");
  } catch (const weft::ConfigError&) {
    return 0;
  }
  const std::string text = to_toml(settings);
  read_config_text(again, text, "again.toml");                       // throws if we write what we do not read
  if (to_toml(again) != text) std::abort();
  for (const Setting& s : settings_list())
    if (!std::visit([&](auto field) { return settings.*field == again.*field; }, s.field)) std::abort();
  return 0;
}
