#include "weft/nn/checkpoint.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "weft/tensor/durable_file.h"
#include "weft/tensor/sha256.h"

namespace weft::nn {
namespace fs = std::filesystem;

namespace {

constexpr const char* kState = "state.json";
constexpr const char* kSums = "SHA256SUMS";
constexpr uint64_t kLongestText = 64 << 20;      // bytes of state.json or SHA256SUMS

std::string read_text(const fs::path& path) {
  std::error_code trouble;
  const uint64_t size = fs::file_size(path, trouble);
  std::ifstream in(path, std::ios::binary);
  if (trouble || !in) throw_unreadable(path, trouble ? trouble.value() : errno);
  if (size > kLongestText) throw FormatError(path.string() + ": far too long for what it is");
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<int64_t> step_of(const std::string& name) {
  const std::string digits = name.rfind("step-", 0) == 0 ? name.substr(5) : "";
  if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoll(digits);
}

/// Better to know before than half way.
void expect_room(const fs::path& folder, const Checkpoint& checkpoint) {
  uint64_t needed = checkpoint.state.size();
  for (const auto& [name, file] : checkpoint.files)
    for (const auto& [tensor, t] : file.tensors) needed += t.bytes.size() + 256;
  needed += needed / 20;
  struct statvfs disk;
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  const uint64_t free = uint64_t(disk.f_bavail) * disk.f_frsize;
  if (free < needed)
    throw IoError("cannot save a checkpoint in " + folder.string() + ": it needs " + std::to_string(needed) + " bytes and " + std::to_string(free) +
                  " bytes are free; make room, or keep fewer (run.keep_last)");
}

}  // namespace

std::string checkpoint_name(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step-%06lld", static_cast<long long>(step));
  return name;
}

std::string checkpoint_fault(const fs::path& folder) {
  try {
    std::istringstream sums(read_text(folder / kSums));
    bool has_state = false;
    for (std::string line; std::getline(sums, line);) {
      const std::string sum = line.substr(0, 64), name = line.size() > 66 ? line.substr(66) : "";
      if (name.empty() || line.substr(64, 2) != "  " || name.find('/') != std::string::npos) return std::string(kSums) + " is no list of sums";
      if (sha256_of_file(folder / name) != sum) return name + " has changed since it was saved";
      has_state = has_state || name == kState;
    }
    return has_state ? "" : std::string(kSums) + " does not list " + kState;
  } catch (const Error& e) {
    return e.what();
  }
}

Checkpoint read_checkpoint(const fs::path& folder) {
  Checkpoint checkpoint;
  checkpoint.state = read_text(folder / kState);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    Safetensors file = read_safetensors(entry.path());
    checkpoint.files[entry.path().stem().string()] = {std::move(file.tensors), std::move(file.metadata)};
  }
  return checkpoint;
}

fs::path Checkpoints::save(int64_t step, const Checkpoint& checkpoint) const {
  if (step < 0) throw ConfigError("a checkpoint's step is 0 or more, not " + std::to_string(step));
  for (const auto& [name, file] : checkpoint.files)
    if (name.empty() || name.find_first_of("/\n") != std::string::npos) throw ConfigError("a file of a checkpoint needs a name without '/' or line break, not '" + name + "'");
  make_directories(folder_);
  expect_room(folder_, checkpoint);
  const fs::path hidden = folder_ / ("." + checkpoint_name(step)), final = path(step);
  try {
    remove_tree(hidden);
    make_directories(hidden);
    std::string sums;
    auto seal = [&](const std::string& name) { sums += sha256_of_file(hidden / name) + "  " + name + "\n"; };
    for (const auto& [name, file] : checkpoint.files) {
      write_safetensors(hidden / (name + ".safetensors"), file.tensors, file.metadata);
      seal(name + ".safetensors");
    }
    write_file_atomically(hidden / kState, checkpoint.state);
    seal(kState);
    write_file_atomically(hidden / kSums, sums);
    rename_durably(hidden, final);
    remove_tree(hidden);                                           // what stood there before, if a run went this way already
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(hidden, ignored);                               // room again, even on a full disk
    throw;
  }
  point_latest(step);
  return final;
}

void Checkpoints::point_latest(int64_t step) const {
  const std::string text = checkpoint_name(step) + "\n";
  if (!is_there(folder_ / "LATEST") || read_text(folder_ / "LATEST") != text) write_file_atomically(folder_ / "LATEST", text);
}

std::vector<int64_t> Checkpoints::steps() const {
  std::vector<int64_t> steps;
  std::error_code trouble;
  for (fs::directory_iterator entry(folder_, trouble), end; !trouble && entry != end; entry.increment(trouble)) {
    const auto step = step_of(entry->path().filename().string());
    if (step && path(*step) == entry->path()) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::optional<int64_t> Checkpoints::newest_whole(const std::function<void(const std::string&)>& note) const {
  const std::vector<int64_t> all = steps();
  for (auto step = all.rbegin(); step != all.rend(); ++step) {
    const std::string fault = checkpoint_fault(path(*step));
    if (fault.empty()) return *step;
    if (note) note(path(*step).string() + " is not whole (" + fault + "); looking for an older one");
  }
  return std::nullopt;
}

void Checkpoints::keep_only(const std::set<int64_t>& keep) const {
  for (const int64_t step : steps()) {
    if (keep.count(step)) continue;
    const fs::path hidden = folder_ / (".old-" + checkpoint_name(step));
    remove_tree(hidden);
    rename_durably(path(step), hidden);
    remove_tree(hidden);
  }
}

void Checkpoints::remove_leftovers() const { weft::remove_leftovers(folder_, {".step-", ".old-", ".weft-"}); }

}  // namespace weft::nn
