// kernels/cuda/gemm.cu: before and after a tiled product (gemm.h): factors of another type than the core's, adding parts.
//
//   out[i] = x[i]                                  x, out (n) float32 or bfloat16, rounded to nearest, ties to even
//   out[i] (+)= leaky(bias[i % cols] + sum over parts of sums[part, i])        sums (parts, size), out (size)
//
// Work:   eight numbers a thread, and one; grid-stride. Activations are bfloat16 and weights have a rounded copy, so of a
//         training step's factors only what comes from outside (images, noise) is converted.
// Limit:  memory: 6 bytes a number; 4 bytes a part and result, most of it still in the second-level cache.
// Twin:   the rounding is to nearest, ties to even, on both devices; parts are added in rising order.
#include "gemm.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <class From, class To>
__global__ void __launch_bounds__(kThreads) convert_kernel(const From* x, bool aligned, int64_t n, To* out) {
  for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * 8; i < n; i += int64_t(gridDim.x) * blockDim.x * 8) {
    if (i + 8 <= n) {
      float v[2][4];
      load_pack(x + i, aligned, v[0]);
      load_pack(x + i + 4, aligned, v[1]);
      store4<8>(out + i, reinterpret_cast<float(&)[8]>(v));
    } else {
      for (int64_t j = i; j < n; ++j) put(out + j, widened(x[j]));
    }
  }
}

__global__ void __launch_bounds__(kThreads) finish_parts_kernel(const float* sums, int parts, int64_t size, Epilogue epilogue,
                                                                Divisor cols, void* out) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < size; i += int64_t(gridDim.x) * blockDim.x) {
    float sum = sums[i];
    for (int part = 1; part < parts; ++part) sum += sums[part * size + i];
    uint32_t col = 0;
    if (epilogue.bias) cols.split(uint32_t(i), &col);
    if (epilogue.bias) sum += epilogue.bias[col];
    auto* to = static_cast<float*>(out) + i;
    if (epilogue.bf16) put(static_cast<__nv_bfloat16*>(out) + i, leaky(sum, epilogue.slope));
    else *to = epilogue.accumulate ? *to + sum : leaky(sum, epilogue.slope);
  }
}

constexpr size_t round_up(size_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

void finish_parts(Queue& queue, const Parts& parts, const float* sums, const Epilogue& epilogue, int cols, void* out) {
  if (parts.count == 1) return;                   // the product's own kernel has done it
  launch<finish_parts_kernel>(queue, blocks_for(parts.size), kThreads, 0, sums, parts.count, parts.size, epilogue, Divisor(cols), out);
}

template <class To>
Factors<To> factors_of(Queue& queue, const Factor& a, const Factor& b, const Parts& parts) {
  constexpr bool kBf16 = sizeof(To) == 2;
  const Factor* factors[2] = {&a, &b};
  const void* ready[2];
  size_t bytes[2];
  for (int i = 0; i < 2; ++i) {
    const bool fits = factors[i]->bf16 == kBf16 && (!kBf16 || aligned16(factors[i]->data));   // floats may also be read singly
    bytes[i] = fits ? 0 : round_up(size_t(factors[i]->size) * sizeof(To));
    ready[i] = factors[i]->data;
  }
  const size_t total = bytes[0] + bytes[1] + parts.bytes();
  auto* memory = total ? static_cast<char*>(workspace(queue, total)) : nullptr;
  for (int i = 0; i < 2; memory += bytes[i++]) {
    if (bytes[i] == 0) continue;
    const auto convert = [&](const auto* from) {
      launch<convert_kernel<std::decay_t<decltype(*from)>, To>>(queue, blocks_for(ceil_div(factors[i]->size, 8)), kThreads, 0, from, aligned16(from),
                                                                factors[i]->size, reinterpret_cast<To*>(memory));
    };
    if (factors[i]->bf16) convert(static_cast<const __nv_bfloat16*>(factors[i]->data));
    else if constexpr (kBf16) convert(static_cast<const float*>(factors[i]->data));
    ready[i] = memory;
  }
  return {static_cast<const To*>(ready[0]), static_cast<const To*>(ready[1]), parts.count == 1 ? nullptr : reinterpret_cast<float*>(memory),
          parts.moments ? reinterpret_cast<Moments<1>*>(memory) : nullptr};
}
template Factors<float> factors_of(Queue&, const Factor&, const Factor&, const Parts&);
template Factors<__nv_bfloat16> factors_of(Queue&, const Factor&, const Factor&, const Parts&);

}  // namespace weft::WEFT_BACKEND
