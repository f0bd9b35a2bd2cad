// kernels/cuda/norm.cu: statistics over rows, normalisation with LeakyReLU, and the backward pass of both.
//
//   mean[g,c], variance[g,c] of x[g,:,c], variance biased
//   y = leaky(z),  z = xhat * gamma[c] + beta[c],  xhat = (x - mean) * rstd,  rstd = 1 / sqrt(variance + epsilon)
//   dz = dy * (z > 0 ? 1 : slope)     dbeta = sum of dz     dgamma = sum of dz * xhat     (over groups and rows)
//   dx = gamma * rstd * (dz - S1/rows - xhat * S2/rows),  S1 and S2 those two sums of the element's own group
//
//   x, y, dy, dx (G, rows, C)   mean, variance (G, C)   gamma, beta, dgamma, dbeta (C) or null      float32, contiguous
//   Batch norm: G = 1, rows = N*H*W. Grouped batch: G runs of samples. Instance norm: G = N. Layer norm: C = 1.
//
// Work:   column_lanes.h; a lane takes four rows at a time. Statistics: the four rows' mean and squared deviations, merged
//         into the lane's by Chan's formula, lanes by a tree, parts in rising order, so a large mean costs no digits.
//         LeakyReLU's mask is worked out again from x, so nothing is saved for the backward pass but the statistics.
// Limit:  memory: moments reads |x|; normalize reads and writes |x|; the gradient reads x and dy twice and writes dx.
// Twin:   kernels/reference.
// Source: Ioffe & Szegedy, arXiv:1502.03167; Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for
//         computing sample variances", 1979.
#include "column_lanes.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

struct Moments {
  float count, mean, m2;                        // m2: sum of squared deviations
};
__device__ __forceinline__ Moments merge(const Moments& a, const Moments& b) {
  if (b.count == 0) return a;
  if (a.count == 0) return b;
  const float count = a.count + b.count, delta = b.mean - a.mean, share = b.count / count;
  return {count, fmaf(delta, share, a.mean), a.m2 + b.m2 + delta * delta * a.count * share};
}

__global__ void __launch_bounds__(kThreads) moments_kernel(ColumnLanes lanes, const float* x, Moments* parts, float* mean,
                                                           float* variance) {
  const ColumnPlace at = place_of(lanes);
  Moments sum{0, 0, 0};
  if (at.column < lanes.columns) {
    const float* column = x + at.outer * lanes.rows * lanes.columns + at.column;
    int64_t row = at.first_row;
    for (; row + 3 * lanes.down < at.end_row; row += 4 * lanes.down) {
      float v[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) v[i] = column[(row + i * lanes.down) * lanes.columns];
      const float middle = ((v[0] + v[1]) + (v[2] + v[3])) * 0.25f;
      float m2 = 0;
#pragma unroll
      for (int i = 0; i < 4; ++i) m2 = fmaf(v[i] - middle, v[i] - middle, m2);
      sum = merge(sum, {4, middle, m2});
    }
    for (; row < at.end_row; row += lanes.down) sum = merge(sum, {1, column[row * lanes.columns], 0});
  }
  sum = merge_down(lanes, at, sum, [](const Moments& a, const Moments& b) { return merge(a, b); });
  if (at.lane_down != 0 || at.column >= lanes.columns) return;
  const int64_t to = (at.outer * lanes.parts + at.part) * lanes.columns + at.column;
  if (parts) {
    parts[to] = sum;
  } else {
    mean[to] = sum.mean;
    variance[to] = sum.m2 / sum.count;
  }
}

__global__ void __launch_bounds__(kThreads) merge_moments_kernel(int64_t outputs, int64_t parts, int64_t channels,
                                                                 const Moments* of_part, float* mean, float* variance) {
  for (int64_t to = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; to < outputs; to += int64_t(gridDim.x) * blockDim.x) {
    Moments sum{0, 0, 0};
    for (int64_t part = 0; part < parts; ++part) sum = merge(sum, of_part[(to / channels * parts + part) * channels + to % channels]);
    mean[to] = sum.mean;
    variance[to] = sum.m2 / sum.count;
  }
}

