// Reductions and pooling: sums by hand, and who wins a maximum.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "float64.h"

using namespace weft;
using namespace weft::testing;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

struct Winner {
  double value;
  int32_t index;
};
Winner extreme(const Float64& ops, ReduceKind kind, const Vector& x) {
  Winner w{-77, -77};
  ops->reduce(*ops.queue, kind, {1, int64_t(x.size()), 1}, x.data(), &w.value, &w.index);
  return w;
}
}  // namespace

TEST_CASE("reduce: sums, squares and counts over the middle axis") {
  Float64 ops;
  const Vector x = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6};   // (2,3,2)
  Vector out(4);
  ops->reduce(*ops.queue, ReduceKind::sum, {2, 3, 2}, x.data(), out.data(), nullptr);
  CHECK(out == Vector{9, 12, -9, -12});
  ops->reduce(*ops.queue, ReduceKind::sum_squares, {2, 3, 2}, x.data(), out.data(), nullptr);
  CHECK(out == Vector{35, 56, 35, 56});
  ops->reduce(*ops.queue, ReduceKind::min, {2, 3, 2}, x.data(), out.data(), nullptr);
  CHECK(out == Vector{1, 2, -5, -6});
  const Vector broken = {1, kNan, kInf, -kInf, 0, 3};
  ops->reduce(*ops.queue, ReduceKind::count_non_finite, {1, 6, 1}, broken.data(), out.data(), nullptr);
  CHECK(out[0] == 3);
}

TEST_CASE("reduce: the first wins a tie, a NaN beats everything, the first NaN stays") {
  Float64 ops;
  CHECK(extreme(ops, ReduceKind::max, {1, 5, 5, 2}).index == 1);
  CHECK(extreme(ops, ReduceKind::min, {3, 1, 4, 1}).index == 1);
  CHECK(extreme(ops, ReduceKind::max, {-kInf, -kInf}).index == 0);
  CHECK(extreme(ops, ReduceKind::max, {-3, -2, -5}).value == -2);
  for (ReduceKind kind : {ReduceKind::max, ReduceKind::min}) {
    const Winner w = extreme(ops, kind, {1, kNan, kInf, kNan, -kInf});
    CHECK(std::isnan(w.value));
    CHECK(w.index == 1);
    CHECK(extreme(ops, kind, {kNan, 1, kNan}).index == 0);
  }
}

TEST_CASE("max_pool: padding never wins, flat positions, NaN wins") {
  Float64 ops;
  const Vector x = {-1, -2, -3, -4, -5, -6, -7, -8, -9};   // (1,3,3,1)
  Vector y(4);
  std::vector<int32_t> index(4);
  const PoolProblem p{1, 3, 3, 1, 2, 2, {3, 3}, {2, 2}, {1, 1}};
  ops->max_pool(*ops.queue, p, x.data(), y.data(), index.data());
  CHECK(y == Vector{-1, -2, -4, -5});
  CHECK(index == std::vector<int32_t>{0, 1, 3, 4});
  Vector ties(9, -kInf);
  ops->max_pool(*ops.queue, p, ties.data(), y.data(), index.data());
  CHECK(index == std::vector<int32_t>{0, 1, 3, 4});
  ties[4] = ties[5] = kNan, ties[8] = kInf;   // the middle belongs to every window, and is the first NaN in each
  ops->max_pool(*ops.queue, p, ties.data(), y.data(), index.data());
  CHECK(index == std::vector<int32_t>{4, 4, 4, 4});
}
