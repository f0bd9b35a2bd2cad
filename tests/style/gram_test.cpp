// The losses of `transfer --method gram`, and the network that weft trains for them.
#include <doctest/doctest.h>

#include <cmath>

#include "pictures.h"
#include "style/gram.h"
#include "temporary_folder.h"
#include "weft/gan/contest.h"
#include "weft/gan/dataset.h"
#include "weft/gan/measures.h"
#include "weft/gan/transfer.h"

using namespace weft;
using gan::GramLoss;

namespace {

std::shared_ptr<gan::FeatureNetwork> network(const Context& context) {
  const auto n = std::make_shared<gan::FeatureNetwork>(context, gan::FeatureStages{{4}, {6}, {8}});
  nn::initialise(*n, nn::Init::kaiming, 5);
  return n;
}

/// Stripes of two colours, `across` pixels wide: (1, 24, 20, 3).
Tensor stripes(const Context& context, int across, bool upright, std::vector<double> colours) {
  std::vector<double> v;
  for (int h = 0; h < 24; ++h)
    for (int w = 0; w < 20; ++w)
      for (size_t c = 0; c < 3; ++c) v.push_back(((upright ? w : h) / across) % 2 ? colours[c] : colours[c + 3]);
  return context.from(v, {1, 24, 20, 3});
}

struct Pictures {
  Context context;
  explicit Pictures(const char* device = "reference") : context(Context::open(device)) {}
  Tensor content = stripes(context, 5, true, {0.5, 0.4, 0.1, -0.2, -0.4, -0.3});
  Tensor style = stripes(context, 2, false, {0.8, 0.7, -0.6, -0.7, -0.5, 0.6});
};

double difference(const Tensor& a, const Tensor& b) { return mean((a - b) * (a - b)).item(); }

}  // namespace

TEST_CASE("a Gram matrix is the mean product of channels") {
  const Context context = Context::open("cpu", {DType::f64});
  const Tensor f = context.from(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2});
  CHECK(gan::gram(f).values() == std::vector<double>{21, 25, 25, 30});
  CHECK(gan::gram(f, context.from(std::vector<double>{0, 4, 0, 0}, {1, 2, 2, 1})).values() == std::vector<double>{9, 12, 12, 16});
}

TEST_CASE("smoothness counts what lies across and below") {
  const Context context = Context::open("cpu", {DType::f64});
  CHECK(gan::total_variation(context.from(std::vector<double>{0, 1, 2, 5}, {1, 2, 2, 1})).item() == (4 + 16) / 2.0 + (1 + 9) / 2.0);
}

TEST_CASE("losses are counted in what they are at the start, and their gradient is what finite differences say") {
  const Context context = Context::open("cpu", {DType::f64});
  const Tensor content = stripes(context, 5, true, {0.5, 0.4, 0.1, -0.2, -0.4, -0.3}), style = stripes(context, 2, false, {0.8, 0.7, -0.6, -0.7, -0.5, 0.6});
  const GramLoss loss(network(context), content, {{{{style, 1}}}}, 0.3);
  const GramLoss::Terms start = loss(content), end = loss(style);
  CHECK(start.content.item() == 0);
  CHECK(start.style.item() == doctest::Approx(1));
  CHECK(end.style.item() < 1e-20);
  CHECK(end.content.item() == doctest::Approx(1));
  CHECK(start.total.item() == doctest::Approx(0.3 + 0.05 * start.smoothness.item()));
  CHECK(end.total.item() == doctest::Approx(0.7 + 0.05 * end.smoothness.item()));

  const Tensor x = (content + style * 0.3 + context.uniform(content.shape(), 4) * 0.1).detach(), leaf = x.leaf();
  const Tensor direction = context.normal(x.shape(), 9), slope = sum(grad(loss(leaf).total, {leaf})[0] * direction);
  const double h = 1e-6;                                             // no ReLU turns within so little; rounding is 1e-16 / h
  const double measured = (loss(x + direction * h).total.item() - loss(x - direction * h).total.item()) / (2 * h);
  CHECK(slope.item() == doctest::Approx(measured).epsilon(1e-6));
}

