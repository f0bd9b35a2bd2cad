#include "runs.h"

#include <doctest/doctest.h>

#include <sstream>

namespace resume {

Result Runs::train(const std::string& name, int64_t steps, const Words& more, const Surroundings& around) const {
  Words words = {"train", "dcgan", "--data", data, "--out", folder / name, "--size", "16", "--width", "2", "--batch", "4", "--steps", std::to_string(steps),
                 "--device", "cpu", "--threads", "1", "--checkpoint-every", "2", "--set", "model.latent=3", "--set", "model.ema=0.5", "--set", "data.flip=true",
                 "--set", "run.samples=1", "--set", "run.log_every=1", "--set", "run.keep_last=2", "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return run_weft(words, around);
}

std::string sha256(const Result& r) {
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  return json::parse(r.out)["parameters_sha256"];
}

std::string sums(const std::string& run) {
  std::string newest = read_file(run + "/checkpoints/LATEST");
  newest.pop_back();
  std::istringstream all(read_file(run + "/checkpoints/" + newest + "/SHA256SUMS"));
  std::string kept = newest + "\n";
  for (std::string line; std::getline(all, line);)
    if (line.find("state.json") == std::string::npos) kept += line + "\n";
  return kept;
}

}  // namespace resume
