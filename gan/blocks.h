// Pieces of the networks that make pictures from noise, and of those that judge them.
#pragma once
#include "weft/gan/gan.h"

namespace weft::gan {

/// What keeps a discriminator's activations, or its weights, in bounds. Of these only batch norm makes one sample's logit depend on others.
enum class DNorm { batch, none, spectral, instance, layer };
/// Of model.d_norm; throws ConfigError where `model` has not that one, with those it has.
DNorm d_norm_of(const char* model, const std::string& name, std::initializer_list<DNorm> possible = {DNorm::batch, DNorm::none, DNorm::spectral, DNorm::instance, DNorm::layer});

/// Throws ConfigError for a size of o that is below 1, for a condition that is none of `known`, and for one without classes.
void check_options(const char* model, const ModelOptions& o, std::initializer_list<const char*> conditions);

/// The smallest feature map, whose shorter side has `base` pixels (7 for pictures of 28): o.sides(base). Throws ConfigError, with the nearest picture that
/// there is, unless the shorter side is one of `known`, in rising order, and doubling that map reaches the longer one.
Size2 base_of(const char* model, const ModelOptions& o, const std::vector<int>& known, int base);

/// How many labels a conditional network is told; 0 of one that is not.
inline int labels_of(const ModelOptions& o) { return o.condition == "none" ? 0 : int(o.classes.size()); }

/// The labels, if there are any for each sample of x; throws ShapeError if not.
const Tensor& told(const Tensor& labels, const Tensor& x);

/// Labels (N, classes) as further channels of x (N,H,W,C), alike at every place.
Tensor with_labels(const Tensor& x, const Tensor& labels);

/// Layers in a row, of which the first is told the labels as further channels.
class LabelledSequential : public nn::Sequential, public Conditional {
 public:
  Tensor forward(const Tensor& x) override { return nn::Sequential::forward(with_labels(x, labels_)); }
};

/// The layers under the name "main", as in PyTorch's DCGAN example; told labels if there are any.
std::shared_ptr<nn::Sequential> under_main(nn::Sequential layers, int labels);

/// The layer, its weight over its largest singular value if `spectral`.
template <class Layer>
std::shared_ptr<Layer> bounded(std::shared_ptr<Layer> layer, bool spectral) { return spectral ? nn::spectral_norm(layer) : layer; }

/// Convolutions of a discriminator, each with its norm and LeakyReLU(slope), numbered as PyTorch's layers are.
struct Convolve {
  const Context& context;
  DNorm norm;
  bool separable = false;                // depthwise, then 1x1
  int minibatch_std = 0;                 // before the logit: how far so many pictures lie apart
  double slope = 0.2;
  /// `normed` false: of the layer at the picture, which has no norm even where others do.
  void append(nn::Sequential& to, int64_t in, int64_t out, Size2 filter, const ConvGeometry& geometry, bool normed = true) const;
  /// One logit from (base.h, base.w, channels), by a filter as large as that.
  void append_logit(nn::Sequential& to, int64_t channels, Size2 base) const;
};

/// Depthwise, then 1x1: about 1/filter^2 + 1/out of the work of the whole. Paper: Howard et al., arXiv:1704.04861.
nn::ModulePtr separable_convolution(const Context&, int64_t in, int64_t out, Size2 filter, ConvGeometry, nn::Bias, double slope, bool spectral = false);

}  // namespace weft::gan
