// The networks that make pictures from noise, and the layers that came with them: against PyTorch, and as they train.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "networks.h"
#include "where.h"
#include "weft/gan/conditions.h"
#include "weft/gan/gan.h"
#include "weft/gan/latent.h"

using namespace weft;

namespace {

const HostTensors& torch_says() {
  static const HostTensors t = read_safetensors(testing::test_file("gan/torch_networks.safetensors")).tensors;
  return t;
}

bool has_end(const std::string& text, const std::string& end) { return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0; }

// What torch_networks.py fills tensors with.
std::vector<double> wave(const std::string& name, int64_t n) {
  double phase = 0;
  for (const char c : name) phase += 0.1 * c;
  std::vector<double> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(std::sin(phase + 12.9898 * double(i)));
  return v;
}

std::vector<double> value_of(const std::string& name, const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (const int64_t s : shape) n *= s;
  const std::string last = name.substr(name.rfind('.') + 1);
  double shift = 0, scale = 1;
  if (last == "running_var") shift = 1, scale = 0.3;
  else if (last == "bias" || last == "running_mean" || last == "gain" || last == "shift") scale = 0.1;
  else if (last == "weight" && shape.size() == 1) shift = 1, scale = 0.1;
  else if (last == "weight") scale = std::sqrt(2 / (double(n) / double(shape[0])));
  std::vector<double> v = wave(name, n);
  for (double& x : v) x = shift + scale * x;
  return v;
}

void fill(const nn::Module& module) {
  HostTensors all = nn::state_dict(module);
  for (auto& [name, tensor] : all) {
    const std::vector<double> v = value_of(name, tensor.shape);
    std::memcpy(tensor.bytes.data(), v.data(), v.size() * sizeof(double));
  }
  nn::load_state_dict(module, all);
}

Tensor to_nhwc(const Tensor& x) { return x.rank() == 4 ? permute(x, {0, 2, 3, 1}) : x; }
Tensor input(const Context& context, const std::string& name, const Shape& as_torch) { return to_nhwc(context.from(wave(name, as_torch.count()), as_torch)); }

double gap_to(const std::string& key, const Tensor& ours) {
  const HostTensor& t = torch_says().at(key);
  return largest_gap(ours.values(), to_nhwc(ours.context().from(to_doubles(t), Shape(t.shape))).values());
}

void set_condition(nn::Module& network, const Tensor& labels) { dynamic_cast<gan::Conditional&>(network).set_condition(labels); }

/// (n, classes), sample i of class i % classes
Tensor labels_in_turn(const Context& context, int64_t n, int64_t classes) {
  std::vector<double> one_hot(size_t(n * classes));
  for (int64_t i = 0; i < n; ++i) one_hot[size_t(i * classes + i % classes)] = 1;
  return context.from(one_hot, {n, classes});
}

}  // namespace

