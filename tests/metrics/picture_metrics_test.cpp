// The measures that training asks for as it goes: of a generator that makes the data, and of one that has collapsed.
#include "weft/gan/metric.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "gan/small_networks.h"
#include "temporary_folder.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

/// Pictures of one grey: dark ones of class a, light ones of class b. Of a parameter of -1, middle grey whatever the class.
class TwoGreys : public nn::Module, public Conditional {
 public:
  explicit TwoGreys(const Context& c) : less_(add("less", numbers(c, {1}))) {}
  void set_condition(const Tensor& labels) override { labels_ = labels; }
  Tensor forward(const Tensor& z) override {
    const Tensor level = matmul(labels_, z.context().from(std::vector<double>{-0.6, 0.6}, {2, 1})) * (1 + less_->value);
    return expand(reshape(level, {z.size(0), 1, 1, 1}), {z.size(0), 5, 5, 3});
  }

 private:
  std::shared_ptr<nn::Parameter> less_;
  Tensor labels_;
};

Networks two_greys(const Context& c, const ModelOptions& o) { return {std::make_shared<TwoGreys>(c), std::make_shared<SmallDiscriminator>(c, o)}; }

}  // namespace

TEST_CASE("metrics of pictures: 0 of a generator that makes the data, class by class; above 0 of one that has collapsed, and lower is better") {
  const TemporaryFolder folder;
  for (int i = 0; i < 8; ++i) {                            // twice as many of class a
    const std::filesystem::path of_class = folder.path / (i % 3 == 2 ? "b" : "a");
    std::filesystem::create_directories(of_class);
    write_png(of_class / (std::to_string(i) + ".png"), {5, 5, 3, std::vector<uint8_t>(75, i % 3 == 2 ? 204 : 51)});
  }
  const auto data = open_dataset(folder.path.string(), {.size = 5});
  GanOptions o = small_options();
  o.model.channels = 3, o.model.classes = {"a", "b"}, o.model.condition = "concat";
  const Context context = in_double();
  Gan gan(context, model_of(two_greys), o);
  for (const double less : {0.0, -1.0}) {
    first_parameter(gan.generator()).write(std::vector<double>{less});
    for (const Metric& metric : picture_metrics()) {
      CAPTURE(metric.name);
      CHECK_FALSE(metric.higher_is_better);
      const double value = metric.measure(gan, *data, 8, 3).values.at(0).second;
      if (less == 0) CHECK(value == doctest::Approx(0).epsilon(1e-6));
      else CHECK(value > 0.1);
    }
  }
}
