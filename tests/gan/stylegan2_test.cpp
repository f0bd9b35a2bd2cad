// StyleGAN2's own: modulated convolutions, truncation and mixing of styles, path lengths.
#include <map>

#include "gan/stylegan2_layers.h"
#include "networks.h"
#include "weft/gan/gan.h"
#include "weft/gan/latent.h"
#include "weft/gan/penalty.h"
#include "weft/tensor/random_stream.h"

using namespace weft;

TEST_CASE("a modulated convolution is the one by each sample's own filter") {
  const Context context = in_double();
  const Tensor x = context.normal({3, 4, 5, 6}, 1), w = context.normal({2, 3, 3, 6}, 2), styles = context.normal({3, 6}, 3), bias = context.normal({2}, 5);
  for (const bool demodulate : {false, true})
    for (const bool up : {false, true}) {
      CAPTURE(demodulate);
      CAPTURE(up);
      Tensors parts;
      for (int i = 0; i < 3; ++i) {
        Tensor own = w * reshape(slice(styles, 0, i, i + 1), {1, 1, 1, 6});
        if (demodulate) own = own / sqrt(sum(own * own, {1, 2, 3}, KeepAxes::yes) + 1e-8);
        const Tensor one = slice(x, 0, i, i + 1);
        // Doubling: zeros between the pixels, the flipped filter, then [1 3 3 1], from the definition of each.
        if (!up) parts.push_back(conv2d(one, own, {}, {.pad = {1, 1}}));
        else parts.push_back(upfirdn(conv_transpose2d(one, permute(own, {3, 1, 2, 0}), {}, {.stride = {2, 2}}), {0.25, 0.75, 0.75, 0.25}, 1, 1, 1, 1));
      }
      CHECK(largest_gap(gan::style2::modulated_convolution(x, w, styles, demodulate, up, bias, 3).values(), (3 * concat(parts, 0) + bias).values()) <= 1e-12);
    }
  gan::style2::Layer layer(context, 6, 6, 4, {8, 10}, true, 1);
  CHECK(layer.forward(x, context.normal({3, 4}, 4)).shape() == Shape{3, 8, 10, 6});
}

TEST_CASE("stylegan2: the activation's sqrt(2) and other factors are in a layer's result, wherever they are worked in") {
  const Context context = in_double();
  const auto random = [&](nn::Module& m) {
    std::vector<Tensor> values;
    for (const auto& [name, p] : m.parameters()) {
      const Tensor drawn = context.normal(p->value.shape(), stream_key(1, name));
      p->value.copy_from(drawn, "test");
      values.push_back(drawn);
    }
    return values;
  };
  const auto active = [](const Tensor& z) { return std::sqrt(2.0) * leaky_relu(z, 0.2); };
  const NoGraph scope(context);
  const Tensor x = context.normal({2, 6, 5, 3}, 1), rows = context.normal({2, 7}, 2);
  gan::style2::Conv conv(context, 3, 4, 3, nn::Bias::yes, gan::style2::Activation::leaky, false, 0.7);
  const std::vector<Tensor> c = random(conv);
  REQUIRE(c.size() == 2);
  CHECK(largest_gap(conv.forward(x).values(), (0.7 * active(conv2d(x, c[0] / std::sqrt(27.0), c[1], {.pad = {1, 1}}))).values()) <= 1e-12);
  gan::style2::Dense dense(context, 7, 4, gan::style2::Activation::leaky, 0.01);
  const std::vector<Tensor> d = random(dense);
  REQUIRE(d.size() == 2);
  CHECK(largest_gap(dense.forward(rows).values(), active(matmul(rows, d[0] * (0.01 / std::sqrt(7.0)), false, true, d[1] * 0.01)).values()) <= 1e-12);
  gan::style2::Layer layer(context, 3, 4, 7, {6, 5}, false, 1);
  layer.set_training(false);
  random(layer);
  std::map<std::string, Tensor> l;
  for (const auto& [name, p] : layer.parameters()) l[name] = p->value;
  const Tensor styles = matmul(rows, l["affine.weight"] / std::sqrt(7.0), false, true, l["affine.bias"]);
  const Tensor y = gan::style2::modulated_convolution(x, l["weight"], styles, true, false, context.zeros({4}));
  const Tensor noise = reshape(l["noise_const"], {1, 6, 5, 1});
  CHECK(largest_gap(layer.forward(x, rows).values(), active(y + noise * l["noise_strength"] + l["bias"]).values()) <= 1e-12);
}

