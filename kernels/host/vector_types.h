// CUDA's keywords, small vectors and built-in variables, for a compiler that does not know them.
#pragma once

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __grid_constant__
// There is no __shared__ here on purpose: WEFT_SHARED (device_language.h) gives each array red zones and poison.

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

#define WEFT_VECTOR2(T, N, A) \
  struct alignas(A) N {       \
    T x, y;                   \
  };                          \
  inline N make_##N(T x, T y) { return N{x, y}; }
#define WEFT_VECTOR4(T, N, A) \
  struct alignas(A) N {       \
    T x, y, z, w;             \
  };                          \
  inline N make_##N(T x, T y, T z, T w) { return N{x, y, z, w}; }
WEFT_VECTOR2(float, float2, 8)
WEFT_VECTOR2(int, int2, 8)
WEFT_VECTOR2(unsigned, uint2, 8)
WEFT_VECTOR2(double, double2, 16)
WEFT_VECTOR4(float, float4, 16)
WEFT_VECTOR4(int, int4, 16)
WEFT_VECTOR4(unsigned, uint4, 16)
#undef WEFT_VECTOR2
#undef WEFT_VECTOR4

// Real variables, no macros. __thread and not thread_local: no wrapper call at each access.
extern __thread uint3 threadIdx;
extern __thread uint3 blockIdx;
extern __thread uint3 blockDim;
extern __thread uint3 gridDim;
constexpr int warpSize = 32;
