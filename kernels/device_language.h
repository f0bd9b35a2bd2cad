// The language that kernels/cuda/*.cu are written in: CUDA C++17, with every difference between nvcc and an ordinary
// compiler settled here, so that no kernel holds an #if. Under nvcc each name is the thing itself; elsewhere it is the
// host executor's twin (kernels/host/), and the same file runs on the processor as device `sim`.
//
//   launch<kernel>(queue, grid, block, shared_bytes, arguments...)   instead of <<<>>>
//   WEFT_SHARED(float, tile, [16][65]);                              instead of __shared__
//   SharedCarver carve; float* a = carve.take<float>(n, "a");        pieces of the dynamic shared memory
//   copy_async<16>, copy_async_commit, copy_async_wait<N>            cp.async
//   to_tf32, mma_tf32, mma_bf16, ldmatrix                            tensor cores
//
// Rules for a kernel: only _sync warp functions, with masks that name live lanes; no float atomics; no waiting for another
// block; no function-local statics; parameters by value; a fused multiply-add is written fmaf, and nothing else fuses.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#define WEFT_BACKEND cuda
#else
#include "host/device_functions.h"
#define WEFT_BACKEND sim
#endif

#include "diagnosis.h"

// One namespace a backend, so that both builds of a kernel can stand in one program.
namespace weft::WEFT_BACKEND {

#if defined(__CUDACC__)
using Stream = cudaStream_t;
#else
using Stream = void*;
#endif

struct Scratch {
  void* data = nullptr;
  size_t bytes = 0;
};

/// What Graph is here.
struct KernelGraph : Graph {
  std::vector<Scratch> scratch;                 // every block that a recorded kernel may point to
  Scratch outside;                              // the queue's own, until the capture ends
#if defined(__CUDACC__)
  cudaGraphExec_t exec = nullptr;
#else
  std::vector<std::function<void()>> work;
#endif
  ~KernelGraph() override;
};

/// What Queue is here.
struct KernelQueue : Queue {
  Stream stream = nullptr, side = nullptr;      // side: for what is done while `stream` is captured
  Precision precision = Precision::fp32;
  Scratch scratch;
  std::unique_ptr<KernelGraph> graph;           // being recorded
  bool aside = false;
  bool broken = false;                          // sim: a planted fault has run
  ~KernelQueue() override;
};

/// Waits for the queue, and throws CudaError if anything went wrong since the last time.
inline void check_queue(Queue& queue, const std::string& what) {
#if defined(__CUDACC__)
  const cudaError_t error = cudaStreamSynchronize(static_cast<KernelQueue&>(queue).stream);
  if (error != cudaSuccess) throw CudaError(diagnosis::failure(what, cudaGetErrorString(error), queue.launched, queue.sync));
#else
  if (static_cast<KernelQueue&>(queue).broken) throw CudaError(diagnosis::failure(what, "a planted fault", queue.launched, queue.sync));
#endif
  queue.launched.count = 0;
}

/// Device memory for one op's intermediate results; the next call may hand out the same bytes.
void* workspace(Queue&, size_t bytes);

/// "conv2d_kernel" from what the compiler calls a launch of it: "... [with auto K = weft::sim::{anonymous}::conv2d_kernel<...>]".
inline std::string kernel_name(const std::string& function) {
  const size_t begin = function.find("K = ") + 4;
  size_t name = begin, end = begin;
  for (; end < function.size(); ++end) {
    const char c = function[end];
    if (c == ':' || c == '&' || c == ' ' || c == '(' || c == '}') name = end + 1;
    if (c == '<' && end + 1 < function.size() && function.compare(end, 11, "<unnamed>::") != 0) break;
    if (c == ';' || c == ',' || c == ']') break;
  }
  std::string text = function.substr(name, end - name);
  for (const char* precision : {"Tf32x3", "Tf32", "Bf16"}) {       // a core's precision is part of the name: conv2d_bf16_kernel
    if (function.find(precision, end) == std::string::npos) continue;
    for (const char* c = precision; *c; ++c) text.insert(text.size() - 7, 1, char(*c | 0x20));
    return text.insert(text.size() - 7 - std::string(precision).size(), 1, '_');
  }
  return text;
}

#if !defined(__CUDACC__)
/// A capture keeps the launch and its arguments, as a GPU's does.
template <class Work>
void run_or_record(Queue& queue, const Work& work) {
  auto& q = static_cast<KernelQueue&>(queue);
  if (q.graph && !q.aside) q.graph->work.emplace_back(work);
  else work();
}
#endif

/// Dynamic shared memory that a launch takes without asking. 48 KiB is a device's limit for that, the kernel's static arrays included.
constexpr size_t kUnasked = 32 * 1024;

template <class F>
struct KernelTraits;
template <class... P>
struct KernelTraits<void (*)(P...)> {
#if defined(__CUDACC__)
  template <auto K>
  static void launch(Queue& queue, const std::string& name, dim3 grid, dim3 block, size_t shared_bytes, P... p) {
    cudaError_t error = cudaSuccess;
    if (shared_bytes > kUnasked)
      error = cudaFuncSetAttribute(K, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared_bytes));
    if (error == cudaSuccess) {
      K<<<grid, block, shared_bytes, static_cast<KernelQueue&>(queue).stream>>>(p...);
      error = cudaGetLastError();
    }
    if (error != cudaSuccess) throw CudaError(diagnosis::failure("launch of " + name, cudaGetErrorString(error), queue.launched, queue.sync));
  }
#else
  using Arguments = std::tuple<P...>;
  template <auto K>
  static void launch(Queue& queue, const std::string& name, dim3 grid, dim3 block, size_t shared_bytes, P... p) {
    const Arguments arguments(p...);
    auto& q = static_cast<KernelQueue&>(queue);
    run_or_record(queue, [=, &name, &q] {
      host::run({name.c_str(), &thread<K>, &arguments, grid, block, shared_bytes, shared_bytes > kUnasked});
      q.broken |= name == host::settings().fault;
    });
  }
  template <auto K>
  static void thread(const void* arguments) {
    call<K>(*static_cast<const Arguments*>(arguments), std::index_sequence_for<P...>{});
  }
  template <auto K, size_t... I>
  static __forceinline__ void call(const Arguments& a, std::index_sequence<I...>) { K(std::get<I>(a)...); }
#endif
};

