// The host executor: runs a grid of CUDA threads on the processor, so that a kernel can be tested, debugged and
// sanitized without a GPU. What a kernel calls on the device comes here; device_functions.h dresses it in CUDA's names.
//
// One OS thread runs one block at a time. Inside a block a CUDA thread is a fiber, but only from the moment it has to
// wait: a kernel without barriers is a plain loop on one stack. It finds what a GPU would hide: divergent barriers,
// deadlocks, lanes that are missing from a collective, uninitialised shared memory (read as NaN), overruns of a shared
// array (under ASan), copies nobody waited for, and, in a race-checked build, every unordered pair of accesses.
// It is no model of speed: no bank conflicts, no coalescing, no occupancy, and memory is sequentially consistent.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "vector_types.h"

namespace weft::host {

enum class Order { forward, reverse, random };
enum class AsyncTiming { lazy, eager, random };

struct Settings {
  Order order = Order::forward;               // WEFT_SIM_ORDER=forward|reverse|random:SEED, of threads, warps and blocks
  uint64_t seed = 1;
  AsyncTiming async = AsyncTiming::lazy;      // WEFT_SIM_ASYNC=lazy|eager|random: when an asynchronous copy lands
  std::string fault;                          // WEFT_SIM_FAULT=KERNEL: told of from its first launch on, as CUDA does: at the next wait
  int workers = 0;                            // WEFT_SIM_WORKERS: OS threads over blocks; 0 asks the backend
  size_t stack_bytes = 0;                     // WEFT_SIM_STACK_KB; 0: 64 KiB, 256 KiB under ASan
};
Settings& settings();

struct Launch {
  const char* name;
  void (*thread)(const void* arguments);      // runs one CUDA thread
  const void* arguments;
  dim3 grid, block;
  size_t shared_bytes;                        // dynamic shared memory
  bool asked;                                 // for more than 48 KiB of shared memory in all
};
void run(const Launch&);

/// Reports what is wrong, with kernel, block and thread, and aborts.
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

struct Site {
  const char* file;
  int line;
};

void barrier(Site);
int barrier_count(int predicate, Site);       // how many threads of the block had predicate != 0

/// Every lane named in `mask` leaves a pointer to a struct on its own stack. The last to arrive runs `complete` once for
/// the whole warp, which may read and write every lane's struct since those stacks are suspended; then all go on.
enum class Collective : uint8_t { sync, shuffle, vote, mma, ldmatrix };
using Complete = void (*)(void* const* lane_argument, uint32_t mask);
void collective(uint32_t mask, Collective, void* argument, Complete, Site);
unsigned lane();

void* shared_static(const void* key, size_t bytes, size_t alignment, const char* name);
/// The next piece of the launch's dynamic shared memory; `used` and `ordinal` are the carver's state.
void* shared_dynamic(size_t* used, size_t* ordinal, size_t bytes, const char* name);

bool async_is_lazy();
void async_push(void* destination, const void* data, unsigned bytes);   // data already read from global memory
void async_commit();
void async_wait(int groups_allowed_pending);

// Tensor-core instructions. Fragment pointers of each lane; a tile is `rows` x `cols` instructions.
struct MmaArgument {
  float* d;
  const uint32_t *a, *b;
  int rows, cols;
};
void mma_tf32_complete(void* const* lane_argument, uint32_t mask);
void mma_bf16_complete(void* const* lane_argument, uint32_t mask);
struct LdmatrixArgument {
  uint32_t* registers;
  const void* row;
  int count;
  bool transposed;
};
void ldmatrix_complete(void* const* lane_argument, uint32_t mask);

// The race checker's ears; null unless race_checker.cpp is linked.
void race_access(const void* address, unsigned bytes, bool write, bool atomic, const void* program_counter)
    __attribute__((weak));
void race_fence() __attribute__((weak));
uint64_t race_count() __attribute__((weak));  // racing accesses found so far

}  // namespace weft::host
