// Every point-wise kind, by walking the list, and what broadcasting does to it. A new kind without a public function of the
// same name does not compile here; one whose rule is wrong is found the day it is born.
#include <map>

#include "derivatives.h"

namespace weft::testing::cases {
namespace {

namespace with_parameters {   // kinds whose public function takes numbers too, or is an operator
Tensor affine(const Tensor& a) { return weft::affine(a, -1.3, 0.4); }
Tensor pow(const Tensor& a) { return weft::pow(a, 2.7); }
Tensor add(const Tensor& a, const Tensor& b) { return a + b; }
Tensor sub(const Tensor& a, const Tensor& b) { return a - b; }
Tensor mul(const Tensor& a, const Tensor& b) { return a * b; }
Tensor div(const Tensor& a, const Tensor& b) { return a / b; }
Tensor leaky_relu_grad(const Tensor& a, const Tensor& g) { return weft::leaky_relu_grad(a, g, 0.3); }
Tensor running_average(const Tensor& average, const Tensor& x) { return weft::running_average(average, x, 0.9, 0.1); }
}  // namespace with_parameters

struct Range { double low, high; };
// Where a kind is smooth and its third derivative tame; the others take [-1.5, 1.5].
const std::map<std::string, Range> ranges = {{"log", {0.4, 2}}, {"sqrt", {0.4, 2}}, {"pow", {0.4, 2}}, {"div", {0.5, 2}}};

std::vector<Input> inputs_for(const char* name, std::initializer_list<Shape> shapes) {
  const auto found = ranges.find(name);
  const Range range = found == ranges.end() ? Range{-1.5, 1.5} : found->second;
  std::vector<Input> inputs;
  for (const Shape& s : shapes) inputs.push_back({s, range.low, range.high});
  return inputs;
}

void add_kinds(std::vector<OpCase>& list) {
  using namespace with_parameters;
  const Shape image{2, 1, 2, 3}, channel{3}, sample{2, 1, 1, 1};
  auto arrange = [&](const char* name, int n, const std::string& suffix, const Shape& a, const Shape& b, const Shape& c, auto call) {
    std::vector<Input> inputs = n == 1 ? inputs_for(name, {a}) : n == 2 ? inputs_for(name, {a, b}) : inputs_for(name, {a, b, c});
    list.push_back({name + suffix, inputs, call});
  };
#define KIND_CASE(name, n, ...)                                            \
  {                                                                        \
    auto call = [](const auto& t) {                                        \
      if constexpr (n == 1) return name(t[0]);                             \
      else if constexpr (n == 2) return name(t[0], t[1]);                  \
      else return name(t[0], t[1], t[2]);                                  \
    };                                                                     \
    arrange(#name, n, "", image, image, image, call);                      \
    if (n > 1) {                                                           \
      arrange(#name, n, " by channel", image, channel, image, call);       \
      arrange(#name, n, " of a channel", channel, image, {}, call);        \
      arrange(#name, n, " by sample", image, sample, channel, call);       \
      arrange(#name, n, " by scalar", image, {}, sample, call);            \
      arrange(#name, n, " outer", {4, 1}, {1, 3}, {2, 1, 1}, call);        \
    }                                                                      \
  }
  WEFT_POINTWISE_KINDS(KIND_CASE)
#undef KIND_CASE
}

}  // namespace

void add_pointwise(std::vector<OpCase>& list) {
  add_kinds(list);
  const Input image{{2, 2, 3, 3}}, positive{{2, 3}, 0.5, 2};
  list.push_back({"relu", {image}, [](const Tensors& t) { return relu(t[0]); }});
  list.push_back({"leaky_relu 0.01", {image}, [](const Tensors& t) { return leaky_relu(t[0], 0.01); }});
  list.push_back({"elu 0.7", {image}, [](const Tensors& t) { return elu(t[0], 0.7); }});
  list.push_back({"clamp", {image}, [](const Tensors& t) { return clamp(t[0] * t[0] * t[0], -0.311, 0.4173); }});
  list.push_back({"select by comparison", {image, image}, [](const Tensors& t) { return select(greater(t[0], t[1]), t[0] * t[0], t[0] * t[1]); }});
  list.push_back({"select a number", {image}, [](const Tensors& t) { return select(greater(t[0], 0.111), 0.5, t[0] * t[0]); }});
  list.push_back({"select of scalars", {image, {{}}, {{}}}, [](const Tensors& t) { return select(greater(t[0], 0.111), t[1], t[2]) * t[0]; }});
  list.push_back({"equal to itself, to a number", {image}, [](const Tensors& t) { return t[0] * equal(t[0], t[0]) + t[0] * equal(t[0], 7); }});
  list.push_back({"numbers on the left", {positive}, [](const Tensors& t) { return 2 / t[0] + (1 - t[0]) * (3 + 2 * t[0]); }});
  list.push_back({"numbers on the right", {positive}, [](const Tensors& t) { return (-t[0] - 1) * (t[0] + 3) / 7; }});
  for (double exponent : {-1.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0})
    list.push_back({"pow " + std::to_string(exponent), {positive}, [=](const Tensors& t) { return pow(t[0], exponent); }});
  list.push_back({"a value used four times", {image}, [](const Tensors& t) { return t[0] * t[0] + t[0] * tanh(t[0]); }});
  list.push_back({"chain", {image, image}, [](const Tensors& t) { return sigmoid(exp(sin(t[0]) * t[1]) - softplus(t[0])); }});
}

}  // namespace weft::testing::cases
