// Two networks of a few numbers for pictures of 5x5, with all that penalties and conditions have to get through: convolutions, a norm,
// kinks and curves, classes.
#pragma once
#include "one_number.h"

namespace weft::testing {

class SmallGenerator : public nn::Module, public gan::Conditional {
 public:
  SmallGenerator(const Context& c, const gan::ModelOptions& o)
      : channels_(o.channels), classes_(int64_t(o.classes.size())),
        layer_(add("layer", std::make_shared<nn::Linear>(c, o.latent + classes_, 25 * channels_))),
        filter_(add("filter", std::make_shared<nn::Conv2d>(c, channels_, channels_, Size2{3, 3}, ConvGeometry{.pad = {1, 1}}))) {}
  Tensor forward(const Tensor& z) override {
    const Tensor x = layer_->forward(classes_ ? concat({flatten(z), labels_}, 1) : flatten(z));
    return weft::tanh(filter_->forward(weft::tanh(reshape(x, {x.size(0), 5, 5, channels_}))));
  }

 private:
  int64_t channels_, classes_;
  std::shared_ptr<nn::Linear> layer_;
  std::shared_ptr<nn::Conv2d> filter_;
};

class SmallDiscriminator : public nn::Module, public gan::Conditional {
 public:
  SmallDiscriminator(const Context& c, const gan::ModelOptions& o)
      : classes_(int64_t(o.classes.size())),
        filter_(add("filter", std::make_shared<nn::Conv2d>(c, o.channels, 3, Size2{3, 3}, ConvGeometry{.stride = {2, 2}, .pad = {1, 1}}, nn::Bias::yes, 0.2))),
        norm_(add("norm", std::make_shared<nn::InstanceNorm2d>(c, 3, 1e-1, true))),
        last_(add("last", std::make_shared<nn::Linear>(c, 27, 1))),
        of_class_(classes_ ? add("of_class", std::make_shared<nn::Linear>(c, 27, classes_, nn::Bias::no)) : nullptr) {}
  Tensor forward(const Tensor& x) override {
    const Tensor features = flatten(weft::tanh(norm_->forward(filter_->forward(x))));
    const Tensor logits = reshape(last_->forward(features), {x.size(0)});
    return classes_ ? logits + sum(of_class_->forward(features) * labels_, {1}) : logits;
  }

 private:
  int64_t classes_;
  std::shared_ptr<nn::Conv2d> filter_;
  std::shared_ptr<nn::InstanceNorm2d> norm_;
  std::shared_ptr<nn::Linear> last_, of_class_;
};

inline gan::Networks small_networks(const Context& c, const gan::ModelOptions& o) { return {std::make_shared<SmallGenerator>(c, o), std::make_shared<SmallDiscriminator>(c, o)}; }

/// With initial weights of a size that all parts of the networks have something to say.
inline gan::GanOptions small_options(const char* objective = "non-saturating", double rate = 0) {
  gan::GanOptions o = by_descent(objective, rate, 2);
  o.model.size = 5, o.model.latent = 3;
  o.init = nn::Init::kaiming;
  return o;
}

}  // namespace weft::testing
