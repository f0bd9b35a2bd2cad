// restyle: what each part of its loss does alone, its data, and the network read back.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "../temporary_folder.h"
#include "style/patches.h"
#include "weft/gan/contest.h"
#include "weft/gan/loader.h"
#include "weft/gan/measures.h"
#include "weft/gan/sheet.h"
#include "weft/gan/translation.h"
#include "weft/gan/translator.h"
#include "weft/gan/two_sides.h"
#include "weft/kernels/error.h"
#include "weft/nn/checkpoint.h"
#include "weft/tensor/random_stream.h"

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
  o.model = {32, 3, 6};
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

TEST_CASE("restyle's content and style losses, each worked out by itself, at full, half and quarter size") {
  const Context context = Context::open("cpu", {.scalar = DType::f64, .threads = 1});
  GanOptions o = small();
  o.weights.content = 2, o.weights.style = 3;
  o.generator.learning_rate = 0;
  const auto contest = make_contest(context, find_model("restyle"), o);
  Tensor content = slice(contents(context), 0, 0, 1), style = stripes(context);        // four times as many crops: every other patch of them
  contest->step({content, style, context.full({1, 1}, 1)});

  const NoGraph scope(context);                            // the draws are still that step's, and the network is as it was
  Tensor made = contest->network(0)(content);
  const auto light = [](const Tensor& x) { return (slice(x, 3, 0, 1) * 0.299 + slice(x, 3, 1, 2) * 0.587 + slice(x, 3, 2, 3) * 0.114 + 1) / 2.0; };
  const auto window = [](const Tensor& x) { return average_pool(x, {{8, 8}, {2, 2}, {0, 0}}); };
  const uint64_t stream = stream_key(o.seed, "restyle.directions");
  double lost = 0, apart = 0;
  for (uint64_t scale = 0; scale < 3; ++scale) {
    const Tensor x = light(made), y = light(content), mx = window(x), my = window(y);
    const Tensor spread = window(x * x) - mx * mx + window(y * y) - my * my, together = window(x * y) - mx * my;
    lost += 1 - mean((2 * mx * my + 1e-4) / (mx * mx + my * my + 1e-4) * (2 * together + 9e-4) / (spread + 9e-4)).item();
    const Tensor directions = concat({draw_directions(context, 12, stream + scale), draw_waves(context, 12, stream + 3 + scale)}, 0);
    const PatchSource source{made};
    apart += patch_distance(source, PatchTarget({{{.pictures = style, .stride = 2}, 1}}, source.patches(), 24).lists(directions), directions).item();
    for (Tensor* t : {&made, &content, &style}) *t = average_pool(*t, {});
  }
  CHECK(contest->gauges()["loss_content"] == doctest::Approx(2 * lost / 3).epsilon(1e-6));
  CHECK(contest->gauges()["loss_style"] == doctest::Approx(apart).epsilon(1e-6));
}

TEST_CASE("restyle with two styles gives each its own, on sheets and where it is measured") {
  const Context context = Context::open("cpu", {.threads = 1});
  GanOptions o = small({"light", "dark"});
  o.weights.style = 1;
  o.generator.learning_rate = 1e-2;
  const auto contest = make_contest(context, find_model("restyle"), o);
  const Tensor content = slice(contents(context), 0, 0, 1), crops[] = {context.full({1, 32, 32, 3}, 0.7), context.full({1, 32, 32, 3}, -0.7)};
  const Tensor one_hot[] = {context.from(std::vector<float>{1, 0}, {1, 2}), context.from(std::vector<float>{0, 1}, {1, 2})};
  for (size_t i = 0; i < 60; ++i) contest->step({content, crops[i % 2], one_hot[i % 2]});

  const Tensors held_out = {content, concat({crops[0], crops[1]}, 0), concat({one_hot[0], one_hot[1]}, 0)};
  const auto sheet = contest->sheet(held_out, 4, 0);       // a content | in light | in dark | a crop
  const auto level = [&](int64_t column) { return mean(slice(sheet.images, 0, column, column + 1)).item(); };
  CHECK(level(1) > level(2) + 0.4);
  CHECK(contest->measure(held_out)["held_out_style"] < 0.6);
}

TEST_CASE("restyle's discriminator is told which style it looks for") {
  const Context context = Context::open("cpu", {.threads = 1});
  GanOptions o = small({"a", "b"});
  o.weights.adversarial = 1;
  o.generator.learning_rate = o.discriminator.learning_rate = 0;
  const auto contest = make_contest(context, find_model("restyle"), o);
  const auto on_crops = [&](std::vector<float> which) {
    contest->step({contents(context), stripes(context), context.from(which, {1, 2})});
    return contest->gauges()["d_real"];
  };
  const double as_a = on_crops({1, 0});
  CHECK(on_crops({1, 0}) == as_a);
  CHECK(on_crops({0, 1}) != as_a);
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
  const Image whole = translate(picture), quarter = translate(picture, {0.25, {}}), lines = translate(picture, {1, {{"lines", 2}}});
  CHECK(whole.height == 37);
  CHECK(whole.width == 21);
  CHECK(whole.alpha == picture.alpha);
  CHECK(lines.pixels != whole.pixels);
  CHECK(translate(picture, {1, {{"dots", 3}}}).pixels == whole.pixels);        // weights count by their ratio, and the first style is meant where none is named
  int worst = 0;
  for (size_t i = 0; i < whole.pixels.size(); ++i) worst = std::max(worst, std::abs(4 * quarter.pixels[i] - whole.pixels[i] - 3 * picture.pixels[i]));
  CHECK(worst <= 3);                                                           // each is rounded to a whole level
  CHECK(what_of([&] { translate(picture, {1.5, {}}); }).find("strength = 1.5") != std::string::npos);
  CHECK(what_of([&] { translate(picture, {1, {{"line", 1}}}); }).find("did you mean 'lines'") != std::string::npos);
  CHECK(what_of([&] { translate(picture, {1, {{"lines", -1}}}); }).find("not negative") != std::string::npos);
  CHECK(what_of([&] { translate(picture, {1, {{"lines", 0}}}); }).find("are 0") != std::string::npos);

  about["model"] = "dcgan";
  write_safetensors(file, nn::state_dict(contest->network(0)), about);
  CHECK(what_of([&] { Translator(file, context); }).find("makes pictures from noise") != std::string::npos);
}

