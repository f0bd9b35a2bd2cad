// Layers, losses, optimisers and state dicts.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "temporary_folder.h"
#include "weft/nn/checkpoint.h"
#include "weft/nn/layers.h"
#include "weft/nn/loss.h"
#include "weft/nn/optimizer.h"
#include "weft/tensor/sha256.h"

using namespace weft;

namespace {

Context in_double() { return Context::open("cpu", {DType::f64}); }

double largest_gap(const Tensor& a, const Tensor& b) {
  const Tensor gap = max(abs(a - b));
  const double value = gap.item();
  REQUIRE(std::isfinite(value));
  return value;
}

// One weight w with gradient g, through `steps` updates.
double after(nn::OptimizerOptions options, double w, double g, int steps) {
  const Context context = in_double();
  nn::Linear layer(context, 1, 1, nn::Bias::no);
  layer.parameters()[0].second->value.write(std::vector<double>{w});
  nn::Arena arena(layer);
  nn::Optimizer optimizer(arena, options, 0);
  for (int i = 0; i < steps; ++i) {
    arena.parameters[0]->gradient.write(std::vector<double>{g});
    optimizer.prepare(i);
    context.publish_step_state();
    optimizer.step();
  }
  return arena.parameters[0]->value.item();
}

nn::OptimizerOptions with(OptimizerKind kind, double rate, double beta1 = 0.9, double beta2 = 0.999, double decay = 0, bool nesterov = false) {
  nn::OptimizerOptions o;
  o.settings.kind = kind, o.settings.beta1 = beta1, o.settings.beta2 = beta2, o.settings.decay = decay, o.settings.nesterov = nesterov;
  o.learning_rate = rate;
  return o;
}

}  // namespace

TEST_CASE("optimisers take the textbook's first steps") {
  // With a constant gradient g, Adam's corrected moments are g and g^2 at every step: each moves by rate * g / (|g| + eps).
  CHECK(after(with(OptimizerKind::adam, 0.1), 1, 0.5, 3) == doctest::Approx(1 - 3 * 0.1 * 0.5 / (0.5 + 1e-8)).epsilon(1e-12));
  // AdamW shrinks the weight first: w (1 - rate * decay) - rate.
  CHECK(after(with(OptimizerKind::adamw, 0.1, 0.9, 0.999, 0.01), 1, 0.5, 1) == doctest::Approx(1 - 0.001 - 0.1 * 0.5 / (0.5 + 1e-8)).epsilon(1e-12));
  // SGD with momentum 0.9: velocities g, 1.9 g, 2.71 g.
  CHECK(after(with(OptimizerKind::sgd, 0.1, 0.9), 1, 0.5, 3) == doctest::Approx(1 - 0.1 * 0.5 * (1 + 1.9 + 2.71)).epsilon(1e-12));
  // Nesterov looks ahead: g + 0.9 v, v as above.
  CHECK(after(with(OptimizerKind::sgd, 0.1, 0.9, 0, 0, true), 1, 0.5, 2) == doctest::Approx(1 - 0.1 * 0.5 * (1.9 + 2.71)).epsilon(1e-12));
  CHECK(after(with(OptimizerKind::sgd, 0.1, 0, 0, 0.2), 1, 0.5, 1) == doctest::Approx(1 - 0.1 * (0.5 + 0.2)).epsilon(1e-12));
  // RMSprop, alpha 0.99: v = 0.01 g^2.
  CHECK(after(with(OptimizerKind::rmsprop, 0.1, 0, 0.99), 1, 0.5, 1) == doctest::Approx(1 - 0.1 * 0.5 / (std::sqrt(0.01 * 0.25) + 1e-8)).epsilon(1e-12));
}

TEST_CASE("a gradient that is not finite changes nothing; a large one is clipped") {
  CHECK(after(with(OptimizerKind::adam, 0.1), 1, std::numeric_limits<double>::quiet_NaN(), 2) == 1);
  CHECK(after(with(OptimizerKind::adam, 0.1), 1, std::numeric_limits<double>::infinity(), 2) == 1);
  nn::OptimizerOptions clipped = with(OptimizerKind::sgd, 0.1, 0);
  clipped.clip_norm = 2;
  CHECK(after(clipped, 1, 50, 1) == doctest::Approx(1 - 0.1 * 2).epsilon(1e-6));   // PyTorch's 1e-6 in the denominator
  CHECK(after(clipped, 1, 1, 1) == doctest::Approx(0.9).epsilon(1e-12));
}

