// The folder of a training run:
//   config.toml   run.json   log.jsonl   events.out.tfevents.*   samples/step-000500.png   report.html
//   landscape.html   landscape/step-000500.json        of points in the plane (weft/gan/landscape.h)
//   checkpoints/step-000500/{<network>,<network>.optimizer,generator.ema}.safetensors state.json SHA256SUMS   checkpoints/LATEST
#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "weft/gan/event_file.h"
#include "weft/gan/trainer.h"
#include "weft/tensor/durable_file.h"

namespace weft::gan {

class RunDirectory {
 public:
  /// Only looks. Throws ConfigError if the folder holds a run that is not to be resumed, IoError if it is a file.
  RunDirectory(const TrainRequest& request, const std::string& weft_version);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const nn::Checkpoints& checkpoints() const { return checkpoints_; }

  /// Makes the folder if need be and holds it alone until the object's end. Throws ConfigError if another process trains into
  /// it, IoError if it cannot be written.
  void take();
  /// Writes down who trains here, and cuts log.jsonl back to the steps up to `from` (0: a new run).
  void begin(int64_t from, const std::string& device);
  void log(int64_t step, double seconds, double images_per_second, const Gauges& gauges, const std::vector<std::string>& alarms = {});
  std::string sample_sheet(int64_t step) const { return (path_ / "samples" / (nn::checkpoint_name(step) + ".png")).string(); }
  /// Returns the sheet's path.
  std::string write_samples(int64_t step, const Contest::Sheet& samples);
  /// The logs are as durable as the checkpoint that goes with them.
  void commit_log() { log_->commit(), events_->commit(); }

 private:
  std::filesystem::path path_;
  const TrainRequest& request_;
  std::string version_;
  nn::Checkpoints checkpoints_;
  std::unique_ptr<DurableFile> log_;
  std::unique_ptr<EventFile> events_;
  int lock_ = -1;
};

/// The object in a file; an empty one if it is missing, damaged or beyond 16 MiB.
nlohmann::ordered_json read_json(const std::filesystem::path& path);

/// The checkpoint's folder that RUN, RUN@STEP or a checkpoint's own folder names. RUN: the newest whole one; `note` hears of
/// those passed over. Throws DataError if there is none, FormatError if the one asked for is not whole.
std::filesystem::path find_checkpoint(const std::string& source, const std::function<void(const std::string&)>& note);

}  // namespace weft::gan
