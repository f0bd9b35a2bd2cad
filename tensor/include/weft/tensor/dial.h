// A number that changes from step to step and is no kernel's business: those that kernels read by themselves are in StepState.
#pragma once
#include "weft/tensor/tensor.h"

namespace weft {

/// A scalar on the device, which the host sets before a step: a step that was captured reads what was set last.
class Dial {
 public:
  Dial(const Context& context, double value) : value_(context.full({}, value)), now_(value) {}
  void set(double value) {
    if (value == now_) return;
    value_.write(std::vector<double>{value}, "dial");
    now_ = value;
  }
  const Tensor& value() const { return value_; }
  double now() const { return now_; }

 private:
  Tensor value_;
  double now_;
};

}  // namespace weft
