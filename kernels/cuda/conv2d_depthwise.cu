// kernels/cuda/conv2d_depthwise.cu: a convolution of each channel by itself: groups == C, and few filters a channel.
//
//   y[n,p,q,k] = leaky(b[k] + sum over r,s of  x[n, p*stride.h - pad.h + r*dilation.h, q*stride.w - ..., k / M] * w[k,r,s])
//   and its adjoints in x and in w; M = K / C
//
//   x (N,H,W,C)   w (K,R,S)   b (K), for x (C), or null   y (N,P,Q,K)      contiguous, pad reads as 0, or mirrors x
//   w, b float32   x, y float32 or bfloat16
//
// Work:   an implicit product would have M columns a group. Here lanes lie along the channels, four each (16 bytes) if M is 1,
//         else one, and a thread computes a strip of four neighbouring pixels: at stride 1 a tap's input is the one before's, moved
//         by one, and stays in registers. The filters of a block's channels lie in shared memory, a tap's side by side; blocks
//         walk on over strips, so that they are fetched a few times only. The input gradient is the same walk, phase by phase.
//         blockIdx: x strips, y channels, z phase.
//         The filter's gradient: conv_tap_sums.h, nine taps a thread.
// Limit:  memory: 4*(|x| + |y|) bytes for 2*R*S*|y| FLOPs; 3x3 reads of x come from the first-level cache, 6 for 4 pixels and row.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
// Source: Howard et al., "MobileNets", arXiv:1704.04861, for the layer.
#include "conv_direct.h"
#include "conv_tap_sums.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

constexpr int kMostTaps = 81;                     // 43 KB of filters for 32 lanes of four channels
constexpr int kMostFilters = 4;                   // of a channel; with more, a group is a matrix product
constexpr int kStrip = 4;

template <int kPack, class E>
__global__ void __launch_bounds__(kThreads, 2) conv2d_depthwise_kernel(DirectProblem d, int multiple, int across, Divisor taps, const E* in,
                                                                    const float* w, Epilogue epilogue, void* out) {
  const Strips<kStrip> strips(d, blockIdx.z);
  const int each = d.adjoint ? multiple : 1;      // inputs of a result, each with a filter of its own
  const int filters = across * kPack * each, pitch = filters + 4, first_filter = blockIdx.y * filters;
  SharedCarver carve;
  float* weights = carve.take<float>(size_t(pitch) * taps.d, "weights");
  const int present = min(filters, (d.adjoint ? d.in_channels : d.out_channels) - first_filter);
  for (int i = int(threadIdx.x); i < present * int(taps.d); i += kThreads) {
    uint32_t tap;
    const int filter = int(taps.split(uint32_t(i), &tap));
    weights[int(tap) * pitch + filter] = w[int64_t(first_filter) * taps.d + i];
  }
  __syncthreads();
  const int lane = int(threadIdx.x) % across, column = (int(blockIdx.y) * across + lane) * kPack;
  if (column >= d.out_channels) return;
  for (int number = blockIdx.x * (kThreads / across) + threadIdx.x / across; number < strips.count; number += gridDim.x * (kThreads / across)) {
    const auto strip = strips.strip(number);
    float sum[kStrip][kPack] = {};
    for (int j = 0; j < each; ++j) {
      const int channel = d.adjoint ? column * each + j : kPack == 4 ? column : column / multiple;
      for (int t = 0; t < strips.h.taps; ++t) {
        const E* line = line_of(d, strips.h, in, strip.image, strip.line, t);
        if (!line) continue;
        const float* of_row = weights + (strips.h.first_tap + t * strips.h.tap_step) * d.v.taps * pitch + lane * kPack * each + j;
        slide<kStrip, kPack>(strips.v, strip.first,
                             [&](float (&x)[kPack], int at) { load_inside(d, line + channel, at, x); },
                             [&](int tap, auto&& x) {
          float weight[kPack];
          load_pack(of_row + tap * pitch, true, weight);
#pragma unroll
          for (int i = 0; i < kStrip; ++i)
#pragma unroll
            for (int c = 0; c < kPack; ++c) sum[i][c] = fmaf(x(i)[c], weight[c], sum[i][c]);
        });
      }
    }
#pragma unroll
    for (int i = 0; i < kStrip; ++i)
      store_run<kPack>(epilogue, out, strips.place(d, strip, i), column, d.out_channels, sum[i]);
  }
}

