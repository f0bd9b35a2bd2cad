// Steps of the translating models: PyTorch's numbers, and what each part of a loss is for.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "where.h"
#include "weft/gan/contest.h"
#include "weft/gan/measures.h"
#include "weft/gan/sheet.h"
#include "weft/gan/translation.h"

using namespace weft;

namespace {

const Safetensors& torch_run() {
  static const Safetensors file = read_safetensors(testing::test_file("translation/torch_steps.safetensors"));
  return file;
}

HostTensors part(const std::string& prefix) {
  HostTensors found;
  for (const auto& [name, tensor] : torch_run().tensors)
    if (name.rfind(prefix, 0) == 0) found[name.substr(prefix.size())] = tensor;
  return found;
}

Tensor pictures(const Context& context, const std::string& name) {      // (N,C,H,W) on disk
  const HostTensor& t = torch_run().tensors.at(name);
  return permute(context.from(to_doubles(t), Shape(t.shape)), {0, 2, 3, 1});
}

/// The model as torch_steps.py has it: the settings that it comes with, in small, and nothing random.
gan::GanOptions small(const std::string& model) {
  gan::GanOptions o;
  o.model.size = 32, o.model.channels = 3, o.model.width = 4, o.model.blocks = 2;
  o.objective = &gan::find_objective(model == "pix2pix" ? "non-saturating" : "lsgan");
  o.generator.settings.beta1 = o.discriminator.settings.beta1 = 0.5;
  o.patches = 1 << 20;                   // all there are
  if (model == "cyclegan") o.weights = {.cycle = 10, .identity = 5};
  if (model == "cut" || model == "fastcut") o.model.latent = 16, o.model.upsampling = "bilinear";
  if (model == "cut") o.weights = {.identity = 1, .nce = 1};
  if (model == "fastcut") o.weights = {.nce = 10};
  if (model == "unit") o.model.blocks = 1, o.model.upsampling = "nearest", o.weights = {.adversarial = 10, .cycle = 100, .l1 = 100, .kl = 0.1};
  if (model == "pix2pix") o.model.blocks = 9, o.model.norm = "batch", o.weights = {.l1 = 100};
  return o;
}

std::unique_ptr<gan::Contest> contest(const Context& context, const std::string& model, const gan::GanOptions& options) {
  return gan::make_contest(context, gan::find_model(model), options);
}

/// The largest gap between a loss of three steps and PyTorch's.
double gap_to_torch(const Context& context, const std::string& model) {
  const auto c = contest(context, model, small(model));
  for (size_t i = 0; i < c->players().size(); ++i)
    nn::load_state_dict(c->network(i), part(model + "." + c->players()[i].name + "."), model + " " + c->players()[i].name);
  double gap = 0;
  for (int step = 0; step < 3; ++step) {
    const std::string at = model + ".step" + std::to_string(step) + ".";
    c->step({pictures(context, at + "a"), pictures(context, at + "b")});
    const gan::Gauges now = c->gauges();
    const std::vector<double> expected = to_doubles(torch_run().tensors.at(at + "losses"));
    std::istringstream names(torch_run().metadata.at(model));
    size_t i = 0;
    for (std::string name; names >> name; ++i) {
      CAPTURE(name);
      CAPTURE(step);
      CAPTURE(now[name]);
      CAPTURE(expected.at(i));
      REQUIRE(std::isfinite(now[name]));
      CHECK(std::fabs(now[name] - expected[i]) <= 1e-4 * std::max(1.0, std::fabs(expected[i])));
      gap = std::max(gap, std::fabs(now[name] - expected[i]));
    }
    REQUIRE(i == expected.size());
  }
  return gap;
}

}  // namespace

TEST_CASE("three steps of cyclegan, cut and pix2pix are PyTorch's") {
  for (const char* model : {"cyclegan", "cut", "pix2pix"}) {
    CAPTURE(std::string(model));
    const double in_double = gap_to_torch(Context::open("cpu", {DType::f64}), model);
    const double in_float = gap_to_torch(Context::open("cpu"), model);
    MESSAGE(std::string(model) << ": float64 within " << in_double << ", float32 within " << in_float);
    CHECK(in_double <= 1e-6);            // what remains is where an epsilon stands: in PatchNCE's length, in Adam's
  }
}

