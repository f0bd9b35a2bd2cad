// kernels/cuda/resample.cu: separable resampling by tap tables: resize, padding, crop, flip, average pooling, FIR filters.
//
//   y[n,p,q,c] = sum over i,j of weight_h[p,i] * weight_w[q,j] * x[n, index_h[p,i], index_w[q,j], c]      index -1 reads 0
//
//   x (N,H,W,C)   y (N,P,Q,C)   index_h, weight_h (P,taps_h)   index_w, weight_w (Q,taps_w)      contiguous
//   x and y float32 or bfloat16, both alike; weights float32
//
// Work:   one thread an element of y, or four neighbouring channels where 16-byte accesses can be had; channels lie side by
//         side. A line of taps is summed over j first, then weighted.
// Limit:  memory for few taps: |x| + |y|, neighbours' taps come from the cache. taps_h*taps_w fused multiply-adds an element.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <int kPack, class E>
__global__ void __launch_bounds__(kThreads) resample_kernel(ResampleProblem r, Divisor packs, Divisor width, Divisor height, int count,
                                                            const E* x, const int32_t* index_h, const float* weight_h,
                                                            const int32_t* index_w, const float* weight_w, E* y) {
  for (uint32_t to = blockIdx.x * blockDim.x + threadIdx.x; to < uint32_t(count); to += gridDim.x * blockDim.x) {
    uint32_t pack, q, p;                        // [0, C/kPack), [0, Q), [0, P)
    const uint32_t n = height.split(width.split(packs.split(to, &pack), &q), &p);
    const E* image = x + int64_t(n) * r.h * r.w * r.c + pack * kPack;
    float sum[kPack] = {};
    for (int i = 0; i < r.taps_h; ++i) {
      const int h = index_h[p * r.taps_h + i];
      if (h < 0) continue;
      float across[kPack] = {};
      for (int j = 0; j < r.taps_w; ++j) {
        const int w = index_w[q * r.taps_w + j];
        if (w < 0) continue;
        const float weight = weight_w[q * r.taps_w + j];
        float v[kPack];
        load_pack(image + (int64_t(h) * r.w + w) * r.c, true, v);
#pragma unroll
        for (int k = 0; k < kPack; ++k) across[k] = fmaf(weight, v[k], across[k]);
      }
      const float weight = weight_h[p * r.taps_h + i];
#pragma unroll
      for (int k = 0; k < kPack; ++k) sum[k] = fmaf(weight, across[k], sum[k]);
    }
    store_pack(y + int64_t(to) * kPack, true, sum);
  }
}

}  // namespace

void resample(Queue& queue, const ResampleProblem& r, const void* x, const int32_t* index_h, const void* weight_h,
              const int32_t* index_w, const void* weight_w, void* y) {
  with_pack(r.c % 4 == 0 && aligned16(x) && aligned16(y) ? 4 : 1, r.bf16, [&](auto pack, auto element) {
    using E = decltype(element);
    constexpr int kPack = decltype(pack)::value;
    const int count = fits_int(r.n * r.p * r.q * (r.c / kPack), "resample", "the size of the result");
    if (count == 0) return;
    launch<resample_kernel<kPack, E>>(queue, blocks_for(count), kThreads, 0, r, Divisor(r.c / kPack), Divisor(r.q), Divisor(r.p), count,
                                      static_cast<const E*>(x), index_h, static_cast<const float*>(weight_h), index_w,
                                      static_cast<const float*>(weight_w), static_cast<E*>(y));
  });
}

}  // namespace weft::WEFT_BACKEND
