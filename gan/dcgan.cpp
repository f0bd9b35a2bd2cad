// DCGAN: Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
// networks", arXiv:1511.06434. Filters of 4x4 with stride 2 halve or double the image at every layer; batch norm everywhere
// but at the image and the last logit; ReLU in the generator, LeakyReLU(0.2) in the discriminator.
//
// Activations are fused into the layer before them; a Function that passes its input on keeps PyTorch's numbering of layers.
#include "weft/gan/model.h"

namespace weft::gan {
namespace {

using nn::Bias;

constexpr Size2 filter{4, 4};
constexpr ConvGeometry halve{.stride = {2, 2}, .pad = {1, 1}};   // and, transposed, double

nn::ModulePtr fused_above() { return nn::Identity(); }
nn::ModulePtr norm(const Context& c, int channels, double slope) { return std::make_shared<nn::BatchNorm2d>(c, channels, 1e-5, 0.1, slope); }

std::shared_ptr<nn::Sequential> under_main(nn::Sequential layers) {
  auto network = std::make_shared<nn::Sequential>();
  network->append("main", std::make_shared<nn::Sequential>(std::move(layers)));
  return network;
}

// From the smallest feature map (base x base) to the image.
std::shared_ptr<nn::Sequential> generator(const Context& c, const ModelOptions& o, int base, int doublings) {
  int channels = o.width << (doublings - 1);
  nn::Sequential main;
  if (base == 4) {
    main.append(std::make_shared<nn::ConvTranspose2d>(c, o.latent, channels, filter, ConvGeometry{}, Bias::no));
  } else {
    main.append(nn::Flatten());
    main.append(std::make_shared<nn::Linear>(c, o.latent, int64_t(base) * base * channels, Bias::no, nn::ImageShape{}, nn::ImageShape{base, base, channels}));
    main.append(nn::Unflatten({base, base, channels}));
  }
  main.append(norm(c, channels, 0)).append(fused_above());
  for (; doublings > 1; --doublings, channels /= 2) {
    main.append(std::make_shared<nn::ConvTranspose2d>(c, channels, channels / 2, filter, halve, Bias::no));
    main.append(norm(c, channels / 2, 0)).append(fused_above());
  }
  main.append(std::make_shared<nn::ConvTranspose2d>(c, channels, o.channels, filter, halve, Bias::no)).append(nn::Tanh());
  return under_main(std::move(main));
}

std::shared_ptr<nn::Sequential> discriminator(const Context& c, const ModelOptions& o, int base, int halvings) {
  nn::Sequential main;
  main.append(std::make_shared<nn::Conv2d>(c, o.channels, o.width, filter, halve, Bias::no, 0.2)).append(fused_above());
  int channels = o.width;
  for (int i = 1; i < halvings; ++i, channels *= 2) {
    main.append(std::make_shared<nn::Conv2d>(c, channels, channels * 2, filter, halve, Bias::no));
    main.append(norm(c, channels * 2, 0.2)).append(fused_above());
  }
  if (base == 4) {
    main.append(std::make_shared<nn::Conv2d>(c, channels, 1, filter, ConvGeometry{}, Bias::no)).append(nn::Flatten());
  } else {
    main.append(nn::Flatten());
    main.append(std::make_shared<nn::Linear>(c, int64_t(base) * base * channels, 1, Bias::yes, nn::ImageShape{base, base, channels}));
  }
  return under_main(std::move(main));
}

}  // namespace

Networks dcgan(const Context& context, const ModelOptions& o) {
  int halvings = 0, base = o.size;
  while (base > 7 && base % 2 == 0) base /= 2, ++halvings;
  if (o.size > 128 || halvings < 2 || (base != 4 && o.size != 28))
    throw ConfigError("dcgan makes images of 16, 28, 32, 64 or 128 pixels, not " + std::to_string(o.size) + "; choose --size 32, say");
  if (o.channels < 1 || o.width < 1 || o.latent < 1) throw ConfigError("dcgan: channels, width and latent are at least 1");
  return {generator(context, o, base, halvings), discriminator(context, o, base, halvings)};
}

}  // namespace weft::gan
