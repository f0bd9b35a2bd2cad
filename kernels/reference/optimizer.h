// One step of an optimiser over a range of parameters: PyTorch's formulas, in its order of operations.
//
//   g = gradient * gradient_scale;  for all but adamw: g += decay * parameter
//
//   sgd       m = beta1 m + g                                 p -= rate * (nesterov ? g + beta1 m : m)      without m: rate * g
//   adam      m += (1-beta1)(g - m)   v = beta2 v + (1-beta2) g^2
//             p -= rate/correction1 * m / (sqrt(v)/sqrt(correction2) + epsilon)
//   adamw     p *= 1 - rate * decay, then as adam
//   rmsprop   v = beta2 v + (1-beta2) g^2                     p -= rate * g / (sqrt(v) + epsilon)           without m
//             m = beta1 m + g / (sqrt(v) + epsilon)           p -= rate * m                                 with m
//
//   correction1 = 1 - beta1^t, correction2 = 1 - beta2^t come with the step's state; m and v start at 0.
//
// The scalar constants are worked out in double and rounded once.
// Papers: Kingma & Ba, arXiv:1412.6980; Loshchilov & Hutter, arXiv:1711.05101; Sutskever et al., ICML 2013 (momentum).
#pragma once
#include <cmath>

#include "weft/kernels/ops.h"

namespace weft::reference {

/// Nothing is written when *arenas.skip is not zero: a step whose loss was not finite must leave no trace.
template <class T>
void optimizer_step(const OptimizerSettings& settings, const OptimizerArenas& arenas, const StepState::Update& update) {
  if (arenas.skip && *static_cast<const T*>(arenas.skip) != 0) return;

  T* parameter = static_cast<T*>(arenas.parameter);
  const T* gradient = static_cast<const T*>(arenas.gradient);
  T* m = static_cast<T*>(arenas.m);
  T* v = static_cast<T*>(arenas.v);
  const T gradient_scale = arenas.gradient_scale ? *static_cast<const T*>(arenas.gradient_scale) : T(1);

  const double learning_rate = update.learning_rate * settings.rate_scale;
  const T rate = T(learning_rate), adam_rate = T(learning_rate / update.bias_correction1);
  const T root_correction2 = T(std::sqrt(update.bias_correction2));
  const T beta1 = T(settings.beta1), beta2 = T(settings.beta2), epsilon = T(settings.epsilon);
  const T rest1 = T(1 - settings.beta1), rest2 = T(1 - settings.beta2);
  const T l2 = settings.kind == OptimizerKind::adamw ? T(0) : T(settings.decay);
  const T keep = settings.kind == OptimizerKind::adamw ? T(1 - learning_rate * settings.decay) : T(1);

  for (int64_t i = 0; i < arenas.n; ++i) {
    T p = parameter[i] * keep;
    const T g = gradient[i] * gradient_scale + l2 * p;
    switch (settings.kind) {
      case OptimizerKind::sgd: {
        T direction = g;
        if (m) {
          m[i] = beta1 * m[i] + g;
          direction = settings.nesterov ? g + beta1 * m[i] : m[i];
        }
        p -= rate * direction;
        break;
      }
      case OptimizerKind::adam:
      case OptimizerKind::adamw:
        m[i] += rest1 * (g - m[i]);
        v[i] = beta2 * v[i] + rest2 * g * g;
        p -= adam_rate * (m[i] / (std::sqrt(v[i]) / root_correction2 + epsilon));
        break;
      case OptimizerKind::rmsprop: {
        v[i] = beta2 * v[i] + rest2 * g * g;
        T direction = g / (std::sqrt(v[i]) + epsilon);
        if (m) direction = m[i] = beta1 * m[i] + direction;
        p -= rate * direction;
        break;
      }
    }
    parameter[i] = p;
  }
}

}  // namespace weft::reference
