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

// Numbers lie in memory as float32 or as bfloat16; kernels compute in float32.
__device__ __forceinline__ float widened(float v) { return v; }
__device__ __forceinline__ float widened(__nv_bfloat16 v) { return __bfloat162float(v); }
__device__ __forceinline__ void put(float* p, float v) { *p = v; }
__device__ __forceinline__ void put(__nv_bfloat16* p, float v) { *p = __float2bfloat16(v); }

/// Several that move in one access.
template <class E, int kCount>
struct alignas(sizeof(E) * kCount) Together { E e[kCount]; };
template <class E>
__device__ __forceinline__ void load4(const E* p, float (&v)[4]) {              // p aligned to four of them
  const Together<E, 4> four = *reinterpret_cast<const Together<E, 4>*>(p);
#pragma unroll
  for (int i = 0; i < 4; ++i) v[i] = widened(four.e[i]);
}
template <int kCount = 4, class E>
__device__ __forceinline__ void store4(E* p, const float (&v)[kCount]) {
  Together<E, kCount> all;
#pragma unroll
  for (int i = 0; i < kCount; ++i) put(&all.e[i], v[i]);
  *reinterpret_cast<Together<E, kCount>*>(p) = all;
}
/// A pack is one element, or four that move in one access if the address is `aligned`.
template <int kPack, class E>
__device__ __forceinline__ void load_pack(const E* p, bool aligned, float (&v)[kPack]) {
  if (kPack == 4 && aligned) {
    load4(p, reinterpret_cast<float(&)[4]>(v));
  } else {
#pragma unroll
    for (int i = 0; i < kPack; ++i) v[i] = widened(p[i]);
  }
}
template <int kPack, class E>
__device__ __forceinline__ void store_pack(E* p, bool aligned, const float (&v)[kPack]) {
  if (kPack == 4 && aligned) {
    store4(p, reinterpret_cast<const float(&)[4]>(v));
  } else {
#pragma unroll
    for (int i = 0; i < kPack; ++i) put(p + i, v[i]);
  }
}
/// Calls f with the pack's size, 4 or 1, as a constant; and, with `bf16`, f(pack, element) with a float or a bfloat16.
template <class F>
void with_pack(int pack, F&& f) {
  if (pack == 4) f(std::integral_constant<int, 4>{});
  else f(std::integral_constant<int, 1>{});
}
template <class F>
void with_pack(int pack, bool bf16, F&& f) {
  with_pack(pack, [&](auto size) {
    if (bf16) f(size, __nv_bfloat16{});
    else f(size, float{});
  });
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
