// Mean and squared deviations, merged by Chan's formula: what norm.cu takes of an array, and a convolution of its own result.
#pragma once
#include "indexing.h"

namespace weft::WEFT_BACKEND {

template <int kPack>
struct Moments {
  float count = 0, mean[kPack] = {}, m2[kPack] = {};   // m2: sums of squared deviations
  __device__ __forceinline__ Moments<1> of(int j) const { return {count, {mean[j]}, {m2[j]}}; }
};
template <int kPack>
__device__ __forceinline__ Moments<kPack> merge(const Moments<kPack>& a, const Moments<kPack>& b) {
  if (b.count == 0) return a;
  if (a.count == 0) return b;
  Moments<kPack> out{a.count + b.count, {}, {}};
  const float share = b.count / out.count;
#pragma unroll
  for (int j = 0; j < kPack; ++j) {
    const float delta = b.mean[j] - a.mean[j];
    out.mean[j] = fmaf(delta, share, a.mean[j]);
    out.m2[j] = a.m2[j] + b.m2[j] + delta * delta * a.count * share;
  }
  return out;
}
/// The moments that a convolution's epilogue asked for. `of_tiles` (groups, tiles, channels): what its blocks found, or null if
/// they did not look, and x is read.
void finish_moments(Queue&, const NormProblem&, int64_t tiles, const Moments<1>* of_tiles, const void* x, const ConvEpilogue&);

}  // namespace weft::WEFT_BACKEND