TEST_CASE("the style comes, the content stays, and strength decides between them") {
  const Pictures p;
  const auto features = network(p.context);
  features->standardise({p.content, p.style});
  const Tensor palette = gan::palette_root({p.style});
  double content_before = -1, style_before = 2;
  for (const double strength : {0.0, 0.3, 0.7, 1.0}) {
    const GramLoss loss(features, p.content, {{{{p.style, 1}}}}, strength);
    gan::GramLevel level(loss, p.content, palette, 60);
    for (int i = 0; i < 60; ++i) level.step();
    const GramLoss::Terms after = loss(level.picture);
    CAPTURE(strength);
    CHECK(after.content.item() > content_before);
    CHECK(after.style.item() < style_before);
    content_before = after.content.item(), style_before = after.style.item();
    if (strength == 0) CHECK(content_before < 0.02);
    if (strength == 1) CHECK(style_before < 0.35);
  }
  // From elsewhere, the content alone leads back to it; smoothness alone would not.
  const GramLoss loss(features, p.content, {{{{p.style, 1}}}}, 0);
  gan::GramLevel back(loss, p.style, palette, 30);
  for (int i = 0; i < 30; ++i) back.step();
  CHECK(loss(back.picture).content.item() < 0.3);
}

TEST_CASE("changes go along the palette, the finest slowest, and the last steps are the shortest") {
  const Pictures p("cpu");
  const GramLoss loss(network(p.context), p.content, {{{{p.style, 1}}}}, 1);
  const auto moved = [](const Tensor& from, const Tensor& to) { return max(abs(to - from)).item(); };
  gan::GramLevel level(loss, p.content, p.context.from(std::vector<double>{1, 0.5, 0, 0, 0, 0, 0, 0, 0}, {3, 3}), 10);
  level.step();
  const Tensor first = level.picture - p.content;
  const double furthest = max(abs(first)).item();
  CHECK(furthest <= 0.04 * (1 + 0.6 + 0.36) * 1.0001);               // Adam's first step is its rate: of three changes, each half as large as the next
  CHECK(furthest > 0.04 * 1.5);
  CHECK(moved(slice(first, 3, 0, 1) * 0.5, slice(first, 3, 1, 2)) < 1e-5);
  CHECK(max(abs(slice(first, 3, 2, 3))).item() < 1e-6);
  Tensor before;
  for (int i = 1; i < 10; ++i) before = level.picture, level.step();
  CHECK(moved(before, level.picture) < 0.4 * furthest);
}

TEST_CASE("several styles are mixed by their weights' ratios") {
  const Pictures p;
  const auto features = network(p.context);
  const Tensor other = stripes(p.context, 3, true, {-0.9, 0.2, 0.2, 0.1, 0.9, -0.4});
  const auto style_loss = [&](const std::vector<gan::GramRegion::Style>& styles, const Tensor& x) { return GramLoss(features, p.content, {{styles}}, 1)(x).style.item(); };
  CHECK(style_loss({{p.style, 2}, {other, 0}}, p.style) < 1e-10);
  CHECK(style_loss({{p.style, 1}, {other, 3}}, other) == doctest::Approx(style_loss({{p.style, 10}, {other, 30}}, other)));
  CHECK(style_loss({{p.style, 1}, {other, 3}}, other) < style_loss({{p.style, 1}, {other, 1}}, other));
}

TEST_CASE("a region's style stays in the region") {
  const Pictures p;
  std::vector<double> left(24 * 20);
  for (size_t i = 0; i < left.size(); ++i) left[i] = i % 20 < 8;
  const GramLoss loss(network(p.context), p.content, {{{{p.style, 1}}, p.context.from(left, {1, 24, 20, 1})}}, 1);
  const Tensor leaf = p.content.leaf(), g = grad(loss(leaf).style, {leaf})[0];
  CHECK(sum_squares(slice(g, 2, 0, 8)).item() > 0);
  CHECK(sum_squares(slice(g, 2, 18, 20)).item() == 0);               // beyond the reach of every tap from there
  // What is there already has no loss to count in, though it is in two fifths of the picture.
  const GramLoss there(network(p.context), p.style, {{{{p.style, 1}}, p.context.from(left, {1, 24, 20, 1})}}, 1);
  CHECK(there(p.style).style.item() < 0.5);
}

TEST_CASE("the palette's root has the palette's covariance") {
  const Context context = Context::open("cpu", {DType::f64});
  const Tensor picture = context.normal({1, 40, 50, 3}, 2), mixed = matmul(picture, context.from(std::vector<double>{0.5, 0.2, 0.1, 0, 0.3, -0.2, 0, 0, 0.1}, {3, 3}));
  const Tensor rows = reshape(mixed, {2000, 3}), centred = rows - mean(rows, {0}, KeepAxes::yes);
  const Tensor covariance = matmul(centred, centred, true) * (1.0 / 2000), root = gan::palette_root({mixed});
  const std::vector<double> expected = covariance.values(), found = matmul(root, root, true).values();
  const double unit = (expected[0] + expected[4] + expected[8]) / 3 + 1e-3;
  for (size_t i = 0; i < 9; ++i) CHECK(found[i] * unit == doctest::Approx(expected[i] + (i % 4 ? 0 : 1e-3)).epsilon(1e-9));
  for (const double v : gan::palette_root({context.full({1, 4, 4, 3}, 0.5)}).values()) CHECK(std::isfinite(v));
}

