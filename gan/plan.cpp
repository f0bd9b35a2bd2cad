#include "weft/gan/plan.h"

#include <algorithm>
#include <chrono>
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
  using Clock = std::chrono::steady_clock;
  Training training(s, note);
  const Contest& contest = *training.contest;
  const Context& context = training.context;
  training.step();                       // fills caches, and libraries make their plans
  context.synchronise();

  TrainPlan plan{s.model, context.describe(), s.data, training.sources[0].train->size(), s.batch, training.sources[0].train->height(), training.sources[0].train->width(), training.sources[0].train->channels()};
  const uint64_t before = context.flops();
  context.reset_peak();
  double seconds[3];
  for (double& one : seconds) {
    const auto start = Clock::now();
    for (int i = 0; i < s.d_steps; ++i) training.step();             // in one of them the generator moves
    context.synchronise();
    one = std::chrono::duration<double>(Clock::now() - start).count() / s.d_steps;
  }
  std::sort(seconds, seconds + 3);
  plan.seconds = seconds[1];
  plan.flops = (context.flops() - before) / uint64_t(3 * s.d_steps);
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
