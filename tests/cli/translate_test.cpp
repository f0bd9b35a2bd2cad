// `weft translate` and the training in front of it, as a person meets them: which checkpoint is taken, and what is said where there is nothing to take.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "process.h"
#include "weft/gan/translator.h"
#include "weft/gan/two_sides.h"
#include "weft/nn/loss.h"

using namespace cli;

namespace {

/// Pairs in folders A and B: bars, and the same bars in another colour.
void write_pairs(const std::string& folder, int count) {
  for (const char* side : {"A", "B"}) {
    fs::create_directories(fs::path(folder) / side);
    for (int k = 0; k < count; ++k) {
      weft::gan::Image image{16, 16, 3, std::vector<uint8_t>(16 * 16 * 3)};
      for (int i = 0; i < 16 * 16 * 3; ++i) image.pixels[size_t(i)] = uint8_t((i / 3 + k) % 16 < 8 ? 30 : *side == 'A' ? 220 : 60 * (i % 3) + 80);
      write_file((fs::path(folder) / side / (std::to_string(k) + ".png")).string(), weft::gan::encode_png(image));
    }
  }
}

Words pix2pix(const std::string& data, const std::string& out, const Words& more = {}) {
  Words words = {"train", "pix2pix", "--data", data, "--out", out, "--size", "16", "--width", "4", "--batch", "1", "--set", "model.d_layers=1",
                 "--device", "cpu", "--threads", "1", "--samples-every", "0"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("translate takes the checkpoint that did best on pairs that no step saw, not the last one") {
  const Folder folder;
  write_pairs(folder / "pairs", 20);
  // Told nothing of the target, the network wanders to it and away again.
  const Result r = run_weft(pix2pix(folder / "pairs", folder / "run",
      {"--steps", "12", "--checkpoint-every", "2", "--set", "run.keep_last=0", "--set", "loss.l1=0", "--set", "optimizer.learning_rate_g=0.02", "--set", "optimizer.schedule=constant"}));
  CAPTURE(r.err);
  REQUIRE(r.code == 0);

  const weft::Context context = weft::Context::open("cpu");
  const weft::NoGraph scope(context);
  weft::gan::DatasetOptions options;
  options.size = 16;
  const auto held_out = weft::gan::open_pairs(folder / "pairs", options, {0.1, 0}).held_out;
  REQUIRE(held_out->size() == 2);
  std::vector<float> values(2 * 16 * 16 * 6);
  for (int64_t i : {0, 1}) held_out->read(i, values.data() + i * 16 * 16 * 6);
  const weft::Tensor both = context.from(values, {2, 16, 16, 6}), a = slice(both, 3, 0, 3), b = slice(both, 3, 3, 6);
  int best = 0;
  double least = 1e300;
  for (int step = 2; step <= 12; step += 2) {
    const double error = weft::nn::l1(weft::gan::Translator(folder / ("run@" + std::to_string(step)), context)(a), b).item();
    if (error < least) least = error, best = step;
  }
  REQUIRE(best != 12);
  const Result t = run_weft({"translate", folder / "run", "--input", folder / "pairs/A/3.png", "--out", folder / "out.png", "--device", "cpu", "--json"});
  CAPTURE(t.err);
  REQUIRE(t.code == 0);
  const std::string taken = nlohmann::json::parse(t.out)["checkpoint"];
  CHECK(std::stoi(taken.substr(taken.rfind("step-") + 5)) == best);
  CHECK(weft::gan::read_image(folder / "out.png").width == 16);
}

TEST_CASE("translate: a run of another kind, one way only, and nothing to translate") {
  const Folder folder;
  write_pictures(folder / "pictures", 12);
  write_pairs(folder / "pairs", 6);
  REQUIRE(run_weft(small_run(folder / "pictures", folder / "noise")).code == 0);
  REQUIRE(run_weft(pix2pix(folder / "pairs", folder / "run", {"--steps", "1"})).code == 0);
  fs::create_directory(folder / "empty");
  write_file(folder / "broken.png", "no picture");
  const std::string picture = folder / "pictures/00000.png", out = folder / "out.png";
  const struct { Words words; int code; std::string part; } cases[] = {
      {{folder / "noise", "--input", picture}, 2, "dcgan, which makes pictures from noise"},
      {{folder / "run", "--input", picture, "--back"}, 2, "learns one way only"},
      {{folder / "run", "--input", picture, "--style", "oil"}, 2, "one style only"},
      {{folder / "nowhere", "--input", picture}, 66, "no run at"},
      {{folder / "pictures", "--input", picture}, 66, "holds no checkpoint"},
      {{folder / "run", "--input", folder / "empty"}, 66, "no pictures in it"},
      {{folder / "run", "--input", folder / "none.png"}, 66, "none.png"},
      {{folder / "run", "--input", folder / "broken.png"}, 66, "broken.png"},
  };
  for (const auto& c : cases) {
    Words words = {"translate"};
    words.insert(words.end(), c.words.begin(), c.words.end());
    words.insert(words.end(), {"--out", out, "--device", "cpu"});
    const Result r = run_weft(words);
    CAPTURE(r.err);
    CHECK(r.code == c.code);
    CHECK_MESSAGE(r.says(c.part), c.part);
    CHECK(!fs::exists(out));
  }

  const auto translated = [&](const std::string& input, const std::string& to, const Words& more = {}) {
    Words words = {"translate", folder / "run", "--input", input, "--out", to, "--device", "cpu"};
    words.insert(words.end(), more.begin(), more.end());
    return run_weft(words);
  };
  CHECK(translated(folder / "pictures", folder / "pictures").says("read from this folder"));
  CHECK(translated(picture, picture).says("is read"));
  CHECK(translated(picture, folder / "no/such.png").says("there is no folder"));
  weft::gan::Image clear{16, 16, 3, std::vector<uint8_t>(16 * 16 * 3, 90)};
  clear.alpha.assign(16 * 16, 40);
  weft::gan::write_png(folder / "clear.png", clear);
  REQUIRE(translated(folder / "clear.png", out, {"--size", "8"}).code == 0);
  CHECK(weft::gan::read_image(out).alpha == std::vector<uint8_t>(8 * 8, 40));
  fs::copy(folder / "broken.png", folder / "pictures/broken.png");
  const Result some = translated(folder / "pictures", folder / "all");
  CHECK(some.code == 0);
  CHECK(some.says("1 of 13 pictures left out"));
}

TEST_CASE("training a translation: sides that do not match are listed, and empty ones told") {
  const Folder folder;
  write_pairs(folder / "pairs", 4);
  fs::rename(folder / "pairs/B/2.png", folder / "pairs/B/two.png");
  Result r = run_weft(pix2pix(folder / "pairs", folder / "run", {"--steps", "1"}));
  CAPTURE(r.err);
  CHECK(r.code == 66);
  CHECK(r.says("A/2.png"));
  CHECK(r.says("B/two.png"));
  for (const char* model : {"pix2pix", "cyclegan", "cut", "unit"}) {
    Words words = pix2pix(folder / "pairs", folder / "run", {"--steps", "1"});
    words[1] = model;
    fs::remove_all(folder / "pairs/B");
    r = run_weft(words);
    CHECK(r.code == 66);
    CHECK_MESSAGE(r.says("B is missing"), r.err);
    fs::create_directory(folder / "pairs/B");
    r = run_weft(words);
    CHECK(r.code == 66);
    CHECK_MESSAGE(r.says("no pictures in it"), r.err);
  }
  Words words = pix2pix(folder / "pairs/A", folder / "run", {"--steps", "1"});
  words[1] = "restyle";
  r = run_weft(words);
  CHECK(r.code == 2);
  CHECK_MESSAGE(r.says("--styles DIR"), r.err);
}
