// oneDNN's own convolution with nothing around it: weights already in its layout, no lookup, no reorder.
#pragma once
#include <functional>

#include "weft/kernels/geometry.h"

namespace weft::bench {

enum class ConvOp { forward, input_grad, weight_grad };

/// A function that runs the primitive once on buffers of its own.
std::function<void()> bare_onednn(ConvOp op, const ConvProblem& problem);

}  // namespace weft::bench
