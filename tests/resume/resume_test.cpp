// A run that was cut and gone on with ends with the bits of the run that was not.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "runs.h"
#include "weft/kernels/philox.h"

using namespace resume;

TEST_CASE("twenty cut points") {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", 21));
  for (int cut = 1; cut <= 20; ++cut) {
    const std::string name = "cut " + std::to_string(cut);
    CAPTURE(cut);
    sha256(runs.train(name, cut));
    const Result rest = runs.train(name, 21, {"--resume"});
    CHECK(sha256(rest) == whole);
    CHECK(json::parse(rest.out)["resumed_at"] == cut);
    CHECK(sums(runs / name) == sums(runs / "whole"));
    CHECK(rest.says("going on from"));
  }
}

TEST_CASE("balanced and weighted draws, and every alteration, go on where they were cut") {
  const Runs runs;
  write_file(runs.data + "/labels.csv", "file,label,weight\n00000.png,a,1\n00001.png,b,2\n00002.png,b,0\n00003.png,b,1\n00004.png,b,5\n00005.png,c,1\n");
  for (const std::string sampling : {"balanced", "weighted"}) {
    const Words asked = {"--set", "data.sampling=" + sampling, "--augment", "little-data", "--set", "data.crop=0.3", "--set", "data.jitter=0.4", "--set", "data.fill=reflect"};
    const std::string whole = sha256(runs.train(sampling, 9, asked));
    CHECK(whole != sha256(runs.train(sampling + " plain", 9)));
    for (const int64_t cut : {2, 5}) {
      const std::string name = sampling + std::to_string(cut);
      sha256(runs.train(name, cut, asked));
      CHECK(sha256(runs.train(name, 9, {"--resume"})) == whole);
    }
  }
}

