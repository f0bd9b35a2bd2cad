// Distances between distributions of patches: held to their definition, to their derivative, and to what they must not see.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "style/patches.h"
#include "weft/kernels/error.h"
#include "weft/tensor/autograd.h"
#include "weft/tensor/random_stream.h"

using namespace weft;
using namespace weft::gan;

namespace {

Context exact() { return Context::open("cpu", {.scalar = DType::f64}); }

Tensor noise(const Context& context, const Shape& shape, uint64_t seed) { return context.uniform(shape, stream_key(seed, "picture")); }

double distance(const PatchSource& a, const PatchSource& b, const Tensor& directions) {
  const PatchTarget target({{b, 1}}, a.patches(), int(directions.size(0)));
  return patch_distance(a, target.lists(directions), directions).item();
}

/// By the definition: loops over patches and directions, std::sort.
double by_definition(const Tensor& a, const Tensor& b, const Tensor& directions) {
  const int64_t count = directions.size(0), side = directions.size(1);
  const auto projected = [&](const Tensor& t, int64_t k) {
    const std::vector<double> x = t.values(), d = directions.values();
    const int64_t h = t.size(1), w = t.size(2);
    std::vector<double> list;
    for (int64_t y = 0; y + side <= h; ++y)
      for (int64_t c = 0; c + side <= w; ++c) {
        double sum = 0;
        for (int64_t r = 0; r < side; ++r)
          for (int64_t s = 0; s < side * 3; ++s) sum += x[size_t(((y + r) * w + c) * 3 + s)] * d[size_t((k * side + r) * side * 3 + s)];
        list.push_back(sum);
      }
    std::sort(list.begin(), list.end());
    return list;
  };
  double total = 0;
  int64_t terms = 0;
  for (int64_t k = 0; k < count; ++k) {
    const std::vector<double> ours = projected(a, k), theirs = projected(b, k);
    for (size_t i = 0; i < ours.size(); ++i, ++terms) total += std::abs(ours[i] - theirs[(2 * i + 1) * theirs.size() / (2 * ours.size())]);
  }
  return total / double(terms);
}

}  // namespace

TEST_CASE("directions are unit vectors, and others at every step") {
  const Context context = exact();
  const Tensor first = draw_directions(context, 5, 1);
  for (const double length : sum(first * first, {1, 2, 3}).values()) CHECK(length == doctest::Approx(1));
  context.step_state().step = 1;
  context.publish_step_state();
  CHECK(draw_directions(context, 5, 1).values() != first.values());
}

TEST_CASE("tinted directions are unit vectors of one colour each: a third grey, the others without any light") {
  const Context context = exact();
  const int count = 300;
  const std::vector<double> all = draw_tinted(context, count, 1).values();
  int grey = 0;
  for (size_t k = 0; k < size_t(count); ++k) {
    const double* d = &all[147 * k];
    double square = 0, light = 0, apart = 0;
    for (int i = 0; i < 147; ++i) square += d[i] * d[i];
    for (int i = 0; i < 49; ++i) {
      light = std::max(light, std::abs(d[3 * i] + d[3 * i + 1] + d[3 * i + 2]));
      for (int c = 0; c < 3; ++c) apart = std::max(apart, std::abs(d[3 * i + c] * d[(c + 1) % 3] - d[3 * i + (c + 1) % 3] * d[c]));   // from the first pixel's colour
    }
    CHECK(square == doctest::Approx(1).epsilon(1e-4));
    CHECK(apart < 1e-4);
    const bool is_grey = std::abs(d[0] - d[1]) + std::abs(d[1] - d[2]) < 1e-4;
    CHECK((is_grey || light < 1e-4));
    grey += is_grey;
  }
  CHECK(grey > count / 4);
  CHECK(grey < count * 5 / 12);
}

TEST_CASE("the four grids of every second patch are all patches together, whatever the border and the parity of the sides") {
  const Context context = exact();
  const Tensor directions = draw_directions(context, 3, 1);
  for (const Border border : {Border::none, Border::reflect, Border::wrap})
    for (const Shape& shape : {Shape{1, 12, 15, 3}, Shape{1, 9, 10, 3}}) {
      const Tensor x = noise(context, shape, 1);
      Tensors grids;
      for (int grid = 0; grid < 4; ++grid) {
        const PatchSource every_second{x, border, {}, 1, 2, {grid / 2, grid % 2}};
        grids.push_back(sorted_projections(every_second, directions));
        CHECK(grids.back().size(2) == every_second.patches());
      }
      const Tensor gap = sort(concat(grids, 2)).values - sorted_projections({x, border}, directions);
      CHECK(max(abs(gap)).item() < 1e-12);
    }
}

TEST_CASE("the distance is its definition, for lists of equal and of other lengths") {
  const Context context = exact();
  const Tensor directions = draw_directions(context, 4, 1), a = noise(context, {1, 12, 15, 3}, 1);
  for (const Shape& shape : {Shape{1, 12, 15, 3}, Shape{1, 17, 11, 3}, Shape{1, 7, 8, 3}}) {
    const Tensor b = noise(context, shape, 2);
    CAPTURE(shape.text());
    CHECK(distance({a}, {b}, directions) == doctest::Approx(by_definition(a, b, directions)).epsilon(1e-9));
  }
}