TEST_CASE("resnet and r3gan are PyTorch's, conditional and to the second derivative") {
  const Context context = in_double();
  struct Case { const char *key, *model; int size, width; int64_t shown; std::vector<std::string> parameters; };
  for (const Case& c : {Case{"resnet", "resnet", 32, 2, 4, {"blocks.0.conv1.weight_orig", "blocks.1.shortcut.weight_orig", "embedding.weight_orig"}},
                        Case{"r3gan", "r3gan", 16, 16, 4, {"layers.0.weight", "layers.2.conv3.weight", "embedding.weight"}},
                        Case{"r3gan64", "r3gan", 64, 8, 1, {"layers.4.weight"}}}) {
    CAPTURE(c.key);
    gan::ModelOptions o = options_for(c.model, c.size);
    o.width = c.width, o.latent = 5, o.condition = "projection", o.classes = {"a", "b", "c"};
    const gan::Networks n = gan::find_model(c.model).build(context, o);
    fill(*n.generator), fill(*n.discriminator);
    const Tensor labels = labels_in_turn(context, 4, 3), z = reshape(context.from(wave("z", 20), {4, 5}), {4, 1, 1, 5});
    set_condition(*n.generator, labels), set_condition(*n.discriminator, labels);
    const std::string key = c.key;
    n.generator->set_training(false);
    CHECK(gap_to(key + ".evaluation", slice((*n.generator)(z), 0, 0, c.shown)) <= 1e-11);
    n.generator->set_training(true);
    if (key == "resnet") CHECK(gap_to(key + ".training", (*n.generator)(z)) <= 1e-11);

    const Tensor x = input(context, "x", {4, 1, c.size, c.size}).leaf();
    (*n.discriminator)(x);
    const Tensor logits = (*n.discriminator)(x), slope = grad(sum(logits), {x}, CreateGraph::yes)[0];
    CHECK(gap_to(key + ".logits", logits) <= 1e-11);
    CHECK(gap_to(key + ".slope", slice(slope, 0, 0, c.shown)) <= 1e-11);
    for (const auto& each : n.discriminator->parameters())
      if (const std::string& name = each.first; std::count(c.parameters.begin(), c.parameters.end(), name)) {
        CAPTURE(name);
        const auto& p = each.second;
        const Tensor gradient = grad(sum_squares(slope), {p->value}, CreateGraph::no, KeepGraph::yes)[0];
        CHECK(largest_gap(to_doubles(nn::to_disk(*p, gradient)), to_doubles(torch_says().at(key + ".penalty." + name))) <= 1e-10);
      }
  }
}

TEST_CASE("spectral norm is PyTorch's, pass after pass, and stays in evaluation") {
  const Context context = in_double();
  const auto follow = [&](const std::string& key, nn::Module& layer, const Tensor& x) {
    CAPTURE(key);
    fill(layer);
    Tensor y;
    for (int i = 0; i < 3; ++i) {
      y = layer(x);
      CHECK(gap_to(key + "." + std::to_string(i), y) <= 1e-13);
    }
    const nn::NamedParameters named = layer.parameters();
    const auto find = [&](const std::string& name) { return *std::find_if(named.begin(), named.end(), [&](const auto& p) { return p.first == name; })->second; };
    const nn::Parameter w = find("weight_orig");
    CHECK(largest_gap(to_doubles(nn::to_disk(w, grad(sum_squares(y), {w.value})[0])), to_doubles(torch_says().at(key + ".gradient"))) <= 1e-12);
    for (const char* vector : {"u", "v"}) {
      const nn::Parameter p = find(std::string("weight_") + vector);
      CHECK_FALSE(p.trainable);
      CHECK(largest_gap(to_doubles(nn::to_disk(p, p.value)), to_doubles(torch_says().at(key + "." + vector))) <= 1e-13);
    }
    layer.set_training(false);
    CHECK(gap_to(key + ".evaluation", layer(x)) <= 1e-13);
    CHECK(layer(x).values() == layer(x).values());
  };
  const auto conv = nn::spectral_norm(std::make_shared<nn::Conv2d>(context, 4, 6, Size2{3, 2}, ConvGeometry{.groups = 2}));
  follow("spectral.conv", *conv, input(context, "x", {2, 4, 5, 3}));
  // Behind an image columns are in another order in memory than in the file, and so is v.
  const auto dense = nn::spectral_norm(std::make_shared<nn::Linear>(context, 24, 5, nn::Bias::yes, nn::ImageShape{2, 3, 4}));
  follow("spectral.dense", *dense, flatten(input(context, "x", {2, 4, 2, 3})));
}

