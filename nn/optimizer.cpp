#include "weft/nn/optimizer.h"

#include <cmath>
#include <numbers>

namespace weft::nn {

double Schedule::at(int64_t step) const {
  if (step < warm_up) return double(step + 1) / double(warm_up);
  const int64_t begin = std::max(warm_up, hold);
  if (kind == Kind::constant || step < begin || steps <= begin) return 1;
  const double t = std::min(1.0, double(step - begin) / double(steps - begin));
  return kind == Kind::linear ? 1 + t * (final - 1) : final + (1 - final) * 0.5 * (1 + std::cos(std::numbers::pi * t));
}

Optimizer::Optimizer(Arena& arena, const OptimizerOptions& options, int slot) : arena_(arena), options_(options), slot_(slot) {
  const OptimizerSettings& s = options.settings;
  const bool adam = s.kind == OptimizerKind::adam || s.kind == OptimizerKind::adamw;
  const Context context = arena.values.context();
  if (adam || s.beta1 != 0) m_ = context.zeros(arena.values.shape());
  if (adam || s.kind == OptimizerKind::rmsprop) v_ = context.zeros(arena.values.shape());
}

void Optimizer::prepare(int64_t step) {
  ++updates_;
  StepState::Update& u = arena_.values.context().step_state().update[slot_];
  u.learning_rate = options_.learning_rate * options_.schedule.at(step);
  u.bias_correction1 = 1 - std::pow(options_.settings.beta1, double(updates_));
  u.bias_correction2 = 1 - std::pow(options_.settings.beta2, double(updates_));
}

void Optimizer::step() {
  const Context context = arena_.values.context();
  const NoGraph scope(context);
  norm_ = sqrt(sum_squares(arena_.gradients));
  const Tensor skip = 1 - is_finite(norm_);   // a sum of squares is finite only if every term is
  const Tensor scale = options_.clip_norm > 0 ? minimum(options_.clip_norm / (norm_ + 1e-6), context.constant(1)) : Tensor();
  optimizer_step(options_.settings, {arena_.values, arena_.gradients, m_, v_, scale, skip}, slot_);
}

Ema::Ema(const Arena& source, Arena& average, double decay) : source_(source), average_(average), decay_(decay) {
  if (source.values.count() != average.values.count() || source.buffers.size() != average.buffers.size())
    throw ConfigError("an average needs a network of the same shape");
  blend(0);
}

void Ema::update() { blend(decay_); }

void Ema::blend(double decay) {
  const Context context = source_.values.context();
  const NoGraph scope(context);
  average_.values.copy_from(lerp(source_.values, average_.values, context.constant(decay)), "ema");
  for (size_t i = 0; i < source_.buffers.size(); ++i) average_.buffers[i]->value.copy_from(source_.buffers[i]->value, "ema");
}

}  // namespace weft::nn
