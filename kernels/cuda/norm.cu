// kernels/cuda/norm.cu: statistics over rows, normalisation with LeakyReLU, and the backward pass of both.
//
//   mean[g,c], variance[g,c] of x[g,:,c], variance biased
//   y = leaky(z),  z = xhat * gamma[c] + beta[c],  xhat = (x - mean) * rstd,  rstd = 1 / sqrt(variance + epsilon)
//   dz = dy * (z > 0 ? 1 : slope)     dbeta = sum of dz     dgamma = sum of dz * xhat     (over groups and rows)
//   dx = gamma * rstd * (dz - S1/rows - xhat * S2/rows),  S1 and S2 those two sums of the element's own group
//
//   x, y, dy, dx (G, rows, C)   mean, variance (G, C)   gamma, beta, dgamma, dbeta (C) or null      contiguous
//   x, y, dy and dx float32 or bfloat16, the rest float32; all is computed in float32
//   Batch norm: G = 1, rows = N*H*W. Grouped batch: G runs of samples. Instance norm: G = N. Layer norm: C = 1.
//
// Work:   column_lanes.h; a lane takes four rows of a pack at a time (two, where it reads x and dy). Statistics: the four
//         rows' mean and squared deviations, merged into the lane's by Chan's formula, lanes by a tree, parts by a second
//         kernel, so a large mean costs no digits. LeakyReLU's mask is worked out again from x, so nothing is saved for the
//         backward pass but the statistics. Where a column is one part, the backward pass is one kernel.
// Limit:  memory: moments reads |x|; normalize reads and writes |x|; the gradient reads x and dy twice and writes dx. What
//         is read a second time is read backwards: the end of it is still in the second-level cache.
// Twin:   kernels/reference.
// Source: Ioffe & Szegedy, arXiv:1502.03167; Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for
//         computing sample variances", 1979.
#include "column_lanes.h"
#include "moments.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

struct StoreMoments {
  float *mean, *variance;
  __device__ __forceinline__ void operator()(int64_t to, const Moments<1>& m) const {
    mean[to] = m.mean[0];
    variance[to] = m.m2[0] / m.count;
  }
};

template <int kPack, class E>
__global__ void __launch_bounds__(kThreads, 4) moments_kernel(ColumnLanes lanes, const E* x, bool aligned,
                                                              Moments<1>* parts, StoreMoments store) {
  const ColumnPlace at = place_of(lanes, blockIdx.x);
  const int64_t step = step_of(lanes);
  const E* from = x + first_of(lanes, at);
  Moments<kPack> sum;
  for (int row = at.first_row; row < at.end_row; row += 4 * lanes.down, from += 4 * step) {
    float v[4][kPack] = {};
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (row + i * lanes.down < at.end_row) load_pack(from + i * step, aligned, v[i]);
    Moments<kPack> four;
#pragma unroll
    for (int i = 0; i < 4; ++i) four.count += row + i * lanes.down < at.end_row;
    const float inverse = 1.0f / four.count;
#pragma unroll
    for (int j = 0; j < kPack; ++j) {
      four.mean[j] = ((v[0][j] + v[1][j]) + (v[2][j] + v[3][j])) * inverse;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float deviation = row + i * lanes.down < at.end_row ? v[i][j] - four.mean[j] : 0.0f;
        four.m2[j] = fmaf(deviation, deviation, four.m2[j]);
      }
    }
    sum = merge(sum, four);
  }
  sum = merge_down(lanes, at, sum);
  if (parts) store_columns(lanes, at, lanes.parts, at.part, sum, [&](int64_t to, const Moments<1>& m) { parts[to] = m; });
  else store_columns(lanes, at, 1, 0, sum, store);
}

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

/// The channels of a lane's pack.
template <int kPack>
__device__ __forceinline__ void channels_of(const ChannelTables& tables, const ColumnLanes& lanes, const ColumnPlace& at,
                                            Channel (&channel)[kPack]) {
#pragma unroll
  for (int j = 0; j < kPack; ++j)
    channel[j] = lanes.folded ? tables.of(at.outer, 0, 1) : tables.of(at.outer, int64_t(at.column) * kPack + j, int64_t(lanes.columns) * kPack);
}

