// The network itself; feature_file.cpp reads and writes it.
#include "weft/gan/feature_network.h"

#include <algorithm>
#include <cmath>

#include "style/planes.h"
#include "style/transfer_level.h"
#include "weft/gan/objective.h"

namespace weft::gan {
namespace {

constexpr const char* kPreprocessings[] = {"torchvision", "caffe"};

}  // namespace

const char* name_of(Preprocessing p) { return kPreprocessings[int(p)]; }

Preprocessing find_preprocessing(const std::string& name) {
  for (const Preprocessing p : {Preprocessing::torchvision, Preprocessing::caffe})
    if (name == name_of(p)) return p;
  throw ConfigError("there is no preprocessing '" + name + "': torchvision (RGB, 0 to 1) or caffe (BGR, 0 to 255)" + suggestion(name, {"torchvision", "caffe"}));
}

FeatureNetwork::FeatureNetwork(const Context& context, const FeatureStages& stages, Preprocessing preprocessing)
    : stages_(stages), preprocessing_(preprocessing) {
  if (preprocessing == Preprocessing::torchvision) {
    const std::vector<double> mean{0.485, 0.456, 0.406}, deviation{0.229, 0.224, 0.225};
    std::vector<double> matrix(9), shift(3);
    for (size_t c = 0; c < 3; ++c) matrix[4 * c] = 0.5 / deviation[c], shift[c] = (0.5 - mean[c]) / deviation[c];
    matrix_ = context.from(matrix, {3, 3}), shift_ = context.from(shift, {3});
  } else {
    matrix_ = context.from(std::vector<double>{0, 0, 127.5, 0, 127.5, 0, 127.5, 0, 0}, {3, 3});
    shift_ = context.from(std::vector<double>{127.5 - 103.939, 127.5 - 116.779, 127.5 - 123.68}, {3});
  }
  int64_t from = 3;
  int index = 0;                                                     // as torchvision counts: convolution, ReLU, pool
  for (size_t stage = 0; stage < stages.size(); ++stage, ++index)
    for (size_t k = 0; k < stages[stage].size(); ++k, index += 2) {
      const int border = convolutions_.empty() ? 0 : 1;              // of the first it is repeated before
      const auto c = std::make_shared<nn::Conv2d>(context, from, stages[stage][k], Size2{3, 3}, ConvGeometry{.pad = {border, border}});
      convolutions_.push_back(add("features." + std::to_string(index), c));
      names_.push_back("relu" + std::to_string(stage + 1) + "_" + std::to_string(k + 1));
      from = stages[stage][k];
    }
  if (names_.empty()) throw ConfigError("a feature network needs a convolution");
}

Tensor FeatureNetwork::forward(const Tensor& pixels) { return taps(pixels, {names_.back()})[0]; }

Tensors FeatureNetwork::taps(const Tensor& pixels, const std::vector<std::string>& asked) const {
  std::vector<size_t> depths;
  for (const std::string& name : asked) {
    depths.push_back(size_t(std::find(names_.begin(), names_.end(), name) - names_.begin()));
    if (depths.back() == names_.size())
      throw ConfigError("the feature network has no tap '" + name + "', only " + names_.front() + " to " + names_.back() + suggestion(name, names_));
  }
  const size_t deepest = depths.empty() ? 0 : *std::max_element(depths.begin(), depths.end()) + 1;
  Tensors found(asked.size());
  Tensor x = prepared(pixels);
  for (size_t i = 0; i < deepest; ++i) {
    x = relu(convolutions_[i]->forward(pooled(i, x)));
    for (size_t a = 0; a < asked.size(); ++a) if (depths[a] == i) found[a] = x;
  }
  return found;
}

Tensor FeatureNetwork::prepared(const Tensor& pixels) const {
  return pad(matmul(pixels, matrix_, false, false, shift_), {1, 1, 1, 1}, Padding::replicate);
}

Tensor FeatureNetwork::pooled(size_t i, const Tensor& x) const {
  return i && names_[i].substr(names_[i].find('_')) == "_1" ? max_pool(x, {}) : x;
}

void FeatureNetwork::standardise(const Tensors& pictures) {
  if (pictures.empty()) return;
  const NoGraph scope(pictures[0].context());
  Tensors x;
  for (const Tensor& p : pictures) x.push_back(prepared(p));
  for (size_t i = 0; i < convolutions_.size(); ++i) {
    const nn::NamedParameters own = convolutions_[i]->parameters();      // weight and bias
    const Tensor weight = own[0].second->value, bias = own[1].second->value;
    const int64_t filters = bias.count();
    Tensors results;
    for (Tensor& t : x) {
      t = pooled(i, t);
      const Tensor y = convolutions_[i]->forward(t);
      results.push_back(reshape(y, {y.count() / filters, filters}));
    }
    const Tensor all = concat(results, 0), deviation = sqrt(variance(all, {0}) + 1e-8);
    weight.copy_from(weight / reshape(deviation, {filters, 1, 1, 1}), "standardise");
    bias.copy_from((bias - mean(all, {0})) / deviation, "standardise");
    for (Tensor& t : x) t = relu(convolutions_[i]->forward(t));
  }
}

std::shared_ptr<FeatureNetwork> drawn_feature_network(const Context& context, const std::vector<Image>& pictures, uint64_t seed, double pixels) {
  const auto network = std::make_shared<FeatureNetwork>(context, FeatureStages{{16, 16}, {32, 32}, {64, 64}, {128, 128}, {128}});
  for (const auto& [name, p] : network->parameters()) p->value.storage()->keep_as_weight();
  nn::initialise(*network, nn::Init::kaiming, seed, "features");
  constexpr int largest = 256, smallest = 32;
  const size_t each = size_t(std::max(1.0, double(pictures.size()) * smallest * smallest / pixels));    // every so-manieth is a few of them
  double in_all = 0;
  for (size_t i = 0; i < pictures.size(); i += each) in_all += style_pixels(pictures[i], 1);
  const int side = std::min(largest, int(std::sqrt(pixels / in_all)));
  Tensors seen;
  for (size_t i = 0; i < pictures.size(); i += each) seen.push_back(to_tensor(context, at_least(fitted(with_channels(pictures[i], 3), side), smallest)));
  network->standardise(seen);
  network->set_training(false);
  return network;
}

}  // namespace weft::gan
