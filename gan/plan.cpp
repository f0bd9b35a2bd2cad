#include "weft/gan/plan.h"

#include <algorithm>
#include <fstream>

#include "training.h"

namespace weft::gan {
namespace {

uint64_t bytes_of(const HostTensors& tensors) {
  uint64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += tensor.bytes.size();
  return bytes;
}

/// VmHWM, in KiB: the resident set's high-water mark.
uint64_t peak_process_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::strtoull(line.c_str() + 6, nullptr, 10) << 10;
  return 0;
}

}  // namespace

TrainPlan plan_training(const TrainSettings& s, const std::function<void(const std::string&)>& note) {
  Training training(s, note);
  const Contest& contest = *training.contest;
  const Context& context = training.context;
  context.reset_peak();
  training.step();                       // fills caches, and libraries make their plans

  TrainPlan plan{s.model, context.describe(), s.data, training.sources[0].train->size(), s.batch, training.sources[0].train->height(), training.sources[0].train->width(), training.sources[0].train->channels()};
  // So many steps from `first` on are a round: in one of them the generator moves. Adds `share` of what a step of it takes.
  const auto add_round = [&](int64_t first, double share) {
    const uint64_t before = context.flops();
    plan.seconds += share * training.seconds_a_step(first, s.d_steps);
    plan.flops += uint64_t(share * double(context.flops() - before) / (3 * s.d_steps));
  };
  const double full = std::min(1.0, double(s.d_steps) / s.penalty_every);   // share of the rounds in which a step is penalised
  add_round(1, full);
  if (full < 1) add_round(2, 1 - full);
  plan.peak_tensor_bytes = context.peak_bytes();
  plan.peak_process_bytes = peak_process_bytes();

  nn::Checkpoint checkpoint;
  contest.save(checkpoint);
  for (size_t i = 0; i < contest.players().size(); ++i) {
    const std::string& name = contest.players()[i].name;
    plan.networks.push_back({name, contest.arena(i).count, bytes_of(checkpoint.files.at(name).tensors)});
  }
  for (const auto& [name, file] : checkpoint.files) plan.checkpoint_bytes += bytes_of(file.tensors);
  plan.checkpoints = s.keep_last;
  plan.steps = training.steps;
  const double by_steps = double(plan.steps) * plan.seconds, by_clock = 60 * s.minutes;
  plan.total_seconds = plan.steps == 0 ? by_clock : s.minutes > 0 ? std::min(by_steps, by_clock) : by_steps;
  return plan;
}

}  // namespace weft::gan
