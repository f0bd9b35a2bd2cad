// kernels/cuda/max_pool.cu: the largest value of each window, and where it was.
//
//   y[n,p,q,c] = max over the window of x[n, p*stride.h - pad.h + i, q*stride.w - pad.w + j, c]
//   index: its flat position in x; the first at a tie; a NaN wins; padding never wins
//
//   x (N,H,W,C)   y, index (N,P,Q,C)      float32 and int32, contiguous
//
// Work:   one thread an element of y, channels side by side, over its window in reading order.
// Limit:  memory: |x| read once if windows do not overlap, 8 bytes written an output. The backward pass is scatter_add by
//         index, the second derivative gather.
// Twin:   kernels/reference; equal bit for bit.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

__global__ void __launch_bounds__(kThreads) max_pool_kernel(PoolProblem g, const float* x, float* y, int32_t* index) {
  const int64_t count = int64_t(g.n) * g.p * g.q * g.c;
  for (int64_t to = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; to < count; to += int64_t(gridDim.x) * blockDim.x) {
    const int c = int(to % g.c);                // [0, C)
    const int64_t pixel = to / g.c;
    const int q = int(pixel % g.q);             // [0, Q)
    const int64_t line = pixel / g.q;
    const int p = int(line % g.p);              // [0, P)
    const int64_t image = line / g.p * g.h;
    const int h0 = p * g.stride.h - g.pad.h, w0 = q * g.stride.w - g.pad.w;
    float best = -INFINITY;                     // of a window that holds nothing but padding; its index is -1
    int64_t where = -1;
    for (int h = max(h0, 0); h < min(h0 + g.window.h, g.h); ++h)
      for (int w = max(w0, 0); w < min(w0 + g.window.w, g.w); ++w) {
        const int64_t at = ((image + h) * g.w + w) * g.c + c;
        const float v = x[at];
        if (where < 0 || v > best || (v != v && best == best)) {
          best = v;
          where = at;
        }
      }
    y[to] = best;
    if (index) index[to] = int32_t(where);
  }
}

}  // namespace

void max_pool(Queue& queue, const PoolProblem& p, const void* x, void* y, int32_t* index) {
  const int64_t count = int64_t(p.n) * p.p * p.q * p.c;
  if (count == 0) return;
  fits_int(int64_t(p.n) * p.h * p.w * p.c, "max_pool", "the size of the input");   // index is int32
  launch<max_pool_kernel>(queue, blocks_for(count), kThreads, 0, p, static_cast<const float*>(x), static_cast<float*>(y), index);
}

}  // namespace weft::WEFT_BACKEND
