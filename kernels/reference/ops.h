// The reference as an op table. A backend may start from it and replace the entries that it does better.
//
// Each op is a plain function over typed pointers in a header beside this one; here each gets the table's signature, and
// is counted.
#pragma once
#include "conv2d.h"
#include "gather.h"
#include "image.h"
#include "matmul.h"
#include "norm.h"
#include "optimizer.h"
#include "pointwise.h"
#include "random.h"
#include "reduce.h"
#include "sort.h"
#include "weft/kernels/ops.h"

namespace weft::reference {

template <class T>
const T* in(const void* p) { return static_cast<const T*>(p); }
template <class T>
T* out(void* p) { return static_cast<T*>(p); }

// clang-format off
template <class T>
constexpr Ops table(const char* name) {
  Ops ops;
  ops.name = name;
  ops.scalar = sizeof(T) == 8 ? DType::f64 : DType::f32;

  ops.pointwise = [](Queue& queue, PointwiseKind kind, const PointwiseProblem& problem, const void* a, const void* b, const void* c, void* y) {
    ++queue.launches["pointwise"];
    pointwise(kind, problem, in<T>(a), in<T>(b), in<T>(c), out<T>(y));
  };
  ops.reduce = [](Queue& queue, ReduceKind kind, const ReduceProblem& problem, const void* x, void* y, int32_t* index) {
    ++queue.launches["reduce"];
    reduce(kind, problem, in<T>(x), out<T>(y), index);
  };
  ops.strided_copy = [](Queue& queue, const CopyProblem& problem, size_t element, const void* src, void* dst) {
    ++queue.launches["strided_copy"];
    strided_copy(problem, element, src, dst);
  };
  ops.gather = [](Queue& queue, const GatherProblem& problem, const void* rows, const int32_t* index, const void* weight, void* y) {
    ++queue.launches["gather"];
    gather(problem, in<T>(rows), index, in<T>(weight), out<T>(y));
  };
  ops.scatter_add = [](Queue& queue, const GatherProblem& problem, const void* x, const int32_t* index, const void* weight, void* rows) {
    ++queue.launches["scatter_add"];
    scatter_add(problem, in<T>(x), index, in<T>(weight), out<T>(rows));
  };
  ops.sort = [](Queue& queue, const SortProblem& problem, const void* x, void* values, int32_t* index) {
    ++queue.launches["sort"];
    sort(problem, in<T>(x), out<T>(values), index);
  };
  ops.resample = [](Queue& queue, const ResampleProblem& problem, const void* x, const int32_t* index_h, const void* weight_h,
                    const int32_t* index_w, const void* weight_w, void* y) {
    ++queue.launches["resample"];
    resample(problem, in<T>(x), index_h, in<T>(weight_h), index_w, in<T>(weight_w), out<T>(y));
  };
  ops.max_pool = [](Queue& queue, const PoolProblem& problem, const void* x, void* y, int32_t* index) {
    ++queue.launches["max_pool"];
    max_pool(problem, in<T>(x), out<T>(y), index);
  };
  ops.matmul = [](Queue& queue, const MatmulProblem& problem, const void* a, Weight b, const void* bias, void* c) {
    ++queue.launches["matmul"];
    matmul(problem, in<T>(a), in<T>(b.data), in<T>(bias), out<T>(c));
  };
  ops.conv2d = [](Queue& queue, const ConvProblem& problem, const ConvEpilogue& epilogue, const void* x, Weight w, void* y) {
    ++queue.launches["conv2d"];
    conv2d(problem, epilogue, in<T>(x), in<T>(w.data), out<T>(y));
  };
  ops.conv2d_input_grad = [](Queue& queue, const ConvProblem& problem, const ConvEpilogue& epilogue, const void* y, Weight w, void* x) {
    ++queue.launches["conv2d_input_grad"];
    conv2d_input_grad(problem, epilogue, in<T>(y), in<T>(w.data), out<T>(x));
  };
  ops.conv2d_weight_grad = [](Queue& queue, const ConvProblem& problem, bool accumulate, const void* x, const void* y, void* dw) {
    ++queue.launches["conv2d_weight_grad"];
    conv2d_weight_grad(problem, accumulate, in<T>(x), in<T>(y), out<T>(dw));
  };
  ops.folds_reflection = true;
  ops.moments = [](Queue& queue, const NormProblem& problem, const void* x, void* mean, void* variance) {
    ++queue.launches["moments"];
    moments(problem, in<T>(x), out<T>(mean), out<T>(variance));
  };
  ops.normalize = [](Queue& queue, const NormProblem& problem, double epsilon, double leaky_slope, const void* x, const void* mean,
                     const void* variance, const void* gamma, const void* beta, void* y) {
    ++queue.launches["normalize"];
    normalize(problem, epsilon, leaky_slope, in<T>(x), in<T>(mean), in<T>(variance), in<T>(gamma), in<T>(beta), out<T>(y));
  };
  ops.normalize_grad = [](Queue& queue, const NormProblem& problem, double epsilon, double leaky_slope, const void* x, const void* mean,
                          const void* variance, const void* gamma, const void* beta, const void* dy, void* dx, void* dgamma, void* dbeta) {
    ++queue.launches["normalize_grad"];
    normalize_grad(problem, epsilon, leaky_slope, in<T>(x), in<T>(mean), in<T>(variance), in<T>(gamma), in<T>(beta), in<T>(dy),
                   out<T>(dx), out<T>(dgamma), out<T>(dbeta));
  };
  ops.random = [](Queue& queue, RandomKind kind, uint64_t key, const StepState* step, int64_t n, void* y) {
    ++queue.launches["random"];
    random<T>(kind, key, *step, n, y);
  };
  ops.optimizer_step = [](Queue& queue, const OptimizerSettings& settings, const OptimizerArenas& arenas, const StepState* step, int slot) {
    ++queue.launches["optimizer_step"];
    optimizer_step<T>(settings, arenas, step->update[slot]);
  };
  return ops;   // forget stays null: nothing is ever derived from a weight
}
// clang-format on

}  // namespace weft::reference
