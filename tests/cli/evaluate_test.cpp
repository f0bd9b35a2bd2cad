// `weft evaluate` as a person meets it: a table or JSON, an earlier report beside it, and a sentence for what cannot be compared.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "process.h"
#include "weft/gan/provenance.h"

using namespace cli;
using nlohmann::json;

namespace {

struct Runs {
  Folder folder;
  std::string data = folder / "pictures", run = folder / "run", judge = folder / "judge";
  Runs() {
    write_pictures(data + "/dark", 20);
    write_pictures(data + "/light", 20);
    REQUIRE(run_weft(small_run(data, run)).code == 0);
    const Result r = learned(judge, "0");
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
  }
  Result learned(const std::string& out, const std::string& seed) const {
    return run_weft({"train", "classifier", "--data", data, "--out", out, "--size", "16", "--width", "2", "--batch", "4", "--steps", "40", "--seed", seed, "--device", "cpu", "--threads", "1", "--json"});
  }
  Result evaluated(const Words& more) const {
    Words words = {"evaluate", run, "--data", data, "--device", "cpu", "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return run_weft(words);
  }
};

}  // namespace

TEST_CASE("evaluate: every figure with its n, its filter and its hash; refused where n is too small; and beside an earlier report") {
  const Runs runs;
  const Result r = runs.evaluated({"--features", runs.judge, "--json", "--sheet", runs.folder / "nearest.png"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const json told = json::parse(r.out);
  CHECK(told["features"].get<std::string>().size() == 64);
  CHECK(told["classes"].size() == 2);
  for (const json& f : told["figures"]) {
    CHECK(f["n"] == 20);
    CHECK(f["resize"].is_string());
    const bool distance = f["name"] == "frechet_distance" || f["name"] == "kernel_distance";
    if (distance) CHECK(f["features"] == told["features"]);
    CHECK(f["value"].is_null() == (f["name"] == "frechet_distance"));      // 20 pictures, 128 numbers
  }
  bool by_weft = false;
  for (const auto& chunk : weft::gan::read_png_text(runs.folder / "nearest.png")) by_weft = by_weft || chunk.first == "weft.command";
  CHECK(by_weft);

  write_file(runs.folder / "before.json", r.out);
  const Result table = runs.evaluated({"--features", runs.judge, "--against", runs.folder / "before.json"});
  CHECK(table.code == 0);
  CHECK(table.out.find("frechet_distance") != std::string::npos);
  CHECK(table.out.find("refused: 20 pictures") != std::string::npos);
  CHECK(table.out.find(told["features"].get<std::string>().substr(0, 12)) != std::string::npos);
  CHECK(table.out.find("before") != std::string::npos);

  const auto refused = [&](const Words& words, int code, const std::string& part) {
    const Result no = runs.evaluated(words);
    CAPTURE(no.err);
    CHECK(no.code == code);
    CHECK(no.says(part));
  };
  REQUIRE(runs.learned(runs.folder / "other", "1").code == 0);
  refused({"--features", runs.folder / "other", "--against", runs.folder / "before.json"}, 2, "they cannot be compared");
  refused({"--features", runs.judge, "--count", "10", "--against", runs.folder / "before.json"}, 2, "they cannot be compared");
  refused({"--features", runs.judge, "--against", runs.folder / "none.json"}, 66, "none.json");
  write_file(runs.folder / "letter", "a letter");
  refused({"--against", runs.folder / "letter"}, 66, "is no report");
  refused({"--features", runs.run}, 66, "weft train classifier");
  refused({"--accuracy-score"}, 2, "--features RUN of a classifier");
  refused({"--count", "1"}, 2, "--count");
  refused({"--brief", "--sheet", runs.folder / "sheet.png"}, 2, "leave out one of the two");
}

TEST_CASE("evaluate: without features it says how to make some, and what is missing is named") {
  const Runs runs;
  const Result r = runs.evaluated({});
  CHECK(r.code == 0);
  CHECK(r.says("weft train classifier"));
  CHECK(r.out.find("sliced_wasserstein") != std::string::npos);
  CHECK(r.out.find("memorised_share") != std::string::npos);
  const Result nothing = runs.evaluated({"--brief"});
  CHECK(nothing.code == 2);
  CHECK(nothing.says("name one, or leave out --brief"));
  const Result brief = runs.evaluated({"--brief", "--features", runs.judge});
  CHECK(brief.code == 0);
  CHECK(brief.out.find("classes_present") != std::string::npos);
  CHECK(brief.out.find("memorised_share") == std::string::npos);
  CHECK(run_weft({"evaluate", runs.folder / "none", "--data", runs.data}).code == 66);
  CHECK(run_weft({"evaluate", runs.run, "--data", runs.folder / "none"}).code == 66);
  CHECK(run_weft({"evaluate", runs.run}).code == 2);
  CHECK(run_weft({"train", "classifier", "--data", runs.data + "/dark", "--out", runs.folder / "no", "--size", "16"}).says("has none"));
}

TEST_CASE("evaluate: pictures are brought to the generator's shape as the run brought them") {
  const Folder folder;
  const std::string data = folder / "wide", run = folder / "run";
  fs::create_directories(data);
  for (int i = 0; i < 8; ++i) {
    std::vector<uint8_t> grey(16 * 32, uint8_t(20 * i));
    weft::gan::write_png(folder / ("wide/" + std::to_string(i) + ".png"), {16, 32, 1, grey});
  }
  REQUIRE(run_weft(small_run(data, run, {"--set", "data.fit=pad"})).code == 0);
  const auto difference_of_data = [&](const std::string& generator) {
    const Result r = run_weft({"evaluate", generator, "--data", data, "--device", "cpu", "--threads", "1", "--json"});
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    const json told = json::parse(r.out);
    for (const json& f : told["figures"])
      if (f["name"] == "difference") return f["real"].get<double>();
    return 0.0;
  };
  std::string generator;
  for (const auto& file : fs::recursive_directory_iterator(run))
    if (file.path().filename() == "generator.safetensors") generator = file.path().string();
  CHECK(difference_of_data(run) < 0.8 * difference_of_data(generator));        // half of each picture is border; the file alone says nothing of that
}
