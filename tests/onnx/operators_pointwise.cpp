#include <limits>
#include <set>

#include "operators.h"

namespace weft::onnx {
namespace {

// Any function of one tensor.
template <class F>
Operator unary(F f) {
  return [f](const Call& c) { return Tensors{f(c.tensor(0))}; };
}
template <class F>
Operator binary(F f) {
  return [f](const Call& c) { return Tensors{f(c.tensor(0), c.tensor(1))}; };
}
// Of one or more tensors, taken in turn.
template <class F>
Operator folded(F f) {
  return [f](const Call& c) {
    Tensor y = c.tensor(0);
    for (size_t i = 1; i < c.inputs.size(); ++i) y = f(y, c.tensor(i));
    return Tensors{y};
  };
}

bool whole(const Call& c) {
  const int t = c.value(0).type;
  return t != 1 && t != 10 && t != 11 && t != 16;
}

Tensor no(const Tensor& a) { return 1 - a; }

// weft's pow has a number for an exponent; a tensor of exponents is one call for each that occurs.
Tensors power(const Call& c) {
  const Tensor a = c.tensor(0), b = c.tensor(1);
  const std::set<double> exponents(c.value(1).data.begin(), c.value(1).data.end());
  Tensor y = pow(a, *exponents.begin()) + 0 * b;
  for (double e : exponents) y = select(equal(b, e), pow(a, float(e)), y);
  return {y};
}

Tensors clip(const Call& c) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return {clamp(c.tensor(0), c.scalar(1, -infinity), c.scalar(2, infinity))};
}

Tensor hard_sigmoid(const Tensor& x, double slope, double at_zero) { return clamp(affine(x, slope, at_zero), 0, 1); }

}  // namespace

void add_pointwise(Operators& list) {
  list["Abs"] = unary([](const Tensor& x) { return abs(x); });
  list["Neg"] = unary([](const Tensor& x) { return -x; });
  list["Sign"] = unary([](const Tensor& x) { return sign(x); });
  list["Floor"] = unary([](const Tensor& x) { return floor(x); });
  list["Ceil"] = unary([](const Tensor& x) { return -floor(-x); });
  list["Exp"] = unary([](const Tensor& x) { return exp(x); });
  list["Log"] = unary([](const Tensor& x) { return log(x); });
  list["Sqrt"] = unary([](const Tensor& x) { return sqrt(x); });
  list["Sin"] = unary([](const Tensor& x) { return sin(x); });
  list["Cos"] = unary([](const Tensor& x) { return cos(x); });
  list["Tan"] = unary([](const Tensor& x) { return sin(x) / cos(x); });
  list["Sinh"] = unary([](const Tensor& x) { return (exp(x) - exp(-x)) / 2; });
  list["Cosh"] = unary([](const Tensor& x) { return (exp(x) + exp(-x)) / 2; });
  list["Tanh"] = unary([](const Tensor& x) { return tanh(x); });
  list["Sigmoid"] = unary([](const Tensor& x) { return sigmoid(x); });
  list["Softplus"] = unary([](const Tensor& x) { return softplus(x); });
  list["Softsign"] = unary([](const Tensor& x) { return x / (1 + abs(x)); });
  list["Relu"] = unary([](const Tensor& x) { return relu(x); });
  list["Reciprocal"] = unary([](const Tensor& x) { return 1 / x; });
  list["IsNaN"] = unary([](const Tensor& x) { return no(equal(x, x)); });
  list["Not"] = unary(no);
  list["HardSwish"] = unary([](const Tensor& x) { return x * hard_sigmoid(x, 1.0 / 6, 0.5); });
  list["LeakyRelu"] = [](const Call& c) { return Tensors{leaky_relu(c.tensor(0), c.number("alpha", 0.01))}; };
  list["Elu"] = [](const Call& c) { return Tensors{elu(c.tensor(0), c.number("alpha", 1))}; };
  list["Celu"] = [](const Call& c) {
    const double alpha = c.number("alpha", 1);
    return Tensors{elu(c.tensor(0) / alpha, 1) * alpha};
  };
  list["Selu"] = [](const Call& c) {
    return Tensors{c.number("gamma", 1.05070102214813232421875) * elu(c.tensor(0), c.number("alpha", 1.67326319217681884765625))};
  };
  list["HardSigmoid"] = [](const Call& c) { return Tensors{hard_sigmoid(c.tensor(0), c.number("alpha", 0.2), c.number("beta", 0.5))}; };
  list["ThresholdedRelu"] = [](const Call& c) {
    const Tensor x = c.tensor(0);
    return Tensors{x * greater(x, c.number("alpha", 1))};
  };
  list["PRelu"] = binary([](const Tensor& x, const Tensor& slope) { return select(greater(x, 0), x, slope * x); });
  list["Add"] = binary([](const Tensor& a, const Tensor& b) { return a + b; });
  list["Sub"] = binary([](const Tensor& a, const Tensor& b) { return a - b; });
  list["Mul"] = binary([](const Tensor& a, const Tensor& b) { return a * b; });
  list["Div"] = [](const Call& c) { return Tensors{whole(c) ? floor(c.tensor(0) / c.tensor(1)) : c.tensor(0) / c.tensor(1)}; };
  list["Pow"] = power;
  list["Greater"] = binary([](const Tensor& a, const Tensor& b) { return greater(a, b); });
  list["Less"] = binary([](const Tensor& a, const Tensor& b) { return greater(b, a); });
  list["Equal"] = binary([](const Tensor& a, const Tensor& b) { return equal(a, b); });
  list["GreaterOrEqual"] = binary([](const Tensor& a, const Tensor& b) { return maximum(greater(a, b), equal(a, b)); });
  list["LessOrEqual"] = binary([](const Tensor& a, const Tensor& b) { return maximum(greater(b, a), equal(a, b)); });
  list["And"] = binary([](const Tensor& a, const Tensor& b) { return a * b; });
  list["Or"] = binary([](const Tensor& a, const Tensor& b) { return maximum(a, b); });
  list["Xor"] = binary([](const Tensor& a, const Tensor& b) { return abs(a - b); });
  list["Where"] = [](const Call& c) { return Tensors{select(c.tensor(0), c.tensor(1), c.tensor(2))}; };
  list["Max"] = folded([](const Tensor& a, const Tensor& b) { return maximum(a, b); });
  list["Min"] = folded([](const Tensor& a, const Tensor& b) { return minimum(a, b); });
  list["Sum"] = folded([](const Tensor& a, const Tensor& b) { return a + b; });
  list["Mean"] = [](const Call& c) {
    Tensor y = c.tensor(0);
    for (size_t i = 1; i < c.inputs.size(); ++i) y = y + c.tensor(i);
    return Tensors{y / double(c.inputs.size())};
  };
  list["Clip"] = clip;
}

}  // namespace weft::onnx
