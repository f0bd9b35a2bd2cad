#include "weft/gan/objective.h"

#include <algorithm>
#include <numeric>

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

std::string suggestion(const std::string& given, const std::vector<std::string>& known) {
  std::string best;
  size_t least = std::max<size_t>(2, given.size() / 2) + 1;
  for (const std::string& k : known) {   // Levenshtein's distance, one row at a time
    std::vector<size_t> row(k.size() + 1);
    std::iota(row.begin(), row.end(), size_t(0));
    for (size_t i = 1; i <= given.size(); ++i) {
      size_t diagonal = row[0]++;
      for (size_t j = 1; j <= k.size(); ++j) {
        const size_t change = diagonal + (given[i - 1] != k[j - 1]);
        diagonal = row[j];
        row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
      }
    }
    if (row.back() < least) least = row.back(), best = k;
  }
  return best.empty() ? "" : "; did you mean '" + best + "'?";
}

}  // namespace weft::gan
