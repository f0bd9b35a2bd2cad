// weft recolor and weft tile as a person meets them: what they write and say, and what they refuse.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "process.h"
#include "weft/gan/image.h"

using namespace cli;
using Json = nlohmann::json;

namespace {

void refused(const Words& words, int code, const std::string& part) {
  const Result result = run_weft(words);
  CAPTURE(result.err);
  CHECK(result.code == code);
  CHECK(result.says(part));
}

}  // namespace

TEST_CASE("recolor: by picture, by codes, in inks, and its palette") {
  const Folder folder;
  write_pictures(folder / "in", 3, 32);
  const std::string one = folder / "in/00000.png", other = folder / "in/00001.png", out = folder / "out.png";
  Result result = run_weft({"recolor", "--image", one, "--palette", other, "--out", out});
  CHECK(result.code == 0);
  CHECK(result.out == out + "\n");
  bool told = false;
  for (const auto& [key, text] : weft::gan::read_png_text(out)) told = told || (key == "weft.palette" && text == "00001.png");
  CHECK(told);

  result = run_weft({"recolor", "--image", folder / "in", "--palette", "#102030,#f0e0d0", "--colors", "2", "--separations", folder / "films", "--out", folder / "all", "--json"});
  REQUIRE(result.code == 0);
  const Json printed = Json::parse(result.out);
  CHECK(printed["pictures"].size() == 3);
  CHECK(printed["pictures"][0]["separations"].size() == 2);
  CHECK(printed["pictures"][0]["colours"][0]["hex"] == "#102030");
  CHECK(fs::exists(folder / "all/00002.png"));
  CHECK(fs::exists(folder / "films/00002-2-f0e0d0.png"));

  result = run_weft({"recolor", "--image", one, "--extract", "3", "--out", folder / "strip.png"});
  CHECK(result.code == 0);
  CHECK(result.out[0] == '#');
  CHECK(run_weft({"recolor", "--image", one, "--black-and-white", "--film", "0.5", "--out", out}).code == 0);
}

TEST_CASE("recolor: --extract without --out tells colours and writes nothing") {
  const Folder folder;
  write_pictures(folder / "in", 2, 16);
  fs::copy(folder / "in/00000.png", folder / "in/00000.jpg");          // of one stem, which is of no account where nothing is written
  const std::string one = folder / "in/00000.png", before = read_file(one);
  const Result result = run_weft({"recolor", "--image", one, "--extract", "3"});
  CHECK(result.code == 0);
  CHECK(result.out[0] == '#');
  const Result all = run_weft({"recolor", "--image", folder / "in", "--extract", "2", "--json"});
  REQUIRE(all.code == 0);
  const Json pictures = Json::parse(all.out)["pictures"];
  CHECK(pictures.size() == 3);
  CHECK(!pictures[0].contains("file"));
  CHECK(read_file(one) == before);
  CHECK(!fs::exists("00000.png"));
}

TEST_CASE("recolor and tile write over nothing that they read, and nothing twice") {
  const Folder folder;
  write_pictures(folder / "in", 2, 16);
  const std::string in = folder / "in", one = folder / "in/00000.png", other = folder / "in/00001.png", out = folder / "out.png", before = read_file(one);
  fs::create_directory_symlink(in, folder / "link");
  refused({"recolor", "--image", one, "--hue", "20", "--out", one}, 2, "is read");
  refused({"recolor", "--image", one, "--hue", "20", "--out", in}, 2, "is read");
  refused({"recolor", "--image", one, "--hue", "20", "--out", folder / "link/../in/00000.png"}, 2, "is read");
  refused({"recolor", "--image", one, "--palette", other, "--out", other}, 2, "is read");
  refused({"recolor", "--image", in, "--hue", "20", "--out", folder / "link"}, 2, "read from this folder");
  refused({"recolor", "--image", in, "--colors", "2", "--separations", in, "--out", folder / "all"}, 2, "read from this folder");
  refused({"tile", "--swatch", one, "--out", out, "--preview", one}, 2, "is read");
  refused({"tile", "--swatch", one, "--out", out, "--preview", out}, 2, "written twice");
  refused({"tile", "--swatch", in, "--out", folder / "tiles", "--preview", folder / "tiles"}, 2, "written twice");
  fs::copy(one, folder / "in/00000.m.png");
  fs::copy(one, folder / "in/00000.jpg");
  refused({"recolor", "--image", in, "--hue", "20", "--out", folder / "all"}, 2, "would both become");
  CHECK(read_file(one) == before);
  CHECK(!fs::exists(out));
}

