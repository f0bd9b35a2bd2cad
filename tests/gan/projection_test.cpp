// A given picture's latent, directions among codes, and the sheets that show what latents do.
#include "weft/gan/projection.h"

#include "../where.h"
#include "networks.h"
#include "weft/gan/codes.h"
#include "weft/gan/latent.h"
#include "weft/gan/looking_inside.h"

using namespace weft;

namespace {

gan::TrainedGenerator small_styled(const Context& context) {
  gan::TrainedGenerator g;
  g.model = options_for("stylegan2", 16);
  g.network = gan::stylegan2(context, g.model).generator;
  nn::initialise(*g.network, nn::Init::dcgan, 1);
  (*g.network)(context.normal({64, 1, 1, 6}, 3));              // in training: the mean of w moves
  g.network->set_training(false);
  return g;
}

double apart(const Tensor& a, const Tensor& b) { return sum_squares(a - b).item(); }

}  // namespace

TEST_CASE("the distance of pictures is that of the picture and of its halves") {
  const Context context = in_double();
  const Tensor a = context.normal({3, 16, 16, 1}, 1), b = context.normal({1, 16, 16, 1}, 2);
  const std::vector<double> d = gan::picture_distance(a, b).values();
  REQUIRE(d.size() == 3);
  for (int64_t i = 0; i < 3; ++i) {
    Tensor off = slice(a, 0, i, i + 1) - b;
    double total = 0;
    for (int level = 0; level < 3; ++level, off = average_pool(off, Window{})) total += mean(off * off).item() / 3;   // 16, 8, 4 pixels
    CHECK(d[size_t(i)] == doctest::Approx(total).epsilon(1e-12));
  }
  CHECK(gan::picture_distance(b, b).item() == 0);

  // What a network sees counts as much again: the mean square of the difference as a share of what it sees in the target. Here it sees the
  // mean of each half of a colour picture of 8 pixels.
  gan::Describer d8{"halves", "", 2, 8, 3, {}, nullptr};
  d8.features = [](const Tensor& x) {
    CHECK(x.shape() == Shape{x.size(0), 8, 8, 3});
    return concat({mean(slice(x, 1, 0, 4), {1, 2, 3}, KeepAxes::no), mean(slice(x, 1, 4, 8), {1, 2, 3}, KeepAxes::no)}, 0);
  };
  d8.features = [inner = d8.features](const Tensor& x) { return transpose(reshape(inner(x), {2, x.size(0)})); };
  const std::vector<double> with = gan::picture_distance(a, b, &d8).values();
  const auto halves = [](const Tensor& x, int64_t i) {
    const Tensor one = slice(x, 0, i, i + 1);
    return std::pair{mean(slice(one, 1, 0, 8)).item(), mean(slice(one, 1, 8, 16)).item()};
  };
  const auto [top, bottom] = halves(b, 0);
  for (int64_t i = 0; i < 3; ++i) {
    const auto [its_top, its_bottom] = halves(a, i);
    const double seen = ((its_top - top) * (its_top - top) + (its_bottom - bottom) * (its_bottom - bottom)) / (top * top + bottom * bottom + 2e-8);
    CHECK(with[size_t(i)] == doctest::Approx(d[size_t(i)] + seen).epsilon(1e-9));
  }
}