/// Arguments are converted to the kernel's own parameter types here, so both compilers see the same call.
template <auto K, class... A>
void launch(Queue& queue, dim3 grid, dim3 block, size_t shared_bytes, A&&... a) {
  static const std::string name = kernel_name(__PRETTY_FUNCTION__);
  ++queue.launches[name];
  queue.launched.add(name.c_str());
  KernelTraits<decltype(K)>::template launch<K>(queue, name, grid, block, shared_bytes, std::forward<A>(a)...);
  if (queue.sync) check_queue(queue, "after " + name);
}

#if defined(__CUDACC__)
#define WEFT_SHARED(type, name, ...) __shared__ __align__(16) type name __VA_ARGS__
extern __shared__ __align__(128) unsigned char dynamic_shared_memory[];
struct SharedCarver {
  unsigned used = 0;
  template <class T>
  __device__ __forceinline__ T* take(size_t n, const char*) {
    T* p = reinterpret_cast<T*>(dynamic_shared_memory + used);
    used += unsigned((n * sizeof(T) + 15) & ~size_t(15));
    return p;
  }
};
#else
#define WEFT_SHARED(type, name, ...)     \
  using name##_type = type __VA_ARGS__;  \
  static const char name##_key = 0;      \
  name##_type& name = *static_cast<name##_type*>(host::shared_static(&name##_key, sizeof(name##_type), 16, #name))
struct SharedCarver {
  size_t used = 0, ordinal = 0;
  template <class T>
  T* take(size_t n, const char* name) { return static_cast<T*>(host::shared_dynamic(&used, &ordinal, n * sizeof(T), name)); }
};
#endif

// Compute capability 7.5 has no such instruction, and device `cuda` refuses there whatever would need it (backend.cu).
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define WEFT_SINCE_80(instruction) "trap;\n"
#else
#define WEFT_SINCE_80(instruction) instruction
#endif

/// Copies kBytes (4 or 16, aligned) from global to shared memory in the background, or clears them if `global` is null.
template <int kBytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global) {
  static_assert(kBytes == 4 || kBytes == 16, "cp.async of 4 or 16 bytes");
#if defined(__CUDACC__)
  const unsigned s = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = global ? kBytes : 0;                       // the rest of the target becomes zero
  if constexpr (kBytes == 16)
    asm volatile(WEFT_SINCE_80("cp.async.cg.shared.global [%0], [%1], 16, %2;\n") ::"r"(s), "l"(global), "r"(bytes) : "memory");
  else
    asm volatile(WEFT_SINCE_80("cp.async.ca.shared.global [%0], [%1], 4, %2;\n") ::"r"(s), "l"(global), "r"(bytes) : "memory");
#else
  if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) % kBytes)
    host::fail("copy_async: an address is not %d-byte aligned", kBytes);
  unsigned char data[kBytes] = {};
  if (global) for (int i = 0; i < kBytes; ++i) data[i] = static_cast<const volatile unsigned char*>(global)[i];
  const bool lazy = host::async_is_lazy();
  for (int i = 0; i < kBytes; ++i) static_cast<unsigned char*>(shared)[i] = lazy ? 0xff : data[i];   // here: ASan names this line
  if (lazy) host::async_push(shared, data, kBytes);
