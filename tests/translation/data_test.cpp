// Two sides of a translation: apart, in pairs, side by side, and drawn from pictures.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "../temporary_folder.h"
#include "weft/gan/loader.h"
#include "weft/gan/two_sides.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
namespace fs = std::filesystem;

namespace {

void picture(const fs::path& path, uint8_t value, int width = 8, int height = 8) {
  fs::create_directories(path.parent_path());
  write_png(path, {height, width, 3, std::vector<uint8_t>(size_t(width) * size_t(height) * 3, value)});
}

/// Grey level of the first pixel's channel.
int level(Dataset& data, int64_t i, size_t channel = 0) {
  std::vector<float> pixels(size_t(data.height()) * size_t(data.width()) * size_t(data.channels()));
  data.read(i, pixels.data());
  return int(std::lround((pixels[channel] + 1) * 127.5));
}

std::string what_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

DatasetOptions sized(int size) {
  DatasetOptions o;
  o.size = size;
  return o;
}

}  // namespace

TEST_CASE("two unpaired sides of different counts, and what is kept apart") {
  const testing::TemporaryFolder folder;
  const fs::path root = folder.path;
  for (int i = 0; i < 10; ++i) picture(root / "A" / ("p" + std::to_string(i) + ".png"), uint8_t(i));
  for (int i = 0; i < 4; ++i) picture(root / "B" / (i < 2 ? "oil" : "ink") / ("q" + std::to_string(i) + ".png"), uint8_t(100 + i));
  auto sides = open_two_sides(root.string(), sized(8), {0.2, 0});
  CHECK(sides[0].train->size() == 8);
  CHECK(sides[0].held_out->size() == 2);
  CHECK(sides[1].train->size() == 3);
  CHECK(sides[1].train->classes() == std::vector<std::string>{"ink", "oil"});
  std::set<int> seen;
  for (const auto& part : {sides[0].train, sides[0].held_out})
    for (int64_t i = 0; i < part->size(); ++i) {
      CHECK(part->name(i) == "p" + std::to_string(level(*part, i)) + ".png");
      seen.insert(level(*part, i));
    }
  CHECK(seen.size() == 10);                      // each in one part, none in both
  CHECK(open_two_sides(root.string(), sized(8), {0.2, 0})[0].train->fingerprint() == sides[0].train->fingerprint());
  CHECK(open_two_sides(root.string(), sized(8), {0.5, 4})[0].train->size() == 2);
  CHECK(open_two_sides(root.string(), sized(8))[0].held_out == nullptr);
  CHECK_THROWS_AS(open_two_sides(root.string(), sized(8), {0.999, 0}), const ConfigError&);
  CHECK_THROWS_AS(open_two_sides(root.string(), sized(8), {1.5, 0}), const ConfigError&);

  fs::rename(root / "A", root / "trainA");
  fs::rename(root / "B", root / "trainB");
  picture(root / "testA" / "x.png", 7);
  picture(root / "testB" / "y.png", 8);
  sides = open_two_sides(root.string(), sized(8), {0.2, 0});
  CHECK(sides[0].train->size() == 10);           // the data say themselves what is held out
  CHECK(level(*sides[1].held_out, 0) == 8);
}

TEST_CASE("a side that is missing or empty") {
  const testing::TemporaryFolder folder;
  const fs::path root = folder.path;
  CHECK(what_of([&] { open_two_sides((root / "nowhere").string(), sized(8)); }).find("no folder") != std::string::npos);
  CHECK(what_of([&] { open_two_sides(root.string(), sized(8)); }).find("neither A and B nor trainA and trainB") != std::string::npos);
  picture(root / "A" / "p.png", 1);
  CHECK(what_of([&] { open_two_sides(root.string(), sized(8)); }).find("B is missing") != std::string::npos);
  fs::create_directory(root / "B");
  CHECK(what_of([&] { open_two_sides(root.string(), sized(8)); }).find("no pictures in it") != std::string::npos);
}

TEST_CASE("pairs are matched by name, and go together through a loader") {
  const testing::TemporaryFolder folder;
  const fs::path root = folder.path;
  for (int i = 0; i < 9; ++i) {
    picture(root / "A" / ("p" + std::to_string(i) + ".png"), uint8_t(i));
    picture(root / "B" / ("p" + std::to_string(i) + ".bmp.png"), uint8_t(100 + i));
  }
  const std::string lonely = what_of([&] { open_pairs(root.string(), sized(8)); });      // p0 and p0.bmp
  for (const char* part : {"18 pictures have no counterpart", "A/p3.png", "B/p3.bmp.png", "cyclegan"}) CHECK_MESSAGE(lonely.find(part) != std::string::npos, lonely);
  for (int i = 0; i < 9; ++i) fs::rename(root / "B" / ("p" + std::to_string(i) + ".bmp.png"), root / "B" / ("p" + std::to_string(i) + ".png"));
  const Split pairs = open_pairs(root.string(), sized(8), {0.3, 0});
  CHECK(pairs.train->size() == 6);
  CHECK(pairs.train->channels() == 6);
  for (const auto& part : {pairs.train, pairs.held_out})
    for (int64_t i = 0; i < part->size(); ++i) CHECK(level(*part, i, 3) == 100 + level(*part, i, 0));

  picture(root / "B" / "p4.PNG", 5);
  CHECK(what_of([&] { open_pairs(root.string(), sized(8)); }).find("share theirs") != std::string::npos);
  fs::remove(root / "B" / "p4.PNG");
  fs::remove(root / "B" / "p4.png");
  const std::string one = what_of([&] { open_pairs(root.string(), sized(8)); });
  CHECK_MESSAGE(one.find("1 picture has no counterpart on the other side:\n  " + (root / "A" / "p4.png").string()) != std::string::npos, one);
}

