// Commands that take a picture, or a folder of them, and write one for each: what is read, where results go, and what is refused of it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace weft::apps {

struct PictureJob {
  std::filesystem::path in, out;       // out: empty if nothing is to be written
};

/// The pictures that lie in a folder, by name. Throws DataError if there are none.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder);

/// @param in    a picture, or a folder: the pictures in it
/// @param flag  the one that `out` came by
/// @param out   FILE.png if `in` is one picture; else a folder, which is made: STEM.png for each; or empty
/// Throws DataError if there is nothing to read; ConfigError if two pictures of a folder have one stem, `out` is named as another kind
/// of picture, or it is the folder `in`; IoError if `out` cannot be written, as far as can be known beforehand.
std::vector<PictureJob> picture_jobs(const std::string& in, const std::string& flag, const std::string& out);

/// Calls `work` with 0 to count - 1, a picture of `where` each. One of many that cannot be used (exit code 66) is named and left out.
/// Returns how many were; throws DataError if all.
int64_t each_usable(const std::string& where, size_t count, const std::function<void(size_t)>& work);

/// A file of one of these endings (".png") that can be written, as far as can be known beforehand. Throws ConfigError, IoError.
void check_output(const std::string& flag, const std::string& file, const std::vector<std::string>& endings);

/// Throws ConfigError if a file that is to be written is one of those that are read, or is to be written twice. Empty names are none.
void expect_apart(const std::vector<std::filesystem::path>& read, const std::vector<std::filesystem::path>& written);
void expect_apart(const std::vector<PictureJob>& jobs, std::vector<std::filesystem::path> read = {});     // read besides

/// A folder that is there, made if need be. Throws IoError that names the flag; ConfigError if it is the folder `read`.
void make_folder(const std::string& flag, const std::filesystem::path& folder, const std::filesystem::path& read = {});

}  // namespace weft::apps
