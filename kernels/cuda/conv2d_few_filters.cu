// kernels/cuda/conv2d_few_filters.cu: convolutions with one to four results a pixel: the layer that makes an RGB image, or a logit.
//
//   conv2d with K <= 4, and conv2d_input_grad with C <= 4 (the same, phase by phase); the filter's gradient for K <= 4
//
//   x (N,H,W,C)   w (K,R,S,C)   b (K), for x (C), or null   y (N,P,Q,K)      contiguous, pad reads as 0, or mirrors x
//   w, b float32   x, y float32 or bfloat16; for the filter's gradient y float32
//
// Work:   a matrix product would have three columns in a tile of sixteen. Here the sum is what is dealt out: `lanes` threads
//         share a strip of neighbouring results, each with packs of four channels of some lines of taps; a pack of x is read once
//         for all filters and, at stride 1, for all results of the strip (conv_phases.h). The lanes' sums are added by
//         shuffles, those of warps through shared memory, both in a fixed order. Few results from a deep sum (a logit) get
//         as many as 256 lanes each. The filters lie in shared memory, channels side by side, and blocks walk on over strips.
//         blockIdx: x strips, z phase.
//         The filter's gradient: conv_tap_sums.h, lanes along the channels, nine (tap, filter) a thread.
// Limit:  2*R*S*C*|y| FLOPs in fused multiply-adds: 96 for 16 + 48 bytes read, of the first level and of shared memory.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
#include "conv_direct.h"
#include "conv_tap_sums.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

constexpr int kMostResults = 4;
constexpr int kMostBytes = 60 << 10;              // of filters; 64 KB of shared memory are there on every device

template <int kResults, int kStrip, int kPack, class E>
__global__ void __launch_bounds__(kThreads, 2) conv2d_few_filters_kernel(DirectProblem d, int lanes, Divisor packs, Divisor taps, Divisor results,
                                                                         const E* in, const float* w, Epilogue epilogue, void* out) {
  WEFT_SHARED(float, of_warp, [kThreads / 32][kStrip * kResults]);
  SharedCarver carve;
  const int pitch = d.in_channels + 4, me = int(threadIdx.x), lane = me % lanes, slots = kThreads / lanes;
  float* weights = carve.take<float>(size_t(pitch) * taps.d * results.d, "weights");      // (result, tap, channel)
  for (int i = me; i < d.in_channels * int(taps.d * results.d); i += kThreads) {
    uint32_t result, channel, tap;                // w is (result, tap, channel), or (channel, tap, result)
    if (d.adjoint) channel = taps.split(results.split(uint32_t(i), &result), &tap);
    else tap = uint32_t(i) / unsigned(d.in_channels), channel = uint32_t(i) % unsigned(d.in_channels), result = 0;
    weights[int(result * taps.d + tap) * pitch + int(channel)] = w[i];
  }
  __syncthreads();
  const Strips<kStrip> strips(d, blockIdx.z);
  const int pairs = strips.h.taps * int(packs.d);
  for (int first = blockIdx.x * slots; first < strips.count; first += gridDim.x * slots) {
    const int number = first + me / lanes;
    const bool inside = number < strips.count;
    const auto strip = strips.strip(inside ? number : 0);
    float sum[kStrip][kResults] = {};
    for (int pair = inside ? lane : pairs; pair < pairs; pair += lanes) {
      uint32_t pack;
      const int t = int(packs.split(uint32_t(pair), &pack));
      const E* line = line_of(d, strips.h, in, strip.image, strip.line, t);
      if (!line) continue;
      const float* of_row = weights + (strips.h.first_tap + t * strips.h.tap_step) * d.v.taps * pitch + pack * kPack;
      slide<kStrip, kPack>(strips.v, strip.first, [&](float (&x)[kPack], int at) { load_inside(d, line + pack * kPack, at, x); }, [&](int tap, auto&& x) {
#pragma unroll
        for (int k = 0; k < kResults; ++k) {      // of results that do not exist: the last one's, never stored
          float weight[kPack];
          load_pack(of_row + (min(k, d.out_channels - 1) * int(taps.d) + tap) * pitch, true, weight);
#pragma unroll
          for (int i = 0; i < kStrip; ++i)
#pragma unroll
            for (int c = 0; c < kPack; ++c) sum[i][k] = fmaf(x(i)[c], weight[c], sum[i][k]);
        }
      });
    }
#pragma unroll
    for (int i = 0; i < kStrip; ++i)
#pragma unroll
      for (int k = 0; k < kResults; ++k)
        for (int half = min(lanes, 32) / 2; half > 0; half /= 2) sum[i][k] += __shfl_xor_sync(~0u, sum[i][k], half);
    if (lanes > 32) {
#pragma unroll
      for (int i = 0; i < kStrip * kResults; ++i)
        if (me % 32 == 0) of_warp[me / 32][i] = sum[i / kResults][i % kResults];
      __syncthreads();
#pragma unroll
      for (int i = 0; i < kStrip; ++i)
#pragma unroll
        for (int k = 0; k < kResults; ++k)
          for (int warp = 1; lane == i && warp < lanes / 32; ++warp) sum[i][k] += of_warp[me / 32 + warp][i * kResults + k];
      __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < kStrip; ++i) {
      const int64_t to = inside && lane == i % lanes ? strips.place(d, strip, i) : -1;
#pragma unroll
      for (int k = 0; k < kResults; ++k) store_run<1>(epilogue, out, to, k, d.out_channels, &sum[i][k]);
    }
  }
}

