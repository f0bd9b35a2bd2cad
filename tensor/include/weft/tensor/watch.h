// Looking on while operations run: who asks which number broke (finite_watch.h) or what a step is made of (trace.h) derives from this.
// Nobody asking costs a test of a pointer an operation.
#pragma once
#include <string>

#include "weft/tensor/tensor.h"

namespace weft {

/// An entry of the op table, as it was called.
struct TableCall {
  const char* op;
  std::string sizes;                 // of what it works on: "x (64, 32, 32, 3), filter (16, 4, 4, 3), y (64, 16, 16, 16)"
  uint64_t bytes = 0;                // of all arrays that it reads or writes, each counted once
};

/// Works from its making to its end, on one context. Not two at once.
class Watch {
 public:
  explicit Watch(const Context& context);
  virtual ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// An operation made `result`. What it called of the table came before.
  virtual void made(const char* /*operation*/, const Tensor& /*result*/, const Tensors& /*inputs*/) {}
  /// The operation that made something last is part of a graph from here on.
  virtual void recorded(const Node&) {}
  /// The derivative of node's operation is taken between the two.
  virtual void rule_begins(const Node&) {}
  virtual void rule_ends(const Node&, const Tensors& /*results*/) {}
  virtual void call_begins() {}
  virtual void call_ends(const TableCall&) {}
  /// Named parts of the work (Range); they nest.
  virtual void phase_begins(const char* /*name*/) {}
  virtual void phase_ends() {}

 protected:
  const Context& context() const { return context_; }

 private:
  Context context_;
};

}  // namespace weft
