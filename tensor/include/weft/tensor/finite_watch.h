// Looks at the result of every operation, and remembers the first that is not finite: for finding out where a NaN came from.
#pragma once
#include "weft/tensor/watch.h"

namespace weft {

/// Slow, since it waits for every result.
class FiniteWatch : public Watch {
 public:
  explicit FiniteWatch(const Context& context) : Watch(context) {}

  bool found() const { return !operation.empty(); }
  std::string operation;             // "log", or "mul in the gradient of log"
  Tensor result;                     // the first that is not finite, ...
  Tensors inputs;                    // ... and what it was made from; an absent one is empty
  int64_t broken = 0;                // how many of the result's elements are not finite
  Tensor last_weight;                // of a network's parameters, the one that was used last before

  void made(const char* name, const Tensor& result, const Tensors& inputs) override;
  void rule_begins(const Node& node) override;
  void rule_ends(const Node& node, const Tensors& results) override;

 private:
  const char* gradient_of_ = nullptr;   // the operation whose derivative is being taken
};

/// How many elements are not finite. Waits for the device.
int64_t count_not_finite(const Tensor& t);

}  // namespace weft