TEST_CASE("schedules") {
  using Kind = nn::Schedule::Kind;
  const nn::Schedule constant, linear{Kind::linear, 100}, cosine{Kind::cosine, 100, 10, 0, 0.02}, exponential{Kind::exponential, 120, 0, 20, 0.01};
  CHECK(exponential.at(20) == 1);
  CHECK(exponential.at(70) == doctest::Approx(0.1));
  CHECK(exponential.at(120) == doctest::Approx(0.01));
  CHECK(constant.at(0) == 1);
  CHECK(constant.at(1000000) == 1);
  CHECK(linear.at(0) == 1);
  CHECK(linear.at(50) == doctest::Approx(0.5));
  CHECK(linear.at(100) == doctest::Approx(0));
  CHECK(cosine.at(0) == doctest::Approx(0.1));    // warm-up: a tenth of the way at the first of ten steps
  CHECK(cosine.at(9) == doctest::Approx(1));
  CHECK(cosine.at(10) == doctest::Approx(1));
  CHECK(cosine.at(55) == doctest::Approx(0.51));
  CHECK(cosine.at(100) == doctest::Approx(0.02));
}

TEST_CASE("two norm groups in one pass are two passes") {
  const Context context = in_double();
  nn::BatchNorm2d once(context, 3), twice(context, 3);
  const Tensor a = context.normal({4, 5, 6, 3}, 1), b = context.normal({4, 5, 6, 3}, 2) * 3 + 1;
  once.set_norm_groups(2);
  const Tensor together = once(concat({a, b}, 0));
  const Tensor first = twice(a), second = twice(b);
  CHECK(largest_gap(together, concat({first, second}, 0)) <= 1e-14);
  for (int i : {2, 3}) {   // running mean and variance
    CAPTURE(i);
    CHECK(largest_gap(once.parameters()[size_t(i)].second->value, twice.parameters()[size_t(i)].second->value) <= 1e-15);
  }
  CHECK_THROWS_AS(once(slice(a, 0, 0, 3)), const ShapeError&);
}

TEST_CASE("running statistics are PyTorch's, and evaluation uses them") {
  const Context context = in_double();
  nn::BatchNorm2d norm(context, 1);
  norm(context.from(std::vector<double>{1, 2, 3, 6}, {4, 1, 1, 1}));   // mean 3, biased variance 3.5, unbiased 14/3
  const nn::NamedParameters p = norm.parameters();
  CHECK(p[2].second->value.item() == doctest::Approx(0.3).epsilon(1e-14));
  CHECK(p[3].second->value.item() == doctest::Approx(0.9 + 0.1 * 14 / 3).epsilon(1e-14));
  norm.set_training(false);
  const double y = norm(context.from(std::vector<double>{1}, {1, 1, 1, 1})).item();
  CHECK(y == doctest::Approx((1 - 0.3) / std::sqrt(0.9 + 1.4 / 3 + 1e-5)).epsilon(1e-14));
  norm.set_training(true);
  CHECK_THROWS_WITH_AS(norm(context.zeros({1, 1, 1, 1})), doctest::Contains("no variance"), const ShapeError&);
}

