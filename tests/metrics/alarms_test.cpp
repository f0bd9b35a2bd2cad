// Alarms: told once, at the second time in a row, and again only after the trouble had passed.
#include "alarms.h"

#include <doctest/doctest.h>

#include <cmath>

#include "gan/small_networks.h"

using namespace weft;
using namespace weft::gan;

namespace {

Gauges steady() { return {{{"loss_d", 1.3}, {"loss_g", 0.8}, {"gradient_norm_generator", 0.02}, {"difference_samples", 0.9}, {"difference_data", 1}, {"d_train", 0.6}, {"d_held_out", 0.55}}}; }

Gauges with(const std::string& name, double value) {
  Gauges g = steady();
  for (auto& [known, v] : g.values)
    if (known == name) v = value;
  return g;
}

/// A discriminator whose logit is a picture's mean.
class Brightness : public nn::Module {
 public:
  explicit Brightness(const Context& c) { add("unused", std::make_shared<nn::Linear>(c, 1, 1)); }
  Tensor forward(const Tensor& x) override { return mean(x, {1, 2, 3}); }
};
Networks with_brightness(const Context& c, const ModelOptions& o) { return {std::make_shared<testing::SmallGenerator>(c, o), std::make_shared<Brightness>(c)}; }

/// Alarms that heard ten quiet lines.
Alarms quiet() {
  Alarms a;
  for (int i = 1; i <= 10; ++i) CHECK(a.hear(i, steady()).empty());
  return a;
}

}  // namespace

TEST_CASE("alarms: each trouble in a sentence of its own") {
  const auto rings = [](const std::string& name, double value, const std::string& part) {
    CAPTURE(name);
    Alarms a = quiet();
    CHECK(a.hear(11, with(name, value)).empty());              // once may be chance
    const std::vector<std::string> told = a.hear(12, with(name, value));
    REQUIRE(told.size() == 1);
    CHECK(told[0].find("step 12: ") == 0);
    CHECK(told[0].find(part) != std::string::npos);
    CHECK(a.hear(13, with(name, value)).empty());              // told
    CHECK(a.hear(14, steady()).empty());
    a.hear(15, with(name, value));
    CHECK(a.hear(16, with(name, value)).size() == 1);          // it had passed, and is back
  };
  rings("loss_g", 200, "loss_g is 200");
  rings("loss_d", NAN, "diverges");
  rings("gradient_norm_generator", 5, "diverges");
  rings("difference_samples", 0.1, "collapsed");
  rings("d_held_out", 0.1, "by heart");
}

TEST_CASE("alarms: how many pictures a discriminator takes for real is counted on the objective's own scale") {
  const Context c = Context::open("reference");
  const Tensor pictures = c.uniform({8, 5, 5, 2}, 1) + 3, others = pictures - 40;
  for (const Objective& objective : objectives()) {
    CAPTURE(objective.name);
    const Gan game(c, testing::model_of(with_brightness), testing::small_options(objective.name));
    const Gauges told = watched(game, {pictures}, {others}, 0);
    CHECK(told["d_train"] == 1);
    CHECK(told["d_held_out"] == 0);
  }
}

TEST_CASE("alarms: what is usual rings nothing") {
  Alarms a = quiet();
  for (int i = 11; i < 40; ++i) {
    CHECK(a.hear(i, with("loss_g", i % 2 ? 12 : 0.01)).empty());
    CHECK(a.hear(i, with("gradient_norm_generator", i % 2 ? 0.5 : 1e-6)).empty());
    CHECK(a.hear(i, with("difference_samples", 0.5)).empty());
    CHECK(a.hear(i, with("d_held_out", 0.7)).empty());
  }
  Alarms without;                                              // a model that tells nothing of these
  CHECK(without.hear(1, {{{"loss_cycle", 3}}}).empty());
}
