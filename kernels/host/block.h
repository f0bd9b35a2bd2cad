// One block of CUDA threads on one OS thread: its fibers, the order they run in, its barrier, its warps' collectives,
// its shared memory and its asynchronous copies. Methods live in block.cpp (running), fibers.cpp (stacks and switches),
// collectives.cpp (barrier and warps), shared_memory.cpp and async_copy.cpp.
#pragma once
#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "context.h"
#include "executor.h"

namespace weft::host {

constexpr uint32_t kNone = ~0u;

struct Random {                               // xorshift64
  uint64_t state;
  uint32_t below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return uint32_t((uint64_t(uint32_t(state >> 16)) * n) >> 32);
  }
};
uint64_t mix(uint64_t);                       // a good seed from a poor one, never 0

struct Fiber {
  Context context;
  char* stack = nullptr;
  size_t bytes = 0;
  void* fake_stack = nullptr;                 // ASan's, while suspended
  uint32_t start = kNone;                     // the thread to start when switched to from the idle list
};

struct Gathering {                            // a collective that some lanes have reached
  uint32_t mask = 0, arrived = 0;
  Collective what{};
  Site site{};
  Complete complete = nullptr;
};
struct Warp {
  uint32_t exist = 0, alive = 0;
  int open = 0;
  Gathering gathering[4];
  void* argument[32];
};

struct SharedArray {
  const void* key;
  char* address;
  size_t bytes;
  const char* name;
};

struct PendingCopy {
  void* destination;
  unsigned char data[16];
  unsigned bytes;
};
struct CopyQueue {
  std::vector<PendingCopy> copies;
  std::vector<uint32_t> group_end;            // committed groups, as ends in `copies`
};

/// The race checker's clock of a block: an access comes before a later one of another thread if a barrier that covers
/// both happened in between.
struct BlockClock {
  bool on = false;
  uint64_t now = 1, block_sync = 0;
  std::vector<uint64_t> warp_sync;
  std::vector<std::array<std::array<uint64_t, 32>, 32>> pair_sync;   // collectives of a part of a warp
  void begin(size_t warps);
};

class Block {
 public:
  Block();
  ~Block();
  void run(const Launch&, uint3 index, uint64_t linear_index, uint64_t launch_number);

  void barrier(Site);
  int barrier_count(int predicate, Site);
  void collective(uint32_t mask, Collective, void* argument, Complete, Site);
  void* shared_static(const void* key, size_t bytes, size_t alignment, const char* name);
  void* shared_dynamic(size_t* used, size_t* ordinal, size_t bytes, const char* name);
  bool async_is_lazy();
  CopyQueue& copy_queue();

  bool running() const { return current_ != kNone; }
  uint32_t current() const { return current_; }
  uint64_t linear_index() const { return linear_index_; }
  void describe(FILE*) const;                 // kernel, block and thread

  BlockClock clock;
  const SharedArray* shared_array_at(const void*) const;
  bool on_own_stack(uintptr_t) const;
  bool in_arena(uintptr_t) const;

 private:
  enum State : uint8_t { unstarted, running_now, ready, at_barrier, in_collective, done };

  // fibers.cpp
  static void fiber_entry(void*);
  [[noreturn]] void fiber_loop(Fiber*);
  Fiber* idle_fiber();
  void add_fibers();
  void switch_fiber(Fiber* from, Fiber* to);
  void suspend();

  // block.cpp
  void reset(const Launch&, uint64_t launch_number);
  void enter(uint32_t thread);
  void make_ready(uint32_t thread);
  uint32_t pick(bool* start);                 // the next thread to run; kNone when there is none
  void finish(uint32_t thread);
  [[noreturn]] void deadlock() const;

  // collectives.cpp
  void release_barrier();
  void note_warp_sync(uint32_t mask, const Warp&);

  // shared_memory.cpp
  char* carve(size_t at, size_t bytes, const char* name);
  void hide_shared_memory();

  const Launch* launch_ = nullptr;
  uint3 index_{};
  uint64_t linear_index_ = 0;
  uint32_t threads_ = 0, current_ = kNone, alive_ = 0;
  uint3 shape_{0, 0, 0};
  Order order_rule_ = Order::forward;
  Random random_{1};

  std::vector<uint3> thread_index_;
  std::vector<uint8_t> state_;
  std::vector<Fiber*> fiber_of_;
  std::vector<uint32_t> order_, ready_;       // order_: the order in which threads start
  uint32_t next_start_ = 0;

  uint32_t barrier_arrived_ = 0, barrier_first_ = 0;
  Site barrier_site_{};
  int count_now_ = 0, count_result_ = 0;
  std::vector<Warp> warps_;

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  std::vector<std::pair<char*, size_t>> mapped_;
  Fiber host_;                                // the OS thread's own stack

  char* arena_ = nullptr;
  size_t arena_used_ = 0, static_bytes_ = 0;
  std::vector<SharedArray> static_arrays_, dynamic_arrays_;
  std::vector<CopyQueue> copy_queues_;
  bool copies_used_ = false;
};

extern __thread Block* current_block;

/// Is there a race checker in this program?
inline bool race_checked() { return &race_access != nullptr; }
void race_new_launch() __attribute__((weak));

}  // namespace weft::host
