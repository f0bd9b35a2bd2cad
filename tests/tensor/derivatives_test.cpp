// Claim: every public operation's first and second derivative is what finite differences say, and the fused rules say the
// same as the composed ones.
#include "derivatives.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace weft;
using namespace weft::testing;

namespace {
Context float64() { return Context::open("cpu", {DType::f64}); }
}  // namespace

TEST_CASE("first derivatives are those of finite differences") {
  const Context context = float64();
  for (const OpCase& c : op_cases()) {
    CAPTURE(c.name);
    CHECK(first_order_gap(context, c) <= 1e-6);
  }
}

TEST_CASE("second derivatives are those of finite differences") {
  const Context context = float64();
  for (const OpCase& c : op_cases()) {
    CAPTURE(c.name);
    CHECK(second_order_gap(context, c) <= 1e-6);
  }
}

// The two ways take the same sums in another order: some hundred roundings of 2^-53, amplified by at most a hundred.
TEST_CASE("fused rules agree with composed ones") {
  const Context context = float64();
  for (const OpCase& c : op_cases()) {
    CAPTURE(c.name);
    const Values values = values_of(c, 7);
    const Derivatives fused = derivatives(context, c, values, CreateGraph::no), composed = derivatives(context, c, values, CreateGraph::yes);
    for (size_t i = 0; i < fused.first.size(); ++i) CHECK(relative_gap(fused.first[i], composed.first[i], 1e-13) <= 1e-12);
    for (size_t i = 0; i < fused.second.size(); ++i) CHECK(relative_gap(fused.second[i], composed.second[i], 1e-13) <= 1e-12);
  }
}

TEST_CASE("at a kink the derivative is the one that was promised") {
  const Context context = float64();
  auto slope = [&](double at, const std::function<Tensor(const Tensor&)>& f) {
    const Tensor x = context.full({1}, at).leaf();
    return grad(sum(f(x)), {x})[0].item();
  };
  for (double zero : {0.0, -0.0}) {
    CHECK(slope(zero, [](const Tensor& x) { return leaky_relu(x, 0.2); }) == 0.2);
    CHECK(slope(zero, [](const Tensor& x) { return relu(x); }) == 0);
    CHECK(slope(zero, [](const Tensor& x) { return elu(x, 0.7); }) == 0.7);
    CHECK(slope(zero, [](const Tensor& x) { return abs(x); }) == 0);
  }
  for (double end : {-1.0, 0.5}) CHECK(slope(end, [](const Tensor& x) { return clamp(x, -1, 0.5); }) == 1);
  const Tensor a = context.full({1}, 3).leaf(), b = context.full({1}, 3).leaf();
  for (auto extreme : {weft::maximum, weft::minimum}) {
    const Tensors g = grad(sum(extreme(a, b)), {a, b});   // a tie goes to the first
    CHECK(g[0].item() == 1);
    CHECK(g[1].item() == 0);
  }
  CHECK(grad(max(concat({a, b}, 0)), {a, b})[1].item() == 0.5);   // and is shared here
  CHECK(slope(0, [](const Tensor& x) { return pow(x, 2); }) == 0);
  CHECK(slope(0, [](const Tensor& x) { return grad(sum(pow(x, 2)), {x}, CreateGraph::yes)[0]; }) == 2);
  CHECK(slope(0, [](const Tensor& x) { return sum(grad(sum(grad(sum(pow(x, 2)), {x}, CreateGraph::yes)[0]), {x}, CreateGraph::yes)[0] * x); }) == 2);
}

TEST_CASE("a third derivative") {
  const Context context = float64();
  const Tensor x = context.from(std::vector<double>{-0.8, 0.3, 1.2}, {3}).leaf();
  Tensor y = sin(x) * exp(x);
  for (int order = 0; order < 3; ++order) y = grad(sum(y), {x}, CreateGraph::yes)[0];
  const auto third = y.values(), at = x.values();
  for (size_t i = 0; i < 3; ++i)   // (e^x sin x)''' = 2 e^x (cos x - sin x)
    CHECK(std::abs(third[i] - 2 * std::exp(at[i]) * (std::cos(at[i]) - std::sin(at[i]))) <= 1e-14);
}

TEST_CASE("negative control: wrong rules are found") {
  const Context context = float64();
  auto wrong_tanh = [](double factor, bool save_output) {
    return OpCase{"wrong tanh", {{{2, 3}}}, [=](const Tensors& t) {
                    return record("wrong tanh", tanh(t[0].detach()), t, {{true}, save_output}, [=](const RuleCall& call) {
                      const Tensor y = save_output ? call.output : tanh(call.inputs[0]);
                      return Tensors{factor * call.gradient * (1 - y * y)};
                    });
                  }};
  };
  CHECK(first_order_gap(context, wrong_tanh(1, true)) <= 1e-6);
  CHECK(second_order_gap(context, wrong_tanh(1, true)) <= 1e-6);
  CHECK(first_order_gap(context, wrong_tanh(-1, true)) > 0.1);        // a flipped sign
  CHECK(first_order_gap(context, wrong_tanh(1.0001, false)) > 1e-5);  // a small factor
  // right to first order, but its own derivative was cut off
  const OpCase cut{"cut tanh", {{{2, 3}}}, [](const Tensors& t) {
                     return record("cut tanh", tanh(t[0].detach()), t, {{true}, false}, [](const RuleCall& call) {
                       const Tensor y = tanh(call.inputs[0].detach());
                       return Tensors{call.gradient * (1 - y * y)};
                     });
                   }};
  CHECK(first_order_gap(context, cut) <= 1e-6);
  CHECK(second_order_gap(context, cut) > 0.1);
}

TEST_CASE("every point-wise kind is among the cases, and no two cases share a name") {
  std::set<std::string> names;
  for (const OpCase& c : op_cases()) {
    CAPTURE(c.name);
    CHECK(names.insert(c.name).second);
  }
  for (const PointwiseInfo& kind : pointwise_info) {
    CAPTURE(kind.name);
    CHECK(names.count(kind.name) == 1);
  }
  MESSAGE(op_cases().size() << " operation cases");
}
