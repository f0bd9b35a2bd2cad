// Training runs: those of one folder, listed, watched, begun, stopped and gone on with. A run is a process of its own, which neither the
// page nor the studio takes with it when it ends.
#pragma once
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "../json.h"

namespace weft::apps::studio {

class Runs {
 public:
  explicit Runs(const std::filesystem::path& folder) : folder_(std::filesystem::absolute(folder).lexically_normal()) {}

  /// [{"name", "model", "steps", "running", "generates"}], by name. Generators' files are among them.
  Json list() const;
  /// The folder of a run, or a generator's file, that is listed. Throws DataError for any other name.
  std::filesystem::path find(const std::string& name) const;
  /// What a page shows of it: curves of at most 240 points, the last values, alarms, sheets, time left, what its process said.
  /// {"name", "said"} of one that is only beginning; and "error" if its process ended before there was a run, or the run's folder is gone.
  Json watch(const std::string& name) const;
  /// A sample sheet, PNG.
  std::string sheet(const std::string& name, int64_t step) const;
  /// What can be trained here: {"models", "data"}.
  static Json choices();
  /// {"name", "model", "data", "size", "width", "steps" or "minutes", "seed", "condition"} -> {"name", "command"}. Throws ConfigError for what is none of the choices.
  Json begin(const Json& asked) const;
  /// Asks its process to save and end. Throws DataError if there is none.
  void pause(const std::string& name) const;
  /// @param steps  in all; 0: as many as it was to have
  Json go_on(const std::string& name, int64_t steps) const;

 private:
  std::filesystem::path said(const std::string& name) const { return folder_ / ".studio" / (name + ".txt"); }

  Json summary(const std::filesystem::path& run) const;

  std::filesystem::path folder_;
  struct Known { std::string stamp; Json summary; };
  mutable std::mutex mutex_;
  mutable std::map<std::filesystem::path, Known> known_;    // a log is read again only when it has grown
};

}  // namespace weft::apps::studio
