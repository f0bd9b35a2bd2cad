// What --json prints: one object on stdout.
#pragma once
#include <cstdio>
#include <nlohmann/json.hpp>

namespace weft::apps {

using Json = nlohmann::ordered_json;

inline void print_json(const Json& object) {   // a path need not be UTF-8, JSON must be
  std::puts(object.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace weft::apps
