// Random numbers, as a function of (key, step, element): philox.h says how.
//
//   out[i] = word i%4 of Philox4x32-10(key, counter (step, i/4)), as it is, as a uniform number, or as a normal one
//
//   out (n): int32 for bits, else scalars. Uniforms are in [0,1), multiples of 2^-24. A float64 table holds the very same
//   numbers as a float32 one.
#pragma once
#include "weft/kernels/kinds.h"
#include "weft/kernels/ops.h"
#include "weft/kernels/philox.h"

namespace weft::reference {

template <class T>
void random(RandomKind kind, uint64_t key, const StepState& step, int64_t n, void* out) {
  for (int64_t i = 0; i < n; ++i) {
    const Words4 words = philox(key, step.step, uint64_t(i / 4));
    const uint32_t word = words.w[i % 4];
    if (kind == RandomKind::bits) static_cast<int32_t*>(out)[i] = int32_t(word);
    if (kind == RandomKind::uniform) static_cast<T*>(out)[i] = T(uniform_from(word));
    if (kind == RandomKind::normal) {
      float normals[4];
      normals_from(words, normals);
      static_cast<T*>(out)[i] = T(normals[i % 4]);
    }
  }
}

}  // namespace weft::reference
