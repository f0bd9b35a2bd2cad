// Runs one block from its first thread to its last, in the order that WEFT_SIM_ORDER asks for.
#include "block.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

__thread uint3 threadIdx, blockIdx, blockDim, gridDim;

namespace weft::host {

void BlockClock::begin(size_t warps) {
  on = true;
  block_sync = ++now;                         // rising over all the blocks that a worker runs
  warp_sync.assign(warps, 0);
  pair_sync.assign(warps, {});
}

Block::Block() {
  pthread_attr_t attributes;
  pthread_getattr_np(pthread_self(), &attributes);
  void* low;
  pthread_attr_getstack(&attributes, &low, &host_.bytes);
  pthread_attr_destroy(&attributes);
  host_.stack = static_cast<char*>(low);
  hide_shared_memory();
}

Block::~Block() {
  std::free(arena_);
  for (auto& m : mapped_) munmap(m.first, m.second);
}

void Block::enter(uint32_t thread) {
  current_ = thread;
  threadIdx = thread_index_[thread];
  state_[thread] = running_now;
}

void Block::make_ready(uint32_t thread) {
  state_[thread] = ready;
  ready_.push_back(thread);
}

uint32_t Block::pick(bool* start) {
  const uint32_t left = threads_ - next_start_, waiting = uint32_t(ready_.size());
  if (left + waiting == 0) return kNone;
  // Running each thread as far as it can go is the order most hostile to a missing barrier.
  uint32_t choice = waiting ? waiting - 1 : 0;
  *start = waiting == 0;
  if (order_rule_ == Order::random) {
    const uint32_t r = random_.below(left + waiting);
    *start = r < left;
    choice = r - left;
  }
  if (*start) return order_[next_start_++];
  std::swap(ready_[choice], ready_.back());
  const uint32_t thread = ready_.back();
  ready_.pop_back();
  return thread;
}

void Block::finish(uint32_t thread) {
  state_[thread] = done;
  --alive_;
  Warp& w = warps_[thread >> 5];
  w.alive &= ~(1u << (thread & 31));
  for (int i = 0; i < w.open; ++i) {
    const Gathering& g = w.gathering[i];
    if ((g.mask >> (thread & 31)) & 1)
      fail("thread %u exits while other lanes wait for it at %s:%d (mask %08x)", thread, g.site.file, g.site.line, g.mask);
  }
  if (copies_used_ && thread < copy_queues_.size() && !copy_queues_[thread].copies.empty())
    fail("thread %u exits with asynchronous copies that nobody waited for", thread);
  if (barrier_arrived_ && barrier_arrived_ == alive_) release_barrier();
}

void Block::reset(const Launch& launch, uint64_t launch_number) {
  const dim3& b = launch.block;
  if (shape_.x != b.x || shape_.y != b.y || shape_.z != b.z) {
    shape_ = {b.x, b.y, b.z};
    threads_ = b.x * b.y * b.z;
    thread_index_.clear();
    for (uint32_t z = 0; z < b.z; ++z)
      for (uint32_t y = 0; y < b.y; ++y)
        for (uint32_t x = 0; x < b.x; ++x) thread_index_.push_back({x, y, z});
    fiber_of_.resize(threads_);
    warps_.resize((threads_ + 31) / 32);
  }
  order_rule_ = settings().order;
  random_.state = mix(settings().seed * 0x9e3779b97f4a7c15ull + linear_index_ * 1315423911ull + launch_number * 2654435761ull);
  order_.resize(threads_);
  std::iota(order_.begin(), order_.end(), 0u);
  if (order_rule_ == Order::reverse) std::reverse(order_.begin(), order_.end());
  if (order_rule_ == Order::random)
    for (uint32_t i = threads_; i > 1; --i) std::swap(order_[i - 1], order_[random_.below(i)]);
  state_.assign(threads_, uint8_t(unstarted));
  for (uint32_t w = 0; w < warps_.size(); ++w) {
    const uint32_t left = threads_ - w * 32;
    warps_[w].exist = warps_[w].alive = left >= 32 ? ~0u : (1u << left) - 1;
    warps_[w].open = 0;
  }
  alive_ = threads_;
  next_start_ = 0;
  barrier_arrived_ = 0;
  count_now_ = 0;
  ready_.clear();
  hide_shared_memory();
  if (copies_used_) copy_queues_.clear();
  copies_used_ = false;
  if (race_checked()) clock.begin(warps_.size());
}

void Block::run(const Launch& launch, uint3 index, uint64_t linear_index, uint64_t launch_number) {
  launch_ = &launch;
  index_ = index;
  linear_index_ = linear_index;
  reset(launch, launch_number);
  blockIdx = index;
  blockDim = {launch.block.x, launch.block.y, launch.block.z};
  gridDim = {launch.grid.x, launch.grid.y, launch.grid.z};
  bool start;
  const uint32_t first = pick(&start);
  Fiber* f = idle_fiber();
  f->start = first;
  switch_fiber(&host_, f);
  current_ = kNone;
}

void Block::describe(FILE* f) const {
  if (!launch_) return;
  std::fprintf(f, "[sim] kernel %s, block (%u,%u,%u) of (%u,%u,%u)", launch_->name, index_.x, index_.y, index_.z,
               launch_->grid.x, launch_->grid.y, launch_->grid.z);
  if (current_ != kNone) {
    const uint3 t = thread_index_[current_];
    std::fprintf(f, ", thread (%u,%u,%u) of (%u,%u,%u) = warp %u lane %u", t.x, t.y, t.z, shape_.x, shape_.y, shape_.z,
                 current_ >> 5, current_ & 31);
  }
  std::fprintf(f, "\n");
}

void Block::deadlock() const {
  uint32_t count[6] = {};
  for (uint32_t i = 0; i < threads_; ++i) ++count[state_[i]];
  std::fprintf(stderr, "[sim] deadlock: of %u threads %u wait at __syncthreads() (%s:%d), %u in warp collectives, %u are done\n",
               threads_, count[at_barrier], barrier_arrived_ ? barrier_site_.file : "-",
               barrier_arrived_ ? barrier_site_.line : 0, count[in_collective], count[done]);
  for (size_t w = 0; w < warps_.size(); ++w)
    for (int i = 0; i < warps_[w].open; ++i) {
      const Gathering& g = warps_[w].gathering[i];
      std::fprintf(stderr, "[sim]   warp %zu at %s:%d waits for lanes %08x of %08x\n", w, g.site.file, g.site.line,
                   g.mask & ~g.arrived, g.mask);
    }
  fail("deadlock");
}

}  // namespace weft::host
