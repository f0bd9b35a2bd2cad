#include "pictures.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "weft/gan/image.h"
#include "weft/kernels/error.h"

namespace weft::apps {
namespace fs = std::filesystem;
namespace {

/// One for all names of a file, whether it is there yet or not.
fs::path identity(const fs::path& file) {
  std::error_code none;
  const fs::path whole = fs::absolute(file), known = fs::weakly_canonical(whole, none);
  return none ? whole : known;
}

}  // namespace

void check_output(const std::string& flag, const std::string& file, const std::vector<std::string>& endings) {
  std::string all;
  for (const std::string& e : endings) all += (all.empty() ? "" : " or ") + e;
  if (std::find(endings.begin(), endings.end(), fs::path(file).extension()) == endings.end())
    throw ConfigError(flag + " " + file + ": the name has to end in " + all);
  const fs::path folder = fs::absolute(file).parent_path();
  std::error_code none;
  if (!fs::is_directory(folder, none)) throw IoError(flag + " " + file + ": there is no folder " + folder.string());
  if (fs::is_directory(file, none)) throw IoError(flag + " " + file + ": is a folder; give the name of a file");
  if (access(folder.c_str(), W_OK) != 0) throw IoError(flag + " " + file + ": cannot be written");
}

void expect_apart(const std::vector<fs::path>& read, const std::vector<fs::path>& written) {
  std::set<fs::path> inputs, outputs;
  for (const fs::path& file : read)
    if (!file.empty()) inputs.insert(identity(file));
  for (const fs::path& file : written) {
    if (file.empty()) continue;
    if (inputs.count(identity(file))) throw ConfigError(file.string() + " is read, and would be written over; give the result another name");
    if (!outputs.insert(identity(file)).second) throw ConfigError(file.string() + " would be written twice; give each result a name of its own");
  }
}

void expect_apart(const std::vector<PictureJob>& jobs, std::vector<fs::path> read) {
  std::vector<fs::path> written;
  for (const PictureJob& job : jobs) read.push_back(job.in), written.push_back(job.out);
  expect_apart(read, written);
}

void make_folder(const std::string& flag, const fs::path& folder, const fs::path& read) {
  std::error_code error;
  if (fs::is_directory(folder, error) && fs::equivalent(read, folder, error))
    throw ConfigError(flag + " " + folder.string() + ": pictures are read from this folder, and would be written over; give another");
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder)) throw IoError(flag + " " + folder.string() + ": cannot make this folder (" + error.message() + ")");
}

std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> pictures;
  std::error_code trouble;
  for (fs::directory_iterator entry(folder, trouble), end; !trouble && entry != end; entry.increment(trouble))
    if (gan::is_picture(entry->path()) && entry->path().filename().string()[0] != '.') pictures.push_back(entry->path());
  if (trouble) throw DataError("cannot read the folder " + folder.string() + ": " + trouble.message());
  if (pictures.empty()) throw DataError(folder.string() + ": no pictures in it; looked for .png .jpg .jpeg .webp .bmp");
  std::sort(pictures.begin(), pictures.end());
  return pictures;
}

std::vector<PictureJob> picture_jobs(const std::string& in, const std::string& flag, const std::string& out) {
  std::error_code none;
  const bool many = fs::is_directory(in, none), file = gan::is_picture(out) && !(many && fs::is_directory(out, none));
  const std::vector<fs::path> pictures = many ? pictures_in(in) : std::vector<fs::path>{in};
  if (file && many) throw ConfigError(flag + " " + out + ": one file for a folder of pictures; give a folder");
  if (file) {
    check_output(flag, out, {".png"});
    return {{in, out}};
  }
  std::vector<PictureJob> jobs;
  std::map<fs::path, fs::path> made_of;
  for (const fs::path& picture : pictures) {
    jobs.push_back({picture, out.empty() ? fs::path() : fs::path(out) / (picture.stem().string() + ".png")});
    if (out.empty()) continue;
    const auto [other, first] = made_of.emplace(jobs.back().out, picture);
    if (!first) throw ConfigError(other->second.string() + " and " + picture.string() + " would both become " + other->first.string() + "; rename one");
  }
  if (!out.empty()) make_folder(flag, out, in);
  return jobs;
}

int64_t each_usable(const std::string& where, size_t count, const std::function<void(size_t)>& work) {
  size_t left_out = 0;
  for (size_t i = 0; i < count; ++i) {
    try {
      work(i);
    } catch (const Error& e) {
      if (count == 1 || e.exit_code != 66) throw;           // 66: the picture's own trouble
      ++left_out;
      std::fprintf(stderr, "weft: %s; it is left out\n", e.what());
    }
  }
  if (left_out == count) throw DataError(where + ": none of its " + std::to_string(count) + " pictures can be used");
  if (left_out) std::fprintf(stderr, "weft: %s: %zu of %zu pictures left out\n", where.c_str(), left_out, count);
  return int64_t(left_out);
}

}  // namespace weft::apps