TEST_CASE("losses, at values worked out by hand") {
  const Context context = in_double();
  const Tensor x = context.from(std::vector<double>{-2, 0, 3}, {3});
  auto softplus_of = [](double v) { return std::log1p(std::exp(v)); };
  CHECK(nn::bce_with_logits(x, 1).item() == doctest::Approx((softplus_of(2) + softplus_of(0) + softplus_of(-3)) / 3).epsilon(1e-14));
  CHECK(nn::bce_with_logits(x, 0).item() == doctest::Approx((softplus_of(-2) + softplus_of(0) + softplus_of(3)) / 3).epsilon(1e-14));
  CHECK(nn::bce_with_logits(x, 0.9).item() == doctest::Approx(0.9 * nn::bce_with_logits(x, 1).item() + 0.1 * nn::bce_with_logits(x, 0).item()).epsilon(1e-14));
  CHECK(std::isfinite(nn::bce_with_logits(context.full({2}, -1e4), 1).item()));
  CHECK(nn::mse(x, 1).item() == doctest::Approx((9 + 1 + 4) / 3.0).epsilon(1e-14));
  CHECK(nn::l1(x, context.zeros({3})).item() == doctest::Approx(5 / 3.0).epsilon(1e-14));
  const Tensor logits = context.from(std::vector<double>{1, 2, 3, 0, 0, 0}, {2, 3});
  const double first = std::log(std::exp(1) + std::exp(2) + std::exp(3)) - 3;
  CHECK(nn::cross_entropy(logits, context.index({2, 0}, {2})).item() == doctest::Approx((first + std::log(3)) / 2).epsilon(1e-14));
  CHECK_THROWS_AS(nn::cross_entropy(logits, context.index({3, 0}, {2})), const ShapeError&);
  CHECK_THROWS_WITH_AS(nn::cross_entropy(logits, context.from(std::vector<double>{1.9, 0}, {2})), doctest::Contains("int32"), const ShapeError&);
  const Tensor column = reshape(x, {3, 1});                        // against x it would be nine pairs
  CHECK_THROWS_WITH_AS(nn::mse(column, x), doctest::Contains("(3, 1) and (3)"), const ShapeError&);
  CHECK_THROWS_AS(nn::l1(column, x), const ShapeError&);
  CHECK_THROWS_AS(nn::bce_with_logits(column, x), const ShapeError&);
}

TEST_CASE("a dense layer behind an image reads columns in C,H,W order from a file") {
  const Context context = in_double();
  nn::Linear layer(context, 2 * 3 * 4, 5, nn::Bias::yes, {2, 3, 4}), stem(context, 5, 2 * 3 * 4, nn::Bias::yes, {}, {2, 3, 4});
  HostTensors file = nn::state_dict(layer);
  CHECK(file.at("weight").shape == std::vector<int64_t>{5, 24});
  std::vector<double> w(5 * 24);
  for (size_t i = 0; i < w.size(); ++i) w[i] = std::sin(double(i));
  std::memcpy(file["weight"].bytes.data(), w.data(), w.size() * 8);
  nn::load_state_dict(layer, file);
  const Tensor image = context.normal({1, 2, 3, 4}, 1);                        // H,W,C
  const Tensor as_torch = reshape(permute(image, {0, 3, 1, 2}), {1, 24});      // C,H,W
  CHECK(largest_gap(layer(reshape(image, {1, 24})), matmul(as_torch, context.from(w, {5, 24}), false, true)) <= 1e-14);

  file = nn::state_dict(stem);
  std::memcpy(file["weight"].bytes.data(), w.data(), w.size() * 8);
  for (size_t i = 0; i < 24; ++i) reinterpret_cast<double*>(file["bias"].bytes.data())[i] = double(i);
  nn::load_state_dict(stem, file);
  const Tensor z = context.normal({1, 5}, 2);
  std::vector<double> bias(24);
  for (size_t i = 0; i < 24; ++i) bias[i] = double(i);
  const Tensor expected = matmul(z, context.from(w, {24, 5}), false, true, context.from(bias, {24}));   // in C,H,W order
  CHECK(largest_gap(permute(reshape(stem(z), {1, 2, 3, 4}), {0, 3, 1, 2}), reshape(expected, {1, 4, 2, 3})) <= 1e-13);
}

