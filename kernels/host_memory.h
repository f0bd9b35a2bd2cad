// The device functions of every backend that computes on the processor: memory is its own, and work is done when it is asked
// for, so an event is a reading of the clock.
#pragma once
#include <chrono>
#include <cstring>
#include <new>

#include "weft/kernels/ops.h"

namespace weft::host_memory {

constexpr std::align_val_t kAlignment{64};
#ifdef WEFT_SANITIZE
constexpr bool kExactAllocations = true;
#else
constexpr bool kExactAllocations = false;
#endif

inline std::string unavailable() { return ""; }

inline void* allocate(Queue&, size_t bytes) {
  try {
    return ::operator new(bytes, kAlignment);
  } catch (const std::bad_alloc&) {
    throw OutOfMemory("allocate: no memory for another " + std::to_string(bytes) + " bytes; try a smaller batch or size");
  }
}
inline void release(Queue&, void* memory, size_t) { ::operator delete(memory, kAlignment); }

inline void copy(Queue&, void* dst, const void* src, size_t bytes, CopyDirection) {
  if (bytes) std::memcpy(dst, src, bytes);
}
inline void fill_zero(Queue&, void* memory, size_t bytes) {
  if (bytes) std::memset(memory, 0, bytes);
}
inline void synchronise(Queue&) {}

struct ClockEvent : Event {
  std::chrono::steady_clock::time_point at;
};
inline void record(Queue&, std::unique_ptr<Event>& event) {
  if (!event) event = std::make_unique<ClockEvent>();
  static_cast<ClockEvent&>(*event).at = std::chrono::steady_clock::now();
}
inline void wait(Queue&, const Event&) {}
inline double seconds(Queue&, const Event& from, const Event& to) {
  return std::chrono::duration<double>(static_cast<const ClockEvent&>(to).at - static_cast<const ClockEvent&>(from).at).count();
}

constexpr Device device(const char* name, Queue* (*open)(const QueueOptions&), std::string (*describe)(Queue&)) {
  Device d;
  d.name = name, d.unavailable = unavailable, d.open = open, d.describe = describe;
  d.allocate = allocate, d.release = release, d.copy = copy, d.fill_zero = fill_zero, d.synchronise = synchronise;
  d.record = record, d.wait = wait, d.seconds = seconds;
  d.exact_allocations = kExactAllocations;
  return d;
}

}  // namespace weft::host_memory
