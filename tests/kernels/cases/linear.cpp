#include "cases.h"

#include "conv_problems.h"

namespace weft::testing {
namespace {

struct Product {
  int64_t batch, m, n, k;
  bool repeat_a, repeat_b;
};

void add_products(std::vector<Case>& cases) {
  const Product products[] = {{1, 1, 1, 1, false, false},  {1, 5, 7, 3, false, false},    {3, 6, 10, 9, false, true},
                              {2, 4, 130, 5, true, false}, {1, 33, 17, 65, false, false}, {2, 1, 9, 40, false, false},
                              {2, 70, 1, 12, false, false}, {1, 16, 8, 32, false, false}};
  for (const Product& p : products)
    for (const bool whole : {true, false})
      for (int variant = 0; variant < 16; ++variant) {
        const bool transpose_a = variant & 1, transpose_b = variant & 2, with_bias = variant & 4, accumulate = variant & 8;
        if (!whole && p.batch * p.m * p.n < 30) continue;   // too few results to make `rounded` fair
        Numbers numbers(whole, unsigned(variant) + 1);
        const MatmulProblem problem{p.batch, p.m, p.n, p.k, transpose_a, transpose_b, accumulate,
                                    p.repeat_a ? 0 : p.m * p.k, p.repeat_b ? 0 : p.k * p.n};
        const int64_t results = p.batch * p.m * p.n;
        Case c{"matmul", std::to_string(p.batch) + " of " + std::to_string(p.m) + "x" + std::to_string(p.n) + "x" + std::to_string(p.k) +
                   (transpose_a ? ", a transposed" : "") + (transpose_b ? ", b transposed" : "") + (with_bias ? ", bias" : "") +
                   (accumulate ? ", accumulated, " : ", ") + numbers.word(), numbers.rule(),
               {scalars(numbers((p.repeat_a ? 1 : p.batch) * p.m * p.k)), scalars(numbers((p.repeat_b ? 1 : p.batch) * p.k * p.n)),
                with_bias ? scalars(numbers(p.n)) : nothing()},
               {accumulate ? scalars(numbers(results)) : unwritten(results)}};
        c.terms = p.k;
        c.run = [problem](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
          ops.matmul(queue, problem, in[0], Weight{in[1]}, in[2], out[0]);
        };
        cases.push_back(std::move(c));
      }
}

struct Finish {
  const char* name;
  bool bias, activation, accumulate;
};
const Finish finishes[] = {{"plain", false, false, false}, {"bias", true, false, false}, {"bias and LeakyReLU", true, true, false},
                           {"LeakyReLU", false, true, false}, {"accumulated", false, false, true}, {"bias, accumulated", true, false, true}};

void add_convolutions(std::vector<Case>& cases) {
  for (const ConvProblem& p : awkward_convolutions)
    for (const bool whole : {true, false})
      for (const Finish& finish : finishes) {
        Numbers numbers(whole);
        const std::string name = describe(p) + ", " + finish.name + ", " + numbers.word();
        const double slope = finish.activation ? (whole ? 0.25 : 0.2) : 1;
        const auto epilogue = [finish, slope](const void* bias) { return ConvEpilogue{bias, slope, finish.accumulate}; };
        const auto result = [&](int64_t n) { return finish.accumulate ? scalars(numbers(n)) : unwritten(n); };

        Case forward{"conv2d", name, numbers.rule(),
                     {scalars(numbers(size_x(p))), scalars(numbers(size_w(p))), finish.bias ? scalars(numbers(p.k)) : nothing()}, {result(size_y(p))}};
        forward.terms = int64_t(p.r) * p.s * p.c / p.groups;
        forward.run = [p, epilogue](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
          ops.conv2d(queue, p, epilogue(in[2]), in[0], Weight{in[1]}, out[0]);
        };
        Case backward{"conv2d_input_grad", name, numbers.rule(),
                      {scalars(numbers(size_y(p))), scalars(numbers(size_w(p))), finish.bias ? scalars(numbers(p.c)) : nothing()}, {result(size_x(p))}};
        backward.terms = int64_t(p.r) * p.s * p.k / p.groups;
        backward.run = [p, epilogue](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
          ops.conv2d_input_grad(queue, p, epilogue(in[2]), in[0], Weight{in[1]}, out[0]);
        };
        cases.push_back(std::move(forward));
        cases.push_back(std::move(backward));

        if (finish.bias || finish.activation) continue;
        Case weight{"conv2d_weight_grad", name, numbers.rule(), {scalars(numbers(size_x(p))), scalars(numbers(size_y(p)))}, {result(size_w(p))}};
        weight.terms = int64_t(p.n) * p.p * p.q;
        weight.run = [p, accumulate = finish.accumulate](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
          ops.conv2d_weight_grad(queue, p, accumulate, in[0], in[1], out[0]);
        };
        cases.push_back(std::move(weight));
      }
}

}  // namespace

void add_linear_cases(std::vector<Case>& cases) {
  add_products(cases);
  add_convolutions(cases);
}

}  // namespace weft::testing
