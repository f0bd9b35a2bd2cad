// Everything this backend does with its own loops, as a table that each instruction set fills in once.
// The functions are those of the op table with float pointers in place of void.
#pragma once
#include <type_traits>

#include "queue.h"

namespace weft::cpu {

/// What a pass of Winograd's reads or writes: pixel i of a tile, of phase a, is the picture's `step` * (i + the tile's first) + a + `top`.
struct WinogradSide {
  int64_t h, w, c;
  int step;
  int64_t top, left;
  int64_t phases() const { return int64_t(step) * step; }
  int64_t channels() const { return phases() * c; }
};
/// Of a convolution with filters of `taps` x `taps` in each phase, or of its adjoint in x.
struct WinogradPass {
  int taps;                                      // a tile has 5 - taps results a side
  bool mirrored;
  int64_t rows, columns;                         // of tiles in an image
  WinogradSide from, to;
};

struct Loops {
  const char* instruction_set;
  void (*pointwise)(CpuQueue&, PointwiseKind, const PointwiseProblem&, const float* a, const float* b, const float* c, float* out);
  void (*reduce)(CpuQueue&, ReduceKind, const ReduceProblem&, const float* x, float* out, int32_t* index);
  void (*strided_copy)(CpuQueue&, const CopyProblem&, size_t element, const void* src, void* dst);
  void (*gather)(CpuQueue&, const GatherProblem&, const float* table, const int32_t* index, const float* weight, float* y);
  void (*scatter_add)(CpuQueue&, const GatherProblem&, const float* x, const int32_t* index, const float* weight, float* table);
  void (*sort)(CpuQueue&, const SortProblem&, const float* x, float* values, int32_t* index);
  void (*resample)(CpuQueue&, const ResampleProblem&, const float* x, const int32_t* index_h, const float* weight_h,
                   const int32_t* index_w, const float* weight_w, float* y);
  void (*max_pool)(CpuQueue&, const PoolProblem&, const float* x, float* y, int32_t* index);
  void (*moments)(CpuQueue&, const NormProblem&, const float* x, float* mean, float* variance);
  void (*normalize)(CpuQueue&, const NormProblem&, float epsilon, float slope, const float* x, const float* mean,
                    const float* variance, const float* gamma, const float* beta, float* y);
  void (*normalize_grad)(CpuQueue&, const NormProblem&, float epsilon, float slope, const float* x, const float* mean,
                         const float* variance, const float* gamma, const float* beta, const float* dy, float* dx,
                         float* dgamma, float* dbeta);
  void (*random)(CpuQueue&, RandomKind, uint64_t key, uint64_t step, int64_t n, void* out);
  void (*optimizer_step)(CpuQueue&, const OptimizerSettings&, const OptimizerArenas&, const StepState::Update&);
  /// result = leaky(sum + bias), or result += sum + bias: what a library left undone, over rows of channels; sum may be result
  void (*epilogue)(CpuQueue&, int64_t rows, int64_t channels, const ConvEpilogue&, const float* sum, float* result);
  void (*take_columns)(CpuQueue&, const ConvProblem&, int64_t images, int64_t group, const float* x, float* columns);
  void (*add_columns)(CpuQueue&, const ConvProblem&, const ConvEpilogue&, int64_t images, int64_t group, const float* columns, float* x);
  /// Of up to 4 channels and a multiple of 16 filters, not dilated across.
  void (*few_channels_input_grad)(CpuQueue&, const ConvProblem&, const ConvEpilogue&, const float* y, const float* w, float* x);
  void (*winograd_image)(CpuQueue&, const WinogradPass&, int64_t first, int64_t tiles, const float* x, float* to, int64_t apart);
  void (*winograd_gradient)(CpuQueue&, const WinogradPass&, int64_t first, int64_t tiles, const float* y, float* to, int64_t apart);
  void (*winograd_result)(CpuQueue&, const WinogradPass&, const ConvEpilogue&, int64_t first, int64_t tiles, const float* m, int64_t apart, float* y);
  void (*winograd_filter)(CpuQueue&, const ConvProblem&, const float* w, float* u);
  void (*winograd_filter_gradient)(CpuQueue&, const ConvProblem&, bool accumulate, const float* s, float* dw);
  void (*matmul)(CpuQueue&, const MatmulProblem&, const float* a, const float* b, const float* bias, float* c);
  void (*conv2d)(CpuQueue&, const ConvProblem&, const ConvEpilogue&, const float* x, const float* w, float* y);
  void (*conv2d_input_grad)(CpuQueue&, const ConvProblem&, const ConvEpilogue&, const float* y, const float* w, float* x);
  void (*conv2d_weight_grad)(CpuQueue&, const ConvProblem&, bool accumulate, const float* x, const float* y, float* dw);
};

namespace baseline { extern const Loops loops; }
namespace v3 { extern const Loops loops; }
namespace v4 { extern const Loops loops; }

}  // namespace weft::cpu

// Each file defines some of them, in the namespace of the instruction set that it is being compiled for.
#ifdef WEFT_ISA
#define WEFT_LOOP(name) std::remove_pointer_t<decltype(Loops::name)> name
namespace weft::cpu::WEFT_ISA {
WEFT_LOOP(pointwise); WEFT_LOOP(reduce); WEFT_LOOP(strided_copy); WEFT_LOOP(gather); WEFT_LOOP(scatter_add);
WEFT_LOOP(sort); WEFT_LOOP(resample); WEFT_LOOP(max_pool); WEFT_LOOP(moments); WEFT_LOOP(normalize); WEFT_LOOP(normalize_grad);
WEFT_LOOP(random); WEFT_LOOP(optimizer_step); WEFT_LOOP(epilogue); WEFT_LOOP(take_columns); WEFT_LOOP(add_columns); WEFT_LOOP(few_channels_input_grad);
WEFT_LOOP(winograd_image); WEFT_LOOP(winograd_gradient); WEFT_LOOP(winograd_result); WEFT_LOOP(winograd_filter); WEFT_LOOP(winograd_filter_gradient);
WEFT_LOOP(matmul); WEFT_LOOP(conv2d); WEFT_LOOP(conv2d_input_grad); WEFT_LOOP(conv2d_weight_grad);

constexpr int64_t kWorthAThread = 1 << 14;   // elements; below that, waking a second thread costs more than it saves

/// f(job) for every job, shared out among the queue's threads in equal consecutive runs.
template <class F>
void parallel(const CpuQueue& queue, int64_t jobs, int64_t elements, F f) {
  [[maybe_unused]] const bool worth = jobs > 1 && elements >= kWorthAThread && queue.threads > 1;
#pragma omp parallel for schedule(static) num_threads(queue.threads) if (worth)
  for (int64_t job = 0; job < jobs; ++job) f(job);
}

/// f(begin, end) over [0,n), cut into pieces of `grain`.
template <class F>
void parallel_range(const CpuQueue& queue, int64_t n, int64_t grain, F f) {
  parallel(queue, (n + grain - 1) / grain, n, [&](int64_t piece) {
    const int64_t begin = piece * grain, end = begin + grain;
    f(begin, end < n ? end : n);
  });
}
}  // namespace weft::cpu::WEFT_ISA
#undef WEFT_LOOP
#endif
