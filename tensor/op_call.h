// An entry of the op table as a call: a profiler sees its name, and its errors tell what it was asked to do.
#pragma once
#include "weft/tensor/context.h"

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
template <class T>
std::string sizes_of(const T&) { return ""; }

template <class... P>
struct OpCall {
  const Device& device;
  const char* op;
  void (*entry)(Queue&, P...);

  void operator()(Queue& queue, P... p) const {
    const Range range(device, op);
    try {
      entry(queue, p...);
      if (queue.sync) device.synchronise(queue);
    } catch (const CudaError& e) {
      std::string text = op;
      ((text += sizes_of(p)), ...);
      throw CudaError(text + ": " + e.what());
    }
  }
};

}  // namespace weft::detail