/// Lanes along the filters; the sums are taps.
template <int kPack, class E>
struct DepthwiseSums {
  ConvGather<E> x;                                // of one channel
  const E* y;
  int taps_h, k, multiple;
  bool aligned, accumulate;
  float* dw;
  __device__ __forceinline__ void add(int pixel, int column, int first, TapSums<kPack>& sums) const {
    const auto place = x.place(pixel);
    auto tap = x.tap(first);
    float dy[kPack];
    load_pack(y + int64_t(pixel) * k + column * kPack, aligned, dy);
#pragma unroll
    for (int t = 0; t < kTapSums; ++t, x.next(tap)) {
      const E* from = first + t < taps() ? x.address(place, tap) : nullptr;
      if (!from) continue;
      float v[kPack];
      load_pack(from + (kPack == 4 ? column * 4 : column / multiple), aligned, v);
#pragma unroll
      for (int c = 0; c < kPack; ++c) sums.v[t][c] = fmaf(v[c], dy[c], sums.v[t][c]);
    }
  }
  __device__ __forceinline__ int taps() const { return taps_h * int(x.taps_w.d); }
  __device__ __forceinline__ void store(int first, int filter, const TapSums<1>& sums) const {
    for (int t = 0; t < kTapSums && first + t < taps(); ++t) {
      float* to = dw + int64_t(filter) * taps() + first + t;
      *to = accumulate ? *to + sums.v[t][0] : sums.v[t][0];
    }
  }
};

}  // namespace

bool fits_depthwise(const ConvProblem& p) { return p.groups == p.c && p.k / p.c <= kMostFilters && p.r * p.s <= kMostTaps; }

void conv2d_depthwise(Queue& queue, const ConvProblem& p, bool adjoint, const ConvEpilogue& e, const void* in, const Weight& w, void* out) {
  const DirectProblem d = direct_problem(p, adjoint, in);
  const int multiple = p.k / p.c, each = adjoint ? multiple : 1;
  with_pack(multiple == 1 && p.c % 4 == 0 ? 4 : 1, adjoint ? p.bf16_y : p.bf16_x, [&](auto pack, auto element) {
    constexpr int kPack = decltype(pack)::value;
    using E = decltype(element);
    const int packs = d.out_channels / kPack;
    int across = 1;
    while (across < packs && across < 32) across *= 2;
    const int64_t blocks = ceil_div(strips_of(d, kStrip), kThreads / across), down = ceil_div(packs, across);
    const int64_t enough = ceil_div(1056, down * phases_of(d));     // eight a multiprocessor of a large GPU
    launch<conv2d_depthwise_kernel<kPack, E>>(queue, dim3(unsigned(min(blocks, enough)), unsigned(down), phases_of(d)), kThreads,
                                           size_t(across * kPack * each + 4) * p.r * p.s * 4, d, multiple, across, Divisor(p.r * p.s),
                                           static_cast<const E*>(in), static_cast<const float*>(w.data), epilogue_of(e, adjoint ? p.bf16_x : p.bf16_y), out);
  });
}
void conv2d_depthwise_weight_grad(Queue& queue, const ConvProblem& p, bool accumulate, const void* x, const void* y, void* dw) {
  const int multiple = p.k / p.c;
  with_pack(multiple == 1 && p.c % 4 == 0 ? 4 : 1, p.bf16_x, [&](auto pack, auto element) {
    constexpr int kPack = decltype(pack)::value;
    using E = decltype(element);
    sum_taps<kPack>(queue, p, p.k, p.r * p.s, DepthwiseSums<kPack, E>{gather_of(p, static_cast<const E*>(x)), static_cast<const E*>(y), p.r, p.k,
                    multiple, aligned16(x) && aligned16(y), accumulate, static_cast<float*>(dw)});
  });
}

}  // namespace weft::WEFT_BACKEND
