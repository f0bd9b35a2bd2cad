#pragma once
#include "weft/gan/plan.h"

namespace weft::apps {

/// The plan on stdout: a table, or one JSON object.
void print_plan(const gan::TrainPlan& plan, bool json);

/// "3.4 MiB"
std::string bytes_text(uint64_t bytes);

}  // namespace weft::apps
