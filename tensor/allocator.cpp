// The one caching allocator, for every device.
#include "state.h"

namespace weft::detail {

void* Allocator::allocate(size_t bytes) {
  void* block = find(bytes);
  live += bytes;
  peak = std::max(peak, live);
  return block;
}

void* Allocator::find(size_t bytes) {
  const bool exact = device_.exact_allocations;
  const size_t wanted = exact ? bytes : (std::max<size_t>(bytes, 1) + 255) / 256 * 256;   // an empty tensor has an address of its own
  Pool& pool = open_ ? *open_ : common_;
  const auto best = pool.lower_bound(wanted);
  if (best != pool.end() && best->first <= (exact ? wanted : wanted + wanted / 8)) {
    void* block = best->second;
    used_[block] = {best->first, &pool};
    lent_.erase(block);
    pool.erase(best);
    return block;
  }
  void* block = nullptr;
  try {
    block = device_.allocate(queue_, wanted);
  } catch (const OutOfMemory&) {
    if (open_ || common_.empty()) throw;
    drop(common_);                          // perhaps the sizes changed: give everything back and try once more
    block = device_.allocate(queue_, wanted);
  }
  used_[block] = {wanted, &pool};
  return block;
}

void Allocator::release(void* block, size_t bytes) {
  live -= bytes;
  const auto it = used_.find(block);
  const Block b = it->second;
  used_.erase(it);
  Pool& pool = open_ ? *open_ : *b.pool;
  if (&pool == &common_ && device_.exact_allocations) device_.release(queue_, block, b.capacity);
  else pool.emplace(b.capacity, block);
}

void Allocator::drop(Pool& pool) {
  for (auto& [capacity, block] : pool) device_.release(queue_, block, capacity);
  pool.clear();
}

void Allocator::open(Pool& pool) {
  open_ = &pool;
  pool.swap(common_);
  for (auto& [capacity, block] : pool) lent_.insert(block);
}

void Allocator::close() {
  for (auto it = open_->begin(); it != open_->end();) {
    if (lent_.count(it->second)) common_.insert(*it), it = open_->erase(it);
    else ++it;
  }
  lent_.clear();
  open_ = nullptr;
}

void Allocator::dissolve(Pool& pool) {
  for (auto& [block, use] : used_) if (use.pool == &pool) use.pool = &common_;
  if (device_.exact_allocations) drop(pool);
  else common_.merge(pool);
}

}  // namespace weft::detail
