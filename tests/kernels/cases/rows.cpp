#include <algorithm>
#include <limits>
#include <numeric>

#include "cases.h"

namespace weft::testing {
namespace {

const char* name_of(ReduceKind kind) {
  const char* names[] = {"sum", "sum of squares", "max", "min", "count of non-finite"};
  return names[int(kind)];
}

std::string shape_of(const ReduceProblem& p) {
  return std::to_string(p.outer) + "x" + std::to_string(p.n) + "x" + std::to_string(p.inner);
}

Case reduce_case(ReduceKind kind, const ReduceProblem& problem, Rule rule, const std::string& data, std::vector<double> x,
                 bool with_index) {
  const int64_t results = problem.outer * problem.inner;
  Case c{"reduce", std::string(name_of(kind)) + (with_index ? " with index, " : ", ") + shape_of(problem) + ", " + data, rule,
         {scalars(std::move(x))}, {unwritten(results), with_index ? unwritten_indices(results) : nothing()}};
  c.run = [kind, problem](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    ops.reduce(queue, kind, problem, in[0], out[0], static_cast<int32_t*>(out[1]));
  };
  return c;
}

void add_reductions(std::vector<Case>& cases) {
  const ReduceProblem narrow[] = {{1, 1, 1}, {1, 37, 1}, {1, 2051, 1}, {7, 64, 1}, {1, 5, 130}, {3, 17, 5}, {2, 300, 3}, {4, 1, 6},
                                  {700, 64, 1}, {300, 30, 1}, {3, 9, 1100}};        // several results, or many columns, in a block of a GPU
  const ReduceProblem many_results[] = {{5, 100, 13}, {61, 129, 1}, {1, 70, 67}};   // enough to make `rounded` fair
  constexpr ReduceKind kinds[] = {ReduceKind::sum, ReduceKind::sum_squares, ReduceKind::max, ReduceKind::min, ReduceKind::count_non_finite};
  for (ReduceKind kind : kinds) {
    const bool extreme = kind == ReduceKind::max || kind == ReduceKind::min;
    for (const ReduceProblem& p : narrow) {
      Numbers numbers(true);
      const std::vector<double> x = numbers(p.outer * p.n * p.inner);
      cases.push_back(reduce_case(kind, p, Rule::exact, numbers.word(), x, false));
      if (extreme) cases.push_back(reduce_case(kind, p, Rule::exact, "ties", x, true));

      std::vector<double> broken = x;   // about every ninth value is not finite
      const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
      const double bad[] = {inf, nan, -inf};
      for (double& v : broken)
        if (numbers.below(9) == 0) v = bad[numbers.below(3)];
      if (extreme || kind == ReduceKind::count_non_finite)
        cases.push_back(reduce_case(kind, p, Rule::exact, "infinities and NaN", broken, extreme));
      if (extreme) {
        const std::vector<double> low(x.size(), kind == ReduceKind::max ? -inf : inf);
        cases.push_back(reduce_case(kind, p, Rule::exact, "nothing but the worst infinity", low, true));
      }
    }
    for (const ReduceProblem& p : many_results) {
      Numbers numbers(false);
      cases.push_back(reduce_case(kind, p, extreme ? Rule::exact : Rule::rounded, numbers.word(), numbers(p.outer * p.n * p.inner), extreme));
    }
  }
}

void add_gathers(std::vector<Case>& cases) {
  const GatherProblem problems[] = {{9, 3, 5, 7}, {1, 1, 1, 1}, {40, 1, 3, 6}, {5, 2, 130, 11}, {3, 4, 1, 50}, {17, 2, 8, 17}};
  for (const GatherProblem& p : problems)
    for (const bool whole : {true, false})
      for (const bool weighted : {true, false}) {
        Numbers numbers(whole);
        const Array index = indices(numbers.places(p.rows * p.taps, int(p.table_rows)));
        const Array weight = weighted ? scalars(numbers(p.rows * p.taps)) : nothing();
        const std::string name = std::to_string(p.rows) + " rows of " + std::to_string(p.columns) + ", " + std::to_string(p.taps) +
                                 " taps, " + (weighted ? "weights, " : "no weights, ") + numbers.word();
        Case gather{"gather", name, numbers.rule(), {scalars(numbers(p.table_rows * p.columns)), index, weight}, {unwritten(p.rows * p.columns)}};
        gather.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
          ops.gather(queue, p, in[0], static_cast<int32_t*>(in[1]), in[2], out[0]);
        };
        Case scatter{"scatter_add", name, numbers.rule(), {scalars(numbers(p.rows * p.columns)), index, weight}, {unwritten(p.table_rows * p.columns)}};
        scatter.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
          ops.scatter_add(queue, p, in[0], static_cast<int32_t*>(in[1]), in[2], out[0]);
        };
        cases.push_back(std::move(gather));
        cases.push_back(std::move(scatter));
      }
}

void add_unique_scatters(std::vector<Case>& cases) {
  const GatherProblem problems[] = {{6, 2, 5, 40, true}, {50, 1, 1, 50, true}, {7, 1, 8, 9, true}, {2100, 1, 1, 5000, true}};
  for (const GatherProblem& p : problems)
    for (const bool weighted : {true, false}) {
      Numbers numbers(false);
      std::vector<double> place(size_t(p.table_rows));                      // a shuffle of all rows, of which the first are named
      std::iota(place.begin(), place.end(), 0.0);
      for (size_t i = place.size(); i > 1; --i) std::swap(place[i - 1], place[size_t(numbers.below(int(i)))]);
      place.resize(size_t(p.rows * p.taps));
      place[place.size() / 2] = -1;
      Case c{"scatter_add", "each row at most once, " + std::to_string(p.rows) + " rows of " + std::to_string(p.columns) + (weighted ? ", weights" : ""), Rule::exact,
             {scalars(numbers(p.rows * p.columns)), indices(place), weighted ? scalars(numbers(p.rows * p.taps)) : nothing()}, {unwritten(p.table_rows * p.columns)}};
      c.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
        ops.scatter_add(queue, p, in[0], static_cast<int32_t*>(in[1]), in[2], out[0]);
      };
      cases.push_back(std::move(c));
    }
}

void add_sorts(std::vector<Case>& cases) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const SortProblem& p : {SortProblem{1, 1}, {3, 2}, {5, 17}, {1, 1000}, {40, 16}, {7, 4099}, {300, 33}})
    for (const char* what : {"reals", "ties", "infinities, NaN and both zeros", "in falling order", "without index"}) {
      Numbers numbers(what[0] == 't' || what[0] == 'i');                    // small whole numbers: mostly ties
      std::vector<double> x = numbers(p.rows * p.n);
      if (what[0] == 'i' && what[2] == 'f') {
        const double odd[] = {inf, nan, -inf, 0.0, -0.0};
        for (double& v : x)
          if (numbers.below(2) == 0) v = odd[numbers.below(5)];
      }
      if (what[3] == 'f') std::sort(x.rbegin(), x.rend());
      Case c{"sort", std::to_string(p.rows) + " rows of " + std::to_string(p.n) + ", " + what, Rule::exact, {scalars(x)},
             {unwritten(p.rows * p.n), what[0] == 'w' ? nothing() : unwritten_indices(p.rows * p.n)}};
      c.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) { ops.sort(queue, p, in[0], out[0], static_cast<int32_t*>(out[1])); };
      cases.push_back(std::move(c));
    }
}

}  // namespace

void add_row_cases(std::vector<Case>& cases) {
  add_reductions(cases);
  add_gathers(cases);
  add_unique_scatters(cases);
  add_sorts(cases);
}

}  // namespace weft::testing
