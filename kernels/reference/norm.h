// Normalisation over rows, with an affine map and a LeakyReLU behind it.
//
//   moments          mean[g,c] = 1/R sum over r of x[g,r,c]        variance[g,c] = 1/R sum over r of (x[g,r,c] - mean[g,c])^2
//   normalize        y = leaky(z),  z = h * gamma[c] + beta[c],  h = (x - mean) / sqrt(variance + epsilon)
//   normalize_grad   the whole way back, through the statistics too. With u = dy * leaky'(z):
//                      dbeta[c]  = sum over g,r of u          dgamma[c] = sum over g,r of u * h
//                      dx        = gamma / sqrt(variance + epsilon) * (u - mean over r of u - h * mean over r of (u * h))
//
//   x, y, dy, dx (groups G, rows R, channels C)   mean, variance (G,C)   gamma, beta, dgamma, dbeta (C)
//
// Batch norm is one group of N*H*W rows; instance norm N groups of H*W rows; layer norm N groups of one channel.
// Paper: Ioffe & Szegedy, "Batch normalization", arXiv:1502.03167; the gradient is its section 3, simplified.
#pragma once
#include <algorithm>
#include <cmath>

#include "weft/kernels/geometry.h"

namespace weft::reference {

/// Two passes, so that a mean far larger than the deviation costs no digits.
template <class T>
void moments(const NormProblem& problem, const T* x, T* mean, T* variance) {
  const auto [G, R, C, bf16] = problem;
  for (int64_t g = 0; g < G; ++g)
    for (int64_t c = 0; c < C; ++c) {
      const T* column = x + g * R * C + c;  // x[g,:,c], C apart
      T sum = 0, squares = 0;
      for (int64_t r = 0; r < R; ++r) sum += column[r * C];
      const T average = sum / T(R);
      for (int64_t r = 0; r < R; ++r) squares += (column[r * C] - average) * (column[r * C] - average);
      mean[g * C + c] = average;
      variance[g * C + c] = squares / T(R);
    }
}

template <class T>
void normalize(const NormProblem& problem, double epsilon, double leaky_slope, const T* x, const T* mean,
               const T* variance, const T* gamma, const T* beta, T* y) {
  const auto [G, R, C, bf16] = problem;
  for (int64_t g = 0; g < G; ++g)
    for (int64_t r = 0; r < R; ++r)
      for (int64_t c = 0; c < C; ++c) {
        const int64_t i = (g * R + r) * C + c;
        const T h = (x[i] - mean[g * C + c]) / std::sqrt(variance[g * C + c] + T(epsilon));
        const T z = h * (gamma ? gamma[c] : T(1)) + (beta ? beta[c] : T(0));
        y[i] = z > 0 ? z : T(leaky_slope) * z;
      }
}

/// leaky' is found again from the sign of z, so y need not be kept. dx, or dgamma and dbeta, may be null.
template <class T>
void normalize_grad(const NormProblem& problem, double epsilon, double leaky_slope, const T* x, const T* mean,
                    const T* variance, const T* gamma, const T* beta, const T* dy, T* dx, T* dgamma, T* dbeta) {
  const auto [G, R, C, bf16] = problem;
  if (dgamma) std::fill_n(dgamma, C, T(0));
  if (dbeta) std::fill_n(dbeta, C, T(0));
  for (int64_t g = 0; g < G; ++g)
    for (int64_t c = 0; c < C; ++c) {
      const T average = mean[g * C + c], deviation = std::sqrt(variance[g * C + c] + T(epsilon));
      const T scale = gamma ? gamma[c] : T(1), shift = beta ? beta[c] : T(0);
      const auto at = [&, channels = C, rows = R](int64_t r) { return (g * rows + r) * channels + c; };
      const auto h = [&](int64_t r) { return (x[at(r)] - average) / deviation; };
      const auto u = [&](int64_t r) { return h(r) * scale + shift > 0 ? dy[at(r)] : T(leaky_slope) * dy[at(r)]; };

      T sum_u = 0, sum_uh = 0;
      for (int64_t r = 0; r < R; ++r) sum_u += u(r), sum_uh += u(r) * h(r);
      if (dbeta) dbeta[c] += sum_u;
      if (dgamma) dgamma[c] += sum_uh;
      if (!dx) continue;
      for (int64_t r = 0; r < R; ++r)
        dx[at(r)] = scale / deviation * (u(r) - sum_u / T(R) - h(r) * (sum_uh / T(R)));
    }
}

}  // namespace weft::reference
