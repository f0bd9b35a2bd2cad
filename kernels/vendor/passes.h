// What the vendor's kernels need done before and after them, so that their results have the op table's contract.
#pragma once
#include "cuda/ops.h"

namespace weft::WEFT_BACKEND {

/// to[i] = from[i] as bfloat16, to nearest and ties to even.
void narrow(Queue& queue, int64_t n, const float* from, __nv_bfloat16* to);

/// out = leaky(from + bias), or out += from + bias. `from` (rows, columns) is bfloat16 if `narrow`, and may be `out` itself if not.
struct Finish {
  const void* from;
  bool narrow;
  const float* bias;             // (columns), or null
  float slope;                   // of LeakyReLU; 1: none
  bool accumulate;
};
void finish(Queue& queue, const Finish& what, int64_t n, int64_t columns, float* out);

}  // namespace weft::WEFT_BACKEND
