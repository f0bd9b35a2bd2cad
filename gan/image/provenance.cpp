#include "weft/gan/provenance.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "weft/tensor/sha256.h"

namespace weft::gan {

TextChunks provenance(const std::string& command, const TextChunks& more) {
  TextChunks all = {{"Software", std::string("weft ") + WEFT_VERSION}, {"weft.command", command}};
  for (const auto& [name, text] : more) all.emplace_back("weft." + name, is_utf8(text) ? text : quoted_for_shell(text));   // a path may be any bytes, a chunk's text not
  return all;
}

TextChunks picture_input(const std::string& role, const std::filesystem::path& file) {
  return {{role, file.filename().string()}, {role + "_sha256", sha256_of_file(file)}};
}

bool is_utf8(const std::string& text) {
  try {
    return nlohmann::json(text).dump(), true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

std::string quoted_for_shell(const std::string& text) {
  const char* harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:@%+,-";
  if (!text.empty() && text.find_first_not_of(harmless) == std::string::npos) return text;
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const auto wide_control = [](char c, char next) { return c == '\xc2' && static_cast<unsigned char>(next) < 0xa0; };    // U+0080 to U+009F, of two bytes
  const bool plain = is_utf8(text) && std::none_of(text.begin(), text.end(), control) && std::adjacent_find(text.begin(), text.end(), wide_control) == text.end();
  std::string out = plain ? "'" : "$'";
  for (const char c : text) {
    char code[8];
    std::snprintf(code, sizeof code, "\\x%02x", unsigned(static_cast<unsigned char>(c)));
    if (plain) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    else if (control(c) || static_cast<unsigned char>(c) > 0x7e) out += code;
    else if (c == '\'' || c == '\\') out += std::string("\\") + c;
    else out += c;
  }
  return out + "'";
}

}  // namespace weft::gan
