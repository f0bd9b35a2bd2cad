// Shared memory: an arena per worker in which each array, and each piece of the dynamic memory, stands between red zones
// that ASan guards, filled with NaN when a block first names it.
#include <cstdlib>
#include <cstring>

#include "block.h"
#if defined(WEFT_SANITIZE)
#include <sanitizer/asan_interface.h>
// This file is compiled without -fsanitize, where the header's macros would be empty.
#define WEFT_HIDE(p, n) __asan_poison_memory_region((p), (n))
#define WEFT_SHOW(p, n) __asan_unpoison_memory_region((p), (n))
#else
#define WEFT_HIDE(p, n) ((void)(p), (void)(n))
#define WEFT_SHOW(p, n) ((void)(p), (void)(n))
#endif

namespace weft::host {

namespace {
constexpr size_t kRedZone = 128;
constexpr size_t kArena = 256 * 1024 + 64 * 256;   // a device's 227 KB, and the red zones
constexpr size_t kUnaskedLimit = 48 * 1024, kLimit = 227 * 1024;

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }
}  // namespace

/// Forgets the previous block's arrays: whatever is not named again may not be touched.
void Block::hide_shared_memory() {
  if (!arena_) arena_ = static_cast<char*>(std::aligned_alloc(4096, round_up(kArena, 4096)));
  if (arena_used_ != kRedZone) WEFT_HIDE(arena_, kArena);
  arena_used_ = kRedZone;
  static_bytes_ = 0;
  static_arrays_.clear();
  dynamic_arrays_.clear();
}

char* Block::carve(size_t at, size_t bytes, const char* name) {
  if (at + bytes + kRedZone > kArena) fail("no shared memory left for '%s'", name);
  WEFT_SHOW(arena_ + at, bytes);
  std::memset(arena_ + at, 0xff, bytes);
  arena_used_ = at + bytes + kRedZone;
  return arena_ + at;
}

void* Block::shared_static(const void* key, size_t bytes, size_t alignment, const char* name) {
  for (const SharedArray& a : static_arrays_)
    if (a.key == key) return a.address;
  char* p = carve(round_up(arena_used_, alignment), bytes, name);
  static_arrays_.push_back({key, p, bytes, name});
  static_bytes_ += round_up(bytes, 16);
  const size_t limit = launch_->asked ? kLimit : kUnaskedLimit;
  if (static_bytes_ > kUnaskedLimit || static_bytes_ + launch_->shared_bytes > limit)
    fail("shared memory: %zu bytes static and %zu dynamic, more than %zu static or %zu in all", static_bytes_, launch_->shared_bytes, kUnaskedLimit, limit);
  return p;
}

void* Block::shared_dynamic(size_t* used, size_t* ordinal, size_t bytes, const char* name) {
  const size_t end = *used + bytes;
  if (end > launch_->shared_bytes)
    fail("dynamic shared memory: '%s' needs bytes %zu to %zu, but the launch gave %zu", name, *used, end, launch_->shared_bytes);
  if (dynamic_arrays_.size() == *ordinal)
    dynamic_arrays_.push_back({nullptr, carve(round_up(arena_used_, 128), bytes, name), bytes, name});
  const SharedArray& piece = dynamic_arrays_[*ordinal];
  if (piece.bytes != bytes)
    fail("dynamic shared memory: threads carve '%s' differently, %zu and %zu bytes", name, piece.bytes, bytes);
  *used = round_up(end, 16);
  ++*ordinal;
  return piece.address;
}

const SharedArray* Block::shared_array_at(const void* p) const {
  const auto* a = static_cast<const char*>(p);
  for (const auto* arrays : {&static_arrays_, &dynamic_arrays_})
    for (const SharedArray& s : *arrays)
      if (a >= s.address && a < s.address + s.bytes) return &s;
  return nullptr;
}

bool Block::in_arena(uintptr_t address) const { return address - reinterpret_cast<uintptr_t>(arena_) < kArena; }

void* shared_static(const void* key, size_t bytes, size_t alignment, const char* name) {
  return current_block->shared_static(key, bytes, alignment, name);
}
void* shared_dynamic(size_t* used, size_t* ordinal, size_t bytes, const char* name) {
  return current_block->shared_dynamic(used, ordinal, bytes, name);
}

}  // namespace weft::host
