// trace, project, and what generate shows of latents, as a person meets them.
#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "process.h"
#include "weft/tensor/safetensors.h"

using namespace cli;
using nlohmann::json;

namespace {

/// Every file below a folder, with its size.
std::map<std::string, uintmax_t> files_of(const std::string& folder) {
  std::map<std::string, uintmax_t> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) all[entry.path().string()] = entry.file_size();
  return all;
}

}  // namespace

TEST_CASE("trace tells of every part of a step, on each device, and writes nothing") {
  const Folder folder;
  const std::string run = folder / "run";
  write_pictures(folder / "data", 9);
  REQUIRE(run_weft(small_run(folder / "data", run)).code == 0);
  const auto before = files_of(run);
  for (const std::string device : {"cpu", "sim"}) {
    CAPTURE(device);
    const Result r = run_weft({"trace", run, "--device", device, "--json"});
    if (r.code == 2 && r.says("is not in this build")) continue;
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    const json told = json::parse(r.out);
    CHECK(told["step"].get<int>() > 2);
    CHECK(told["data"] == folder / "data");
    std::set<std::string> parts;
    double seconds = 0;
    bool leads_back = false;
    for (const json& call : told["calls"]) {
      parts.insert(call["part"].get<std::string>() + " " + call["pass"].get<std::string>());
      seconds += call["seconds"].get<double>();
      CHECK(!call["kernels"].get<std::string>().empty());
      CHECK(call["bytes"].get<int64_t>() > 0);
      leads_back = leads_back || (call["pass"] == "forward" && call["derivative"] == "conv2d_input_grad, conv2d_weight_grad");
    }
    for (const char* part : {"generator forward", "generator backward", "generator update", "discriminator forward", "discriminator backward", "discriminator update"})
      CHECK_MESSAGE(parts.count(part) == 1, part);
    CHECK(leads_back);
    CHECK(seconds > 0);
  }
  CHECK(files_of(run) == before);
  const Result table = run_weft({"trace", run, "--sort", "time"});
  CHECK(table.code == 0);
  CHECK(table.out.find("optimizer_step") != std::string::npos);
  CHECK(run_weft({"trace", run, "--sort", "size"}).code == 2);
  CHECK(run_weft({"trace", folder / "data"}).code == 66);

  fs::rename(folder / "data", folder / "elsewhere");              // the data are gone: noise takes their place
  const Result without = run_weft({"trace", run, "--json"});
  CAPTURE(without.err);
  REQUIRE(without.code == 0);
  CHECK(json::parse(without.out)["data"] == "noise");
  CHECK(without.says("noise of the same form"));
}