TEST_CASE("a picture is at no distance from itself, from its shifted repeat with wrapping borders, and in twice its size by repetition") {
  const Context context = exact();
  const Tensor directions = draw_directions(context, 6, 1), a = noise(context, {1, 10, 14, 3}, 1);
  const Tensor shifted = concat({slice(a, 2, 5, 14), slice(a, 2, 0, 5)}, 2);
  CHECK(distance({a}, {a}, directions) == 0);
  CHECK(distance({shifted, Border::wrap}, {a, Border::wrap}, directions) < 1e-12);
  CHECK(distance({shifted}, {a}, directions) > 1e-3);
  CHECK(distance({concat({a, a}, 1), Border::wrap}, {a, Border::wrap}, directions) < 1e-12);
}

TEST_CASE("its gradient in the pictures is the one of finite differences, with every border, region and grouping") {
  const Context context = exact();
  const Tensor directions = draw_directions(context, 3, 1), other = noise(context, {2, 9, 10, 3}, 2);
  const Tensor some = context.index({0, 3, 7, 20, 21, 150}, {6});
  for (const PatchSource& form : {PatchSource{{}, Border::none}, PatchSource{{}, Border::reflect}, PatchSource{{}, Border::wrap},
                                  PatchSource{{}, Border::reflect, some}, PatchSource{{}, Border::none, {}, 2}}) {
    const auto with = [&form](const Tensor& pictures) { return PatchSource{pictures, form.border, form.positions, form.groups}; };
    const Tensor x = noise(context, {2, 9, 10, 3}, 1), wanted = PatchTarget({{with(other), 1}}, with(x).patches(), 3).lists(directions);
    const Tensor leaf = x.leaf();
    const std::vector<double> gradient = grad(patch_distance(with(leaf), wanted, directions), {leaf})[0].values(), at = x.values();
    for (const size_t i : {0u, 31u, 135u, 300u, 539u}) {
      const auto moved = [&](double by) {
        std::vector<double> values = at;
        values[i] += by;
        return patch_distance(with(context.from(values, x.shape())), wanted, directions).item();
      };
      CHECK(gradient[i] == doctest::Approx((moved(1e-6) - moved(-1e-6)) / 2e-6).epsilon(1e-5).scale(1e-3));
    }
  }
}

TEST_CASE("groups have distributions of their own: two pictures that are swapped agree together and not apart") {
  const Context context = exact();
  const Tensor directions = draw_directions(context, 4, 1), a = noise(context, {1, 9, 9, 3}, 1), b = 2 * noise(context, {1, 9, 9, 3}, 2);
  const Tensor ab = concat({a, b}, 0), ba = concat({b, a}, 0);
  CHECK(distance({ab}, {ba}, directions) < 1e-12);
  CHECK(distance({ab, Border::none, {}, 2}, {ba, Border::none, {}, 2}, directions) > 0.1);
}

TEST_CASE("positions choose patches: those of the left half alone see nothing of the right") {
  const Context context = exact();
  const Tensor directions = draw_directions(context, 4, 1), left = noise(context, {1, 9, 8, 3}, 1), right = noise(context, {1, 9, 8, 3}, 2);
  std::vector<int32_t> inside;
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 2; ++x) inside.push_back(y * 10 + x);
  const PatchSource half{concat({left, right}, 2), Border::none, context.index(inside, {6})};
  CHECK(distance(half, {left}, directions) < 1e-12);
  CHECK(distance(half, {right}, directions) > 1e-3);
}

TEST_CASE("styles mix by their weights; weights below 0, or all 0, are refused") {
  const Context context = exact();
  const Tensor directions = draw_directions(context, 4, 1), a = noise(context, {1, 9, 9, 3}, 1), b = noise(context, {1, 12, 8, 3}, 2);
  const auto lists = [&](double weight_a, double weight_b) {
    return PatchTarget({{{a}, weight_a}, {{b}, weight_b}}, 9, 4).lists(directions);
  };
  const Tensor gap = lists(3, 1) - (0.75 * lists(1, 0) + 0.25 * lists(0, 7));
  CHECK(max(abs(gap)).item() < 1e-12);
  CHECK(max(abs(lists(1, 0) - lists(0, 1))).item() > 0.01);
  CHECK_THROWS_AS(lists(0, 0), ConfigError);
  CHECK_THROWS_AS(lists(-1, 2), ConfigError);
  CHECK_THROWS_AS(lists(std::nan(""), 2), ConfigError);
}

TEST_CASE("turns of a stride see each patch of a style once, as many each time, but for some at its end; one too small for turns stays as it is") {
  const Context context = exact();
  std::vector<double> values(7 * 7 * 3);
  values[(3 * 7 + 3) * 3] = 1;                     // a patch's middle, in red
  const Tensor middle = context.from(values, {1, 7, 7, 3});
  for (const int side : {22, 12}) {                // 22 has room for turns of 0, 2 and 4 pixels, 12 has none
    std::vector<double> numbers;
    for (int i = 0; i < side * side * 3; ++i) numbers.push_back(i);
    const Tensor style = context.from(numbers, {1, side, side, 3});
    std::vector<int> seen(size_t(side * side));
    for (int grid = 0; grid < 4; ++grid) {
      PatchSource source{style, Border::none};
      source.stride = 6, source.first = {grid / 2, grid % 2};
      const int64_t patches = side == 22 ? 4 : 1;
      const PatchTarget target({{source, 1}}, patches, 1);
      for (int turn = 0; turn < 9; ++turn)
        for (const double v : target.lists(middle, turn).values()) ++seen[size_t(v / 3)];
    }
    for (int i = 0; i < side * side; ++i) {
      const int y = i / side - 3, x = i % side - 3, reach = side == 22 ? 12 : 2;
      CHECK(seen[size_t(i)] == (y >= 0 && x >= 0 && y < reach && x < reach ? side == 22 ? 1 : 9 : 0));
    }
  }
}
