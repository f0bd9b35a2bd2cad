// weft inspect: runs, files, pictures, and everything that is none of these.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "process.h"
#include "weft/gan/event_file.h"
#include "weft/tensor/safetensors.h"

using namespace cli;
using nlohmann::json;

namespace {

json inspected(const std::string& path) {
  const Result r = run_weft({"inspect", path, "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  return json::parse(r.out);
}

weft::HostTensor floats(const std::vector<float>& values) {
  weft::HostTensor t{weft::FileDType::f32, {int64_t(values.size())}, std::vector<std::byte>(values.size() * 4)};
  std::memcpy(t.bytes.data(), values.data(), t.bytes.size());
  return t;
}

}  // namespace

TEST_CASE("a run tells what it is, and its report can be made anew") {
  const Folder folder;
  const std::string run = folder / "run";
  write_pictures(folder / "data", 9);
  const Result trained = run_weft(small_run(folder / "data", run, {"--json"}));
  REQUIRE(trained.code == 0);
  const json about = inspected(run);
  CHECK(about["kind"] == "run");
  CHECK(about["steps"] == 2);
  CHECK(about["parameters_sha256"] == json::parse(trained.out)["parameters_sha256"]);
  CHECK(about["checkpoints"].size() == 1);
  CHECK(about["checkpoints"][0]["bytes"].get<int64_t>() > 1000);
  CHECK(about["last"]["loss_d"] == json::parse(trained.out)["losses"]["d"]);
  CHECK(about["config"]["train.batch"] == "4");
  CHECK(about["starts"][0]["command"].get<std::string>().rfind("weft train dcgan --data '", 0) == 0);
  CHECK(run_weft({"inspect", run}).out.find("step 2, ") != std::string::npos);

  const std::string page = read_file(run + "/report.html");
  CHECK(page.find("step 2") != std::string::npos);
  CHECK(page.find("<td>train.batch</td><td>4</td><td>64</td>") != std::string::npos);
  fs::remove(run + "/report.html");
  CHECK(inspected(run)["report"] == "");
  CHECK(run_weft({"inspect", run, "--report"}).out.find("report.html") != std::string::npos);
  CHECK(read_file(run + "/report.html") == page);

  const json sheet = inspected(run + "/samples/step-000002.png");
  CHECK(sheet["kind"] == "picture");
  CHECK(sheet["text"]["weft.step"] == "2");
  CHECK(sheet["text"]["weft.seed"] == "0");
  CHECK(sheet["text"]["weft.command"] == about["starts"][0]["command"]);
  bool events = false;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (entry.path().filename().string().find("tfevents") == std::string::npos) continue;
    events = true;
    const json found = inspected(entry.path().string());
    CHECK(found["kind"] == "events");
    CHECK(found["torn"] == false);
    CHECK(found["series"]["loss/d"]["count"] == 2);          // the first step and the last
    CHECK(found["series"]["loss/d"]["last_value"].get<float>() == about["last"]["loss_d"].get<float>());
    CHECK(found["series"]["samples"]["images"] == true);
  }
  CHECK(events);
}

TEST_CASE("a run that fails has a report that says why; one that never began has none") {
  const Folder folder;
  write_pictures(folder / "data", 9);
  const Words diverge = {"--steps", "400", "--objective", "lsgan", "--set", "optimizer.name=sgd", "--set", "optimizer.learning_rate_d=100", "--set", "optimizer.learning_rate_g=100", "--set", "optimizer.beta1=0.99",
                         "--set", "run.log_every=1"};
  const Result failed = run_weft(small_run(folder / "data", folder / "run", diverge));
  CAPTURE(failed.err);
  REQUIRE(failed.code == 1);
  const std::string page = read_file(folder / "run" + "/report.html");
  CHECK(page.find("This run ended before its time.") != std::string::npos);
  CHECK(page.find("Losses") != std::string::npos);
  CHECK(run_weft(small_run(folder / "nowhere", folder / "never")).code == 66);
  CHECK(!fs::exists(folder / "never"));
}

TEST_CASE("safetensors: names, shapes, and the numbers' own numbers") {
  const Folder folder;
  std::vector<float> many(700'001);                  // more than is read at once
  for (size_t i = 0; i < many.size(); ++i) many[i] = i % 2 ? 3.0f : -1.0f;
  many[0] = 1.0f;                                    // 350,000 of 3, as many of -1, and their mean
  weft::HostTensor odd = floats({1, 2, 3, 4});
  const float broken[] = {NAN, INFINITY};
  std::memcpy(odd.bytes.data(), broken, sizeof broken);
  weft::HostTensor none{weft::FileDType::f16, {0, 3}, {}};
  weft::write_safetensors(folder / "file.safetensors", {{"many", floats(many)}, {"none", none}, {"odd", odd}}, {{"what", "a \x1b[31mtest \xc2\x9b" "31m \xc3\xbc"}});
  const json found = inspected(folder / "file.safetensors");
  CHECK(found["kind"] == "safetensors");
  CHECK(found["numbers"] == 700'005);
  CHECK(found["not_finite"] == 2);
  json by_name;
  for (const json& t : found["tensors"]) by_name[t["name"].get<std::string>()] = t;
  CHECK(by_name["many"]["mean"].get<double>() == doctest::Approx(1).epsilon(1e-9));
  CHECK(by_name["many"]["std"].get<double>() == doctest::Approx(2 * std::sqrt(700'000 / 700'001.0)).epsilon(1e-9));
  CHECK(by_name["many"]["min"] == -1);
  CHECK(by_name["many"]["max"] == 3);
  CHECK(by_name["odd"]["not_finite"] == 2);
  CHECK(by_name["odd"]["mean"] == 3.5);
  CHECK(by_name["odd"]["std"] == 0.5);
  CHECK(by_name["none"]["shape"] == json{0, 3});
  CHECK(!by_name["none"].contains("mean"));

  const Result shown = run_weft({"inspect", folder / "file.safetensors"});
  CHECK(shown.out.find('\x1b') == std::string::npos);         // a file's text must not drive the terminal
  CHECK(shown.out.find("\\x1b[31mtest \\xc2\\x9b31m \xc3\xbc") != std::string::npos);      // U+009B is one as well, U+00FC is not
  CHECK(shown.out.find("2 NOT FINITE") != std::string::npos);
}

TEST_CASE("IDX files and pictures without text") {
  const Folder folder;
  write_file(folder / "labels", std::string("\0\0\x08\x01\0\0\x01\x02", 8) + std::string(258, '\0'));
  CHECK(inspected(folder / "labels")["shape"] == json{258});
  write_file(folder / "cube", std::string("\0\0\x0d\x03\0\0\0\x02\0\0\0\x03\xff\xff\xff\xff", 16));
  CHECK(inspected(folder / "cube")["type"] == "float32");
  CHECK(inspected(folder / "cube")["shape"] == json{2, 3, 4294967295});
  write_pictures(folder / "data", 1);
  const json picture = inspected(folder / "data/00000.png");
  CHECK(picture["width"] == 16);
  CHECK(picture["text"].empty());
  CHECK(picture["sha256"].get<std::string>().size() == 64);
}

TEST_CASE("what cannot be inspected is refused with a reason") {
  const Folder folder;
  const std::string file = folder / "file";
  const auto refused = [&](const std::string& path, const std::string& part) {
    const Result r = run_weft({"inspect", path});
    CAPTURE(path);
    CAPTURE(r.err);
    CHECK(r.code == 66);
    CHECK(r.says(part));
    CHECK(r.says(path));
  };
  refused(folder / "nowhere", "cannot read");
  refused(folder / "", "is no run");
  write_file(file, "");
  refused(file, "is nothing that weft knows");
  write_file(file, "some words");
  refused(file, "is nothing that weft knows");
  write_file(file, std::string("\0\0\x08\x03\0", 5));
  refused(file, "is no IDX file");
  write_file(file, std::string("\0\0\x08\x09", 4) + std::string(40, '\0'));
  refused(file, "is no IDX file");
  write_file(file, "\x1f\x8b" "broken");
  refused(file, file);
  write_file(file, "\x89PNG broken");
  refused(file, file);
  write_file(folder / "x.safetensors", "short");
  refused(folder / "x.safetensors", "x.safetensors");
  write_file(folder / "events.out.tfevents.1.a.1.0", "short");
  refused(folder / "events.out.tfevents.1.a.1.0", "not a TensorBoard event file");
}
