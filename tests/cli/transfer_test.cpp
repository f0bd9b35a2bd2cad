// `weft transfer` as a person meets it: pictures in, a picture out, and a sentence for everything that cannot be done.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "process.h"
#include "weft/gan/provenance.h"

using namespace cli;

namespace {

std::string picture(const Folder& folder, const std::string& name, int h, int w, int step) {
  weft::gan::Image image{h, w, 3, {}};
  for (int i = 0; i < h * w * 3; ++i) image.pixels.push_back(uint8_t(i / 3 % w * step + i / 3 / w * 3 + i % 3 * 20));
  weft::gan::write_png(folder / name, image);
  return folder / name;
}

struct Pictures {
  Folder folder;
  std::string content = picture(folder, "dress.png", 40, 32, 5), style = picture(folder, "stripes.png", 24, 24, 40), out = folder / "dressed.png";
  Words words(const Words& more = {}) const {
    Words all = {"transfer", "--content", content, "--style", style, "--out", out, "--strength", "0.1", "--device", "cpu", "--threads", "1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

}  // namespace

TEST_CASE("transfer: a picture of the content's size that says how it was made; what it takes is said before") {
  const Pictures p;
  const Result r = run_weft(p.words({"--json", "--preview", p.folder / "so-far.png", "--report", p.folder / "report.html"}));
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(r.says("MiB of tensors"));
  const nlohmann::json told = nlohmann::json::parse(r.out);
  CHECK(told["width"] == 32);
  CHECK(told["stopped"] == false);
  CHECK(weft::gan::read_image(p.out).height == 40);
  std::string keys;
  for (const auto& chunk : weft::gan::read_png_text(p.out)) keys += chunk.first + " ";
  CHECK(keys.find("weft.content_sha256 weft.style weft.style_sha256 weft.seed") != std::string::npos);
  CHECK(weft::gan::read_png_text(p.folder / "so-far.png") == weft::gan::read_png_text(p.out));
  CHECK(read_file(p.folder / "report.html").find("<html") != std::string::npos);
}

TEST_CASE("transfer: weights, masks, blends, sweeps and folders") {
  const Pictures p;
  weft::gan::Image half{40, 32, 1, std::vector<uint8_t>(40 * 32)};
  for (size_t i = 0; i < half.pixels.size(); ++i) half.pixels[i] = i % 32 < 16 ? 255 : 0;
  weft::gan::write_png(p.folder / "mask.png", half);
  CHECK(run_weft(p.words({"--style", p.style + ":0.3", "--mask", p.folder / "mask.png", "--blend", p.style + ":0.6"})).code == 0);
  const weft::gan::Image result = weft::gan::read_image(p.out), content = weft::gan::read_image(p.content);
  int outside = 0, inside = 0;
  for (size_t i = 0; i < result.pixels.size(); ++i) (i / 3 % 32 < 16 ? inside : outside) += result.pixels[i] != content.pixels[i];
  CHECK(outside == 0);
  CHECK(inside > 500);
  // What is laid over all of two contents is one and the same; so only whose light falls on it can set them apart.
  const auto covered = [&](const Words& more) {
    Words words{"--blend", p.style + ":1"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<std::vector<uint8_t>> results;
    for (const std::string& of : {p.content, p.folder / "dark.png"}) {
      Words all = p.words(words);
      *(std::find(all.begin(), all.end(), "--content") + 1) = of;
      CHECK(run_weft(all).code == 0);
      results.push_back(weft::gan::read_image(p.out).pixels);
    }
    return results[0] == results[1];
  };
  weft::gan::Image dark = content;
  for (size_t i = 0; i < dark.pixels.size(); ++i) dark.pixels[i] = uint8_t(dark.pixels[i] / (i / 3 % 32 < 16 ? 4 : 1));
  weft::gan::write_png(p.folder / "dark.png", dark);
  CHECK(covered({}));
  CHECK_FALSE(covered({"--keep", "shading"}));
  CHECK(run_weft(p.words({"--sweep", "structure"})).code == 0);
  CHECK(weft::gan::read_image(p.out).width > 5 * 32);
  fs::create_directory(p.folder / "two");
  fs::copy(p.content, p.folder / "two/a.png");
  fs::copy(p.style, p.folder / "two/b.png");
  CHECK(run_weft({"transfer", "--content", p.folder / "two", "--style", p.folder / "two", "--size", "32", "--strength", "0.05", "--out", p.out}).code == 0);
  CHECK(weft::gan::read_image(p.out).width > 3 * 32);
}

TEST_CASE("transfer: see-through parts of a mask are black, and those of a content stay under a cloth") {
  const Pictures p;
  weft::gan::Image mask{40, 32, 1, std::vector<uint8_t>(40 * 32, 255)}, clear{40, 32, 1, std::vector<uint8_t>(40 * 32, 90)};
  for (int i = 0; i < 40 * 32; ++i) mask.alpha.push_back(i % 32 < 16 ? 255 : 0);
  clear.alpha.assign(40 * 32, 40);
  weft::gan::write_png(p.folder / "mask.png", mask);
  weft::gan::write_png(p.folder / "clear.png", clear);
  REQUIRE(run_weft(p.words({"--mask", p.folder / "mask.png"})).code == 0);
  const weft::gan::Image result = weft::gan::read_image(p.out), content = weft::gan::read_image(p.content);
  int outside = 0;
  for (size_t i = 0; i < result.pixels.size(); ++i) outside += i / 3 % 32 >= 16 && result.pixels[i] != content.pixels[i];
  CHECK(outside == 0);
  CHECK(result.pixels != content.pixels);
  Words words = p.words({"--blend", p.style + ":0.5"});
  words[2] = p.folder / "clear.png";
  REQUIRE(run_weft(words).code == 0);
  CHECK(weft::gan::read_image(p.out).alpha == clear.alpha);
}

TEST_CASE("transfer: folders leave out broken pictures, and no work is begun on a sheet that cannot be finished or read") {
  const Pictures p;
  const std::string many = p.folder / "many";
  fs::create_directory(many);
  for (const char* name : {"a.png", "a.jpg", "b.png"}) fs::copy(p.content, many + "/" + name);
  write_file(many + "/broken.png", "no picture");
  const auto sheet = [&](const Words& more) {
    Words words = {"transfer", "--content", many, "--style", p.style, "--out", p.out, "--strength", "0", "--device", "cpu", "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return run_weft(words);
  };
  Result r = sheet({"--size", "32"});
  CAPTURE(r.err);
  CHECK(r.code == 0);
  CHECK(r.says("1 of 4 pictures left out"));
  fs::remove(p.out);
  picture(p.folder, "many/thin.png", 3, 90, 1);
  r = sheet({"--size", "32"});
  CHECK(r.code == 66);
  CHECK(r.says("thin.png: "));
  CHECK(!r.says("levels"));                                          // as is told of each picture when work on it begins
  fs::remove(many + "/thin.png");
  for (int i = 0; i < 64; ++i) fs::copy(p.content, many + "/" + std::to_string(i) + ".png");
  CHECK(sheet({}).says("--size 233 or less would fit"));             // 68 rows of it, and gaps of 7
  const std::string wide = picture(p.folder, "wide.png", 10, 400, 3);
  r = run_weft(p.words({"--content", wide, "--sweep", "strength", "--size", "3400"}));
  CHECK(r.code == 2);
  CHECK(r.says("or less would fit"));
  CHECK(!fs::exists(p.out));
}

TEST_CASE("transfer writes over nothing that it reads, and nothing twice") {
  const Pictures p;
  const std::string before = read_file(p.content), masks = p.folder / "masks.json";
  write_file(masks, "{}");
  const struct { Words more; std::string part; } cases[] = {
      {{"--out", p.content}, "is read"},
      {{"--preview", p.content}, "is read"},
      {{"--preview", p.out}, "written twice"},
      {{"--blend", p.folder / "cloth.png:0.3", "--out", p.folder / "cloth.png"}, "is read"},
      {{"--mask", masks + ":dress", "--report", p.folder / "masks.html"}, "masks.json is read"},
  };
  for (const auto& c : cases) {
    const Result r = run_weft(p.words(c.more));
    CAPTURE(r.err);
    CHECK(r.code == 2);
    CHECK_MESSAGE(r.says(c.part), c.part);
  }
  CHECK(read_file(p.content) == before);
  CHECK(!fs::exists(p.out));
}

TEST_CASE("transfer: stopped by SIGINT it writes the picture so far and exits 130") {
  const Pictures p;
  const std::string preview = p.folder / "so-far.png";
  Words words = p.words({"--size", "512", "--preview", preview});
  words[8] = "1";
  Surroundings around;
  around.when = [&] { return fs::exists(preview); };
  around.signal = SIGINT;
  const Result r = run_weft(words, around);
  CAPTURE(r.err);
  CHECK(r.code == 130);
  CHECK(r.says("picture so far"));
  CHECK(weft::gan::read_image(p.out).height == 512);
}

TEST_CASE("transfer: what cannot be done ends with a sentence and the right code, and nothing is written") {
  const Pictures p;
  write_file(p.folder / "broken.png", "no picture");
  const std::string small = picture(p.folder, "one.png", 1, 1, 1), square = p.folder / "square.png";
  weft::gan::Image middle{40, 32, 1, std::vector<uint8_t>(40 * 32)};
  for (size_t i = 0; i < middle.pixels.size(); ++i) middle.pixels[i] = i % 32 >= 12 && i % 32 < 20 && i / 32 >= 16 && i / 32 < 24 ? 255 : 0;
  weft::gan::write_png(square, middle);
  const struct { Words more; int code; std::string part; } cases[] = {
      {{"--content", p.folder / "none.jpg"}, 66, "none.jpg"},
      {{"--content", p.folder / "broken.png"}, 66, "broken.png"},
      {{"--content", small}, 66, "1x1"},
      {{"--style", p.style + ":-1"}, 2, "WEIGHT"},
      {{"--style", p.style + ":nan"}, 2, "WEIGHT"},
      {{"--strength", "2"}, 2, "--strength"},
      {{"--colors", "mine"}, 2, "luminance"},
      {{"--method", "magic"}, 2, "swd"},
      {{"--mask", p.style}, 66, "24x24 and the content 32x40"},
      {{"--mask", p.content}, 66, "has colours"},
      {{"--mask", p.content, "--mask", p.content}, 2, "2 masks"},
      {{"--feather", "8"}, 2, "no --mask"},
      {{"--mask", square, "--feather", "30"}, 2, "leaves nothing of mask 1"},
      {{"--out", p.folder / "nowhere/x.png"}, 74, "no folder"},
      {{"--out", p.folder / "x.jpg"}, 2, ".png"},
      {{"--size", "8192", "--memory", "64"}, 1, "would fit"},
      {{"--size", "16384"}, 2, "64 Mi pixels"},
  };
  for (const auto& c : cases) {
    const Result r = run_weft(p.words(c.more));
    CAPTURE(r.err);
    CHECK(r.code == c.code);
    CHECK_MESSAGE(r.says(c.part), c.part);
    CHECK(!fs::exists(p.out));
  }
  Words none = p.words();
  none[4] = p.style + ":0";
  CHECK(run_weft(none).says("weight above 0"));
}

TEST_CASE("transfer: contents and styles that are strange but pictures; killed at any moment, no half a picture is left") {
  const Pictures p;
  weft::gan::Image grey{40, 32, 1, {}}, clear{40, 32, 3, std::vector<uint8_t>(40 * 32 * 3, 5)}, thin{3, 200, 3, {}};
  for (int i = 0; i < 40 * 32; ++i) grey.pixels.push_back(uint8_t(i * 37));
  for (int i = 0; i < 3 * 200 * 3; ++i) thin.pixels.push_back(uint8_t(i * 41));
  clear.alpha.assign(40 * 32, 0);
  const struct { const char* name; const weft::gan::Image& image; bool as_content; } strange[] = {
      {"grey.png", grey, true}, {"clear.png", clear, true}, {"thin.png", thin, false}, {"pixel.png", {1, 1, 3, {9, 8, 7}}, false}, {"flat.png", {9, 9, 3, std::vector<uint8_t>(243, 70)}, true}};
  for (const auto& s : strange) {
    CAPTURE(s.name);
    weft::gan::write_png(p.folder / s.name, s.image);
    Words as_style = p.words(), as_content = p.words();
    as_style[4] = p.folder / s.name, as_content[2] = p.folder / s.name;
    CHECK(run_weft(as_style).code == 0);
    CHECK(weft::gan::read_image(p.out).width == 32);
    fs::remove(p.out);
    const Result r = run_weft(as_content);
    CHECK(r.code == (s.as_content ? 0 : 66));
    if (s.as_content) CHECK(weft::gan::read_image(p.out).width == s.image.width);
    else CHECK(r.says("a side needs 8 pixels"));
    fs::remove(p.out);
  }

  const std::string preview = p.folder / "so-far.png";
  Words words = p.words({"--size", "400", "--preview", preview});
  words[8] = "1";
  for (const int after : {0, 40, 90}) {                              // looks at the clock: in the work, and round the writing of a preview
    int looks = 0;
    Surroundings around;
    around.when = [&] { return fs::exists(preview) && looks++ >= after; };
    around.signal = SIGKILL;
    CHECK(run_weft(words, around).code == 128 + SIGKILL);
    CHECK(!fs::exists(p.out));
    CHECK(weft::gan::read_image(preview).width == 320);              // whole
    fs::remove(preview);
  }
}
