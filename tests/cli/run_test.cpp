// Training and generating, start to end, at the smallest size.
#include <doctest/doctest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "../where.h"
#include "process.h"

using namespace cli;
using nlohmann::json;

TEST_CASE("a run leaves what it promises, and the same settings leave the same parameters") {
  const Folder folder;
  write_pictures(folder / "data", 9);
  const Result first = run_weft(small_run(folder / "data", folder / "a", {"--json"}));
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  const json told = json::parse(first.out);
  for (const char* key : {"run", "model", "device", "steps", "images", "images_per_second", "seconds", "peak_memory_bytes", "losses", "parameters_sha256"})
    CHECK_MESSAGE(told.contains(key), key);
  CHECK(told["run"] == folder / "a");
  CHECK(told["steps"] == 2);
  CHECK(told["images"] == 8);
  CHECK(told["device"] == "cpu");
  CHECK(told["parameters_sha256"].get<std::string>().size() == 64);
  for (const char* name : {"config.toml", "run.json", "log.jsonl", "checkpoints/LATEST"}) CHECK_MESSAGE(fs::exists(folder / "a" + "/" + name), name);
  CHECK(fs::exists(told["sample_sheet"].get<std::string>()));

  const Result second = run_weft({"train", "--config", folder / "a" + "/config.toml", "--out", folder / "b", "--json"});
  REQUIRE(second.code == 0);
  CHECK(json::parse(second.out)["parameters_sha256"] == told["parameters_sha256"]);
  const Result other = run_weft(small_run(folder / "data", folder / "c", {"--seed", "1", "--json"}));
  REQUIRE(other.code == 0);
  CHECK(json::parse(other.out)["parameters_sha256"] != told["parameters_sha256"]);

  const Result plain = run_weft(small_run(folder / "data", folder / "d"));
  CHECK(plain.code == 0);
  CHECK(plain.out.find(told["parameters_sha256"].get<std::string>()) != std::string::npos);
}

TEST_CASE("generated pictures depend on seed and index alone, and say how they were made") {
  const Folder folder;
  const std::string run = folder / "run";
  write_pictures(folder / "data", 4);
  REQUIRE(run_weft(small_run(folder / "data", run)).code == 0);
  const Result sheet = run_weft({"generate", run, "--out", folder / "sheet.png", "--count", "5", "--json", "--device", "cpu"});
  CAPTURE(sheet.err);
  REQUIRE(sheet.code == 0);
  const json told = json::parse(sheet.out);
  CHECK(told["files"] == json{folder / "sheet.png"});
  CHECK(weft::gan::read_image(folder / "sheet.png").width >= 2 * 16);
  std::map<std::string, std::string> chunks;
  for (const auto& [key, text] : weft::gan::read_png_text(folder / "sheet.png")) chunks[key] = text;
  CHECK(chunks["weft.seed"] == "0");
  CHECK(chunks["weft.command"].rfind("weft generate '", 0) == 0);
  CHECK(chunks["weft.checkpoint_sha256"] == told["checkpoint_sha256"].get<std::string>());
  CHECK(chunks["Software"].rfind("weft ", 0) == 0);

  const Result few = run_weft({"generate", run, "--out", folder / "few", "--count", "2", "--seed", "7"});
  const Result many = run_weft({"generate", run + "@2", "--out", folder / "many", "--count", "70", "--seed", "7"});
  REQUIRE(few.code == 0);
  REQUIRE(many.code == 0);
  CHECK(few.out == folder / "few/seed-7-00000.png" + "\n" + folder / "few/seed-7-00001.png" + "\n");
  for (const char* name : {"/seed-7-00000.png", "/seed-7-00001.png"})
    CHECK(weft::gan::read_image(folder / "few" + name).pixels == weft::gan::read_image(folder / "many" + name).pixels);
  CHECK(weft::gan::read_image(folder / "many/seed-7-00000.png").pixels != weft::gan::read_image(folder / "many/seed-7-00069.png").pixels);

  const Result missing = run_weft({"generate", run + "@77", "--out", folder / "x.png"});
  CHECK(missing.code == 66);
  CHECK(missing.says("step-000002"));
  const Result nowhere = run_weft({"generate", folder / "nowhere", "--out", folder / "x.png"});
  CHECK(nowhere.code == 66);
  const Result unwritable = run_weft({"generate", run, "--out", "/proc/x.png"});
  CHECK(unwritable.code == 74);
  for (const char* name : {"x.jpg", "x.PNG"}) {
    const Result other = run_weft({"generate", run, "--out", folder / name});
    CHECK(other.code == 2);
    CHECK(other.says("has to end in .png"));
    CHECK(!fs::exists(folder / name));
  }
  const Result under_file = run_weft({"generate", run, "--out", folder / "sheet.png" + "/folder"});
  CHECK(under_file.code == 74);
}