TEST_CASE("a state dict that does not fit is refused with the whole list") {
  const Context context = in_double();
  nn::Sequential net({std::make_shared<nn::Conv2d>(context, 3, 4, Size2{3, 3}), std::make_shared<nn::BatchNorm2d>(context, 4)});
  HostTensors file = nn::state_dict(net);
  CHECK(file.size() == 6);
  file["1.num_batches_tracked"] = {FileDType::i64, {}, std::vector<std::byte>(8)};
  CHECK_NOTHROW(nn::load_state_dict(net, file));
  file.erase("0.bias");
  file["0.weight"].shape = {4, 3, 3, 2};
  file["head.weight"] = file["1.weight"];
  file["1.weight"].shape = {1, 1, 1, 1, 1, 1, 4};            // a file's tensor may have more axes than one in memory
  try {
    nn::load_state_dict(net, file, "net.safetensors");
    FAIL("accepted");
  } catch (const FormatError& e) {
    const std::string text = e.what();
    for (const char* part : {"net.safetensors", "missing:    0.bias (4)", "misshapen:  0.weight is (4, 3, 3, 2), the network wants (4, 3, 3, 3)", "unexpected: head.weight",
                             "misshapen:  1.weight is (1, 1, 1, 1, 1, 1, 4)"})
      CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  }
  nn::Arena arena(net);
  nn::Optimizer optimizer(arena, with(OptimizerKind::adam, 0.1), 0);
  HostTensors moments = optimizer.state_dict();
  moments["1.weight.exp_avg"].shape = {1, 1, 1, 1, 1, 1, 4};
  CHECK_THROWS_WITH_AS(optimizer.load_state_dict(moments, "moments"), doctest::Contains("1.weight.exp_avg is (1, 1, 1, 1, 1, 1, 4), not (4)"), const FormatError&);
}

TEST_CASE("one module in two places of a network is refused, and so are no groups") {
  const Context context = in_double();
  const auto a = std::make_shared<nn::Linear>(context, 2, 2), b = std::make_shared<nn::Linear>(context, 2, 2);
  const nn::Sequential net({a, b, a});
  CHECK_THROWS_WITH_AS(nn::Arena{net}, doctest::Contains("0.weight and 2.weight"), const ConfigError&);
  CHECK_THROWS_AS(a->set_norm_groups(0), const ConfigError&);
  CHECK_THROWS_AS(nn::Conv2d(context, 4, 4, {3, 3}, {.groups = 0}), const ShapeError&);
  CHECK_THROWS_AS(nn::ConvTranspose2d(context, 4, 4, {3, 3}, {.groups = 0}), const ShapeError&);
}

TEST_CASE("an optimiser has one of four slots, and a rate that the device knows, before it steps") {
  const Context context = in_double();
  nn::Linear layer(context, 2, 2);
  nn::Arena arena(layer);
  for (const int slot : {-1, 4, 400}) CHECK_THROWS_WITH_AS(nn::Optimizer(arena, {}, slot), doctest::Contains("0 to 3"), const ConfigError&);
  nn::Optimizer optimizer(arena, {}, 3);
  CHECK_THROWS_WITH_AS(optimizer.step(), doctest::Contains("prepare"), const Error&);
  optimizer.prepare(0);
  CHECK_THROWS_WITH_AS(optimizer.step(), doctest::Contains("publish_step_state"), const Error&);
  context.publish_step_state();
  CHECK_NOTHROW(optimizer.step());
}

TEST_CASE("two parts of one name are refused, and so is a second arena while there is one") {
  const Context context = in_double();
  const auto part = [&] { return std::make_shared<nn::Linear>(context, 2, 2); };
  nn::Sequential net;
  net.append("a", part());
  CHECK_THROWS_WITH_AS(net.append("a", part()), doctest::Contains("'a'"), const ConfigError&);
  struct Twice : nn::Linear {
    explicit Twice(const Context& context) : Linear(context, 2, 2) { add("weight", nn::Parameter{context.zeros({1})}); }
  };
  CHECK_THROWS_WITH_AS(Twice{context}, doctest::Contains("'weight'"), const ConfigError&);
  {
    const nn::Arena arena(net);
    CHECK_THROWS_WITH_AS(nn::Arena{net}, doctest::Contains("a.weight"), const ConfigError&);
  }
  CHECK_NOTHROW(nn::Arena{net});
}

