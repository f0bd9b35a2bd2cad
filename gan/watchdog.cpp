// When a number is not finite: which operation made it, from what.
#include <cmath>

#include "weft/gan/trainer.h"
#include "weft/tensor/finite_watch.h"

namespace weft::gan {

bool Gan::met_not_finite() {
  const bool d = optimizer_d_->skipped(), g = optimizer_g_->skipped();   // both: each is asked once a step
  return d || g;
}

std::string Gan::name_of(const Tensor& t) const {
  for (const auto& [network, arena] : {std::pair<std::string, const nn::Arena*>{"generator", arena_g_.get()}, {"discriminator", arena_d_.get()}})
    for (size_t i = 0; i < arena->parameters.size(); ++i) {
      const Tensor& p = arena->parameters[i]->value;
      if (p.storage() == t.storage() && p.offset() == t.offset()) return network + "." + arena->names[i];
    }
  return "";
}

std::string Gan::explain_not_finite(const Tensor& real, const Tensor& latent) {
  // The networks' running statistics must not see the batch twice.
  std::vector<std::pair<Tensor, Tensor>> kept;
  for (const nn::Arena* arena : {arena_g_.get(), arena_d_.get()})
    for (const auto& buffer : arena->buffers) {
      const Tensor copy = context_.empty(buffer->value.shape());
      copy.copy_from(buffer->value);
      kept.emplace_back(buffer->value, copy);
    }
  const auto told = told_;
  std::string trouble;
  {
    const FiniteWatch watch(context_);
    const Tensor fake = (*networks_.generator)(latent ? latent : draw_latent(real.size(0)));
    const bool generator_first = options_.order == UpdateOrder::generator_first;
    if (generator_first) gradient_generator(real, fake);
    if (!watch.found()) gradient_discriminator(real, fake.detach());
    if (!generator_first && !watch.found()) gradient_generator(real, fake);

    if (!watch.found()) {
      trouble = "the squared norm of a gradient is beyond the range of its type, though no element is; a smaller learning rate, or optimizer.clip_norm, may help";
    } else {
      trouble = watch.operation + " made a tensor of shape " + watch.result.shape().text() + " in which " + std::to_string(watch.broken) + " of " +
                std::to_string(watch.result.count()) + " numbers are not finite";
      if (watch.last_weight) trouble += ", at or after " + name_of(watch.last_weight);
      for (const Tensor& t : watch.inputs) {
        const int64_t was_broken = t && t.dtype() != DType::i32 ? count_not_finite(t) : 0;
        if (was_broken == 0) continue;
        const std::string name = name_of(t);
        trouble += "; before it, " + (name.empty() ? "an input " + t.shape().text() : "parameter " + name) + " was not finite already";
      }
    }
  }
  for (const auto& [buffer, copy] : kept) buffer.copy_from(copy, "watchdog");
  told_ = told;
  return trouble;
}

}  // namespace weft::gan
