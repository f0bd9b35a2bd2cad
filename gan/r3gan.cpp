// R3GAN: Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A modern baseline GAN", arXiv:2501.05441, config E.
// Bottleneck residual blocks that widen (1x1, grouped 3x3, 1x1), LeakyReLU, no norm anywhere. What norms would do at the beginning the
// initial values do: the last layer of each block begins at 0 and the others are scaled down by the number of blocks (fix-up, Zhang et
// al., arXiv:1901.09321). Resampling is bilinear ([1 3 3 1]), 4x4 is reached by a learned basis and left by one.
//
// It is stable by its loss (relativistic pairing with R1 and R2), so play it with those. Conditional: the embedded class beside the noise,
// and the discriminator's output is <embedding of the class, features>.
#include <cmath>

#include "blocks.h"

namespace weft::gan {
namespace {

using nn::Bias;

constexpr double kSlope = 0.2;
constexpr int kBlocks = 2, kExpansion = 2, kGroup = 16, kBase = 4;   // blocks a stage; channels a group of the 3x3
const double kGain = std::sqrt(2 / (1 + kSlope * kSlope));

/// A layer whose weight begins as N(0, (gain / sqrt(fan_in))^2), and its bias at 0.
template <class Layer, class... Arguments>
std::shared_ptr<Layer> begun(double gain, Arguments&&... arguments) {
  auto layer = std::make_shared<Layer>(std::forward<Arguments>(arguments)...);
  for (const auto& [name, p] : layer->parameters()) p->begins = nn::Normal{0, p->role == nn::Role::weight ? gain / std::sqrt(double(p->fan_in)) : 0};
  return layer;
}

class Block : public nn::Module {
 public:
  Block(const Context& c, int64_t channels, int blocks) {
    const double gain = kGain * std::pow(double(blocks), -0.25);
    const int64_t wide = channels * kExpansion;
    const ConvGeometry grouped{.pad = {1, 1}, .groups = int(std::max<int64_t>(1, wide / kGroup))};
    conv1_ = add("conv1", begun<nn::Conv2d>(gain, c, channels, wide, Size2{1, 1}, ConvGeometry{}, Bias::yes, kSlope));
    conv2_ = add("conv2", begun<nn::Conv2d>(gain, c, wide, wide, Size2{3, 3}, grouped, Bias::yes, kSlope));
    conv3_ = add("conv3", begun<nn::Conv2d>(0, c, wide, channels, Size2{1, 1}, ConvGeometry{}, Bias::no));
  }
  Tensor forward(const Tensor& x) override { return x + (*conv3_)((*conv2_)((*conv1_)(x))); }

 private:
  std::shared_ptr<nn::Conv2d> conv1_, conv2_, conv3_;
};

/// The noise's linear map, times a learned picture a channel: (N, noise) -> (N, side.h, side.w, C).
class GenerativeBasis : public nn::Module {
 public:
  GenerativeBasis(const Context& c, Size2 side, int64_t noise, int64_t channels) {
    basis_ = add("basis", nn::Parameter{c.zeros({side.h, side.w, channels}).leaf(), {}, nn::Role::weight, 1, 1, {{side.h, side.w, channels}, {2, 0, 1}, {channels, side.h, side.w}}});
    basis_->begins = nn::Normal{0, 1};
    linear_ = add("linear", begun<nn::Linear>(1, c, noise, channels, Bias::no));
  }
  Tensor forward(const Tensor& z) override {
    const Tensor scale = (*linear_)(flatten(z));
    return reshape(scale, {z.size(0), 1, 1, scale.size(1)}) * basis_->value;
  }