TEST_CASE("the latent of a generated picture is found again") {
  if (std::getenv("WEFT_TESTS")) {
    MESSAGE("skipped: these tests were carried elsewhere, without the documentation");
    return;
  }
  const Context context = Context::open("cpu", {.threads = 1});
  const gan::TrainedGenerator g = gan::load_generator(weft::testing::test_file("../docs/generators/clothes.safetensors"), context);
  const Tensor target = slice(g.sample(2, 5), 0, 1, 2);
  gan::ProjectOptions o;
  o.steps = 150, o.restarts = 4;
  const gan::Projection found = gan::project(g, target, o);
  CHECK(found.distances[size_t(found.best)] < 0.005);
  CHECK(found.distances[size_t(found.best)] < 0.1 * *std::min_element(found.begun.begin(), found.begun.end()));
  const Tensor again = gan::pictures_of(g, found.latent);
  CHECK(gan::picture_distance(again, target).item() == doctest::Approx(found.distances[size_t(found.best)]).epsilon(1e-4));
  CHECK(gan::project(g, target, o).distances == found.distances);              // the same every time
  const gan::Projection white = gan::project(g, context.full(target.shape(), 1), o);              // which it cannot make: z does not run away for it
  CHECK(sum_squares(white.latent.values).item() / double(white.latent.values.count()) < 1.5);    // 1 of draws; about 5 if nothing held it
  o.steps = 0;
  const gan::Projection nothing = gan::project(g, target, o);
  CHECK(nothing.distances == nothing.begun);
}

TEST_CASE("a search jitters less and less, and in its last quarter not at all") {
  const Context context = in_double();
  const gan::TrainedGenerator g = small_styled(context);
  gan::ProjectOptions o;
  o.steps = 20, o.restarts = 1, o.rate = 0;                    // so that jitter is all that moves
  std::vector<double> seen;
  o.progress = [&](int, double distance) { seen.push_back(distance); };
  const gan::Projection still = gan::project(g, g.sample(1, 9), o);
  REQUIRE(seen.size() == 20);
  CHECK(still.distances == still.begun);
  const auto off = [&](size_t i) { return std::fabs(seen[i] - still.begun[0]) / still.begun[0]; };
  CHECK(off(0) > 1e-3);
  CHECK(off(13) < 0.1 * off(0));
  for (size_t i = 15; i < 20; ++i) CHECK(off(i) <= 1e-12);
}

TEST_CASE("of a generator with styles, w and w+ are searched; z alone elsewhere") {
  const Context context = in_double();
  const gan::TrainedGenerator g = small_styled(context);
  const Tensor target = g.sample(1, 9);
  double before = 0;
  for (const gan::LatentSpace space : {gan::LatentSpace::w, gan::LatentSpace::w_plus}) {
    gan::ProjectOptions o;
    o.space = space, o.steps = 40, o.restarts = 2;
    const gan::Projection found = gan::project(g, target, o);
    CHECK(found.distances[0] < 0.3 * found.begun[0]);
    CHECK(found.latent.values.shape() == (space == gan::LatentSpace::w ? Shape{1, 6} : Shape{1, 6, 6}));
    before = found.distances[0];
  }
  CHECK(before >= 0);
  gan::TrainedGenerator plain;
  plain.model = options_for("dcgan", 16);
  plain.network = gan::dcgan(context, plain.model).generator;
  gan::ProjectOptions o;
  o.space = gan::LatentSpace::w;
  CHECK_THROWS_WITH_AS(gan::project(plain, target, o), doctest::Contains("z alone"), const ConfigError&);
  CHECK_THROWS_WITH_AS(gan::pictures_of(plain, {gan::LatentSpace::z, context.normal({1, 5}, 1)}), doctest::Contains("z of 6 numbers"), const ShapeError&);
  CHECK_THROWS_WITH_AS(gan::latent_space_of("w*"), doctest::Contains("did you mean"), const ConfigError&);
}

