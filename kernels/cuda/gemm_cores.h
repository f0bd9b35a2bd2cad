// Which core multiplies: by precision, then by shape; never by a timing.
#pragma once
#include "gemm_simt.h"
#include "gemm_tensor.h"

namespace weft::WEFT_BACKEND {

/// Calls f(core). @param bf16_fits  both operands come in rows of whole 16-byte pieces of bfloat16; else bf16 computes in tf32
/// @param others  how many such products run beside each other
template <class F>
void with_core(Queue& queue, bool bf16_fits, int64_t rows, int64_t cols, int64_t others, F&& f) {
  switch (static_cast<KernelQueue&>(queue).precision) {
    case Precision::fp32: return with_simt_core(rows, cols, others, f);
    case Precision::tf32x3: return with_tensor_core<Tf32x3>(rows, cols, f);
    case Precision::tf32: return with_tensor_core<Tf32>(rows, cols, f);
    case Precision::bf16: return bf16_fits ? with_tensor_core<Bf16>(rows, cols, f) : with_tensor_core<Tf32>(rows, cols, f);
  }
}

}  // namespace weft::WEFT_BACKEND
