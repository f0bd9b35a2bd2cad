// The plain convolutional GAN of textbooks: a dense layer to 8x8, then resize, 3x3 convolution and batch norm until the image is
// reached; the discriminator halves by strided 3x3 convolutions down to 8x8. No transposed convolution, so no checkerboard
// (Odena, Dumoulin and Olah, "Deconvolution and checkerboard artifacts", Distill, 2016, doi:10.23915/distill.00003).
#include "blocks.h"

namespace weft::gan {
namespace {

using nn::Bias;

constexpr int kBase = 8;
constexpr Size2 kFilter{3, 3};
constexpr ConvGeometry kSame{.pad = {1, 1}}, kHalf{.stride = {2, 2}, .pad = {1, 1}};

std::shared_ptr<nn::Sequential> generator(const Context& c, const ModelOptions& o, Size2 base, int doublings) {
  int channels = o.width << doublings;
  const auto norm = [&](nn::Sequential& to) { to.append(std::make_shared<nn::BatchNorm2d>(c, channels, 1e-5, 0.1, 0)).append(nn::Identity()); };
  nn::Sequential main;
  main.append(nn::Flatten());
  main.append(std::make_shared<nn::Linear>(c, o.latent + labels_of(o), int64_t(base.h) * base.w * channels, Bias::no, nn::ImageShape{}, nn::ImageShape{base.h, base.w, channels}));
  main.append(nn::Unflatten({base.h, base.w, channels}));
  norm(main);
  for (; doublings > 0; --doublings) {
    main.append(nn::Upsample(2));
    if (o.convolution == "separable") main.append(separable_convolution(c, channels, channels / 2, kFilter, kSame, Bias::no, 1));
    else main.append(std::make_shared<nn::Conv2d>(c, channels, channels / 2, kFilter, kSame, Bias::no));
    channels /= 2;
    norm(main);
  }
  main.append(std::make_shared<nn::Conv2d>(c, channels, o.channels, kFilter, kSame)).append(nn::Tanh());
  return under_main(std::move(main), labels_of(o));
}

std::shared_ptr<nn::Sequential> discriminator(const Context& c, const ModelOptions& o, Size2 base, int halvings) {
  const Convolve convolve{c, d_norm_of("convgan", o.d_norm), o.convolution == "separable", o.minibatch_std};
  nn::Sequential main;
  convolve.append(main, o.channels + labels_of(o), o.width, kFilter, kSame, false);
  int channels = o.width;
  for (int i = 0; i < halvings; ++i, channels *= 2) convolve.append(main, channels, channels * 2, kFilter, kHalf);
  convolve.append_logit(main, channels, base);
  return under_main(std::move(main), labels_of(o));
}

}  // namespace

Networks convgan(const Context& context, const ModelOptions& o) {
  const Size2 base = base_of("convgan", o, {16, 32, 64, 128}, kBase);
  int doublings = 0;
  while ((kBase << doublings) < o.size) ++doublings;
  check_options("convgan", o, {"concat"});
  return {generator(context, o, base, doublings), discriminator(context, o, base, doublings)};
}

}  // namespace weft::gan