namespace {

const char* const kModels[] = {"cyclegan", "cut", "fastcut", "unit", "pix2pix"};

struct Sides { Tensor a, b; };
Sides some_pictures(const Context& context, int64_t n = 1, int64_t side = 32) {
  return {context.uniform({n, side, side, 3}, 5) * 2 - 1, context.uniform({n, side, side, 3}, 6) * 1.2 - 0.9};
}

struct Part { const char* name; double gan::LossWeights::*weight; };
constexpr Part kParts[] = {{"adversarial", &gan::LossWeights::adversarial}, {"cycle", &gan::LossWeights::cycle}, {"identity", &gan::LossWeights::identity},
                           {"l1", &gan::LossWeights::l1}, {"nce", &gan::LossWeights::nce}, {"kl", &gan::LossWeights::kl}};

const std::map<std::string, std::string> kTold = {      // every part there is, in the alphabet's order: one that were left out would be missed here
    {"cyclegan", "loss_cycle_a loss_cycle_b loss_d_a loss_d_b loss_gan_ab loss_gan_ba loss_identity_a loss_identity_b "},
    {"cut", "loss_d loss_gan loss_nce loss_nce_identity "},
    {"fastcut", "loss_d loss_gan loss_nce "},
    {"unit", "loss_cycle_a loss_cycle_b loss_d_a loss_d_b loss_gan_ab loss_gan_ba loss_kl_a loss_kl_b loss_kl_back_a loss_kl_back_b loss_l1_a loss_l1_b "},
    {"pix2pix", "loss_d loss_gan loss_l1 "}};

}  // namespace

TEST_CASE("each part of each model's loss falls when it alone is learned, and the whole is the sum of what is told") {
  for (const char* model : kModels) {
    CAPTURE(std::string(model));
    const gan::LossWeights all = small(model).weights;
    for (const Part& only : kParts) {
      const std::string name = only.name;
      // The identity part of cut is the share of PatchNCE's that looks at b, so it has no weight of its own.
      if (all.*only.weight == 0 || (std::string(model) == "cut" && name == "identity")) continue;
      CAPTURE(name);
      const Context context = Context::open("cpu", {DType::f64});
      gan::GanOptions o = small(model);
      o.weights = {.adversarial = 0};
      o.patches = 40;
      o.weights.*only.weight = all.*only.weight;
      o.generator.learning_rate = 1e-4, o.discriminator.learning_rate = 0;
      const auto c = contest(context, model, o);
      const Sides s = some_pictures(context);
      c->step({s.a, s.b});
      const gan::Gauges before = c->gauges();
      c->seek(0);                                // the same draws again
      c->step({s.a, s.b});
      CHECK(before["loss_g"] > 0);
      CHECK(c->gauges()["loss_g"] < before["loss_g"]);
    }

    const Context context = Context::open("cpu");
    gan::GanOptions o = small(model);
    o.patches = 40;
    o.generator.learning_rate = 0, o.discriminator.learning_rate = 1e-4;
    const auto c = contest(context, model, o);
    const Sides s = some_pictures(context);
    c->step({s.a, s.b});
    const gan::Gauges before = c->gauges();
    double sum = 0;
    std::map<std::string, double> judged;
    std::set<std::string> names;
    for (const auto& [told, value] : before.values) {
      if (told.rfind("loss_", 0) != 0 || told == "loss_g") continue;
      names.insert(told);
      if (told.rfind("loss_d", 0) == 0) judged[told] = value;
      else sum += value;
    }
    std::string list;
    for (const std::string& name : names) list += name + " ";
    CHECK(list == kTold.at(model));
    CHECK(sum == doctest::Approx(before["loss_g"]).epsilon(1e-5));
    c->seek(0);
    c->step({s.a, s.b});
    for (const auto& each : judged) {             // each discriminator learns
      const auto& told = each.first;
      const auto& value = each.second;
      CAPTURE(told);
      CHECK(value > 0);
      CHECK(c->gauges()[told] < value);
    }
  }
}

