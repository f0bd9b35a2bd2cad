// Index arithmetic that kernels share: division by a launch's constants, vector access, grid sizes.
#pragma once
#include "device_language.h"

namespace weft::WEFT_BACKEND {

/// n / d and n % d for 0 <= n < 2^31 by a multiplication: the divisor is the same for a whole launch.
///   Granlund and Montgomery, "Division by invariant integers using multiplication", PLDI 1994.
struct Divisor {
  uint32_t d = 1, magic = 1, shift = 0;
  Divisor() = default;
  WEFT_PORTABLE explicit Divisor(int64_t divisor) : d(uint32_t(divisor)) {
    while ((uint64_t(1) << shift) < d) ++shift;
    magic = uint32_t(((uint64_t(1) << 32) * ((uint64_t(1) << shift) - d)) / d + 1);
  }
  __device__ __forceinline__ uint32_t divide(uint32_t n) const { return (__umulhi(n, magic) + n) >> shift; }
  /// quotient, and the remainder in [0, d)
  __device__ __forceinline__ uint32_t split(uint32_t n, uint32_t* remainder) const {
    const uint32_t quotient = divide(n);
    *remainder = n - quotient * d;
    return quotient;
  }
};

inline bool aligned16(const void* p) { return (reinterpret_cast<uintptr_t>(p) & 15) == 0; }

__device__ __forceinline__ void load4(const float* p, float (&v)[4]) {          // p 16-byte aligned
  const float4 f = *reinterpret_cast<const float4*>(p);
  v[0] = f.x, v[1] = f.y, v[2] = f.z, v[3] = f.w;
}
__device__ __forceinline__ void store4(float* p, const float (&v)[4]) {
  *reinterpret_cast<float4*>(p) = make_float4(v[0], v[1], v[2], v[3]);
}
/// A pack is one element, or four that move as 16 bytes if the address is `aligned`.
template <int kPack>
__device__ __forceinline__ void load_pack(const float* p, bool aligned, float (&v)[kPack]) {
  if (kPack == 4 && aligned) {
    load4(p, reinterpret_cast<float(&)[4]>(v));
  } else {
#pragma unroll
    for (int i = 0; i < kPack; ++i) v[i] = p[i];
  }
}
template <int kPack>
__device__ __forceinline__ void store_pack(float* p, bool aligned, const float (&v)[kPack]) {
  if (kPack == 4 && aligned) {
    store4(p, reinterpret_cast<const float(&)[4]>(v));
  } else {
#pragma unroll
    for (int i = 0; i < kPack; ++i) p[i] = v[i];
  }
}
/// Calls f with the pack's size, 4 or 1, as a constant.
template <class F>
void with_pack(int pack, F&& f) {
  if (pack == 4) f(std::integral_constant<int, 4>{});
  else f(std::integral_constant<int, 1>{});
}
__device__ __forceinline__ float leaky(float v, float slope) { return v > 0 ? v : slope * v; }

constexpr int64_t kMany = int64_t(1) << 31;
constexpr int kThreads = 256;

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Blocks of a kernel whose threads stride over `items`: enough to fill the largest GPU several times, no more.
inline unsigned blocks_for(int64_t items) {
  const int64_t blocks = ceil_div(items, kThreads);
  return unsigned(blocks < 4096 ? blocks : 4096);
}

/// A size that a kernel holds in 32 bits.
inline int fits_int(int64_t n, const char* op, const char* what) {
  if (n >= kMany - 4096)
    throw ShapeError(std::string(op) + ": " + what + " is " + std::to_string(n) + ", these kernels take fewer than 2^31; use a smaller batch");
  return int(n);
}

}  // namespace weft::WEFT_BACKEND
