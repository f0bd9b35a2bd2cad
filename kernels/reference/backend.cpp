// The reference backends: plain loops on one thread over ordinary memory, in float32 ("reference") and float64 ("cpu").
#include <cstring>
#include <new>

#include "ops.h"

namespace weft::reference {
namespace {

constexpr std::align_val_t kAlignment{64};

std::string unavailable() { return ""; }
Queue* open(const QueueOptions&) { return new Queue; }

void* allocate(Queue&, size_t bytes) {
  try {
    return ::operator new(bytes, kAlignment);
  } catch (const std::bad_alloc&) {
    throw OutOfMemory("allocate: no memory for another " + std::to_string(bytes) + " bytes; try a smaller batch or size");
  }
}
void release(Queue&, void* memory, size_t) { ::operator delete(memory, kAlignment); }

void copy(Queue&, void* dst, const void* src, size_t bytes, CopyDirection) {
  if (bytes) std::memcpy(dst, src, bytes);
}
void fill_zero(Queue&, void* memory, size_t bytes) {
  if (bytes) std::memset(memory, 0, bytes);
}
void synchronise(Queue&) {}

#ifdef WEFT_SANITIZE
constexpr bool kExactAllocations = true;
#else
constexpr bool kExactAllocations = false;
#endif

constexpr Device device(const char* name, std::string (*describe)(Queue&)) {
  return {name, unavailable, open, allocate, release, copy, fill_zero, synchronise, describe, kExactAllocations};
}
constexpr Device device_f32 = device("reference", [](Queue&) -> std::string { return "plain loops, float32, one thread"; });
constexpr Device device_f64 = device("cpu", [](Queue&) -> std::string { return "plain loops, float64, one thread"; });
constexpr Ops ops_f32 = table<float>("reference"), ops_f64 = table<double>("reference");

}  // namespace

extern const Backend backend_f32, backend_f64;
const Backend backend_f32{&device_f32, &ops_f32};
const Backend backend_f64{&device_f64, &ops_f64};

}  // namespace weft::reference
