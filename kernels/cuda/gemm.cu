// kernels/cuda/gemm.cu: before and after a tiled product (gemm.h): rounding factors to bfloat16, adding parts.
//
//   out[i] = bf16(x[i])                            x (n) float32
//   out[i] (+)= leaky(bias[i % cols] + sum over parts of sums[part, i])        sums (parts, size), out (size) float32
//
// Work:   eight numbers a thread, and one; grid-stride.
// Limit:  memory: 6 bytes a number rounded; 4 bytes a part and result, most of it still in the second-level cache.
// Twin:   the rounding is to nearest, ties to even, on both devices; parts are added in rising order.
#include "gemm.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

__global__ void __launch_bounds__(kThreads) to_bf16_kernel(const float* x, int64_t n, __nv_bfloat16* out) {
  struct __align__(16) Eight { __nv_bfloat16 h[8]; };
  for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * 8; i < n; i += int64_t(gridDim.x) * blockDim.x * 8) {
    float v[8];                                   // n is a multiple of 8, x aligned: see fits_bf16
    load4(x + i, reinterpret_cast<float(&)[4]>(v[0]));
    load4(x + i + 4, reinterpret_cast<float(&)[4]>(v[4]));
    Eight eight;
#pragma unroll
    for (int j = 0; j < 8; ++j) eight.h[j] = __float2bfloat16(v[j]);
    *reinterpret_cast<Eight*>(out + i) = eight;
  }
}

__global__ void __launch_bounds__(kThreads) finish_parts_kernel(const float* sums, int parts, int64_t size, Epilogue epilogue,
                                                                Divisor cols, float* out) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < size; i += int64_t(gridDim.x) * blockDim.x) {
    float sum = sums[i];
    for (int part = 1; part < parts; ++part) sum += sums[part * size + i];
    uint32_t col = 0;
    if (epilogue.bias) cols.split(uint32_t(i), &col);
    if (epilogue.bias) sum += epilogue.bias[col];
    out[i] = epilogue.accumulate ? out[i] + sum : leaky(sum, epilogue.slope);
  }
}

constexpr size_t round_up(size_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

void finish_parts(Queue& queue, const Parts& parts, const float* sums, const Epilogue& epilogue, int cols, float* out) {
  if (parts.count == 1) return;                   // the product's own kernel has done it
  launch<finish_parts_kernel>(queue, blocks_for(parts.size), kThreads, 0, sums, parts.count, parts.size, epilogue, Divisor(cols), out);
}

template <>
Factors<float> factors_of<float>(Queue& queue, const void* a, int64_t, const void* b, int64_t, const Parts& parts) {
  return {static_cast<const float*>(a), static_cast<const float*>(b),
          parts.count == 1 ? nullptr : static_cast<float*>(workspace(queue, parts.bytes()))};
}

template <>
Factors<__nv_bfloat16> factors_of<__nv_bfloat16>(Queue& queue, const void* a, int64_t a_size, const void* b, int64_t b_size,
                                                 const Parts& parts) {
  const size_t a_bytes = round_up(size_t(a_size) * 2), b_bytes = round_up(size_t(b_size) * 2);
  auto* memory = static_cast<char*>(workspace(queue, a_bytes + b_bytes + parts.bytes()));
  auto *a16 = reinterpret_cast<__nv_bfloat16*>(memory), *b16 = reinterpret_cast<__nv_bfloat16*>(memory + a_bytes);
  launch<to_bf16_kernel>(queue, blocks_for(ceil_div(a_size, 8)), kThreads, 0, static_cast<const float*>(a), a_size, a16);
  launch<to_bf16_kernel>(queue, blocks_for(ceil_div(b_size, 8)), kThreads, 0, static_cast<const float*>(b), b_size, b16);
  return {a16, b16, reinterpret_cast<float*>(memory + a_bytes + b_bytes)};
}

}  // namespace weft::WEFT_BACKEND
