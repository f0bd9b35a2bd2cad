// Looks at the result of every operation, and remembers the first that is not finite: for finding out where a NaN came from.
#pragma once
#include <string>

#include "weft/tensor/tensor.h"

namespace weft {

/// Works from its making to its end, on one context; slow, since it waits for every result. Not two at once.
class FiniteWatch {
 public:
  explicit FiniteWatch(const Context& context);
  ~FiniteWatch();
  FiniteWatch(const FiniteWatch&) = delete;
  FiniteWatch& operator=(const FiniteWatch&) = delete;

  bool found() const { return !operation.empty(); }
  std::string operation;             // "log", or "mul in the gradient of log"
  Tensor result;                     // the first that is not finite, ...
  Tensors inputs;                    // ... and what it was made from; an absent one is empty
  int64_t broken = 0;                // how many of the result's elements are not finite
  Tensor last_weight;                // of a network's parameters, the one that was used last before

  void see(const char* name, const Tensor& made, const Tensors& from);   // called by the operations
  const char* gradient_of = nullptr; // the operation whose derivative is being taken

 private:
  Context context_;
};

/// How many elements are not finite. Waits for the device.
int64_t count_not_finite(const Tensor& t);

}  // namespace weft