TEST_CASE("model.norm and model.upsampling reach the generators") {
  const Context context = Context::open("cpu");
  const auto shapes = [&](const std::string& model, const char* norm, const char* upsampling) {
    gan::GanOptions o = small(model);
    o.model.norm = norm, o.model.upsampling = upsampling;
    std::map<std::string, std::vector<int64_t>> all;
    for (const auto& [name, tensor] : nn::state_dict(contest(context, model, o)->network(0))) all[name] = tensor.shape;
    return all;
  };
  for (const char* model : {"cyclegan", "cut", "fastcut", "unit", "pix2pix"}) {
    CAPTURE(std::string(model));
    const auto plain = shapes(model, "instance", "nearest"), normed = shapes(model, "batch", "nearest"), transposed = shapes(model, "instance", "transposed");
    CHECK(normed.size() > plain.size());
    CHECK(transposed != plain);
  }
}

TEST_CASE("lsgan's squares are whole and a discriminator's loss is the mean of both sides', whatever the objective") {
  const Context context = Context::open("cpu", {DType::f64});
  const auto [a, b] = some_pictures(context);
  for (const char* model : {"cyclegan", "pix2pix"})
    for (const char* objective : {"lsgan", "non-saturating"}) {
      CAPTURE(std::string(model) + objective);
      gan::GanOptions o = small(model);
      o.objective = &gan::find_objective(objective);
      o.generator.learning_rate = o.discriminator.learning_rate = 0;
      o.weights.adversarial = 3;
      const auto c = contest(context, model, o);
      for (size_t i = 0; i < c->players().size(); ++i)                    // logits of 0 for all pictures
        if (c->players()[i].name.rfind("discriminator", 0) == 0)
          for (const auto& [name, p] : c->network(i).parameters()) p->value.write(std::vector<double>(size_t(p->value.count()), 0.0));
      c->step({a, b});
      const bool squares = objective == std::string("lsgan");
      const char* side = model == std::string("pix2pix") ? "" : "_a";
      CHECK(c->gauges()[std::string("loss_d") + side] == doctest::Approx(squares ? 0.5 : std::log(2)));
      CHECK(c->gauges()[std::string("loss_gan") + (*side ? "_ba" : "")] == doctest::Approx(3 * (squares ? 1 : std::log(2))));
    }
}

TEST_CASE("unit's losses, each worked out by itself, with discriminators at two scales") {
  const Context context = Context::open("cpu", {DType::f64});
  gan::GanOptions o = small("unit");
  o.model.d_layers = 2, o.model.d_scales = 2;
  o.generator.learning_rate = o.discriminator.learning_rate = 0;
  const auto c = contest(context, "unit", o);
  const auto [a, b] = some_pictures(context);
  c->step({a, b});
  const gan::Gauges told = c->gauges();

  const NoGraph scope(context);                            // the draws are still that step's, and the networks are as they were
  const auto& g = static_cast<gan::UnitGenerator&>(c->network(0));
  const auto apart = [](const Tensor& x, const Tensor& y) { return mean(abs(x - y)).item(); };
  const auto divergence = [](const Tensor& code) { return mean(code * code).item() / 2; };
  const auto judge = [&](size_t player, const Tensor& x, double wanted) {
    const Tensors at_scales = static_cast<gan::PatchDiscriminator&>(c->network(player)).logits(x);
    REQUIRE(at_scales.size() == 2);
    double sum = 0;
    for (const Tensor& logits : at_scales) sum += mean((logits - wanted) * (logits - wanted)).item() / 2;
    return sum;
  };
  const Tensor code_a = g.encode(0, a), code_b = g.encode(1, b), as_b = g.decode(1, code_a, 0), as_a = g.decode(0, code_b, 1);
  const Tensor again_a = g.encode(1, as_b), again_b = g.encode(0, as_a);
  const std::map<std::string, double> expected = {
      {"loss_l1_a", 100 * apart(g.decode(0, code_a, 0), a)},    {"loss_l1_b", 100 * apart(g.decode(1, code_b, 1), b)},
      {"loss_cycle_a", 100 * apart(g.decode(0, again_a, 2), a)}, {"loss_cycle_b", 100 * apart(g.decode(1, again_b, 3), b)},
      {"loss_kl_a", 0.1 * divergence(code_a)},                   {"loss_kl_b", 0.1 * divergence(code_b)},
      {"loss_kl_back_a", 0.1 * divergence(again_a)},             {"loss_kl_back_b", 0.1 * divergence(again_b)},
      {"loss_gan_ab", 20 * judge(2, as_b, 1)},                   {"loss_gan_ba", 20 * judge(1, as_a, 1)},
      {"loss_d_a", judge(1, a, 1) + judge(1, as_a, 0)},          {"loss_d_b", judge(2, b, 1) + judge(2, as_b, 0)}};
  for (const auto& each : expected) {
    const auto& name = each.first;
    const auto& value = each.second;
    CAPTURE(name);
    CHECK(told[name] == doctest::Approx(value).epsilon(1e-9));
  }
}

