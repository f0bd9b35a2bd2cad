// A data-race detector for kernels. Kernel files are compiled with -fsanitize=thread, which makes the compiler call
// __tsan_read4(address) and its kin at every memory access; the program is NOT linked with libtsan: the functions below
// are the run time. Fibers and barriers are known exactly, so a race is found from one run in any order: two accesses to
// the same bytes by different CUDA threads of one launch, at least one a write, not both atomic, and no barrier that
// covers both threads in between. Across blocks any such pair is a race unless __threadfence orders it.
//
// For each 4-byte word the last write and the last two reads are kept, so a race with a third reader can be missed;
// orderings through several different partial masks are not chained; memcpy is not seen.
#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "block.h"

namespace weft::host {
namespace {

struct Access {
  uint64_t time = 0, block = 0;
  uint32_t thread = 0, launch = 0;
  const void* program_counter = nullptr;
  uint8_t bytes = 0;                          // a bit for each byte of the word
  bool atomic = false;
};
struct Word {
  Access write, read[2];
};
struct Page {
  Word word[1024];
};
struct Fence {
  uint64_t released = 0;
};

std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages;
std::unordered_map<uint64_t, Fence> fences;   // by block of the running launch
std::set<std::pair<const void*, const void*>> reported;
uint32_t launch_number = 0;
uint64_t races = 0;

std::string source_line(const void* program_counter) {
  Dl_info info;
  if (!program_counter || !dladdr(program_counter, &info) || !info.dli_fname) return "?";
  const auto offset = reinterpret_cast<uintptr_t>(program_counter) - reinterpret_cast<uintptr_t>(info.dli_fbase) - 1;
  char command[512], line[512] = "?";
  std::snprintf(command, sizeof command, "addr2line -e '%s' %zx 2>/dev/null", info.dli_fname, size_t(offset));
  if (FILE* pipe = popen(command, "r")) {
    if (!std::fgets(line, sizeof line, pipe)) line[0] = '?';
    pclose(pipe);
  }
  std::string text = line;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

void report(const Access& old, bool old_write, const Access& now, bool now_write, const void* address) {
  ++races;
  if (!reported.insert({old.program_counter, now.program_counter}).second || reported.size() > 20) return;
  if (const SharedArray* s = current_block->shared_array_at(address)) {
    std::fprintf(stderr, "[race] on shared array '%s', byte %zu\n", s->name, size_t(static_cast<const char*>(address) - s->address));
  } else {
    std::fprintf(stderr, "[race] on global address %p\n", address);
  }
  std::fprintf(stderr, "[race]   %s%s by thread %u%s at %s\n", old.atomic ? "atomic " : "", old_write ? "write" : "read",
               old.thread, old.block != now.block ? " of another block" : "", source_line(old.program_counter).c_str());
  std::fprintf(stderr, "[race]   %s%s by thread %u at %s\n", now.atomic ? "atomic " : "", now_write ? "write" : "read",
               now.thread, source_line(now.program_counter).c_str());
  current_block->describe(stderr);
}

uint64_t last_sync(const BlockClock& clock, uint32_t a, uint32_t b) {
  uint64_t time = clock.block_sync;
  if ((a >> 5) == (b >> 5)) time = std::max({time, clock.warp_sync[a >> 5], clock.pair_sync[a >> 5][a & 31][b & 31]});
  return time;
}

bool conflict(const Access& old, const Access& now, bool shared) {
  if (!(old.bytes & now.bytes) || old.launch != now.launch || (old.atomic && now.atomic)) return false;
  if (old.block == now.block)
    return old.thread != now.thread && old.time >= last_sync(current_block->clock, old.thread, now.thread);
  if (shared) return false;                   // the same arena, another block's memory
  const auto other = fences.find(old.block);
  return !(fences.count(now.block) && other != fences.end() && old.time <= other->second.released);
}

void check(uintptr_t word, uint8_t bytes, bool write, bool atomic, const void* program_counter, bool shared) {
  static uintptr_t last_page_number = ~uintptr_t(0);
  static Page* last_page = nullptr;
  if (word >> 10 != last_page_number) {
    last_page_number = word >> 10;
    auto& page = pages[last_page_number];
    if (!page) page = std::make_unique<Page>();
    last_page = page.get();
  }
  Word& w = last_page->word[word & 1023];
  const Access now{current_block->clock.now, current_block->linear_index(), current_block->current(), launch_number,
                   program_counter, bytes, atomic};
  const void* address = reinterpret_cast<const void*>(word << 2);
  if (conflict(w.write, now, shared)) report(w.write, true, now, write, address);
  if (write) {
    for (const Access& r : w.read)
      if (conflict(r, now, shared)) report(r, false, now, true, address);
    w.write = now;
    w.read[0] = w.read[1] = Access{};
    return;
  }
  const Access& r = w.read[0];
  if (r.launch == launch_number && (r.thread != now.thread || r.block != now.block)) w.read[1] = r;
  w.read[0] = now;
}

}  // namespace

void race_new_launch() {
  ++launch_number;
  fences.clear();
}
uint64_t race_count() { return races; }

void race_access(const void* p, unsigned bytes, bool write, bool atomic, const void* program_counter) {
  if (!current_block || !current_block->running()) return;
  const auto address = reinterpret_cast<uintptr_t>(p);
  if (current_block->on_own_stack(address)) return;
  const bool shared = current_block->in_arena(address);
  for (uintptr_t w = address >> 2; w <= (address + bytes - 1) >> 2; ++w) {
    const uintptr_t low = std::max(address, w << 2), high = std::min(address + bytes, (w << 2) + 4);
    check(w, uint8_t(((1u << (high - low)) - 1) << (low & 3)), write, atomic, program_counter, shared);
  }
}

void race_fence() {
  if (current_block && current_block->running()) fences[current_block->linear_index()].released = current_block->clock.now;
}

}  // namespace weft::host

#define WEFT_PC __builtin_return_address(0)
#define WEFT_READ_WRITE(N)                                                                                        \
  void __tsan_read##N(void* p) { weft::host::race_access(p, N, false, false, WEFT_PC); }                          \
  void __tsan_write##N(void* p) { weft::host::race_access(p, N, true, false, WEFT_PC); }                          \
  void __tsan_unaligned_read##N(void* p) { weft::host::race_access(p, N, false, false, WEFT_PC); }                \
  void __tsan_unaligned_write##N(void* p) { weft::host::race_access(p, N, true, false, WEFT_PC); }                \
  void __tsan_volatile_read##N(void* p) { weft::host::race_access(p, N, false, false, WEFT_PC); }                 \
  void __tsan_volatile_write##N(void* p) { weft::host::race_access(p, N, true, false, WEFT_PC); }
// Atomics are performed here and noted by device_functions.h: clang calls these even from functions that ask it not to.
#define WEFT_ATOMIC(B, T)                                                                                         \
  T __tsan_atomic##B##_load(const volatile T* p, int) { return __atomic_load_n(p, __ATOMIC_RELAXED); }            \
  void __tsan_atomic##B##_store(volatile T* p, T v, int) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }            \
  T __tsan_atomic##B##_fetch_add(volatile T* p, T v, int) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }  \
  int __tsan_atomic##B##_compare_exchange_weak(volatile T* p, T* c, T v, int, int) {                              \
    return __atomic_compare_exchange_n(p, c, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);                       \
  }                                                                                                               \
  int __tsan_atomic##B##_compare_exchange_strong(volatile T* p, T* c, T v, int, int) {                            \
    return __atomic_compare_exchange_n(p, c, v, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);                       \
  }
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
WEFT_READ_WRITE(1)
WEFT_READ_WRITE(2)
WEFT_READ_WRITE(4)
WEFT_READ_WRITE(8)
WEFT_READ_WRITE(16)
void __tsan_read_range(void* p, unsigned long n) { weft::host::race_access(p, unsigned(n), false, false, WEFT_PC); }
void __tsan_write_range(void* p, unsigned long n) { weft::host::race_access(p, unsigned(n), true, false, WEFT_PC); }
WEFT_ATOMIC(8, uint8_t)
WEFT_ATOMIC(32, uint32_t)
WEFT_ATOMIC(64, uint64_t)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
}
