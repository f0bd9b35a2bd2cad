// DCGAN: Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
// networks", arXiv:1511.06434. Filters of 4x4 with stride 2 halve or double the image at every layer; batch norm everywhere
// but at the image and the last logit; ReLU in the generator, LeakyReLU(0.2) in the discriminator.
//
// Forms of it, by options: a dense stem; filters of 5x5; resize, then convolve (3x3 or 5x5), which leaves no checkerboard;
// separable convolutions between the layers at the image and those at the noise; other norms in the discriminator; labels as
// further channels of noise and image (Mirza and Osindero, arXiv:1411.1784).
//
// Activations are fused into the layer before them; a Function that passes its input on keeps PyTorch's numbering of layers.
#include "blocks.h"
#include "weft/gan/translation.h"

namespace weft::gan {
namespace {

using nn::Bias;

/// Doubling layers of the generator.
class Doubling {
 public:
  Doubling(const Context& c, const ModelOptions& o)
      : c_(c), up_(upsampling_of(o.upsampling)), kernel_(o.kernel), separable_(o.convolution == "separable") {}

  void append(nn::Sequential& to, int in, int out, Bias bias, bool at_image = false) const {
    const bool separable = separable_ && !at_image;
    if (up_ != Upsampling::transposed) {
      to.append(nn::Upsample(2, up_ == Upsampling::nearest ? Resize::nearest : Resize::bilinear));
      const int k = kernel_ == 4 ? 3 : kernel_;
      const ConvGeometry same{.pad = {k / 2, k / 2}};
      if (separable) to.append(separable_convolution(c_, in, out, {k, k}, same, bias, 1));
      else to.append(std::make_shared<nn::Conv2d>(c_, in, out, Size2{k, k}, same, bias));
      return;
    }
    const int odd = kernel_ % 2;
    ConvGeometry doubled{.stride = {2, 2}, .pad = {1 + odd, 1 + odd}, .output_pad = {odd, odd}};
    const Size2 filter{kernel_, kernel_};
    if (!separable) return void(to.append(std::make_shared<nn::ConvTranspose2d>(c_, in, out, filter, doubled, bias)));
    doubled.groups = in;
    nn::Sequential both;
    both.append(std::make_shared<nn::ConvTranspose2d>(c_, in, in, filter, doubled, Bias::no));
    both.append(std::make_shared<nn::Conv2d>(c_, in, out, Size2{1, 1}, ConvGeometry{}, bias));
    to.append(std::make_shared<nn::Sequential>(std::move(both)));
  }

 private:
  const Context& c_;
  Upsampling up_;
  int kernel_;
  bool separable_;
};

void append_norm(nn::Sequential& to, const Context& c, int channels) {
  to.append(std::make_shared<nn::BatchNorm2d>(c, channels, 1e-5, 0.1, 0)).append(nn::Identity());
}

// From the smallest feature map to the image.
std::shared_ptr<nn::Sequential> generator(const Context& c, const ModelOptions& o, Size2 base, int doublings) {
  int channels = o.width << (doublings - 1);
  const int noise = o.latent + labels_of(o);
  nn::Sequential main;
  if (std::min(base.h, base.w) == 4 && o.stem == "transposed") {
    main.append(std::make_shared<nn::ConvTranspose2d>(c, noise, channels, base, ConvGeometry{}, Bias::no));
  } else {
    main.append(nn::Flatten());
    main.append(std::make_shared<nn::Linear>(c, noise, int64_t(base.h) * base.w * channels, Bias::no, nn::ImageShape{}, nn::ImageShape{base.h, base.w, channels}));
    main.append(nn::Unflatten({base.h, base.w, channels}));
  }
  append_norm(main, c, channels);
  const Doubling doubling(c, o);
  for (; doublings > 1; --doublings, channels /= 2) {
    doubling.append(main, channels, channels / 2, Bias::no);
    append_norm(main, c, channels / 2);
  }
  doubling.append(main, channels, o.channels, Bias::no, true);
  main.append(nn::Tanh());
  return under_main(std::move(main), labels_of(o));
}

std::shared_ptr<nn::Sequential> discriminator(const Context& c, const ModelOptions& o, Size2 base, int halvings) {
  const int pad = o.kernel == 4 ? 1 : 2;
  const ConvGeometry halved{.stride = {2, 2}, .pad = {pad, pad}};
  const Size2 filter{o.kernel, o.kernel};
  const Convolve convolve{c, d_norm_of("dcgan", o.d_norm), o.convolution == "separable", o.minibatch_std};
  nn::Sequential main;
  convolve.append(main, o.channels + labels_of(o), o.width, filter, halved, false);
  int channels = o.width;
  for (int i = 1; i < halvings; ++i, channels *= 2) convolve.append(main, channels, channels * 2, filter, halved);
  convolve.append_logit(main, channels, base);
  return under_main(std::move(main), labels_of(o));
}

}  // namespace

Networks dcgan(const Context& context, const ModelOptions& o) {
  const Size2 base = base_of("dcgan", o, {16, 28, 32, 64, 128}, 4);
  int halvings = 0;
  while (std::min(base.h, base.w) << halvings < o.size) ++halvings;
  check_options("dcgan", o, {"concat"});
  if (o.kernel != 4 && o.kernel != 5) throw ConfigError("dcgan: filters are of 4x4 or 5x5, not " + std::to_string(o.kernel));
  return {generator(context, o, base, halvings), discriminator(context, o, base, halvings)};
}

}  // namespace weft::gan
