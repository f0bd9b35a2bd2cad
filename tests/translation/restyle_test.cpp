// restyle: what each part of its loss does alone, its data, and the network read back.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "../temporary_folder.h"
#include "weft/gan/contest.h"
#include "weft/gan/loader.h"
#include "weft/gan/measures.h"
#include "weft/gan/sheet.h"
#include "weft/gan/translator.h"
#include "weft/gan/two_sides.h"
#include "weft/kernels/error.h"
#include "weft/nn/checkpoint.h"

using namespace weft;
using namespace weft::gan;
namespace fs = std::filesystem;

namespace {

std::string what_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

GanOptions small(std::vector<std::string> styles = {"style"}) {
  GanOptions o;
  o.model = {32, 3, 6, 1};
  o.model.blocks = 1, o.model.d_layers = 1, o.model.upsampling = "nearest", o.model.styles = std::move(styles);
  o.objective = &find_objective("lsgan");
  o.weights = {0, 0, 0};
  o.generator.learning_rate = o.discriminator.learning_rate = 2e-3;
  return o;
}

/// Smooth grey blobs, and stripes of two colours.
Tensor contents(const Context& c) { return resize(c.uniform({4, 4, 4, 3}, 11), {32, 32}, Resize::bilinear) * 1.6 - 0.8; }
Tensor stripes(const Context& c) {
  std::vector<float> v;
  for (int i = 0; i < 4 * 32 * 32; ++i)
    for (int k = 0; k < 3; ++k) v.push_back(((i + i / 32) / 3 % 2 ? 0.8f : -0.6f) * float(k + 1) / 3);
  return c.from(v, {4, 32, 32, 3});
}

/// What the gauges say at the first step and at the last.
std::array<Gauges, 2> trained(GanOptions o, int steps) {
  const Context context = Context::open("cpu");
  const auto contest = make_contest(context, find_model("restyle"), o);
  const Tensors batch = {contents(context), stripes(context), context.full({1, int64_t(o.model.styles.size())}, 1.0 / double(o.model.styles.size()))};
  std::array<Gauges, 2> told;
  for (int i = 0; i < steps; ++i) {
    contest->step(batch);
    if (i == 0) told[0] = contest->gauges();
  }
  told[1] = contest->gauges();
  return told;
}

}  // namespace

TEST_CASE("each part of restyle's loss falls when it is all there is, so none is dropped or has the wrong sign") {
  struct Part { const char* name; double LossWeights::*weight; };
  for (const Part part : {Part{"loss_content", &LossWeights::content}, Part{"loss_style", &LossWeights::style}, Part{"loss_gan", &LossWeights::adversarial}}) {
    CAPTURE(std::string(part.name));
    GanOptions o = small();
    o.weights.*part.weight = 1;
    if (part.weight == &LossWeights::adversarial) o.discriminator.learning_rate = 0;   // a judge that stands still can be pleased
    const auto told = trained(o, 30);
    CHECK(told[1][part.name] < 0.9 * told[0][part.name]);
    for (const Part other : {Part{"loss_content", &LossWeights::content}, Part{"loss_style", &LossWeights::style}, Part{"loss_gan", &LossWeights::adversarial}})
      if (other.weight != part.weight) CHECK(std::isnan(told[1][other.name]));        // not worked out for nothing
  }
}

TEST_CASE("restyle's content loss keeps light light and dark dark: a negative has lost everything") {
  for (const uint64_t seed : {0, 1}) {                     // about half of the networks begin as negatives
    CAPTURE(seed);
    GanOptions o = small();
    o.weights.content = 1, o.seed = seed;
    const Context context = Context::open("cpu");
    const auto contest = make_contest(context, find_model("restyle"), o);
    const Tensor content = contents(context);
    for (int i = 0; i < 60; ++i) contest->step({content, stripes(context), context.full({1, 1}, 1)});
    const Tensor made = in_evaluation(contest->network(0), content);
    for (int64_t i = 0; i < 4; ++i) CHECK(structural_similarity(to_image(made, i), to_image(content, i)) > 0.5);
  }
}

TEST_CASE("restyle's discriminator learns to tell a style from what the generator makes") {
  GanOptions o = small();
  o.weights.adversarial = 1;
  o.generator.learning_rate = 0;
  const auto told = trained(o, 30);
  CHECK(told[1]["loss_d"] < 0.5 * told[0]["loss_d"]);
  CHECK(told[1]["d_real"] > told[1]["d_fake"] + 0.5);
}