TEST_CASE("fastcut compares features that it has turned back, in about half of its steps") {
  const Context context = Context::open("cpu", {DType::f64});
  gan::GanOptions o = small("fastcut");
  o.model.d_layers = 1;
  o.generator.learning_rate = o.discriminator.learning_rate = 0;
  const auto c = contest(context, "fastcut", o);
  auto& g = static_cast<gan::ResnetGenerator&>(c->network(0));
  auto& heads = static_cast<gan::PatchProjection&>(c->network(2));
  const Sides s = some_pictures(context, 1, 16);
  const auto expected = [&](bool flipped) {
    const NoGraph scope(context);
    Tensors q = g.features(g(flipped ? flip(s.a) : s.a), g.encoder_layers()), places;
    const Tensors k = g.features(s.a, g.encoder_layers());
    for (Tensor& f : q) {
      places.push_back(gan::patch_positions(f, 1 << 20, 1));
      if (flipped) f = flip(f);
    }
    return 10 * gan::patch_nce(heads.project(q, places), heads.project(k, places)).item();
  };
  const double plain = expected(false), turned = expected(true);
  REQUIRE(std::fabs(plain - turned) > 1e-6);
  int flips = 0;
  for (int i = 0; i < 16; ++i) {
    c->step({s.a, s.b});
    const double told = c->gauges()["loss_nce"];
    const bool flipped = std::fabs(told - turned) < std::fabs(told - plain);
    CHECK(std::fabs(told - (flipped ? turned : plain)) <= 1e-9);
    flips += flipped;
  }
  CHECK(flips >= 3);
  CHECK(flips <= 13);
}

TEST_CASE("steps that are recorded, and steps after a checkpoint, are the steps there would have been") {
  for (const char* model : kModels) {
    CAPTURE(std::string(model));
    const Context context = Context::open("cpu", {.threads = 1});
    gan::GanOptions o = small(model);
    o.patches = 20, o.ema = 0.9;
    if (model == std::string("cyclegan")) o.pool = 2;
    if (model == std::string("pix2pix")) o.model.dropout = 0.5;
    const auto run = [&](gan::CaptureSteps capture, int cut_at) {
      o.capture = capture;
      auto c = contest(context, model, o);
      const Tensor a = context.zeros({1, 32, 32, 3}), b = context.zeros({1, 32, 32, 3});
      for (int i = 0; i < 5; ++i) {
        if (i == cut_at) {
          nn::Checkpoint kept;
          c->save(kept);
          c = contest(context, model, o);
          c->load(kept, "kept");
          c->seek(i);
        }
        context.step_state().step = uint64_t(100 + i);     // other pictures each time
        context.publish_step_state();
        const Sides s = some_pictures(context, 1);
        a.copy_from(s.a), b.copy_from(s.b);
        c->step({a, b});
        CHECK_FALSE(c->met_not_finite());
      }
      return c->parameters_sha256();
    };
    const std::string once = run(gan::CaptureSteps::off, -1);
    CHECK(run(gan::CaptureSteps::off, -1) == once);
    CHECK(run(gan::CaptureSteps::on, -1) == once);
    CHECK(run(gan::CaptureSteps::off, 3) == once);
  }
}

