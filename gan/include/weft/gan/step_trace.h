// One training step of a run, call by call: what `weft trace` prints.
#pragma once
#include <string>
#include <vector>

#include "weft/gan/trainer.h"

namespace weft::gan {

struct StepTrace {
  struct Row {
    std::string part;                    // whose share of the step: a network's name, "step" for what is of all, "data"
    std::string pass;                    // forward, backward, update
    std::string operation, op;           // what was asked for, and the op table's entry that does it
    std::string sizes, kernels;
    std::string derivative;              // of a forward pass: the entries that its derivative took in this step; of a backward one: whose rule it is part of
    uint64_t bytes = 0, flops = 0;
    double seconds = 0;
  };
  std::string model, device, data;
  std::string weights;                   // the checkpoint's folder
  int64_t step = 0;                      // that was traced
  int batch = 0;
  std::vector<Row> rows;                 // in the order in which they were called
  double seconds = 0;                    // of the step by the clock, as without a trace: the median of three; what calls do not account for is the host's
};

/// Takes a few steps from the checkpoint on, in memory, and traces one of the kind in which most is done. Data that are not there any more are
/// replaced by noise of their form, and `note` hears so. Writes nothing. Throws what train() throws.
/// @param run  RUN (its newest whole checkpoint), RUN@STEP or a checkpoint's folder
StepTrace trace_step(const TrainSettings& settings, const std::string& run, const std::function<void(const std::string&)>& note);

}  // namespace weft::gan
