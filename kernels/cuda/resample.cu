// kernels/cuda/resample.cu: separable resampling by tap tables: resize, padding, crop, flip, average pooling, FIR filters.
//
//   y[n,p,q,c] = sum over i,j of weight_h[p,i] * weight_w[q,j] * x[n, index_h[p,i], index_w[q,j], c]      index -1 reads 0
//
//   x (N,H,W,C)   y (N,P,Q,C)   index_h, weight_h (P,taps_h)   index_w, weight_w (Q,taps_w)      float32, contiguous
//
// Work:   one thread an element of y, channels side by side. A line of taps is summed over j first, then weighted.
// Limit:  memory for few taps: |x| + |y|, neighbours' taps come from the cache. taps_h*taps_w fused multiply-adds an element.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

__global__ void __launch_bounds__(kThreads) resample_kernel(ResampleProblem r, const float* x, const int32_t* index_h,
                                                            const float* weight_h, const int32_t* index_w, const float* weight_w,
                                                            float* y) {
  const int64_t count = r.n * r.p * r.q * r.c;
  for (int64_t to = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; to < count; to += int64_t(gridDim.x) * blockDim.x) {
    const int c = int(to % r.c);                // [0, C)
    const int64_t pixel = to / r.c;
    const int q = int(pixel % r.q);             // [0, Q)
    const int64_t line = pixel / r.q;
    const int p = int(line % r.p);              // [0, P)
    const float* image = x + line / r.p * r.h * r.w * r.c + c;
    float sum = 0;
    for (int i = 0; i < r.taps_h; ++i) {
      const int h = index_h[p * r.taps_h + i];
      if (h < 0) continue;
      float across = 0;
      for (int j = 0; j < r.taps_w; ++j) {
        const int w = index_w[q * r.taps_w + j];
        if (w >= 0) across = fmaf(weight_w[q * r.taps_w + j], image[(int64_t(h) * r.w + w) * r.c], across);
      }
      sum = fmaf(weight_h[p * r.taps_h + i], across, sum);
    }
    y[to] = sum;
  }
}

}  // namespace

void resample(Queue& queue, const ResampleProblem& r, const void* x, const int32_t* index_h, const void* weight_h,
              const int32_t* index_w, const void* weight_w, void* y) {
  const int64_t count = r.n * r.p * r.q * r.c;
  if (count == 0) return;
  launch<resample_kernel>(queue, blocks_for(count), kThreads, 0, r, static_cast<const float*>(x), index_h,
                          static_cast<const float*>(weight_h), index_w, static_cast<const float*>(weight_w), static_cast<float*>(y));
}

}  // namespace weft::WEFT_BACKEND