template <int kPack, class E>
__global__ void __launch_bounds__(kThreads) normalize_kernel(ColumnLanes lanes, ChannelTables tables, bool aligned, const E* x, E* y) {
  const ColumnPlace at = place_of(lanes, gridDim.x - 1 - blockIdx.x);
  if (!at.inside) return;
  Channel channel[kPack];
  channels_of(tables, lanes, at, channel);
  const int64_t step = step_of(lanes);
  int64_t first = first_of(lanes, at);
  for (int row = at.first_row; row < at.end_row; row += 4 * lanes.down, first += 4 * step) {
    float v[4][kPack] = {};
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (row + i * lanes.down < at.end_row) load_pack(x + first + i * step, aligned, v[i]);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (row + i * lanes.down >= at.end_row) break;
#pragma unroll
      for (int j = 0; j < kPack; ++j) v[i][j] = leaky(channel[j].shifted(channel[j].normal(v[i][j])), channel[j].slope);
      store_pack(y + first + i * step, aligned, v[i]);
    }
  }
}

template <int kPack>
struct GradSums {
  float dz[kPack] = {}, dz_normal[kPack] = {};
  __device__ __forceinline__ GradSums<1> of(int j) const { return {{dz[j]}, {dz_normal[j]}}; }
};
template <int kPack>
__device__ __forceinline__ GradSums<kPack> merge(GradSums<kPack> a, const GradSums<kPack>& b) {
#pragma unroll
  for (int j = 0; j < kPack; ++j) a.dz[j] += b.dz[j], a.dz_normal[j] += b.dz_normal[j];
  return a;
}
struct StoreGradSums {
  GradSums<1>* sums;                            // each of these may be null
  float *dgamma, *dbeta;
  __device__ __forceinline__ void operator()(int64_t to, const GradSums<1>& s) const {
    if (sums) sums[to] = s;
    if (dgamma) dgamma[to] = s.dz_normal[0];
    if (dbeta) dbeta[to] = s.dz[0];
  }
};
template <class E>
struct GradBuffers {
  const E *x, *dy;
  E* dx;                                        // or null
  bool aligned;
};

/// f(element, normal[], dz[]) for the lane's packs, two rows' loads at a time.
template <int kPack, class E, class F>
__device__ __forceinline__ void each_dz(const ColumnLanes& lanes, const ColumnPlace& at, const GradBuffers<E>& b,
                                        const Channel (&channel)[kPack], F&& f) {
  const int64_t step = step_of(lanes);
  int64_t first = first_of(lanes, at);
  for (int row = at.first_row; row < at.end_row; row += 2 * lanes.down, first += 2 * step) {
    float normal[2][kPack] = {}, dz[2][kPack] = {};
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      if (row + i * lanes.down >= at.end_row) break;
      load_pack(b.x + first + i * step, b.aligned, normal[i]);
      load_pack(b.dy + first + i * step, b.aligned, dz[i]);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      if (row + i * lanes.down >= at.end_row) break;
#pragma unroll
      for (int j = 0; j < kPack; ++j) {
        normal[i][j] = channel[j].normal(normal[i][j]);
        dz[i][j] = channel[j].before_activation(normal[i][j], dz[i][j]);
      }
      f(first + i * step, normal[i], dz[i]);
    }
  }
}

template <int kPack, class E>
__device__ __forceinline__ void store_dx(const ColumnLanes& lanes, const ColumnPlace& at, const GradBuffers<E>& b,
                                         const Channel (&channel)[kPack], const GradSums<kPack>& sum) {
  const float rows = float(lanes.rows) * (lanes.folded ? 4.0f : 1.0f);
  float mean_dz[kPack], mean_dz_normal[kPack];
#pragma unroll
  for (int j = 0; j < kPack; ++j) mean_dz[j] = sum.dz[j] / rows, mean_dz_normal[j] = sum.dz_normal[j] / rows;
  each_dz(lanes, at, b, channel, [&](int64_t to, const float (&normal)[kPack], const float (&dz)[kPack]) {
    float dx[kPack];
#pragma unroll
    for (int j = 0; j < kPack; ++j) dx[j] = channel[j].gamma * channel[j].rstd * (dz[j] - mean_dz[j] - normal[j] * mean_dz_normal[j]);
    store_pack(b.dx + to, b.aligned, dx);
  });
}

