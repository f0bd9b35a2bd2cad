// What is behind a Context; for the sources of this floor only.
#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "op_call.h"
#include "weft/tensor/tensor.h"

namespace weft {

/// The moments of a convolution's result, which its kernels took on the way.
struct KnownMoments {
  Tensor mean, variance;                  // (groups, channels)
  uint64_t version;                       // of the result's storage
  /// Whether they are those of x in `shape[0]` groups.
  bool of(const Tensor& x, const Shape& shape) const {
    return version == x.storage()->version && x.count() == x.storage()->shape.count() && mean.shape() == shape;
  }
};

}  // namespace weft

namespace weft::detail {

/// Blocks that nobody uses, by capacity.
using Pool = std::multimap<size_t, void*>;

/// Keeps released blocks for the next request of about the same size: a training step asks for the same sizes again and
/// again. Where every block must have its exact size (sanitizers, the race checker), it passes each request through.
/// What a captured step asks for comes from a pool of its own, and nobody else gets it while the pool is there.
class Allocator {
 public:
  Allocator(const Device& device, Queue& queue) : device_(device), queue_(queue) {}
  ~Allocator() { drop(common_); }
  /// Throws OutOfMemory that lists the largest tensors there are. `owner` outlives the block, or is null.
  void* allocate(size_t bytes, const Storage* owner = nullptr);
  void release(void* block, size_t bytes);
  size_t live = 0, peak = 0;
  size_t held = 0, limit = 0;             // bytes from the device, those kept for reuse included; limit 0: what the device has

  /// From here to close(), all comes from `pool` and goes there, also what was allocated before: the step may have used it.
  /// It begins with what is cached, so that a step that has run before needs nothing from the driver.
  void open(Pool& pool);
  void close();
  /// Requests are served as if no pool were open, and by the next call from the pool again.
  void swap_aside() { std::swap(open_, aside_); }
  /// The pool's end: what is still in use goes, once it is released, where all else goes.
  void dissolve(Pool& pool);

 private:
  struct Block {
    size_t capacity;
    Pool* pool;
    const Storage* owner;
  };
  void* find(size_t bytes, const Storage* owner);
  void* from_device(size_t bytes);
  std::string largest() const;
  void give_back(void* block, size_t capacity);
  void drop(Pool& pool);

  const Device& device_;
  Queue& queue_;
  Pool common_;
  Pool *open_ = nullptr, *aside_ = nullptr;
  std::set<void*> lent_;                  // of the open pool's, what was cached before and has not been asked for
  std::map<void*, Block> used_;
};

/// What a captured step does with the rounded copy of a weight.
struct CopyUse {
  bool reads;      // needs it valid before the step
  bool valid;      // while the step is recorded: before it; afterwards: at its end
};

struct ContextState : std::enable_shared_from_this<ContextState> {
  const Backend* backend;
  std::unique_ptr<Queue> queue;
  std::unique_ptr<Allocator> allocator;
  DType scalar;
  bool bf16 = false;                      // activations are bfloat16
  /// What a layer's result is: bfloat16 if it comes in whole 16-byte pieces. So an RGB image and a logit are float32.
  DType activation(int64_t channels) const { return bf16 && channels % 8 == 0 ? DType::bf16 : scalar; }
  bool recording = true;
  Watch* watch = nullptr;                 // sees every call and every result while there is one
  bool capturing = false;                 // a step is being recorded
  std::map<std::shared_ptr<Storage>, CopyUse> copies;   // of the step that is being recorded
  uint64_t replays = 0;                   // of captured steps: each may have written any weight
  uint64_t next_storage = 1, next_node = 1;
  uint64_t flops = 0;                     // see Context::flops
  StepState step, published;              // as the host has it, and as the device was last given it
  void* step_on_device = nullptr;
  std::map<uint64_t, Tensor> constants;   // by the value's bits: a NaN is a key too, and -0 is not 0
  std::map<std::string, std::shared_ptr<void>> tables;   // resampling tables by description

  ~ContextState();
  const Ops& ops() const { return *backend->ops; }
  const Device& device() const { return *backend->device; }
  /// Between host and device, either way. Throws Error inside a captured step.
  void copy(void* dst, const void* src, size_t bytes, CopyDirection direction);
  void expect_no_capture(const char* what) const;
};

/// For values that outlive the step in which they are made first, constants and tables: made at once, from ordinary memory,
/// even while a step is captured.
class SetAside {
 public:
  explicit SetAside(ContextState& state);
  ~SetAside();
  SetAside(const SetAside&) = delete;
  SetAside& operator=(const SetAside&) = delete;
 private:
  void set(bool on);
  ContextState& state_;
  const bool needed_;
};

/// The table's entry as a call, or a DeviceError that says it is a hole.
template <class... P>
OpCall<P...> require(const ContextState& s, void (*entry)(Queue&, P...), const char* op) {
  if (!entry) throw DeviceError(std::string(op) + " has no kernel on device '" + s.device().name + "'; cpu has every operation");
  return {s.device(), op, entry, s.watch, size_of(s.scalar)};
}
#define WEFT_OP(state, op) ::weft::detail::require(state, (state).ops().op, #op)

/// Every operation tells of its result here.
inline void made(const char* operation, const Tensor& result, const Tensors& inputs) {
  if (!result.storage()->maker) result.storage()->maker = operation;
  if (Watch* watch = result.storage()->context->watch) watch->made(operation, result, inputs);
}

/// to = from, element by element, rounded if `to` is bfloat16 and `from` is not.
void convert(const Tensor& from, const Tensor& to);
inline bool is_bf16(const Tensor& t) { return t && t.dtype() == DType::bf16; }
/// For operations that know no bfloat16: t in float32. An empty tensor stays one.
Tensor wide(const Tensor& t);
/// The adjoint of pad(x, margins of `pad`, Padding::reflect), for an x of `size`.
Tensor fold_reflection(const Tensor& padded, Size2 size, Size2 pad);

/// Throws DeviceError unless all tensors (empty ones aside) belong to one context; returns it. With `numbers`, an index
/// tensor among them is a ShapeError.
Context common_context(const char* op, std::initializer_list<const Tensor*> tensors, bool numbers = true);

}  // namespace weft::detail
