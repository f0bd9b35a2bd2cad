// Cases beyond tests/kernels/cases: sizes at which these kernels take another path. A wide or a narrow tile, a sum cut
// into parts that a second kernel adds, a scan of more than one piece, more work than one block holds.
#pragma once
#include <vector>

#include "agreement.h"

namespace weft::testing {
std::vector<Case> kernel_cases();
}
