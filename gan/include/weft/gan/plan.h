// What a training run will take, measured on its own first steps before it begins.
#pragma once
#include <string>
#include <vector>

#include "weft/gan/trainer.h"

namespace weft::gan {

struct TrainPlan {
  struct Network {
    std::string name;
    int64_t parameters = 0;              // learned numbers
    uint64_t bytes = 0;                  // of its file, buffers included
  };
  std::string model, device, data;
  int64_t images = 0, batch = 0;         // in the data set; a step
  int height = 0, width = 0, channels = 0;   // of the data
  std::vector<Network> networks;
  uint64_t flops = 0;                    // a step: Context::flops, so products and convolutions alone
  uint64_t peak_tensor_bytes = 0;        // the most that tensors held at once, in a step
  uint64_t peak_process_bytes = 0;       // the most that this process ever had in memory; 0 where the system does not tell
  double seconds = 0;                    // a step, on average: the median of three of each kind
  int64_t steps = 0;                     // the total; 0: as many as the minutes allow
  double total_seconds = 0;              // without sample sheets and checkpoints
  uint64_t checkpoint_bytes = 0;         // one of them, its headers and sums apart
  int64_t checkpoints = 0;               // that are kept; 0: all
};

/// Takes a first step and three rounds of each kind in memory, a round being one step of the generator, and writes nothing. Throws what train() throws.
TrainPlan plan_training(const TrainSettings& settings, const std::function<void(const std::string&)>& note);

}  // namespace weft::gan
