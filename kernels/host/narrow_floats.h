// Bits of floats, and bfloat16 and half as storage types: kernels convert, and compute in float.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

inline float __uint_as_float(unsigned u) {
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
inline unsigned __float_as_uint(float f) {
  unsigned u;
  std::memcpy(&u, &f, 4);
  return u;
}

struct __nv_bfloat16 {
  uint16_t bits;
};
inline float __bfloat162float(__nv_bfloat16 h) { return __uint_as_float(unsigned(h.bits) << 16); }
inline __nv_bfloat16 __float2bfloat16(float f) {              // to nearest, ties to even
  const unsigned u = __float_as_uint(f);
  if ((u & 0x7fffffffu) > 0x7f800000u) return {uint16_t(0x7fff)};
  return {uint16_t((u + 0x7fffu + ((u >> 16) & 1)) >> 16)};
}

struct __half {
  uint16_t bits;
};
inline float __half2float(__half h) {
  const unsigned sign = (h.bits & 0x8000u) << 16, exponent = (h.bits >> 10) & 31, mantissa = h.bits & 0x3ffu;
  if (exponent == 31) return __uint_as_float(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * (float(mantissa) * 0x1p-24f);
  return __uint_as_float(sign | ((exponent + 112) << 23) | (mantissa << 13));
}
inline __half __float2half(float f) {                         // to nearest, ties to even
  const unsigned u = __float_as_uint(f), sign = (u >> 16) & 0x8000u, a = u & 0x7fffffffu;
  if (a > 0x7f800000u) return {uint16_t(0x7fff)};
  if (a >= 0x47800000u) return {uint16_t(sign | 0x7c00u)};    // 65536 and above, and infinity
  if (a < 0x38800000u) return {uint16_t(sign | unsigned(std::nearbyint(__uint_as_float(a) * 0x1p24f)))};   // subnormal
  const unsigned r = a - 0x38000000u;
  return {uint16_t(sign | ((r + 0xfffu + ((r >> 13) & 1)) >> 13))};   // carries into infinity at 65520
}