TEST_CASE("a broken picture takes its pair with it") {
  const testing::TemporaryFolder folder;
  const fs::path root = folder.path;
  for (int i = 0; i < 4; ++i) {
    picture(root / "A" / (std::to_string(i) + ".png"), uint8_t(i));
    picture(root / "B" / (std::to_string(i) + ".png"), uint8_t(100 + i));
  }
  fs::resize_file(root / "B" / "1.png", 20);
  const Split pairs = open_pairs(root.string(), sized(8));
  for (int64_t i = 0; i < 4; ++i) CHECK(level(*pairs.train, i, 3) == 100 + level(*pairs.train, i, 0));
  CHECK(level(*pairs.train, 1) == 2);
  CHECK(pairs.train->broken() == 1);
}

TEST_CASE("two pictures side by side are a pair") {
  const testing::TemporaryFolder folder;
  Image both{4, 8, 3, std::vector<uint8_t>(4 * 8 * 3, 10)};
  for (size_t y = 0; y < 4; ++y) std::fill_n(both.pixels.begin() + std::ptrdiff_t(y * 24 + 12), 12, uint8_t(200));
  write_png(folder.path / "one.png", both);
  const Split pairs = open_pairs(folder.path.string(), sized(4));
  CHECK(level(*pairs.train, 0, 0) == 10);
  CHECK(level(*pairs.train, 0, 3) == 200);
  const testing::TemporaryFolder other;
  picture(other.path / "square.png", 1, 4, 6);
  const Split wrong = open_pairs(other.path.string(), sized(4));
  CHECK(what_of([&] { level(*wrong.train, 0); }).find("none of its 1 pictures") != std::string::npos);
}

TEST_CASE("augmentation alters both pictures of a pair alike") {
  const int side = 12;
  const size_t pixels = size_t(side) * size_t(side);
  AugmentOptions o;
  o.flip = true, o.rotation = 30, o.zoom = 0.2, o.jitter = 0.5;
  for (int c : {1, 3}) {
    Augmenter alone(o, 5, side, side, c), together(o, 5, side, side, 2 * c);
    std::vector<float> one(pixels * size_t(c)), pair(2 * pixels * size_t(c));
    for (int64_t position = 0; position < 20; ++position) {
      for (size_t p = 0; p < pixels; ++p)
        for (size_t k = 0; k < size_t(c); ++k) {
          one[p * size_t(c) + k] = float(std::sin(double(p) + 0.3 * double(k)));
          for (size_t half : {0, 1}) pair[(2 * p + half) * size_t(c) + k] = one[p * size_t(c) + k];
        }
      alone(one.data(), 1, position);
      together(pair.data(), 1, position);
      bool same = true;
      for (size_t p = 0; p < pixels; ++p)
        for (size_t k = 0; k < size_t(c); ++k)
          for (size_t half : {0, 1}) same = same && pair[(2 * p + half) * size_t(c) + k] == one[p * size_t(c) + k];
      CHECK(same);
    }
  }
}

TEST_CASE("a line drawing has its lines where the picture changes, thin and dark") {
  Image disc{40, 40, 3, std::vector<uint8_t>(40 * 40 * 3, 30)};
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 40; ++x)
      if (std::hypot(y - 19.5, x - 19.5) < 12) std::fill_n(disc.pixels.begin() + (y * 40 + x) * 3, 3, uint8_t(220));
  const Image lines = line_drawing(disc);
  CHECK(lines.channels == 1);
  int dark = 0;
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 40; ++x)
      if (lines.pixels[size_t(y * 40 + x)] < 128) {
        ++dark;
        CHECK(std::fabs(std::hypot(y - 19.5, x - 19.5) - 12) < 2.5);
      }
  CHECK(dark > 50);                              // a circle of radius 12 is 75 pixels long
  CHECK(dark < 130);
  const Image flat = line_drawing({9, 7, 1, std::vector<uint8_t>(63, 77)});
  CHECK(std::all_of(flat.pixels.begin(), flat.pixels.end(), [](uint8_t v) { return v == 255; }));
  CHECK(line_drawing({1, 1, 3, {1, 2, 3}}).pixels == std::vector<uint8_t>{255});
}

TEST_CASE("sketches of swatches: the picture is B, and its lines are A") {
  const Split pairs = open_pairs("sketches:swatches", sized(32), {0.1, 50});
  CHECK(pairs.train->size() == 45);
  CHECK(pairs.held_out->size() == 5);
  CHECK(pairs.train->channels() == 6);
  std::vector<float> pair(32 * 32 * 6);
  pairs.train->read(7, pair.data());
  Image picture_b{32, 32, 3, {}}, lines{32, 32, 3, {}};
  for (size_t p = 0; p < 32 * 32; ++p)
    for (size_t k = 0; k < 3; ++k) {
      lines.pixels.push_back(uint8_t(std::lround((pair[6 * p + k] + 1) * 127.5)));
      picture_b.pixels.push_back(uint8_t(std::lround((pair[6 * p + 3 + k] + 1) * 127.5)));
    }
  CHECK(lines.pixels == with_channels(line_drawing(picture_b), 3).pixels);
}

TEST_CASE("sketches apart are the same pairs, a side each") {
  const auto sides = open_two_sides("sketches:swatches", sized(16), {0.1, 20});
  const Split pairs = open_pairs("sketches:swatches", sized(16), {0.1, 20});
  CHECK(sides[0].train->channels() == 3);
  for (int64_t i = 0; i < pairs.held_out->size(); ++i)
    for (size_t side : {0, 1})
      for (size_t k : {0, 1, 2}) CHECK(level(*sides[side].held_out, i, k) == level(*pairs.held_out, i, 3 * side + k));
}
