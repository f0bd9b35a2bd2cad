// What is behind a Context; for the sources of this floor only.
#pragma once
#include <map>
#include <memory>
#include <vector>

#include "weft/tensor/finite_watch.h"
#include "weft/tensor/tensor.h"

namespace weft::detail {

/// Keeps released blocks for the next request of about the same size: a training step asks for the same sizes again and
/// again. Where every block must have its exact size (sanitizers, the race checker), it passes each request through.
class Allocator {
 public:
  Allocator(const Device& device, Queue& queue) : device_(device), queue_(queue) {}
  ~Allocator() { release_cached(); }
  void* allocate(size_t bytes);
  void release(void* block, size_t bytes);
  void release_cached();
  size_t live = 0, peak = 0;

 private:
  void* find(size_t bytes);

  const Device& device_;
  Queue& queue_;
  std::multimap<size_t, void*> cached_;   // by capacity
  std::map<void*, size_t> capacity_;      // of blocks in use that are larger than what was asked for
};

struct ContextState : std::enable_shared_from_this<ContextState> {
  const Backend* backend;
  std::unique_ptr<Queue> queue;
  std::unique_ptr<Allocator> allocator;
  DType scalar;
  bool recording = true;
  FiniteWatch* watch = nullptr;           // sees every result while there is one
  uint64_t next_storage = 1, next_node = 1;
  uint64_t flops = 0;                     // see Context::flops
  StepState step;
  void* step_on_device = nullptr;
  std::map<uint64_t, Tensor> constants;   // by the value's bits: a NaN is a key too, and -0 is not 0
  std::map<std::string, std::shared_ptr<void>> tables;   // resampling tables by description

  ~ContextState();
  const Ops& ops() const { return *backend->ops; }
  const Device& device() const { return *backend->device; }
};

/// The table's entry, or a DeviceError that says it is a hole.
template <class F>
F require(const ContextState& s, F entry, const char* op) {
  if (!entry) throw DeviceError(std::string(op) + " has no kernel on device '" + s.device().name + "'; cpu has every operation");
  return entry;
}
#define WEFT_OP(state, op) ::weft::detail::require(state, (state).ops().op, #op)

/// Every operation tells of its result here.
inline void made(const char* operation, const Tensor& result, const Tensors& inputs) {
  FiniteWatch* watch = result.storage()->context->watch;
  if (watch) watch->see(operation, result, inputs);
}

/// Throws DeviceError unless all tensors (empty ones aside) belong to one context; returns it. With `numbers`, an index
/// tensor among them is a ShapeError.
Context common_context(const char* op, std::initializer_list<const Tensor*> tensors, bool numbers = true);

}  // namespace weft::detail
