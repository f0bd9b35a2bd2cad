// The networks that turn pictures into pictures: shapes at any size, names, styles, and the losses' derivatives.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "weft/gan/translation.h"
#include "weft/nn/loss.h"
#include "weft/tensor/capture.h"

using namespace weft;
using gan::ResnetGenerator;

namespace {

Context in_double() { return Context::open("cpu", {DType::f64}); }

double largest_gap(const Tensor& a, const Tensor& b) {
  const double gap = max(abs(a - b)).item();
  REQUIRE(std::isfinite(gap));
  return gap;
}

// <d loss / d each parameter, direction> against a central difference along that direction, relative to the larger.
double slope_gap(const nn::Module& network, const std::function<Tensor()>& loss) {
  const Context context = network.parameters()[0].second->value.context();
  Tensors leaves, directions, begin;
  for (const auto& [name, p] : network.parameters()) {
    if (!p->trainable) continue;
    leaves.push_back(p->value);
    begin.push_back(p->value.detach() * 1);
    directions.push_back(context.normal(p->value.shape(), 77 + leaves.size()));
  }
  const Tensors gradients = grad(loss(), leaves);
  double slope = 0;
  for (size_t i = 0; i < leaves.size(); ++i) slope += sum(gradients[i] * directions[i]).item();
  const double step = 1e-6;                      // so small that a kink of ReLU is seldom within it; rounding is 1e-10 then
  double ends[2];
  for (int side : {0, 1}) {
    for (size_t i = 0; i < leaves.size(); ++i) leaves[i].copy_from(begin[i] + directions[i] * (side ? step : -step));
    ends[side] = loss().item();
  }
  for (size_t i = 0; i < leaves.size(); ++i) leaves[i].copy_from(begin[i]);
  const double difference = (ends[1] - ends[0]) / (2 * step);
  CAPTURE(slope);
  CAPTURE(difference);
  CHECK(std::fabs(slope) > 1e-9);
  return std::fabs(slope - difference) / std::max(std::fabs(slope), std::fabs(difference));
}

std::set<std::string> names(const nn::Module& module) {
  std::set<std::string> all;
  for (const auto& [name, p] : module.parameters()) all.insert(name);
  return all;
}

}  // namespace

TEST_CASE("a ResNet generator keeps a picture's size, with every way up and down") {
  const Context context = Context::open("cpu");
  for (auto up : {gan::Upsampling::transposed, gan::Upsampling::nearest, gan::Upsampling::bilinear})
    for (bool antialias : {false, true}) {
      ResnetGenerator g(context, {3, 1, 4, 2, 0, up, antialias});
      nn::initialise(g, nn::Init::dcgan, 1);
      const Tensor y = g(context.normal({2, 16, 20, 3}, 1));
      CHECK(y.shape() == Shape{2, 16, 20, 1});
      CHECK(max(abs(y)).item() <= 1);
      CHECK(max(abs(y)).item() > 0);
    }
  ResnetGenerator g(context, {3, 3, 4, 1});
  CHECK_THROWS_WITH_AS(g(context.zeros({1, 14, 16, 3})), doctest::Contains("at_any_size"), const ShapeError&);
  CHECK_THROWS_AS(ResnetGenerator(context, {3, 3, 4, 0}), const ConfigError&);
}

TEST_CASE("any size goes through, down to a pixel") {
  const Context context = Context::open("cpu");
  ResnetGenerator resnet(context, {3, 3, 2, 1});
  gan::UnetGenerator unet(context, {3, 3, 2, 3});
  for (gan::ImageGenerator* g : {static_cast<gan::ImageGenerator*>(&resnet), static_cast<gan::ImageGenerator*>(&unet)}) {
    nn::initialise(*g, nn::Init::xavier, 1);
    g->set_training(false);
    for (const Size2 size : {Size2{1, 1}, Size2{1, 37}, Size2{17, 16}, Size2{31, 33}, Size2{3, 5}}) {
      const Shape shape{2, size.h, size.w, 3};
      const Tensor y = gan::at_any_size(*g, context.normal(shape, 1));
      CHECK(y.shape() == shape);
      CHECK(count_non_finite(y).item() == 0);
    }
    const Tensor x = context.normal({1, g->least(), 3 * g->least(), 3}, 2);
    CHECK(gan::at_any_size(*g, x).floats() == (*g)(x).floats());   // nothing to fill up, nothing changed
  }
}

