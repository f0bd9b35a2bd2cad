// What a run's folder holds, for those who show it: read leniently, since a run may be at work, cut off or old.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weft::gan {

struct RunContents {
  struct Start { std::string command, device, weft, started; int64_t from_step = 0; };
  struct Log {
    std::vector<double> steps;                           // rising
    std::map<std::string, std::vector<double>> values;   // by their names in log.jsonl, one a step; NaN where it has none
    std::map<std::string, std::vector<bool>> told;       // whether that step's line has that name at all: some are measured now and then
    std::vector<std::pair<double, std::string>> alarms;  // by step
    int64_t unreadable = 0;                              // lines, such as the one that a crash cut off
    /// The last value of that name; NaN if there is none.
    double last(const std::string& name) const;
  };
  struct Checkpoint { int64_t step = 0; std::filesystem::path folder; uint64_t bytes = 0; };
  struct Sheet { int64_t step = 0; std::filesystem::path file; };

  std::vector<Start> starts;                             // the first one, and those that resumed
  std::vector<std::pair<std::string, std::string>> config;   // key and value, in the order of the settings
  Log log;
  std::vector<Sheet> sheets;                             // by step
  std::vector<Checkpoint> checkpoints;                   // by step
  int64_t best_step = 0;                                 // of the checkpoint that is kept as the best; 0: none
  std::string parameters_sha256;                         // of the newest checkpoint

  /// A setting's value; empty if the run has none of that name.
  std::string setting(const std::string& key) const;
  /// Steps trained so far, as far as can be seen.
  int64_t steps() const;
};

/// Whether the folder looks like a run.
bool is_run(const std::filesystem::path& folder);

/// Throws DataError if the folder holds no run. What is missing or damaged in it stays empty.
RunContents read_run(const std::filesystem::path& folder);

}  // namespace weft::gan
