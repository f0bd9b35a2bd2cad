// What may change between a checkpoint and its resume, and what is refused.
#include <doctest/doctest.h>

#include "runs.h"

using namespace resume;

TEST_CASE("what does not enter the result may change, and the result is the same") {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", 6));
  const std::vector<Words> harmless = {{"--checkpoint-every", "3"}, {"--samples-every", "1"}, {"--minutes", "5"}, {"--threads", "1"}, {"--device", "auto"},
                                       {"--set", "run.log_every=3"}, {"--set", "run.samples=2"}, {"--set", "run.keep_last=1"},
                                       {"--set", "run.capture=on"}};
  for (const Words& change : harmless) {
    CAPTURE(change[1]);
    const std::string name = "run " + change[0] + change[1];
    sha256(runs.train(name, 3));
    Words words = change;
    words.push_back("--resume");
    CHECK(sha256(runs.train(name, 6, words)) == whole);
  }
}

TEST_CASE("a step that is captured, in one part of a run or in all, ends with the same bits") {
  const Runs runs;
  const Words sim = {"--device", "sim"}, captured = {"--device", "sim", "--set", "run.capture=on"};
  const std::string whole = sha256(runs.train("whole", 6, sim));
  CHECK(sha256(runs.train("captured", 6, captured)) == whole);
  sha256(runs.train("cut", 3, captured));
  for (const Words& words : {captured, sim}) {
    Words more = words;
    more.push_back("--resume");
    CHECK(sha256(runs.train("cut", words == sim ? 6 : 5, more)) != "");
  }
  CHECK(json::parse(run_weft({"inspect", runs / "cut", "--json"}).out).dump().find(whole) != std::string::npos);
}

TEST_CASE("anything else is refused with a diff, and nothing is touched; unless it is meant") {
  const Runs runs;
  sha256(runs.train("run", 3));
  const std::string before = sums(runs / "run"), log = read_file(runs / "run/log.jsonl"), config = read_file(runs / "run/config.toml");
  const std::vector<std::pair<Words, std::string>> changes = {
      {{"--batch", "5"}, "train.batch: 4 -> 5"}, {{"--seed", "1"}, "train.seed: 0 -> 1"}, {{"--objective", "hinge"}, "train.objective: non-saturating -> hinge"},
      {{"--set", "optimizer.learning_rate_d=0.002"}, "optimizer.learning_rate_d: 0.001 -> 0.002"}, {{"--set", "data.flip=false"}, "data.flip: true -> false"},
      {{"--set", "model.ema=0.9"}, "model.ema: 0.5 -> 0.9"}, {{"--width", "3"}, "model.width: 2 -> 3"}};
  for (auto [words, line] : changes) {
    words.push_back("--resume");
    const Result r = runs.train("run", 6, words);
    CAPTURE(r.err);
    CHECK(r.code == 2);
    CHECK(r.says(line));
    CHECK(r.says("--allow-config-change"));
    CHECK(sums(runs / "run") == before);
    CHECK(read_file(runs / "run/log.jsonl") == log);
    CHECK(read_file(runs / "run/config.toml") == config);
  }
  const Result meant = runs.train("run", 6, {"--resume", "--batch", "5", "--allow-config-change"});
  CHECK(sha256(meant).size() == 64);
  CHECK(read_file(runs / "run/config.toml").find("batch = 5") != std::string::npos);
}

TEST_CASE("a schedule that ends with the steps makes them such a change") {
  const Runs runs;
  const Words linear = {"--set", "optimizer.schedule=linear"}, resumed = {"--set", "optimizer.schedule=linear", "--resume"};
  sha256(runs.train("run", 3, linear));
  const Result r = runs.train("run", 6, resumed);
  CHECK(r.code == 2);
  CHECK(r.says("train.steps: 3 -> 6"));

  const std::string whole = sha256(runs.train("whole", 6, linear));
  Surroundings killed;
  killed.environment = {{"WEFT_FILE_FAULT", "60:kill"}};
  CHECK(runs.train("cut", 6, linear, killed).code == 137);
  CHECK(sha256(runs.train("cut", 6, resumed)) == whole);
}

TEST_CASE("other data than before is refused") {
  const Runs runs;
  sha256(runs.train("run", 3));
  write_file(runs.data + "/another.png", read_file(runs.data + "/00000.png"));
  const Result r = runs.train("run", 6, {"--resume"});
  CHECK(r.code == 2);
  CHECK(r.says("7 pictures"));
  CHECK(r.says("8 now"));
  fs::remove(runs.data + "/another.png");
  fs::rename(runs.data + "/00003.png", runs.data + "/z.png");              // as many, in another order
  const Result renamed = runs.train("run", 6, {"--resume"});
  CHECK(renamed.code == 2);
  CHECK(renamed.says("other names"));
  CHECK(runs.train("run", 6, {"--resume", "--allow-config-change"}).code == 0);
}

TEST_CASE("another device or number of threads: it goes on, and says that the bits will differ") {
  const Runs runs;
  sha256(runs.train("run", 3));
  const Result threads = runs.train("run", 5, {"--resume", "--threads", "2"});
  CHECK(threads.code == 0);
  CHECK(threads.says("not to the same bits"));
  const Result device = runs.train("run", 6, {"--resume", "--device", "reference"});
  CHECK(device.code == 0);
  CHECK(device.says("not to the same bits"));
}

TEST_CASE("a setting that did not exist when the run was made had its default") {
  const Runs runs;
  const std::string whole = sha256(runs.train("whole", 4));
  sha256(runs.train("run", 2));
  for (const char* file : {"run.json", "checkpoints/step-000002/state.json"}) {
    json content = json::parse(read_file(runs / "run/" + file));
    content["config"].erase("train.order");
    write_file(runs / "run/" + file, content.dump());
  }
  REQUIRE(std::system(("cd '" + runs / "run/checkpoints/step-000002" + "' && sha256sum *.safetensors state.json > SHA256SUMS").c_str()) == 0);
  CHECK(runs.train("run", 4, {"--resume", "--set", "train.order=g-first"}).says("train.order: d-first -> g-first"));
  CHECK(sha256(runs.train("run", 4, {"--resume"})) == whole);
}

TEST_CASE("a checkpoint that lies about its networks is refused") {
  const Runs runs;
  sha256(runs.train("run", 2));
  const std::string folder = runs / "run/checkpoints/step-000002/";
  auto reseal = [&] { REQUIRE(std::system(("cd '" + folder + "' && sha256sum *.safetensors state.json > SHA256SUMS").c_str()) == 0); };
  const std::string state = read_file(folder + "state.json");
  for (const std::string& broken : {std::string("{}"), std::string("[1, 2"), std::string("{\"config\": 3}")}) {
    write_file(folder + "state.json", broken);
    reseal();
    const Result r = runs.train("run", 4, {"--resume"});
    CHECK(r.code == 66);
    CHECK(r.says("state.json"));
  }
  write_file(folder + "state.json", state);
  fs::copy_file(folder + "generator.safetensors", folder + "discriminator.safetensors", fs::copy_options::overwrite_existing);
  reseal();
  const Result r = runs.train("run", 4, {"--resume"});
  CHECK(r.code == 66);
  CHECK(r.says("does not fit the network"));
}