TEST_CASE("restyle's parts add up to its loss, and its measure sees what training does") {
  GanOptions o = small({"a", "b"});
  o.weights.adversarial = 0.5, o.weights.content = 2, o.weights.style = 3;
  const auto told = trained(o, 2);
  CHECK(told[1]["loss_g"] == doctest::Approx(told[1]["loss_gan"] + told[1]["loss_content"] + told[1]["loss_style"]).epsilon(1e-5));

  const Context context = Context::open("cpu");
  o = small();
  o.weights.style = 1;
  const auto contest = make_contest(context, find_model("restyle"), o);
  const Tensors batch = {contents(context), stripes(context), context.full({1, 1}, 1)}, held_out = {contents(context), stripes(context), context.full({4, 1}, 1)};
  const Gauges before = contest->measure(held_out);
  for (int i = 0; i < 30; ++i) contest->step(batch);
  const Gauges after = contest->measure(held_out), again = contest->measure(held_out);
  CHECK(after["held_out_style"] < 0.8 * before["held_out_style"]);
  CHECK(after["held_out"] == again["held_out"]);
  CHECK(after["held_out"] == doctest::Approx(after["held_out_style"] + 1 - after["held_out_structure"]));
}

TEST_CASE("with all of its weights 0 restyle says that there is nothing to learn") {
  CHECK(what_of([] { trained(small(), 1); }).find("nothing to learn") != std::string::npos);
}

TEST_CASE("crops of styles: folders are styles, and training sees nothing of the cells that are held out") {
  const testing::TemporaryFolder folder;
  for (const char* name : {"dots/one", "lines/one", "lines/two"}) {
    fs::create_directories((folder.path / name).parent_path());
    Image image{64, 48, 3, {}};
    for (int i = 0; i < 64 * 48; ++i)                      // each pixel says where it is
      for (const int v : {i / 48, i % 48, int(name[0])}) image.pixels.push_back(uint8_t(v));
    write_png(folder.path / (std::string(name) + ".png"), image);
  }
  DatasetOptions o;
  o.size = 16;
  const Split parts = open_style_crops(folder.path.string(), o, 0, {0.25, 0});
  REQUIRE(parts.held_out);
  CHECK(parts.train->classes() == std::vector<std::string>{"dots", "lines"});
  CHECK(parts.held_out->size() >= 3);
  std::vector<float> pixels(16 * 16 * 3);
  const auto seen_in = [&](Dataset& data, std::set<std::pair<std::string, int>>& places) {
    for (int64_t i = 0; i < data.size(); ++i) {
      data.read(i, pixels.data());
      const std::string file = data.name(i).substr(0, data.name(i).find('@'));
      for (size_t p = 0; p < pixels.size(); p += 3) {
        const auto value = [&](size_t k) { return int(std::lround((pixels[p + k] + 1) * 127.5)); };
        places.insert({file, value(0) * 48 + value(1)});
      }
    }
  };
  std::set<std::pair<std::string, int>> trained_on, held;
  seen_in(*parts.train, trained_on);
  seen_in(*parts.held_out, held);
  CHECK(held.size() == size_t(parts.held_out->size()) * 256);
  for (const auto& place : held)
    if (trained_on.count(place)) FAIL_CHECK("training sees a place that is held out, " << place.first << " at " << place.second);

  const Split one = open_style_crops((folder.path / "lines/two.png").string(), o, 32, {});   // one picture, its shorter side brought to 32
  CHECK(!one.held_out);
  CHECK(one.train->classes() == std::vector<std::string>{"style"});
  CHECK(one.train->size() == 5 * 7);                        // 32x43, a quarter of a crop apart
  CHECK(what_of([&] { open_style_crops((folder.path / "none").string(), o, 0, {}); }).find("no folder or picture") != std::string::npos);

  const Split four = open_style_crops((folder.path / "lines/two.png").string(), o, 32, {0.01, 0});        // four cells: one is kept aside, however small the share
  REQUIRE(four.held_out);
  CHECK(four.held_out->size() == 1);
  CHECK(what_of([&] { open_style_crops((folder.path / "lines/two.png").string(), o, 16, {0.1, 0}); }).find("data.style_size=32") != std::string::npos);
}