TEST_CASE("the other new layers are PyTorch's") {
  const Context context = in_double();
  const Tensor x = input(context, "x", {4, 6, 5, 3});
  nn::SampleNorm2d norm(context, 6);
  fill(norm);
  CHECK(gap_to("sample_norm", norm(x)) <= 1e-13);
  nn::MinibatchStd spread(2);
  CHECK(gap_to("minibatch_std", spread(x)) <= 1e-13);
  spread.set_norm_groups(2);                                      // the halves keep apart
  const Tensor halves = spread(x);
  spread.set_norm_groups(1);
  CHECK(largest_gap(halves.values(), concat({spread(slice(x, 0, 0, 2)), spread(slice(x, 0, 2, 4))}, 0).values()) == 0);
  CHECK(nn::MinibatchStd(3)(x).shape() == Shape{4, 5, 3, 7});     // groups of 2, as 3 does not divide 4
}

TEST_CASE("every model of pictures from noise has the shapes it says, and says what it cannot") {
  const Context context = Context::open("cpu");
  struct Case { const char* model; std::vector<int> sizes; const char* condition; };
  for (const Case& c : {Case{"dcgan", {16, 28, 32, 64}, "concat"}, Case{"convgan", {16, 32, 64}, "concat"}, Case{"resnet", {32, 64}, "projection"},
                        Case{"r3gan", {16, 32, 64}, "projection"}, Case{"stylegan2", {16, 32, 64}, "projection"}})
    for (const int size : c.sizes)
      for (const bool conditional : {false, true}) {
        CAPTURE(c.model);
        CAPTURE(size);
        gan::ModelOptions o = options_for(c.model, size);
        o.channels = conditional ? 4 : 3;
        if (conditional) o.condition = c.condition, o.classes = {"a", "b"};
        const gan::Networks n = gan::find_model(c.model).build(context, o);
        const NoGraph scope(context);
        for (const nn::ModulePtr& network : {n.generator, n.discriminator}) {
          nn::initialise(*network, nn::Init::dcgan, 1);
          if (conditional) CHECK_THROWS_WITH_AS((*network)(network == n.generator ? context.zeros({2, 1, 1, 6}) : context.zeros({2, size, size, 4})), doctest::Contains("set_condition"), const ShapeError&);
          if (conditional) set_condition(*network, labels_in_turn(context, 2, 2));
        }
        const Tensor pictures = (*n.generator)(context.normal({2, 1, 1, 6}, 1));
        CHECK(pictures.shape() == Shape{2, size, size, o.channels});
        CHECK((*n.discriminator)(pictures).count() == 2);
        const HostTensors before = nn::state_dict(*n.discriminator);
        nn::load_state_dict(*n.discriminator, before);
        CHECK(nn::state_dict(*n.discriminator).size() == before.size());
      }
  const auto refuses = [&](const char* model, auto change, const char* part) {
    gan::ModelOptions o = options_for(model);
    change(o);
    CHECK_THROWS_WITH_AS(gan::find_model(model).build(context, o), doctest::Contains(part), const ConfigError&);
  };
  refuses("resnet", [](gan::ModelOptions& o) { o.size = 28; }, "32, 64 or 128");
  refuses("convgan", [](gan::ModelOptions& o) { o.size = 8; }, "16, 32, 64 or 128");
  refuses("r3gan", [](gan::ModelOptions& o) { o.size = 48; }, "16, 32, 64, 128 or 256");
  refuses("r3gan", [](gan::ModelOptions& o) { o.width = 12; }, "a multiple of 8");
  refuses("r3gan", [](gan::ModelOptions& o) { o.d_norm = "batch"; }, "can have none");
  refuses("resnet", [](gan::ModelOptions& o) { o.d_norm = "spectal"; }, "did you mean 'spectral'");
  refuses("dcgan", [](gan::ModelOptions& o) { o.kernel = 3; }, "4x4 or 5x5");
  refuses("dcgan", [](gan::ModelOptions& o) { o.condition = "projection", o.classes = {"a"}; }, "takes labels by concat");
  refuses("resnet", [](gan::ModelOptions& o) { o.condition = "projection"; }, "labels.csv");
}

