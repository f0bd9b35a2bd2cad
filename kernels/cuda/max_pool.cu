// kernels/cuda/max_pool.cu: the largest value of each window, and where it was.
//
//   y[n,p,q,c] = max over the window of x[n, p*stride.h - pad.h + i, q*stride.w - pad.w + j, c]
//   index: its flat position in x; the first at a tie; a NaN wins; padding never wins
//
//   x (N,H,W,C)   y, index (N,P,Q,C)      float32 and int32, contiguous
//
// Work:   one thread an element of y, or four neighbouring channels where 16-byte accesses can be had, over its window in
//         reading order; channels lie side by side.
// Limit:  memory: |x| read once if windows do not overlap, 8 bytes written an output. The backward pass is scatter_add by
//         index, the second derivative gather.
// Twin:   kernels/reference; equal bit for bit.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <int kPack>
__global__ void __launch_bounds__(kThreads) max_pool_kernel(PoolProblem g, Divisor packs, Divisor width, Divisor height, int count,
                                                            const float* x, float* y, int32_t* index) {
  for (uint32_t to = blockIdx.x * blockDim.x + threadIdx.x; to < uint32_t(count); to += gridDim.x * blockDim.x) {
    uint32_t pack, q, p;                        // [0, C/kPack), [0, Q), [0, P)
    const uint32_t n = height.split(width.split(packs.split(to, &pack), &q), &p);
    const int h0 = int(p) * g.stride.h - g.pad.h, w0 = int(q) * g.stride.w - g.pad.w;
    float best[kPack];                          // of a window that holds nothing but padding; its index is -1
    int32_t where[kPack];
#pragma unroll
    for (int k = 0; k < kPack; ++k) best[k] = -INFINITY, where[k] = -1;
    for (int h = max(h0, 0); h < min(h0 + g.window.h, g.h); ++h)
      for (int w = max(w0, 0); w < min(w0 + g.window.w, g.w); ++w) {
        const int at = ((int(n) * g.h + h) * g.w + w) * g.c + int(pack) * kPack;
        float v[kPack];
        load_pack(x + at, true, v);
#pragma unroll
        for (int k = 0; k < kPack; ++k)
          if (where[k] < 0 || v[k] > best[k] || (v[k] != v[k] && best[k] == best[k])) best[k] = v[k], where[k] = at + k;
      }
    const int64_t first = int64_t(to) * kPack;
    store_pack(y + first, true, best);
    if (!index) continue;
#pragma unroll
    for (int k = 0; k < kPack; ++k) index[first + k] = where[k];
  }
}

}  // namespace

void max_pool(Queue& queue, const PoolProblem& p, const void* x, void* y, int32_t* index) {
  fits_int(int64_t(p.n) * p.h * p.w * p.c, "max_pool", "the size of the input");   // index is int32
  with_pack(p.c % 4 == 0 && aligned16(x) && aligned16(y) ? 4 : 1, [&](auto pack) {
    constexpr int kPack = decltype(pack)::value;
    const int count = fits_int(int64_t(p.n) * p.p * p.q * (p.c / kPack), "max_pool", "the size of the result");
    if (count == 0) return;
    launch<max_pool_kernel<kPack>>(queue, blocks_for(count), kThreads, 0, p, Divisor(p.c / kPack), Divisor(p.q), Divisor(p.p), count,
                                   static_cast<const float*>(x), static_cast<float*>(y), index);
  });
}

}  // namespace weft::WEFT_BACKEND
