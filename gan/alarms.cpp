#include "alarms.h"

#include <algorithm>
#include <cmath>

#include "weft/gan/report.h"
#include "weft/gan/set_measures.h"

namespace weft::gan {
namespace {

constexpr double kCollapsed = 0.25;      // samples differ by so little of what the data's pictures do
constexpr double kByHeart = 0.3;         // so much more of the pictures that it learned from the discriminator takes for real
constexpr double kRanAway = 100;         // times the largest of the first values
constexpr size_t kFirst = 10;
constexpr int64_t kLooked = 64, kPairs = 200;

/// Mean over random pairs of the root of the mean squared difference.
double difference(const Tensor& x, uint64_t seed) {
  const int64_t n = std::min(kLooked, x.size(0)), each = x.count() / x.size(0);
  if (n < 2) return NAN;
  const std::vector<double> values = slice(x, 0, 0, n).values();
  double total = 0;
  for (const auto& [a, b] : random_pairs(n, kPairs, seed)) {
    double square = 0;
    for (int64_t k = 0; k < each; ++k) square += std::pow(values[size_t(a * each + k)] - values[size_t(b * each + k)], 2);
    total += std::sqrt(square / double(each)) / double(kPairs);
  }
  return total;
}

}  // namespace

Gauges watched(const Gan& gan, const Tensors& batch, const Tensors& held_out, uint64_t seed) {
  const GanOptions& o = gan.options();
  const bool looks = !held_out.empty() && held_out[0] && o.packing == 1;
  const int64_t n = std::min({kLooked, batch[0].size(0), looks ? held_out[0].size(0) : kLooked});
  const auto labels = [&](const Tensors& of) { return o.model.classes.empty() ? Tensor() : slice(of.at(1), 0, 0, n); };
  const Tensor made = gan.sample(n, seed, labels(batch));
  Gauges g{{{"difference_samples", difference(made, seed)}, {"difference_data", difference(batch[0], seed)}}};
  if (!looks) return g;
  const NoGraph scope(gan.context());
  const auto logits = [&](const Tensors& of) { return in_evaluation(gan.discriminator(), slice(of[0], 0, 0, n), kLooked, labels(of)); };
  const Tensor of_made = in_evaluation(gan.discriminator(), made, kLooked, labels(batch));
  const auto opinion = [&](const Tensors& of) {
    const std::vector<double> sure = certainty(*o.objective, logits(of), of_made).values();
    return double(std::count_if(sure.begin(), sure.end(), [](double s) { return s > 0; })) / double(n);
  };
  g.values.insert(g.values.end(), {{"d_train", opinion(batch)}, {"d_held_out", opinion(held_out)}});
  return g;
}

bool Alarms::rings(const std::string& name, bool there) {
  int& times = in_a_row_[name];
  times = there ? times + 1 : 0;
  if (!there) told_.erase(name);
  return times >= 2 && told_.insert(name).second;
}

std::vector<std::string> Alarms::hear(int64_t step, const Gauges& gauges) {
  std::vector<std::string> sentences;
  const std::string when = "step " + std::to_string(step) + ": ";
  for (const auto& [name, value] : gauges.values) {
    const bool loss = name.rfind("loss_", 0) == 0, gradient = name.rfind("gradient_norm_", 0) == 0;
    if (!loss && !gradient) continue;
    std::vector<double>& first = first_[name];
    if (first.size() < kFirst) {
      if (std::isfinite(value)) first.push_back(std::fabs(value));
      continue;
    }
    const double usual = std::max(loss ? 1.0 : 0.0, *std::max_element(first.begin(), first.end()));
    if (rings(name, !(std::fabs(value) <= kRanAway * usual)))
      sentences.push_back(when + name + " is " + short_number(value) + ", and was at most " + short_number(usual) + " when the run began: training diverges. A smaller learning rate, "
                          "--set optimizer.clip_norm=1, or a penalty on the discriminator may help");
  }
  const double made = gauges["difference_samples"], data = gauges["difference_data"];
  if (std::isfinite(made + data) && rings("collapse", made < kCollapsed * data))
    sentences.push_back(when + "two samples differ by " + short_number(made) + ", two pictures of the data by " + short_number(data) + ": the generator has collapsed to few pictures. "
                        "Another objective, a penalty, packing or a smaller learning rate of the generator may help");
  const double train = gauges["d_train"], held_out = gauges["d_held_out"];
  if (std::isfinite(train + held_out) && rings("by heart", train - held_out > kByHeart))
    sentences.push_back(when + "the discriminator takes " + short_number(100 * train) + " % of the pictures that it learned from for real, and of pictures that it never saw " + short_number(100 * held_out) +
                        " %: it learns its pictures by heart. More pictures, altered ones (--set train.augment=ada), or a narrower discriminator (--set model.d_width) may help");
  return sentences;
}

}  // namespace weft::gan
