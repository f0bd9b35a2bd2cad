// Networks that turn a picture into a picture, those that judge the result a patch at a time, and what they are trained with.
// Parameters have the names that PyTorch's CycleGAN, pix2pix and CUT give them, so that weights go both ways.
//
// Pictures are (N,H,W,C) in [-1, 1]. A generator wants sides that are multiples of its stride(); at_any_size() fills them up.
#pragma once
#include <array>

#include "weft/gan/objective.h"
#include "weft/nn/layers.h"

namespace weft::gan {

enum class Norm { instance, batch };             // instance: without parameters, the code bases' default
/// How a decoder doubles its sides. Transposed convolutions may leave a checkerboard, the other two do not.
enum class Upsampling { transposed, nearest, bilinear };
/// By name. Throws ConfigError.
Norm norm_of(const std::string& name);
Upsampling upsampling_of(const std::string& name);

/// A network that maps pictures to pictures.
class ImageGenerator : public nn::Module {
 public:
  /// Sides of its inputs are multiples of this, and twice as long at least: the innermost map must be larger than what its
  /// borders reflect.
  virtual int stride() const = 0;
  virtual int least() const { return 2 * stride(); }
  /// From side B to side A from here on, if this one network does both; returns whether it does.
  virtual bool turn_back() { return false; }
};

/// network(x) for sides of any length, at least 1: filled up by reflection, or by repeating the edge where too little is there
/// to reflect, and the result cut back.
Tensor at_any_size(ImageGenerator& network, const Tensor& x);

struct ResnetOptions {
  int in = 3, out = 3, width = 64, blocks = 9;   // channels, channels of the first layer, residual blocks
  int styles = 0;                                // 0: plain instance norm; else set_style() mixes so many
  Upsampling upsampling = Upsampling::transposed;
  bool antialias = false;                        // blur before each halving (Zhang, arXiv:1904.11486)
  int noise = 0;                                 // channels of noise beside the picture
  Norm norm = Norm::instance;                    // of its layers, without styles
};

/// c7s1-64, d128, d256, R256 x blocks, u128, u64, c7s1-3, tanh; borders by reflection.
/// Paper: Johnson et al., arXiv:1603.08155, as in Zhu et al., arXiv:1703.10593; with antialias and bilinear upsampling as in
/// Park et al., arXiv:2007.15651. With noise, flat parts of a picture can become a texture (Ulyanov et al., arXiv:1603.03417): in
/// training it is drawn anew each step, in evaluation it is a function of the place in the picture.
class ResnetGenerator : public ImageGenerator {
 public:
  ResnetGenerator(const Context& context, const ResnetOptions& options);
  Tensor forward(const Tensor& x) override;
  int stride() const override { return 4; }

  /// Activations after these layers ("model.N", rising), and no further than the last of them.
  Tensors features(const Tensor& x, const std::vector<size_t>& layers) const;
  /// The picture behind its padding, both halvings, the first residual block and the fifth (or last): CUT's 0, 4, 8, 12, 16.
  const std::vector<size_t>& encoder_layers() const { return encoder_layers_; }
  /// @param weights  (N, styles), or (1, styles) for all pictures: what each style has in the mixture; rows sum to 1
  void set_style(const Tensor& weights);

 private:
  Tensor with_noise(const Tensor& x) const;

  std::shared_ptr<nn::Sequential> model_;
  int noise_;
  std::vector<size_t> encoder_layers_;
  std::vector<std::shared_ptr<nn::ConditionalInstanceNorm2d>> styled_;
};

struct UnetOptions {
  int in = 3, out = 3, width = 64;
  int depth = 8;                                 // halvings: 8 for 256 pixels, 6 for 64
  Norm norm = Norm::batch;
  double dropout = 0.5;                          // in the inner decoders of eight times the width
  uint64_t seed = 0;                             // of dropout
  Upsampling upsampling = Upsampling::transposed;
};

/// An encoder of 4x4 stride-2 convolutions and its mirror image, each level joined to its counterpart.
/// Paper: Isola et al., arXiv:1611.07004; Ronneberger et al., arXiv:1505.04597.
class UnetGenerator : public ImageGenerator {
 public:
  UnetGenerator(const Context& context, const UnetOptions& options);
  Tensor forward(const Tensor& x) override { return model_->forward(x); }
  int stride() const override { return stride_; }
  int least() const override { return stride_; }   // reflects nothing

