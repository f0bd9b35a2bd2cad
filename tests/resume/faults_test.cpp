// Every system call of saving, gone wrong: tensor/durable_file.h makes the n-th one fail, stop or kill.
#include <doctest/doctest.h>

#include "runs.h"
#include "weft/nn/checkpoint.h"

using namespace resume;

namespace {

#ifdef WEFT_SANITIZE
constexpr int kStride = 9;                // of the calls; a process under sanitizers takes several times as long
#else
constexpr int kStride = 1;
#endif

Surroundings with_fault(const std::string& fault) {
  Surroundings around;
  around.environment = {{"WEFT_FILE_FAULT", fault}};
  return around;
}

constexpr int64_t kSteps = 4;

/// How many calls a whole run makes, its two saves and the pruning of the first included.
int count_calls(const Runs& runs) {
  const Result r = runs.train("counted", kSteps, {"--set", "run.keep_last=1"}, with_fault("count"));
  const size_t at = r.err.find("file calls: ");
  REQUIRE(at != std::string::npos);
  return std::stoi(r.err.substr(at + 12));
}

/// A run with the fault at every call, or every few, then one that goes on: the second must end as `whole` did. Calls check(result of the first).
template <class Check>
void at_every_call(const std::string& fault, Check check, int stride = 1) {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", kSteps, {"--set", "run.keep_last=1"})), files = sums(runs / "whole");
  const int calls = count_calls(runs);
  CHECK(calls > 100);
  for (int n = 1; n <= calls; n += stride * kStride) {
    CAPTURE(n);
    const std::string name = "run " + std::to_string(n);
    const Result cut = runs.train(name, kSteps, {"--set", "run.keep_last=1"}, with_fault(std::to_string(n) + ":" + fault));
    CAPTURE(cut.err);
    check(cut, runs / name, n);
    CHECK(sha256(runs.train(name, kSteps, {"--resume", "--set", "run.keep_last=1"})) == whole);
    CHECK(sums(runs / name) == files);
    CHECK(json::parse(run_weft({"verify", runs / name, "--json"}).out)["checked"].size() == 1);
    fs::remove_all(runs / name);
  }
}

/// LATEST, if there is one, names a checkpoint that is whole, and so is every other that shows.
void expect_whole(const std::string& run) {
  const weft::nn::Checkpoints all(run + "/checkpoints");
  for (const int64_t step : all.steps()) CHECK(weft::nn::checkpoint_fault(all.path(step)) == "");
  if (fs::exists(run + "/checkpoints/LATEST")) CHECK(!all.steps().empty());
}

}  // namespace

TEST_CASE("killed at every write, fsync and rename") {
  at_every_call("kill", [](const Result& cut, const std::string& run, int) {
    CHECK(cut.code == 128 + 9);
    expect_whole(run);
  });
}

TEST_CASE("told to stop in the midst of a save") {
  at_every_call("stop", [](const Result& cut, const std::string&, int) { CHECK((cut.code == 143 || cut.code == 0)); }, 3);   // 0: in the last save
}

TEST_CASE("a full disk at every call: exit 74 with path and free bytes, the last good checkpoint stays") {
  at_every_call("ENOSPC", [](const Result& cut, const std::string& run, int) {
    CHECK(cut.code == 74);
    CHECK(cut.says(run.substr(0, run.rfind('/'))));         // the file, or the folder it is in
    CHECK(cut.says("bytes are free"));
    expect_whole(run);
  });
}

TEST_CASE("a failing disk at every call, and from every call on") {
  for (const std::string lasting : {"", "+"}) {
    const Runs runs;
    const int calls = count_calls(runs);
    for (int n = 1; n <= calls; n += 3 * kStride) {
      const std::string name = "run " + std::to_string(n);
      const Result cut = runs.train(name, kSteps, {"--set", "run.keep_last=1"}, with_fault(std::to_string(n) + lasting + ":EIO"));
      CAPTURE(n);
      CAPTURE(cut.err);
      CHECK(cut.code == 74);
      CHECK(cut.says("Input/output error"));
      CHECK(cut.says("bytes are free"));
      expect_whole(runs / name);
      fs::remove_all(runs / name);
    }
  }
  at_every_call("EIO", [](const Result& cut, const std::string&, int) { CHECK(cut.code == 74); });
}

TEST_CASE("killed at every second call of a resume, one that must replace a broken checkpoint at that") {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", 6)), base = runs / "base", broken = base + "/checkpoints/step-000004/generator.safetensors";
  sha256(runs.train("base", 4));
  write_file(broken, read_file(broken).substr(1));                    // what goes on from here begins at step 2, and saves step 4 again
  write_file(base + "/log.jsonl", read_file(base + "/log.jsonl") + "{\"step\": 5, \"los");
  fs::copy(base, runs / "counted", fs::copy_options::recursive);
  const Result counted = runs.train("counted", 6, {"--resume"}, with_fault("count"));
  CHECK(sha256(counted) == whole);
  const int calls = std::stoi(counted.err.substr(counted.err.find("file calls: ") + 12));
  for (int n = 1; n <= calls; n += 2 * kStride) {
    CAPTURE(n);
    const std::string name = "run " + std::to_string(n);
    fs::copy(base, runs / name, fs::copy_options::recursive);
    CHECK(runs.train(name, 6, {"--resume"}, with_fault(std::to_string(n) + ":kill")).code == 128 + 9);
    CHECK(sha256(runs.train(name, 6, {"--resume"})) == whole);
    CHECK(sums(runs / name) == sums(runs / "whole"));
    fs::remove_all(runs / name);
  }
}

TEST_CASE("an interrupted call is made again") {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", kSteps));
  const int calls = count_calls(runs);
  for (int n = 1; n <= calls; n += 5 * kStride)
    CHECK(sha256(runs.train("run " + std::to_string(n), kSteps, {}, with_fault(std::to_string(n) + ":EINTR"))) == whole);
}
