// Linear ops against their adjoints, in float64: <A x, y> = <x, A' y> for random x and y. An identity that both sides of
// a wrong pair satisfy needs the same mistake twice, so each forward op also meets a formula of its own here.
//
// Tolerance: both sides are sums of the same products, of at most 20,000 terms; each is wrong by at most
// terms * 2^-53 = 2e-12 of |A x| |y| in the worst case and by the root of that, 2e-14, as roundings fall. 1e-12 lies
// between, and a single wrong tap is wrong by 1e-3.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "cases/conv_problems.h"
#include "float64.h"

using namespace weft;
using namespace weft::testing;

TEST_CASE("conv2d, conv2d_input_grad and conv2d_weight_grad are adjoint to each other") {
  Float64 ops;
  for (const ConvProblem& p : awkward_convolutions) {
    CAPTURE(describe(p));
    const Vector x = draw(size_x(p), 1), w = draw(size_w(p), 2), y = draw(size_y(p), 3);
    Vector conv(y.size(), NAN), input_grad(x.size(), NAN), weight_grad(w.size(), NAN);
    ops->conv2d(*ops.queue, p, {}, x.data(), Weight{w.data()}, conv.data());
    ops->conv2d_input_grad(*ops.queue, p, {}, y.data(), Weight{w.data()}, input_grad.data());
    ops->conv2d_weight_grad(*ops.queue, p, false, x.data(), y.data(), weight_grad.data());
    const double expected = dot(conv, y);
    CHECK(gap(expected, dot(x, input_grad), conv, y) <= 1e-12);
    CHECK(gap(expected, dot(w, weight_grad), conv, y) <= 1e-12);
  }
}

TEST_CASE("conv2d of one bright pixel shows the filter, by the formula") {
  Float64 ops;
  for (const ConvProblem& p : awkward_convolutions) {
    CAPTURE(describe(p));
    const Vector w = draw(size_w(p), 2);
    const int n = p.n - 1, h = p.h / 2, width = p.w / 2, c = p.c - 1, group = c / (p.c / p.groups);
    Vector x(size_t(size_x(p)), 0.0), y(size_t(size_y(p)), NAN), expected(y.size(), 0.0);
    x[size_t(((n * p.h + h) * p.w + width) * p.c + c)] = 1;
    ops->conv2d(*ops.queue, p, {}, x.data(), Weight{w.data()}, y.data());
    for (int k = group * (p.k / p.groups); k < (group + 1) * (p.k / p.groups); ++k)
      for (int r = 0; r < p.r; ++r)
        for (int s = 0; s < p.s; ++s)
          for (int row = 0; row < p.p; ++row)
            for (int column = 0; column < p.q; ++column)
              if (row * p.stride.h - p.pad.h + r * p.dilation.h == h && column * p.stride.w - p.pad.w + s * p.dilation.w == width)
                expected[size_t(((n * p.p + row) * p.q + column) * p.k + k)] = w[size_t(((k * p.r + r) * p.s + s) * (p.c / p.groups) + c % (p.c / p.groups))];
    CHECK(y == expected);
  }
}

TEST_CASE("a convolution's epilogue: bias, LeakyReLU, accumulation") {
  Float64 ops;
  const ConvProblem p{1, 1, 1, 1, 2, 1, 1, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1};
  const Vector x = {3}, w = {2, -2}, bias = {10, 1};
  Vector y = {100, 200};
  ops->conv2d(*ops.queue, p, {bias.data(), 1, true}, x.data(), Weight{w.data()}, y.data());
  CHECK(y == Vector{116, 195});
  ops->conv2d(*ops.queue, p, {bias.data(), 0.25, false}, x.data(), Weight{w.data()}, y.data());
  CHECK(y == Vector{16, -1.25});
}

