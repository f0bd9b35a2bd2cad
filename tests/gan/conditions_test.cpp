// What generators do with the class that they are told.
#include "networks.h"
#include "weft/gan/contest.h"

using namespace weft;

TEST_CASE("each model's generator makes other pictures of another class") {
  const Context c = in_double();
  const NoGraph off(c);
  for (const char* model : {"dcgan", "convgan", "resnet", "r3gan", "stylegan2"}) {
    CAPTURE(model);
    gan::ModelOptions o = options_for(model, 32);
    o.condition = model == std::string("dcgan") || model == std::string("convgan") ? "concat" : "projection", o.classes = {"a", "b"};
    const gan::Networks n = gan::find_model(model).build(c, o);
    nn::initialise(*n.generator, nn::Init::kaiming, 3);
    for (const auto& [name, p] : n.generator->parameters())
      if (sum_squares(p->value).item() == 0) p->value.copy_from(0.1 * c.normal(p->value.shape(), 8));      // of conditional norms, which begin alike for all classes
    n.generator->set_training(false);
    const Tensor z = c.normal({1, 1, 1, 6}, 1);
    const auto made = [&](const std::vector<double>& row) {
      dynamic_cast<gan::Conditional&>(*n.generator).set_condition(c.from(row, {1, 2}));
      return (*n.generator)(z).values();
    };
    CHECK(made({1, 0}) == made({1, 0}));
    CHECK(made({1, 0}) != made({0, 1}));
  }
}
