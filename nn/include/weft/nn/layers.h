// The layers. Each is an operation of tensor/ops.h with parameters of its own; constructors follow PyTorch's order.
#pragma once
#include "weft/nn/module.h"

namespace weft::nn {

/// Whether a layer has a bias.
enum class Bias { no, yes };

struct ImageShape { int64_t h = 0, w = 0, c = 0; };   // h 0: not an image

/// A layer with one weight, which can be divided by its largest singular value: spectral_norm().
class Weighted : public Module {
 public:
  void normalize_spectrum();

 protected:
  Tensor weight();                            // as the forward pass uses it
  std::shared_ptr<Parameter> weight_;

 private:
  std::shared_ptr<Parameter> u_, v_;
};

/// Spectral normalisation. The weight, seen as a matrix W of (out, everything else), is divided by sigma = u'Wv. A forward pass in
/// training first takes one step of power iteration, v = W'u / |W'u| and u = Wv / |Wv|; in evaluation both stay as they are. To the
/// gradient u and v are constants, and sigma is not. Names in files (`weight_orig`, `weight_u`, `weight_v`), steps and gradient are
/// those of torch.nn.utils.spectral_norm; derivatives of any order. A convolution's matrix has not quite the norm of the convolution.
/// Paper: Miyato et al., arXiv:1802.05957.
template <class Layer>
std::shared_ptr<Layer> spectral_norm(std::shared_ptr<Layer> layer) {
  layer->normalize_spectrum();
  return layer;
}

/// `geometry.reflect` is PyTorch's padding_mode="reflect". slope: above 0, here and in ConvTranspose2d; for a ReLU put one behind.
class Conv2d : public Weighted {
 public:
  Conv2d(const Context& context, int64_t in, int64_t out, Size2 filter, const ConvGeometry& geometry = {}, Bias bias = Bias::yes, double slope = 1);
  Tensor forward(const Tensor& x) override;   // (N,H,W,in) -> (N,P,Q,out), LeakyReLU of `slope` fused
  void expect_norm() override { norm_follows_ = true; }

 private:
  std::shared_ptr<Parameter> bias_;
  ConvGeometry geometry_;
  double slope_;
  bool norm_follows_ = false;
};

class ConvTranspose2d : public Module {
 public:
  ConvTranspose2d(const Context& context, int64_t in, int64_t out, Size2 filter, const ConvGeometry& geometry = {}, Bias bias = Bias::yes, double slope = 1);
  Tensor forward(const Tensor& x) override;
  void expect_norm() override { norm_follows_ = true; }

 private:
  std::shared_ptr<Parameter> weight_, bias_;
  ConvGeometry geometry_;
  double slope_;
  bool norm_follows_ = false;
};

/// y = x W^T + b over the last axis. Where the input was flattened from an image, or the output will become one, say so:
/// memory is in H,W,C order and PyTorch's file in C,H,W.
class Linear : public Weighted {
 public:
  Linear(const Context& context, int64_t in, int64_t out, Bias bias = Bias::yes, ImageShape input = {}, ImageShape output = {});
  Tensor forward(const Tensor& x) override;

 private:
  std::shared_ptr<Parameter> bias_;
};

/// Batch norm over (N,H,W) with a LeakyReLU fused behind it (slope 1: none). Running statistics with PyTorch's momentum and
/// unbiased variance, updated group after group (see Module::set_norm_groups).
/// Paper: Ioffe and Szegedy, arXiv:1502.03167.
class BatchNorm2d : public Module {
 public:
  BatchNorm2d(const Context& context, int64_t channels, double epsilon = 1e-5, double momentum = 0.1, double slope = 1, bool affine = true);
  Tensor forward(const Tensor& x) override;
  bool is_batch_norm() const override { return true; }

 private:
  std::shared_ptr<Parameter> weight_, bias_, running_mean_, running_var_;
  double epsilon_, momentum_, slope_;
};

/// A batch norm whose scale and shift depend on what a sample is: y = norm(x) * (1 + labels gain) + labels shift, with tables gain
/// and shift (classes, channels) that begin at 0; several labels add up. A LeakyReLU of `slope` comes behind it.
/// Papers: de Vries et al., arXiv:1707.00683; with 1 + gain: Brock et al., arXiv:1809.11096.
class ConditionalBatchNorm2d : public Module {
 public:
  ConditionalBatchNorm2d(const Context& context, int64_t channels, int64_t classes, double epsilon = 1e-5, double momentum = 0.1, double slope = 1);
  /// @param labels  (N, classes), 0 or 1, of the forward passes to come
  void set_condition(const Tensor& labels) { labels_ = labels; }
  Tensor forward(const Tensor& x) override;   // throws ShapeError if x has not as many samples