/// Everything about one channel of one group that a row needs.
struct Channel {
  float mean, rstd, gamma, beta, slope;
  __device__ __forceinline__ float normal(float x) const { return (x - mean) * rstd; }
  __device__ __forceinline__ float shifted(float normal) const { return normal * gamma + beta; }
  __device__ __forceinline__ float before_activation(float normal, float dy) const { return shifted(normal) > 0 ? dy : slope * dy; }
};
struct ChannelTables {
  const float *mean, *variance, *gamma, *beta;
  float epsilon, slope;
  __device__ __forceinline__ Channel of(int64_t group, int64_t channel, int64_t channels) const {
    const int64_t at = group * channels + channel;
    return {mean[at], 1.0f / sqrtf(variance[at] + epsilon), gamma ? gamma[channel] : 1.0f, beta ? beta[channel] : 0.0f, slope};
  }
};

__global__ void __launch_bounds__(kThreads) normalize_kernel(ColumnLanes lanes, ChannelTables tables, const float* x, float* y) {
  const ColumnPlace at = place_of(lanes);
  if (at.column >= lanes.columns) return;
  const Channel channel = tables.of(at.outer, at.column, lanes.columns);
  const int64_t first = at.outer * lanes.rows * lanes.columns + at.column;
#pragma unroll 4
  for (int64_t row = at.first_row; row < at.end_row; row += lanes.down) {
    const int64_t i = first + row * lanes.columns;
    y[i] = leaky(channel.shifted(channel.normal(x[i])), channel.slope);
  }
}

struct GradSums {
  float dz, dz_normal;
};
__device__ __forceinline__ GradSums add(const GradSums& a, const GradSums& b) { return {a.dz + b.dz, a.dz_normal + b.dz_normal}; }

__global__ void __launch_bounds__(kThreads) normalize_grad_sums_kernel(ColumnLanes lanes, ChannelTables tables, const float* x,
                                                                       const float* dy, GradSums* parts) {
  const ColumnPlace at = place_of(lanes);
  GradSums sum{0, 0};
  if (at.column < lanes.columns) {
    const Channel channel = tables.of(at.outer, at.column, lanes.columns);
    const int64_t first = at.outer * lanes.rows * lanes.columns + at.column;
#pragma unroll 4
    for (int64_t row = at.first_row; row < at.end_row; row += lanes.down) {
      const int64_t i = first + row * lanes.columns;
      const float normal = channel.normal(x[i]), dz = channel.before_activation(normal, dy[i]);
      sum.dz += dz;
      sum.dz_normal = fmaf(dz, normal, sum.dz_normal);
    }
  }
  sum = merge_down(lanes, at, sum, [](const GradSums& a, const GradSums& b) { return add(a, b); });
  if (at.lane_down != 0 || at.column >= lanes.columns) return;
  parts[(at.outer * lanes.parts + at.part) * lanes.columns + at.column] = sum;
}

/// sums[g,c] over the parts, and dgamma, dbeta over the groups; one thread a channel.
__global__ void __launch_bounds__(kThreads) merge_grad_sums_kernel(int64_t groups, int64_t parts, int64_t channels,
                                                                   const GradSums* of_part, GradSums* sums, float* dgamma, float* dbeta) {
  const int64_t channel = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  if (channel >= channels) return;
  GradSums total{0, 0};
  for (int64_t group = 0; group < groups; ++group) {
    GradSums sum{0, 0};
    for (int64_t part = 0; part < parts; ++part) sum = add(sum, of_part[(group * parts + part) * channels + channel]);
    sums[group * channels + channel] = sum;
    total = add(total, sum);
  }
  if (dgamma) dgamma[channel] = total.dz_normal;
  if (dbeta) dbeta[channel] = total.dz;
}