#endif
}
__device__ __forceinline__ void copy_async_commit() {
#if defined(__CUDACC__)
  asm volatile(WEFT_SINCE_80("cp.async.commit_group;\n") ::: "memory");
#else
  host::async_commit();
#endif
}
/// Waits until at most N of the committed groups are still under way.
template <int N>
__device__ __forceinline__ void copy_async_wait() {
#if defined(__CUDACC__)
  asm volatile(WEFT_SINCE_80("cp.async.wait_group %0;\n") ::"n"(N) : "memory");
#else
  host::async_wait(N);
#endif
}

__device__ __forceinline__ uint32_t to_tf32(float x) {        // to nearest, ties away from zero
#if defined(__CUDACC__)
  uint32_t r;
  asm(WEFT_SINCE_80("cvt.rna.tf32.f32 %0, %1;") : "=r"(r) : "f"(x));
  return r;
#else
  return (__float_as_uint(x) + 0x1000u) & ~0x1fffu;
#endif
}

/// d[i][j] += a[i] * b[j], each an m16n8k8 (tf32) or m16n8k16 (bf16) instruction of the whole warp.
#if defined(__CUDACC__)
#define WEFT_MMA(name, shape)                                                                                            \
  template <int I, int J>                                                                                                \
  __device__ __forceinline__ void name(float (&d)[I][J][4], const uint32_t (&a)[I][4], const uint32_t (&b)[J][2]) {      \
    _Pragma("unroll") for (int i = 0; i < I; ++i) _Pragma("unroll") for (int j = 0; j < J; ++j)                          \
        asm volatile(WEFT_SINCE_80("mma.sync.aligned." shape " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n") \
                     : "+f"(d[i][j][0]), "+f"(d[i][j][1]), "+f"(d[i][j][2]), "+f"(d[i][j][3])                            \
                     : "r"(a[i][0]), "r"(a[i][1]), "r"(a[i][2]), "r"(a[i][3]), "r"(b[j][0]), "r"(b[j][1]));              \
  }
#else
#define WEFT_MMA(name, shape)                                                                                            \
  template <int I, int J>                                                                                                \
  __forceinline__ void name(float (&d)[I][J][4], const uint32_t (&a)[I][4], const uint32_t (&b)[J][2]) {                 \
    host::MmaArgument argument{&d[0][0][0], &a[0][0], &b[0][0], I, J};                                                   \
    host::collective(~0u, host::Collective::mma, &argument, &host::name##_complete, {__FILE__, __LINE__});               \
  }
#endif
WEFT_MMA(mma_tf32, "m16n8k8.row.col.f32.tf32.tf32.f32")
WEFT_MMA(mma_bf16, "m16n8k16.row.col.f32.bf16.bf16.f32")
#undef WEFT_MMA

/// Two or four 8x8 matrices of 16-bit elements from shared memory; lane l gives the address of row l%8 of matrix l/8.
template <int N, bool kTransposed = false>
__device__ __forceinline__ void ldmatrix(uint32_t (&r)[N], const void* row) {
  static_assert(N == 2 || N == 4, "ldmatrix x2 or x4");
#if defined(__CUDACC__)
  const unsigned s = static_cast<unsigned>(__cvta_generic_to_shared(row));
#define WEFT_LDMATRIX4(trans)                                                                          \
  asm volatile("ldmatrix.sync.aligned.m8n8.x4" trans ".shared.b16 {%0,%1,%2,%3}, [%4];\n"              \
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[N - 2]), "=r"(r[N - 1]) : "r"(s) : "memory")
#define WEFT_LDMATRIX2(trans)                                                                          \
  asm volatile("ldmatrix.sync.aligned.m8n8.x2" trans ".shared.b16 {%0,%1}, [%2];\n" : "=r"(r[0]), "=r"(r[1]) : "r"(s) : "memory")
  if constexpr (N == 4 && kTransposed) WEFT_LDMATRIX4(".trans");
  if constexpr (N == 4 && !kTransposed) WEFT_LDMATRIX4("");
  if constexpr (N == 2 && kTransposed) WEFT_LDMATRIX2(".trans");
  if constexpr (N == 2 && !kTransposed) WEFT_LDMATRIX2("");
#undef WEFT_LDMATRIX4
#undef WEFT_LDMATRIX2
#else
  host::LdmatrixArgument argument{r, row, N, kTransposed};
  host::collective(~0u, host::Collective::ldmatrix, &argument, &host::ldmatrix_complete, {__FILE__, __LINE__});
#endif
}

}  // namespace weft::WEFT_BACKEND
