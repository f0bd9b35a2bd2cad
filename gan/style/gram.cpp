#include "style/gram.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "weft/nn/loss.h"

namespace weft::gan {
namespace {

constexpr double kSmoothness = 0.05;     // weight of the total variation
constexpr double kRate = 0.04;           // of Adam, in units of [-1, 1]
constexpr double kFineness = 0.6;        // each of the two finest changes moves at so much of the rate of the next
constexpr size_t kMostChanges = 5;
constexpr double kLeastUnit = 1e-2;      // of a style loss, in the mean square of its Gram matrix: what is nearly right already is not to outweigh the rest

/// The first tap of each stage.
std::vector<std::string> style_taps(const FeatureNetwork& network) {
  std::vector<std::string> names;
  for (size_t stage = 1; stage <= network.stages().size(); ++stage) names.push_back("relu" + std::to_string(stage) + "_1");
  return names;
}

/// relu4_2 of a VGG. A thin network keeps too little of a place that deep.
std::string content_tap(const FeatureNetwork& network) {
  const auto& names = network.tap_names();
  const char* wanted = network.stages()[0][0] < 64 ? "relu3_1" : "relu4_2";
  return std::find(names.begin(), names.end(), wanted) == names.end() ? names.back() : wanted;
}

Size2 size_of(const Tensor& x) { return {int(x.size(1)), int(x.size(2))}; }

}  // namespace

Tensor gram(const Tensor& features, const Tensor& share) {
  const int64_t channels = features.size(-1), places = features.count() / channels;
  const Tensor f = reshape(cast(features, features.context().scalar()), {places, channels});
  return matmul(f, share ? f * reshape(share, {places, 1}) : f, true) * (1 / double(places));
}

Tensor total_variation(const Tensor& x) {
  const int64_t h = x.size(1), w = x.size(2);
  const Tensor down = slice(x, 1, 1, h) - slice(x, 1, 0, h - 1), right = slice(x, 2, 1, w) - slice(x, 2, 0, w - 1);
  return mean(down * down) + mean(right * right);
}

GramLoss::GramLoss(std::shared_ptr<const FeatureNetwork> network, const Tensor& content, const std::vector<GramRegion>& regions, double strength)
    : network_(std::move(network)), names_(style_taps(*network_)), content_unit_(0), strength_(strength) {
  const NoGraph scope(content.context());
  names_.push_back(content_tap(*network_));
  const Tensors start = seen(content);
  content_ = start.back();
  int pictures = 0;
  for (const GramRegion& region : regions) {
    double weights = 0;
    for (const auto& s : region.styles) weights += s.weight;
    Tensors wanted(start.size() - 1);
    for (const auto& s : region.styles) {
      const Tensors features = seen(s.pixels);
      for (size_t i = 0; i < wanted.size(); ++i) {
        const Tensor part = gram(features[i]) * (s.weight / weights);
        wanted[i] = wanted[i] ? wanted[i] + part : part;
      }
      content_unit_ += nn::mse(resize(features.back(), size_of(content_), Resize::bilinear), content_).item();
      ++pictures;
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
      Tensor share;
      if (region.share) {
        share = resize(region.share, size_of(start[i]), Resize::bilinear);
        share = share / (mean(share) + 1e-6);
      }
      const double unit = nn::mse(gram(start[i], share), wanted[i]).item(), whole = mean(wanted[i] * wanted[i]).item();
      targets_.push_back({i, wanted[i], share, std::max(unit, kLeastUnit * whole)});
    }
  }
  content_unit_ = std::max(content_unit_ / std::max(pictures, 1), 1e-12);   // 0 where content and style are one picture
}

/// The palette (each pixel with a 1 beside it, so that its Gram matrix holds mean and covariance), the style taps, the content tap.
Tensors GramLoss::seen(const Tensor& pixels) const {
  Tensors all = network_->taps(pixels, names_);
  all.insert(all.begin(), concat({pixels, pixels.context().full({1, pixels.size(1), pixels.size(2), 1}, 1)}, 3));
  return all;
}

GramLoss::Terms GramLoss::operator()(const Tensor& pixels) const {
  const Tensors features = seen(pixels);
  Terms t;
  for (const Target& target : targets_) {
    const Tensor one = nn::mse(gram(features[target.tap], target.share), target.gram) * (1 / (target.unit * double(targets_.size())));
    t.style = t.style ? t.style + one : one;
  }
  t.content = nn::mse(features.back(), content_) * (1 / content_unit_);
  t.smoothness = total_variation(pixels);
  t.total = t.content * (1 - strength_) + t.style * strength_ + t.smoothness * kSmoothness;
  return t;
}

GramLevel::GramLevel(GramLoss loss, const Tensor& start, const Tensor& palette, int steps)
    : Level(start), loss_(std::move(loss)), start_(start), palette_(palette), steps_(steps) {
  int64_t h = start.size(1), w = start.size(2);
  while (changes_.size() < kMostChanges && std::min(h, w) >= 4) {
    const Shape shape{1, h, w, 3};
    const Context context = start.context();
    changes_.push_back({context.zeros(shape), context.zeros(shape), context.zeros(shape)});
    h = (h + 1) / 2, w = (w + 1) / 2;
  }
}

Tensor GramLevel::changed(const Tensors& changes) const {
  Tensor x = start_;
  for (const Tensor& c : changes) x = x + resize(matmul(c, palette_), size_of(start_), Resize::bilinear);
  return x;
}

void GramLevel::step(int) {
  const Context context = start_.context();
  Tensors changes;
  for (const Change& c : changes_) changes.push_back(c.value.leaf());
  Tensors gradients;
  {
    const Context::Recording on(context, true);
    terms_ = loss_(changed(changes));
    gradients = grad(terms_.total, changes);
  }
  OptimizerSettings adam;
  adam.beta2 = 0.99;
  StepState::Update& u = context.step_state().update[0];
  ++done_;
  u.learning_rate = kRate * std::min(1.0, 2.0 * (steps_ + 1 - done_) / steps_);
  u.bias_correction1 = 1 - std::pow(adam.beta1, done_), u.bias_correction2 = 1 - std::pow(adam.beta2, done_);
  context.publish_step_state();
  const NoGraph off(context);
  for (size_t k = 0; k < changes_.size(); ++k) {
    adam.rate_scale = std::pow(kFineness, std::max(0.0, 2.0 - double(k)));
    optimizer_step(adam, {changes_[k].value, gradients[k], changes_[k].m, changes_[k].v}, 0);
  }
  for (size_t k = 0; k < changes_.size(); ++k) changes[k] = changes_[k].value;
  picture = clamp(changed(changes), -1, 1);
}

Tensor palette_root(const Tensors& pictures) {
  Eigen::Vector3d sum = Eigen::Vector3d::Zero();
  Eigen::Matrix3d products = Eigen::Matrix3d::Zero();
  double count = 0;
  for (const Tensor& picture : pictures) {
    const std::vector<double> values = picture.values();
    for (size_t i = 0; i < values.size(); i += 3, ++count) {
      const Eigen::Vector3d colour(&values[i]);
      sum += colour, products += colour * colour.transpose();
    }
  }
  const Eigen::Matrix3d covariance = products / count - sum / count * (sum / count).transpose() + 1e-3 * Eigen::Matrix3d::Identity();   // a palette of one colour still moves a little
  const Eigen::Matrix3d root = covariance.llt().matrixL();           // its columns, one after the other, are the rows of its transposed
  std::vector<double> rows(root.data(), root.data() + 9);
  for (double& v : rows) v /= std::sqrt(covariance.trace() / 3);
  return pictures[0].context().from(rows, {3, 3});
}

}  // namespace weft::gan
