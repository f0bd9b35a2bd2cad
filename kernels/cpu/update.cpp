// Random numbers and the optimiser's step: one independent element, or four, at a time, written so that the compiler
// makes vectors of them. The formulas are reference/random.h's and reference/optimizer.h's in their order of operations:
// the results are equal to the last bit.
#include <cmath>

#include "loops.h"
#include "weft/kernels/philox.h"

namespace weft::cpu::WEFT_ISA {
namespace {

constexpr int kBatch = 16;   // counters worked on together

/// Words of kBatch consecutive counters, by word: words[w][i].
void philox_batch(uint64_t key, uint64_t step, uint64_t first, uint32_t (&words)[4][kBatch]) {
#pragma omp simd
  for (int i = 0; i < kBatch; ++i) {
    const Words4 four = philox(key, step, first + uint64_t(i));
    words[0][i] = four.w[0], words[1][i] = four.w[1], words[2][i] = four.w[2], words[3][i] = four.w[3];
  }
}

void normals_batch(const uint32_t (&words)[4][kBatch], float (&normals)[4][kBatch]) {
  for (int pair = 0; pair < 4; pair += 2)
#pragma omp simd
    for (int i = 0; i < kBatch; ++i) {
      const float u = 1.0f - uniform_from(words[pair][i]);   // (0, 1]
      const float radius = std::sqrt(-2.0f * detail::log_unit(u));
      float sine, cosine;
      detail::sincos_turn(uniform_from(words[pair + 1][i]), &sine, &cosine);
      normals[pair][i] = radius * cosine;
      normals[pair + 1][i] = radius * sine;
    }
}

/// update(i) for every element of an arena.
template <class F>
void each_element(const CpuQueue& queue, int64_t n, F update) {
  parallel_range(queue, n, 1 << 13, [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) update(i);
  });
}

}  // namespace

void random(CpuQueue& queue, RandomKind kind, uint64_t key, uint64_t step, int64_t n, void* out) {
  parallel_range(queue, n, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += 4 * kBatch) {
      uint32_t words[4][kBatch];
      float scalars[4][kBatch];
      philox_batch(key, step, uint64_t(first / 4), words);
      if (kind == RandomKind::normal)
        normals_batch(words, scalars);
      else
        for (int w = 0; w < 4; ++w)
          for (int i = 0; i < kBatch; ++i) scalars[w][i] = uniform_from(words[w][i]);
      const int64_t left = end - first < 4 * kBatch ? end - first : 4 * kBatch;
      if (kind == RandomKind::bits)
        for (int64_t i = 0; i < left; ++i) static_cast<int32_t*>(out)[first + i] = int32_t(words[i % 4][i / 4]);
      else
        for (int64_t i = 0; i < left; ++i) static_cast<float*>(out)[first + i] = scalars[i % 4][i / 4];
    }
  });
}

void optimizer_step(CpuQueue& queue, const OptimizerSettings& settings, const OptimizerArenas& arenas,
                    const StepState::Update& update) {
  if (arenas.skip && *static_cast<const float*>(arenas.skip) != 0) return;
  float* const parameter = static_cast<float*>(arenas.parameter);
  const float* const gradient = static_cast<const float*>(arenas.gradient);
  float *const m = static_cast<float*>(arenas.m), *const v = static_cast<float*>(arenas.v);
  const float gradient_scale = arenas.gradient_scale ? *static_cast<const float*>(arenas.gradient_scale) : 1;

  const bool decoupled = settings.kind == OptimizerKind::adamw, nesterov = settings.nesterov;
  const double learning_rate = update.learning_rate * settings.rate_scale;
  const float rate = float(learning_rate), adam_rate = float(learning_rate / update.bias_correction1);
  const float root_correction2 = float(std::sqrt(update.bias_correction2));
  const float beta1 = float(settings.beta1), beta2 = float(settings.beta2), epsilon = float(settings.epsilon);
  const float rest1 = float(1 - settings.beta1), rest2 = float(1 - settings.beta2);
  const float l2 = decoupled ? 0 : float(settings.decay), keep = decoupled ? float(1 - learning_rate * settings.decay) : 1;

  switch (settings.kind) {
    case OptimizerKind::sgd:
      if (!m)
        return each_element(queue, arenas.n, [=](int64_t i) {
          parameter[i] -= rate * (gradient[i] * gradient_scale + l2 * parameter[i]);
        });
      return each_element(queue, arenas.n, [=](int64_t i) {
        const float g = gradient[i] * gradient_scale + l2 * parameter[i];
        const float moment = beta1 * m[i] + g;
        m[i] = moment;
        parameter[i] -= rate * (nesterov ? g + beta1 * moment : moment);
      });
    case OptimizerKind::adam:
    case OptimizerKind::adamw:
      return each_element(queue, arenas.n, [=](int64_t i) {
        const float p = parameter[i] * keep;
        const float g = gradient[i] * gradient_scale + l2 * p;
        const float first = m[i] + rest1 * (g - m[i]), second = beta2 * v[i] + rest2 * g * g;
        m[i] = first, v[i] = second;
        parameter[i] = p - adam_rate * (first / (std::sqrt(second) / root_correction2 + epsilon));
      });
    case OptimizerKind::rmsprop:
      return each_element(queue, arenas.n, [=](int64_t i) {
        const float g = gradient[i] * gradient_scale + l2 * parameter[i];
        const float second = beta2 * v[i] + rest2 * g * g;
        float direction = g / (std::sqrt(second) + epsilon);
        v[i] = second;
        if (m) direction = m[i] = beta1 * m[i] + direction;
        parameter[i] -= rate * direction;
      });
  }
}

}  // namespace weft::cpu::WEFT_ISA
