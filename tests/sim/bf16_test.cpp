// Kernels that read and write bfloat16, on the host executor: the cases of the float32 kernels with some arrays in bfloat16.
#include <doctest/doctest.h>

#include "cases/cases.h"
#include "cases/conv_problems.h"
#include "executor.h"
#include "kernel_cases.h"

using namespace weft;
using namespace weft::testing;

namespace {

Session open_session() {
  QueueOptions options;
  options.precision = Precision::bf16;
  return Session(*find_backend("sim", DType::f32), options);
}

/// Every `each`-th case of the op, with the choices of arrays by turns.
void agree(const std::string& op, int each = 1) {
  static const std::vector<Case> general = every_case(), special = kernel_cases();
  const std::vector<unsigned> choices = bf16_choices(op);
  Session session = open_session();
  size_t number = 0, tried = 0;
  for (const auto* cases : {&general, &special})
    for (const Case& c : *cases) {
      const bool product_of_many = c.name.rfind("65537 of", 0) == 0;
      if (c.op != op || c.scalars_per_element != 1 || product_of_many || number++ % size_t(each)) continue;
      CHECK(disagreement_in_bf16(session, c, choices[tried++ % choices.size()]) == "");
    }
  CHECK(tried > 8);
  if (&host::race_count) CHECK(host::race_count() == 0);
}

}  // namespace

TEST_CASE("sim, bfloat16: pointwise") { agree("pointwise", 5); }
TEST_CASE("sim, bfloat16: reduce") { agree("reduce"); }
TEST_CASE("sim, bfloat16: strided_copy") { agree("strided_copy"); }
TEST_CASE("sim, bfloat16: resample") { agree("resample"); }
TEST_CASE("sim, bfloat16: matmul") { agree("matmul", 3); }
TEST_CASE("sim, bfloat16: conv2d") { agree("conv2d", 2); }
TEST_CASE("sim, bfloat16: conv2d_input_grad") { agree("conv2d_input_grad", 2); }
TEST_CASE("sim, bfloat16: conv2d_weight_grad") { agree("conv2d_weight_grad"); }
TEST_CASE("sim, bfloat16: moments") { agree("moments"); }
TEST_CASE("sim, bfloat16: normalize") { agree("normalize"); }
TEST_CASE("sim, bfloat16: normalize_grad") { agree("normalize_grad"); }

TEST_CASE("sim, bfloat16: a filter's rounded copy is read instead of the filter, and nothing is converted") {
  const ConvProblem p{2, 9, 7, 16, 24, 3, 3, 9, 7, {1, 1}, {1, 1}, {1, 1}, 1};
  const MatmulProblem m{1, 20, 24, 16, false, true, false, 320, 384};
  Session session = open_session();
  for (const std::string op : {"conv2d", "conv2d_input_grad", "matmul"}) {
    Numbers numbers(true);
    const int64_t from = op == "conv2d" ? size_x(p) : op == "matmul" ? m.m * m.k : size_y(p), to = op == "conv2d" ? size_y(p) : op == "matmul" ? m.m * m.n : size_x(p);
    const int64_t filter = op == "matmul" ? m.n * m.k : size_w(p);
    Case c{op, "from the copy", Rule::exact, {scalars(numbers(from)), scalars(std::vector<double>(size_t(filter), NAN)), scalars(numbers(filter))}, {unwritten(to)}};
    c.run = [=](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
      const bool here = std::string(ops.name) == "sim";
      Weight w{here ? in[1] : in[2]};
      if (here) w.bf16 = in[2];
      if (op == "conv2d") ops.conv2d(queue, p, {}, in[0], w, out[0]);
      else if (op == "matmul") ops.matmul(queue, m, in[0], w, nullptr, out[0]);
      else ops.conv2d_input_grad(queue, p, {}, in[0], w, out[0]);
    };
    CHECK(disagreement_in_bf16(session, c, 1 | 4 | 256) == "");
  }
  // Of the two runs of a case the second has its arrays off alignment: there both factors are copied.
  CHECK(session.queue->launches["convert_kernel"] == 3 * 2);
}

TEST_CASE("sim, bfloat16: the optimiser's copy of the parameters") {
  Session session = open_session();
  OptimizerSettings sgd{OptimizerKind::sgd, 0, 0, 0, 0, false, 1};
  StepState state;
  state.update[2].learning_rate = 0.03125;                       // exact, and of more digits than bfloat16 holds
  for (const int64_t n : {61, 1027})
    for (const double skip : {0.0, 1.0}) {
      Numbers numbers(true);
      Case c{"optimizer_step", std::to_string(n) + (skip != 0 ? ", skipped" : ""), Rule::exact, {bytes_of(state), scalars(numbers(n)), scalars({skip})},
             {scalars(numbers(n)), skip != 0 ? scalars(std::vector<double>(size_t(n), 0.5)) : unwritten(n)}};
      c.run = [=](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
        const bool here = std::string(ops.name) == "sim";
        ops.optimizer_step(queue, sgd, {out[0], in[1], nullptr, nullptr, n, nullptr, in[2], here ? out[1] : nullptr}, static_cast<const StepState*>(in[0]), 2);
        if (!here && skip == 0) ops.pointwise(queue, PointwiseKind::affine, {1, {n}, {{1}}, 1, 0}, out[0], nullptr, nullptr, out[1]);
      };
      CHECK(disagreement_in_bf16(session, c, 2 * 256) == "");
    }
}
