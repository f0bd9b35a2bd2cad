// What a trace tells of calls: which operation, which derivative, how much; and that nobody's numbers change under it.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "weft/tensor/ops.h"
#include "weft/tensor/trace.h"

using namespace weft;

namespace {

struct Done {
  std::vector<double> gradient;
  std::vector<Trace::Row> rows;
};

/// A convolution, its norm's squares, and their gradient in x; of second order if `twice`.
Done work(const Context& context, bool traced, bool twice = false) {
  const Tensor x = context.normal({2, 6, 5, 3}, 1).leaf(), w = context.normal({4, 3, 3, 3}, 2).leaf();
  std::unique_ptr<Trace> trace;
  if (traced) trace = std::make_unique<Trace>(context);
  Tensor g;
  {
    const Range phase(context, "play");
    const Tensor loss = sum_squares(conv2d(x, w));
    g = grad(loss, {x}, twice ? CreateGraph::yes : CreateGraph::no)[0];
    if (twice) g = grad(sum_squares(g), {w})[0];
  }
  return {g.values(), traced ? trace->rows() : std::vector<Trace::Row>()};
}

const Trace::Row& find(const std::vector<Trace::Row>& rows, const std::string& op, bool in_a_rule) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const Trace::Row& r) { return r.op == op && (r.rule_of != 0) == in_a_rule; });
  REQUIRE(at != rows.end());
  return *at;
}

}  // namespace

TEST_CASE("a trace links every call to its operation and to the derivative that it is part of") {
  for (const char* device : {"cpu", "sim", "reference"}) {
    CAPTURE(device);
    std::optional<Context> context;
    try {
      context = Context::open(device);
    } catch (const DeviceError&) {
      continue;                            // not in this build
    }
    const Done plain = work(*context, false), traced = work(*context, true);
    CHECK(traced.gradient == plain.gradient);
    const Trace::Row &forward = find(traced.rows, "conv2d", false), &back = find(traced.rows, "conv2d_input_grad", true);
    CHECK(forward.operation == "conv2d");
    CHECK(forward.sizes == " x (2, 6, 5, 3), filter (4, 3, 3, 3), y (2, 4, 3, 4)");
    CHECK(forward.bytes == 4 * (2 * 6 * 5 * 3 + 4 * 3 * 3 * 3 + 2 * 4 * 3 * 4));
    CHECK(forward.flops == 2 * (2 * 4 * 3 * 4) * (3 * 3 * 3));
    CHECK(!forward.kernels.empty());
    CHECK(forward.seconds >= 0);
    CHECK(forward.phases == std::vector<std::string>{"play"});
    CHECK(forward.node != 0);
    CHECK(back.rule_of == forward.node);
    CHECK(back.rule_name == "conv2d");
    CHECK(back.phases == std::vector<std::string>{"play", "backward"});
    CHECK(back.node == 0);                 // nobody asked for the gradient's own graph
    CHECK(std::none_of(traced.rows.begin(), traced.rows.end(), [](const Trace::Row& r) { return r.op == "conv2d_weight_grad"; }));   // only x was asked for
    const Trace::Row& squares = find(traced.rows, "reduce", false);
    CHECK(squares.operation == "sum_squares");
    CHECK(squares.bytes == 4 * (2 * 4 * 3 * 4 + 1));
    uint64_t launched = 0;
    for (const Trace::Row& r : traced.rows) launched += !r.kernels.empty();
    CHECK(launched == traced.rows.size());
  }
}

TEST_CASE("a gradient that is differentiated again is both a derivative and recorded") {
  const Context context = Context::open("cpu");
  const Done done = work(context, true, true);
  const Trace::Row& back = find(done.rows, "conv2d_input_grad", true);
  CHECK(back.rule_name == "conv2d");
  CHECK(back.node != 0);
  const auto second = std::find_if(done.rows.begin(), done.rows.end(), [&](const Trace::Row& r) { return r.rule_of == back.node; });
  REQUIRE(second != done.rows.end());
  CHECK(second->rule_name == "conv2d_input_grad");
  CHECK(work(context, false, true).gradient == done.gradient);
}

TEST_CASE("the derivative of a point-wise operation is linked to it") {
  const Context context = Context::open("cpu");
  const Tensor x = context.normal({6, 5}, 1).leaf(), shift = context.full({6, 5}, 2);
  const Trace trace(context);
  const Tensor whole = reshape(shift + shift, {30});                                 // in no graph: it claims its own row
  grad(sum(exp(x)), {x});
  const std::vector<Trace::Row> rows = trace.rows();
  const auto named = [&](const std::string& operation) {
    const auto at = std::find_if(rows.begin(), rows.end(), [&](const Trace::Row& r) { return r.operation == operation; });
    REQUIRE(at != rows.end());
    return *at;
  };
  CHECK(named("add").node == 0);
  CHECK(named("exp").node != 0);
  CHECK(named("mul").rule_of == named("exp").node);
  CHECK(named("mul").rule_name == "exp");
}

TEST_CASE("what is repeated along an axis is read once, and there is one watch at a time") {
  const Context context = Context::open("cpu");
  const Tensor a = context.full({8, 16}, 1), b = context.full({16}, 2);
  const Trace trace(context);
  CHECK_THROWS_AS(Trace{context}, Error);
  const Tensor y = a * b;
  const std::vector<Trace::Row> rows = trace.rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].operation == "mul");
  CHECK(rows[0].bytes == 4 * (8 * 16 + 16 + 8 * 16));
}