TEST_CASE("matmul: every pair of transposes is the formula, and its own adjoint") {
  Float64 ops;
  const int64_t batch = 2, m = 5, n = 7, k = 3;
  const Vector a = draw(batch * m * k, 1), b = draw(batch * k * n, 2), bias = draw(n, 3), start = draw(batch * m * n, 4);
  for (int variant = 0; variant < 4; ++variant) {
    const bool ta = variant & 1, tb = variant & 2;
    Vector c = start;
    ops->matmul(*ops.queue, {batch, m, n, k, ta, tb, true, m * k, k * n}, a.data(), Weight{b.data()}, bias.data(), c.data());
    for (int64_t e = 0; e < batch; ++e)
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          double sum = start[size_t((e * m + i) * n + j)] + bias[size_t(j)];
          for (int64_t l = 0; l < k; ++l)
            sum += a[size_t(e * m * k + (ta ? l * m + i : i * k + l))] * b[size_t(e * k * n + (tb ? j * k + l : l * n + j))];
          CHECK(std::abs(c[size_t((e * m + i) * n + j)] - sum) <= 1e-14);   // five sums of numbers below 10
        }
    // <a b, g> = <a, g b'> = <b, a' g>, with op() folded into the flags
    const Vector g = draw(batch * m * n, 5);
    Vector product(g.size()), da(a.size()), db(b.size());
    ops->matmul(*ops.queue, {batch, m, n, k, ta, tb, false, m * k, k * n}, a.data(), Weight{b.data()}, nullptr, product.data());
    if (ta)   // da' = b g'
      ops->matmul(*ops.queue, {batch, k, m, n, tb, true, false, k * n, m * n}, b.data(), Weight{g.data()}, nullptr, da.data());
    else      // da = g b'
      ops->matmul(*ops.queue, {batch, m, k, n, false, !tb, false, m * n, k * n}, g.data(), Weight{b.data()}, nullptr, da.data());
    if (tb)   // db' = g' a
      ops->matmul(*ops.queue, {batch, n, k, m, true, ta, false, m * n, m * k}, g.data(), Weight{a.data()}, nullptr, db.data());
    else      // db = a' g
      ops->matmul(*ops.queue, {batch, k, n, m, !ta, false, false, m * k, m * n}, a.data(), Weight{g.data()}, nullptr, db.data());
    CHECK(gap(dot(product, g), dot(a, da), product, g) <= 1e-12);
    CHECK(gap(dot(product, g), dot(b, db), product, g) <= 1e-12);
  }
}

TEST_CASE("gather and scatter_add are adjoint, with and without weights; index -1 reads zero and adds nowhere") {
  Float64 ops;
  const GatherProblem p{9, 3, 5, 7};
  const Vector table = draw(7 * 5, 1), y = draw(9 * 5, 2), weights = draw(27, 3);
  std::mt19937 engine(4);
  std::vector<int32_t> index(27);
  for (int32_t& i : index) i = int32_t(engine() % 8) - 1;
  for (const double* weight : {weights.data(), static_cast<const double*>(nullptr)}) {
    Vector gathered(y.size(), NAN), scattered(table.size(), NAN);
    ops->gather(*ops.queue, p, table.data(), index.data(), weight, gathered.data());
    ops->scatter_add(*ops.queue, p, y.data(), index.data(), weight, scattered.data());
    CHECK(gap(dot(gathered, y), dot(table, scattered), gathered, y) <= 1e-12);
  }
  // By hand: rows 2 and 0 of a table of two columns, and a row of nothing.
  const Vector small = {1, 2, 3, 4, 5, 6}, half = {0.5, 2, 7, 7};
  const std::vector<int32_t> at = {2, 0, -1, -1};
  Vector rows(4, NAN);
  ops->gather(*ops.queue, {2, 2, 2, 3}, small.data(), at.data(), half.data(), rows.data());
  CHECK(rows == Vector{4.5, 7, 0, 0});
}