TEST_CASE("what is cut out of a padded picture lies where the picture lay") {
  // A generator whose only effect is a shift would show a wrong margin; this one passes the picture on.
  struct Same : gan::ImageGenerator {
    Tensor forward(const Tensor& x) override { return x * 1; }
    int stride() const override { return 8; }
  } same;
  const Context context = Context::open("cpu");
  const Tensor x = context.normal({2, 13, 21, 3}, 1);
  CHECK(gan::at_any_size(same, x).floats() == x.floats());
}

TEST_CASE("a mixture of styles lies between them, one style alone is itself") {
  const Context context = in_double();
  nn::ConditionalInstanceNorm2d norm(context, 3, 2);
  const auto p = norm.parameters();
  for (const auto& [name, parameter] : p) parameter->value.copy_from(context.normal(parameter->value.shape(), name.size()));
  const Tensor x = context.normal({2, 5, 4, 3}, 3);
  const auto under = [&](double a, double b) {
    norm.set_style(context.from(std::vector<double>{a, b}, {1, 2}));
    return norm(x);
  };
  const Tensor first = under(1, 0), second = under(0, 1);
  CHECK(largest_gap(first, second) > 0.1);
  CHECK(largest_gap(under(0.7, 0.3), first * 0.7 + second * 0.3) <= 1e-14);
  norm.set_style(context.from(std::vector<double>{1, 0, 0, 1}, {2, 2}));   // a style for each picture
  CHECK(largest_gap(norm(x), concat({slice(first, 0, 0, 1), slice(second, 0, 1, 2)}, 0)) <= 1e-14);

  ResnetGenerator g(context, {3, 3, 4, 2, 2});
  nn::initialise(g, nn::Init::dcgan, 1);                                   // scales N(1, 0.02): the styles differ
  const Tensor picture = context.normal({1, 8, 8, 3}, 4);
  g.set_style(context.from(std::vector<double>{1, 0}, {1, 2}));
  const Tensor one = g(picture);
  g.set_style(context.from(std::vector<double>{0, 1}, {1, 2}));
  CHECK(largest_gap(one, g(picture)) > 1e-6);
}

TEST_CASE("parameters are named as PyTorch's code bases name them") {
  const Context context = Context::open("cpu");
  const std::set<std::string> resnet = names(ResnetGenerator(context, {3, 3, 2, 9})), cut = names(ResnetGenerator(context, {3, 3, 2, 9, 0, gan::Upsampling::bilinear, true}));
  for (const char* name : {"model.1.weight", "model.4.bias", "model.7.weight", "model.10.conv_block.1.weight", "model.18.conv_block.5.bias", "model.19.weight",
                           "model.22.bias", "model.26.weight"})
    CHECK_MESSAGE(resnet.count(name) == 1, name);
  CHECK(resnet.size() == 48);
  for (const char* name : {"model.1.weight", "model.4.bias", "model.8.weight", "model.12.conv_block.1.weight", "model.20.conv_block.5.bias", "model.22.weight",
                           "model.26.bias", "model.30.weight"})
    CHECK_MESSAGE(cut.count(name) == 1, name);
  const std::set<std::string> patch = names(gan::PatchDiscriminator(context, {3, 2})), blurred = names(gan::PatchDiscriminator(context, {3, 2, 3, 1, gan::Norm::instance, true})),
                              two = names(gan::PatchDiscriminator(context, {3, 2, 3, 2}));
  CHECK(patch == std::set<std::string>{"model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias", "model.5.weight", "model.5.bias", "model.8.weight", "model.8.bias",
                                       "model.11.weight", "model.11.bias"});
  CHECK(blurred.count("model.3.weight") + blurred.count("model.7.weight") + blurred.count("model.11.weight") + blurred.count("model.14.weight") == 4);
  CHECK((two.count("layer0.0.weight") == 1 && two.count("layer1.11.bias") == 1));
  const std::set<std::string> unet = names(gan::UnetGenerator(context, {3, 3, 2, 5}));
  for (const char* name : {"model.model.0.weight", "model.model.1.model.1.weight", "model.model.1.model.2.running_mean", "model.model.1.model.3.model.3.model.3.model.1.weight",
                           "model.model.1.model.3.model.3.model.3.model.3.weight", "model.model.1.model.3.model.3.model.3.model.4.bias", "model.model.3.bias"})
    CHECK_MESSAGE(unet.count(name) == 1, name);
  CHECK(names(gan::PatchProjection(context, {3, 4})).count("mlp_1.2.weight") == 1);
}

