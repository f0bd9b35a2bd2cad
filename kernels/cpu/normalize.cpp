// Batch, grouped-batch, instance and layer norm, with a LeakyReLU behind it.   x, y, dy, dx (groups G, rows R, channels C)
//
//   moments          each block of rows finds its own mean and sum of squared deviations while it lies in cache, and the
//                    blocks are merged in rising order (Chan, Golub & LeVeque 1979): one read of x, and a mean far larger
//                    than the deviation costs no digits
//   normalize        z = (x - mean) * (gamma / sqrt(variance + epsilon)) + beta, y = leaky(z): one read, one write
//   normalize_grad   two passes: the sums of u and u*h, u = dy * leaky'(z) and h = (x - mean) / sqrt(variance + epsilon);
//                    then dx = gamma / sqrt(..) * (u - mean of u - h * mean of u*h). z is worked out again from x
//
// All of it is bound by memory. Blocks depend on the shape alone, never on the number of threads.
#include <cmath>

#include "column_sums.h"

namespace weft::cpu::WEFT_ISA {
namespace {

/// Per group and channel, widened: what the loops over rows need.
struct Affine {
  const float *mean, *inverse, *scale, *shift;   // (G, wide): 1/sqrt(variance+epsilon), gamma * inverse, beta
};

Affine affine_of(CpuQueue& queue, const NormProblem& problem, float epsilon, const float* mean, const float* variance,
                 const float* gamma, const float* beta) {
  const auto [G, R, C, bf16] = problem;
  const int64_t unit = repeats(C), wide = C * unit;
  float* all = queue.scratch(Slot::columns, size_t(4 * G * wide));   // (4, G, wide)
  for (int64_t g = 0; g < G; ++g)
    for (int64_t u = 0; u < unit; ++u)
      for (int64_t c = 0; c < C; ++c) {
        const int64_t at = g * wide + u * C + c;
        const float inverse = 1 / std::sqrt(variance[g * C + c] + epsilon);
        all[at] = mean[g * C + c];
        all[G * wide + at] = inverse;
        all[2 * G * wide + at] = gamma ? gamma[c] * inverse : inverse;
        all[3 * G * wide + at] = beta ? beta[c] : 0;
      }
  return {all, all + G * wide, all + 2 * G * wide, all + 3 * G * wide};
}

/// f(at, column) over `elements` consecutive elements that start at a row's start.
template <class F>
void sweep(int64_t elements, int64_t wide, F f) {
  for (int64_t r = 0; r < elements; r += wide) {
    const int64_t n = elements - r < wide ? elements - r : wide;
#pragma omp simd
    for (int64_t c = 0; c < n; ++c) f(r + c, c);
  }
}

/// f(group, first element, rows, job) for every block of every group.
template <class F>
void each_block(const CpuQueue& queue, const NormProblem& problem, const Blocks& blocks, F f) {
  const int64_t R = problem.rows, C = problem.channels;
  parallel(queue, problem.groups * blocks.count, problem.groups * R * C, [&](int64_t job) {
    const int64_t g = job / blocks.count, first = job % blocks.count * blocks.rows;
    f(g, (g * R + first) * C, R - first < blocks.rows ? R - first : blocks.rows, job);
  });
}

}  // namespace

void moments(CpuQueue& queue, const NormProblem& problem, const float* x, float* mean, float* variance) {
  const auto [G, R, C, bf16] = problem;
  const Blocks blocks(R, C);
  const int64_t jobs = G * blocks.count, wide = C * repeats(C);
  float* const means = queue.scratch(Slot::partials, size_t(jobs * (2 * C + wide)));   // (G, blocks, C)
  float* const squares = means + jobs * C;                                              // (G, blocks, C)
  float* const widened = squares + jobs * C;                                            // (G, blocks, wide)
  each_block(queue, problem, blocks, [&, channels = C](int64_t, int64_t first, int64_t rows, int64_t job) {
    const float* block = x + first;
    float* own = means + job * channels;
    float* own_wide = widened + job * wide;
    column_sums(rows, channels, own, [&](int64_t at, int64_t) { return block[at]; });
    for (int64_t c = 0; c < channels; ++c) own[c] /= float(rows);
    widen(channels, own, own_wide);
    column_sums(rows, channels, squares + job * channels, [&](int64_t at, int64_t column) {
      const float d = block[at] - own_wide[column];
      return d * d;
    });
  });
  for (int64_t g = 0; g < G; ++g) {
    float *average = mean + g * C, *sum = variance + g * C;
    for (int64_t c = 0; c < C; ++c) average[c] = means[g * blocks.count * C + c], sum[c] = squares[g * blocks.count * C + c];
    for (int64_t b = 1; b < blocks.count; ++b) {
      const int64_t before = b * blocks.rows, rows = R - before < blocks.rows ? R - before : blocks.rows;
      const float share = float(double(rows) / double(before + rows)), weight = float(before) * share;
      const float* block_mean = means + (g * blocks.count + b) * C;
      const float* block_squares = squares + (g * blocks.count + b) * C;
#pragma omp simd
      for (int64_t c = 0; c < problem.channels; ++c) {
        const float d = block_mean[c] - average[c];
        average[c] += d * share;
        sum[c] += block_squares[c] + d * d * weight;
      }
    }
    for (int64_t c = 0; c < C; ++c) sum[c] /= float(R);
  }
}

void normalize(CpuQueue& queue, const NormProblem& problem, float epsilon, float slope, const float* x, const float* mean,
               const float* variance, const float* gamma, const float* beta, float* y) {
  const int64_t C = problem.channels, wide = C * repeats(C);
  const Affine all = affine_of(queue, problem, epsilon, mean, variance, gamma, beta);
  each_block(queue, problem, Blocks(problem.rows, C), [&](int64_t g, int64_t first, int64_t rows, int64_t) {
    const float *average = all.mean + g * wide, *scale = all.scale + g * wide, *shift = all.shift + g * wide;
    const float* in = x + first;
    float* out = y + first;
    sweep(rows * C, wide, [=](int64_t at, int64_t c) {
      const float z = (in[at] - average[c]) * scale[c] + shift[c];
      out[at] = z > 0 ? z : slope * z;
    });
  });
}

void normalize_grad(CpuQueue& queue, const NormProblem& problem, float epsilon, float slope, const float* x,
                    const float* mean, const float* variance, const float* gamma, const float* beta, const float* dy,
                    float* dx, float* dgamma, float* dbeta) {
  const int64_t G = problem.groups, R = problem.rows, C = problem.channels, wide = C * repeats(C);
  const Affine all = affine_of(queue, problem, epsilon, mean, variance, gamma, beta);
  const Blocks blocks(R, C);
  const int64_t jobs = G * blocks.count;
  float* const sums_u = queue.scratch(Slot::partials, size_t(2 * jobs * C + 2 * G * wide));   // (G, blocks, C)
  float* const sums_uh = sums_u + jobs * C;                                                    // (G, blocks, C)
  float* const mean_u = sums_uh + jobs * C;                                                    // (G, wide)
  float* const mean_uh = mean_u + G * wide;                                                    // (G, wide)

  each_block(queue, problem, blocks, [&](int64_t g, int64_t first, int64_t rows, int64_t job) {
    const float *average = all.mean + g * wide, *inverse = all.inverse + g * wide;
    const float *scale = all.scale + g * wide, *shift = all.shift + g * wide;
    const float *in = x + first, *gradient = dy + first;
    const auto u = [=](int64_t at, int64_t c) {
      return (in[at] - average[c]) * scale[c] + shift[c] > 0 ? gradient[at] : slope * gradient[at];
    };
    column_sums(rows, C, sums_u + job * C, u);
    column_sums(rows, C, sums_uh + job * C, [=](int64_t at, int64_t c) { return u(at, c) * ((in[at] - average[c]) * inverse[c]); });
  });
  for (int64_t g = 0; g < G; ++g) {
    float *u = mean_u + g * wide, *uh = mean_uh + g * wide;
    add_rows(blocks.count, C, sums_u + g * blocks.count * C, u);
    add_rows(blocks.count, C, sums_uh + g * blocks.count * C, uh);
    for (int64_t c = 0; c < C; ++c) {
      if (dbeta) dbeta[c] = g ? dbeta[c] + u[c] : u[c];
      if (dgamma) dgamma[c] = g ? dgamma[c] + uh[c] : uh[c];
      u[c] /= float(R), uh[c] /= float(R);
    }
    for (int64_t at = C; at < wide; ++at) u[at] = u[at - C], uh[at] = uh[at - C];
  }
  if (!dx) return;
  each_block(queue, problem, blocks, [&](int64_t g, int64_t first, int64_t rows, int64_t) {
    const float *average = all.mean + g * wide, *inverse = all.inverse + g * wide;
    const float *scale = all.scale + g * wide, *shift = all.shift + g * wide;
    const float *average_u = mean_u + g * wide, *average_uh = mean_uh + g * wide;
    const float *in = x + first, *gradient = dy + first;
    float* out = dx + first;
    sweep(rows * C, wide, [=](int64_t at, int64_t c) {
      const float d = in[at] - average[c];
      const float u = d * scale[c] + shift[c] > 0 ? gradient[at] : slope * gradient[at];
      out[at] = scale[c] * (u - average_u[c] - d * inverse[c] * average_uh[c]);
    });
  });
}

}  // namespace weft::cpu::WEFT_ISA
