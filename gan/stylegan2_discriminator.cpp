// StyleGAN2's discriminator: residual, each block to half the sides, and at its end the standard deviation over the batch.
#include "blocks.h"
#include "stylegan2_layers.h"

namespace weft::gan::style2 {
namespace {

class DiscriminatorBlock : public nn::Module {
 public:
  DiscriminatorBlock(const Context& c, int64_t in, int64_t out) {
    conv0_ = add("conv0", std::make_shared<Conv>(c, in, in, 3, nn::Bias::yes, Activation::leaky));
    const double half = std::sqrt(0.5);    // of the variance: two are added
    conv1_ = add("conv1", std::make_shared<Conv>(c, in, out, 3, nn::Bias::yes, Activation::leaky, true, half));
    skip_ = add("skip", std::make_shared<Conv>(c, in, out, 1, nn::Bias::no, Activation::none, true, half));
  }
  Tensor forward(const Tensor& x) override { return (*conv1_)((*conv0_)(x)) + (*skip_)(x); }

 private:
  std::shared_ptr<Conv> conv0_, conv1_, skip_;
};

class Discriminator : public nn::Module, public Conditional {
 public:
  Discriminator(const Context& c, const ModelOptions& o) {
    layers_ = add("layers", std::make_shared<nn::Sequential>());
    layers_->append("fromrgb", std::make_shared<Conv>(c, o.channels, o.width, 1, nn::Bias::yes, Activation::leaky));
    for (int side = o.size; side > kBase; side /= 2) layers_->append("b" + std::to_string(side), std::make_shared<DiscriminatorBlock>(c, channels_at(o, side), channels_at(o, side / 2)));
    const Size2 smallest = o.sides(kBase);
    const int64_t last = channels_at(o, kBase), out = labels_of(o) ? o.latent : 1;
    if (o.minibatch_std > 0) layers_->append("minibatch_std", std::make_shared<nn::MinibatchStd>(o.minibatch_std));
    layers_->append("conv", std::make_shared<Conv>(c, last + (o.minibatch_std > 0), last, 3, nn::Bias::yes, Activation::leaky));
    layers_->append("flatten", nn::Flatten());
    layers_->append("fc", std::make_shared<Dense>(c, last * smallest.h * smallest.w, last, Activation::leaky, 1, 0, nn::ImageShape{smallest.h, smallest.w, last}));
    layers_->append("out", std::make_shared<Dense>(c, last, out));
    if (labels_of(o)) embed_ = add("embed", std::make_shared<Dense>(c, labels_of(o), out));
  }
  Tensor forward(const Tensor& x) override {
    const Tensor y = (*layers_)(x);
    return embed_ ? sum(y * normalised((*embed_)(told(labels_, x))), {1}) * (1 / std::sqrt(double(y.size(1)))) : reshape(y, {x.size(0)});
  }

 private:
  std::shared_ptr<nn::Sequential> layers_;
  std::shared_ptr<Dense> embed_;
};

}  // namespace

nn::ModulePtr discriminator(const Context& context, const ModelOptions& options) { return std::make_shared<Discriminator>(context, options); }

}  // namespace weft::gan::style2