TEST_CASE("patches of 70x70 pixels, at one scale and at two") {
  const Context context = in_double();
  gan::PatchDiscriminator one(context, {3, 2}), two(context, {3, 2, 3, 2});
  nn::initialise(one, nn::Init::xavier, 1);
  const Tensor x = context.normal({1, 96, 96, 3}, 1).leaf();
  const Tensor y = one(x);
  CHECK(y.shape() == Shape{1, 10, 10, 1});
  // Without the norms, which see everything, a logit would hang on 70 pixels. What it may see is what its geometry says.
  gan::PatchDiscriminator narrow(context, {1, 2, 3, 1, gan::Norm::batch});
  nn::initialise(narrow, nn::Init::xavier, 1);
  narrow.set_training(false);                                              // a norm of fixed statistics
  const Tensor p = context.normal({1, 128, 128, 1}, 1).leaf();
  const Tensor logits = narrow(p), middle = slice(slice(logits, 1, 7, 8), 2, 7, 8);
  const std::vector<double> seen = sum(abs(grad(reshape(middle, Shape{}), {p})[0]), {0, 2, 3}).values();
  int64_t rows = 0;
  for (double v : seen) rows += v > 0;
  CHECK(rows == 70);
  const Tensors scales = two.logits(x);
  CHECK(scales.size() == 2);
  CHECK(scales[1].shape() == Shape{1, 4, 4, 1});
}

TEST_CASE("a loss at every patch adds up, and its derivative is one") {
  const Context context = in_double();
  const Tensors logits = {context.from(std::vector<double>{0, 3}, {1, 1, 2, 1}), context.from(std::vector<double>{2}, {1, 1, 1, 1})};
  const gan::Objective& squares = gan::find_objective("lsgan");
  CHECK(gan::generator_loss(squares, logits).item() == doctest::Approx(((1 + 4) / 2.0 + 1) / 2));
  const Tensors swapped = {logits[0] * 2, logits[1] - 3};                  // 0 6 | -1
  CHECK(gan::discriminator_loss(squares, logits, swapped).item() == doctest::Approx(((1 + 4) / 2.0 + 1 + 36 / 2.0 + 1) / 2));
  gan::PatchDiscriminator d(context, {3, 2, 1, 2, gan::Norm::instance, true});
  nn::initialise(d, nn::Init::xavier, 1);
  const Tensor x = context.normal({2, 24, 20, 3}, 1);
  CHECK(slope_gap(d, [&] { return gan::generator_loss(squares, d.logits(x)); }) <= 1e-6);
}

TEST_CASE("generators' derivatives are derivatives") {
  const Context context = in_double();
  const Tensor x = context.normal({2, 8, 12, 3}, 1), target = context.normal({2, 8, 12, 3}, 2);
  ResnetGenerator plain(context, {3, 3, 2, 1}), styled(context, {3, 3, 2, 1, 2, gan::Upsampling::bilinear, true});
  gan::UnetGenerator unet(context, {3, 3, 2, 2, gan::Norm::batch, 0});
  gan::UnetGenerator resized(context, {3, 3, 2, 2, gan::Norm::instance, 0, 0, gan::Upsampling::nearest});
  for (nn::Module* g : {static_cast<nn::Module*>(&plain), static_cast<nn::Module*>(&styled), static_cast<nn::Module*>(&unet), static_cast<nn::Module*>(&resized)}) {
    nn::initialise(*g, nn::Init::xavier, 3);
    CHECK(slope_gap(*g, [&] { return nn::mse((*g)(x), target); }) <= 1e-6);
  }
  gan::UnitGenerator unit(context, {3, 2, 1, 5});
  nn::initialise(unit, nn::Init::xavier, 3);
  CHECK(slope_gap(unit, [&] { return nn::mse(unit.decode(1, unit.encode(0, x)), target) + nn::mse(unit.decode(0, unit.encode(1, x), 1), target); }) <= 1e-6);
}

