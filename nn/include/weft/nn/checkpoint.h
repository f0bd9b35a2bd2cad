// A folder of checkpoints, each whole or not there:
//   step-000500/{<name>.safetensors ..., state.json, SHA256SUMS}   step-001000/...   LATEST
// A kill or a power cut at any moment leaves the checkpoints of before; `sha256sum -c SHA256SUMS` checks one by hand.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "weft/tensor/safetensors.h"

namespace weft::nn {

struct Checkpoint {
  struct File { HostTensors tensors; Metadata metadata; };
  std::map<std::string, File> files;         // "generator" is generator.safetensors: names are not empty, without '/' or line break
  std::string state;                         // the text of state.json
};

/// "step-000500"
std::string checkpoint_name(int64_t step);

/// What is wrong with the checkpoint in this folder, in a sentence; empty if every file that SHA256SUMS lists is there with
/// that sum, state.json among them.
std::string checkpoint_fault(const std::filesystem::path& folder);

/// Throws: DataError if a file is missing, FormatError if one is broken. Does not check sums.
Checkpoint read_checkpoint(const std::filesystem::path& folder);

class Checkpoints {
 public:
  /// @param folder  RUN/checkpoints; made by the first save
  explicit Checkpoints(const std::filesystem::path& folder) : folder_(folder) {}

  /// Hidden folder, files, fsync, rename, fsync, then LATEST the same way. One of the same step is replaced. Throws IoError,
  /// before anything is written if the disk has no room; what there was is whole then. Throws ConfigError for a step below 0 or
  /// another name.
  std::filesystem::path save(int64_t step, const Checkpoint& checkpoint) const;

  std::vector<int64_t> steps() const;        // of all that are there, whole or not, rising
  std::filesystem::path path(int64_t step) const { return folder_ / checkpoint_name(step); }
  /// The newest that is whole. `note` hears of each newer one what is wrong with it.
  std::optional<int64_t> newest_whole(const std::function<void(const std::string&)>& note) const;

  /// Lets LATEST name this one: the end of a save, also of one that was cut off before.
  void point_latest(int64_t step) const;
  /// Removes all but these; each vanishes at once. LATEST's must be among them.
  void keep_only(const std::set<int64_t>& steps) const;
  /// Removes what an interrupted save or removal left behind.
  void remove_leftovers() const;

 private:
  std::filesystem::path folder_;
};

}  // namespace weft::nn
