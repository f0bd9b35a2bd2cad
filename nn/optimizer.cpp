#include "weft/nn/optimizer.h"

#include <cmath>
#include <cstring>
#include <numbers>

namespace weft::nn {

double Schedule::at(int64_t step) const {
  if (step < warm_up) return double(step + 1) / double(warm_up);
  const int64_t begin = std::max(warm_up, hold);
  if (kind == Kind::constant || step < begin || steps <= begin) return 1;
  const double t = std::min(1.0, double(step - begin) / double(steps - begin));
  if (kind == Kind::exponential) return std::pow(final, t);
  return kind == Kind::linear ? 1 + t * (final - 1) : final + (1 - final) * 0.5 * (1 + std::cos(std::numbers::pi * t));
}

Optimizer::Optimizer(Arena& arena, const OptimizerOptions& options, int slot) : arena_(arena), options_(options), slot_(slot) {
  if (slot < 0 || size_t(slot) >= std::size(StepState().update))
    throw ConfigError("an optimiser's slot is 0 to 3, another for each network that learns in one context, not " + std::to_string(slot));
  const OptimizerSettings& s = options.settings;
  const bool adam = s.kind == OptimizerKind::adam || s.kind == OptimizerKind::adamw;
  const Context context = arena.values.context();
  if (adam || s.beta1 != 0) m_ = context.zeros(arena.values.shape());
  if (adam || s.kind == OptimizerKind::rmsprop) v_ = context.zeros(arena.values.shape());

  for (size_t i = 0, end; i < arena.parameters.size(); i = end) {
    for (end = i; end < arena.parameters.size() && !arena.parameters[end]->frozen;) ++end;
    if (end == i) {
      ++end;
      continue;
    }
    const size_t first = arena.parameters[i]->value.offset();
    const size_t last = end < arena.parameters.size() ? arena.parameters[end]->value.offset() : size_t(arena.values.count());
    auto range = [&](const Tensor& whole) { return whole ? Tensor(whole.storage(), first, {int64_t(last - first)}, whole.dtype()) : Tensor(); };
    ranges_.push_back({range(arena.values), range(arena.gradients), range(m_), range(v_)});
  }
}

void Optimizer::prepare(int64_t step) {
  ++updates_, prepared_ = true;
  StepState::Update& u = arena_.values.context().step_state().update[slot_];
  u.learning_rate = options_.learning_rate * options_.schedule.at(step);
  u.bias_correction1 = 1 - std::pow(options_.settings.beta1, double(updates_));
  u.bias_correction2 = 1 - std::pow(options_.settings.beta2, double(updates_));
}

void Optimizer::step() {
  if (!prepared_) throw Error("an optimiser's step() before any prepare(), so without a learning rate; call prepare(step), then publish_step_state(), then step()");
  const Context context = arena_.values.context();
  const NoGraph scope(context);
  const Range phase(context, "update");
  norm_ = sqrt(sum_squares(arena_.gradients));
  const Tensor skip = 1 - is_finite(norm_);   // a sum of squares is finite only if every term is
  const Tensor scale = options_.clip_norm > 0 ? minimum(options_.clip_norm / (norm_ + 1e-6), context.constant(1)) : Tensor();
  for (Update range : ranges_) {
    range.scale = scale, range.skip = skip;
    optimizer_step(options_.settings, range, slot_);
    const double bound = options_.clip_weights;
    if (bound > 0) range.values.copy_from(clamp(range.values, -bound, bound), "weight clipping");
  }
}

bool Optimizer::skipped(const Tensor& norm) {
  const bool skipped = !std::isfinite(norm.item());
  updates_ -= skipped;
  return skipped;
}

std::vector<Optimizer::Moment> Optimizer::moments() const {
  const bool adam = options_.settings.kind == OptimizerKind::adam || options_.settings.kind == OptimizerKind::adamw;
  std::vector<Moment> all;
  if (m_) all.push_back({adam ? ".exp_avg" : ".momentum_buffer", m_});
  if (v_) all.push_back({adam ? ".exp_avg_sq" : ".square_avg", v_});
  return all;
}

HostTensors Optimizer::state_dict() const {
  HostTensors tensors;
  HostTensor& updates = tensors["updates"] = {FileDType::i64, {}, std::vector<std::byte>(sizeof updates_)};
  std::memcpy(updates.bytes.data(), &updates_, sizeof updates_);
  for (size_t i = 0; i < arena_.parameters.size(); ++i) {
    const Parameter& p = *arena_.parameters[i];
    for (const Moment& m : moments())
      tensors[arena_.names[i] + m.name] = to_disk(p, Tensor(m.values.storage(), p.value.offset(), p.value.shape(), m.values.dtype()));
  }
  return tensors;
}

void Optimizer::load_state_dict(const HostTensors& tensors, const std::string& what) {
  const HostTensors expected = state_dict();
  std::string wrong;
  for (const auto& [name, t] : expected) {
    const auto it = tensors.find(name);
    if (it == tensors.end()) wrong += "\n  missing:    " + name;
    else if (it->second.shape != t.shape) wrong += "\n  misshapen:  " + name + " is " + shape_text(it->second.shape) + ", not " + shape_text(t.shape);
  }
  for (const auto& [name, t] : tensors) if (!expected.count(name)) wrong += "\n  unexpected: " + name;
  if (!wrong.empty()) throw FormatError(what + " does not fit the optimiser:" + wrong);

  const HostTensor& updates = tensors.at("updates");
  if (updates.dtype != FileDType::i64) throw FormatError(what + ": updates must be I64");
  std::memcpy(&updates_, updates.bytes.data(), sizeof updates_);
  for (size_t i = 0; i < arena_.parameters.size(); ++i) {
    const Parameter& p = *arena_.parameters[i];
    for (const Moment& m : moments())
      from_disk(p, tensors.at(arena_.names[i] + m.name), Tensor(m.values.storage(), p.value.offset(), p.value.shape(), m.values.dtype()));
  }
}

Ema::Ema(const Arena& source, Arena& average, double decay) : source_(source), average_(average), decay_(source.values.context(), decay) {
  const auto described = [](const Arena& arena) {
    std::string text;
    for (size_t i = 0; i < arena.parameters.size(); ++i) text += "\n  " + arena.names[i] + " " + arena.parameters[i]->value.shape().text();
    for (const auto& buffer : arena.buffers) text += "\n  a buffer " + buffer->value.shape().text();
    return text;
  };
  if (const std::string wanted = described(source), came = described(average); wanted != came)
    throw ConfigError("an average needs a network of the same parameters and buffers:" + wanted + "\nis not" + came);
  average_.values.copy_from(source_.values, "ema");
  copy_buffers();
}

void Ema::update() {
  const NoGraph scope(source_.values.context());
  average_.values.copy_from(lerp(source_.values, average_.values, decay_.value()), "ema");
  copy_buffers();
}

void Ema::copy_buffers() {
  for (size_t i = 0; i < source_.buffers.size(); ++i) average_.buffers[i]->value.copy_from(source_.buffers[i]->value, "ema");
}

}  // namespace weft::nn
