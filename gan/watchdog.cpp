// When a number is not finite: which operation made it, from what.
#include <cmath>

#include "weft/gan/contest.h"
#include "weft/tensor/finite_watch.h"

namespace weft::gan {

bool Contest::met_not_finite() {
  bool met = false;
  for (const Told& t : kinds_[kind()].told)
    for (size_t i = 0; i < players_.size(); ++i)                     // every one that moved is asked, once a step
      if (t.name == "gradient_norm_" + players_[i].name) met = states_[i].optimizer->skipped(t.value) || met;
  return met;
}

std::string Contest::name_of(const Tensor& t) const {
  for (size_t n = 0; n < players_.size(); ++n)
    for (size_t i = 0; i < arena(n).parameters.size(); ++i) {
      const Tensor& p = arena(n).parameters[i]->value;
      if (p.storage() == t.storage() && p.offset() == t.offset()) return players_[n].name + "." + arena(n).names[i];
    }
  return "";
}

std::string Contest::explain_not_finite(const Tensors& batch) {
  // The networks' running statistics must not see the batch twice.
  std::vector<std::pair<Tensor, Tensor>> kept;
  for (const State& s : states_)
    for (const auto& buffer : s.arena->buffers) {
      const Tensor copy = context_.empty(buffer->value.shape());
      copy.copy_from(buffer->value);
      kept.emplace_back(buffer->value, copy);
    }
  const auto put_back = [&] {
    only_looking_ = false;
    for (const auto& [buffer, copy] : kept) buffer.copy_from(copy, "watchdog");
  };
  std::string trouble;
  only_looking_ = true;
  try {
    trouble = look_for_trouble(batch);
  } catch (...) {
    put_back();
    throw;
  }
  put_back();
  return trouble;
}

std::string Contest::look_for_trouble(const Tensors& batch) {
  const FiniteWatch watch(context_);
  play(batch);
  if (!watch.found()) {
    for (const Told& t : kinds_[kind()].told)
      if (t.name.rfind("gradient_norm_", 0) == 0 && !std::isfinite(t.value.item()))
        return "the squared norm of a gradient is beyond the range of its type, though no element is; a smaller learning rate, or optimizer.clip_norm, may help";
    return "";
  }
  std::string trouble = watch.operation + " made a tensor of shape " + watch.result.shape().text() + " in which " + std::to_string(watch.broken) + " of " +
                        std::to_string(watch.result.count()) + " numbers are not finite";
  if (watch.last_weight) trouble += ", at or after " + name_of(watch.last_weight);
  for (const Tensor& t : watch.inputs) {
    const int64_t was_broken = t && t.dtype() != DType::i32 ? count_not_finite(t) : 0;
    if (was_broken == 0) continue;
    const std::string name = name_of(t);
    trouble += "; before it, " + (name.empty() ? "an input " + t.shape().text() : "parameter " + name) + " was not finite already";
  }
  return trouble;
}

}  // namespace weft::gan