TEST_CASE("stylegan2: truncation goes evenly to the mean, styles change where they are mixed in") {
  const Context context = in_double();
  const gan::Networks n = gan::stylegan2(context, options_for("stylegan2"));
  nn::initialise(*n.generator, nn::Init::dcgan, 1);
  auto& styled = dynamic_cast<gan::Styled&>(*n.generator);
  CHECK(styled.layers() == 8);                                    // two a side: 4, 8, 16, 32
  const NoGraph scope(context);
  const Tensor z = context.normal({4, 1, 1, 6}, 1);
  (*n.generator)(z);                                              // in training: the mean of w moves
  n.generator->set_training(false);
  std::vector<double> spread;
  for (const double psi : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    styled.set_truncation(psi);
    const Tensor y = (*n.generator)(z);
    spread.push_back(mean(variance(y, {0})).item());
  }
  CHECK(spread[0] <= 1e-20);
  for (size_t i = 1; i < spread.size(); ++i) CHECK(spread[i] > spread[i - 1]);
  const Tensor w = styled.styles(z), a = slice(w, 0, 0, 1), b = slice(w, 0, 1, 2);
  const Tensor end = styled.draw(a);
  double before = 0;
  for (int from = styled.layers(); from-- > 0;) {                 // the earlier the layer, the more of b there is
    const Tensor mixed = styled.draw(from == 0 ? b : concat({slice(a, 1, 0, from), slice(b, 1, from, styled.layers())}, 1));
    const double away = sum_squares(mixed - end).item();
    CHECK(away > 0);
    if (from == 0) CHECK(away > before);
    before = std::max(before, away);
  }
}

TEST_CASE("path lengths count in every so many steps, with a penalty on slopes or without") {
  const Context context = in_double();
  const Tensor real = context.uniform({4, 16, 16, 1}, 7) * 2 - 1;
  for (const char* penalty : {"", "clip", "r1:1"}) {
    CAPTURE(penalty);
    const auto stepped = [&](double weight, int steps) {
      gan::GanOptions o;
      o.model = options_for("stylegan2", 16);
      o.model.width = 2;
      o.objective = &gan::find_objective("non-saturating");
      o.penalties = gan::find_penalties(penalty);
      o.penalty_every = 2;
      o.weights.path_length = weight;
      gan::Gan gan(context, gan::find_model("stylegan2"), o);
      for (int i = 0; i < steps; ++i) gan.step(real);
      return std::pair{gan.gauges()["path_length"], gan.parameters_sha256()};
    };
    CHECK(stepped(2, 1).first > 0);
    CHECK(std::isnan(stepped(0, 1).first));
    CHECK(stepped(2, 1).second != stepped(0, 1).second);
  }
  gan::GanOptions seldom;
  seldom.model = options_for("stylegan2", 16);
  seldom.objective = &gan::find_objective("non-saturating");
  seldom.weights.path_length = 2, seldom.d_steps = 2;
  CHECK_THROWS_WITH_AS(gan::Gan(context, gan::find_model("stylegan2"), seldom), doctest::Contains("train.d_steps=1"), const ConfigError&);
}

