#include "weft/gan/objective.h"

#include "weft/nn/loss.h"

namespace weft::gan {
namespace {

Tensor logistic(const Tensor& real, const Tensor& fake) { return nn::bce_with_logits(real, 1) + nn::bce_with_logits(fake, 0); }

}  // namespace

const std::vector<Objective>& objectives() {
  static const std::vector<Objective> all = {
      {"minimax", "Goodfellow et al., arXiv:1406.2661, equation 1", "log p - log q", logistic,
       [](const Tensor&, const Tensor& fake) { return -nn::bce_with_logits(fake, 0); }},
      {"non-saturating", "Goodfellow et al., arXiv:1406.2661, section 3", "log p - log q", logistic,
       [](const Tensor&, const Tensor& fake) { return nn::bce_with_logits(fake, 1); }},
      {"lsgan", "Mao et al., arXiv:1611.04076", "p / (p + q)",
       [](const Tensor& real, const Tensor& fake) { return 0.5 * (nn::mse(real, 1) + nn::mse(fake, 0)); },
       [](const Tensor&, const Tensor& fake) { return 0.5 * nn::mse(fake, 1); }},
      {"hinge", "Lim and Ye, arXiv:1705.02894", "sign(p - q)",
       [](const Tensor& real, const Tensor& fake) { return mean(relu(1 - real)) + mean(relu(1 + fake)); },
       [](const Tensor&, const Tensor& fake) { return -mean(fake); }},
  };
  return all;
}

const Objective& find_objective(const std::string& name) {
  std::vector<std::string> known;
  for (const Objective& o : objectives()) {
    if (name == o.name) return o;
    known.push_back(o.name);
  }
  throw ConfigError("no objective is called '" + name + "'" + suggestion(name, known) + "; `weft list objectives` shows all");
}

}  // namespace weft::gan