TEST_CASE("truncation and mixing move pictures monotonically, on their sheets") {
  const Context context = in_double();
  const gan::TrainedGenerator g = small_styled(context);
  const Tensor z = gan::latents(context, 6, 6, 4);
  const gan::LabelledSheet sweep = gan::truncation_sweep(g, slice(z, 0, 0, 3), 5);
  CHECK(sweep.columns == 5);
  CHECK(sweep.captions[0] == "0.00");                           // of 16 pixels; from 32 on there is room for "psi 0.00"
  CHECK(sweep.captions[9] == "1.00");
  const auto at = [](const gan::LabelledSheet& s, int64_t i) { return slice(s.pictures, 0, i, i + 1); };
  for (int64_t row = 0; row < 3; ++row) {
    CHECK(apart(at(sweep, 5 * row), at(sweep, 0)) <= 1e-20);                    // the mean style has one picture
    for (int64_t i = 1; i < 5; ++i) CHECK(apart(at(sweep, 5 * row + i), at(sweep, 0)) > apart(at(sweep, 5 * row + i - 1), at(sweep, 0)));
    CHECK(apart(at(sweep, 5 * row + 4), g.pictures(slice(z, 0, row, row + 1))) <= 1e-20);
  }
  // The larger the side at which a column's styles begin, the nearer is a picture to its row's, and the farther from its column's.
  std::vector<double> from_row, from_column;
  for (const int64_t layer : {1, 3, 5}) {
    const gan::LabelledSheet grid = gan::style_mixing(g, z, layer);
    CHECK(grid.columns == 4);
    CHECK(grid.captions[1] == "c1");
    CHECK(apart(at(grid, 1), g.pictures(slice(z, 0, 3, 4))) <= 1e-20);
    CHECK(apart(at(grid, 4), g.pictures(slice(z, 0, 0, 1))) <= 1e-20);
    from_row.push_back(0), from_column.push_back(0);
    for (int64_t i = 1; i < 4; ++i)
      for (int64_t j = 1; j < 4; ++j) {
        from_row.back() += apart(at(grid, 4 * i + j), at(grid, 4 * i));
        from_column.back() += apart(at(grid, 4 * i + j), at(grid, j));
      }
  }
  for (size_t i = 1; i < from_row.size(); ++i) {
    CHECK(from_row[i] < from_row[i - 1]);
    CHECK(from_column[i] > from_column[i - 1]);
  }
  CHECK_THROWS_WITH_AS(gan::style_mixing(g, z, 6), doctest::Contains("from layer 1 to 5"), const ConfigError&);
}

TEST_CASE("pictures near a latent are a share of the way to others") {
  const Context context = in_double();
  const gan::TrainedGenerator g = small_styled(context);
  const gan::Latent here{gan::LatentSpace::z, gan::latents(context, 1, 6, 1)};
  CHECK(largest_gap(gan::varied(g, here, 0, 3, 2).values.values(), concat({here.values, here.values, here.values}, 0).values()) <= 1e-12);
  CHECK(largest_gap(gan::varied(g, here, 1, 3, 2).values.values(), gan::latents(context, 3, 6, 2).values()) <= 1e-12);
}

TEST_CASE("a direction leads from the codes of all others to those of a class") {
  const Context context = in_double();
  /// Pictures of one grey level a class, which an encoder tells apart.
  struct Levels : gan::Dataset {
    Levels() {
      size_ = 12, side_ = 16, channels_ = 1, classes_ = {"dark", "grey", "light"};
      for (int i = 0; i < 12; ++i) labels_.push_back(i % 3);
    }
    int read(int64_t i, float* out) override {
      std::fill(out, out + 256, float(i % 3) - 1);
      return int(i % 3);
    }
  } data;
  gan::ModelOptions o = options_for("vaegan", 16);
  gan::Encoder encoder(context, o);
  nn::initialise(encoder, nn::Init::kaiming, 1);
  const gan::ClassCodes codes(encoder, data);
  Tensors seen;
  for (int i = 0; i < 3; ++i) {
    std::vector<float> pixels(256);
    data.read(i, pixels.data());
    seen.push_back(gan::code_means(encoder, context.from(pixels, {1, 16, 16, 1})));
  }
  CHECK(largest_gap(codes.toward("light", context).values(), (seen[2] - 0.5 * (seen[0] + seen[1])).values()) <= 1e-9);
  const gan::ClassCodes few(encoder, data, 4);                  // a third of the data, whose every third picture is of one class: all classes are seen
  CHECK(few.toward("light", context).shape() == Shape{6});
  CHECK(few.toward("grey", context).shape() == Shape{6});
  CHECK_THROWS_WITH_AS(codes.toward("ligth", context), doctest::Contains("did you mean 'light'"), const ConfigError&);
}
