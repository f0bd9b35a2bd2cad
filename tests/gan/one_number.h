// Networks so small that what they learn can be worked out by hand, played with by the real trainer.
#pragma once
#include "weft/gan/gan.h"

namespace weft::testing {

inline Context in_double() { return Context::open("cpu", {DType::f64, 1}); }

/// A parameter of one number, or of a row of them.
inline nn::Parameter numbers(const Context& context, const Shape& shape) { return {context.zeros(shape).leaf(), {}, nn::Role::weight, 1, 1, {}}; }

/// x = theta + z: a distribution of latents, moved.  (N,1,1,c) -> (N,1,1,c)
class Shift : public nn::Module {
 public:
  Shift(const Context& context, int64_t channels) : theta_(add("theta", numbers(context, {channels}))) {}
  Tensor forward(const Tensor& z) override { return z + theta_->value; }

 private:
  std::shared_ptr<nn::Parameter> theta_;
};

/// logit = <w, x> + b, or <w, x> alone.  (N,1,1,c) -> (N)
class Line : public nn::Module {
 public:
  Line(const Context& context, int64_t channels, bool with_offset) : w_(add("w", numbers(context, {channels}))) {
    if (with_offset) b_ = add("b", numbers(context, {1}));
  }
  Tensor forward(const Tensor& x) override {
    const Tensor logits = sum(flatten(x) * w_->value, {1});
    return b_ ? logits + b_->value : logits;
  }

 private:
  std::shared_ptr<nn::Parameter> w_, b_;
};

inline gan::Networks line_through_zero(const Context& c, const gan::ModelOptions& o) { return {std::make_shared<Shift>(c, o.channels), std::make_shared<Line>(c, o.channels, false)}; }
inline gan::Networks line(const Context& c, const gan::ModelOptions& o) { return {std::make_shared<Shift>(c, o.channels), std::make_shared<Line>(c, o.channels, true)}; }

inline gan::Model model_of(gan::Networks (*build)(const Context&, const gan::ModelOptions&)) { return {"by hand", "", "", build}; }

/// Plain gradient descent at this rate, and points of `channels` numbers.
inline gan::GanOptions by_descent(const char* objective, double rate, int channels = 1) {
  gan::GanOptions o;
  o.model.size = 1, o.model.channels = channels, o.model.latent = channels;
  o.objective = &gan::find_objective(objective);
  for (nn::OptimizerOptions* side : {&o.generator, &o.discriminator}) side->settings.kind = OptimizerKind::sgd, side->settings.beta1 = 0, side->learning_rate = rate;
  return o;
}

inline Tensor first_parameter(const nn::Module& network) { return network.parameters()[0].second->value; }

}  // namespace weft::testing
