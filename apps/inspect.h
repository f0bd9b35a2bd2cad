// What `weft inspect` finds in one file: for a program as JSON, for a person as text.
#pragma once
#include <filesystem>
#include <string>

#include "json.h"

namespace weft::apps {

struct Finding {
  Json json;
  std::string text;                          // lines, each with its end
};

/// By the file's first bytes: safetensors, a picture, TensorBoard events or IDX.
/// Throws DataError if there is no such file, FormatError if it is none of these, or a broken one.
Finding inspect_file(const std::filesystem::path& file);

/// Names and texts of a file may be anybody's: control characters, which a terminal would obey, and what is no UTF-8 become \x1b and the like.
std::string harmless(const std::string& text);

/// A name, its padding, a value and the end of the line.
std::string line(const std::string& name, const std::string& value);

}  // namespace weft::apps
