// The worked cases of docs/cases, small: what a reader runs as it stands does what its page says.
#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "process.h"

using namespace cli;

namespace {

std::string script(const std::string& name) { return std::string(WEFT_TESTS_FOLDER) + "/../docs/cases/" + name + ".sh"; }

/// Whether a case ends well on what it draws itself, 96 pixels a side.
bool ends_well(const std::string& name, const std::string& out, const std::string& settings = "") {
  return std::system((settings + " WEFT='" WEFT_PROGRAM "' OUT='" + out + "' SIZE=96 bash '" + script(name) + "' > '" + out + ".txt' 2>&1").c_str()) == 0;
}

/// False where this system lacks the scripts, as a bundle of tests does.
bool worked(const std::string& name, const std::string& out) {
  if (!fs::exists(script(name))) {
    MESSAGE("skipped: no " << script(name));
    return false;
  }
  CHECK(ends_well(name, out));
  INFO(read_file(out + ".txt"));
  REQUIRE(fs::exists(out + "/report.html"));
  return true;
}

}  // namespace

TEST_CASE("case: a painting becomes a repeat and a dress, whose ground keeps its pixels") {
  const Folder folder;
  const std::string out = folder / "print";
  if (!worked("oil-painting-print", out)) return;
  CHECK(fs::exists(out + "/repeat.png"));
  const weft::gan::Image before = weft::gan::read_image(out + "/garment.png"), after = weft::gan::read_image(out + "/print.png"), mask = weft::gan::read_image(out + "/mask.png");
  int outside = 0, inside = 0;
  for (size_t i = 0; i < after.pixels.size(); ++i) (mask.pixels[i / 3 * size_t(mask.channels)] == 0 ? outside : inside) += after.pixels[i] != before.pixels[i];
  CHECK(outside == 0);
  CHECK(inside > 3000);
  CHECK(nlohmann::json::parse(read_file(out + "/report.json"))["change"]["patch_distance"] < -0.1);
}

TEST_CASE("case: classic photography is grey on film, toned as a print, and nearer to the print at hand") {
  const Folder folder;
  const std::string out = folder / "classic";
  if (!worked("classic-photography", out)) return;
  const auto chroma = [&](const std::string& name) {
    const weft::gan::Image p = weft::gan::read_image(out + "/" + name);
    int sum = 0;
    for (size_t i = 0; i < p.pixels.size(); i += 3) sum += std::abs(p.pixels[i] - p.pixels[i + 2]);
    return sum / double(p.pixels.size() / 3);
  };
  CHECK(chroma("photo.png") > 5);
  CHECK(chroma("film.png") < 1);
  CHECK(chroma("sepia.png") > 5);
  const nlohmann::json report = nlohmann::json::parse(read_file(out + "/report.json"));
  CHECK(report["change"]["patch_distance"] < -0.5);
  CHECK(report["after"]["structural_similarity"] > 0.6);
}

TEST_CASE("case: posters of a run that is there; one of fewer steps is not taken for it") {
  const Folder folder;
  const std::string out = folder / "posters";
  if (!fs::exists(script("poster-style"))) {
    MESSAGE("skipped: no " << script("poster-style"));
    return;
  }
  CHECK(ends_well("poster-style", out, "STEPS=1"));
  INFO(read_file(out + ".txt"));
  CHECK(fs::exists(out + "/mix.png"));
  CHECK(ends_well("poster-style", out, "STEPS=1"));
  CHECK(!ends_well("poster-style", out, "STEPS=2"));
  CHECK(read_file(out + ".txt").find("train.steps: 1 -> 2") != std::string::npos);
}
