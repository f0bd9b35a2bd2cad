#include <limits>

#include "cases.h"

namespace weft::testing {
namespace {

struct Box {
  const char* name;
  PointwiseProblem problem;
  int64_t elements[3];   // of a, b and c
};

const Box boxes[] = {
    {"one element", {1, {1}, {{1}, {1}, {1}}}, {1, 1, 1}},
    {"contiguous", {1, {37}, {{1}, {1}, {1}}}, {37, 37, 37}},
    {"a row and a column", {2, {15, 7}, {{7, 1}, {0, 1}, {1, 0}}}, {105, 7, 15}},
    {"a constant", {3, {3, 5, 4}, {{20, 4, 1}, {0, 0, 0}, {0, 4, 1}}}, {60, 1, 20}},
    {"six axes, permuted", {6, {2, 1, 3, 2, 2, 3}, {{36, 36, 12, 6, 3, 1}, {1, 0, 2, 6, 12, 24}, {0, 0, 1, 0, 3, 6}}}, {72, 72, 19}},
    {"more than a block takes at once", {1, {4503}, {{1}, {1}, {1}}}, {4503, 4503, 4503}},
    {"a bias, and one value a row", {2, {600, 8}, {{8, 1}, {0, 1}, {1, 0}}}, {4800, 8, 600}},
    {"a bias of three, and a constant", {2, {1500, 3}, {{3, 1}, {0, 1}, {0, 0}}}, {4500, 3, 1}},
    {"slices of longer rows", {2, {600, 8}, {{12, 1}, {10, 1}, {0, 1}}}, {7200, 6000, 8}},
};

/// Largest error of a kind in units in the last place, 0 where IEEE 754 leaves no choice. The formula rounds after every
/// step on every backend (-ffp-contract=off, --fmad=false), so kinds made of + - * / sqrt and comparisons have one
/// right answer. The others call a mathematical library; the CUDA programming guide states the loosest bounds that we
/// build on (appendix "mathematical functions"): exp 2, log 1, log1p 1, expm1 1, pow 4, sin 2, cos 2, tanh 2.
int units_of_error(PointwiseKind kind) {
  switch (kind) {
    case PointwiseKind::exp: return 2;
    case PointwiseKind::log: return 1;
    case PointwiseKind::pow: return 4;
    case PointwiseKind::sin: case PointwiseKind::cos: case PointwiseKind::tanh: return 2;
    case PointwiseKind::sigmoid: return 3;    // exp's 2 reach 1 + exp weakened, then two roundings of 1/2
    case PointwiseKind::softplus: return 4;   // exp's 2 through log1p (which weakens them), log1p's 1, one sum
    case PointwiseKind::elu: return 2;        // expm1's 1 and a product
    default: return 0;
  }
}

bool wants_positive(PointwiseKind kind) {
  return kind == PointwiseKind::log || kind == PointwiseKind::sqrt || kind == PointwiseKind::pow;
}

void judge(Case& c, PointwiseKind kind) {
  if (const int units = units_of_error(kind)) {
    c.rule = Rule::within;
    c.tolerance = [units](const Values& exact) {
      Values tolerance = exact;
      for (double& t : tolerance[0]) t = units * 2 * kRoundoff * std::abs(t);   // a unit is at most 2^-23 of the value
      return tolerance;
    };
  }
}

Case pointwise_case(PointwiseKind kind, const Box& box, const std::string& data, std::vector<Array> inputs) {
  const PointwiseInfo& info = pointwise_info[int(kind)];
  for (int i = info.inputs; i < 3; ++i) inputs[size_t(i)] = nothing();
  PointwiseProblem problem = box.problem;
  problem.p = 1.75, problem.q = -0.5;   // the same number in float and double
  int64_t count = 1;
  for (int axis = 0; axis < problem.rank; ++axis) count *= problem.size[axis];
  Case c{"pointwise", std::string(info.name) + ", " + box.name + ", " + data, Rule::exact, std::move(inputs), {unwritten(count)}};
  c.run = [kind, problem](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    ops.pointwise(queue, kind, problem, in[0], in[1], in[2], out[0]);
  };
  judge(c, kind);
  return c;
}

/// Every pair of awkward values, for the first two inputs.
void add_special_values(std::vector<Case>& cases, PointwiseKind kind) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const double specials[] = {0, -0.0, 1, -2, 0.5, inf, -inf, nan, double(3.0e38f)};
  std::vector<double> a, b, c;
  for (double first : specials)
    for (double second : specials) a.push_back(first), b.push_back(second), c.push_back(second);
  const Box box{"special values", {1, {81}, {{1}, {1}, {1}}}, {81, 81, 81}};
  Case special = pointwise_case(kind, box, "pairs", {scalars(a), scalars(b), scalars(c)});
  const bool wanders = kind == PointwiseKind::exp || kind == PointwiseKind::pow;
  if (wanders) return;   // 3e38 overflows a float and not a double
  cases.push_back(special);
}

Case in_place(PointwiseKind kind, Numbers numbers) {
  const PointwiseProblem problem{2, {5, 9}, {{9, 1}, {0, 1}, {9, 1}}, 1.75, -0.5};
  const bool wide = pointwise_info[int(kind)].inputs > 1;
  Case c{"pointwise", std::string(pointwise_info[int(kind)].name) + " over its own input", Rule::exact,
         {wide ? scalars(numbers(9)) : nothing()}, {scalars(numbers(45))}};
  c.run = [kind, problem](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    ops.pointwise(queue, kind, problem, out[0], in[0], nullptr, out[0]);
  };
  return c;
}

struct Move {
  const char* name;
  CopyProblem problem;
  int64_t from, to;   // elements of the two blocks
};
const Move moves[] = {
    {"contiguous", {1, {37}, {1}, {1}}, 37, 37},
    {"a slice of rows and columns", {2, {3, 4}, {9, 1}, {4, 1}}, 40, 12},
    {"into a concatenation", {3, {2, 3, 5}, {15, 5, 1}, {24, 8, 1}}, 30, 48},
    {"transposed", {2, {7, 5}, {1, 7}, {5, 1}}, 35, 35},
    {"NHWC to NCHW", {4, {2, 3, 4, 5}, {60, 1, 15, 3}, {60, 20, 5, 1}}, 120, 120},
    {"expanded", {3, {3, 4, 5}, {0, 1, 0}, {20, 5, 1}}, 4, 60},
    {"six axes, reversed", {6, {2, 3, 1, 2, 2, 3}, {1, 2, 6, 6, 12, 24}, {36, 12, 12, 6, 3, 1}}, 72, 72},
    {"every third element", {1, {11}, {3}, {2}}, 31, 21},
    {"matrices transposed", {4, {2, 1, 45, 70}, {3150, 7, 1, 45}, {3150, 7, 70, 1}}, 6300, 6300},
    {"three rows transposed", {3, {3, 700, 3}, {2100, 1, 700}, {2100, 3, 1}}, 6300, 6300},
    {"five columns transposed", {3, {2, 5, 520}, {2600, 1, 5}, {2600, 520, 1}}, 5200, 5200},
    {"many small matrices transposed", {3, {40, 23, 23}, {529, 1, 23}, {529, 23, 1}}, 21160, 21160},
};

}  // namespace

