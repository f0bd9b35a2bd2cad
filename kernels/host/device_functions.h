// CUDA's device functions on the host executor: barriers, warp collectives, atomics, bit tricks, min and max.
#pragma once
#include <cmath>
#include <cstring>
#include <type_traits>

#include "executor.h"
#include "narrow_floats.h"

// A race-checked kernel file is compiled with -fsanitize=thread; what is below reports its own accesses.
#if defined(__SANITIZE_THREAD__)
#define WEFT_UNCHECKED __attribute__((no_sanitize("thread"), noinline))
#else
#define WEFT_UNCHECKED
#endif

// The caller's place, so that a message can name the kernel's line without any macro at the call.
#define WEFT_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace weft::host {

inline void race_note(const void* p, unsigned bytes, bool write, bool atomic) {
#if defined(__SANITIZE_THREAD__)
  race_access(p, bytes, write, atomic, __builtin_return_address(0));
#else
  (void)p, (void)bytes, (void)write, (void)atomic;
#endif
}

template <class T>
struct ShuffleArgument {
  T value, result;
  int source;                                 // lane, or -1 to keep one's own value
};

template <class T>
WEFT_UNCHECKED void shuffle_complete(void* const* argument, uint32_t mask) {
  for (unsigned l = 0; l < 32; ++l) {
    if (!((mask >> l) & 1)) continue;
    auto* me = static_cast<ShuffleArgument<T>*>(argument[l]);
    if (me->source < 0) {
      me->result = me->value;
    } else if ((mask >> me->source) & 1) {
      me->result = static_cast<ShuffleArgument<T>*>(argument[me->source])->value;
    } else {
      std::memset(&me->result, 0xff, sizeof(T));   // a lane outside the mask: undefined on a GPU, NaN here
    }
  }
}
template <class T>
T shuffle(uint32_t mask, T value, int source, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "shuffle of 4 or 8 bytes");
  ShuffleArgument<T> a{value, value, source};
  collective(mask, Collective::shuffle, &a, &shuffle_complete<T>, site);
  return a.result;
}

struct VoteArgument {
  int predicate;
  unsigned ballot;
};
WEFT_UNCHECKED inline void vote_complete(void* const* argument, uint32_t mask) {
  unsigned ballot = 0;
  for (unsigned l = 0; l < 32; ++l)
    if ((mask >> l) & 1) ballot |= unsigned(static_cast<VoteArgument*>(argument[l])->predicate != 0) << l;
  for (unsigned l = 0; l < 32; ++l)
    if ((mask >> l) & 1) static_cast<VoteArgument*>(argument[l])->ballot = ballot;
}
inline unsigned vote(uint32_t mask, int predicate, Site site) {
  VoteArgument a{predicate, 0};
  collective(mask, Collective::vote, &a, &vote_complete, site);
  return a.ballot;
}
inline void sync_complete(void* const*, uint32_t) {}

template <class T, class F>
WEFT_UNCHECKED inline T atomic_update(T* p, F next) {
  using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static_assert(sizeof(T) == sizeof(U), "atomics of 4 or 8 bytes");
  race_note(p, sizeof(T), true, true);
  U* q = reinterpret_cast<U*>(p);
  U seen = __atomic_load_n(q, __ATOMIC_RELAXED), wanted;
  T old;
  do {
    std::memcpy(&old, &seen, sizeof old);
    const T value = next(old);
    std::memcpy(&wanted, &value, sizeof wanted);
  } while (!__atomic_compare_exchange_n(q, &seen, wanted, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}

}  // namespace weft::host

inline void __syncthreads(WEFT_SITE) { weft::host::barrier({file, line}); }
inline int __syncthreads_count(int p, WEFT_SITE) { return weft::host::barrier_count(p, {file, line}); }
inline int __syncthreads_or(int p, WEFT_SITE) { return weft::host::barrier_count(p, {file, line}) != 0; }
inline int __syncthreads_and(int p, WEFT_SITE) { return weft::host::barrier_count(!p, {file, line}) == 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu, WEFT_SITE) {
  int nothing = 0;
  weft::host::collective(mask, weft::host::Collective::sync, &nothing, &weft::host::sync_complete, {file, line});
}
template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32, WEFT_SITE) {
  const int lane = int(weft::host::lane());
  return weft::host::shuffle(mask, v, (lane & ~(width - 1)) | (source & (width - 1)), {file, line});
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int x, int width = 32, WEFT_SITE) {
  const int lane = int(weft::host::lane()), source = lane ^ x;
  const bool inside = (source & ~(width - 1)) <= (lane & ~(width - 1));
  return weft::host::shuffle(mask, v, inside ? source : -1, {file, line});
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned d, int width = 32, WEFT_SITE) {
  const int lane = int(weft::host::lane());
  const bool inside = (lane & (width - 1)) + int(d) < width;
  return weft::host::shuffle(mask, v, inside ? lane + int(d) : -1, {file, line});
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned d, int width = 32, WEFT_SITE) {
  const int lane = int(weft::host::lane());
  const bool inside = (lane & (width - 1)) >= int(d);
  return weft::host::shuffle(mask, v, inside ? lane - int(d) : -1, {file, line});
}
inline unsigned __ballot_sync(unsigned m, int p, WEFT_SITE) { return weft::host::vote(m, p, {file, line}); }
inline int __any_sync(unsigned m, int p, WEFT_SITE) { return weft::host::vote(m, p, {file, line}) != 0; }
inline int __all_sync(unsigned m, int p, WEFT_SITE) { return weft::host::vote(m, !p, {file, line}) == 0; }
#undef WEFT_SITE

WEFT_UNCHECKED inline void __threadfence() {
  if (&weft::host::race_fence) weft::host::race_fence();
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
inline void __threadfence_block() {}

// Float atomics are left out on purpose: their order is not fixed, so no weft kernel may use them.
inline int atomicAdd(int* p, int v) { return weft::host::atomic_update(p, [v](int o) { return o + v; }); }
inline unsigned atomicAdd(unsigned* p, unsigned v) { return weft::host::atomic_update(p, [v](unsigned o) { return o + v; }); }
inline unsigned atomicInc(unsigned* p, unsigned limit) {
  return weft::host::atomic_update(p, [limit](unsigned o) { return o >= limit ? 0u : o + 1; });
}
inline int atomicMax(int* p, int v) { return weft::host::atomic_update(p, [v](int o) { return o > v ? o : v; }); }

template <class T>
inline T __ldg(const T* p) { return *p; }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((uint64_t(a) * b) >> 32); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