template <int kResults, int kStrip, int kPack>
void few_filters(Queue& queue, const ConvProblem& p, const DirectProblem& d, const ConvEpilogue& e, const void* in, const Weight& w, void* out) {
  const int packs = d.in_channels / kPack, phases = int(phases_of(d));
  const int64_t strips = strips_of(d, kStrip), deepest = int64_t(packs) * ceil_div(p.r, d.adjoint ? d.h.tap_step : 1);
  int lanes = 4;
  while (lanes < 32 && lanes < packs) lanes *= 2;
  while (lanes < kThreads && lanes < deepest && strips * phases * lanes < 132 * 1024) lanes *= 2;   // half of a large GPU's threads
  const int64_t blocks = min(ceil_div(strips, kThreads / lanes), ceil_div(528, phases));
  const auto run = [&](auto element) {
    using E = decltype(element);
    launch<conv2d_few_filters_kernel<kResults, kStrip, kPack, E>>(queue, dim3(unsigned(blocks), 1, unsigned(phases)), kThreads,
        size_t(d.in_channels + 4) * p.r * p.s * d.out_channels * 4, d, lanes, Divisor(packs), Divisor(p.r * p.s), Divisor(d.out_channels),
        static_cast<const E*>(in), static_cast<const float*>(w.data), epilogue_of(e, d.adjoint ? p.bf16_x : p.bf16_y), out);
  };
  if (d.adjoint ? p.bf16_y : p.bf16_x) run(__nv_bfloat16{});
  else run(float{});
}

/// Lanes along the channels; the sums are (tap, filter).
template <int kPack, class E>
struct FewFilterSums {
  ConvGather<E> x;                                // of one channel
  const float* y;
  int taps;
  Divisor filters;
  bool aligned, accumulate;
  float* dw;
  __device__ __forceinline__ void add(int pixel, int column, int first, TapSums<kPack>& sums) const {
    const auto place = x.place(pixel);
    uint32_t k;
    const uint32_t first_tap = filters.split(uint32_t(first), &k);
    auto tap = x.tap(int(first_tap));
    float v[kPack] = {};
#pragma unroll
    for (int t = 0; t < kTapSums; ++t) {
      if (first + t >= taps * int(filters.d)) break;
      if (t == 0 || k == 0) {
        const E* from = x.address(place, tap);
        if (from) load_pack(from + column * kPack, aligned, v);
        else for (int c = 0; c < kPack; ++c) v[c] = 0.0f;
      }
      const float dy = y[int64_t(pixel) * filters.d + k];
#pragma unroll
      for (int c = 0; c < kPack; ++c) sums.v[t][c] = fmaf(v[c], dy, sums.v[t][c]);
      if (++k < filters.d) continue;
      k = 0;
      x.next(tap);
    }
  }
  __device__ __forceinline__ void store(int first, int channel, const TapSums<1>& sums) const {
    for (int t = 0; t < kTapSums && first + t < taps * int(filters.d); ++t) {
      uint32_t k;
      const uint32_t tap = filters.split(uint32_t(first + t), &k);
      float* to = dw + int64_t(k * taps + tap) * x.image_channels + channel;
      *to = accumulate ? *to + sums.v[t][0] : sums.v[t][0];
    }
  }
};

}  // namespace

bool fits_few_filters(const ConvProblem& p, bool adjoint) {
  return p.groups == 1 && (adjoint ? p.c : p.k) <= kMostResults &&
         int64_t((adjoint ? p.k : p.c) + 4) * p.r * p.s * (adjoint ? p.c : p.k) * 4 <= kMostBytes;
}
void conv2d_few_filters(Queue& queue, const ConvProblem& p, bool adjoint, const ConvEpilogue& e, const void* in, const Weight& w, void* out) {
  const DirectProblem d = direct_problem(p, adjoint, in);
  const bool wide = ceil_div(d.v.extent, adjoint ? d.v.stride : 1) > 4;
  const auto with = [&](auto results, auto strip, auto pack) {
    few_filters<decltype(results)::value, decltype(strip)::value, decltype(pack)::value>(queue, p, d, e, in, w, out);
  };
  const std::integral_constant<int, 1> one;
  const std::integral_constant<int, 3> three;
  const std::integral_constant<int, 4> four;
  const std::integral_constant<int, 8> eight;
  if (d.in_channels % 4 != 0) return with(four, eight, one);
  if (d.out_channels == 1) return wide ? with(one, eight, four) : with(one, one, four);
  if (d.out_channels == 4) return wide ? with(four, eight, four) : with(four, one, four);
  wide ? with(three, eight, four) : with(three, one, four);
}
void conv2d_few_filters_weight_grad(Queue& queue, const ConvProblem& p, bool accumulate, const void* x, const void* y, void* dw) {
  with_pack(p.c % 4 == 0 ? 4 : 1, p.bf16_x, [&](auto pack, auto element) {
    constexpr int kPack = decltype(pack)::value;
    using E = decltype(element);
    ConvGather<E> gather = gather_of(p, static_cast<const E*>(x));
    gather.channels = 1;
    gather.channels_divisor = Divisor(1);
    sum_taps<kPack>(queue, p, p.c, p.r * p.s * p.k, FewFilterSums<kPack, E>{gather, static_cast<const float*>(y), p.r * p.s, Divisor(p.k), aligned16(x),
                    accumulate, static_cast<float*>(dw)});
  });
}

}  // namespace weft::WEFT_BACKEND
