// cp.async. The hardware may let a copy land at any moment between its issue and the wait that asks for it, so both ends
// are played: `lazy` fills the target with NaN and lets the data land at the wait (a missing wait shows), `eager` lets it
// land at once (overwriting a stage that is still being read shows).
#include <cstring>

#include "block.h"

namespace weft::host {

CopyQueue& Block::copy_queue() {
  if (copy_queues_.size() < threads_) copy_queues_.resize(threads_);
  copies_used_ = true;
  return copy_queues_[current_];
}

bool Block::async_is_lazy() {
  return settings().async == AsyncTiming::lazy || (settings().async == AsyncTiming::random && random_.below(2));
}

bool async_is_lazy() { return current_block->async_is_lazy(); }

void async_push(void* destination, const void* data, unsigned bytes) {
  PendingCopy copy{destination, {}, bytes};
  std::memcpy(copy.data, data, bytes);
  current_block->copy_queue().copies.push_back(copy);
}

void async_commit() {
  CopyQueue& q = current_block->copy_queue();
  q.group_end.push_back(uint32_t(q.copies.size()));
}

void async_wait(int allowed) {
  CopyQueue& q = current_block->copy_queue();
  const int landing = int(q.group_end.size()) - allowed;
  if (landing <= 0) return;
  const uint32_t end = q.group_end[size_t(landing) - 1];
  for (uint32_t i = 0; i < end; ++i) {
    const PendingCopy& c = q.copies[i];
    std::memcpy(c.destination, c.data, c.bytes);
    if (race_checked()) race_access(c.destination, c.bytes, true, false, __builtin_return_address(0));
  }
  q.copies.erase(q.copies.begin(), q.copies.begin() + end);
  q.group_end.erase(q.group_end.begin(), q.group_end.begin() + landing);
  for (uint32_t& g : q.group_end) g -= end;
}

}  // namespace weft::host
