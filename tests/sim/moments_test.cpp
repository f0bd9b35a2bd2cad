// Convolutions that take the moments of their result on the way, on the host executor.
//
// Allowed error, of float32 with unit u = 2^-24 over n values y: a tile sums at most 128 of them, and Chan's merges add a few
// roundings more, so the mean errs by less than 200 u max|y|. A variance about such a mean errs by its square, and by as many
// roundings of its own size.
#include <doctest/doctest.h>

#include <cmath>

#include "cases/cases.h"
#include "cases/conv_problems.h"
#include "executor.h"

using namespace weft;
using namespace weft::testing;

namespace {

struct Layer {
  const char* what;
  ConvProblem p;
  bool adjoint;
  int groups;
  bool on_the_way;        // by the convolution's own blocks
};

// A tile of these has 64 or 128 rows: pixels of one phase.
const Layer layers[] = {
    {"one tile, not full", {2, 9, 7, 5, 6, 3, 3, 9, 7, {1, 1}, {1, 1}, {1, 1}, 1}, false, 1, true},
    {"many tiles, the last not full", {3, 20, 14, 16, 24, 3, 3, 20, 14, {1, 1}, {1, 1}, {1, 1}, 1}, false, 1, true},
    {"groups of whole tiles", {4, 16, 8, 8, 24, 3, 3, 16, 8, {1, 1}, {1, 1}, {1, 1}, 1}, false, 2, true},
    {"groups that share a tile", {2, 9, 7, 16, 24, 3, 3, 9, 7, {1, 1}, {1, 1}, {1, 1}, 1}, false, 2, false},
    {"a sum in parts", {2, 8, 8, 96, 24, 3, 3, 8, 8, {1, 1}, {1, 1}, {1, 1}, 1}, false, 1, false},
    {"three results", {2, 9, 7, 16, 3, 3, 3, 9, 7, {1, 1}, {1, 1}, {1, 1}, 1}, false, 1, false},
    {"depthwise", {2, 9, 7, 16, 16, 3, 3, 9, 7, {1, 1}, {1, 1}, {1, 1}, 16}, false, 1, false},
    {"grouped", {2, 16, 16, 16, 48, 3, 3, 16, 16, {1, 1}, {1, 1}, {1, 1}, 2}, false, 2, true},
    {"transposed, four phases", {2, 16, 16, 24, 8, 4, 4, 8, 8, {2, 2}, {1, 1}, {1, 1}, 1}, true, 1, true},
    {"transposed, phases in groups", {4, 16, 16, 24, 8, 4, 4, 8, 8, {2, 2}, {1, 1}, {1, 1}, 1}, true, 2, true},
    {"transposed, phases of unequal size", {2, 15, 13, 24, 8, 3, 3, 8, 7, {2, 2}, {1, 1}, {1, 1}, 1}, true, 1, false},
};

void check(const Layer& layer, Precision precision, double shift) {
  const ConvProblem& p = layer.p;
  const int channels = layer.adjoint ? p.c : p.k;
  const int64_t inputs = layer.adjoint ? size_y(p) : size_x(p), results = layer.adjoint ? size_x(p) : size_y(p);
  QueueOptions options;
  options.precision = precision;
  Session session(*find_backend("sim", DType::f32), options);
  REQUIRE(session.ops().convolutions_take_moments);
  Numbers numbers(false);
  Case c{"conv2d", layer.what, Rule::exact,
         {scalars(numbers(inputs)), scalars(numbers(size_w(p))), scalars(std::vector<double>(size_t(channels), shift))},
         {unwritten(results), unwritten(int64_t(layer.groups) * channels), unwritten(int64_t(layer.groups) * channels)}};
  c.run = [&](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    const ConvEpilogue e{in[2], 1, false, out[1], out[2], layer.groups};
    if (layer.adjoint) ops.conv2d_input_grad(queue, p, e, in[0], {in[1]}, out[0]);
    else ops.conv2d(queue, p, e, in[0], {in[1]}, out[0]);
  };
  for (const int off : {0, 1}) {
    session.queue->launches.clear();
    const Outcome got = run_case(session, c, off);
    CAPTURE(layer.what);
    CAPTURE(int(precision));
    CHECK(got.fault == "");
    CHECK((session.queue->launches.count("moments_kernel") == 0) == layer.on_the_way);
    const int64_t rows = results / channels / layer.groups;
    for (int group = 0; group < layer.groups; ++group)
      for (int channel = 0; channel < channels; ++channel) {
        const auto value = [&](int64_t row) { return got.values[0][size_t((group * rows + row) * channels + channel)]; };
        double mean = 0, variance = 0, largest = 0;
        for (int64_t row = 0; row < rows; ++row) mean += value(row) / double(rows), largest = std::max(largest, std::abs(value(row)));
        for (int64_t row = 0; row < rows; ++row) variance += (value(row) - mean) * (value(row) - mean) / double(rows);
        const double of_mean = 200 * std::ldexp(1.0, -24) * largest;
        const size_t at = size_t(group * channels + channel);
        CHECK(std::abs(got.values[1][at] - mean) <= of_mean);
        CHECK(std::abs(got.values[2][at] - variance) <= 300 * std::ldexp(1.0, -24) * variance + of_mean * of_mean);
      }
  }
}

}  // namespace

TEST_CASE("sim: conv2d and its input gradient take the moments of their result on the way") {
  for (const Layer& layer : layers)
    for (const double shift : {0.0, 1e4}) check(layer, Precision::fp32, shift);
  for (const Layer& layer : layers) check(layer, Precision::tf32, 3);
  if (&host::race_count) CHECK(host::race_count() == 0);
}
