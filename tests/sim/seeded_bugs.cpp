#include "seeded_bugs.h"

#include <cstring>
#include <vector>

#include "device_language.h"

namespace weft::sim {
namespace {

// --- wrong --------------------------------------------------------------------------------------------------------------

__global__ void missing_barrier(float* out, const float* x) {       // forward order hides it
  WEFT_SHARED(float, buf, [64]);
  const int t = threadIdx.x;
  buf[t] = x[t];
  out[t] = t ? buf[t - 1] : 0;
}
__global__ void missing_syncwarp(float* out, const float* x) {
  WEFT_SHARED(float, buf, [32]);
  const int t = threadIdx.x;
  buf[t] = x[t];
  for (int s = 16; s > 0; s /= 2)
    if (t < s) buf[t] += buf[t + s];
  if (t == 0) out[0] = buf[0];
}
__global__ void two_blocks_one_output(float* out, const float* x) { out[threadIdx.x] += x[threadIdx.x]; }
__global__ void divergent_barrier(float* out, const float* x) {
  if (threadIdx.x < 16) {
    __syncthreads();
  } else {
    out[1] = x[0];
    __syncthreads();
  }
}
__global__ void half_at_barrier(float* out, const float* x) {
  float v = x[threadIdx.x];
  if (threadIdx.x < 16) v += __shfl_xor_sync(0xffffffffu, v, 1);
  else __syncthreads();
  out[threadIdx.x] = v;
}
__global__ void exited_lane(float* out, const float* x) {
  if (threadIdx.x >= 16) return;
  const float v = __shfl_down_sync(0xffffffffu, x[threadIdx.x], 8);
  out[threadIdx.x] = v;
}
__global__ void unwritten_shared(float* out, const float* x) {
  WEFT_SHARED(float, buf, [64]);
  if (threadIdx.x < 32) buf[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = buf[63 - threadIdx.x];
}
__global__ void missing_wait(float* out, const float* x) {
  WEFT_SHARED(float, buf, [128]);
  copy_async<16>(&buf[threadIdx.x * 4], x + threadIdx.x % 16 * 4);
  copy_async_commit();
  __syncthreads();
  out[threadIdx.x] = buf[threadIdx.x * 4];
  copy_async_wait<0>();
}
__global__ void nobody_waits(float*, const float* x) {
  WEFT_SHARED(float, buf, [128]);
  copy_async<16>(&buf[threadIdx.x * 4], x + threadIdx.x % 16 * 4);
  copy_async_commit();
}
__global__ void too_much_shared(float* out, const float* x) {
  SharedCarver carve;
  float* a = carve.take<float>(48, "a");
  float* b = carve.take<float>(32, "b");
  a[threadIdx.x] = x[0];
  b[threadIdx.x] = out[0];
}
__global__ void shared_overrun(float* out, const float* x) {
  SharedCarver carve;
  float* a = carve.take<float>(32, "a");
  float* b = carve.take<float>(32, "b");
  a[threadIdx.x + 1] = x[0];
  b[threadIdx.x] = 0;
  __syncthreads();
  out[0] = a[1];
}
// What no kernel may use, written out, for the host executor does not offer it.
WEFT_UNCHECKED void float_atomic_add(float* p, float v) { weft::host::atomic_update(p, [v](float o) { return o + v; }); }
__global__ void float_atomic(float* out, const float* x) { float_atomic_add(out, 1.0f / x[threadIdx.x]); }
__global__ void global_overrun(float* out, const float* x) { out[threadIdx.x] = x[threadIdx.x + 1]; }

// --- right --------------------------------------------------------------------------------------------------------------

__global__ void partial_masks(float* out, const float* x) {         // each half of the warp by itself, in divergent branches
  float v = x[threadIdx.x];
  if (threadIdx.x < 16) {
    for (int o = 8; o; o /= 2) v += __shfl_xor_sync(0x0000ffffu, v, o);
  } else {
    for (int o = 8; o; o /= 2) v = fmaxf(v, __shfl_xor_sync(0xffff0000u, v, o));
  }
  out[threadIdx.x] = v;
}
template <bool kFence>
__global__ void last_block_done(float* out, const float* x) {       // out[1..] partial sums, out[63] the counter's bits
  WEFT_SHARED(int, last);
  if (threadIdx.x == 0) {
    out[1 + blockIdx.x] = x[blockIdx.x];
    if (kFence) __threadfence();
    last = atomicAdd(reinterpret_cast<unsigned*>(out + 63), 1u) == gridDim.x - 1;
    if (last) {
      if (kFence) __threadfence();
      float sum = 0;
      for (unsigned i = 0; i < gridDim.x; ++i) sum += out[1 + i];
      out[0] = sum;
    }
  }
}
__global__ void async_pipeline(float* out, const float* x) {        // two stages, as a matrix product would have
  WEFT_SHARED(float, buf, [2][128]);
  float sum = 0;
  copy_async<16>(&buf[0][threadIdx.x * 4], x + threadIdx.x % 16 * 4);
  copy_async_commit();
  for (int step = 0; step < 4; ++step) {
    copy_async_wait<0>();
    __syncthreads();
    if (step < 3) copy_async<16>(&buf[(step + 1) & 1][threadIdx.x * 4], x + (threadIdx.x + unsigned(step)) % 16 * 4);
    copy_async_commit();
    sum += buf[step & 1][(threadIdx.x + 5) % 32 * 4];
  }
  copy_async_wait<0>();
  out[threadIdx.x] = sum;
}

// One mma a launch, its fragments filled by the formulas of the PTX manual; a and b hold whole numbers.
// `kSwap` takes the fragment of `a` for one that holds both halves of the depth before the next eight rows.
template <bool kBf16, bool kSwap = false>
__global__ void one_mma(float* out, const float*) {
  constexpr int K = kBf16 ? 16 : 8;
  const int lane = threadIdx.x, g = lane / 4, t = lane % 4;
  const auto a = [](int m, int k) { return float((m * 3 + k * 5) % 7 - 3); };
  const auto b = [](int k, int n) { return float((k * 2 + n * 3) % 5 - 2); };
  const auto pair = [](float low, float high) { return uint32_t(__float2bfloat16(low).bits) | uint32_t(__float2bfloat16(high).bits) << 16; };
  uint32_t fa[1][4], fb[1][2];
  float d[1][1][4] = {};
  for (int i = 0; i < 4; ++i) {
    const int eight = kSwap ? i / 2 : i % 2, half = kSwap ? i % 2 : i / 2;
    const int m = g + eight * 8, k = kBf16 ? t * 2 + half * 8 : t + half * 4;
    fa[0][i] = kBf16 ? pair(a(m, k), a(m, k + 1)) : to_tf32(a(m, k));
  }
  for (int i = 0; i < 2; ++i) {
    const int k = kBf16 ? t * 2 + i * 8 : t + i * 4;
    fb[0][i] = kBf16 ? pair(b(k, g), b(k + 1, g)) : to_tf32(b(k, g));
  }
  if (kBf16) mma_bf16(d, fa, fb);
  else mma_tf32(d, fa, fb);
  float wrong = 0;
  for (int i = 0; i < 4; ++i) {
    float sum = 0;
    for (int k = 0; k < K; ++k) sum += a(g + i / 2 * 8, k) * b(k, t * 2 + i % 2);
    wrong += sum != d[0][0][i];
  }
  out[lane] = wrong;
}
__global__ void one_ldmatrix(float* out, const float*) {
  WEFT_SHARED(uint16_t, m, [16 * 8]);           // two 8x8 matrices, element = 8 * row + column
  for (int i = threadIdx.x; i < 128; i += 32) m[i] = uint16_t(i);
  __syncthreads();
  const int lane = threadIdx.x;
  uint32_t plain[2], transposed[2];
  ldmatrix<2, false>(plain, m + lane % 16 * 8);
  ldmatrix<2, true>(transposed, m + lane % 16 * 8);
  const uint32_t row = uint32_t(lane) / 4, col = uint32_t(lane) % 4 * 2, at = row * 8 + col;
  out[lane] = plain[1] == ((64 + at) | (65 + at) << 16) && transposed[0] == ((col * 8 + row) | ((col + 1) * 8 + row) << 16) ? 0.0f : 1.0f;
}

}  // namespace
}  // namespace weft::sim

void weft::testing::run_seeded(const std::string& name, float* result) {
  using namespace weft::sim;
  KernelQueue queue;
  float* x = new float[64];                     // of its exact size, for ASan
  float* out = new float[64]();
  for (int i = 0; i < 64; ++i) x[i] = float(i + 1);
  const auto is = [&](const char* n) { return name == n; };
  if (is("missing barrier")) launch<missing_barrier>(queue, 1, 64, 0, out, x);
  if (is("missing __syncwarp")) launch<missing_syncwarp>(queue, 1, 32, 0, out, x);
  if (is("two blocks, one output")) launch<two_blocks_one_output>(queue, 2, 32, 0, out, x);
  if (is("divergent barrier")) launch<divergent_barrier>(queue, 1, 32, 0, out, x);
  if (is("half of a warp at the barrier")) launch<half_at_barrier>(queue, 1, 32, 0, out, x);
  if (is("exited lane")) launch<exited_lane>(queue, 1, 32, 0, out, x);
  if (is("unwritten shared memory")) launch<unwritten_shared>(queue, 1, 64, 0, out, x);
  if (is("missing wait")) launch<missing_wait>(queue, 1, 32, 0, out, x);
  if (is("nobody waits")) launch<nobody_waits>(queue, 1, 32, 0, out, x);
  if (is("too much shared memory")) launch<too_much_shared>(queue, 1, 32, 256, out, x);
  if (is("shared overrun")) launch<shared_overrun>(queue, 1, 32, 256, out, x);
  if (is("global overrun")) launch<global_overrun>(queue, 1, 64, 0, out, x);
  if (is("float atomic")) launch<float_atomic>(queue, 1, 64, 0, out, x);
  if (is("wrong fragment index, tf32")) launch<one_mma<false, true>>(queue, 1, 32, 0, out, x);
  if (is("wrong fragment index, bf16")) launch<one_mma<true, true>>(queue, 1, 32, 0, out, x);
  if (is("no fence")) launch<last_block_done<false>>(queue, 8, 32, 0, out, x);
  if (is("partial masks")) launch<partial_masks>(queue, 1, 32, 0, out, x);
  if (is("last block done")) launch<last_block_done<true>>(queue, 8, 32, 0, out, x);
  if (is("async pipeline")) launch<async_pipeline>(queue, 1, 32, 0, out, x);
  if (is("mma tf32")) launch<one_mma<false>>(queue, 1, 32, 0, out, x);
  if (is("mma bf16")) launch<one_mma<true>>(queue, 1, 32, 0, out, x);
  if (is("ldmatrix")) launch<one_ldmatrix>(queue, 1, 32, 0, out, x);
  std::memcpy(result, out, 64 * sizeof(float));
  delete[] x;
  delete[] out;
}