TEST_CASE("class by class: each batch is of one class, in turn, and each picture of a class comes as often as the others") {
  const testing::TemporaryFolder folder;
  for (const auto& [name, count] : {std::pair{"a", 5}, std::pair{"b", 2}, std::pair{"c", 3}}) {
    fs::create_directories(folder.path / name);
    for (int i = 0; i < count; ++i) write_png(folder.path / name / (std::to_string(i) + ".png"), {4, 4, 1, std::vector<uint8_t>(16, uint8_t(i))});
  }
  DatasetOptions o;
  o.size = 4;
  const auto data = open_dataset(folder.path.string(), o);
  Loader loader(data, {.batch = 4, .seed = 3, .sampling = Sampling::class_by_class});
  std::map<int, std::map<int, int>> times;
  for (int b = 0; b < 45; ++b) {
    const Batch& batch = loader.next();
    for (const int32_t label : batch.labels) CHECK(label == b % 3);
    for (int i = 0; i < 4; ++i) ++times[batch.labels[size_t(i)]][int(std::lround((batch.images[size_t(i) * 48] + 1) * 127.5))];
  }
  for (auto& [label, counts] : times) {
    const int each = 60 / int(counts.size());
    for (auto& [level, count] : counts) CHECK(count == each);
  }
  Loader later(data, {.batch = 4, .seed = 3, .sampling = Sampling::class_by_class}, loader.cursor());   // from where it stands
  const Batch next = loader.next();
  CHECK(later.next().images == next.images);
}

TEST_CASE("a translator read back: strength, styles, odd sizes, alpha") {
  const testing::TemporaryFolder folder;
  const Context context = Context::open("cpu");
  GanOptions o = small({"dots", "lines"});
  o.weights.content = 1;
  const auto contest = make_contest(context, find_model("restyle"), o);
  const std::string file = (folder.path / "generator.safetensors").string();
  Metadata about = to_metadata(o.model);
  about["model"] = "restyle";
  write_safetensors(file, nn::state_dict(contest->network(0)), about);

  const Translator translate(file, context);
  CHECK(translate.model().styles == o.model.styles);
  Image picture{37, 21, 3, {}};
  for (int i = 0; i < 37 * 21 * 3; ++i) picture.pixels.push_back(uint8_t(i * 7));
  picture.alpha.assign(37 * 21, 255);
  picture.alpha[5] = 9;
  CHECK(translate(picture, {0, {}}).pixels == picture.pixels);
  const Image whole = translate(picture), half = translate(picture, {0.5, {}}), lines = translate(picture, {1, {{"lines", 2}}});
  CHECK(whole.height == 37);
  CHECK(whole.width == 21);
  CHECK(whole.alpha == picture.alpha);
  CHECK(lines.pixels != whole.pixels);
  CHECK(translate(picture, {1, {{"dots", 3}}}).pixels == whole.pixels);        // weights count by their ratio, and the first style is meant where none is named
  int worst = 0;
  for (size_t i = 0; i < whole.pixels.size(); ++i) worst = std::max(worst, std::abs(2 * half.pixels[i] - whole.pixels[i] - picture.pixels[i]));
  CHECK(worst <= 2);                                                           // each is rounded to a whole level
  CHECK(what_of([&] { translate(picture, {1.5, {}}); }).find("strength = 1.5") != std::string::npos);
  CHECK(what_of([&] { translate(picture, {1, {{"line", 1}}}); }).find("did you mean 'lines'") != std::string::npos);
  CHECK(what_of([&] { translate(picture, {1, {{"lines", -1}}}); }).find("not negative") != std::string::npos);
  CHECK(what_of([&] { translate(picture, {1, {{"lines", 0}}}); }).find("are 0") != std::string::npos);

  about["model"] = "dcgan";
  write_safetensors(file, nn::state_dict(contest->network(0)), about);
  CHECK(what_of([&] { Translator(file, context); }).find("makes pictures from noise") != std::string::npos);
}

TEST_CASE("alpha goes into a PNG and comes back, and a picture without any has none") {
  const testing::TemporaryFolder folder;
  const fs::path file = folder.path / "a.png";
  for (const int channels : {1, 3}) {
    Image image{2, 3, channels, std::vector<uint8_t>(size_t(6 * channels), 80)};
    write_png(file, image);
    CHECK(read_image(file).alpha.empty());
    image.alpha = {255, 0, 128, 255, 1, 254};
    write_png(file, image);
    const Image back = read_image(file);
    CHECK(back.alpha == image.alpha);
    CHECK(back.pixels[0] == 80);
    CHECK(back.pixels[size_t(channels)] == 255);             // over white
  }
}
