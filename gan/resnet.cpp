// SN-GAN: Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial networks", arXiv:1802.05957,
// tables 3 to 5. Residual blocks; batch norm in the generator, spectral norm in every layer of the discriminator.
//
// Conditional: batch norms of the generator with a scale and a shift a class, and a discriminator whose logit is that of the picture
// alone plus <embedding of the class, features of the picture> (Miyato and Koyama, arXiv:1802.05637).
//
// A 1x1 convolution and a resize are linear maps of channels and of places, so they commute: the shortcut convolves on the smaller side.
#include "blocks.h"

namespace weft::gan {
namespace {

using nn::Bias;

constexpr int kBase = 4;
constexpr Size2 k3{3, 3}, k1{1, 1};
constexpr ConvGeometry kSame{.pad = {1, 1}};

/// x + conv(relu(norm(conv(up(relu(norm(x))))))), of twice the sides.
class GeneratorBlock : public nn::Module {
 public:
  using Norm = std::function<nn::ModulePtr(int64_t channels)>;

  GeneratorBlock(const Context& c, int64_t in, int64_t out, const Norm& norm) {
    norm1_ = add("norm1", norm(in));
    conv1_ = add("conv1", std::make_shared<nn::Conv2d>(c, in, out, k3, kSame));
    norm2_ = add("norm2", norm(out));
    conv2_ = add("conv2", std::make_shared<nn::Conv2d>(c, out, out, k3, kSame));
    shortcut_ = add("shortcut", std::make_shared<nn::Conv2d>(c, in, out, k1));
  }

  Tensor forward(const Tensor& x) override {
    const Size2 twice{int(x.size(1)) * 2, int(x.size(2)) * 2};
    const Tensor h = (*conv1_)(resize((*norm1_)(x), twice));
    return (*conv2_)((*norm2_)(h)) + resize((*shortcut_)(x), twice);
  }

 private:
  nn::ModulePtr norm1_, norm2_;
  std::shared_ptr<nn::Conv2d> conv1_, conv2_, shortcut_;
};

/// Channels at a side of `side` pixels: 4 widths for pictures of 32, else doubling from the picture inwards, up to 16 widths.
int64_t generator_channels(const ModelOptions& o, int side) { return int64_t(o.width) * (o.size == 32 ? 4 : std::min(16, o.size / side)); }

class Generator : public nn::Module, public Conditional {
 public:
  Generator(const Context& c, const ModelOptions& o) : base_(o.sides(kBase)) {
    const GeneratorBlock::Norm norm = [&](int64_t channels) -> nn::ModulePtr {
      if (!labels_of(o)) return std::make_shared<nn::BatchNorm2d>(c, channels, 1e-5, 0.1, 0);
      told_.push_back(std::make_shared<nn::ConditionalBatchNorm2d>(c, channels, labels_of(o), 1e-5, 0.1, 0));
      return told_.back();
    };
    const int64_t base = generator_channels(o, kBase);
    dense_ = add("dense", std::make_shared<nn::Linear>(c, o.latent, int64_t(base_.h) * base_.w * base, Bias::yes, nn::ImageShape{}, nn::ImageShape{base_.h, base_.w, base}));
    blocks_ = add("blocks", std::make_shared<nn::Sequential>());
    for (int side = kBase; side < o.size; side *= 2)
      blocks_->append(std::make_shared<GeneratorBlock>(c, generator_channels(o, side), generator_channels(o, side * 2), norm));
    const int64_t last = generator_channels(o, o.size);
    norm_ = add("norm", std::make_shared<nn::BatchNorm2d>(c, last, 1e-5, 0.1, 0));
    to_image_ = add("to_image", std::make_shared<nn::Conv2d>(c, last, o.channels, k3, kSame));
  }

