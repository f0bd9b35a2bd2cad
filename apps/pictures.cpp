#include "pictures.h"

#include <algorithm>

#include "weft/kernels/error.h"

namespace weft::apps {
namespace fs = std::filesystem;
namespace {

bool is_picture(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  const std::vector<std::string> known = {".png", ".jpg", ".jpeg", ".webp", ".bmp"};
  return std::find(known.begin(), known.end(), ending) != known.end();
}

}  // namespace

void make_folder(const std::string& flag, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder)) throw IoError(flag + " " + folder.string() + ": cannot make this folder (" + error.message() + ")");
}

std::vector<PictureJob> picture_jobs(const std::string& in, const std::string& out) {
  std::error_code trouble;
  const bool many = fs::is_directory(in, trouble), folder = fs::is_directory(out, trouble);
  if (is_picture(out) && !many) {
    if (folder) throw IoError(out + ": is a folder, and a picture is to be written there; give another name");
    if (fs::path(out).extension() != ".png") throw ConfigError(out + ": pictures are written as PNG, so the name has to end in .png");
    return {{in, out}};
  }
  std::vector<PictureJob> jobs;
  if (!many) jobs.push_back({in, {}});
  for (fs::directory_iterator entry(in, trouble), end; many && !trouble && entry != end; entry.increment(trouble)) {
    if (is_picture(entry->path()) && entry->path().filename().string()[0] != '.') jobs.push_back({entry->path(), {}});
  }
  if (many && trouble) throw DataError("cannot read the folder " + in + ": " + trouble.message());
  if (jobs.empty()) throw DataError(in + ": no pictures in it; looked for .png .jpg .jpeg .webp .bmp");
  if (many && is_picture(out) && !folder) throw ConfigError(out + ": one file for a folder of pictures; give a folder");
  std::sort(jobs.begin(), jobs.end(), [](const PictureJob& a, const PictureJob& b) { return a.in < b.in; });
  for (size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].out = fs::path(out) / (jobs[i].in.stem().string() + ".png");
    if (i > 0 && jobs[i].out == jobs[i - 1].out)
      throw ConfigError(jobs[i - 1].in.string() + " and " + jobs[i].in.string() + " would both become " + jobs[i].out.string() + "; rename one");
  }
  if (!out.empty()) make_folder("--out", out);
  return jobs;
}

}  // namespace weft::apps
