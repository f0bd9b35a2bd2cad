// Stacks and the switches between them. A pooled fiber runs threads that have not started yet, one after another, on one
// stack; only when a thread must wait does its fiber stay behind, and the next one is taken. Fibers loop for ever and are
// never abandoned, so ASan's fake stacks do not leak.
#include <pthread.h>
#include <sys/mman.h>

#include "block.h"
#if defined(WEFT_SANITIZE)
#include <sanitizer/common_interface_defs.h>
#endif

namespace weft::host {

__thread Block* current_block = nullptr;

namespace {
size_t stack_bytes() {
  if (settings().stack_bytes) return settings().stack_bytes;
#if defined(WEFT_SANITIZE)
  return 256 * 1024;
#else
  return 64 * 1024;
#endif
}
}  // namespace

Fiber* Block::idle_fiber() {
  if (idle_.empty()) add_fibers();
  Fiber* f = idle_.back();
  idle_.pop_back();
  return f;
}

void Block::add_fibers() {
  const size_t page = 4096, each = stack_bytes() + page, count = fibers_.empty() ? 1 : 32;
  auto* memory = static_cast<char*>(
      mmap(nullptr, each * count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (memory == MAP_FAILED) fail("cannot map %zu stacks of %zu bytes", count, each);
  mapped_.push_back({memory, each * count});
  for (size_t i = 0; i < count; ++i) {
    char* low = memory + i * each;
    mprotect(low, page, PROT_NONE);           // a kernel that overflows its stack ends in a clean SIGSEGV
    auto f = std::make_unique<Fiber>();
    f->stack = low + page;
    f->bytes = each - page;
    const size_t colour = (fibers_.size() % 32) * 64;   // spreads the hot lines of the stacks over the cache's sets
    make_context(f->context, f->stack, f->bytes - colour, &Block::fiber_entry, f.get());
    idle_.push_back(f.get());
    fibers_.push_back(std::move(f));
  }
}

void Block::switch_fiber(Fiber* from, Fiber* to) {
#if defined(WEFT_SANITIZE)
  __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->bytes);
#endif
  switch_context(from->context, to->context);
#if defined(WEFT_SANITIZE)
  __sanitizer_finish_switch_fiber(from->fake_stack, nullptr, nullptr);
#endif
}

void Block::fiber_entry(void* self) {
#if defined(WEFT_SANITIZE)
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  current_block->fiber_loop(static_cast<Fiber*>(self));
}

void Block::fiber_loop(Fiber* self) {
  for (;;) {
    uint32_t thread = self->start;
    bool start = true;
    while (start && thread != kNone) {
      fiber_of_[thread] = self;
      enter(thread);
      launch_->thread(launch_->arguments);
      finish(thread);
      thread = pick(&start);
    }
    idle_.push_back(self);
    if (thread == kNone) {
      if (alive_) deadlock();
      switch_fiber(self, &host_);
    } else {
      enter(thread);
      switch_fiber(self, fiber_of_[thread]);
    }
  }
}

/// Leaves the current thread where it stands and runs others until it is ready again.
void Block::suspend() {
  bool start;
  const uint32_t me = current_, next = pick(&start);
  if (next == kNone) deadlock();
  if (next == me) {
    enter(me);
    return;
  }
  if (start) {
    Fiber* f = idle_fiber();
    f->start = next;
    switch_fiber(fiber_of_[me], f);
  } else {
    enter(next);
    switch_fiber(fiber_of_[me], fiber_of_[next]);
  }
}                                             // whoever switched back here has called enter(me)

bool Block::on_own_stack(uintptr_t address) const {
  const Fiber* f = fiber_of_[current_];
  return address - reinterpret_cast<uintptr_t>(f->stack) < f->bytes;
}

}  // namespace weft::host