TEST_CASE("the encoder's features are where CUT takes them") {
  const Context context = in_double();
  ResnetGenerator g(context, {3, 3, 2, 9, 0, gan::Upsampling::bilinear, true});
  CHECK(g.encoder_layers() == std::vector<size_t>{0, 4, 8, 12, 16});
  CHECK(ResnetGenerator(context, {3, 3, 2, 1}).encoder_layers() == std::vector<size_t>{0, 4, 7, 10});
  nn::initialise(g, nn::Init::xavier, 3);
  const Tensor x = context.normal({1, 16, 16, 3}, 1);
  const Tensors f = g.features(x, g.encoder_layers());
  const Shape expected[] = {{1, 22, 22, 3}, {1, 16, 16, 4}, {1, 8, 8, 8}, {1, 4, 4, 8}, {1, 4, 4, 8}};
  for (size_t i = 0; i < 5; ++i) CHECK(f.at(i).shape() == expected[i]);
  CHECK(largest_gap(f[0], pad(x, {3, 3, 3, 3}, Padding::reflect)) == 0);
}

TEST_CASE("patch positions are a random choice without repetition, and change with the step") {
  const Context context = Context::open("cpu");
  const Tensor feature = context.zeros({3, 5, 7, 2});
  const auto draw = [&](uint64_t step) {
    context.step_state().step = step;
    context.publish_step_state();
    return gan::patch_positions(feature, 20, 9).values();
  };
  const std::vector<double> first = draw(1);
  CHECK(first == draw(1));
  CHECK(first != draw(2));
  for (size_t n = 0; n < 3; ++n) {
    const std::set<double> of_picture(first.begin() + std::ptrdiff_t(20 * n), first.begin() + std::ptrdiff_t(20 * (n + 1)));
    CHECK(of_picture.size() == 20);
    CHECK(*of_picture.begin() >= 35.0 * double(n));
    CHECK(*of_picture.rbegin() < 35.0 * double(n + 1));
  }
  CHECK(gan::patch_positions(feature, 256, 9).shape() == Shape{3, 35});    // fewer places than asked for: all
}

TEST_CASE("PatchNCE is cross-entropy against the patch's own place") {
  const Context context = in_double();
  gan::PatchProjection heads(context, {3, 5}, 6);
  nn::initialise(heads, nn::Init::torch, 1);
  const Tensors a = {context.normal({2, 4, 5, 3}, 1), context.normal({2, 2, 3, 5}, 2)}, b = {context.normal({2, 4, 5, 3}, 3), context.normal({2, 2, 3, 5}, 4)};
  Tensors places;
  for (const Tensor& f : a) places.push_back(gan::patch_positions(f, 4, 7));
  const Tensors q = heads.project(a, places), k = heads.project(b, places);
  CHECK(q[0].shape() == Shape{2, 4, 6});
  CHECK(largest_gap(sum(q[0] * q[0], {-1}), context.full({2, 4}, 1)) <= 1e-6);

  double expected = 0;                           // by plain loops
  for (size_t layer : {0, 1}) {
    const std::vector<double> qs = q[layer].values(), ks = k[layer].values();
    for (size_t n = 0; n < 2; ++n)
      for (size_t i = 0; i < 4; ++i) {
        double total = 0, own = 0;
        for (size_t j = 0; j < 4; ++j) {
          double dot = 0;
          for (size_t c = 0; c < 6; ++c) dot += qs[(n * 4 + i) * 6 + c] * ks[(n * 4 + j) * 6 + c];
          total += std::exp(dot / 0.07);
          if (i == j) own = dot / 0.07;
        }
        expected += (std::log(total) - own) / (8 * 2);
      }
  }
  CHECK(gan::patch_nce(q, k).item() == doctest::Approx(expected).epsilon(1e-12));
  CHECK(gan::patch_nce(k, k).item() < gan::patch_nce(q, k).item());        // its own patch is the nearest there is
  CHECK(slope_gap(heads, [&] { return gan::patch_nce(heads.project(a, places), k); }) <= 1e-6);
  const Tensor leaf = b[0].leaf();
  const Tensors none = grad(gan::patch_nce({q[0]}, {heads.project({leaf, b[1]}, places)[0]}), {leaf});
  CHECK(max(abs(none[0])).item() == 0);          // keys get no gradient
}

