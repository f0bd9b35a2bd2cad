// The launchers, one for each entry of the op table; table.cu puts them in. Contracts stand in weft/kernels/ops.h, each
// kernel's story at the top of its own file.
#pragma once
#include "device_language.h"

namespace weft::WEFT_BACKEND {

void pointwise(Queue&, PointwiseKind, const PointwiseProblem&, const void* a, const void* b, const void* c, void* out);
void reduce(Queue&, ReduceKind, const ReduceProblem&, const void* x, void* out, int32_t* index);
void strided_copy(Queue&, const CopyProblem&, size_t element, const void* src, void* dst);
void gather(Queue&, const GatherProblem&, const void* table, const int32_t* index, const void* weight, void* y);
void scatter_add(Queue&, const GatherProblem&, const void* x, const int32_t* index, const void* weight, void* table);
void sort(Queue&, const SortProblem&, const void* x, void* values, int32_t* index);
void resample(Queue&, const ResampleProblem&, const void* x, const int32_t* index_h, const void* weight_h,
              const int32_t* index_w, const void* weight_w, void* y);
void max_pool(Queue&, const PoolProblem&, const void* x, void* y, int32_t* index);
void matmul(Queue&, const MatmulProblem&, const void* a, Weight b, const void* bias, void* c);
void conv2d(Queue&, const ConvProblem&, const ConvEpilogue&, const void* x, Weight w, void* y);
void conv2d_input_grad(Queue&, const ConvProblem&, const ConvEpilogue&, const void* y, Weight w, void* x);
void conv2d_weight_grad(Queue&, const ConvProblem&, bool accumulate, const void* x, const void* y, void* dw);
void moments(Queue&, const NormProblem&, const void* x, void* mean, void* variance);
void normalize(Queue&, const NormProblem&, double epsilon, double leaky_slope, const void* x, const void* mean,
               const void* variance, const void* gamma, const void* beta, void* y);
void normalize_grad(Queue&, const NormProblem&, double epsilon, double leaky_slope, const void* x, const void* mean,
                    const void* variance, const void* gamma, const void* beta, const void* dy, void* dx, void* dgamma,
                    void* dbeta);
void random(Queue&, RandomKind, uint64_t key, const StepState* step, int64_t n, void* out);
void optimizer_step(Queue&, const OptimizerSettings&, const OptimizerArenas&, const StepState* step, int slot);

extern const Ops ops;

}  // namespace weft::WEFT_BACKEND
