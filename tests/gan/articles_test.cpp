// The mistakes of the five articles that asked for weft, each tried: what it costs, or how it fails. docs/articles.md tells the story.
#include <doctest/doctest.h>

#include <cmath>

#include "weft/gan/gan.h"
#include "weft/gan/measures.h"
#include "weft/gan/sheet.h"
#include "weft/kernels/error.h"
#include "weft/nn/loss.h"

using namespace weft;

namespace {

Tensor logits(const Context& c, std::vector<double> v) {
  const auto n = int64_t(v.size());
  return c.from(v, {n});
}

std::string what_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

nn::ModulePtr conv3(const Context& c, int64_t in, int64_t out) { return std::make_shared<nn::Conv2d>(c, in, out, Size2{3, 3}, ConvGeometry{.pad = {1, 1}}); }

}  // namespace

TEST_CASE("articles: a sigmoid followed by from_logits leaves losses that cannot fall and gradients that vanish") {
  const Context c = Context::open("cpu", {DType::f64});
  // However certain the discriminator is, the second sigmoid turns its 0 and 1 into 0.5 and 0.73.
  const Tensor real = logits(c, {40, 400}), fake = logits(c, {-40, -400});
  const auto loss = [](const Tensor& r, const Tensor& f) { return (nn::bce_with_logits(r, 1) + nn::bce_with_logits(f, 0)).item(); };
  CHECK(loss(sigmoid(real), sigmoid(fake)) == doctest::Approx(std::log1p(std::exp(-1.0)) + std::log(2.0)));   // 1.006, its least
  CHECK(loss(real, fake) < 1e-15);
  // The generator's gradient where the discriminator is sure of a fake: 800 times too weak at a logit of -6.
  const Tensor x = logits(c, {-6}).leaf();
  const double right = grad(nn::bce_with_logits(x, 1), {x})[0].item(), wrong = grad(nn::bce_with_logits(sigmoid(x), 1), {x})[0].item();
  CHECK(right == doctest::Approx(-0.9975).epsilon(1e-3));
  CHECK(right / wrong > 800);
}

TEST_CASE("articles: normal([1, 100]) of NumPy is two numbers near 1 and 100, not a noise vector of 100") {
  const Context c = Context::open("cpu");
  const Tensor two = c.normal({2}, 5) + c.from(std::vector<float>{1, 100}, {2});     // what the argument means there: the mean
  CHECK(two.floats()[1] > 90);
  const gan::Networks dcgan = gan::find_model("dcgan").build(c, {16, 1, 4, 100});
  CHECK(what_of([&] { (*dcgan.generator)(reshape(two, {1, 1, 1, 2})); }).find("100") != std::string::npos);
  CHECK((*dcgan.generator)(c.normal({1, 1, 1, 100}, 5)).shape() == Shape{1, 16, 16, 1});
}

TEST_CASE("articles: a generator that never sees the content keeps nothing of it; restyle's does") {
  const Context c = Context::open("cpu");
  const Tensor content = resize(c.uniform({4, 4, 4, 3}, 11), {32, 32}, Resize::bilinear) * 1.6 - 0.8, style = c.uniform({4, 32, 32, 3}, 3);
  const auto own_against_other = [&](const Tensor& made) {            // likeness to its own content, less that to the next one
    double gap = 0;
    for (int64_t i = 0; i < 4; ++i) {
      const auto like = [&](int64_t j) { return gan::luminance_correlation(gan::to_image(made, i), gan::to_image(content, j), 0); };
      gap += (like(i) - like((i + 1) % 4)) / 4;
    }
    return gap;
  };
  gan::GanOptions o;
  o.objective = &gan::find_objective("lsgan");
  o.model = {32, 3, 4, 8};
  gan::Gan blind(c, gan::find_model("dcgan"), o);
  for (int i = 0; i < 10; ++i) blind.step(content);                     // as there: real pictures are the contents, the style is drawn and not used
  o.model.latent = 100, o.model.blocks = 1, o.model.d_layers = 1, o.weights = {0.05, 1, 1};
  o.generator.learning_rate = 2e-3;
  const auto restyle = gan::make_contest(c, gan::find_model("restyle"), o);
  for (int i = 0; i < 40; ++i) restyle->step({content, style, c.full({1, 1}, 1)});
  const double kept = own_against_other(gan::in_evaluation(restyle->network(0), content));
  CHECK(kept > 0.3);
  CHECK(own_against_other(blind.sample(4, 0)) < 0.5 * kept);
}

TEST_CASE("articles: a 28 pixel generator does not fit a discriminator of another size, and an 8x8 one without upsampling stays 8x8") {
  const Context c = Context::open("cpu");
  const Tensor small = (*gan::find_model("dcgan").build(c, {28, 1, 4, 100}).generator)(c.normal({1, 1, 1, 100}, 5));
  CHECK(small.shape() == Shape{1, 28, 28, 1});
  const std::string told = what_of([&] { (*gan::find_model("dcgan").build(c, {128, 1, 4, 100}).discriminator)(small); });   // theirs: 256, whose last layer is dense
  CAPTURE(told);
  CHECK(!told.empty());

  nn::Sequential network;
  network.append(std::make_shared<nn::Linear>(c, 100, 8 * 8 * 128)).append(nn::ReLU()).append(nn::Unflatten({8, 8, 128}));
  for (const auto& [in, out] : {std::pair{128, 128}, std::pair{128, 64}, std::pair{64, 3}}) network.append(conv3(c, in, out));
  CHECK(network(c.normal({1, 100}, 5)).shape() == Shape{1, 8, 8, 3});
}

TEST_CASE("articles: a ReLU before a LeakyReLU, a dense layer without flattening, and pixels from 0 to 1 against a tanh") {
  const Context c = Context::open("cpu");
  const Tensor x = c.normal({64}, 9), rectified = relu(x);
  CHECK(max(abs(leaky_relu(rectified, 0.2) - rectified)).item() == 0);                  // the leak has nothing to leak

  const Tensor features = c.normal({2, 8, 8, 4}, 9);
  nn::Linear dense(c, 4, 1);
  CHECK(dense(features).shape() == Shape{2, 8, 8, 1});                                  // an opinion a pixel, not one a picture

  // Data scaled by 1/255 have no negative pixel; half of what a tanh makes at first is negative. A discriminator need only look at that.
  const gan::Networks dcgan = gan::find_model("dcgan").build(c, {16, 1, 4, 100});
  nn::initialise(*dcgan.generator, nn::Init::dcgan, 0);
  const Tensor made = (*dcgan.generator)(c.normal({8, 1, 1, 100}, 5)), data = c.uniform({8, 16, 16, 1}, 5);
  CHECK(mean(greater(0 * data, data)).item() == 0);
  CHECK(mean(greater(0 * made, made)).item() > 0.2);
}
