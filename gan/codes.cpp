#include "weft/gan/codes.h"

#include <algorithm>
#include <numeric>

#include "weft/gan/conditions.h"

namespace weft::gan {

Tensor code_means(Encoder& encoder, const Tensor& pictures) {
  const Tensor both = in_evaluation(encoder, pictures);
  return slice(both, 1, 0, both.size(1) / 2);
}

ClassCodes::ClassCodes(Encoder& encoder, Dataset& data, int64_t most) {
  if (data.classes().empty()) throw ConfigError("an edit goes from one class of pictures to another, and these have no classes; folders would be classes, or a labels.csv");
  const Conditions conditions = conditions_of(data.classes());
  names_ = conditions.names;
  sums_.resize(names_.size() + 1), counts_.resize(names_.size() + 1);
  const int64_t count = std::min(most, data.size()), at_once = 64;
  int64_t stride = std::max<int64_t>(1, int64_t(0.618 * double(data.size())));      // all over the data, each once, and not in step with classes that come in turn
  while (std::gcd(stride, data.size()) != 1) ++stride;
  const auto each = size_t(data.height()) * size_t(data.width()) * size_t(data.channels());
  const Context context = encoder.parameters().front().second->value.context();
  for (int64_t begin = 0; begin < count; begin += at_once) {
    const int64_t n = std::min(at_once, count - begin);
    std::vector<float> pixels(size_t(n) * each);
    std::vector<int> labels;
    for (int64_t i = 0; i < n; ++i) labels.push_back(data.read((begin + i) * stride % data.size(), &pixels[size_t(i) * each]));
    const Tensor codes = code_means(encoder, context.from(pixels, {n, data.height(), data.width(), data.channels()}));
    const std::vector<double> values = codes.values();
    const auto latent = size_t(codes.size(1));
    for (size_t i = 0; i < size_t(n); ++i)
      for (size_t k = 0; k < sums_.size(); ++k) {
        if (k < names_.size() && conditions.rows[size_t(labels[i])][k] == 0) continue;
        sums_[k].resize(latent);
        ++counts_[k];
        for (size_t j = 0; j < latent; ++j) sums_[k][j] += values[i * latent + j];
      }
  }
}

Tensor ClassCodes::toward(const std::string& name, const Context& context) const {
  const auto at = std::find(names_.begin(), names_.end(), name);
  if (at == names_.end()) throw ConfigError("there is no class '" + name + "'" + suggestion(name, names_) + "; there is " + listed(names_));
  const auto k = size_t(at - names_.begin());
  const int64_t with = counts_[k], without = counts_.back() - with;
  if (with == 0 || without == 0) throw ConfigError("class '" + name + "' is that of " + (with ? "all" : "none") + " of the pictures looked at, so no direction leads there");
  std::vector<double> direction(sums_.back().size());
  for (size_t j = 0; j < direction.size(); ++j) direction[j] = sums_[k][j] / double(with) - (sums_.back()[j] - sums_[k][j]) / double(without);
  return context.from(direction, {int64_t(direction.size())});
}

}  // namespace weft::gan
