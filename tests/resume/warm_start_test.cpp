// Beginning from another run's networks, and layers that stand still.
#include <doctest/doctest.h>

#include "runs.h"
#include "weft/tensor/safetensors.h"

using namespace resume;

namespace {

std::map<std::string, std::vector<std::byte>> tensors(const std::string& run, int64_t step, const std::string& network) {
  char folder[32];
  std::snprintf(folder, sizeof folder, "step-%06lld", static_cast<long long>(step));
  std::map<std::string, std::vector<std::byte>> all;
  for (const auto& [name, t] : weft::read_safetensors(run + "/checkpoints/" + folder + "/" + network + ".safetensors").tensors) all[name] = t.bytes;
  return all;
}

}  // namespace

TEST_CASE("a run begins from the networks of another, whole") {
  const Runs runs;
  sha256(runs.train("first", 3));
  // A step at learning rate 0 moves no parameter (running statistics and the average do move).
  sha256(runs.train("second", 1, {"--seed", "9", "--init-from", runs / "first", "--set", "optimizer.learning_rate_g=0", "--set", "optimizer.learning_rate_d=0"}));
  for (const char* network : {"generator", "discriminator"}) {
    const auto from = tensors(runs / "first", 3, network), now = tensors(runs / "second", 1, network);
    for (const auto& each : from)
      if (each.first.find("running") == std::string::npos) CHECK_MESSAGE(now.at(each.first) == each.second, each.first);
  }
  // A generator's file alone: the discriminator is then drawn as ever.
  const Words still = {"--seed", "9", "--set", "optimizer.learning_rate_g=0", "--set", "optimizer.learning_rate_d=0"};
  sha256(runs.train("drawn", 1, still));
  Words from_file = still;
  from_file.insert(from_file.end(), {"--init-from", runs / "first/checkpoints/step-000002/generator.safetensors"});
  sha256(runs.train("third", 1, from_file));
  CHECK(tensors(runs / "third", 1, "generator").at("main.0.weight") == tensors(runs / "first", 2, "generator").at("main.0.weight"));
  CHECK(tensors(runs / "third", 1, "discriminator").at("main.0.weight") == tensors(runs / "drawn", 1, "discriminator").at("main.0.weight"));

  // Another model's networks have other names; a part of them is told.
  const Result other = run_weft({"train", "features", "--data", runs.data, "--out", runs / "features", "--size", "32", "--width", "2", "--batch", "4", "--steps", "1", "--init-from", runs / "first"});
  CHECK(other.code == 66);
  CHECK_MESSAGE(other.says("holds discriminator, generator, and what is to begin from it are features"), other.err);
  CHECK(runs.train("fourth", 1, {"--init-from", runs / "first/checkpoints/step-000002/generator.safetensors"}).says("holds no discriminator"));

  const std::string whole = sha256(runs.train("w", 4, {"--init-from", runs / "first@2"}));
  sha256(runs.train("c", 2, {"--init-from", runs / "first@2"}));
  fs::remove_all(runs / "first");                     // what it began from is not needed to go on
  CHECK(sha256(runs.train("c", 4, {"--init-from", runs / "first@2", "--resume"})) == whole);
}

TEST_CASE("networks that do not fit: listed tensor by tensor; what fits can be taken, or chosen layers") {
  const Runs runs;
  sha256(runs.train("first", 1));
  const Words wider = {"--width", "3", "--init-from", runs / "first"};
  const Result refused = runs.train("second", 1, wider);
  CHECK(refused.code == 66);
  for (const char* line : {"generator:", "misshapen:  main.0.weight is (3, 4, 4, 4), the network wants (3, 6, 4, 4)", "discriminator:", "init.layers=fitting"}) CHECK_MESSAGE(refused.says(line), refused.err);
  CHECK(!fs::exists(runs / "second"));

  Words fitting = wider;
  fitting.insert(fitting.end(), {"--set", "init.layers=fitting"});
  const Result some = runs.train("second", 1, fitting);
  CHECK(some.code == 0);
  CHECK(some.says("left out:"));
  CHECK(some.says("misshapen:  main.0.weight"));

  sha256(runs.train("chosen", 1, {"--seed", "9", "--init-from", runs / "first", "--set", "init.layers=generator.main.0.*", "--set", "train.freeze=generator.main.0.*"}));
  CHECK(tensors(runs / "chosen", 1, "generator").at("main.0.weight") == tensors(runs / "first", 1, "generator").at("main.0.weight"));
  CHECK(tensors(runs / "chosen", 1, "generator").at("main.3.weight") != tensors(runs / "first", 1, "generator").at("main.3.weight"));

  const Result unknown = runs.train("x", 1, {"--init-from", runs / "first", "--set", "init.layers=generator.man.0.*"});
  CHECK(unknown.code == 2);
  CHECK(unknown.says("generator.man.0.*"));
  const Result nothing = runs.train("x", 1, {"--set", "init.layers=fitting"});
  CHECK(nothing.code == 2);
  CHECK(nothing.says("it begins from nothing; --init-from RUN"));
  CHECK(runs.train("x", 1, {"--init-from", runs / "nowhere"}).code == 66);
  CHECK(!fs::exists(runs / "x"));
}

TEST_CASE("frozen parameters do not move, the others do, and a cut run freezes them again") {
  const Runs runs;
  const Words frozen = {"--set", "train.freeze=discriminator.main.0.*,generator.main.3.*", "--set", "optimizer.name=adamw", "--set", "optimizer.decay=0.1"};
  const std::string whole = sha256(runs.train("run", 6, frozen));
  for (const auto& each : {std::pair<std::string, std::string>{"discriminator", "main.0."}, {"generator", "main.3."}}) {
    const std::string &network = each.first, &still = each.second;
    const auto early = tensors(runs / "run", 4, network), late = tensors(runs / "run", 6, network);
    for (const auto& tensor : early) CHECK_MESSAGE((late.at(tensor.first) == tensor.second) == (tensor.first.rfind(still, 0) == 0), network << " " << tensor.first);
  }
  sha256(runs.train("cut", 3, frozen));
  CHECK(sha256(runs.train("cut", 6, {"--set", "train.freeze=discriminator.main.0.*,generator.main.3.*", "--set", "optimizer.name=adamw", "--set", "optimizer.decay=0.1", "--resume"})) == whole);

  CHECK(runs.train("x", 1, {"--set", "train.freeze=discriminator.*"}).says("leaves nothing"));
  CHECK(runs.train("x", 1, {"--set", "train.freeze=nothing.*"}).code == 2);
}
