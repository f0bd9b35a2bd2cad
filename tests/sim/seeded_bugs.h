// Deliberately wrong kernels, and a few right ones that are easy to get wrong: what does the host executor say?
#pragma once
#include <string>

#include "weft/kernels/ops.h"

namespace weft::testing {

/// Runs one; `out` (64 floats) receives what it computed from 1, 2, 3, ...
void run_seeded(const std::string& name, float* out);

}  // namespace weft::testing
