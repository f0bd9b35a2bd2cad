// Optimisers over a network's arena: one launch a step. Formulas are PyTorch's, to the place of epsilon.
#pragma once
#include "weft/nn/module.h"
#include "weft/tensor/dial.h"

namespace weft::nn {

/// Learning-rate factor at a step in [0, steps): multiplies the base rate.
struct Schedule {
  enum class Kind { constant, linear, cosine, exponential } kind = Kind::constant;
  int64_t steps = 0;          // at which the decay ends
  int64_t warm_up = 0;        // steps of linear rise from 0 first
  int64_t hold = 0;           // the step, warm-up included, up to which the decay does not begin
  double final = 0;           // factor at the end; exponential: above 0
  double at(int64_t step) const;
};

struct OptimizerOptions {
  OptimizerSettings settings;   // kind, betas, epsilon, decay (kernels/ops.h)
  double learning_rate = 2e-4;
  Schedule schedule;
  double clip_norm = 0;         // largest gradient norm; 0: no clipping
  double clip_weights = 0;      // no weight is beyond +- this after a step; 0: any
};

class Optimizer {
 public:
  /// Parameters frozen now stay as they are, decay included.
  /// @param slot  which StepState::update it reads, one a network, [0, 4), else ConfigError
  Optimizer(Arena& arena, const OptimizerOptions& options, int slot);

  /// Host part, before the step: this update's learning rate and bias corrections into the context's step state. The device
  /// learns of them by Context::publish_step_state(), which comes next.
  /// @param step  from 0, for the schedule alone
  void prepare(int64_t step);
  /// Device part, after backward. Leaves everything untouched when a gradient is not finite, but for weights beyond clip_weights.
  /// Throws Error if nothing was prepared, or that was not published.
  void step();
  /// Norm of the whole gradient as step() saw it, before clipping: a scalar on the device.
  const Tensor& gradient_norm() const { return norm_; }
  /// Whether the last step() was left out because a gradient was not finite; it then does not count as an update. Waits for
  /// the device; once a step.
  /// @param norm  gradient_norm() of that step: where steps of several kinds are captured, each left its own
  bool skipped(const Tensor& norm);

  int64_t updates() const { return updates_; }
  /// Moments under PyTorch's names, as in "main.0.weight.exp_avg", and "updates"; laid out as the parameters are.
  HostTensors state_dict() const;
  /// Throws FormatError that lists what is missing, unexpected or misshapen.
  void load_state_dict(const HostTensors& tensors, const std::string& what);

 private:
  Arena& arena_;
  OptimizerOptions options_;
  int slot_;
  int64_t updates_ = 0;
  bool prepared_ = false;
  Tensor m_, v_, norm_;       // m_ and v_ of the arena's shape, where the kind keeps them
  std::vector<Update> ranges_;   // of the arenas: what lies between frozen parameters

  struct Moment { const char* name; const Tensor& values; };
  std::vector<Moment> moments() const;
};

/// Exponential moving average of a network's values: average = decay * average + (1 - decay) * value; buffers are copied.
/// The average starts as a copy. Throws ConfigError unless both have parameters of the same names and shapes, and such buffers.
class Ema {
 public:
  Ema(const Arena& source, Arena& average, double decay);
  /// Host part, before the step: the decay from here on.
  void prepare(double decay) { decay_.set(decay); }
  void update();

 private:
  void copy_buffers();
  const Arena& source_;
  Arena& average_;
  Dial decay_;
};

}  // namespace weft::nn
