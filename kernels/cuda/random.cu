// kernels/cuda/random.cu: random numbers, each a function of (key, step, element).
//
//   words = philox(key, step->step, i / 4)     out[i] = word i%4 as int32, as uniform [0,1), or through Box and Muller
//
//   out (n) int32 or float32
//
// Work:   one thread makes the four numbers of one counter and stores them as 16 bytes, where `out` allows it. The step is read on the device, so a captured step that is
//         replayed draws new numbers.
// Limit:  4 bytes written a number, against about 25 integer multiplications for four: memory, with normals close to both.
// Twin:   kernels/reference; equal bit for bit: philox.h is shared and fuses nothing by itself.
// Source: Salmon et al., SC 2011 (philox.h).
#include "indexing.h"
#include "ops.h"
#include "weft/kernels/philox.h"

namespace weft::WEFT_BACKEND {
namespace {

template <RandomKind K>
__global__ void __launch_bounds__(kThreads) random_kernel(uint64_t key, const StepState* state, int64_t n, bool aligned, float* out) {
  const uint64_t step = state->step;
  for (int64_t four = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; four * 4 < n; four += int64_t(gridDim.x) * blockDim.x) {
    const Words4 words = philox(key, step, uint64_t(four));
    float values[4];
    if (K == RandomKind::normal) {
      normals_from(words, values);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) values[i] = K == RandomKind::bits ? __uint_as_float(words.w[i]) : uniform_from(words.w[i]);
    }
    if (aligned && four * 4 + 4 <= n) {
      store4(out + four * 4, values);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (four * 4 + i < n) out[four * 4 + i] = values[i];
    }
  }
}

}  // namespace

void random(Queue& queue, RandomKind kind, uint64_t key, const StepState* step, int64_t n, void* out) {
  if (n == 0) return;
  const unsigned blocks = blocks_for(ceil_div(n, 4));
  const bool aligned = aligned16(out);
  auto* to = static_cast<float*>(out);          // bits are stored as the float of the same bits
  if (kind == RandomKind::bits) launch<random_kernel<RandomKind::bits>>(queue, blocks, kThreads, 0, key, step, n, aligned, to);
  if (kind == RandomKind::uniform) launch<random_kernel<RandomKind::uniform>>(queue, blocks, kThreads, 0, key, step, n, aligned, to);
  if (kind == RandomKind::normal) launch<random_kernel<RandomKind::normal>>(queue, blocks, kThreads, 0, key, step, n, aligned, to);
}

}  // namespace weft::WEFT_BACKEND