TEST_CASE("standardised filters have mean 0 and variance 1 before their ReLU") {
  const Pictures p("cpu");
  const auto n = network(p.context);
  n->standardise({p.content, p.style});
  const NoGraph scope(p.context);
  for (const std::string& tap : n->tap_names()) {                    // of a normal variable, half is above 0, and its mean square there is 1/2
    const Tensor t = concat({flatten(n->taps(p.content, {tap})[0]), flatten(n->taps(p.style, {tap})[0])}, 1);
    CHECK(mean(t * t).item() > 0.2);
    CHECK(mean(t * t).item() < 0.9);
  }
}

namespace {

/// 64x48 of bars, `across` pixels wide, in two colours.
gan::Image bars(int across, bool upright, std::vector<uint8_t> colours) {
  gan::Image image{48, 64, 3, {}};
  for (int h = 0; h < 48; ++h)
    for (int w = 0; w < 64; ++w)
      for (size_t c = 0; c < 3; ++c) image.pixels.push_back(((upright ? w : h) / across) % 2 ? colours[c] : colours[c + 3]);
  return image;
}

gan::TransferJob gram_job(const Context& context) {
  gan::TransferJob job{bars(9, true, {200, 180, 150, 60, 50, 80}), {{bars(3, false, {250, 210, 40, 20, 30, 140})}}, {}, {}};
  job.options.structure = 1;                                         // one level
  const auto network = std::make_shared<gan::FeatureNetwork>(context, gan::FeatureStages{{6}, {8}, {12}});
  nn::initialise(*network, nn::Init::kaiming, 5);
  job.features = network;
  return job;
}

}  // namespace

TEST_CASE("transfer takes a feature network in place of patches: masks, strength and stopping are the same") {
  const Context context = Context::open("cpu");
  gan::TransferJob job = gram_job(context);
  double left = 1;
  int steps = 0;
  const gan::Image result = gan::transfer(context, job, [&](const gan::TransferProgress& p) {
    left = p.distance();
    ++steps;
    return true;
  });
  CHECK(left < 0.5);
  CHECK(steps == 60);
  CHECK(gan::transfer(context, job).pixels == result.pixels);

  gan::Image mask{48, 64, 1, std::vector<uint8_t>(48 * 64)};
  for (size_t i = 0; i < mask.pixels.size(); ++i) mask.pixels[i] = i % 64 < 30 ? 255 : 0;
  job.masks = {mask};
  const gan::Image left_half = gan::transfer(context, job);
  bool outside = true, inside = false;
  for (size_t i = 0; i < left_half.pixels.size(); ++i) {
    const bool same = left_half.pixels[i] == job.content.pixels[i];
    if (mask.pixels[i / 3]) inside = inside || !same;
    else outside = outside && same;
  }
  CHECK(outside);
  CHECK(inside);

  job.masks.clear();
  int seen = 0;
  CHECK(gan::transfer(context, job, [&](const gan::TransferProgress&) { return ++seen < 3; }).pixels.size() == result.pixels.size());
  CHECK(seen == 3);
  job.options.strength = 0;
  CHECK(gan::transfer(context, job).pixels == job.content.pixels);
}

TEST_CASE("brush: by features, too, larger marks have fewer edges") {
  const Context context = Context::open("cpu", {.threads = 1});
  gan::TransferJob job = gram_job(context);
  const auto edges = [&](double brush) {
    job.options.brush = brush;
    return gan::gradient_energy(gan::transfer(context, job));
  };
  CHECK(edges(2) < 0.8 * edges(0.5));
}

TEST_CASE("what a transfer by features will take is known before") {
  const Context context = Context::open("cpu");
  gan::TransferJob job = gram_job(context);
  job.options.size = 256;
  const size_t before = context.live_bytes();
  context.reset_peak();
  int step = 0;
  gan::transfer(context, job, [&](const gan::TransferProgress&) { return ++step < 2; });
  const double taken = double(context.peak_bytes() - before), foretold = double(gan::plan_transfer(context, job).bytes);
  CHECK(taken <= foretold * 1.1);
  CHECK(taken >= foretold * 0.5);
  job.options.memory = 1 << 20;
  CHECK_THROWS_WITH_AS(gan::plan_transfer(context, job), doctest::Contains("would fit, and so might --method swd"), const OutOfMemory&);
  job.options.memory = 0, job.options.size = 9;
  CHECK_THROWS_WITH_AS(gan::plan_transfer(context, job), doctest::Contains("a side needs 8 pixels to have features"), const DataError&);
}

