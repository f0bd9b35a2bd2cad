// Metrics during training: when they are asked, what is kept by them, and when a run has waited long enough.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "../temporary_folder.h"
#include "weft/gan/trainer.h"

using namespace weft;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string operator/(const testing::TemporaryFolder& folder, const std::string& name) { return (folder.path / name).string(); }

int asked = 0;

/// Highest after 6 steps.
gan::Gauges peak(const gan::Gan& game, gan::Dataset& train, int64_t count, uint64_t seed) {
  ++asked;
  CHECK(game.sample(2, seed).count() == 2 * 16 * 16 * 3);
  CHECK(train.size() == 20000);
  return {{{"peak", -std::abs(double(game.steps_done()) - 6)}, {"peak_count", double(count)}}};
}
/// Lowest after 6 steps.
gan::Gauges valley(const gan::Gan& game, gan::Dataset&, int64_t, uint64_t) { return {{{"valley", std::abs(double(game.steps_done()) - 6)}}}; }

gan::TrainRequest request(const std::string& out, int64_t steps) {
  gan::TrainRequest r;
  gan::TrainSettings& s = r.settings;
  s.data = "swatches", s.out = out, s.size = 16, s.width = 2, s.latent = 3, s.batch = 4, s.steps = steps, s.device = "cpu", s.threads = 1, s.samples = 1;
  s.checkpoint_every = 5, s.keep_last = 1;
  r.metrics = {{"peak", true, peak}, {"valley", false, valley}};
  return r;
}

std::vector<int> checkpoints(const std::string& run) {
  std::vector<int> steps;
  for (const auto& entry : fs::directory_iterator(run + "/checkpoints"))
    if (entry.is_directory()) steps.push_back(std::stoi(entry.path().filename().string().substr(5)));
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::vector<int> logged(const std::string& run, const char* gauge) {
  std::vector<int> steps;
  std::ifstream log(run + "/log.jsonl");
  for (std::string line; std::getline(log, line);)
    if (const json entry = json::parse(line); entry.contains(gauge)) steps.push_back(entry["step"]);
  return steps;
}

}  // namespace

TEST_CASE("metrics are asked every so many steps and at the end, and logged; the best checkpoint is chosen by one of them") {
  const testing::TemporaryFolder folder;
  for (const char* best : {"metric_peak", "metric_valley"}) {
    gan::TrainRequest r = request(folder / best, 13);
    r.settings.metrics_every = 2, r.settings.metric_samples = 77, r.settings.keep_best = best;
    asked = 0;
    const gan::TrainReport report = gan::train(r, {});
    CHECK(asked == 7);
    CHECK_FALSE(report.out_of_patience);
    CHECK(report.losses["metric_peak"] == -7);
    CHECK(report.losses["metric_peak_count"] == 77);
    CHECK(logged(folder / best, "metric_valley") == std::vector<int>{2, 4, 6, 8, 10, 12, 13});
    CHECK(checkpoints(folder / best) == std::vector<int>{6, 13});
  }
}

TEST_CASE("a run ends when nothing got better for so many evaluations, cut or not") {
  const testing::TemporaryFolder folder;
  const auto patient = [&](const std::string& name, int64_t steps, bool resume) {
    gan::TrainRequest r = request(folder / name, steps);
    r.settings.metrics_every = 2, r.settings.keep_best = "metric_peak", r.settings.patience = 3;
    r.resume = resume;
    return gan::train(r, {});
  };
  const gan::TrainReport whole = patient("whole", 40, false);
  CHECK(whole.steps == 12);
  CHECK(whole.out_of_patience);
  CHECK(checkpoints(folder / "whole") == std::vector<int>{6, 12});
  for (const int64_t cut : {3, 7, 8, 11}) {
    CAPTURE(cut);
    const std::string name = "cut " + std::to_string(cut);
    CHECK(patient(name, cut, false).steps == cut);
    const gan::TrainReport rest = patient(name, 40, true);
    CHECK(rest.steps == 12);
    CHECK(rest.out_of_patience);
    CHECK(rest.parameters_sha256 == whole.parameters_sha256);
    CHECK(checkpoints(folder / name) == std::vector<int>{6, 12});
  }
}

TEST_CASE("what nothing can be chosen by is refused before anything is written") {
  const testing::TemporaryFolder folder;
  const auto refused = [&](const std::function<void(gan::TrainRequest&)>& change, const char* why) {
    gan::TrainRequest r = request(folder / "run", 2);
    change(r);
    CHECK_THROWS_WITH_AS(gan::train(r, {}), doctest::Contains(why), const ConfigError&);
    CHECK_FALSE(fs::exists(folder / "run"));
  };
  refused([](gan::TrainRequest& r) { r.settings.keep_best = "metric_peek", r.settings.metrics_every = 1; }, "did you mean 'metric_peak'");
  refused([](gan::TrainRequest& r) { r.settings.keep_best = "metric_peak"; }, "--metrics-every");
  refused([](gan::TrainRequest& r) { r.settings.patience = 3; }, "run.keep_best");
  refused([](gan::TrainRequest& r) { r.settings.keep_best = "held_out", r.settings.held_out = 0.1; }, "dcgan measures nothing there");
  refused([](gan::TrainRequest& r) { r.settings.model = "vaegan", r.settings.keep_best = "held_out", r.settings.patience = 3; }, "data.held_out=0.1");
  refused([](gan::TrainRequest& r) { r.settings.packing = 3; }, "--batch 6");
  refused([](gan::TrainRequest& r) { r.settings.ema = 0.9, r.settings.ema_half_life = 100; }, "two ways");
  refused([](gan::TrainRequest& r) { r.settings.ema_ramp = 0.1; }, "none is kept");
  refused([](gan::TrainRequest& r) { r.settings.condition = "projection"; }, "takes labels by concat, or none");
}