TEST_CASE("pictures that are not square: a smallest map of their shape, through a step and a file; others are refused with the nearest") {
  const Context context = Context::open("cpu");
  struct Case { const char* model; int size, across, high; };
  for (const Case& c : {Case{"dcgan", 16, 24, 0}, Case{"dcgan", 28, 0, 36}, Case{"convgan", 16, 0, 26}, Case{"resnet", 32, 40, 0}, Case{"r3gan", 16, 0, 20}, Case{"stylegan2", 16, 28, 0}}) {
    CAPTURE(c.model);
    const int64_t h = c.high ? c.high : c.size, w = c.across ? c.across : c.size;
    gan::GanOptions o;
    o.model = options_for(c.model, c.size);
    o.model.across = c.across, o.model.high = c.high;
    o.objective = &gan::find_objective("non-saturating");
    o.augment.method = gan::AugmentMethod::ada, o.augment.probability = 1;
    gan::Gan game(context, gan::find_model(c.model), o);
    CHECK(game.sample(2, 1).shape() == Shape{2, h, w, 1});
    game.step(context.uniform({4, h, w, 1}, 1));
    CHECK_FALSE(game.met_not_finite());
    CHECK(game.gauges()["gradient_norm_generator"] > 0);
    const gan::ModelOptions back = gan::model_options_from(gan::to_metadata(o.model), "test");
    const gan::Networks again = gan::find_model(c.model).build(context, back);
    nn::load_state_dict(*again.generator, nn::state_dict(game.sampler()));
    nn::load_state_dict(*again.discriminator, nn::state_dict(game.discriminator()));
  }
  const auto refuses = [&](const char* model, int size, int across, int high, const char* part) {
    gan::ModelOptions o = options_for(model, size);
    o.across = across, o.high = high;
    CHECK_THROWS_WITH_AS(gan::find_model(model).build(context, o), doctest::Contains(part), const ConfigError&);
  };
  refuses("dcgan", 32, 45, 0, "the nearest: --size 48x32");
  refuses("dcgan", 32, 0, 43, "the nearest: --size 32x40");
  refuses("stylegan2", 64, 1000, 0, "the nearest: --size 512x64");
  refuses("convgan", 32, 0, 37, "a multiple of 4");
  refuses("r3gan", 32, 20, 0, "--size 48x32");
  refuses("r3gan", 20, 32, 0, "the nearest: --size 24x16");
  refuses("dcgan", 48, 0, 90, "the nearest: --size 32x64");
  refuses("dcgan", 27, 40, 0, "the nearest: --size 40x28");
  refuses("convgan", 300, 0, 0, "the nearest: --size 128");
  refuses("resnet", 32, 40, 40, "--size 48x32");
}

TEST_CASE("dcgan's forms") {
  const Context context = Context::open("cpu");
  const auto parameters = [&](auto change) {
    gan::ModelOptions o = options_for("dcgan");
    o.width = 16;
    change(o);
    const gan::Networks n = gan::dcgan(context, o);
    const NoGraph scope(context);
    CHECK((*n.generator)(context.normal({2, 1, 1, 6}, 1)).shape() == Shape{2, 32, 32, 1});
    CHECK((*n.discriminator)(context.normal({2, 32, 32, 1}, 1)).count() == 2);
    return std::pair{nn::Arena(*n.generator).count, nn::Arena(*n.discriminator).count};
  };
  const auto plain = parameters([](auto&) {});
  CHECK(parameters([](auto& o) { o.stem = "dense"; }) == plain);          // the same map, written otherwise
  const auto large = parameters([](auto& o) { o.kernel = 5; });
  CHECK(large.first > plain.first);
  CHECK(large.second > plain.second);
  CHECK(parameters([](auto& o) { o.upsampling = "nearest"; }).first < plain.first);   // 3x3 for 4x4
  CHECK(parameters([](auto& o) { o.upsampling = "bilinear", o.kernel = 5, o.stem = "dense"; }) == large);
  for (const char* up : {"transposed", "nearest"}) {
    const auto light = parameters([&](auto& o) { o.convolution = "separable", o.upsampling = up; });
    CHECK(light.first < plain.first / 2);
    CHECK(light.second < plain.second / 2);
  }
  CHECK(parameters([](auto& o) { o.minibatch_std = 4; }).second == plain.second + 16);   // one more channel for the 4x4 filter of the logit
  for (const char* norm : {"none", "spectral", "instance", "layer"}) {
    CAPTURE(norm);
    parameters([&](auto& o) { o.d_norm = norm; });
    parameters([&](auto& o) { o.d_norm = norm, o.convolution = "separable"; });
  }
}

