// The one caching allocator, for every device.
#include "state.h"

namespace weft::detail {

void* Allocator::allocate(size_t bytes, const Storage* owner) {
  void* block = find(bytes, owner);
  live += bytes;
  peak = std::max(peak, live);
  return block;
}

void* Allocator::from_device(size_t bytes) {
  if (limit && held + bytes > limit)
    throw OutOfMemory("the limit of " + std::to_string(limit >> 20) + " MiB leaves no room for another " + std::to_string(bytes >> 10) + " KiB; a smaller batch or size needs less");
  void* block = device_.allocate(queue_, bytes);
  held += bytes;
  return block;
}

void Allocator::give_back(void* block, size_t capacity) {
  device_.release(queue_, block, capacity);
  held -= capacity;
}

std::string Allocator::largest() const {
  constexpr size_t kListed = 6;
  std::vector<const Storage*> all;
  for (const auto& [block, use] : used_) if (use.owner) all.push_back(use.owner);
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return std::pair(b->bytes, a->id) < std::pair(a->bytes, b->id); });
  std::string text = "\n" + std::to_string(all.size()) + " tensors hold " + std::to_string(live >> 20) + " MiB";
  if (!all.empty()) text += ", the largest:";
  for (size_t i = 0; i < std::min(all.size(), kListed); ++i)
    text += "\n  " + std::to_string(all[i]->bytes >> 10) + " KiB  " + all[i]->shape.text() + (all[i]->maker ? std::string("  ") + all[i]->maker : "");
  return text;
}

void* Allocator::find(size_t bytes, const Storage* owner) {
  const bool exact = device_.exact_allocations;
  const size_t wanted = exact ? bytes : (std::max<size_t>(bytes, 1) + 255) / 256 * 256;   // an empty tensor has an address of its own
  Pool& pool = open_ ? *open_ : common_;
  const auto best = pool.lower_bound(wanted);
  if (best != pool.end() && best->first <= (exact ? wanted : wanted + wanted / 8)) {
    void* block = best->second;
    used_[block] = {best->first, &pool, owner};
    lent_.erase(block);
    pool.erase(best);
    return block;
  }
  void* block = nullptr;
  for (bool again = false; !block; again = true) {
    try {
      block = from_device(wanted);
    } catch (const OutOfMemory& e) {
      if (again || open_ || common_.empty()) throw OutOfMemory(e.what() + largest());
      drop(common_);                        // perhaps the sizes changed: give everything back and try once more
    }
  }
  used_[block] = {wanted, &pool, owner};
  return block;
}

void Allocator::release(void* block, size_t bytes) {
  live -= bytes;
  const auto it = used_.find(block);
  const Block b = it->second;
  used_.erase(it);
  Pool& pool = open_ ? *open_ : *b.pool;
  if (&pool == &common_ && device_.exact_allocations) give_back(block, b.capacity);
  else pool.emplace(b.capacity, block);
}

void Allocator::drop(Pool& pool) {
  for (auto& [capacity, block] : pool) give_back(block, capacity);
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
