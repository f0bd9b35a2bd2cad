// The phases of a strided input gradient, and what the direct kernels walk: both directions of a convolution as one.
//
// The pixels h with the same h mod stride use the same taps, an arithmetic progression, and there the sum is an ordinary
// convolution of stride 1 over y. So an input gradient is stride.h * stride.w convolutions, and no zero is multiplied.
#pragma once
#include "indexing.h"

namespace weft::WEFT_BACKEND {

struct Axis {                                   // of one direction, height or width
  int stride, pad, dilation, taps, extent;      // extent: of what is computed
  int tap_step;                                 // stride / gcd(stride, dilation): between two taps of one phase
};
struct Phase {
  int first;                                    // the pixels first, first + stride, ...
  int pixels;
  int first_tap, taps;                          // the taps first_tap, first_tap + tap_step, ...
  int origin, step;                             // pixel number i meets y at  origin + i + tap number * step
};

__device__ __forceinline__ Phase phase_of(const Axis& a, int phase) {
  Phase out{phase, phase < a.extent ? (a.extent - phase - 1) / a.stride + 1 : 0, a.taps, 0, 0, 0};
  for (int r = 0; r < min(a.taps, a.tap_step); ++r)
    if ((phase + a.pad - r * a.dilation) % a.stride == 0) out.first_tap = r;
  if (out.first_tap == a.taps) return out;      // no tap reaches this phase: it holds the bias alone
  out.taps = (a.taps - out.first_tap - 1) / a.tap_step + 1;
  out.origin = (phase + a.pad - out.first_tap * a.dilation) / a.stride;
  out.step = -a.tap_step * a.dilation / a.stride;
  return out;
}

inline int greatest_common_divisor(int a, int b) { return b ? greatest_common_divisor(b, a % b) : a; }
inline Axis axis_of(int stride, int pad, int dilation, int taps, int extent) {
  return {stride, pad, dilation, taps, extent, stride / greatest_common_divisor(stride, dilation)};
}

/// One direction of a convolution or, `adjoint`, of one phase of its input gradient: result number i adds up
/// in[i * stride + origin + t * step] * w[first_tap + t * tap_step] over t < taps, and step > 0.
struct Walk {
  int first, spacing, results;                  // which are those at first, first + spacing, ...
  int origin, stride, step;
  int taps, first_tap, tap_step;
};
__device__ __forceinline__ Walk walk_of(const Axis& a, bool adjoint, int phase) {
  if (!adjoint) return {0, 1, a.extent, -a.pad, a.stride, a.dilation, a.taps, 0, 1};
  const Phase f = phase_of(a, phase);           // its last tap first
  return {f.first, a.stride, f.pixels, f.origin + (f.taps - 1) * f.step, 1, -f.step, f.taps, f.first_tap + (f.taps - 1) * a.tap_step, -a.tap_step};
}

/// kStrip results side by side, from number `first` on, meet the taps of a line one after the other: load(x, column) fetches a
/// pack, use(tap, strip) multiplies strip(i), the i-th result's. Where a tap meets what its neighbour met before, the packs
/// stay in registers and one is new.
template <int kStrip, int kPack, class Load, class Use>
__device__ __forceinline__ void slide(const Walk& v, int first, Load&& load, Use&& use) {
  float x[kStrip][kPack];
  const int left = first * v.stride + v.origin;
  for (int t0 = 0; t0 < v.taps; t0 += kStrip) {
#pragma unroll
    for (int u = 0; u < kStrip; ++u) {          // u is a constant, and with it each place in x
      const int t = t0 + u;
      if (t >= v.taps) continue;
#pragma unroll
      for (int i = 0; i < kStrip; ++i)
        if (i == kStrip - 1 || t == 0 || v.stride != v.step) load(x[(i + u) % kStrip], left + i * v.stride + t * v.step);
      use(v.first_tap + t * v.tap_step, [&](int i) -> const float (&)[kPack] { return x[(i + u) % kStrip]; });
    }
  }
}

}  // namespace weft::WEFT_BACKEND
