// Commands that take a picture, or a folder of them, and write one for each.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace weft::apps {

struct PictureJob {
  std::filesystem::path in, out;
};

/// @param in   a picture, or a folder: the pictures that lie in it, by name
/// @param out  FILE.png if `in` is one picture; else a folder, which is made: STEM.png for each
/// Throws DataError if there is nothing to read, ConfigError if two pictures of a folder have one stem or `out` is named as another
/// kind of picture, IoError if the folder cannot be made or `out` is a folder with a picture's name.
std::vector<PictureJob> picture_jobs(const std::string& in, const std::string& out);

/// A folder that is there, made if need be. Throws IoError that names the flag.
void make_folder(const std::string& flag, const std::filesystem::path& folder);

}  // namespace weft::apps