namespace {

/// Taps of one axis: (outputs, taps) indices into `inputs`, -1 for none.
struct Taps {
  int inputs, outputs, taps;
  std::vector<int32_t> index;
  Vector weight;
};

Taps random_taps(int inputs, int outputs, int taps, unsigned seed) {
  Taps t{inputs, outputs, taps, std::vector<int32_t>(size_t(outputs * taps)), draw(outputs * taps, seed)};
  std::mt19937 engine(seed);
  for (int32_t& i : t.index) i = int32_t(engine() % unsigned(inputs + 1)) - 1;
  return t;
}

/// The adjoint's taps: input i hears from every (output, tap) that read it.
Taps transposed(const Taps& t) {
  std::vector<std::vector<std::pair<int, double>>> readers(size_t(t.inputs));
  for (int o = 0; o < t.outputs; ++o)
    for (int tap = 0; tap < t.taps; ++tap)
      if (const size_t i = size_t(o * t.taps + tap); t.index[i] >= 0) readers[size_t(t.index[i])].push_back({o, t.weight[i]});
  size_t most = 1;
  for (const auto& r : readers) most = std::max(most, r.size());
  Taps back{t.outputs, t.inputs, int(most), std::vector<int32_t>(size_t(t.inputs) * most, -1), Vector(size_t(t.inputs) * most, NAN)};
  for (size_t i = 0; i < readers.size(); ++i)
    for (size_t r = 0; r < readers[i].size(); ++r) back.index[i * most + r] = readers[i][r].first, back.weight[i * most + r] = readers[i][r].second;
  return back;
}

Vector resample(const Float64& ops, int64_t n, int c, const Taps& h, const Taps& w, const Vector& x) {
  Vector y(size_t(n * h.outputs * w.outputs * c), NAN);
  ops->resample(*ops.queue, {n, h.inputs, w.inputs, c, h.outputs, w.outputs, h.taps, w.taps}, x.data(), h.index.data(), h.weight.data(),
                w.index.data(), w.weight.data(), y.data());
  return y;
}

}  // namespace

// The transposed tables are padded with index -1 and weight NaN: a tap that reads nothing must not be multiplied.
TEST_CASE("resample with transposed tables is its own adjoint") {
  Float64 ops;
  const Taps h = random_taps(5, 8, 3, 1), w = random_taps(7, 4, 2, 2);
  const Vector x = draw(2 * 5 * 7 * 3, 3), y = draw(2 * 8 * 4 * 3, 4);
  const Vector forward = resample(ops, 2, 3, h, w, x), back = resample(ops, 2, 3, transposed(h), transposed(w), y);
  CHECK(gap(dot(forward, y), dot(x, back), forward, y) <= 1e-12);
}

TEST_CASE("resample: a crop, a flip and an average, by hand") {
  Float64 ops;
  const Vector x = {1, 2, 3, 4, 5, 6};   // (1,2,3,1)
  const Taps keep{2, 2, 1, {0, 1}, {1, 1}}, flip{3, 3, 1, {2, 1, 0}, {1, 1, 1}}, crop{3, 1, 1, {1}, {1}};
  const Taps average_h{2, 1, 2, {0, 1}, {0.5, 0.5}}, average_w{3, 2, 2, {0, 1, 1, 2}, {0.5, 0.5, 0.5, 0.5}};
  CHECK(resample(ops, 1, 1, keep, flip, x) == Vector{3, 2, 1, 6, 5, 4});
  CHECK(resample(ops, 1, 1, keep, crop, x) == Vector{2, 5});
  CHECK(resample(ops, 1, 1, average_h, average_w, x) == Vector{3, 4});
}

TEST_CASE("strided_copy backwards undoes it") {
  Float64 ops;
  const CopyProblem there{4, {2, 3, 4, 5}, {60, 1, 15, 3}, {60, 20, 5, 1}};   // NHWC (2,4,5,3) to NCHW
  CopyProblem back = there;
  std::copy(there.dst_stride, there.dst_stride + 4, back.src_stride);
  std::copy(there.src_stride, there.src_stride + 4, back.dst_stride);
  const Vector x = draw(120, 1);
  Vector moved(120, NAN), returned(120, NAN);
  ops->strided_copy(*ops.queue, there, 8, x.data(), moved.data());
  ops->strided_copy(*ops.queue, back, 8, moved.data(), returned.data());
  CHECK(returned == x);
  CHECK(moved[size_t(((1 * 3 + 2) * 4 + 3) * 5 + 1)] == x[size_t(((1 * 4 + 3) * 5 + 1) * 3 + 2)]);   // n=1, c=2, h=3, w=1
}
