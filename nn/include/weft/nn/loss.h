// Losses: the mean over all elements (rows for cross-entropy), a scalar; differentiable to any order. Two tensors have one shape:
// nothing is broadcast. Throws ShapeError.
#pragma once
#include "weft/tensor/ops.h"

namespace weft::nn {

/// -t log s(x) - (1-t) log(1 - s(x)), s the sigmoid, without overflow. target: a tensor of x's shape, or one number in [0,1].
Tensor bce_with_logits(const Tensor& logits, const Tensor& target);
Tensor bce_with_logits(const Tensor& logits, double target);
Tensor mse(const Tensor& a, const Tensor& b);
Tensor mse(const Tensor& a, double b);
Tensor l1(const Tensor& a, const Tensor& b);
/// logits (N, classes), labels (N) int32 in [0, classes)
Tensor cross_entropy(const Tensor& logits, const Tensor& labels);

}  // namespace weft::nn