/// The sums of one part; without `parts` a column is one part, and dx follows at once.
template <int kPack, class E>
__global__ void __launch_bounds__(kThreads, 4) normalize_grad_sums_kernel(ColumnLanes lanes, ChannelTables tables,
                                                                          GradBuffers<E> b, GradSums<1>* parts, StoreGradSums store) {
  const ColumnPlace at = place_of(lanes, blockIdx.x);
  GradSums<kPack> sum;
  Channel channel[kPack] = {};
  if (at.inside) channels_of(tables, lanes, at, channel);
  each_dz(lanes, at, b, channel, [&](int64_t, const float (&normal)[kPack], const float (&dz)[kPack]) {
#pragma unroll
    for (int j = 0; j < kPack; ++j) {
      sum.dz[j] += dz[j];
      sum.dz_normal[j] = fmaf(dz[j], normal[j], sum.dz_normal[j]);
    }
  });
  sum = merge_down(lanes, at, sum);
  if (parts) {
    store_columns(lanes, at, lanes.parts, at.part, sum, [&](int64_t to, const GradSums<1>& s) { parts[to] = s; });
    return;
  }
  store_columns(lanes, at, 1, 0, sum, store);
  if (!b.dx) return;
  if (lanes.folded) {
    const GradSums<1> all = fold(sum);
#pragma unroll
    for (int j = 0; j < kPack; ++j) sum.dz[j] = all.dz[0], sum.dz_normal[j] = all.dz_normal[0];
  }
  store_dx(lanes, at, b, channel, sum);
}

template <int kPack, class E>
__global__ void __launch_bounds__(kThreads) normalize_grad_kernel(ColumnLanes lanes, ChannelTables tables, GradBuffers<E> b, const GradSums<1>* sums) {
  const ColumnPlace at = place_of(lanes, gridDim.x - 1 - blockIdx.x);
  if (!at.inside) return;
  Channel channel[kPack];
  channels_of(tables, lanes, at, channel);
  GradSums<kPack> sum;
#pragma unroll
  for (int j = 0; j < kPack; ++j) {
    const GradSums<1> s = sums[lanes.folded ? int64_t(at.outer) : (int64_t(at.outer) * lanes.columns + at.column) * kPack + j];
    sum.dz[j] = s.dz[0], sum.dz_normal[j] = s.dz_normal[0];
  }
  store_dx(lanes, at, b, channel, sum);
}

/// Of a pass that only reads and writes: many small blocks, so that the last ones to finish are few.
ColumnLanes pass_lanes(const NormProblem& p, const char* op) { return column_lanes(p.groups, p.rows, p.channels, true, 4224, 4, 32, op); }
const float* floats(const void* p) { return static_cast<const float*>(p); }
ChannelTables tables_of(double epsilon, double slope, const void* mean, const void* variance, const void* gamma, const void* beta) {
  return {floats(mean), floats(variance), floats(gamma), floats(beta), float(epsilon), float(slope)};
}
bool empty(const NormProblem& p) { return p.groups * p.rows * p.channels == 0; }

}  // namespace

void moments(Queue& queue, const NormProblem& p, const void* x, void* mean, void* variance) {
  if (empty(p)) return;
  const ColumnLanes lanes = reduction_lanes(p.groups, p.rows, p.channels, "moments");
  const StoreMoments store{static_cast<float*>(mean), static_cast<float*>(variance)};
  const size_t partials = size_t(p.groups) * lanes.parts * p.channels;
  auto* parts = lanes.parts > 1 ? static_cast<Moments<1>*>(workspace(queue, partials * sizeof(Moments<1>))) : nullptr;
  with_pack(lanes.pack, p.bf16, [&](auto pack, auto element) {
    using E = decltype(element);
    launch<moments_kernel<decltype(pack)::value, E>>(queue, lanes.blocks, kThreads, 0, lanes, static_cast<const E*>(x), aligned16(x), parts, store);
  });
  if (parts) merge_parts(queue, p.groups, lanes.parts, p.channels, parts, store, "moments");
}

