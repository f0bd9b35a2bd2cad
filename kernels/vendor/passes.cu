// kernels/vendor/passes.cu: what surrounds a vendor library's convolution or product.
//
//   narrow:  to[i] = bfloat16(from[i])
//   finish:  out[i] = leaky(from[i] + bias[i % columns])     or     out[i] += from[i] + bias[i % columns]
//
// Work:   a thread an element, striding over the array. These passes are what a library that does not fuse them costs, and
//         a comparison that times the library alone leaves them out and says so.
// Limit:  memory: 6 bytes an element narrowed; 8 finished in place, 10 or 12 from elsewhere, 4 more to accumulate.
// Twin:   the epilogues of conv2d.cu and matmul.cu; equal bit for bit on whole numbers that bfloat16 holds.
#include "passes.h"

#include "cuda/indexing.h"

namespace weft::WEFT_BACKEND {
namespace {

__global__ void __launch_bounds__(kThreads) narrow_kernel(int64_t n, const float* from, __nv_bfloat16* to) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) to[i] = __float2bfloat16(from[i]);
}

__global__ void __launch_bounds__(kThreads) finish_kernel(Finish what, int64_t n, int64_t columns, float* out) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
    float v = what.narrow ? __bfloat162float(static_cast<const __nv_bfloat16*>(what.from)[i]) : static_cast<const float*>(what.from)[i];
    if (what.bias) v += what.bias[i % columns];
    out[i] = what.accumulate ? out[i] + v : leaky(v, what.slope);
  }
}

}  // namespace

void narrow(Queue& queue, int64_t n, const float* from, __nv_bfloat16* to) {
  if (n) launch<narrow_kernel>(queue, blocks_for(n), kThreads, 0, n, from, to);
}

void finish(Queue& queue, const Finish& what, int64_t n, int64_t columns, float* out) {
  if (n) launch<finish_kernel>(queue, blocks_for(n), kThreads, 0, what, n, columns, out);
}

}  // namespace weft::WEFT_BACKEND