TEST_CASE("initialisers have the spread they promise") {
  const Context context = in_double();
  auto spread = [&](nn::Init scheme) {
    nn::Conv2d layer(context, 64, 32, {3, 3});
    nn::initialise(layer, scheme, 3);
    const Tensor w = layer.parameters()[0].second->value.detach();
    CHECK(std::fabs(mean(w).item()) < 4 * std::sqrt(variance(w).item() / double(w.count())));   // four standard errors
    return std::sqrt(variance(w).item());
  };
  const double fan_in = 64 * 9, fan_out = 32 * 9;
  // The standard error of a spread of n = 18,432 draws is below 0.6 %: 2.5 % is more than four.
  CHECK(spread(nn::Init::dcgan) == doctest::Approx(0.02).epsilon(0.025));
  CHECK(spread(nn::Init::xavier) == doctest::Approx(std::sqrt(2 / (fan_in + fan_out))).epsilon(0.025));
  CHECK(spread(nn::Init::kaiming) == doctest::Approx(std::sqrt(2 / (1.04 * fan_in))).epsilon(0.025));
  CHECK(spread(nn::Init::torch) == doctest::Approx(std::sqrt(1 / (3 * fan_in))).epsilon(0.025));
  nn::Embedding table(context, 144, 128);          // as many draws
  nn::initialise(table, nn::Init::torch, 3);
  CHECK(std::sqrt(variance(table.parameters()[0].second->value).item()) == doctest::Approx(1).epsilon(0.025));
}

TEST_CASE("an average follows its network") {
  const Context context = in_double();
  nn::Linear net(context, 2, 1, nn::Bias::no), copy(context, 2, 1, nn::Bias::no);
  net.parameters()[0].second->value.write(std::vector<double>{1, 2});
  nn::Arena source(net), average(copy);
  nn::Ema ema(source, average, 0.75);
  source.parameters[0]->value.write(std::vector<double>{5, 2});
  ema.update();
  CHECK(average.parameters[0]->value.values() == std::vector<double>{2, 2});   // 0.75 * 1 + 0.25 * 5
  nn::Linear turned(context, 1, 2, nn::Bias::no);                              // as many numbers, in other places
  nn::Arena other(turned);
  CHECK_THROWS_WITH_AS(nn::Ema(source, other, 0.75), doctest::Contains("weight (1, 2)\nis not\n  weight (2, 1)"), const ConfigError&);
}

TEST_CASE("embedding rows, and their gradients, go by index") {
  const Context context = in_double();
  nn::Embedding table(context, 4, 3);
  const Tensor w = table.parameters()[0].second->value;
  const Tensor index = context.index({2, 0, 2}, {3});
  const Tensor rows = table(index);
  CHECK(largest_gap(slice(rows, 0, 0, 1), slice(w, 0, 2, 3)) == 0);
  const Tensor g = grad(sum(rows), {w})[0];
  CHECK(g.values() == std::vector<double>{1, 1, 1, 0, 0, 0, 2, 2, 2, 0, 0, 0});
}

TEST_CASE("the other layers do what their operations do") {
  const Context context = in_double();
  const Tensor x = context.normal({2, 4, 6, 3}, 1) * 2 + 1;
  nn::InstanceNorm2d instance(context, 3, 1e-5, true, 0.2);
  const Tensor centred = x - mean(x, {1, 2}, KeepAxes::yes);
  const Tensor by_hand = centred / sqrt(variance(x, {1, 2}, KeepAxes::yes) + 1e-5);
  CHECK(largest_gap(instance(x), leaky_relu(by_hand, 0.2)) <= 1e-13);
  nn::LayerNorm layer(context, 3);
  const Tensor rows = (x - mean(x, {3}, KeepAxes::yes)) / sqrt(variance(x, {3}, KeepAxes::yes) + 1e-5);
  CHECK(largest_gap(layer(x), rows) <= 1e-12);

  CHECK((*nn::Upsample(2))(x).shape() == Shape{2, 8, 12, 3});
  CHECK((*nn::MaxPool2d({}))(x).shape() == Shape{2, 2, 3, 3});
  CHECK(largest_gap((*nn::AvgPool2d({{4, 6}, {1, 1}, {0, 0}}))(x), reshape((*nn::GlobalAvgPool2d())(x), {2, 1, 1, 3})) <= 1e-14);
  CHECK((*nn::Flatten())(x).shape() == Shape{2, 72});
  CHECK(largest_gap((*nn::Unflatten({4, 6, 3}))((*nn::Flatten())(x)), x) == 0);
  CHECK(largest_gap((*nn::ReLU())(x), maximum(x, context.constant(0))) == 0);
  CHECK(largest_gap((*nn::ELU())(x), select(greater(x, 0), x, exp(x) - 1)) <= 1e-15);
  CHECK(largest_gap((*nn::Sigmoid())(x), 0.5 * ((*nn::Tanh())(x * 0.5) + 1)) <= 1e-15);
  CHECK(largest_gap((*nn::Softplus())(x) - (*nn::Softplus())(-x), x) <= 1e-14);
  CHECK(largest_gap((*nn::LeakyReLU())(x), (*nn::ReLU())(x) - 0.2 * (*nn::ReLU())(-x)) <= 1e-15);

  nn::Dropout dropout(0.25, 9);
  const Tensor ones = context.full({100, 100}, 1), kept = dropout(ones);
  CHECK(mean(kept).item() == doctest::Approx(1).epsilon(0.03));   // five standard errors of sqrt(p / (1 - p) / 10,000) = 0.006
  CHECK(max(kept).item() == doctest::Approx(1 / 0.75));
  CHECK(min(kept).item() == 0);
  dropout.set_training(false);
  CHECK(largest_gap(dropout(ones), ones) == 0);

  nn::ConvTranspose2d up(context, 3, 4, {3, 2}, {.stride = {2, 3}, .output_pad = {1, 0}});
  nn::Conv2d grouped(context, 6, 4, {3, 3}, {.pad = {1, 1}, .groups = 2});
  CHECK(up(x).shape() == Shape{2, 10, 17, 4});
  CHECK(grouped(concat({x, x}, 3)).shape() == Shape{2, 4, 6, 4});
}