TEST_CASE("stylegan2: path lengths are in the generator's gradient, by their weight and for the steps they stand for") {
  const auto gradient = [](double weight, int every) {
    const Context c = in_double();
    gan::GanOptions o;
    o.model = options_for("stylegan2", 16), o.model.width = 2;
    o.objective = &gan::find_objective("non-saturating");
    o.weights.path_length = weight, o.penalty_every = every;
    for (nn::OptimizerOptions* s : {&o.generator, &o.discriminator}) s->settings = {OptimizerKind::sgd, 0, 0}, s->learning_rate = 0;
    gan::Gan game(c, gan::find_model("stylegan2"), o);
    game.step(c.uniform({4, 16, 16, 1}, 7) * 2 - 1);
    return game.arena(0).gradients.values();
  };
  const std::vector<double> none = gradient(0, 1), one = gradient(1, 1), many = gradient(0.5, 8);
  double part = 0, gap = 0;
  for (size_t i = 0; i < none.size(); ++i) {
    REQUIRE(std::isfinite(many[i] + one[i] + none[i]));
    part = std::max(part, std::abs(one[i] - none[i])), gap = std::max(gap, std::abs(many[i] - none[i] - 4 * (one[i] - none[i])));
  }
  CHECK(part > 0);
  CHECK(gap <= 1e-9 * part);
}

TEST_CASE("the path length's gradient is that of finite differences") {
  const Context context = in_double();
  gan::ModelOptions o = options_for("stylegan2", 16);
  o.width = 2;
  const gan::Networks n = gan::stylegan2(context, o);
  nn::initialise(*n.generator, nn::Init::dcgan, 1);
  auto& styled = dynamic_cast<gan::Styled&>(*n.generator);
  const Tensor z = context.normal({2, 1, 1, 6}, 1);
  const nn::NamedParameters named = n.generator->parameters();
  const auto find = [&](const std::string& name) { return std::find_if(named.begin(), named.end(), [&](const auto& p) { return p.first == name; })->second->value; };
  // The running means move with each call: put back, so that the value is a function of the parameters alone.
  const Tensor kept = find("pl_mean");
  const auto value = [&] {
    kept.write(std::vector<double>{0.2});
    return styled.path_length(z, 5);
  };
  for (const char* name : {"b16_conv0.weight", "b4_conv1.affine.weight", "mapping.layers.fc0.weight"}) {
    CAPTURE(name);
    const Tensor p = find(name);
    const Tensor g = grad(value(), {p})[0];
    const Tensor direction = context.normal(p.shape(), 9) * (1 / std::sqrt(sum_squares(p.detach()).item()));
    const double h = 1e-5;
    const Tensor before = p.detach() + 0.0;
    double at[2];
    for (const int side : {0, 1}) {
      p.copy_from(before + (side ? h : -h) * direction);
      at[side] = value().item();
    }
    p.copy_from(before);
    CHECK((at[1] - at[0]) / (2 * h) == doctest::Approx(sum(g * direction).item()).epsilon(1e-6));
  }
}

TEST_CASE("stylegan2: the means of w and of path lengths move, and nine of ten pictures mix styles") {
  const Context c = in_double();
  const gan::Networks n = gan::stylegan2(c, options_for("stylegan2", 16));
  nn::initialise(*n.generator, nn::Init::kaiming, 1);
  const auto named = n.generator->parameters();
  const auto find = [&](const std::string& name) { return std::find_if(named.begin(), named.end(), [&](const auto& p) { return p.first == name; })->second->value; };
  auto& styled = dynamic_cast<gan::Styled&>(*n.generator);
  const NoGraph off(c);
  const Tensor z = c.normal({64, 1, 1, 6}, 1), mean_of_w = find("mapping.w_avg");
  const std::vector<double> w = mean(reshape(slice(styled.styles(z), 1, 0, 1), {64, 6}), {0}).values();
  const std::vector<double> moved = mean_of_w.values();
  for (size_t i = 0; i < w.size(); ++i) CHECK(moved[i] == doctest::Approx(0.005 * w[i]).epsilon(1e-6));
  const Tensor mixed = (*n.generator)(z), plain = styled.draw(styled.styles(z));
  int same = 0;
  const std::vector<double> a = mixed.values(), b = plain.values();
  for (size_t i = 0; i < 64; ++i) same += std::equal(a.begin() + std::ptrdiff_t(i * 256), a.begin() + std::ptrdiff_t((i + 1) * 256), b.begin() + std::ptrdiff_t(i * 256));
  CHECK(same <= 16);
  const Context::Recording on(c, true);
  const double before = find("pl_mean").item();
  styled.path_length(z, 3);
  CHECK(before == 0);
  CHECK(find("pl_mean").item() > 0);
}
