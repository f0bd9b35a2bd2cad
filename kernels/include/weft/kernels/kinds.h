// The point-wise functions, each once: name, number of inputs, formula, and derivatives.
//
// The formula is over scalars a, b, c and the parameters p, q. Each derivative is over Tensors: a, b, c the inputs, y the
// output, g the gradient that arrives; NONE marks an input that has no derivative. This list makes the kernels of every
// backend (through `Pointwise<kind>`), the derivative rules (tensor/pointwise.cpp), the gradient checks (tests) and the
// table in docs/: a new line here is everywhere at once.
//
// Derivatives at a kink follow PyTorch: leaky_relu'(0) = p, abs'(0) = 0. At a tie, maximum and minimum give all to the
// first input, where PyTorch gives half to each.
#pragma once
#include <cmath>

#include "weft/kernels/portable.h"

namespace weft {

// clang-format off
#define WEFT_POINTWISE_KINDS(KIND)                                                                                          \
  /*   name            n  formula                                              d/da                    d/db        d/dc */ \
  KIND(affine,         1, p * a + q,                                           affine(g, p, 0),        NONE,       NONE)    \
  KIND(abs,            1, a < 0 ? -a : a,                                      g * sign(a),            NONE,       NONE)    \
  KIND(sign,           1, T((a > 0) - (a < 0)),                                NONE,                   NONE,       NONE)    \
  KIND(floor,          1, floor(a),                                            NONE,                   NONE,       NONE)    \
  KIND(exp,            1, exp(a),                                              g * y,                  NONE,       NONE)    \
  KIND(log,            1, log(a),                                              g / a,                  NONE,       NONE)    \
  KIND(sqrt,           1, sqrt(a),                                             0.5f * g / y,           NONE,       NONE)    \
  KIND(pow,            1, pow(a, p),                                           p * g * pow(a, p - 1),  NONE,       NONE)    \
  KIND(sin,            1, sin(a),                                              g * cos(a),             NONE,       NONE)    \
  KIND(cos,            1, cos(a),                                              -(g * sin(a)),          NONE,       NONE)    \
  KIND(tanh,           1, tanh(a),                                             g * (1 - y * y),        NONE,       NONE)    \
  KIND(sigmoid,        1, T(1) / (T(1) + exp(-a)),                             g * y * (1 - y),        NONE,       NONE)    \
  KIND(softplus,       1, (a > 0 ? a : T(0)) + log1p(exp(a > 0 ? -a : a)),     g * sigmoid(a),         NONE,       NONE)    \
  KIND(leaky_relu,     1, a > 0 ? a : p * a,                                   leaky_relu_grad(a, g, p), NONE,     NONE)    \
  KIND(elu,            1, a > 0 ? a : p * expm1(a),                            g * select(greater(a, 0), 1, elu(a, p) + p), NONE, NONE) \
  KIND(is_finite,      1, T(a - a == 0),                                       NONE,                   NONE,       NONE)    \
  KIND(add,            2, a + b,                                               g,                      g,          NONE)    \
  KIND(sub,            2, a - b,                                               g,                      -g,         NONE)    \
  KIND(mul,            2, a * b,                                               g * b,                  g * a,      NONE)    \
  KIND(div,            2, a / b,                                               g / b,                  -(g * y / b), NONE) \
  KIND(maximum,        2, a >= b ? a : (b > a ? b : a + b),                    select(greater(b, a), 0, g), select(greater(b, a), g, 0), NONE) \
  KIND(minimum,        2, a <= b ? a : (b < a ? b : a + b),                    select(greater(a, b), 0, g), select(greater(a, b), g, 0), NONE) \
  KIND(greater,        2, T(a > b),                                            NONE,                   NONE,       NONE)    \
  KIND(equal,          2, T(a == b),                                           NONE,                   NONE,       NONE)    \
  KIND(leaky_relu_grad, 2, a > 0 ? b : p * b,                                  NONE,                   leaky_relu_grad(a, g, p), NONE) \
  KIND(running_average, 2, b * q - b * q == 0 ? a * p + b * q : a,            affine(g, p, 0),        affine(g, q, 0), NONE) \
  KIND(select,         3, a != 0 ? b : c,                                      NONE,                   select(a, g, 0), select(a, 0, g)) \
  KIND(fma,            3, a * b + c,                                           g * b,                  g * a,      g)       \
  KIND(lerp,           3, a + c * (b - a),                                     g * (1 - c),            g * c,      g * (b - a))
// clang-format on

#define WEFT_KIND_NAME(name, ...) name,
enum class PointwiseKind : unsigned char { WEFT_POINTWISE_KINDS(WEFT_KIND_NAME) count };
#undef WEFT_KIND_NAME

struct PointwiseInfo {
  const char* name;
  int inputs;
  const char* formula;
};
#define WEFT_KIND_INFO(name, inputs, formula, ...) {#name, inputs, #formula},
inline constexpr PointwiseInfo pointwise_info[] = {WEFT_POINTWISE_KINDS(WEFT_KIND_INFO)};
#undef WEFT_KIND_INFO

/// The formula of a kind as a function object, for float and double, on host and device.
template <PointwiseKind> struct Pointwise;
#define WEFT_KIND_FUNCTOR(name, inputs, formula, ...)                      \
  template <> struct Pointwise<PointwiseKind::name> {                      \
    template <class T>                                                     \
    WEFT_PORTABLE static T apply(T a, T b, T c, T p, T q) {                \
      using std::cos, std::exp, std::expm1, std::floor, std::log, std::log1p, std::pow, std::sin, std::sqrt, std::tanh; \
      (void)a, (void)b, (void)c, (void)p, (void)q;                         \
      return formula;                                                      \
    }                                                                      \
  };
WEFT_POINTWISE_KINDS(WEFT_KIND_FUNCTOR)
#undef WEFT_KIND_FUNCTOR

/// Calls f(std::integral_constant<PointwiseKind, kind>{}): the one switch from a run-time kind to a compile-time one.
template <PointwiseKind K> struct KindConstant { static constexpr PointwiseKind value = K; };
template <class F>
void with_kind(PointwiseKind kind, F&& f) {
  switch (kind) {
#define WEFT_KIND_CASE(name, ...) \
  case PointwiseKind::name: f(KindConstant<PointwiseKind::name>{}); break;
    WEFT_POINTWISE_KINDS(WEFT_KIND_CASE)
#undef WEFT_KIND_CASE
    case PointwiseKind::count: break;
  }
}

enum class ReduceKind : unsigned char { sum, sum_squares, max, min, count_non_finite };
enum class RandomKind : unsigned char { bits, uniform, normal };
enum class OptimizerKind : unsigned char { sgd, adam, adamw, rmsprop };

}  // namespace weft
