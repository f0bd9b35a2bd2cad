// Random numbers as a function: Philox4x32-10 maps (key, counter) to four words, so there is no state to save, and any
// element of any stream can be had without the ones before it.
//   Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// Normals come by Box and Muller's transform from our own logarithm and sine, made of products, sums and explicit fused
// multiply-adds only, so that their bits are the same on every backend (tests/kernels/philox_test.cpp holds them).
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "weft/kernels/portable.h"

namespace weft {

struct Words4 {
  uint32_t w[4];
};

WEFT_PORTABLE inline Words4 philox(uint64_t key, uint64_t step, uint64_t element) {
  uint32_t k0 = uint32_t(key), k1 = uint32_t(key >> 32);
  uint32_t c0 = uint32_t(element), c1 = uint32_t(element >> 32), c2 = uint32_t(step), c3 = uint32_t(step >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(0xD2511F53u) * c0, b = uint64_t(0xCD9E8D57u) * c2;
    c0 = uint32_t(b >> 32) ^ c1 ^ k0;
    c1 = uint32_t(b);
    c2 = uint32_t(a >> 32) ^ c3 ^ k1;
    c3 = uint32_t(a);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// [0, 1), a multiple of 2^-24
WEFT_PORTABLE inline float uniform_from(uint32_t word) { return float(word >> 8) * 5.9604644775390625e-8f; }

namespace detail {

/// Natural logarithm of u in (0, 1], error under 2 units in the last place. u = m * 2^e with m in [sqrt(1/2), sqrt(2)),
/// then log m = 2 atanh(s), s = (m-1)/(m+1), by its odd series.
WEFT_PORTABLE inline float log_unit(float u) {
  uint32_t bits;
  memcpy(&bits, &u, 4);
  const int e = int((bits - 0x3f3504f3u) & 0xff800000u) >> 23;
  bits -= uint32_t(e) << 23;
  float m;
  memcpy(&m, &bits, 4);
  const float s = (m - 1.0f) / (m + 1.0f), z = s * s;
  float series = 0.15384615f;                       // 2/13
  series = fmaf(series, z, 0.18181818f);            // 2/11
  series = fmaf(series, z, 0.22222222f);            // 2/9
  series = fmaf(series, z, 0.28571429f);            // 2/7
  series = fmaf(series, z, 0.4f);                   // 2/5
  series = fmaf(series, z, 0.66666667f);            // 2/3
  return fmaf(float(e), 0.69314718f, fmaf(series * z, s, 2.0f * s));
}

/// sin and cos of 2 pi u for u in [0, 1): fold to an eighth of a turn, then Taylor's polynomials.
WEFT_PORTABLE inline void sincos_turn(float u, float* sine, float* cosine) {
  const float quarter = float(int(u * 4.0f + 0.5f));            // nearest quarter turn, 0..4
  const float x = (u - quarter * 0.25f) * 6.28318531f;          // [-pi/4, pi/4]; the difference is exact
  const float z = x * x;
  float s = 2.7557319e-6f;                                      // 1/9!
  s = fmaf(s, z, -1.9841270e-4f);
  s = fmaf(s, z, 8.3333333e-3f);
  s = fmaf(s, z, -0.16666667f);
  s = fmaf(s * z, x, x);
  float c = 2.4801587e-5f;                                      // 1/8!
  c = fmaf(c, z, -1.3888889e-3f);
  c = fmaf(c, z, 4.1666667e-2f);
  c = fmaf(c, z, -0.5f);
  c = fmaf(c, z, 1.0f);
  const int turn = int(quarter) & 3;
  *sine = turn == 0 ? s : turn == 1 ? c : turn == 2 ? -s : -c;
  *cosine = turn == 0 ? c : turn == 1 ? -s : turn == 2 ? -c : s;
}

}  // namespace detail

/// Four independent standard normals from four words.
WEFT_PORTABLE inline void normals_from(const Words4& words, float (&out)[4]) {
  for (int pair = 0; pair < 2; ++pair) {
    const float u = 1.0f - uniform_from(words.w[2 * pair]);     // (0, 1]
    const float radius = sqrtf(-2.0f * detail::log_unit(u));
    float sine, cosine;
    detail::sincos_turn(uniform_from(words.w[2 * pair + 1]), &sine, &cosine);
    out[2 * pair] = radius * cosine;
    out[2 * pair + 1] = radius * sine;
  }
}

}  // namespace weft
