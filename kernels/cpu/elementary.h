// exp, tanh, logistic, softplus, sine and cosine as straight lines of products and sums, which the compiler makes vectors of: a call of
// libm for each element takes ten times as long. At most 2.5 units in the last place (exp 1) (tests/cpu/elementary_test.cpp looks);
// infinities, NaN, overflow and denormal results are as in libm.
// Polynomials: Moshier's Cephes library (exp, tanh, sine, cosine). log1p(y) = 2 atanh(y / (2 + y)), whose series needs no reduction here.
#pragma once
#include <cstdint>
#include <cstring>

namespace weft::cpu::WEFT_ISA {
namespace {

inline float power_of_two(int32_t exponent) {   // [-126, 127]
  const int32_t bits = (exponent + 127) << 23;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

inline float exponential(float x) {
  x = x > 89 ? 89.0f : x;      // e^89 overflows, e^-104 rounds to 0; NaN passes both
  x = x < -104 ? -104.0f : x;
  constexpr float kRound = 12582912.0f;   // 1.5 * 2^23: adding it rounds to the nearest whole number
  const float shifted = x * 1.44269504f + kRound, n = shifted - kRound;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;   // x - n log 2; the first product is exact
  float series = 1.9875691500e-4f;
  series = series * r + 1.3981999507e-3f;
  series = series * r + 8.3334519073e-3f;
  series = series * r + 4.1665795894e-2f;
  series = series * r + 1.6666665459e-1f;
  series = series * r + 5.0000001201e-1f;
  int32_t bits, base;
  std::memcpy(&bits, &shifted, sizeof bits);
  std::memcpy(&base, &kRound, sizeof base);
  const int32_t whole = n == n ? bits - base : 0, half = whole >> 1;   // 2^whole in two steps: it may be 2^128, or denormal
  return (1 + (r + r * r * series)) * power_of_two(half) * power_of_two(whole - half);
}

inline float hyperbolic_tangent(float x) {
  const float size = x < 0 ? -x : x, z = x * x;
  float series = -5.70498872745e-3f;
  series = series * z + 2.06390887954e-2f;
  series = series * z - 5.37397155531e-2f;
  series = series * z + 1.33314422036e-1f;
  series = series * z - 3.33332819422e-1f;
  const float small = x + x * z * series, large = 1 - 2 / (exponential(2 * size) + 1);
  return size < 0.625f ? small : x < 0 ? -large : large;
}

inline float logistic(float x) {
  const float y = exponential(x < 0 ? x : -x);   // never overflows, so that far below 0 the result is e^x
  return (x < 0 ? y : 1) / (1 + y);
}

/// max(x, 0) + log(1 + e^-|x|)
inline float soft_plus(float x) {
  const float y = exponential(x > 0 ? -x : x), s = y / (2 + y), z = s * s;   // y in [0, 1]
  float series = 1.0f / 15;
  series = series * z + 1.0f / 13;
  series = series * z + 1.0f / 11;
  series = series * z + 1.0f / 9;
  series = series * z + 1.0f / 7;
  series = series * z + 1.0f / 5;
  series = series * z + 1.0f / 3;
  return (x > 0 ? x : 0) + (y - s * (y - 2 * z * series));   // 2s = y - sy: the correction is small, and so is its error
}

/// Up to here an angle is folded into a quarter turn without loss; libm takes those beyond.
constexpr float kLargestAngle = 1e6f;

/// sin(x + quarters * pi/2), |x| <= kLargestAngle. The fold is done in double, where its products are exact: the first part of pi/2 has 33 bits.
inline float sine(float x, int64_t quarters) {
  constexpr double kRound = 6755399441055744.0;   // 1.5 * 2^52: adding it rounds to the nearest whole number
  const double wide = x, shifted = wide * 0.63661977236758134 + kRound, n = shifted - kRound;
  const float r = float((wide - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11), z = r * r;
  float odd = -1.9515295891e-4f;
  odd = odd * z + 8.3321608736e-3f;
  odd = odd * z - 1.6666654611e-1f;
  float even = 2.443315711809948e-5f;
  even = even * z - 1.388731625493765e-3f;
  even = even * z + 4.166664568298827e-2f;
  int64_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  const int32_t quarter = int32_t(bits + quarters);
  const float value = quarter & 1 ? 1 - (0.5f * z - z * z * even) : r + r * (z * odd);
  return quarter & 2 ? -value : value;
}

}  // namespace
}  // namespace weft::cpu::WEFT_ISA
