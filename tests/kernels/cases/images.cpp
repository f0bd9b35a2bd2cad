#include <limits>

#include "cases.h"

namespace weft::testing {
namespace {

void add_resamples(std::vector<Case>& cases) {
  //                                    n  h  w  c  p  q  taps
  const ResampleProblem problems[] = {{2, 5, 7, 3, 4, 9, 3, 2}, {1, 1, 1, 1, 1, 1, 1, 1}, {3, 4, 3, 1, 8, 6, 2, 2},
                                      {2, 9, 6, 8, 3, 2, 4, 3}, {1, 6, 5, 17, 5, 6, 1, 5}};
  for (const ResampleProblem& p : problems)
    for (const bool whole : {true, false}) {
      Numbers numbers(whole);
      const int64_t rows = int64_t(p.p) * p.taps_h, columns = int64_t(p.q) * p.taps_w;
      Case c{"resample", std::to_string(p.h) + "x" + std::to_string(p.w) + "x" + std::to_string(p.c) + " to " + std::to_string(p.p) + "x" +
                 std::to_string(p.q) + ", " + numbers.word(), numbers.rule(),
             {scalars(numbers(p.n * p.h * p.w * p.c)), indices(numbers.places(rows, p.h)), scalars(numbers(rows)),
              indices(numbers.places(columns, p.w)), scalars(numbers(columns))},
             {unwritten(p.n * p.p * p.q * p.c)}};
      c.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
        ops.resample(queue, p, in[0], static_cast<int32_t*>(in[1]), in[2], static_cast<int32_t*>(in[3]), in[4], out[0]);
      };
      cases.push_back(std::move(c));
    }
}

Case pool_case(const PoolProblem& p, const std::string& data, std::vector<double> x) {
  const int64_t results = int64_t(p.n) * p.p * p.q * p.c;
  Case c{"max_pool", std::to_string(p.window.h) + "x" + std::to_string(p.window.w) + " over " + std::to_string(p.h) + "x" +
             std::to_string(p.w) + "x" + std::to_string(p.c) + ", " + data, Rule::exact,
         {scalars(std::move(x))}, {unwritten(results), unwritten_indices(results)}};
  c.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    ops.max_pool(queue, p, in[0], out[0], static_cast<int32_t*>(out[1]));
  };
  return c;
}

void add_pools(std::vector<Case>& cases) {
  //                                n  h  w  c  p  q   window  stride  pad
  const PoolProblem problems[] = {{2, 7, 5, 3, 4, 6, {3, 2}, {2, 1}, {1, 1}}, {1, 1, 1, 1, 1, 1, {1, 1}, {1, 1}, {0, 0}},
                                  {3, 8, 6, 8, 4, 3, {2, 2}, {2, 2}, {0, 0}}, {2, 9, 7, 1, 3, 2, {2, 3}, {3, 4}, {0, 0}},
                                  {1, 4, 6, 9, 4, 6, {3, 3}, {1, 1}, {1, 1}}};
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const PoolProblem& p : problems) {
    const int64_t n = int64_t(p.n) * p.h * p.w * p.c;
    Numbers whole(true), reals(false);
    cases.push_back(pool_case(p, "ties", whole(n)));
    cases.push_back(pool_case(p, "reals", reals(n)));
    cases.push_back(pool_case(p, "all alike and below zero", std::vector<double>(size_t(n), -2.0)));   // padding is not 0
    cases.push_back(pool_case(p, "all -infinity", std::vector<double>(size_t(n), -inf)));              // and still has a winner
    std::vector<double> broken = whole(n);
    for (double& v : broken)
      if (whole.below(8) == 0) v = whole.below(2) ? nan : inf;
    cases.push_back(pool_case(p, "infinities and NaN", broken));
  }
}

}  // namespace

void add_image_cases(std::vector<Case>& cases) {
  add_resamples(cases);
  add_pools(cases);
}

}  // namespace weft::testing