void add_pointwise_cases(std::vector<Case>& cases) {
  for (int k = 0; k < int(PointwiseKind::count); ++k) {
    const auto kind = PointwiseKind(k);
    for (const bool whole : {true, false})
      for (const Box& box : boxes) {
        Numbers numbers(whole, unsigned(k) + 1);
        const auto draw = [&](int64_t n) { return scalars(wants_positive(kind) ? numbers.positive(n) : numbers(n)); };
        std::vector<Array> inputs = {draw(box.elements[0]), draw(box.elements[1]), draw(box.elements[2])};
        cases.push_back(pointwise_case(kind, box, numbers.word(), std::move(inputs)));
      }
    add_special_values(cases, kind);
  }
  for (PointwiseKind kind : {PointwiseKind::affine, PointwiseKind::add, PointwiseKind::leaky_relu_grad})
    cases.push_back(in_place(kind, Numbers(true)));

  for (const Move& move : moves)
    for (const int64_t words : {1, 2}) {   // 4-byte and 8-byte elements, told apart in float32
      Numbers numbers(true);
      Case c{"strided_copy", std::string(move.name) + (words == 1 ? ", 4 bytes" : ", 8 bytes"), Rule::exact,
             {scalars(numbers(move.from * words))}, {scalars(numbers(move.to * words))}};   // gaps keep what they held
      c.run = [problem = move.problem, words](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
        ops.strided_copy(queue, problem, size_t(words) * 4, in[0], out[0]);
      };
      c.scalars_per_element = int(words);
      cases.push_back(std::move(c));
    }
}

}  // namespace weft::testing