 private:
  nn::ModulePtr model_;
  int stride_;
};

struct PatchOptions {
  int in = 3, width = 64;
  int layers = 3;                                // halvings: 3 sees patches of 70x70 pixels, 2 of 34x34, 4 of 142x142
  int scales = 1;                                // discriminators, each on half the sides of the one before
  Norm norm = Norm::instance;
  bool antialias = false;
};

/// Logits of overlapping patches.
/// Paper: Isola et al., arXiv:1611.07004, section 3.2.2; several scales: Wang et al., arXiv:1711.11585, section 3.2.
class PatchDiscriminator : public nn::Module {
 public:
  /// Parameters are "model.N", with several scales "layerI.N", the coarsest first.
  PatchDiscriminator(const Context& context, const PatchOptions& options);
  /// (N,h,w,1) a scale, the finest first
  Tensors logits(const Tensor& x) const;
  Tensor forward(const Tensor& x) override { return logits(x)[0]; }

 private:
  std::vector<std::shared_ptr<nn::Sequential>> scales_;   // the finest first
};

/// Two translators that meet in one latent space: z = mean + noise, mean = shared(encoder(x)), x = decoder(shared(z)).
/// Domains are 0 and 1. Paper: Liu, Breuel and Kautz, arXiv:1703.00848.
class UnitGenerator : public ImageGenerator {
 public:
  struct Options {
    int channels = 3, width = 64, blocks = 3;    // blocks: of each encoder and decoder, beside the shared one
    uint64_t seed = 0;                           // of the latent's noise
    Upsampling upsampling = Upsampling::nearest;
    bool antialias = false;                      // as in ResnetOptions
    Norm norm = Norm::instance;
  };
  UnitGenerator(const Context& context, const Options& options);
  /// (N, H/4, W/4, 4 * width): the mean of the latent's distribution, whose variance is 1
  Tensor encode(int domain, const Tensor& x) const;
  /// In training with noise N(0, 1) of (seed, step, `draw`) added, in evaluation from the mean itself.
  Tensor decode(int domain, const Tensor& mean, int draw = 0) const;
  Tensor forward(const Tensor& x) override { return decode(1 - from_, encode(from_, x)); }   // from domain 0 to 1
  bool turn_back() override { from_ = 1; return true; }
  int stride() const override { return 4; }

 private:
  std::array<std::shared_ptr<nn::Sequential>, 2> encoder_, decoder_;
  nn::ModulePtr shared_encoder_, shared_decoder_;
  uint64_t seed_;
  int from_ = 0;
};

/// An objective's loss over all patches of each scale, summed over scales.
Tensor discriminator_loss(const Objective& objective, const Tensors& real, const Tensors& fake);
Tensor generator_loss(const Objective& objective, const Tensors& fake);

/// Random rows of feature maps, made comparable: a two-layer perceptron and unit length. Each layer has a perceptron of its own.
class PatchProjection : public nn::Module {
 public:
  /// @param channels  of each feature map;  @param columns  of the result
  PatchProjection(const Context& context, const std::vector<int64_t>& channels, int64_t columns = 256);
  /// @param features  (N,H,W,C) of each layer
  /// @param positions of each layer, of patch_positions()
  /// @return          (N, count, columns) of each layer
  Tensors project(const Tensors& features, const Tensors& positions) const;
  Tensor forward(const Tensor& x) override { return x; }

 private:
  std::vector<std::shared_ptr<nn::Sequential>> perceptrons_;
};

/// At most `count` places of each picture, all different: (N, places) int32 into the rows (N*H*W, C). A function of (stream, step).
Tensor patch_positions(const Tensor& feature, int64_t count, uint64_t stream);

/// Is each patch of the output nearer to the input's patch at its own place than to those at other places of the same picture?
/// The mean over layers and patches of -log softmax(q k / temperature) at the patch's own place.
/// @param queries, keys  (N, count, columns) of each layer, rows of length 1; no gradient goes into the keys
/// Paper: Park et al., arXiv:2007.15651.
Tensor patch_nce(const Tensors& queries, const Tensors& keys, double temperature = 0.07);

/// Pictures that were generated before, so that a discriminator does not forget. Until it is full it keeps each and returns it;
/// then it returns, for half of them, one that it kept, and keeps the new one instead. It lives on the device and its draws are
/// of (seed, step), so a step that uses it can be captured. A picture that is not finite is never kept.
/// Paper: Shrivastava et al., arXiv:1612.07828, section 2.3.
class ImagePool {
 public:
  /// @param size  pictures; 0: none, and exchange() returns what it got
  /// @param shape of one picture: (H,W,C)
  ImagePool(const Context& context, int size, const Shape& shape, uint64_t stream);
  /// (N,H,W,C), outside the graph
  Tensor exchange(const Tensor& pictures);
  /// For checkpoints: "pictures" (kept,H,W,C), as they lie in memory.
  HostTensors state_dict() const;
  /// Throws FormatError if they are of another size or more than it holds.
  void load_state_dict(const HostTensors& tensors, const std::string& what);

 private:
  int size_;
  uint64_t stream_;
  Tensor pictures_, kept_, places_;              // (size,H,W,C), a scalar, (size,1,1,1): 0, 1, ...
};

}  // namespace weft::gan
