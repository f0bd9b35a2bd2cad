// What a generator is given: latents, and which class to make.
#include "networks.h"
#include "weft/gan/conditions.h"
#include "weft/gan/gan.h"
#include "weft/gan/latent.h"

using namespace weft;

TEST_CASE("walks and truncated latents") {
  const Context context = in_double();
  const Tensor z = context.normal({3, 1, 1, 50}, 1);
  for (const char* path : {"spherical", "linear"}) {
    const Tensor walk = gan::walks(z, 5, gan::path_of(path));
    CHECK(walk.shape() == Shape{10, 1, 1, 50});
    CHECK(largest_gap(slice(walk, 0, 0, 1).values(), slice(z, 0, 0, 1).values()) <= 1e-14);
    CHECK(largest_gap(slice(walk, 0, 9, 10).values(), slice(z, 0, 2, 3).values()) <= 1e-14);
    const double ends = 0.5 * (sum_squares(slice(z, 0, 0, 1)).item() + sum_squares(slice(z, 0, 1, 2)).item()), middle = sum_squares(slice(walk, 0, 2, 3)).item();
    if (path == std::string("linear")) CHECK(middle < 0.8 * ends);
    else CHECK(middle == doctest::Approx(ends).epsilon(0.1));
  }
  CHECK_THROWS_WITH_AS(gan::path_of("sphercal"), doctest::Contains("did you mean 'spherical'"), const ConfigError&);
  CHECK(largest_gap(gan::truncated(z, 40).values(), z.values()) <= 1e-9);
  double spread = 2;
  for (const double most : {3.0, 1.0, 0.5, 0.1}) {
    const Tensor t = gan::truncated(z, most);
    CHECK(max(abs(t)).item() <= most);
    const double now = std::sqrt(sum_squares(t).item() / 150);
    CHECK(now < spread);
    spread = now;
  }
  for (const double most : {-1.0, double(NAN)}) CHECK_THROWS_WITH_AS(gan::truncated(z, most), doctest::Contains("from 0 on"), const ConfigError&);
  CHECK_THROWS_WITH_AS(gan::walks(z, 1, gan::Path::linear), doctest::Contains("two ends"), const ConfigError&);
}

namespace {
/// Pictures of which only the classes matter.
class Pictures final : public gan::Dataset {
 public:
  Pictures(std::vector<std::string> classes, std::vector<int> labels) { classes_ = std::move(classes), labels_ = std::move(labels), size_ = int64_t(labels_.size()); }
  int read(int64_t, float*) override { return 0; }
};
}  // namespace

TEST_CASE("attributes of a class, and unknown ones") {
  const gan::Conditions one_hot = gan::conditions_of({"Coat", "Bag"}), several = gan::conditions_of({"dress|red", "dress|blue", "coat|red"});
  CHECK(one_hot.names == std::vector<std::string>{"Coat", "Bag"});
  CHECK(one_hot.rows == std::vector<std::vector<float>>{{1, 0}, {0, 1}});
  CHECK(several.names == std::vector<std::string>{"blue", "coat", "dress", "red"});
  CHECK(several.rows == std::vector<std::vector<float>>{{0, 0, 1, 1}, {1, 0, 1, 0}, {0, 1, 0, 1}});
  CHECK(gan::condition_row(several.names, "coat|blue", "--class") == std::vector<float>{1, 1, 0, 0});
  // Samples in turn are what the data has, never "red" alone; and beside pictures of the data they are what those are.
  const Context c = Context::open("reference");
  gan::ModelOptions o;
  o.classes = several.names, o.combinations = {"dress|red", "dress|blue", "coat|red"};
  CHECK(gan::classes_in_turn(c, 4, o).values() == std::vector<double>{0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1});
  CHECK(gan::model_options_from(gan::to_metadata(o), "file").combinations == o.combinations);
  const Pictures data({"coat|red", "dress|red", "dress|blue"}, {2, 2, 0, 1});
  CHECK(gan::classes_as(c, o, data, {0, 2, 3}).values() == std::vector<double>{1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1});
  o.classes = {"a", "b"}, o.combinations = {};
  CHECK(gan::classes_as(c, o, data, {0, 2, 3}).values() == std::vector<double>{1, 0, 0, 1, 1, 0});       // other data than the model's: in turn
  CHECK_THROWS_WITH_AS(gan::condition_row(one_hot.names, "Coar", "--class"), doctest::Contains("--class 'Coar' is none of Coat, Bag; did you mean 'Coat'"), const ConfigError&);
}
