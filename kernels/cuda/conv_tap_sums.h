// A filter's gradient where one side of the filter is short: sums over all output pixels, a few taps at a time.
//
// Lanes lie along the channels of the long side, four each where there are four, and walk the pixels (column_lanes.h). A lane
// keeps kTapSums sums for each of its channels in registers; blockIdx.y says which. Rows are cut into parts that a second kernel
// merges in a fixed order: no atomics, and how many there are follows from the shape alone.
//
// Terms are what is summed and where it goes:
//   void add(int pixel, int column, int first, TapSums<kPack>&) const       column counts packs
//   void store(int first, int channel, const TapSums<1>&) const
#pragma once
#include "column_lanes.h"
#include "conv_gather.h"

namespace weft::WEFT_BACKEND {

constexpr int kTapSums = 9;

template <int kPack>
struct TapSums {
  float v[kTapSums][kPack] = {};
  __device__ __forceinline__ TapSums<1> of(int j) const {
    TapSums<1> one;
#pragma unroll
    for (int t = 0; t < kTapSums; ++t) one.v[t][0] = v[t][j];
    return one;
  }
};
template <int kPack>
__device__ __forceinline__ TapSums<kPack> merge(TapSums<kPack> a, const TapSums<kPack>& b) {
#pragma unroll
  for (int t = 0; t < kTapSums; ++t)
#pragma unroll
    for (int j = 0; j < kPack; ++j) a.v[t][j] += b.v[t][j];
  return a;
}

template <class Terms>
struct StoreTapSums {
  Terms terms;
  int channels;
  __device__ __forceinline__ void operator()(int64_t index, const TapSums<1>& sums) const {
    terms.store(int(index / channels) * kTapSums, int(index % channels), sums);
  }
};

template <class Terms, int kPack>
__global__ void __launch_bounds__(kThreads, 2) conv2d_tap_sums_kernel(ColumnLanes lanes, StoreTapSums<Terms> store, TapSums<1>* parts) {
  const ColumnPlace at = place_of(lanes, blockIdx.x);
  TapSums<kPack> sums;
  for (int pixel = at.first_row; pixel < at.end_row; pixel += lanes.down) store.terms.add(pixel, at.column, blockIdx.y * kTapSums, sums);
  sums = merge_down(lanes, at, sums);
  const int64_t first = int64_t(blockIdx.y) * store.channels;
  if (parts) store_columns(lanes, at, lanes.parts, at.part, sums, [&](int64_t to, const TapSums<1>& s) { parts[first * lanes.parts + to] = s; });
  else store_columns(lanes, at, 1, 0, sums, [&](int64_t to, const TapSums<1>& s) { store(first + to, s); });
}

/// @param count  of sums a channel    @param channels  a multiple of 4 if kPack is
template <int kPack, class Terms>
void sum_taps(Queue& queue, const ConvProblem& p, int channels, int count, const Terms& terms) {
  const int64_t pieces = ceil_div(count, kTapSums);
  const ColumnLanes lanes = column_lanes(1, int64_t(p.n) * p.p * p.q, channels, kPack == 4, ceil_div(1056, pieces), 8, 32, "conv2d_weight_grad");
  auto* parts = lanes.parts > 1 ? static_cast<TapSums<1>*>(workspace(queue, size_t(pieces) * lanes.parts * channels * sizeof(TapSums<1>))) : nullptr;
  const StoreTapSums<Terms> store{terms, channels};
  launch<conv2d_tap_sums_kernel<Terms, kPack>>(queue, dim3(lanes.blocks, unsigned(pieces)), kThreads, 0, lanes, store, parts);
  if (parts) merge_parts(queue, pieces, lanes.parts, channels, parts, store, "conv2d_weight_grad");
}

}  // namespace weft::WEFT_BACKEND