TEST_CASE("the traced step is one in which all is done that some steps do without") {
  const Folder folder;
  const std::string run = folder / "run";
  write_pictures(folder / "data", 9);
  REQUIRE(run_weft(small_run(folder / "data", run, {"--penalty", "r1", "--set", "model.d_norm=layer", "--set", "train.penalty_every=3", "--set", "train.d_steps=5"})).code == 0);
  const Result r = run_weft({"trace", run, "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const json told = json::parse(r.out);
  CHECK(told["step"] == 10);                                      // the first after 3 that is 1 more than a multiple of 3, and a multiple of 5
  bool moves = false, twice = false;
  for (const json& call : told["calls"]) {
    moves = moves || (call["part"] == "generator" && call["pass"] == "update");
    twice = twice || (call["pass"] == "backward" && call["derivative"].get<std::string>().find("; ") != std::string::npos);   // a rule whose own graph was wanted
  }
  CHECK(moves);
  CHECK(twice);
}

TEST_CASE("a picture is encoded, moved towards a class, and drawn again near there") {
  const Folder folder;
  write_pictures(folder / "data/one", 3);
  write_pictures(folder / "data/two", 8);                        // others among them, so that the mean codes differ
  const std::string run = folder / "run", found = folder / "found.png";
  const Result trained = run_weft({"train", "vaegan", "--data", folder / "data", "--out", run, "--size", "16", "--width", "4", "--batch", "4", "--steps", "2", "--device", "cpu", "--threads", "1",
                                   "--set", "run.samples=32", "--set", "model.latent=5", "--set", "data.held_out=0.25"});
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(trained.out.find("weft project") != std::string::npos);
  const std::string picture = folder / "data/one/00000.png";
  const auto project = [&](const Words& more) {
    Words words = {"project", run, "--image", picture, "--out", found, "--json", "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return run_weft(words);
  };
  const auto latent = [&] { return weft::to_floats(weft::read_safetensors(folder / "found.safetensors").tensors.at("latent")); };
  const Result plain = project({});
  CAPTURE(plain.err);
  REQUIRE(plain.code == 0);
  const json told = json::parse(plain.out);
  CHECK(told["steps"] == 0);
  CHECK(told["distance"].get<double>() > 0);
  CHECK(weft::gan::read_image(found).width == 2 * 18 - 2);        // it, and what came back
  const std::vector<float> code = latent();
  CHECK(code.size() == 5);

  const Result searched = project({"--steps", "30", "--restarts", "2"});
  REQUIRE(searched.code == 0);
  CHECK(json::parse(searched.out)["distance"].get<double>() < told["distance"].get<double>());

  REQUIRE(project({"--toward", "two"}).code == 0);
  CHECK(weft::gan::read_image(found).width == 3 * 18 - 2);        // and what it became
  const std::vector<float> once = latent();
  REQUIRE(project({"--toward", "two:2"}).code == 0);
  const std::vector<float> twice = latent();
  REQUIRE(project({"--toward", "one"}).code == 0);
  const std::vector<float> back = latent();
  float moved = 0;
  for (size_t i = 0; i < code.size(); ++i) {
    moved += std::abs(once[i] - code[i]);
    CHECK(twice[i] - code[i] == doctest::Approx(2 * (once[i] - code[i])).epsilon(1e-3));
    CHECK(back[i] - code[i] == doctest::Approx(code[i] - once[i]).epsilon(1e-3));   // of two classes each is the other's opposite
  }
  CHECK(moved > 0);

  const Result again = run_weft({"generate", run, "--latent", folder / "found.safetensors", "--out", folder / "again.png"});
  CAPTURE(again.err);
  CHECK(again.code == 0);
  const weft::gan::Image sheet = weft::gan::read_image(found), alone = weft::gan::read_image(folder / "again.png");
  CHECK(alone.width == 16);
  bool same = true;
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 16 * 3; ++x) same = same && alone.pixels[size_t(y * 16 * 3 + x)] == sheet.pixels[size_t((y * sheet.width + 36) * 3 + x)];
  CHECK(same);
  CHECK(run_weft({"generate", run, "--latent", folder / "found.safetensors", "--vary", "0.5", "--count", "4", "--out", folder / "more.png"}).code == 0);
  CHECK(run_weft({"generate", run, "--truncation-sweep", "3", "--count", "2", "--out", folder / "sweep.png"}).code == 0);

  CHECK(project({"--toward", "twoo"}).says("did you mean 'two'?"));
  CHECK(project({"--space", "w"}).says("z alone"));
  CHECK(run_weft({"generate", run, "--mix", "2", "--out", folder / "x.png"}).says("stylegan2"));
  CHECK(run_weft({"generate", run, "--latent", picture, "--out", folder / "x.png"}).code == 66);
  CHECK(run_weft({"project", run, "--image", folder / "none.png", "--out", found}).code == 66);
  const std::string generator = run + "/checkpoints/step-000002/generator.safetensors", kept = read_file(generator);
  CHECK(run_weft({"project", run, "--image", picture, "--out", run + "/checkpoints/step-000002/generator.png"}).says("is no latent"));
  CHECK(read_file(generator) == kept);
}