 private:
  std::shared_ptr<nn::Parameter> basis_;
  std::shared_ptr<nn::Linear> linear_;
};

/// Its counterpart: (N, side.h, side.w, C) -> (N, out).
std::shared_ptr<nn::Sequential> discriminative_basis(const Context& c, Size2 side, int64_t channels, int64_t out) {
  auto both = std::make_shared<nn::Sequential>();
  both->append("basis", begun<nn::Conv2d>(1, c, channels, channels, side, ConvGeometry{.groups = int(channels)}, Bias::no));
  both->append("flatten", nn::Flatten());
  both->append("linear", begun<nn::Linear>(1, c, channels, out, Bias::no));
  return both;
}

nn::ModulePtr resampled(int up, int down) {
  const double scale = up == 2 ? 4 : 8;
  return std::make_shared<nn::Function>([=](const Tensor& x) { return upfirdn(x, {1 / scale, 3 / scale, 3 / scale, 1 / scale}, up, down, up, 1); });
}

/// At a side of `side` pixels: `width` at the picture, doubling inwards until 32 pixels.
int64_t channels_at(const ModelOptions& o, int side) { return int64_t(o.width) * std::max(1, o.size / std::max(side, 32)); }

int stages(const ModelOptions& o) { return int(std::lround(std::log2(o.size / kBase))) + 1; }

class Generator : public nn::Module, public Conditional {
 public:
  Generator(const Context& c, const ModelOptions& o) {
    layers_ = add("layers", std::make_shared<nn::Sequential>());
    if (labels_of(o)) embedding_ = add("embedding", begun<nn::Linear>(1, c, labels_of(o), o.latent, Bias::no));
    layers_->append(std::make_shared<GenerativeBasis>(c, o.sides(kBase), o.latent * (labels_of(o) ? 2 : 1), channels_at(o, kBase)));
    for (int side = kBase; side <= o.size; side *= 2) {
      if (side > kBase && channels_at(o, side / 2) != channels_at(o, side))
        layers_->append(begun<nn::Conv2d>(1, c, channels_at(o, side / 2), channels_at(o, side), Size2{1, 1}, ConvGeometry{}, Bias::no));
      if (side > kBase) layers_->append(resampled(2, 1));
      for (int i = 0; i < kBlocks; ++i) layers_->append(std::make_shared<Block>(c, channels_at(o, side), kBlocks * stages(o)));
    }
    layers_->append(begun<nn::Conv2d>(1, c, o.width, o.channels, Size2{1, 1}, ConvGeometry{}, Bias::no));
  }
  Tensor forward(const Tensor& z) override { return (*layers_)(embedding_ ? with_labels(z, (*embedding_)(told(labels_, z))) : z); }

 private:
  std::shared_ptr<nn::Sequential> layers_;
  std::shared_ptr<nn::Linear> embedding_;
};

class Discriminator : public nn::Module, public Conditional {
 public:
  Discriminator(const Context& c, const ModelOptions& o) {
    const int64_t out = labels_of(o) ? o.latent : 1;
    layers_ = add("layers", std::make_shared<nn::Sequential>());
    layers_->append(begun<nn::Conv2d>(1, c, o.channels, o.width, Size2{1, 1}, ConvGeometry{}, Bias::no));
    for (int side = o.size; side >= kBase; side /= 2) {
      for (int i = 0; i < kBlocks; ++i) layers_->append(std::make_shared<Block>(c, channels_at(o, side), kBlocks * stages(o)));
      if (side == kBase) break;
      layers_->append(resampled(1, 2));
      if (channels_at(o, side) != channels_at(o, side / 2))
        layers_->append(begun<nn::Conv2d>(1, c, channels_at(o, side), channels_at(o, side / 2), Size2{1, 1}, ConvGeometry{}, Bias::no));
    }
    layers_->append(discriminative_basis(c, o.sides(kBase), channels_at(o, kBase), out));
    if (labels_of(o)) embedding_ = add("embedding", begun<nn::Linear>(1 / std::sqrt(double(out)), c, labels_of(o), out, Bias::no));
  }
  Tensor forward(const Tensor& x) override {
    const Tensor features = (*layers_)(x);
    return embedding_ ? sum(features * (*embedding_)(told(labels_, x)), {1}) : reshape(features, {x.size(0)});
  }

 private:
  std::shared_ptr<nn::Sequential> layers_;
  std::shared_ptr<nn::Linear> embedding_;
};

}  // namespace

Networks r3gan(const Context& context, const ModelOptions& o) {
  base_of("r3gan", o, {16, 32, 64, 128, 256}, kBase);
  check_options("r3gan", o, {"projection"});
  d_norm_of("r3gan", o.d_norm, {DNorm::none});
  if (o.width % (kGroup / kExpansion)) throw ConfigError("r3gan: width = " + std::to_string(o.width) + "; its grouped filters want a multiple of " + std::to_string(kGroup / kExpansion));
  return {std::make_shared<Generator>(context, o), std::make_shared<Discriminator>(context, o)};
}

}  // namespace weft::gan