TEST_CASE("recolor and tile: of a folder, what cannot be used is named, counted and left out") {
  const Folder folder;
  write_pictures(folder / "in", 3, 24);
  write_file(folder / "in/00001.png", read_file(folder / "in/00001.png").substr(0, 60));
  for (const Words& words : {Words{"recolor", "--image", folder / "in", "--hue", "30"}, Words{"tile", "--swatch", folder / "in"}}) {
    Words all = words;
    all.insert(all.end(), {"--out", folder / words[0], "--json"});
    if (words[0] == "tile") weft::gan::write_png(folder / "in/small.png", {8, 8, 1, std::vector<uint8_t>(64)});
    const Result result = run_weft(all);
    CAPTURE(result.err);
    REQUIRE(result.code == 0);
    CHECK(result.says("00001.png"));
    CHECK(result.says("pictures left out"));
    CHECK(Json::parse(result.out)["left_out"] == (words[0] == "tile" ? 2 : 1));
    CHECK(fs::exists(folder / words[0] + "/00002.png"));
  }
  CHECK(run_weft({"tile", "--swatch", folder / "in", "--out", folder / "again"}).says("small.png: a swatch of 8x8"));
  for (const char* name : {"00000.png", "00002.png", "small.png"}) write_file(folder / "in/" + name, "no picture");
  refused({"tile", "--swatch", folder / "in", "--out", folder / "again"}, 66, "none of its 4 pictures");
}

TEST_CASE("recolor: of a cut-out, the palette and the inks are of what can be seen") {
  const Folder folder;
  weft::gan::Image cut{20, 20, 3, std::vector<uint8_t>(1200, 255), std::vector<uint8_t>(400)};
  for (size_t i = 100; i < 200; ++i) {
    cut.alpha[i] = 255;
    for (size_t k = 0; k < 3; ++k) cut.pixels[3 * i + k] = (i < 150) == (k == 0) ? 200 : 20;
  }
  weft::gan::write_png(folder / "cut.png", cut);
  const Json told = Json::parse(run_weft({"recolor", "--image", folder / "cut.png", "--colors", "2", "--separations", folder / "films", "--out", folder / "flat.png", "--json"}).out)["pictures"][0];
  REQUIRE(told["colours"].size() == 2);
  for (size_t k = 0; k < 2; ++k) {
    CHECK(told["colours"][k]["share"] == doctest::Approx(0.5));
    const weft::gan::Image film = weft::gan::read_image(told["separations"][k].get<std::string>());
    CHECK(std::count(film.pixels.begin(), film.pixels.end(), 0) == 50);
  }
  CHECK(weft::gan::read_image(folder / "flat.png").alpha == cut.alpha);
}