TEST_CASE("in a discriminator without batch norm no logit depends on another picture") {
  const Context context = in_double();
  for (const char* model : {"dcgan", "convgan", "resnet", "r3gan"})
    for (const char* norm : {"none", "spectral", "instance", "layer", "batch"}) {
      gan::ModelOptions o = options_for(model);
      if ((model == std::string("resnet") || model == std::string("r3gan")) && norm != o.d_norm) continue;
      CAPTURE(model);
      CAPTURE(norm);
      o.d_norm = norm;
      const gan::Networks n = gan::find_model(model).build(context, o);
      fill(*n.discriminator);
      const Tensor x = context.normal({3, 32, 32, 1}, 1).leaf();
      const Tensor logits = reshape((*n.discriminator)(x), {3});
      const Tensor g = grad(sum(slice(logits, 0, 0, 1)), {x})[0];
      const double others = sum_squares(slice(g, 0, 1, 3)).item();
      CHECK(sum_squares(slice(g, 0, 0, 1)).item() > 0);
      if (norm == std::string("batch")) CHECK(others > 0);
      else CHECK(others == 0);
    }
}

TEST_CASE("r3gan begins as its paper says") {
  const Context context = in_double();
  gan::ModelOptions o = options_for("r3gan");
  o.width = 64;
  const gan::Networks n = gan::r3gan(context, o);
  nn::initialise(*n.generator, nn::Init::dcgan, 5);
  const double gain = std::sqrt(2 / 1.04) * std::pow(8, -0.25);   // 8 blocks
  for (const auto& each : n.generator->parameters()) {
    const auto& name = each.first;
    const auto& p = each.second;
    CAPTURE(name);
    const double spread = std::sqrt(sum_squares(p->value).item() / double(p->value.count()));
    if (has_end(name, "conv3.weight") || has_end(name, "bias")) CHECK(spread == 0);
    if (has_end(name, "conv2.weight")) CHECK(spread == doctest::Approx(gain / std::sqrt(16 * 9)).epsilon(0.03));   // 18,432 draws: 0.5 %
    if (has_end(name, "conv1.weight")) CHECK(spread == doctest::Approx(gain / 8).epsilon(0.04));
  }
}

namespace {

gan::GanOptions game_of(const std::string& model) {
  gan::GanOptions o;
  o.model = options_for(model);
  o.objective = &gan::find_objective("hinge");
  o.ema = 0.9;
  return o;
}

std::string after_steps(const Context& context, const std::string& model, gan::GanOptions o, int steps, const std::function<void(gan::Gan&)>& look = {}) {
  gan::Gan gan(context, gan::find_model(model), o);
  const Tensor real = [&] { const Context::AtStep begin(context, 0); return context.uniform({4, 32, 32, 1}, 7) * 2 - 1; }();   // in each game the same
  for (int i = 0; i < steps; ++i) gan.step(real);
  if (look) look(gan);
  return gan.parameters_sha256();
}

}  // namespace

