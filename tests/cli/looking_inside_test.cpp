// trace, as a person meets it.
#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "process.h"

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