TEST_CASE("recolor refuses with a sentence") {
  const Folder folder;
  write_pictures(folder / "in", 1, 16);
  const std::string one = folder / "in/00000.png", out = folder / "out.png";
  refused({"recolor", "--image", one, "--out", out}, 2, "nothing to do");
  refused({"recolor", "--image", one, "--palette", "#12345", "--out", out}, 2, "no hex colour");
  refused({"recolor", "--image", one, "--palette", "#123456", "--method", "mlk", "--out", out}, 2, "mkl, reinhard, sliced");
  refused({"recolor", "--image", one, "--palette", folder / "none.png", "--out", out}, 66, "none.png");
  refused({"recolor", "--image", folder / "none", "--hue", "20", "--out", out}, 66, "none");
  refused({"recolor", "--image", one, "--hue", "20"}, 2, "--out");
  refused({"recolor", "--image", one, "--contrast", "-1", "--out", out}, 2, "--contrast");
  refused({"recolor", "--image", one, "--colors", "0", "--out", out}, 2, "--colors");
  refused({"recolor", "--image", one, "--hue", "20", "--separations", folder / "films", "--out", out}, 2, "--colors");
  refused({"recolor", "--image", one, "--extract", "3", "--hue", "20"}, 2, "--extract");
  refused({"recolor", "--image", one, "--hue", "20", "--out", folder / "no/such/out.png"}, 74, "there is no folder");
  refused({"tile", "--swatch", one, "--out", out, "--preview", folder / "no/such/out.png"}, 74, "there is no folder");
  refused({"recolor", "--image", one, "--hue", "20", "--out", folder / "out.jpg"}, 2, "end in .png");
  refused({"recolor", "--image", folder / "in", "--hue", "20", "--out", out}, 2, "give a folder");
  fs::create_directory(folder / "films.png");
  refused({"recolor", "--image", one, "--hue", "20", "--out", folder / "films.png"}, 74, "is a folder");
  refused({"tile", "--swatch", one, "--out", out, "--preview", folder / "films.png"}, 74, "is a folder");      // before any work
  refused({"recolor", "--image", one, "--colors", "2", "--separations", one, "--out", out}, 74, "cannot make this folder");
  CHECK(!fs::exists(out));
}

TEST_CASE("tile: the repeat, the cloth and the figures; and what it refuses") {
  const Folder folder;
  write_pictures(folder / "in", 2, 40);
  const std::string one = folder / "in/00000.png", out = folder / "tile.png";
  const Result result = run_weft({"tile", "--swatch", one, "--layout", "half-drop", "--width-cm", "1", "--dpi", "254", "--out", out, "--preview", folder / "cloth.png", "--repeat", "2", "--json"});
  REQUIRE(result.code == 0);
  const Json tile = Json::parse(result.out)["tiles"][0];
  CHECK(tile["tile"][0] == 100);
  CHECK(tile["repeat"][0] == 200);
  CHECK(tile["seam_score"].is_number());
  CHECK(weft::gan::read_image(out).width == 200);
  CHECK(weft::gan::read_image(folder / "cloth.png").width == 200);
  CHECK(run_weft({"tile", "--swatch", folder / "in", "--out", folder / "all"}).code == 0);
  CHECK(fs::exists(folder / "all/00001.png"));

  REQUIRE(run_weft({"generate", "swatches", "--seed", "38", "--count", "1", "--out", folder / "tartan.png"}).code == 0);
  const Result bricks = run_weft({"tile", "--swatch", folder / "tartan.png", "--layout", "brick", "--out", out});
  CHECK(bricks.code == 0);
  CHECK(bricks.err.find("two of its own repeats") != std::string::npos);             // bricks of half a tartan would break its stripes

  write_pictures(folder / "small", 1, 8);
  refused({"tile", "--swatch", folder / "small/00000.png", "--out", out}, 66, "at least 16");
  refused({"tile", "--swatch", one, "--layout", "halfdrop", "--out", out}, 2, "straight, half-drop, brick, mirror");
  refused({"tile", "--swatch", one, "--size", "8", "--out", out}, 2, "--size");
  refused({"tile", "--swatch", one, "--size", "64", "--width-cm", "5", "--out", out}, 2, "give one");
  refused({"tile", "--swatch", one, "--width-cm", "500", "--out", out}, 2, "choose another --dpi");
  refused({"tile", "--swatch", folder / "none.png", "--out", out}, 66, "none.png");
  refused({"tile", "--swatch", one, "--size", "4096", "--repeat", "32", "--preview", folder / "p.png", "--out", out}, 2, "smaller --repeat");
}

