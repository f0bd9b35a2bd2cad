// Are an operation's derivative rules the derivatives of what it computes? One OpCase is one call of public operations;
// the gaps below compare its first and second derivatives with central differences of its values, in float64.
//
// With inputs x, a random weighting r of the result and random directions v:
//   loss(x, r) = <f(x), r>                      first order:  d loss / d x          against differences of loss
//   slope(x, r) = <d loss / d x, v>             second order: d slope / d (x, r)    against differences of slope
// d slope / d r is the Jacobian times v, so the forward direction is covered as well.
//
// Why 1e-6 can be asked: a central difference with step h errs by h^2/6 |f'''| + u |loss| / h, u = 2^-53. With h = 1e-4 that
// is below 1e-8 |f'''| + 1e-12 |loss|; the cases keep |f'''| and |loss| below a hundred times the largest derivative.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "weft/tensor/ops.h"

namespace weft::testing {

struct Input {
  Shape shape;
  double low = -1, high = 1;
};

struct OpCase {
  std::string name;
  std::vector<Input> inputs;
  std::function<Tensor(const Tensors&)> f;
};

/// Every operation of tensor/ops.h, at shapes that hurt: batch > 1, H != W, R != S, odd sizes, one and three channels.
const std::vector<OpCase>& op_cases();

using Values = std::vector<std::vector<double>>;   // one vector an input

/// Inputs of a case: all values distinct, none within a thousandth of zero, so that no kink lies within a difference's step.
Values values_of(const OpCase& c, unsigned seed = 1);
/// Values in [-1, 1], for weightings and directions.
std::vector<double> random_values(int64_t n, unsigned seed);

Tensors leaves_of(const Context& context, const OpCase& c, const Values& values);

/// d <f(x), r> / d x; and what follows from it when `direction` is given.
struct Derivatives {
  std::vector<double> result;   // f(x)
  Values first;                 // an entry an input
  Values second;                // d slope / d x, then d slope / d r
};
Derivatives derivatives(const Context& context, const OpCase& c, const Values& values, CreateGraph create = CreateGraph::yes);

/// Largest error of the case's derivatives, relative to the largest derivative; NaN or infinity if something is.
double first_order_gap(const Context& float64, const OpCase& c);
double second_order_gap(const Context& float64, const OpCase& c);

/// max |a - b| / max(|a|, |b|) (0 if both are all zeros), NaN if there is one; sizes must agree.
double relative_gap(const std::vector<double>& a, const std::vector<double>& b, double floor = 0);

}  // namespace weft::testing
