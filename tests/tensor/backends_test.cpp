// Claim: results, gradients and gradients of gradients in float32, on every device, are as close to float64 as float32 allows.
//
// The bound. Let D be the largest change of a float64 result when every input moves by one unit in the last place of float32,
// up or down at random (the largest of three such moves): how well the result is known from inputs of this precision. One
// rounding along the way errs like one such move. No case sums more than 64 terms along a path from input to result; their
// roundings add up like a random walk, to sqrt(64) = 8 of them, and the largest of some hundred results lies two standard
// deviations out: 16. The same again for the result itself, in units of its largest element. (A worst-case bound, 64, would
// let pass what a kernel loses by computing with two bits less.)
#include <algorithm>
#include <cmath>
#include <random>

#include "derivatives.h"
#include "every_device.h"

using namespace weft;
using namespace weft::testing;

namespace {

constexpr double kUnit = 1.0 / (1 << 23);
constexpr double kRoundings = 16;

Values in_float32(Values values) {
  for (auto& part : values) for (double& v : part) v = float(v);
  return values;
}

Values moved_by_a_unit(Values values, unsigned seed) {
  std::mt19937 bits(seed);
  for (auto& part : values) for (double& v : part) v *= 1 + (bits() & 1024 ? kUnit : -kUnit);
  return values;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::nan("");
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]);
    if (!(d <= largest)) largest = d;   // a NaN stays
    if (std::isnan(largest)) break;
  }
  return largest;
}

std::vector<double> all_of(const Derivatives& d, int part) {
  std::vector<double> joined;
  if (part == 0) return d.result;
  for (const auto& v : part == 1 ? d.first : d.second) joined.insert(joined.end(), v.begin(), v.end());
  return joined;
}

struct Answer {
  std::vector<double> values;
  double bound;
};

// A draw or a threshold may differ between precisions; those cases are about float64.
bool same_in_float32(const OpCase& c) { return c.name != "dropout"; }

std::vector<Answer> answers(const Context& float64, const OpCase& c, const Values& values) {
  const Derivatives exact = derivatives(float64, c, values, CreateGraph::no);
  std::vector<Answer> result;
  for (int part = 0; part < 3; ++part) result.push_back({all_of(exact, part), 0});
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const Derivatives moved = derivatives(float64, c, moved_by_a_unit(values, seed), CreateGraph::no);
    for (int part = 0; part < 3; ++part) {
      Answer& a = result[size_t(part)];
      double scale = 0;
      for (double v : a.values) scale = std::max(scale, std::abs(v));
      a.bound = std::max(a.bound, kRoundings * (largest_difference(a.values, all_of(moved, part)) + kUnit * scale));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("float32 on every device is as close to float64 as it can be") {
  const Context float64 = Context::open("cpu", {DType::f64});
  std::vector<std::vector<Answer>> expected;
  for (const OpCase& c : op_cases()) expected.push_back(answers(float64, c, in_float32(values_of(c, 3))));
  on_every_device([&](const Context& context) {
    double worst = 0;
    std::string where;
    for (size_t i = 0; i < op_cases().size(); ++i) {
      const OpCase& c = op_cases()[i];
      if (!same_in_float32(c)) continue;
      CAPTURE(c.name);
      for (CreateGraph create : {CreateGraph::no, CreateGraph::yes}) {
        const Derivatives found = derivatives(context, c, in_float32(values_of(c, 3)), create);
        for (int part = 0; part < 3; ++part) {
          CAPTURE(part);   // 0: the result, 1 and 2: first and second order
          const Answer& a = expected[i][size_t(part)];
          const double error = largest_difference(all_of(found, part), a.values);
          CHECK(error <= a.bound);
          if (a.bound > 0 && error / a.bound > worst) worst = error / a.bound, where = c.name;
        }
      }
    }
    MESSAGE("largest share of the bound used: " << worst << " (" << where << ")");
  });
}

// Whole numbers: nothing rounds, so both ways give the same bits.
TEST_CASE("padding that reflects is folded into the convolution, and is the padded image's to the second derivative") {
  on_every_device([](const Context& context) {
    const Margins margins{2, 2, 1, 1};
    const ConvGeometry folded{{1, 1}, {2, 1}, {1, 1}, {0, 0}, 1, true};
    std::vector<double> results[2];
    for (const bool fold : {true, false}) {
      const Tensor x = floor(context.uniform({2, 5, 4, 8}, 1) * 7 - 3).leaf(), w = floor(context.uniform({8, 3, 3, 8}, 2) * 7 - 3).leaf();
      const auto before = context.launches();
      const Tensor y = fold ? conv2d(x, w, {}, folded) : conv2d(pad(x, margins, Padding::reflect), w);
      const auto resampled = [](const std::map<std::string, uint64_t>& launches) {
        uint64_t n = 0;
        for (const auto& [kernel, count] : launches) if (kernel.rfind("resample", 0) == 0) n += count;
        return n;
      };
      if (std::string(context.device()) != "cpu") CHECK(resampled(context.launches()) - resampled(before) == (fold ? 0 : 1));
      const Tensor weights = floor(context.uniform(y.shape(), 3) * 3 - 1);
      const Tensors first = grad(sum(y * weights), {x, w}, CreateGraph::yes);
      const Tensors second = grad(sum(first[0] * first[0]) + sum(first[1]), {x, w});
      for (const Tensor& t : {y, first[0], first[1], second[0], second[1]})
        for (const double v : t.values()) results[fold].push_back(v);
    }
    CHECK(results[0] == results[1]);
  });
}

TEST_CASE("a sum of no terms is zero") {
  on_every_device([](const Context& context) {
    const std::vector<double> none(6, 0.0);
    CHECK(matmul(context.zeros({2, 0}), context.zeros({0, 3})).values() == none);
    CHECK(matmul(context.zeros({0, 2}), context.zeros({0, 3}), true).values() == none);      // a filter's gradient, of an empty batch
    const Tensor bias = context.from(std::vector<double>{1, 2, 3}, {3}).leaf(), y = matmul(context.zeros({2, 0}), context.zeros({0, 3}), false, false, bias);
    CHECK(y.values() == std::vector<double>{1, 2, 3, 1, 2, 3});
    CHECK(grad(sum(y), {bias})[0].values() == std::vector<double>{2, 2, 2});
    CHECK(matmul(context.zeros({0, 2, 2}), context.zeros({1, 2, 3})).shape() == Shape{0, 2, 3});
    CHECK(matmul(context.zeros({1, 2, 2}), context.zeros({0, 2, 3})).shape() == Shape{0, 2, 3});
    CHECK(sum_squares(context.zeros({0})).item() == 0);
    CHECK(count_non_finite(context.zeros({0, 4})).item() == 0);
  });
}
