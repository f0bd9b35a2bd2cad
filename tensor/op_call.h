// An entry of the op table as a call: a profiler and a watch see its name, and its errors tell what it was asked to do.
#pragma once
#include "weft/tensor/watch.h"

namespace weft::detail {

/// The sizes in a problem, as "x (64, 32, 32, 3), filter (16, 4, 4, 3), y (64, 16, 16, 16)"; "" for what is none.
std::string sizes_of(PointwiseKind kind);
std::string sizes_of(const PointwiseProblem&);
std::string sizes_of(const CopyProblem&);
std::string sizes_of(const ReduceProblem&);
std::string sizes_of(const GatherProblem&);
std::string sizes_of(const ResampleProblem&);
std::string sizes_of(const PoolProblem&);
std::string sizes_of(const MatmulProblem&);
std::string sizes_of(const NormProblem&);
std::string sizes_of(const ConvProblem&);
std::string sizes_of(const OptimizerArenas&);
std::string sizes_of(const SortProblem&);
std::string sizes_of(int64_t numbers);
template <class T>
std::string sizes_of(const T&) { return ""; }

/// The bytes of all arrays that an entry reads or writes, each counted once, by its own arguments; a convolution's bias is left out. `scalar` is
/// what a number takes.
uint64_t bytes_of(size_t scalar, PointwiseKind, const PointwiseProblem&, const void* a, const void* b, const void* c, void* out);
uint64_t bytes_of(size_t scalar, ReduceKind, const ReduceProblem&, const void* x, void* out, int32_t* index);
uint64_t bytes_of(size_t scalar, const CopyProblem&, size_t element, const void* src, void* dst);
uint64_t bytes_of(size_t scalar, const GatherProblem&, const void* from, const int32_t* index, const void* weight, void* to);
uint64_t bytes_of(size_t scalar, const SortProblem&, const void* x, void* values, int32_t* index);
uint64_t bytes_of(size_t scalar, const ResampleProblem&, const void* x, const int32_t*, const void*, const int32_t*, const void*, void* y);
uint64_t bytes_of(size_t scalar, const PoolProblem&, const void* x, void* y, int32_t* index);
uint64_t bytes_of(size_t scalar, const MatmulProblem&, const void* a, const Weight& b, const void* bias, void* c);
uint64_t bytes_of(size_t scalar, const ConvProblem&, const ConvEpilogue&, const void* from, const Weight& w, void* to);
uint64_t bytes_of(size_t scalar, const ConvProblem&, bool accumulate, const void* x, const void* y, void* w);
uint64_t bytes_of(size_t scalar, const NormProblem&, const void* x, void* mean, void* variance);
uint64_t bytes_of(size_t scalar, const NormProblem&, double, double, const void*, const void*, const void*, const void*, const void*, void* y);
uint64_t bytes_of(size_t scalar, const NormProblem&, double, double, const void*, const void*, const void*, const void*, const void*, const void*, void* dx, void* dgamma, void* dbeta);
uint64_t bytes_of(size_t scalar, RandomKind, uint64_t key, const StepState*, int64_t n, void* out);
uint64_t bytes_of(size_t scalar, const OptimizerSettings&, const OptimizerArenas&, const StepState*, int slot);

template <class... P>
struct OpCall {
  const Device& device;
  const char* op;
  void (*entry)(Queue&, P...);
  Watch* watch;
  size_t scalar;                         // bytes of a number

  void operator()(Queue& queue, P... p) const {
    const Range range(device, op);
    try {
      if (watch) watch->call_begins();
      entry(queue, p...);
      if (queue.sync) device.synchronise(queue);
    } catch (const CudaError& e) {
      throw CudaError(op + all_sizes(p...) + ": " + e.what());
    }
    if (watch) watch->call_ends({op, all_sizes(p...), bytes_of(scalar, p...)});
  }

  static std::string all_sizes(const P&... p) {
    std::string text;
    ((text += sizes_of(p)), ...);
    return text;
  }
};

}  // namespace weft::detail