  void set_condition(const Tensor& labels) override {
    for (const auto& norm : told_) norm->set_condition(labels);
  }
  Tensor forward(const Tensor& z) override {
    const Tensor h = (*dense_)(flatten(z));
    return tanh((*to_image_)((*norm_)((*blocks_)(reshape(h, {z.size(0), base_.h, base_.w, h.size(1) / (base_.h * base_.w)})))));
  }

 private:
  Size2 base_;
  std::vector<std::shared_ptr<nn::ConditionalBatchNorm2d>> told_;
  std::shared_ptr<nn::Linear> dense_;
  std::shared_ptr<nn::Sequential> blocks_;
  std::shared_ptr<nn::BatchNorm2d> norm_;
  std::shared_ptr<nn::Conv2d> to_image_;
};

/// x + conv(relu(conv(relu(x)))), of half the sides if `halves`; at the picture without the first ReLU.
class DiscriminatorBlock : public nn::Module {
 public:
  DiscriminatorBlock(const Context& c, int64_t in, int64_t out, bool halves, bool at_picture, bool spectral) : halves_(halves), at_picture_(at_picture) {
    conv1_ = add("conv1", bounded(std::make_shared<nn::Conv2d>(c, in, out, k3, kSame), spectral));
    conv2_ = add("conv2", bounded(std::make_shared<nn::Conv2d>(c, out, out, k3, kSame), spectral));
    if (in != out || halves) shortcut_ = add("shortcut", bounded(std::make_shared<nn::Conv2d>(c, in, out, k1), spectral));
  }

  Tensor forward(const Tensor& x) override {
    const auto smaller = [this](const Tensor& t) { return halves_ ? average_pool(t, {}) : t; };
    const Tensor h = smaller((*conv2_)(relu((*conv1_)(at_picture_ ? x : relu(x)))));
    return h + (shortcut_ ? (*shortcut_)(smaller(x)) : x);
  }

 private:
  std::shared_ptr<nn::Conv2d> conv1_, conv2_, shortcut_;
  bool halves_, at_picture_;
};

class Discriminator : public nn::Module, public Conditional {
 public:
  Discriminator(const Context& c, const ModelOptions& o) {
    const bool spectral = d_norm_of("resnet", o.d_norm, {DNorm::none, DNorm::spectral}) == DNorm::spectral, small = o.size == 32;
    blocks_ = add("blocks", std::make_shared<nn::Sequential>());
    const int smallest = small ? 8 : 4, plain = small ? 2 : 1;
    int64_t in = o.channels;
    for (int side = o.size, i = 0, after = 0; after < plain; ++i) {
      const bool halves = side > smallest;
      const int64_t out = int64_t(o.width) * (small ? 2 : std::min(16, 1 << i));
      blocks_->append(std::make_shared<DiscriminatorBlock>(c, in, out, halves, i == 0, spectral));
      in = out;
      halves ? void(side /= 2) : void(++after);
    }
    logit_ = add("logit", bounded(std::make_shared<nn::Linear>(c, in, 1), spectral));
    if (labels_of(o)) embedding_ = add("embedding", bounded(std::make_shared<nn::Linear>(c, labels_of(o), in, Bias::no), spectral));
  }

  Tensor forward(const Tensor& x) override {
    const Tensor features = sum(relu((*blocks_)(x)), {1, 2});                 // (N, C)
    const Tensor logit = reshape((*logit_)(features), {x.size(0)});
    return embedding_ ? logit + sum((*embedding_)(told(labels_, x)) * features, {1}) : logit;
  }

 private:
  std::shared_ptr<nn::Sequential> blocks_;
  std::shared_ptr<nn::Linear> logit_, embedding_;
};

}  // namespace

Networks resnet(const Context& context, const ModelOptions& o) {
  base_of("resnet", o, {32, 64, 128}, kBase);
  check_options("resnet", o, {"projection"});
  return {std::make_shared<Generator>(context, o), std::make_shared<Discriminator>(context, o)};
}

}  // namespace weft::gan