void finish_moments(Queue& queue, const NormProblem& p, int64_t tiles, const Moments<1>* of_tiles, const void* x, const ConvEpilogue& e) {
  if (!e.mean) return;
  if (!of_tiles) return moments(queue, p, x, e.mean, e.variance);
  merge_parts(queue, p.groups, tiles, p.channels, of_tiles, StoreMoments{static_cast<float*>(e.mean), static_cast<float*>(e.variance)}, "moments");
}

void normalize(Queue& queue, const NormProblem& p, double epsilon, double leaky_slope, const void* x, const void* mean,
               const void* variance, const void* gamma, const void* beta, void* y) {
  if (empty(p)) return;
  const ColumnLanes lanes = pass_lanes(p, "normalize");
  const ChannelTables tables = tables_of(epsilon, leaky_slope, mean, variance, gamma, beta);
  with_pack(lanes.pack, p.bf16, [&](auto pack, auto element) {
    using E = decltype(element);
    launch<normalize_kernel<decltype(pack)::value, E>>(queue, lanes.blocks, kThreads, 0, lanes, tables, aligned16(x) && aligned16(y),
                                                       static_cast<const E*>(x), static_cast<E*>(y));
  });
}

void normalize_grad(Queue& queue, const NormProblem& p, double epsilon, double leaky_slope, const void* x, const void* mean,
                    const void* variance, const void* gamma, const void* beta, const void* dy, void* dx, void* dgamma,
                    void* dbeta) {
  if (empty(p)) return;
  const ColumnLanes lanes = reduction_lanes(p.groups, p.rows, p.channels, "normalize_grad");
  const ChannelTables tables = tables_of(epsilon, leaky_slope, mean, variance, gamma, beta);
  const auto buffers = [&](auto element) {
    using E = decltype(element);
    return GradBuffers<E>{static_cast<const E*>(x), static_cast<const E*>(dy), static_cast<E*>(dx), aligned16(x) && aligned16(dy) && aligned16(dx)};
  };
  const StoreGradSums parameters{nullptr, static_cast<float*>(dgamma), static_cast<float*>(dbeta)};
  const int64_t outputs = p.groups * p.channels;
  auto* sums = static_cast<GradSums<1>*>(workspace(queue, size_t(outputs * (lanes.parts + 1)) * sizeof(GradSums<1>)));
  auto* parts = lanes.parts > 1 ? sums + outputs : nullptr;
  const StoreGradSums store{sums, p.groups == 1 ? parameters.dgamma : nullptr, p.groups == 1 ? parameters.dbeta : nullptr};
  with_pack(lanes.pack, p.bf16, [&](auto pack, auto element) {
    launch<normalize_grad_sums_kernel<decltype(pack)::value, decltype(element)>>(queue, lanes.blocks, kThreads, 0, lanes, tables, buffers(element),
                                                                                 parts, store);
  });
  if (parts) merge_parts(queue, p.groups, lanes.parts, p.channels, parts, store, "normalize_grad");
  if (p.groups > 1 && (dgamma || dbeta)) merge_parts(queue, 1, p.groups, p.channels, sums, parameters, "normalize_grad");
  if (!parts || !dx) return;
  const ColumnLanes pass = pass_lanes(p, "normalize_grad");
  with_pack(pass.pack, p.bf16, [&](auto pack, auto element) {
    launch<normalize_grad_kernel<decltype(pack)::value, decltype(element)>>(queue, pass.blocks, kThreads, 0, pass, tables, buffers(element), sums);
  });
}

}  // namespace weft::WEFT_BACKEND
