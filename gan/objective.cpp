#include "weft/gan/objective.h"

#include "weft/nn/loss.h"

namespace weft::gan {
namespace {

Tensor logistic(const Tensor& real, const Tensor& fake, double target) { return nn::bce_with_logits(real, target) + nn::bce_with_logits(fake, 0); }

}  // namespace

const std::vector<Objective>& objectives() {
  using Doubt = Objective::Doubt;
  static const std::vector<Objective> all = {
      {"minimax", "Goodfellow et al., arXiv:1406.2661, equation 1", "log p - log q", logistic,
       [](const Tensor&, const Tensor& fake) { return -nn::bce_with_logits(fake, 0); }, true},
      {"non-saturating", "Goodfellow et al., arXiv:1406.2661, section 3", "log p - log q", logistic,
       [](const Tensor&, const Tensor& fake) { return nn::bce_with_logits(fake, 1); }, true},
      {"lsgan", "Mao et al., arXiv:1611.04076", "p / (p + q)",
       [](const Tensor& real, const Tensor& fake, double target) { return 0.5 * (nn::mse(real, target) + nn::mse(fake, 0)); },
       [](const Tensor&, const Tensor& fake) { return 0.5 * nn::mse(fake, 1); }, true, false, Doubt::at_half},
      {"hinge", "Lim and Ye, arXiv:1705.02894", "sign(p - q)",
       [](const Tensor& real, const Tensor& fake, double) { return mean(relu(1 - real)) + mean(relu(1 + fake)); },
       [](const Tensor&, const Tensor& fake) { return -mean(fake); }},
      {"wasserstein", "Arjovsky et al., arXiv:1701.07875", "of what its bounds allow, the one that sets p and q farthest apart",
       [](const Tensor& real, const Tensor& fake, double) { return mean(fake) - mean(real); },
       [](const Tensor&, const Tensor& fake) { return -mean(fake); }, false, false, Doubt::between},
      {"ragan", "Jolicoeur-Martineau, arXiv:1807.00734, relativistic average", "rising with p / q, plus any constant",
       [](const Tensor& real, const Tensor& fake, double) { return logistic(real - mean(fake), fake - mean(real), 1); },
       [](const Tensor& real, const Tensor& fake) { return logistic(fake - mean(real), real - mean(fake), 1); }, false, true, Doubt::between},
      {"rpgan", "Jolicoeur-Martineau, arXiv:1807.00734, relativistic pairing", "log p - log q, plus any constant",
       [](const Tensor& real, const Tensor& fake, double) { return mean(softplus(fake - real)); },
       [](const Tensor& real, const Tensor& fake) { return mean(softplus(real - fake)); }, false, true, Doubt::between},
  };
  return all;
}

Tensor certainty(const Objective& objective, const Tensor& real, const Tensor& fake) {
  return objective.doubt == Objective::Doubt::between ? real - fake : real - (objective.doubt == Objective::Doubt::at_half ? 0.5 : 0.0);
}

const Objective& find_objective(const std::string& name) { return row_named(objectives(), name, "objective", "objectives"); }

}  // namespace weft::gan
