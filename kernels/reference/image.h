// What happens to images away from convolutions: resampling and max pooling.
//
//   resample   y[n,p,q,c] = sum over i,j of weight_h[p,i] * weight_w[q,j] * x[n, index_h[p,i], index_w[q,j], c]
//   max_pool   y[n,p,q,c] = max over r,s of x[n, p*stride.h - pad.h + r, q*stride.w - pad.w + s, c]
//
//   x (N,H,W,C)   y (N,P,Q,C)   index_h, weight_h (P, taps_h)   index_w, weight_w (Q, taps_w)
//
// The tables of taps are made by the caller, and decide what a resample is: nearest, bilinear, antialiased; zero padding
// (index -1), reflected, wrapped; a crop, a flip, an average pool, a blur. The transposed tables give the adjoint.
#pragma once
#include <limits>

#include "weft/kernels/geometry.h"

namespace weft::reference {

template <class T>
void resample(const ResampleProblem& problem, const T* x, const int32_t* index_h, const T* weight_h,
              const int32_t* index_w, const T* weight_w, T* y) {
  const auto [N, H, W, C, P, Q, taps_h, taps_w, bf16] = problem;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t p = 0; p < P; ++p)
      for (int64_t q = 0; q < Q; ++q)
        for (int64_t c = 0; c < C; ++c) {
          T sum = 0;
          for (int i = 0; i < taps_h; ++i)
            for (int j = 0; j < taps_w; ++j) {
              const int64_t h = index_h[p * taps_h + i];  // [-1, H)
              const int64_t w = index_w[q * taps_w + j];  // [-1, W)
              if (h < 0 || w < 0) continue;
              sum += weight_h[p * taps_h + i] * weight_w[q * taps_w + j] * x[((n * H + h) * W + w) * C + c];
            }
          y[((n * P + p) * Q + q) * C + c] = sum;
        }
}

/// index holds each winner's flat position in x: the first at a tie; a NaN beats every number; padding never wins. Where
/// a window holds nothing but padding, y is -infinity and index is -1.
template <class T>
void max_pool(const PoolProblem& problem, const T* x, T* y, int32_t* index) {
  const auto [N, H, W, C, P, Q, window, stride, pad] = problem;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t p = 0; p < P; ++p)
      for (int64_t q = 0; q < Q; ++q)
        for (int64_t c = 0; c < C; ++c) {
          T best = -std::numeric_limits<T>::infinity();
          int64_t winner = -1;
          for (int r = 0; r < window.h; ++r)
            for (int s = 0; s < window.w; ++s) {
              const int64_t h = p * stride.h - pad.h + r;
              const int64_t w = q * stride.w - pad.w + s;
              if (h < 0 || h >= H || w < 0 || w >= W) continue;
              const int64_t at = ((n * H + h) * W + w) * C + c;
              const bool wins = winner < 0 || (best == best && (x[at] > best || x[at] != x[at]));
              if (wins) best = x[at], winner = at;
            }
          const int64_t at = ((n * P + p) * Q + q) * C + c;
          y[at] = best;
          if (index) index[at] = int32_t(winner);
        }
}

}  // namespace weft::reference
