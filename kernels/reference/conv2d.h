// Convolution and its two adjoints: a family that is closed under differentiation, so that a penalty on a gradient costs
// one more of each and no new code.
//
//   conv2d               y[n,p,q,k]   = sum over r,s,c of x[n,h,w,c] * filter[k,r,s,c]
//   conv2d_input_grad    x[n,h,w,c]   = sum over r,s,k of y[n,p,q,k] * filter[k,r,s,c]     (= transposed convolution)
//   conv2d_weight_grad   dw[k,r,s,c]  = sum over n,p,q of x[n,h,w,c] * y[n,p,q,k]
//
//   with h = p*stride.h - pad.h + r*dilation.h, w alike, over the places where h is in [0,H) and w in [0,W);
//   if the padding reflects, h = -1, -2, ... are 1, 2, ..., and H, H+1, ... are H-2, H-3, ...
//
//   x (N,H,W,C)   filter (K,R,S,C/groups)   y (N,P,Q,K)   bias: one a channel of the result
//
// With groups, channels [g*C/groups, (g+1)*C/groups) of x meet channels [g*K/groups, (g+1)*K/groups) of y alone.
// Paper: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
#pragma once
#include "weft/kernels/geometry.h"

namespace weft::reference {

/// Stores a finished sum: result = leaky(sum + bias), or result += sum + bias.
template <class T>
void store(const ConvEpilogue& epilogue, T sum, int64_t channel, T& result) {
  if (epilogue.bias) sum += static_cast<const T*>(epilogue.bias)[channel];
  if (epilogue.accumulate)
    result += sum;
  else
    result = sum > 0 ? sum : T(epilogue.leaky_slope) * sum;
}

inline int64_t mirrored(int64_t i, int64_t size) { return i < 0 ? -i : i < size ? i : 2 * (size - 1) - i; }

template <class T>
void conv2d(const ConvProblem& problem, const ConvEpilogue& epilogue, const T* x, const T* filter, T* y) {
  const auto [N, H, W, C, K, R, S, P, Q, stride, pad, dilation, groups, reflect, bf16_x, bf16_y] = problem;
  const int64_t group_c = C / groups, group_k = K / groups;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t p = 0; p < P; ++p)
      for (int64_t q = 0; q < Q; ++q)
        for (int64_t k = 0; k < K; ++k) {
          const int64_t first_c = k / group_k * group_c;
          T sum = 0;
          for (int64_t r = 0; r < R; ++r)
            for (int64_t s = 0; s < S; ++s) {
              int64_t h = p * stride.h - pad.h + r * dilation.h;
              int64_t w = q * stride.w - pad.w + s * dilation.w;
              if (reflect) h = mirrored(h, H), w = mirrored(w, W);
              if (h < 0 || h >= H || w < 0 || w >= W) continue;
              for (int64_t c = 0; c < group_c; ++c)
                sum += x[((n * H + h) * W + w) * C + first_c + c] * filter[((k * R + r) * S + s) * group_c + c];
            }
          store(epilogue, sum, k, y[((n * P + p) * Q + q) * K + k]);
        }
}

template <class T>
void conv2d_input_grad(const ConvProblem& problem, const ConvEpilogue& epilogue, const T* y, const T* filter, T* x) {
  const auto [N, H, W, C, K, R, S, P, Q, stride, pad, dilation, groups, reflect, bf16_x, bf16_y] = problem;
  const int64_t group_c = C / groups, group_k = K / groups;
  for (int64_t n = 0; n < N; ++n)
    for (int64_t h = 0; h < H; ++h)
      for (int64_t w = 0; w < W; ++w)
        for (int64_t c = 0; c < C; ++c) {
          const int64_t first_k = c / group_c * group_k;
          T sum = 0;
          for (int64_t r = 0; r < R; ++r)
            for (int64_t s = 0; s < S; ++s) {
              const int64_t up = h + pad.h - r * dilation.h;    // p * stride.h, if some p put tap r on row h
              const int64_t left = w + pad.w - s * dilation.w;  // q * stride.w
              if (up < 0 || up % stride.h || left < 0 || left % stride.w) continue;
              const int64_t p = up / stride.h, q = left / stride.w;
              if (p >= P || q >= Q) continue;
              for (int64_t k = first_k; k < first_k + group_k; ++k)
                sum += y[((n * P + p) * Q + q) * K + k] * filter[((k * R + r) * S + s) * group_c + c % group_c];
            }
          store(epilogue, sum, c, x[((n * H + h) * W + w) * C + c]);
        }
}

template <class T>
void conv2d_weight_grad(const ConvProblem& problem, bool accumulate, const T* x, const T* y, T* dw) {
  const auto [N, H, W, C, K, R, S, P, Q, stride, pad, dilation, groups, reflect, bf16_x, bf16_y] = problem;
  const int64_t group_c = C / groups, group_k = K / groups;
  for (int64_t k = 0; k < K; ++k)
    for (int64_t r = 0; r < R; ++r)
      for (int64_t s = 0; s < S; ++s)
        for (int64_t c = 0; c < group_c; ++c) {
          const int64_t first_c = k / group_k * group_c;
          T sum = 0;
          for (int64_t n = 0; n < N; ++n)
            for (int64_t p = 0; p < P; ++p)
              for (int64_t q = 0; q < Q; ++q) {
                int64_t h = p * stride.h - pad.h + r * dilation.h;
                int64_t w = q * stride.w - pad.w + s * dilation.w;
                if (reflect) h = mirrored(h, H), w = mirrored(w, W);
                if (h < 0 || h >= H || w < 0 || w >= W) continue;
                sum += x[((n * H + h) * W + w) * C + first_c + c] * y[((n * P + p) * Q + q) * K + k];
              }
          T& result = dw[((k * R + r) * S + s) * group_c + c];
          result = accumulate ? result + sum : sum;
        }
}

}  // namespace weft::reference
