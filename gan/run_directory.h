// The folder that a training run leaves behind:
//   config.toml   run.json   log.jsonl   samples/step-000500.png
//   checkpoints/step-000500/{generator,discriminator}.safetensors state.json SHA256SUMS   checkpoints/LATEST
#pragma once
#include <filesystem>
#include <fstream>
#include <string>

#include "weft/gan/trainer.h"

namespace weft::gan {

class RunDirectory {
 public:
  /// Makes the folder. Throws ConfigError if it holds another run, IoError if it cannot be written.
  RunDirectory(const std::string& path, const std::string& config, const std::string& command, const std::string& device);

  void log(int64_t step, double seconds, const Gauges& gauges);
  /// A sheet of images in [-1,1]; returns its path.
  std::string write_samples(int64_t step, const Tensor& images);
  /// All or nothing: written under a hidden name, made durable, then renamed; LATEST names it.
  void save_checkpoint(int64_t step, const std::string& model, const ModelOptions& options, const Gan& gan, const std::string& parameters_sha256);

 private:
  std::filesystem::path path_;
  std::string command_;
  std::ofstream log_;
};

}  // namespace weft::gan