TEST_CASE("features learns which quarters belong together, and its network is found in the checkpoint") {
  const Context context = Context::open("cpu");
  const auto data = gan::open_dataset("swatches", {.size = 32, .channels = 3});
  std::vector<float> pixels(size_t(12 * 32 * 32 * 3));
  for (int i = 0; i < 12; ++i) data->read(i, pixels.data() + i * 32 * 32 * 3);
  const Tensor batch = context.from(pixels, {12, 32, 32, 3});
  gan::GanOptions o;
  o.model.size = 32, o.model.channels = 3, o.model.width = 4;
  o.generator.learning_rate = 3e-3;
  const auto contest = gan::make_contest(context, gan::find_model("features"), o);
  contest->step({batch});
  const double before = contest->gauges()["loss_features"];
  for (int i = 0; i < 40; ++i) contest->step({batch});
  CHECK(contest->gauges()["loss_features"] < before - 0.5);          // in nats of choosing among 47 others
  CHECK(contest->gauges()["not_found"] < 0.5);
  CHECK(contest->measure({batch})["not_found"] < 0.5);
  const gan::Contest::Sheet sheet = contest->sheet({}, 12, 0);
  CHECK(sheet.columns == 6);
  CHECK(difference(slice(sheet.images, 0, 0, 1), slice(batch, 0, 0, 1)) == 0);   // each row begins with what was asked about

  nn::Checkpoint saved;
  contest->save(saved);
  saved.files.at("features").metadata["model"] = "features";
  saved.state = "{}";
  const testing::TemporaryFolder folder;
  const std::string run = (folder.path / "run").string(), file = run + "/checkpoints/step-000041/features.safetensors";
  nn::Checkpoints(run + "/checkpoints").save(41, saved);
  const auto loaded = gan::load_feature_network(context, gan::find_feature_file(run));
  CHECK(gan::load_feature_network(context, gan::find_feature_file(file))->stages() == loaded->stages());
  CHECK(loaded->stages() == gan::FeatureStages{{4, 4}, {8, 8}, {16, 16}, {32, 32}, {32}});
  CHECK(difference(loaded->taps(batch, {"relu5_1"})[0], static_cast<gan::FeatureNetwork&>(contest->network(0)).taps(batch, {"relu5_1"})[0]) == 0);

  std::swap(saved.files["generator"], saved.files["features"]);
  saved.files.erase("features");
  nn::Checkpoints(run + "/checkpoints").save(42, saved);
  CHECK_THROWS_WITH_AS(gan::find_feature_file(run), doctest::Contains("weft train features"), const FormatError&);

  o.model.channels = 1;
  CHECK_THROWS_WITH_AS(gan::make_contest(context, gan::find_model("features"), o), doctest::Contains("colour pictures: --set model.channels=3"), const ConfigError&);
  o.model.channels = 3, o.model.size = 16;
  CHECK_THROWS_WITH_AS(gan::make_contest(context, gan::find_model("features"), o), doctest::Contains("at least 32"), const ConfigError&);
}

TEST_CASE("a network is drawn for many pictures in the memory that the transfer will take, however long its styles are beside its content") {
  const Context context = Context::open("cpu");
  gan::TransferJob job{testing::formula(64, 64, 0), {}, {}, {}};
  job.options.structure = 1;                                         // one level
  for (int i = 1; i <= 9; ++i) job.styles.push_back({testing::formula(120, 150, i), 1, 0});
  const auto foretold = [&] {
    std::vector<gan::Image> pictures{job.content};
    for (const gan::Style& style : job.styles) pictures.push_back(style.picture);
    job.features = {};
    const size_t before = context.live_bytes();
    context.reset_peak();
    job.features = gan::drawn_feature_network(context, pictures, 0, 2.0 * job.content.height * job.content.width);
    gan::transfer(context, job, [](const gan::TransferProgress&) { return false; });
    CHECK(context.peak_bytes() - before <= gan::plan_transfer(context, job).bytes);
  };
  foretold();
  job.content = testing::formula(32, 160, 0), job.styles.resize(2), job.options.brush = 2;
  foretold();
}
