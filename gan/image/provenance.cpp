#include "weft/gan/provenance.h"

#include <algorithm>
#include <cstdio>

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
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    const unsigned first = byte(i);
    const size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (length == 0) return false;
    for (size_t k = 1; k < length; ++k)
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    const unsigned second = byte(i + 1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
      return false;
    i += length;
  }
  return true;
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