 private:
  std::shared_ptr<BatchNorm2d> norm_;
  std::shared_ptr<Parameter> gain_, shift_;
  Tensor labels_;
  double slope_;
};

/// All of a sample with statistics of its own, and a scale and a shift a channel: PyTorch's GroupNorm(1, channels), and what WGAN-GP's
/// authors call layer norm. Samples do not meet in it, so a penalty on each sample's gradient stays one.
/// Paper: Ba et al., arXiv:1607.06450.
class SampleNorm2d : public Module {
 public:
  SampleNorm2d(const Context& context, int64_t channels, double epsilon = 1e-5, double slope = 1);
  Tensor forward(const Tensor& x) override;

 private:
  std::shared_ptr<Parameter> weight_, bias_;
  double epsilon_, slope_;
};

/// One more channel: how far samples of a group lie apart, the mean over places and channels of their standard deviation. Groups are
/// of `group` samples, or of the largest smaller number that divides the batch; sample i keeps company with those a fixed stride away,
/// as in StyleGAN2's code. Norm groups (Module::set_norm_groups) stay among themselves.
/// Paper: Karras et al., arXiv:1710.10196, section 3.
class MinibatchStd : public Module {
 public:
  explicit MinibatchStd(int64_t group = 4) : group_(group) {}
  Tensor forward(const Tensor& x) override;   // (N,H,W,C) -> (N,H,W,C+1)

 private:
  int64_t group_;
};

/// Each sample and channel with its own statistics. Paper: Ulyanov et al., arXiv:1607.08022.
class InstanceNorm2d : public Module {
 public:
  InstanceNorm2d(const Context& context, int64_t channels, double epsilon = 1e-5, bool affine = false, double slope = 1);
  Tensor forward(const Tensor& x) override;

 private:
  std::shared_ptr<Parameter> weight_, bias_;
  double epsilon_, slope_;
};

/// An instance norm for several styles, each with a scale and a shift of its own; a mixture of styles has the mixture of these.
/// Paper: Dumoulin et al., arXiv:1610.07629.
class ConditionalInstanceNorm2d : public Module {
 public:
  ConditionalInstanceNorm2d(const Context& context, int64_t channels, int64_t styles, double epsilon = 1e-5, double slope = 1);
  /// @param weights  (N, styles), or (1, styles) for all samples, of the forward passes to come; before it, all styles alike
  void set_style(const Tensor& weights) { style_ = weights; }
  Tensor forward(const Tensor& x) override;

 private:
  std::shared_ptr<Parameter> weight_, bias_;     // (styles, channels)
  Tensor style_;
  double epsilon_, slope_;
};

/// Over the last axis. Paper: Ba et al., arXiv:1607.06450.
class LayerNorm : public Module {
 public:
  LayerNorm(const Context& context, int64_t size, double epsilon = 1e-5);
  Tensor forward(const Tensor& x) override;

 private:
  std::shared_ptr<Parameter> weight_, bias_;
  double epsilon_;
};

/// Rows of a table by int32 index in [0, rows); values N(0, 1) under every scheme, as PyTorch's.
class Embedding : public Module {
 public:
  Embedding(const Context& context, int64_t rows, int64_t columns);
  Tensor forward(const Tensor& index) override;

 private:
  std::shared_ptr<Parameter> weight_;
};

class Dropout : public Module {
 public:
  explicit Dropout(double rate, uint64_t stream) : rate_(rate), stream_(stream) {}
  Tensor forward(const Tensor& x) override { return training() ? dropout(x, rate_, stream_) : x; }

 private:
  double rate_;
  uint64_t stream_;
};

/// Any function without parameters: activations, pooling, flatten, reshape, upsampling.
class Function : public Module {
 public:
  explicit Function(std::function<Tensor(const Tensor&)> f) : f_(std::move(f)) {}
  Tensor forward(const Tensor& x) override { return f_(x); }

 private:
  std::function<Tensor(const Tensor&)> f_;
};

ModulePtr LeakyReLU(double slope = 0.2);
ModulePtr ReLU();
ModulePtr ELU(double alpha = 1);
ModulePtr Tanh();
ModulePtr Sigmoid();
ModulePtr Softplus();
ModulePtr Flatten();                                    // (N,H,W,C) -> (N, HWC)
ModulePtr Unflatten(ImageShape shape);                  // (N, HWC) -> (N,H,W,C)
ModulePtr Upsample(int factor, Resize mode = Resize::nearest);
ModulePtr MaxPool2d(const Window& window);
ModulePtr AvgPool2d(const Window& window);
ModulePtr ReflectionPad2d(int margin);
ModulePtr Identity();                                   // keeps PyTorch's numbering where a layer is fused into another
ModulePtr GlobalAvgPool2d();                            // (N,H,W,C) -> (N, C)

}  // namespace weft::nn