__global__ void __launch_bounds__(kThreads) normalize_grad_kernel(ColumnLanes lanes, ChannelTables tables, const GradSums* sums,
                                                                  const float* x, const float* dy, float* dx) {
  const ColumnPlace at = place_of(lanes);
  if (at.column >= lanes.columns) return;
  const Channel channel = tables.of(at.outer, at.column, lanes.columns);
  const GradSums sum = sums[at.outer * lanes.columns + at.column];
  const float rows = float(lanes.rows), mean_dz = sum.dz / rows, mean_dz_normal = sum.dz_normal / rows;
  const int64_t first = at.outer * lanes.rows * lanes.columns + at.column;
#pragma unroll 4
  for (int64_t row = at.first_row; row < at.end_row; row += lanes.down) {
    const int64_t i = first + row * lanes.columns;
    const float normal = channel.normal(x[i]), dz = channel.before_activation(normal, dy[i]);
    dx[i] = channel.gamma * channel.rstd * (dz - mean_dz - normal * mean_dz_normal);
  }
}

ChannelTables tables_of(double epsilon, double slope, const void* mean, const void* variance, const void* gamma, const void* beta) {
  const auto f = [](const void* p) { return static_cast<const float*>(p); };
  return {f(mean), f(variance), f(gamma), f(beta), float(epsilon), float(slope)};
}
bool empty(const NormProblem& p) { return p.groups * p.rows * p.channels == 0; }

}  // namespace

void moments(Queue& queue, const NormProblem& p, const void* x, void* mean, void* variance) {
  if (empty(p)) return;
  const ColumnLanes lanes = column_lanes(p.groups, p.rows, p.channels, "moments");
  const int64_t outputs = p.groups * p.channels;
  auto *m = static_cast<float*>(mean), *v = static_cast<float*>(variance);
  Moments* parts = nullptr;
  if (lanes.parts > 1) parts = static_cast<Moments*>(workspace(queue, size_t(outputs * lanes.parts) * sizeof(Moments)));
  launch<moments_kernel>(queue, unsigned(lanes.blocks()), kThreads, 0, lanes, static_cast<const float*>(x), parts, m, v);
  if (parts) launch<merge_moments_kernel>(queue, blocks_for(outputs), kThreads, 0, outputs, lanes.parts, p.channels, parts, m, v);
}

void normalize(Queue& queue, const NormProblem& p, double epsilon, double leaky_slope, const void* x, const void* mean,
               const void* variance, const void* gamma, const void* beta, void* y) {
  if (empty(p)) return;
  const ColumnLanes lanes = column_lanes(p.groups, p.rows, p.channels, "normalize");
  launch<normalize_kernel>(queue, unsigned(lanes.blocks()), kThreads, 0, lanes,
                           tables_of(epsilon, leaky_slope, mean, variance, gamma, beta), static_cast<const float*>(x), static_cast<float*>(y));
}

void normalize_grad(Queue& queue, const NormProblem& p, double epsilon, double leaky_slope, const void* x, const void* mean,
                    const void* variance, const void* gamma, const void* beta, const void* dy, void* dx, void* dgamma,
                    void* dbeta) {
  if (empty(p)) return;
  const ColumnLanes lanes = column_lanes(p.groups, p.rows, p.channels, "normalize_grad");
  const ChannelTables tables = tables_of(epsilon, leaky_slope, mean, variance, gamma, beta);
  const auto *in = static_cast<const float*>(x), *gradient = static_cast<const float*>(dy);
  const int64_t outputs = p.groups * p.channels;
  auto* sums = static_cast<GradSums*>(workspace(queue, size_t(outputs * (lanes.parts + 1)) * sizeof(GradSums)));
  GradSums* parts = sums + outputs;
  launch<normalize_grad_sums_kernel>(queue, unsigned(lanes.blocks()), kThreads, 0, lanes, tables, in, gradient, parts);
  launch<merge_grad_sums_kernel>(queue, unsigned(ceil_div(p.channels, kThreads)), kThreads, 0, p.groups, lanes.parts, p.channels,
                                 parts, sums, static_cast<float*>(dgamma), static_cast<float*>(dbeta));
  if (dx) launch<normalize_grad_kernel>(queue, unsigned(lanes.blocks()), kThreads, 0, lanes, tables, sums, in, gradient, static_cast<float*>(dx));
}

}  // namespace weft::WEFT_BACKEND
