// What a generator is given: latents, and which class to make.
#include "networks.h"
#include "weft/gan/conditions.h"
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
}

TEST_CASE("attributes of a class, and unknown ones") {
  const gan::Conditions one_hot = gan::conditions_of({"Coat", "Bag"}), several = gan::conditions_of({"dress|red", "dress|blue", "coat|red"});
  CHECK(one_hot.names == std::vector<std::string>{"Coat", "Bag"});
  CHECK(one_hot.rows == std::vector<std::vector<float>>{{1, 0}, {0, 1}});
  CHECK(several.names == std::vector<std::string>{"blue", "coat", "dress", "red"});
  CHECK(several.rows == std::vector<std::vector<float>>{{0, 0, 1, 1}, {1, 0, 1, 0}, {0, 1, 0, 1}});
  CHECK(gan::condition_row(several.names, "coat|blue", "--class") == std::vector<float>{1, 1, 0, 0});
  CHECK_THROWS_WITH_AS(gan::condition_row(one_hot.names, "Coar", "--class"), doctest::Contains("--class 'Coar' is none of Coat, Bag; did you mean 'Coat'"), const ConfigError&);
}