TEST_CASE("packs, steps of two kinds, a bounded critic, ADA's probability and an average that is still young go on where they were cut") {
  const Runs runs;
  const Words asked = {"--objective", "wasserstein", "--penalty", "clip:0.05", "--set", "train.packing=2", "--set", "train.d_steps=3", "--set", "train.mode_seeking=0.5",
                       "--set", "model.ema=0", "--set", "model.ema_half_life=40", "--set", "model.ema_ramp=0.3",
                       "--set", "train.augment=ada", "--set", "train.augment_interval=3", "--set", "train.augment_kimg=0.05"};
  const std::string whole = sha256(runs.train("whole", 13, asked));
  CHECK(whole != sha256(runs.train("without packs", 13, {"--objective", "wasserstein", "--penalty", "clip:0.05", "--set", "train.d_steps=3"})));
  for (const int64_t cut : {1, 2, 3, 4, 6, 7, 11, 12}) {
    CAPTURE(cut);
    const std::string name = "cut " + std::to_string(cut);
    sha256(runs.train(name, cut, asked));
    Words more = asked;
    more.push_back("--resume");
    CHECK(sha256(runs.train(name, 13, more)) == whole);
    CHECK(sums(runs / name) == sums(runs / "whole"));
  }
  // a way that ends with the steps makes them enter the result
  const Words annealed = {"--penalty", "clip", "--set", "train.penalty_end=0.1"};
  sha256(runs.train("annealed", 3, annealed));
  CHECK(runs.train("annealed", 6, {"--resume"}).says("train.steps: 3 -> 6"));
  const auto points = [&](int64_t steps, const Words& more) {
    Words words = {"train", "mlp", "--data", "ring8", "--out", runs / "points", "--steps", std::to_string(steps), "--width", "4", "--batch", "4", "--set", "run.samples=4", "--set", "run.metrics_every=0",
                   "--set", "optimizer.schedule=constant", "--set", "train.penalty_end=1", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return run_weft(words);
  };
  sha256(points(3, {}));                              // its waves open by shares of the run
  CHECK(points(6, {"--resume"}).says("train.steps: 3 -> 6"));
}

TEST_CASE("three networks, each with a loss of its own, go on where they were cut") {
  const Runs runs;
  const auto train = [&](const std::string& name, int64_t steps, const Words& more) {
    Words words = {"train", "vaegan", "--data", runs.data, "--out", runs / name, "--size", "16", "--width", "2", "--batch", "4", "--steps", std::to_string(steps), "--device", "cpu",
                   "--threads", "1", "--set", "model.latent=3", "--set", "model.ema=0.5", "--set", "run.samples=1", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return run_weft(words);
  };
  const std::string whole = sha256(train("whole", 7, {}));
  for (const int64_t cut : {1, 4}) {
    const std::string name = "cut " + std::to_string(cut);
    sha256(train(name, cut, {}));
    CHECK(sha256(train(name, 7, {"--resume"})) == whole);
    CHECK(sums(runs / name) == sums(runs / "whole"));
  }
}

TEST_CASE("a resume needs no setting but the folder, which may have been moved, and writes one log") {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", 9));
  sha256(runs.train("part", 5));
  fs::rename(runs / "part", runs / "moved");
  CHECK(sha256(run_weft({"train", "--resume", "--out", runs / "moved", "--steps", "9", "--json"})) == whole);
  std::istringstream log(read_file(runs / "moved/log.jsonl"));
  int64_t step = 0;
  for (std::string line; std::getline(log, line);) CHECK(json::parse(line)["step"] == ++step);
  CHECK(step == 9);
  const json run = json::parse(read_file(runs / "moved/run.json"));
  CHECK(run["starts"].size() == 2);
  CHECK(run["starts"][1]["from_step"] == 5);

  const Result over = run_weft({"train", "--resume", "--out", runs / "moved", "--json"});      // nothing is left to do
  CHECK(sha256(over) == whole);
  CHECK(over.says("at the end already"));
}

TEST_CASE("alarms of a run that was cut are those of one that was not") {
  const Runs runs;
  const Words diverging = {"--objective", "wasserstein", "--set", "optimizer.name=sgd", "--set", "optimizer.learning_rate_g=0.1", "--set", "optimizer.learning_rate_d=0.1", "--set", "model.d_norm=none"};
  const auto alarms = [&](const std::string& name) {
    std::vector<std::string> all;
    std::istringstream log(read_file(runs / (name + "/log.jsonl")));
    for (std::string line; std::getline(log, line);)
      for (const json& sentence : json::parse(line).value("alarms", json::array())) all.push_back(sentence);
    return all;
  };
  sha256(runs.train("whole", 28, diverging));
  const std::vector<std::string> whole = alarms("whole");
  const size_t last = whole.empty() ? 0 : std::stoul(whole.back().substr(5));
  REQUIRE(whole.size() > 1);
  REQUIRE(last > 12);                                // beyond the ten lines that say what is usual
  sha256(runs.train("cut", int64_t(last) - 1, diverging));
  sha256(runs.train("cut", 28, {"--resume"}));
  CHECK(alarms("cut") == whole);
}

TEST_CASE("--resume where there is no run begins one; without it a run is never touched") {
  const Runs runs;
  CHECK(sha256(runs.train("a", 3, {"--resume"})) == sha256(runs.train("b", 3)));
  const Result again = runs.train("a", 3);
  CHECK(again.code == 2);
  CHECK(again.says("--resume"));
}

TEST_CASE("SIGTERM and SIGINT at twenty random moments") {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", 40));
  using Clock = std::chrono::steady_clock;
  int before_the_end = 0;
  for (uint64_t k = 0; k < 20; ++k) {
    const double wait = 0.4 * weft::philox(1, k, 0).w[0] / 4294967296.0;     // seconds: from before the first step to after the last
    const auto begin = Clock::now();
    Surroundings around;
    around.signal = k % 2 ? SIGTERM : SIGINT;
    around.when = [&] { return std::chrono::duration<double>(Clock::now() - begin).count() > wait; };
    const std::string name = "run " + std::to_string(k);
    const Result cut = runs.train(name, 40, {}, around);
    CAPTURE(wait);
    CAPTURE(cut.err);
    CHECK((cut.code == 0 || cut.code == 128 + around.signal));
    before_the_end += cut.code != 0;
    CHECK(sha256(runs.train(name, 40, {"--resume"})) == whole);
    CHECK(sums(runs / name) == sums(runs / "whole"));
  }
  CHECK(before_the_end > 0);
}

TEST_CASE("SIGUSR1 saves and goes on") {
  const Runs runs;
  const std::string out = runs / "run";
  Surroundings around;
  bool asked = false;
  around.signal = SIGUSR1;
  around.when = [&] { return asked = asked || (fs::exists(out + "/log.jsonl") && fs::file_size(out + "/log.jsonl") > 0); };
  const Result r = runs.train("run", 300, {"--checkpoint-every", "0", "--set", "run.keep_last=0"}, around);
  REQUIRE(r.code == 0);
  int checkpoints = 0;
  for (const auto& entry : fs::directory_iterator(out + "/checkpoints")) checkpoints += entry.is_directory();
  CHECK(checkpoints == 2);                 // the one that was asked for, and the last
  CHECK(sha256(r) == sha256(runs.train("undisturbed", 300, {"--checkpoint-every", "0"})));
}

TEST_CASE("a second SIGINT ends at once, without saving") {
  const Runs runs;
  const std::string out = runs / "run";
  Surroundings around;
  around.signal = SIGINT;
  around.times = 50;                        // one that waits to be delivered swallows the next
  around.when = [&] { return fs::exists(out + "/log.jsonl"); };                   // the first step, of half a second and more, has begun
  const Result r = runs.train("run", 1000, {"--size", "64", "--width", "48", "--batch", "128", "--data", "swatches", "--checkpoint-every", "0"}, around);
  CAPTURE(r.err);
  CHECK(r.code == 130);
  CHECK(!r.says("saved"));
  CHECK(r.out.empty());
  CHECK(!fs::exists(out + "/checkpoints/LATEST"));
}

TEST_CASE("the newest checkpoint is broken: the one before it is taken, and the run ends the same") {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", 8));
  for (const char* file : {"generator.safetensors", "discriminator.optimizer.safetensors", "state.json", "SHA256SUMS"}) {
    const std::string name = std::string("broken ") + file;
    CAPTURE(file);
    sha256(runs.train(name, 6));
    const std::string path = runs / (name + "/checkpoints/step-000006/" + file);
    std::string bytes = read_file(path);
    bytes[bytes.size() / 2] ^= 1;
    write_file(path, bytes);
    const Result checked = run_weft({"verify", runs / name});
    CHECK(checked.code == 3);
    CHECK(checked.out.find("step-000004  whole") != std::string::npos);
    CHECK(checked.out.find("step-000006  NOT WHOLE") != std::string::npos);
    const Result drawn = run_weft({"generate", runs / name, "--out", runs / "drawn.png", "--count", "1", "--json"});
    CHECK(drawn.code == 0);
    CHECK(drawn.says("is not whole"));
    CHECK(drawn.out.find("step-000004") != std::string::npos);
    CHECK(run_weft({"generate", runs / (name + "@6"), "--out", runs / "drawn.png"}).code == 66);
    const Result rest = runs.train(name, 8, {"--resume"});
    CHECK(sha256(rest) == whole);
    CHECK(rest.says("is not whole"));
    CHECK(rest.says("step-000004"));
    CHECK(run_weft({"verify", runs / name}).code == 0);
  }
}

TEST_CASE("every checkpoint is broken: refused, and nothing is touched") {
  const Runs runs;
  sha256(runs.train("run", 2));
  write_file(runs / "run/checkpoints/step-000002/generator.safetensors", "");
  const Result r = runs.train("run", 4, {"--resume"});
  CHECK(r.code == 66);
  CHECK(r.says("none of its checkpoints is whole"));
}

TEST_CASE("sha256sum -c agrees") {
  if (std::system("sha256sum --version >/dev/null 2>&1") != 0) return;
  const Runs runs;
  sha256(runs.train("run", 2));
  const std::string check = "cd '" + runs / "run/checkpoints/step-000002" + "' && sha256sum --quiet -c SHA256SUMS 2>/dev/null";
  CHECK(std::system(check.c_str()) == 0);
  write_file(runs / "run/checkpoints/step-000002/state.json", "{}");
  CHECK(std::system(check.c_str()) != 0);
}

TEST_CASE("which checkpoints stay: the last few, every so many steps, the best") {
  const Runs runs;
  auto kept = [&](const std::string& name) {
    std::vector<int> steps;
    for (const auto& entry : fs::directory_iterator(runs / (name + "/checkpoints")))
      if (entry.is_directory()) steps.push_back(std::stoi(entry.path().filename().string().substr(5)));
    std::sort(steps.begin(), steps.end());
    return steps;
  };
  sha256(runs.train("two", 9));
  CHECK(kept("two") == std::vector<int>{8, 9});
  sha256(runs.train("all", 9, {"--set", "run.keep_last=0"}));
  CHECK(kept("all") == std::vector<int>{2, 4, 6, 8, 9});
  sha256(runs.train("every", 15, {"--set", "run.keep_every=6", "--set", "run.keep_last=1"}));
  CHECK(kept("every") == std::vector<int>{6, 12, 15});

  for (const std::string chosen : {"loss_g", "gap"}) {
    CAPTURE(chosen);
    sha256(runs.train(chosen, 12, {"--set", "run.keep_best=" + chosen, "--set", "run.keep_last=1"}));
    int best = 0;
    double lowest = 1e300;
    std::istringstream log(read_file(runs / (chosen + "/log.jsonl")));
    for (std::string line; std::getline(log, line);) {
      const json entry = json::parse(line);
      const double value = chosen == "gap" ? std::abs(entry["d_real"].get<double>() - entry["d_fake"].get<double>()) : entry["loss_g"].get<double>();
      if (entry["step"].get<int>() % 2 == 0 && value < lowest) best = entry["step"], lowest = value;
    }
    CHECK(kept(chosen) == (best == 12 ? std::vector<int>{12} : std::vector<int>{best, 12}));
  }
}

TEST_CASE("two processes do not train into one folder") {
  const Runs runs;
  const std::string out = runs / "run";
  Surroundings around;
  Result other;
  around.signal = SIGTERM;
  around.when = [&] {
    if (!fs::exists(out + "/checkpoints/LATEST")) return false;
    other = runs.train("run", 100000, {"--resume"});
    return true;
  };
  CHECK(runs.train("run", 100000, {}, around).code == 143);
  CHECK(other.code == 2);
  CHECK(other.says("another process"));
}