TEST_CASE("styles mix: the network whose norms stand between two styles' own, at their weights' place") {
  const testing::TemporaryFolder folder;
  const Context context = Context::open("cpu");
  const GanOptions o = [] { GanOptions with_loss = small({"dots", "lines"}); return with_loss.weights.content = 1, with_loss; }();
  HostTensors tensors = nn::state_dict(make_contest(context, find_model("restyle"), o)->network(0));
  Metadata about = to_metadata(o.model);
  about["model"] = "restyle";
  /// Calls change(dots, lines, where) on each pair of the styles' scales and shifts.
  const auto each_pair = [](HostTensors& all, const std::function<void(float&, float&, size_t)>& change) {
    size_t where = 0;
    for (auto& [name, tensor] : all) {
      if (tensor.shape.size() != 2 || tensor.shape[0] != 2) continue;
      float* rows = reinterpret_cast<float*>(tensor.bytes.data());
      for (int64_t i = 0; i < tensor.shape[1]; ++i) change(rows[i], rows[tensor.shape[1] + i], where++);
    }
    CHECK(where > 0);
  };
  const auto translator = [&](const HostTensors& all) {
    write_safetensors(folder.path / "generator.safetensors", all, about);
    return Translator((folder.path / "generator.safetensors").string(), context);
  };
  each_pair(tensors, [](float&, float& lines, size_t where) { lines += 0.5f * std::sin(float(where)); });   // styles far apart
  const Translator translate = translator(tensors);
  each_pair(tensors, [](float& dots, float& lines, size_t) { dots = lines = 0.7f * dots + 0.3f * lines; });
  const Translator between = translator(tensors);

  const Tensor picture = slice(contents(context), 0, 0, 1);
  const auto in = [&](double dots, double lines) { return translate(picture, {1, {{"dots", dots}, {"lines", lines}}}); };
  const auto apart = [](const Tensor& a, const Tensor& b) { return mean(abs(a - b)).item(); };
  const Tensor dots = in(1, 0), lines = in(0, 1), mixed = in(0.7, 0.3);
  CHECK(apart(mixed, between(picture, {1, {{"dots", 1}}})) < 1e-5);
  const double whole = apart(dots, lines);
  CHECK(whole > 0.02);
  for (const Tensor& end : {dots, lines}) {
    CHECK(apart(mixed, end) > 0.1 * whole);
    CHECK(apart(mixed, end) < 0.9 * whole);
  }
  CHECK(apart(in(0.9, 0.1), dots) < apart(mixed, dots));
  CHECK(apart(mixed, dots) < apart(in(0.5, 0.5), dots));
}

TEST_CASE("noise beside the picture: drawn anew each step of training, and the same at the same place of any picture after it") {
  const Context context = Context::open("cpu");
  ResnetGenerator network(context, {.in = 3, .out = 3, .width = 6, .blocks = 1, .upsampling = Upsampling::nearest, .noise = 5});
  nn::initialise(network, nn::Init::kaiming, 0, "network");
  const NoGraph scope(context);
  const auto roughness = [](const Tensor& t) { return mean(abs(slice(t, 2, 9, 32) - slice(t, 2, 8, 31))).item(); };
  const Tensor flat = context.full({2, 32, 40, 3}, 0.25), wider = context.full({1, 32, 48, 3}, 0.25);
  network.set_training(false);
  const Tensor made = network(flat);
  CHECK(roughness(made) > 0.05);                                                        // a texture, where nothing was
  CHECK(network(flat).floats() == made.floats());
  CHECK(slice(made, 0, 0, 1).floats() == slice(made, 0, 1, 2).floats());                // whatever else is in the batch
  StepState& state = context.step_state();
  state.step = 7;
  context.publish_step_state();
  CHECK(network(flat).floats() == made.floats());                                       // and whatever the step
  CHECK(network.features(flat, {0})[0].size(3) == 8);
  CHECK(slice(network.features(wider, {0})[0], 2, 3, 43).floats() == slice(slice(network.features(flat, {0})[0], 0, 0, 1), 2, 3, 43).floats());

  network.set_training(true);
  const Tensor one = network(flat);
  CHECK(slice(one, 0, 0, 1).floats() != slice(one, 0, 1, 2).floats());
  state.step = 8;
  context.publish_step_state();
  CHECK(network(flat).floats() != one.floats());
}

TEST_CASE("a network's file says how many channels of noise it was given, and 'none' is what an older one had") {
  ModelOptions o = small().model;
  o.noise = 2;
  Metadata about = to_metadata(o);
  CHECK(model_options_from(about, "it").noise == 2);
  about.erase("noise");
  CHECK(model_options_from(about, "it").noise == 0);
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