TEST_CASE("sheets show inputs beside outputs, and what is held out is measured") {
  for (const char* model : kModels) {
    CAPTURE(std::string(model));
    const Context context = Context::open("cpu");
    const auto c = contest(context, model, small(model));
    const Sides s = some_pictures(context, 3);
    const auto sheet = c->sheet({s.a, s.b}, 2, 0);
    CHECK(sheet.images.shape() == Shape{2 * sheet.columns, 32, 32, 3});
    CHECK(slice(sheet.images, 0, sheet.columns, sheet.columns + 1).floats() == slice(s.a, 0, 1, 2).floats());
    if (model == std::string("pix2pix")) {
      CHECK(slice(sheet.images, 0, 2, 3).floats() == slice(s.b, 0, 0, 1).floats());
      CHECK(c->sheet({concat({s.a, s.b}, 3)}, 2, 0).images.floats() == sheet.images.floats());   // pairs joined at their channels
    }
    const gan::Gauges g = c->measure({s.a, s.b});
    CHECK(g.values.at(0).first == "held_out");
    CHECK(std::isfinite(g["held_out"]));
    CHECK(g["held_out"] > 0);
    CHECK_THROWS_AS(contest(context, model, small(model))->sheet({}, 2, 0), const ConfigError&);
  }
}

TEST_CASE("what is held out is measured by its patches, as a share of what they were apart, and by what is kept of its structure") {
  const Context context = Context::open("cpu", {.threads = 1});
  const auto c = contest(context, "cyclegan", small("cyclegan"));
  const Sides s = some_pictures(context);
  const gan::Image in = gan::to_image(s.a, 0), out = gan::to_image(gan::in_evaluation(c->network(0), s.a), 0), wanted = gan::to_image(s.b, 0);
  const auto apart = [&](const gan::Image& picture) {
    const auto at_scales = gan::patch_distance(context, {picture}, {wanted});
    return at_scales[0] + at_scales[1] + at_scales[2];
  };
  const double style = apart(out) / apart(in), kept = gan::structural_similarity(in, out);
  const gan::Gauges told = c->measure({s.a, s.b});
  CHECK(told["held_out_style"] == doctest::Approx(style));
  CHECK(told["held_out_structure"] == doctest::Approx(kept));
  CHECK(told["held_out"] == doctest::Approx(style + 1 - kept));
}

TEST_CASE("cyclegan's discriminators are shown pictures of earlier steps, out of a pool a side") {
  const Context context = Context::open("cpu", {.threads = 1});
  gan::GanOptions o = small("cyclegan");
  o.generator.learning_rate = o.discriminator.learning_rate = 0;
  Tensors given;
  for (uint64_t i = 0; i < 8; ++i) given.push_back(context.uniform({1, 32, 32, 3}, 20 + i) * 2 - 1);
  const auto opinions = [&](int pool) {
    o.pool = pool;
    const auto c = contest(context, "cyclegan", o);
    std::vector<std::array<double, 2>> told;
    for (const Tensor& a : given) {
      c->step({a, -a});
      told.push_back({c->gauges()["d_fake_a"], c->gauges()["d_fake_b"]});
    }
    return told;
  };
  const auto now = opinions(0), pooled = opinions(1);
  for (const size_t side : {0, 1}) {
    int earlier = 0;
    for (size_t i = 0; i < 8; ++i) {
      size_t of = 0;
      while (of < i && pooled[i][side] != now[of][side]) ++of;
      CHECK(pooled[i][side] == now[of][side]);
      earlier += of < i;
    }
    CHECK(earlier > 0);
  }
}

TEST_CASE("names that there are none of, and sizes that do not go") {
  const Context context = Context::open("cpu");
  gan::GanOptions o = small("cyclegan");
  o.model.upsampling = "bilinaer";
  CHECK_THROWS_WITH_AS(contest(context, "cyclegan", o), doctest::Contains("bilinear"), const ConfigError&);
  o = small("pix2pix");
  o.model.norm = "layer";
  CHECK_THROWS_WITH_AS(contest(context, "pix2pix", o), doctest::Contains("instance"), const ConfigError&);
  o = small("pix2pix");
  o.model.size = 30;
  CHECK_THROWS_WITH_AS(contest(context, "pix2pix", o), doctest::Contains("30"), const ConfigError&);
}
