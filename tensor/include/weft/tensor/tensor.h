// A Tensor is (storage, offset, shape), contiguous, and perhaps a node of the graph. It is a handle: copies share.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/tensor/context.h"
#include "weft/tensor/shape.h"

namespace weft {

struct Node;

/// One block of device memory. Ids are never reused; the version rises with every write in place, so that a saved value
/// that was written over is found out, and a layout derived from a weight is known to be stale.
struct Storage : std::enable_shared_from_this<Storage> {
  std::shared_ptr<detail::ContextState> context;
  void* data = nullptr;
  size_t bytes = 0;
  uint64_t id = 0;
  uint64_t version = 0;
  Shape shape;                      // as it was made; tensors may see it otherwise
  const char* maker = nullptr;      // the operation that made it, if one did
  const char* writer = "nothing";   // the last operation that wrote in place
  bool weight = false;              // outlives steps: backends may derive layouts from it
  std::shared_ptr<Storage> bf16;    // of a weight in precision bf16: room for the same numbers, rounded
  bool bf16_valid = false;          // they are there
  std::shared_ptr<const struct KnownMoments> moments;   // of a convolution's result, if they were taken on the way

  Storage(std::shared_ptr<detail::ContextState> context, size_t bytes, const Shape& shape);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  void wrote(const char* operation);
  /// Before anything is made of it: from here on this is a weight.
  void keep_as_weight();
  /// The rounded copy, made anew if something was written since; null if there is none. The optimiser writes both.
  const void* rounded();
  void refresh();                   // what rounded() does, for a step that is repeated

 private:
  void in_captured_step(bool reads_copy);
};

class Tensor {
 public:
  Tensor() = default;               // no tensor: an absent bias, say
  Tensor(std::shared_ptr<Storage> storage, size_t offset, const Shape& shape, DType dtype, std::shared_ptr<Node> node = nullptr);

  explicit operator bool() const { return impl_ != nullptr; }
  /// All that is asked of no tensor is a ShapeError that names the function that asked: `by`.
  const Shape& shape(const char* by = __builtin_FUNCTION()) const { return impl(by).shape; }
  int rank(const char* by = __builtin_FUNCTION()) const { return impl(by).shape.rank(); }
  int64_t size(int axis, const char* by = __builtin_FUNCTION()) const { return impl(by).shape[impl(by).shape.axis(axis)]; }
  int64_t count(const char* by = __builtin_FUNCTION()) const { return impl(by).shape.count(); }
  DType dtype(const char* by = __builtin_FUNCTION()) const { return impl(by).dtype; }
  Context context(const char* by = __builtin_FUNCTION()) const;

  /// The device address of the first element. Throws if the graph kept only this tensor's shape.
  void* data(const char* by = __builtin_FUNCTION()) const;
  const std::shared_ptr<Storage>& storage(const char* by = __builtin_FUNCTION()) const { return impl(by).storage; }
  size_t offset() const { return impl(__func__).offset; }    // elements into the storage
  Weight as_weight() const;                                  // for the op table

  /// Copies to the host (waits for the device). Index tensors convert too.
  std::vector<double> values() const;
  std::vector<float> floats() const;
  double item() const;                                       // of a one-element tensor
  /// Writes in place from the host or from another tensor of as many elements: raises the version. Rounds into bfloat16.
  void write(const float* values, const char* operation = "write") const;
  void write(const std::vector<double>& values, const char* operation = "write") const;
  void copy_from(const Tensor& source, const char* operation = "copy_from") const;

  bool requires_grad() const { return impl_ && impl_->node != nullptr; }
  /// The same values as a leaf of the graph: gradients with respect to it can be asked for.
  Tensor leaf() const;
  /// The same values, outside the graph.
  Tensor detach() const;
  const std::shared_ptr<Node>& node() const { return impl_->node; }

 private:
  struct Impl {
    std::shared_ptr<Storage> storage;
    size_t offset;
    Shape shape;
    DType dtype;
    std::shared_ptr<Node> node;
  };
  const Impl& impl(const char* by) const {
    if (!impl_) no_tensor(by);
    return *impl_;
  }
  [[noreturn]] static void no_tensor(const char* by);
  std::shared_ptr<const Impl> impl_;
};

using Tensors = std::vector<Tensor>;

}  // namespace weft
