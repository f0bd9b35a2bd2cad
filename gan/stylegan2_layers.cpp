#include "stylegan2_layers.h"

namespace weft::gan::style2 {
namespace {

nn::Parameter begun(const Tensor& value, double mean, double spread, nn::DiskLayout disk = {}, bool trainable = true) {
  nn::Parameter p{trainable ? value.leaf() : value, {}, nn::Role::weight, 1, 1, std::move(disk), trainable};
  p.begins = nn::Normal{mean, spread};
  return p;
}

nn::Parameter filter_of(const Context& c, int64_t out, int side, int64_t in) {
  const Shape s{out, side, side, in};
  return begun(c.zeros(s), 0, 1, {s, {0, 3, 1, 2}, {out, in, side, side}});
}

// The activation's factor, which goes where a factor is anyway: sqrt(2) leaky(z) = leaky(sqrt(2) z), and z is linear in filters and biases.
double factor_of(Activation a) { return a == Activation::leaky ? std::sqrt(2.0) : 1; }
double slope_of(Activation a) { return a == Activation::leaky ? 0.2 : 1; }
Tensor times(const Tensor& x, double factor) { return factor == 1 ? x : factor * x; }

}  // namespace

Tensor normalised(const Tensor& x) { return x * pow(mean(x * x, {1}, KeepAxes::yes) + 1e-8, -0.5); }

Tensor doubled(const Tensor& x) { return upfirdn(x, {0.25, 0.75, 0.75, 0.25}, 2, 1, 2, 1); }
Tensor halved(const Tensor& x) { return upfirdn(x, {0.125, 0.375, 0.375, 0.125}, 1, 2, 1, 1); }

Tensor modulated_convolution(const Tensor& x, const Tensor& w, const Tensor& styles, bool demodulate, bool up, const Tensor& bias, double factor) {
  const int pad = int(w.size(1)) / 2;
  const Tensor scaled = x * reshape(styles, {x.size(0), 1, 1, x.size(3)});
  const Tensor y = up ? upfirdn(conv_transpose2d(scaled, permute(w, {3, 1, 2, 0}), {}, {.stride = {2, 2}}), {0.25, 0.75, 0.75, 0.25}, 1, 1, 2 - pad, 2 - pad)
                      : conv2d(scaled, w, {}, {.pad = {pad, pad}});
  if (!demodulate) return times(y, factor) + bias;
  const Tensor squares = matmul(styles * styles, sum(w * w, {1, 2}), false, true);   // (N,K): of each filter's length
  return fma(y, reshape(times(pow(squares + 1e-8, -0.5), factor), {x.size(0), 1, 1, w.size(0)}), bias);
}

Dense::Dense(const Context& c, int64_t in, int64_t out, Activation activation, double rate, double bias, nn::ImageShape input)
    : scale_(rate * factor_of(activation) / std::sqrt(double(in))), bias_scale_(rate * factor_of(activation)), slope_(slope_of(activation)) {
  const nn::DiskLayout columns{{out, input.h, input.w, input.c}, {0, 3, 1, 2}, {out, in}};
  weight_ = add("weight", begun(c.zeros({out, in}), 0, 1 / rate, input.h ? columns : nn::DiskLayout()));
  bias_ = add("bias", begun(c.zeros({out}), bias, 0));
}
Tensor Dense::forward(const Tensor& x) {
  const Tensor y = matmul(x, scale_ * weight_->value, false, true, times(bias_->value, bias_scale_));
  return slope_ == 1 ? y : leaky_relu(y, slope_);
}

Conv::Conv(const Context& c, int64_t in, int64_t out, int filter, nn::Bias bias, Activation activation, bool down, double factor)
    : scale_(factor * factor_of(activation) / std::sqrt(double(in * filter * filter))), bias_scale_(factor * factor_of(activation)), slope_(slope_of(activation)), down_(down) {
  weight_ = add("weight", filter_of(c, out, filter, in));
  if (bias == nn::Bias::yes) bias_ = add("bias", begun(c.zeros({out}), 0, 0));
}
Tensor Conv::forward(const Tensor& x) {
  const int side = int(weight_->value.size(1)), pad = side / 2;
  const Tensor w = scale_ * weight_->value, b = bias_ ? times(bias_->value, bias_scale_) : Tensor();
  const Tensor smoothed = !down_ ? x : side == 1 ? halved(x) : upfirdn(x, {0.125, 0.375, 0.375, 0.125}, 1, 1, 1 + pad, 1 + pad);
  const int stride = down_ && side > 1 ? 2 : 1, margin = down_ ? 0 : pad;
  return conv2d(smoothed, w, b, {.stride = {stride, stride}, .pad = {margin, margin}}, slope_);
}

Layer::Layer(const Context& c, int64_t in, int64_t out, int64_t w, Size2 sides, bool up, uint64_t stream) : stream_(stream), up_(up) {
  affine_ = add("affine", std::make_shared<Dense>(c, w, in, Activation::none, 1, 1));
  weight_ = add("weight", filter_of(c, out, 3, in));
  noise_const_ = add("noise_const", begun(c.zeros({sides.h, sides.w}), 0, 1, {}, false));
  noise_strength_ = add("noise_strength", begun(c.zeros({1}), 0, 0));
  bias_ = add("bias", begun(c.zeros({out}), 0, 0));
}
Tensor Layer::forward(const Tensor& x, const Tensor& w) {
  const double factor = factor_of(Activation::leaky);
  const Tensor y = modulated_convolution(x, weight_->value, (*affine_)(w), true, up_, factor * bias_->value, factor);
  const Tensor noise = training() ? x.context().normal({y.size(0), y.size(1), y.size(2), 1}, stream_) : reshape(noise_const_->value, {1, y.size(1), y.size(2), 1});
  return leaky_relu(fma(noise, factor * noise_strength_->value, y), slope_of(Activation::leaky));
}

ToPicture::ToPicture(const Context& c, int64_t in, int64_t out, int64_t w) : scale_(1 / std::sqrt(double(in))) {
  affine_ = add("affine", std::make_shared<Dense>(c, w, in, Activation::none, 1, 1));
  weight_ = add("weight", filter_of(c, out, 1, in));
  bias_ = add("bias", begun(c.zeros({out}), 0, 0));
}
Tensor ToPicture::forward(const Tensor& x, const Tensor& w) {
  return modulated_convolution(x, weight_->value, scale_ * (*affine_)(w), false, false, bias_->value);
}

}  // namespace weft::gan::style2
