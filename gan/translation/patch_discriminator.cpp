#include "blocks.h"

namespace weft::gan {
namespace {

// C64, C128, C256, C512, 1: 4x4 filters, all but the last two of them halving.
std::shared_ptr<nn::Sequential> one_scale(const Context& c, const PatchOptions& o) {
  auto layers = std::make_shared<nn::Sequential>();
  const ConvGeometry halve = o.antialias ? ConvGeometry{.pad = {1, 1}} : halve4, keep{.pad = {1, 1}};
  const auto conv = [&](int64_t in, int64_t out, const ConvGeometry& g, nn::Bias bias, double slope = 1) {
    layers->append(std::make_shared<nn::Conv2d>(c, in, out, k4, g, bias, slope));
  };
  conv(o.in, o.width, halve, nn::Bias::yes, 0.2);
  layers->append(nn::Identity());
  if (o.antialias) layers->append(blurred_halving());
  int64_t channels = o.width;
  for (int i = 1; i <= o.layers; ++i) {
    const bool halves = i < o.layers;
    const int64_t next = int64_t(o.width) << std::min(i, 3);
    conv(channels, next, halves ? halve : keep, has_bias(o.norm));
    layers->append(make_norm(c, o.norm, next, 0.2)).append(nn::Identity());
    if (halves && o.antialias) layers->append(blurred_halving());
    channels = next;
  }
  conv(channels, 1, keep, nn::Bias::yes);
  return layers;
}

}  // namespace

PatchDiscriminator::PatchDiscriminator(const Context& context, const PatchOptions& o) {
  if (o.in < 1 || o.width < 1 || o.layers < 1 || o.scales < 1)
    throw ConfigError("a patch discriminator has at least 1 channel, width, layer and scale, not " + std::to_string(o.in) + ", " + std::to_string(o.width) + ", " +
                      std::to_string(o.layers) + " and " + std::to_string(o.scales));
  for (int i = 0; i < o.scales; ++i)
    scales_.insert(scales_.begin(), add(o.scales == 1 ? "model" : "layer" + std::to_string(i), one_scale(context, o)));
}

Tensors PatchDiscriminator::logits(const Tensor& x) const {
  Tensors found;
  Tensor at_scale = x;
  for (const auto& scale : scales_) {
    if (!found.empty()) at_scale = average_pool(at_scale, {{3, 3}, {2, 2}, {1, 1}}, false);
    found.push_back(scale->forward(at_scale));
  }
  return found;
}

Tensor discriminator_loss(const Objective& objective, const Tensors& real, const Tensors& fake) {
  Tensor total = objective.discriminator(real[0], fake[0], 1);
  for (size_t i = 1; i < real.size(); ++i) total = total + objective.discriminator(real[i], fake[i], 1);
  return total;
}

Tensor generator_loss(const Objective& objective, const Tensors& fake) {
  Tensor total = objective.generator({}, fake[0]);
  for (size_t i = 1; i < fake.size(); ++i) total = total + objective.generator({}, fake[i]);
  return total;
}

}  // namespace weft::gan
