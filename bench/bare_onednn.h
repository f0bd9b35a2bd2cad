// oneDNN's own convolution with nothing around it: weights already in its layout, no lookup, no reorder.
#pragma once
#include <functional>

#include "shapes.h"

namespace weft::bench {

/// A function that runs the primitive once on buffers of its own.
std::function<void()> bare_onednn(Pass entry, const ConvProblem& problem);

}  // namespace weft::bench