TEST_CASE("generated pictures are of the class that is asked for; --classes makes a row of each") {
  const Folder folder;
  const std::string run = folder / "run";
  for (const char* name : {"data/cats", "data/dogs"}) write_pictures(folder / name, 4);
  REQUIRE(run_weft(small_run(folder / "data", run, {"--set", "model.condition=concat"})).code == 0);
  const auto made = [&](const Words& which, const std::string& out) {
    Words words = {"generate", run, "--out", folder / out, "--count", "2", "--device", "cpu", "--threads", "1"};
    words.insert(words.end(), which.begin(), which.end());
    const Result r = run_weft(words);
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    std::vector<std::vector<uint8_t>> pictures;
    for (int i = 0; fs::exists(folder / (out + "/seed-0-0000" + std::to_string(i) + ".png")); ++i) pictures.push_back(weft::gan::read_image(folder / (out + "/seed-0-0000" + std::to_string(i) + ".png")).pixels);
    return pictures;
  };
  const auto cats = made({"--class", "cats"}, "cats"), dogs = made({"--class", "dogs"}, "dogs");
  REQUIRE(cats.size() == 2);
  CHECK(cats != dogs);
  CHECK(made({"--classes"}, "all") == std::vector<std::vector<uint8_t>>{cats[0], cats[1], dogs[0], dogs[1]});
}

TEST_CASE("the generator in the repository is small, whole, and draws at once") {
  if (std::getenv("WEFT_TESTS")) {
    MESSAGE("skipped: these tests were carried elsewhere, without the documentation");
    return;
  }
  const std::string file = weft::testing::test_file("../docs/generators/clothes.safetensors");
  const Folder folder;
  CHECK(fs::file_size(file) <= 2'000'000);
  CHECK(run_weft({"verify", file}).code == 0);
  const Result r = run_weft({"generate", file, "--out", folder / "clothes.png", "--device", "cpu"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(r.processor_seconds < 5);                          // 0.05 unless under sanitizers
  const weft::gan::Image sheet = weft::gan::read_image(folder / "clothes.png");
  CHECK(sheet.width == 8 * 34 - 2);
  int64_t dark = 0, bright = 0;                            // clothes are bright on black; noise or a broken network is neither
  for (const uint8_t p : sheet.pixels) dark += p < 16, bright += p > 128;
  CHECK(double(dark) / double(sheet.pixels.size()) > 0.3);
  CHECK(double(bright) / double(sheet.pixels.size()) > 0.2);
}

TEST_CASE("a signal ends a run after saving") {
  const Folder folder;
  write_pictures(folder / "data", 4);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const std::string run = folder / ("run " + std::to_string(signal));
    Surroundings around;
    around.signal = signal;
    around.when = [&] { return fs::exists(run + "/log.jsonl") && fs::file_size(run + "/log.jsonl") > 0; };
    const Result r = run_weft(small_run(folder / "data", run, {"--steps", "100000000", "--json", "--set", "run.log_every=1"}), around);
    CAPTURE(r.err);
    CHECK(r.code == 128 + signal);
    CHECK(r.says(signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "SIGHUP"));
    CHECK(json::parse(r.out)["stopped"] == true);
    CHECK(run_weft({"generate", run, "--out", folder / "after.png", "--count", "1"}).code == 0);
  }
}

TEST_CASE("a run goes on when nobody reads what it says, and says that at the end") {
  const Folder folder;
  write_pictures(folder / "data", 4);
  Surroundings around;
  around.unread = true;
  CHECK(run_weft(small_run(folder / "data", folder / "run"), around).code == 74);
  CHECK(fs::exists(folder / "run" + "/checkpoints/LATEST"));
}

TEST_CASE("a run by the clock ends with its minutes") {
  const Folder folder;
  write_pictures(folder / "data", 4);
  const Result r = run_weft(small_run(folder / "data", folder / "run", {"--steps", "0", "--minutes", "0.01", "--json"}));
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(json::parse(r.out)["seconds"].get<double>() >= 0.6);
  CHECK(json::parse(r.out)["steps"].get<int>() > 0);
}
