// What a person is told when a device fails or is not there: functions of what the CUDA run time and the machine said, so that
// each sentence is tested where there is neither.
#pragma once
#include <string>

#include "weft/kernels/ops.h"

namespace weft::diagnosis {

/// Of an error that was noticed in doing `what`: the launches that may have caused it, those since the last check, are named.
std::string failure(const std::string& what, const std::string& error, const Launched& launched, bool sync);

}  // namespace weft::diagnosis
