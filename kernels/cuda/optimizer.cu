// kernels/cuda/optimizer.cu: one update of one range of parameters, with PyTorch's formulas.
//
//   g = gradient * gradient_scale;  lr = state->update[slot].learning_rate * rate_scale
//   sgd      g += decay*p;  m = momentum*m + g;  p -= lr * (nesterov ? g + momentum*m : m)          (no m without momentum)
//   adam     g += decay*p;  m += (g - m)*(1 - beta1);  v = beta2*v + (1 - beta2)*g*g
//            p -= lr/correction1 * m / (sqrt(v)/sqrt(correction2) + epsilon)
//   adamw    p *= 1 - lr*decay, then as adam without its decay
//   rmsprop  g += decay*p;  v = alpha*v + (1 - alpha)*g*g;  u = g / (sqrt(v) + epsilon);  m = momentum*m + u;  p -= lr*m
//
//   p, gradient, m, v (n) float32; m and v null where the kind keeps none. A copy of p rounded to bfloat16, or null: what
//   the products of precision bf16 read
//
// Work:   one thread four parameters, grid-stride, 16 bytes an access: the four arenas of a network are laid out alike, so
//         a range of them starts equally far behind a 16-byte boundary in each, and groups are counted from there. What
//         changes from step to step is read from device memory. When `skip` is not 0 (a loss that is not finite) nothing
//         is written.
// Limit:  memory: adam moves 28 bytes a parameter, and 2 for the copy.
// Twin:   kernels/reference.
// Source: Kingma & Ba, arXiv:1412.6980; Loshchilov & Hutter, arXiv:1711.05101; Sutskever et al., ICML 2013, as PyTorch has them.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

struct Constants {
  float beta1, beta2, rest1, rest2;             // rest: 1 - beta, rounded once
  float epsilon, decay;
  double rate_scale;
  bool nesterov;
};
struct Arenas {
  float* parameter;
  const float* gradient;
  float *m, *v;
  int64_t n;
  const float *gradient_scale, *skip;
  __nv_bfloat16* bf16;
  int behind;                                   // elements from the boundary before the first one; groups start there
  bool vector;                                  // all arrays lie alike
};
struct Rates {
  float rate, step_size, root_correction2, shrink;   // shrink: adamw's factor on the parameter
};

/// The new parameter; `m` is null where the kind keeps none.
template <OptimizerKind K>
__device__ __forceinline__ float updated(const Constants& c, const Rates& r, float p, float g, float* m, float* v) {
  if (K == OptimizerKind::adamw) p *= r.shrink;
  else g = g + c.decay * p;
  if (K == OptimizerKind::sgd) {
    if (!m) return p - r.rate * g;
    *m = c.beta1 * *m + g;
    return p - r.rate * (c.nesterov ? g + c.beta1 * *m : *m);
  }
  if (K == OptimizerKind::rmsprop) {
    *v = c.beta2 * *v + c.rest2 * g * g;
    const float u = g / (sqrtf(*v) + c.epsilon);
    if (!m) return p - r.rate * u;
    *m = c.beta1 * *m + u;
    return p - r.rate * *m;
  }
  *m = *m + c.rest1 * (g - *m);
  *v = c.beta2 * *v + c.rest2 * g * g;
  return p - r.step_size * (*m / (sqrtf(*v) / r.root_correction2 + c.epsilon));
}

template <OptimizerKind K>
__global__ void __launch_bounds__(kThreads) optimizer_kernel(Constants c, Arenas a, const StepState* state, int slot) {
  if (a.skip && *a.skip != 0) return;
  WEFT_SHARED(Rates, rates);
  if (threadIdx.x == 0) {                       // once a block: roots and quotients of doubles are slow
    const StepState::Update& update = state->update[slot];
    const double rate = update.learning_rate * c.rate_scale;
    rates = {float(rate), float(rate / update.bias_correction1), float(sqrt(update.bias_correction2)), float(1 - rate * c.decay)};
  }
  __syncthreads();
  const float scale = a.gradient_scale ? *a.gradient_scale : 1.0f;
  constexpr bool kHasV = K != OptimizerKind::sgd;
  const int64_t stride = int64_t(gridDim.x) * blockDim.x * 4;
  for (int64_t first = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * 4 - a.behind; first < a.n; first += stride) {
    float p[4] = {}, g[4] = {}, m[4] = {}, v[4] = {};
    const bool whole = a.vector && first >= 0 && first + 4 <= a.n;
    const auto each = [&](auto&& f) {           // those of the four that exist
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (whole || (first + i >= 0 && first + i < a.n)) f(i);
    };
    if (whole) {
      load4(a.parameter + first, p);
      load4(a.gradient + first, g);
      if (a.m) load4(a.m + first, m);
      if (kHasV) load4(a.v + first, v);
    } else {
      each([&](int i) {
        p[i] = a.parameter[first + i], g[i] = a.gradient[first + i];
        if (a.m) m[i] = a.m[first + i];
        if (kHasV) v[i] = a.v[first + i];
      });
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) p[i] = updated<K>(c, rates, p[i], g[i] * scale, a.m ? &m[i] : nullptr, &v[i]);
    if (whole) {
      store4(a.parameter + first, p);
      if (a.m) store4(a.m + first, m);
      if (kHasV) store4(a.v + first, v);
      if (a.bf16) store4(a.bf16 + first, p);
    } else {
      each([&](int i) {
        a.parameter[first + i] = p[i];
        if (a.m) a.m[first + i] = m[i];
        if (kHasV) a.v[first + i] = v[i];
        if (a.bf16) put(a.bf16 + first + i, p[i]);
      });
    }
  }
}

}  // namespace

void optimizer_step(Queue& queue, const OptimizerSettings& s, const OptimizerArenas& a, const StepState* step, int slot) {
  if (a.n == 0) return;
  const Constants constants{float(s.beta1), float(s.beta2), float(1 - s.beta1), float(1 - s.beta2), float(s.epsilon), float(s.decay), s.rate_scale, s.nesterov};
  const auto behind = [](const void* p, int size = 4) { return int(reinterpret_cast<uintptr_t>(p) / size % 4); };
  const auto lies_alike = [&](const void* p, int size = 4) { return !p || behind(p, size) == behind(a.parameter); };
  const Arenas arenas{static_cast<float*>(a.parameter), static_cast<const float*>(a.gradient),
                      static_cast<float*>(a.m), static_cast<float*>(a.v), a.n,
                      static_cast<const float*>(a.gradient_scale), static_cast<const float*>(a.skip), static_cast<__nv_bfloat16*>(a.bf16), behind(a.parameter),
                      lies_alike(a.gradient) && lies_alike(a.m) && lies_alike(a.v) && lies_alike(a.bf16, 2)};
  const auto run = [&](auto kind) {
    launch<optimizer_kernel<decltype(kind)::value>>(queue, blocks_for(ceil_div(a.n + 3, 16)), kThreads, 0, constants, arenas, step, slot);
  };
  switch (s.kind) {
    case OptimizerKind::sgd: run(std::integral_constant<OptimizerKind, OptimizerKind::sgd>{}); break;
    case OptimizerKind::adam: run(std::integral_constant<OptimizerKind, OptimizerKind::adam>{}); break;
    case OptimizerKind::adamw: run(std::integral_constant<OptimizerKind, OptimizerKind::adamw>{}); break;
    case OptimizerKind::rmsprop: run(std::integral_constant<OptimizerKind, OptimizerKind::rmsprop>{}); break;
  }
}

}  // namespace weft::WEFT_BACKEND
