// Pieces that several of the networks are made of.
#pragma once
#include "weft/gan/translation.h"

namespace weft::gan {

inline constexpr Size2 k3{3, 3}, k4{4, 4}, k7{7, 7};
inline constexpr ConvGeometry halve4{.stride = {2, 2}, .pad = {1, 1}};   // of 4x4 filters; transposed: doubles

/// A norm with a LeakyReLU of `slope` behind it; whether a layer before it needs a bias is has_bias(norm).
inline nn::ModulePtr make_norm(const Context& c, Norm norm, int64_t channels, double slope) {
  if (norm == Norm::instance) return std::make_shared<nn::InstanceNorm2d>(c, channels, 1e-5, false, slope);
  return std::make_shared<nn::BatchNorm2d>(c, channels, 1e-5, 0.1, slope);
}
// A bias before an instance norm without parameters has no effect; it is there because the published weights have it.
inline nn::Bias has_bias(Norm norm) { return norm == Norm::instance ? nn::Bias::yes : nn::Bias::no; }

/// Low-pass [1 2 1]/4, then every other pixel.
inline nn::ModulePtr blurred_halving() {
  return std::make_shared<nn::Function>([](const Tensor& x) { return filter(x, {0.25, 0.5, 0.25}, 2); });
}

using MakeNorm = std::function<nn::ModulePtr(int64_t channels, double slope)>;

/// x + conv(relu(conv(x))), 3x3 with reflected borders and a norm behind each.
class ResidualBlock : public nn::Module {
 public:
  ResidualBlock(const Context& context, int64_t channels, const MakeNorm& norm);
  Tensor forward(const Tensor& x) override { return x + block_->forward(x); }

 private:
  std::shared_ptr<nn::Sequential> block_;
};

/// The encoder half and the decoder half of the ResNet generator, appended to a network.
void append_encoder(nn::Sequential& to, const Context&, int in, int width, bool antialias, const MakeNorm&);
void append_decoder(nn::Sequential& to, const Context&, int out, int width, Upsampling, const MakeNorm&);

}  // namespace weft::gan