TEST_CASE("a pool fills up, then gives back half of what it has seen, and forgets nothing over a checkpoint") {
  const Context context = Context::open("cpu");
  gan::ImagePool pool(context, 5, {1, 1, 1}, 3), copy(context, 5, {1, 1, 1}, 3);
  const auto show = [&](gan::ImagePool& to, double value, uint64_t step) {
    context.step_state().step = step;
    context.publish_step_state();
    return to.exchange(context.full({1, 1, 1, 1}, value)).item();
  };
  for (uint64_t i = 0; i < 5; ++i) CHECK(show(pool, double(i), i) == double(i));
  std::multiset<double> inside = {0, 1, 2, 3, 4};
  int old = 0;
  for (uint64_t i = 5; i < 205; ++i) {
    const double out = show(pool, double(i), i);
    if (out == double(i)) continue;
    ++old;
    REQUIRE(inside.count(out) == 1);             // what comes out was in, and is out now
    inside.erase(out);
    inside.insert(double(i));
  }
  CHECK(old > 70);
  CHECK(old < 130);
  copy.load_state_dict(pool.state_dict(), "pool");
  for (uint64_t i = 205; i < 230; ++i) CHECK(show(pool, double(i), i) == show(copy, double(i), i));
  show(pool, std::nan(""), 1000);
  for (uint64_t i = 1001; i < 1050; ++i) CHECK(std::isfinite(show(pool, 1, i)));
  gan::ImagePool small(context, 2, {1, 1, 1}, 3), none(context, 0, {1, 1, 1}, 3);
  CHECK_THROWS_WITH_AS(small.load_state_dict(pool.state_dict(), "pool"), doctest::Contains("(2, 1, 1, 1)"), const FormatError&);
  CHECK(show(none, 7, 1) == 7);
  CHECK(none.state_dict().empty());
}

TEST_CASE("a captured step with a pool does what a called one does") {
  for (const char* device : {"cpu", "sim"}) {
    if (!find_backend(device, DType::f32)) continue;
    const Context context = Context::open(device);
    gan::ImagePool called(context, 2, {2, 2, 1}, 3), captured(context, 2, {2, 2, 1}, 3);
    const Tensor picture = context.zeros({1, 2, 2, 1});
    Tensor out;
    Captured step;
    for (uint64_t i = 1; i < 12; ++i) {
      context.step_state().step = i;
      context.publish_step_state();
      picture.copy_from(context.full({1, 2, 2, 1}, double(i)));
      const std::vector<float> expected = called.exchange(picture).floats();
      if (i == 2) step = context.capture([&] { out = captured.exchange(picture); });
      if (i == 1) out = captured.exchange(picture);
      else step.replay();
      CHECK(out.floats() == expected);
    }
  }
}

TEST_CASE("one UNIT goes both ways") {
  const Context context = in_double();
  gan::UnitGenerator unit(context, {3, 2, 1, 5});
  nn::initialise(unit, nn::Init::xavier, 3);
  unit.set_training(false);
  const Tensor x = context.normal({1, 8, 8, 3}, 1);
  CHECK(unit(x).values() == unit.decode(1, unit.encode(0, x)).values());
  CHECK(unit.turn_back());
  CHECK(unit(x).values() == unit.decode(0, unit.encode(1, x)).values());
  CHECK_FALSE(ResnetGenerator(context, {3, 3, 2, 1}).turn_back());
}