TEST_CASE("recolor and tile: pictures that cannot be read end with their name and why; strange ones that can be read are taken") {
  const Folder folder;
  write_pictures(folder / "in", 1, 24);
  const std::string one = folder / "in/00000.png", out = folder / "out.png", whole = read_file(one);
  write_file(folder / "cut.png", whole.substr(0, whole.size() / 2));
  write_file(folder / "text.png", "no picture");
  write_file(folder / "empty.png", "");
  std::string huge = weft::gan::encode_png({16, 16, 1, std::vector<uint8_t>(256)});      // says 30000x30000; what it holds is of no account then
  huge.replace(16, 8, std::string("\0\0\x75\x30\0\0\x75\x30", 8));
  write_file(folder / "huge.png", huge);
  const struct { const char *name, *part; } broken[] = {{"cut.png", "too soon"}, {"text.png", "is not a PNG"}, {"empty.png", "is empty"}, {"huge.png", "huge.png"}};
  for (const auto& b : broken) {
    const std::string file = folder / b.name;
    refused({"recolor", "--image", file, "--hue", "20", "--out", out}, 66, b.part);
    refused({"recolor", "--image", one, "--palette", file, "--out", out}, 66, b.part);
    refused({"tile", "--swatch", file, "--out", out}, 66, b.part);
    CHECK(!fs::exists(out));
  }

  weft::gan::Image pixel{1, 1, 3, {9, 8, 7}}, flat{20, 20, 3, std::vector<uint8_t>(1200, 70)}, grey{20, 30, 1, {}}, thin{2, 300, 3, {}}, clear{20, 20, 3, std::vector<uint8_t>(1200, 5)};
  for (int i = 0; i < 600; ++i) grey.pixels.push_back(uint8_t(i * 37));
  for (int i = 0; i < 1800; ++i) thin.pixels.push_back(uint8_t(i * 41));
  clear.alpha.assign(400, 0);
  const struct { const char* name; const weft::gan::Image& image; } strange[] = {{"pixel.png", pixel}, {"flat.png", flat}, {"grey.png", grey}, {"thin.png", thin}, {"clear.png", clear}};
  for (const auto& s : strange) {
    CAPTURE(s.name);
    const std::string file = folder / s.name;
    weft::gan::write_png(file, s.image);
    for (const Words& words : {Words{"recolor", "--image", file, "--palette", one, "--out", out}, Words{"recolor", "--image", one, "--palette", file, "--out", out},
                               Words{"recolor", "--image", file, "--colors", "3", "--separations", folder / "films", "--out", out}}) {
      CHECK(run_weft(words).code == 0);
      CHECK(weft::gan::read_image(out).width == weft::gan::read_image(words[2]).width);
      fs::remove(out);
    }
    const Result tile = run_weft({"tile", "--swatch", file, "--out", out});
    if (std::min(s.image.height, s.image.width) < 16) CHECK(tile.says("at least 16"));
    else CHECK(tile.code == 0);
    fs::remove(out);
  }
}

TEST_CASE("tile: a plaid of hard lines that comes round is not said to have a seam") {
  const Folder folder;
  weft::gan::Image plaid{120, 120, 1, std::vector<uint8_t>(120 * 120, 60)};
  for (int y = 0; y < 120; ++y)
    for (int x = 0; x < 120; ++x) {
      if (x % 24 < 3 || y % 24 < 3) plaid.pixels[size_t(y * 120 + x)] = 200;
      if (x % 24 / 3 == 4 || y % 24 / 2 == 5) plaid.pixels[size_t(y * 120 + x)] = 20;
    }
  weft::gan::write_png(folder / "plaid.png", plaid);
  const Result tiled = run_weft({"tile", "--swatch", folder / "plaid.png", "--out", folder / "tile.png"});
  CAPTURE(tiled.err);
  CHECK(tiled.says("a line of the pattern"));
  CHECK(!tiled.says("look at the seam"));
}