TEST_CASE("each model trains, and recorded steps are those that were called") {
  for (const char* model : {"convgan", "resnet", "r3gan", "stylegan2"}) {
    CAPTURE(model);
    gan::GanOptions o = game_of(model);
    const auto finite = [](gan::Gan& gan) {
      for (const char* gauge : {"loss_d", "loss_g", "gradient_norm_discriminator", "gradient_norm_generator"}) CHECK(std::isfinite(gan.gauges()[gauge]));
    };
    o.capture = gan::CaptureSteps::off;
    const Context context = Context::open("cpu");
    const std::string called = after_steps(context, model, o, 4, finite);
    o.capture = gan::CaptureSteps::on;
    CHECK(after_steps(context, model, o, 4) == called);
  }
  gan::GanOptions o = game_of("dcgan");
  o.model.d_norm = "spectral";
  const Context context = Context::open("cpu");
  o.capture = gan::CaptureSteps::off;
  const std::string called = after_steps(context, "dcgan", o, 4);
  o.capture = gan::CaptureSteps::on;
  CHECK(after_steps(context, "dcgan", o, 4) == called);
}

TEST_CASE("a discriminator with spectral norm goes on from a checkpoint to the same bits") {
  const Context context = Context::open("cpu");
  const gan::GanOptions o = game_of("resnet");
  nn::Checkpoint saved;
  const Tensor real = context.uniform({4, 32, 32, 1}, 7) * 2 - 1;
  gan::Gan whole(context, gan::find_model("resnet"), o), resumed(context, gan::find_model("resnet"), o);
  for (int i = 0; i < 2; ++i) whole.step(real);
  whole.save(saved);
  CHECK(saved.files.at("discriminator").tensors.count("blocks.0.conv1.weight_u") == 1);
  CHECK(saved.files.at("discriminator.optimizer").tensors.count("blocks.0.conv1.weight_orig.exp_avg") == 1);
  resumed.load(saved, "checkpoint");
  resumed.seek(2);
  for (int i = 0; i < 2; ++i) whole.step(real), resumed.step(real);
  CHECK(whole.parameters_sha256() == resumed.parameters_sha256());
}

TEST_CASE("a discriminator of each model learns to tell two sets apart, and a condition from another") {
  const Context context = Context::open("cpu");
  for (const char* model : {"dcgan", "convgan", "resnet", "r3gan", "stylegan2"})
    for (const bool conditional : {false, true}) {
      CAPTURE(model);
      CAPTURE(conditional);
      gan::ModelOptions o = options_for(model);
      if (conditional) o.condition = model == std::string("dcgan") || model == std::string("convgan") ? "concat" : "projection", o.classes = {"a", "b"};
      const gan::Networks n = gan::find_model(model).build(context, o);
      nn::initialise(*n.discriminator, nn::Init::kaiming, 3);
      nn::Arena arena(*n.discriminator);
      nn::OptimizerOptions adam;
      adam.learning_rate = 2e-3;
      nn::Optimizer optimizer(arena, adam, 0);
      // Unconditional: noise against smooth pictures. Conditional: the same pictures, once with their labels and once with the others'.
      const Tensor noise = context.uniform({4, 32, 32, 1}, 1) * 2 - 1, smooth = resize(context.uniform({4, 2, 2, 1}, 2) * 2 - 1, {32, 32}, Resize::bilinear);
      const Tensor own = context.from(std::vector<double>{1, 0, 1, 0, 0, 1, 0, 1}, {4, 2});
      const Tensor pictures = conditional ? concat({slice(noise, 0, 0, 2), slice(smooth, 0, 0, 2)}, 0) : noise, others = conditional ? pictures : smooth;
      if (conditional) set_condition(*n.discriminator, concat({own, 1 - own}, 0));
      double first = 0, last = 0;
      for (int i = 0; i < 40; ++i) {
        n.discriminator->set_norm_groups(2);
        const Tensor logits = reshape((*n.discriminator)(concat({pictures, others}, 0)), {8});
        const Tensor loss = mean(softplus(-slice(logits, 0, 0, 4))) + mean(softplus(slice(logits, 0, 4, 8)));
        (i == 0 ? first : last) = loss.item();
        backward(loss, arena.leaves(), arena.windows());
        optimizer.prepare(i);
        context.publish_step_state();
        optimizer.step();
      }
      CHECK(last < 0.7 * first);
    }
}
