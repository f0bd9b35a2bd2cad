// Layers of StyleGAN2: Karras et al., "Analyzing and improving the image quality of StyleGAN", arXiv:1912.04958.
//
// Weights begin as N(0, 1) and are scaled where they are used by 1 / sqrt(fan_in) ("equalised"), so that all of them learn equally fast.
// LeakyReLU(0.2) comes with a factor of sqrt(2), which keeps the variance. Names in files follow those of stylegan2-ada-pytorch,
// with a stage's layers side by side: b8_conv0 for its b8.conv0.
#pragma once
#include <algorithm>
#include <cmath>

#include "weft/gan/model.h"

namespace weft::gan::style2 {

constexpr int kBase = 4;                 // the smallest side

/// `width` at the picture, doubling inwards up to eight times that.
inline int64_t channels_at(const ModelOptions& o, int side) { return int64_t(o.width) * std::min(8, o.size / side); }

/// (N,C), each row to unit second moment.
Tensor normalised(const Tensor& x);

nn::ModulePtr discriminator(const Context& context, const ModelOptions& options);

enum class Activation { none, leaky };

/// The FIR resampling between sizes: [1 3 3 1], to twice the sides and to half of them.
Tensor doubled(const Tensor& x);
Tensor halved(const Tensor& x);

/// A convolution whose filters each sample scales by its styles, input channel by input channel; demodulated, each output channel of each
/// sample has a filter of length 1 again: w'[n,k,r,s,c] = styles[n,c] w[k,r,s,c], divided by its length over (r, s, c). Done by scaling
/// what goes in and what comes out, which is the same and needs one filter for all samples.
/// @param x       (N,H,W,C)
/// @param w       (K,R,R,C), R odd
/// @param styles  (N,C)
/// @param up      to twice the sides: transposed convolution of stride 2, then the FIR filter
/// @param bias    (K), added at the end
/// @param factor  of all but the bias, > 0
Tensor modulated_convolution(const Tensor& x, const Tensor& w, const Tensor& styles, bool demodulate, bool up, const Tensor& bias, double factor = 1);

/// y = activation(x (scale w)' + b), with a learning rate of `rate` times that of others.
class Dense : public nn::Module {
 public:
  Dense(const Context& context, int64_t in, int64_t out, Activation activation = Activation::none, double rate = 1, double bias = 0, nn::ImageShape input = {});
  Tensor forward(const Tensor& x) override;

 private:
  std::shared_ptr<nn::Parameter> weight_, bias_;
  double scale_, bias_scale_, slope_;
};

/// A convolution of the discriminator, `down`: to half the sides, behind the FIR filter. The result is `factor` (> 0) times as large.
class Conv : public nn::Module {
 public:
  Conv(const Context& context, int64_t in, int64_t out, int filter, nn::Bias bias, Activation activation, bool down = false, double factor = 1);
  Tensor forward(const Tensor& x) override;

 private:
  std::shared_ptr<nn::Parameter> weight_, bias_;
  double scale_, bias_scale_, slope_;
  bool down_;
};

/// A modulated convolution with what belongs to it: styles from w by `affine`, noise (N,H,W,1) of a learned strength, bias, activation.
/// Noise is drawn anew in training, and one fixed picture in evaluation.
class Layer : public nn::Module {
 public:
  Layer(const Context& context, int64_t in, int64_t out, int64_t w, Size2 sides, bool up, uint64_t stream);
  Tensor forward(const Tensor&) override { throw Error("a layer of stylegan2 needs its styles as well"); }
  Tensor forward(const Tensor& x, const Tensor& w);

 private:
  std::shared_ptr<Dense> affine_;
  std::shared_ptr<nn::Parameter> weight_, bias_, noise_strength_, noise_const_;
  uint64_t stream_;
  bool up_;
};

/// What a stage adds to the picture: 1x1, modulated, not demodulated.
class ToPicture : public nn::Module {
 public:
  ToPicture(const Context& context, int64_t in, int64_t out, int64_t w);
  Tensor forward(const Tensor&) override { throw Error("a layer of stylegan2 needs its styles as well"); }
  Tensor forward(const Tensor& x, const Tensor& w);

 private:
  std::shared_ptr<Dense> affine_;
  std::shared_ptr<nn::Parameter> weight_, bias_;
  double scale_;
};

}  // namespace weft::gan::style2
