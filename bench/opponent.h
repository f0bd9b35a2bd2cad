// What our convolutions and products are raced against: the vendor's libraries, where their plug-in is (weft/kernels/vendor.h).
#pragma once
#include <optional>

#include "bench.h"

namespace weft::bench {

struct Opponent {
  Queue* queue;
  Launch launch;                 // on the machine's first inputs and outputs, warm
  std::string plan;              // which of the library's ways it is
  bool writes_floats;            // the result where ours would be, to be checked as ours is
};

/// cuDNN's fastest plan, deterministic or not, in the layout that it likes better; none without the plug-in, or if no plan fits.
/// bf16 works on bfloat16 arrays, half the bytes of ours. 3xtf32 meets strict float32, whose accuracy it has.
std::optional<Opponent> find_opponent(Machine& machine, const Convolution& convolution, Precision precision);
/// cuBLAS's, a row-major (m,k) times (k,n).
std::optional<Opponent> find_opponent(Machine& machine, const MatmulProblem& problem, Precision precision);

}  // namespace weft::bench
