// Switching between stacks: fifteen instructions on x86-64, the C library's ucontext elsewhere (twenty times slower,
// since it saves the signal mask by a system call at each switch).
#pragma once
#include <cstddef>
#include <cstdint>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace weft::host {

#if defined(__x86_64__)

struct Context {
  void* stack_pointer = nullptr;
};

extern "C" void weft_context_switch(void** save, void* load);
extern "C" void weft_context_start();

/// Prepares `c` so that the first switch to it calls entry(argument) on its own stack; `entry` never returns.
inline void make_context(Context& c, char* stack, size_t bytes, void (*entry)(void*), void* argument) {
  const uintptr_t top = (reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t(15);
  void** sp = reinterpret_cast<void**>(top - 16);            // 16-byte aligned at the call in weft_context_start
  *--sp = reinterpret_cast<void*>(&weft_context_start);      // where the first switch returns to
  *--sp = nullptr;                                           // rbp
  *--sp = nullptr;                                           // rbx
  *--sp = argument;                                          // r12
  *--sp = reinterpret_cast<void*>(entry);                    // r13
  *--sp = nullptr;                                           // r14
  *--sp = nullptr;                                           // r15
  c.stack_pointer = sp;
}
inline void switch_context(Context& from, Context& to) { weft_context_switch(&from.stack_pointer, to.stack_pointer); }

#else

struct Context {
  ucontext_t u;
};

// makecontext passes ints only: each pointer travels in two halves.
inline void context_start(unsigned entry_high, unsigned entry_low, unsigned argument_high, unsigned argument_low) {
  auto entry = reinterpret_cast<void (*)(void*)>((uint64_t(entry_high) << 32) | entry_low);
  entry(reinterpret_cast<void*>((uint64_t(argument_high) << 32) | argument_low));
  __builtin_trap();
}
inline void make_context(Context& c, char* stack, size_t bytes, void (*entry)(void*), void* argument) {
  getcontext(&c.u);
  c.u.uc_stack.ss_sp = stack;
  c.u.uc_stack.ss_size = bytes;
  c.u.uc_link = nullptr;
  const auto e = reinterpret_cast<uint64_t>(entry), a = reinterpret_cast<uint64_t>(argument);
  makecontext(&c.u, reinterpret_cast<void (*)()>(&context_start), 4, unsigned(e >> 32), unsigned(e), unsigned(a >> 32),
              unsigned(a));
}
inline void switch_context(Context& from, Context& to) { swapcontext(&from.u, &to.u); }

#endif

}  // namespace weft::host