TEST_CASE("a checkpoint is made of files whose names are names, and too many open files are no missing ones") {
  const testing::TemporaryFolder folder;
  const nn::Checkpoints all(folder.path / "run");
  for (const char* name : {"", "../evil", "a\nb"}) CHECK_THROWS_WITH_AS(all.save(1, {{{name, {}}}, "{}"}), doctest::Contains("without '/'"), const ConfigError&);
  CHECK_THROWS_AS(all.save(-1, {{}, "{}"}), const ConfigError&);
  CHECK_FALSE(std::filesystem::exists(folder.path / "run"));
  const std::filesystem::path saved = all.save(1, {{{"net", {}}}, "{}"});
  CHECK(nn::checkpoint_fault(saved) == "");

  rlimit before;
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  const auto while_none_open = [&](const std::function<void()>& read) {
    ::setrlimit(RLIMIT_NOFILE, &none);
    int code = 0;
    try {
      read();
    } catch (const Error& e) {
      code = e.exit_code;
    }
    ::setrlimit(RLIMIT_NOFILE, &before);
    return code;
  };
  CHECK(while_none_open([&] { sha256_of_file(saved / "state.json"); }) == 74);
  CHECK(while_none_open([&] { read_safetensors(saved / "net.safetensors"); }) == 74);
  CHECK(while_none_open([&] { nn::read_checkpoint(saved); }) == 74);
  CHECK_THROWS_AS(sha256_of_file(saved / "nothing"), const DataError&);
}

TEST_CASE("power iteration finds the largest singular value, a ninth of the error a step") {
  const Context context = in_double();
  const auto layer = nn::spectral_norm(std::make_shared<nn::Linear>(context, 2, 2, nn::Bias::no));
  const auto p = layer->parameters();
  p[0].second->value.write(std::vector<double>{3, 0, 4, 5});     // singular values sqrt(45) and sqrt(5)
  p[1].second->value.write(std::vector<double>{1, 0});           // u; v follows from it
  const Tensor eye = context.from(std::vector<double>{1, 0, 0, 1}, {2, 2});
  double before = 0;
  for (int i = 0; i < 12; ++i) {
    const double sigma = 3 / (*layer)(eye).values()[0];          // W / sigma, transposed: its first element is 3 / sigma
    CHECK(sigma <= std::sqrt(45) * (1 + 1e-15));
    // The direction's error falls by (sqrt(5) / sqrt(45))^2 a step, and that of sigma, which is a maximum there, by the square of it.
    const double error = 1 - sigma / std::sqrt(45);
    if (i > 1 && before > 1e-12) CHECK(error / before == doctest::Approx(1.0 / 81).epsilon(0.05));
    before = error;
  }
  CHECK(before <= 1e-15);
}
