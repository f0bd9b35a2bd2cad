// Training runs of the smallest network with everything a checkpoint can hold: average, flips, both optimisers.
#pragma once
#include <nlohmann/json.hpp>

#include "../cli/process.h"

namespace resume {

using namespace cli;
using nlohmann::json;

struct Runs {
  Folder folder;
  std::string data = folder / "data";
  Runs() { write_pictures(data, 7); }   // 7 pictures in batches of 4: epochs end within batches

  /// Trains into folder/name. `more` comes last, so it may say --resume, or other settings.
  Result train(const std::string& name, int64_t steps, const Words& more = {}, const Surroundings& around = {}) const;
  std::string operator/(const std::string& name) const { return folder / name; }
};

std::string sha256(const Result& r);   // "parameters_sha256" of --json; the test ends here if the run did not succeed
/// Every file of the newest checkpoint with its sum, state.json apart: that one also holds the time.
std::string sums(const std::string& run);

}  // namespace resume
