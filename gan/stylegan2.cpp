// StyleGAN2: Karras et al., "Analyzing and improving the image quality of StyleGAN", arXiv:1912.04958, config F. A mapping network turns
// noise into w, which modulates every convolution of the synthesis network; pictures are sums over stages ("skip"), the discriminator
// is residual and ends with the standard deviation over the batch.
//
// In training, nine pictures in ten have two w's: one up to a random layer, another from it on (style mixing), so that layers do not
// count on what their neighbours were given. The mean of w is kept, and truncation moves w towards it. loss.path_length asks that a step
// in w changes a picture equally much wherever it is taken.
//
// Conditional: the embedded class beside the noise; the discriminator's output is <embedding of the class, features>.
#include "blocks.h"
#include "stylegan2_layers.h"
#include "weft/gan/latent.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

using namespace style2;

constexpr int kMapping = 8;
constexpr double kMappingRate = 0.01, kMixed = 0.9, kMeanKept = 0.995, kLengthKept = 0.99;

class Mapping : public nn::Module {
 public:
  Mapping(const Context& c, int64_t latent, int labels) {
    if (labels) embed_ = add("embed", std::make_shared<Dense>(c, labels, latent));
    layers_ = add("layers", std::make_shared<nn::Sequential>());
    for (int i = 0; i < kMapping; ++i)
      layers_->append("fc" + std::to_string(i), std::make_shared<Dense>(c, latent * (i == 0 && labels ? 2 : 1), latent, Activation::leaky, kMappingRate));
    mean_ = add("w_avg", nn::Parameter{c.zeros({latent}), {}, nn::Role::running_mean, 1, 1, {}, false});
  }
  Tensor forward(const Tensor& z) override { return map(z, {}); }

  /// (N,1,1,latent), (N, labels) -> w (N, latent)
  Tensor map(const Tensor& z, const Tensor& labels) {
    Tensor x = normalised(flatten(z));
    if (embed_) x = concat({x, normalised((*embed_)(told(labels, z)))}, 1);
    const Tensor w = (*layers_)(x);
    if (training()) {
      const NoGraph scope(w.context());
      mean_->value.copy_from(running_average(mean_->value, mean(w, {0}), kMeanKept, 1 - kMeanKept), "mean of w");
    }
    return w;
  }
  const Tensor& mean_of_w() const { return mean_->value; }

 private:
  std::shared_ptr<Dense> embed_;
  std::shared_ptr<nn::Sequential> layers_;
  std::shared_ptr<nn::Parameter> mean_;
};

/// One side of the synthesis network.
struct Stage {
  std::shared_ptr<Layer> conv0, conv1;   // conv0 doubles; the first stage has none
  std::shared_ptr<ToPicture> to_picture;
};

class Generator : public nn::Module, public Conditional, public Styled {
 public:
  Generator(const Context& c, const ModelOptions& o) {
    mapping_ = add("mapping", std::make_shared<Mapping>(c, o.latent, labels_of(o)));
    const int64_t first = channels_at(o, kBase);
    const Size2 smallest = o.sides(kBase);
    const Shape constant{smallest.h, smallest.w, first};
    const_ = add("const", nn::Parameter{c.zeros(constant).leaf(), {}, nn::Role::weight, 1, 1, {constant, {2, 0, 1}, {first, smallest.h, smallest.w}}});
    const_->begins = nn::Normal{0, 1};
    for (int side = kBase; side <= o.size; side *= 2) {
      const std::string b = "b" + std::to_string(side) + "_";
      const int64_t before = channels_at(o, side / 2 < kBase ? kBase : side / 2), here = channels_at(o, side);
      const auto layer = [&](const char* name, int64_t in, bool up) {
        return add(b + name, std::make_shared<Layer>(c, in, here, o.latent, o.sides(side), up, stream_key(0, b + name)));
      };
      Stage s;
      if (side > kBase) s.conv0 = layer("conv0", before, true);
      s.conv1 = layer("conv1", here, false);
      s.to_picture = add(b + "torgb", std::make_shared<ToPicture>(c, here, o.channels, o.latent));
      stages_.push_back(s);
    }
    length_ = add("pl_mean", nn::Parameter{c.zeros({1}), {}, nn::Role::running_mean, 1, 1, {}, false});
    std::vector<double> middle;            // of layer i: i + 1/2, to compare with whole numbers
    for (int i = 0; i < layers(); ++i) middle.push_back(i + 0.5);
    index_ = c.from(middle, {1, layers(), 1});
  }

  void set_truncation(double psi) override { psi_ = psi; }
  int layers() const override { return 2 * int(stages_.size()); }

  /// The same w for every layer.
  Tensor styles(const Tensor& z) override {
    const Tensor w = mapping_->map(z, labels_);
    return expand(reshape(w, {w.size(0), 1, w.size(1)}), {w.size(0), layers(), w.size(1)});
  }

  Tensor forward(const Tensor& z) override {
    if (training()) return draw(mixed(styles(z), z));
    const Tensor w = styles(z);
    return draw(psi_ == 1 ? w : lerp(mapping_->mean_of_w(), w, z.context().constant(psi_)));
  }

  Tensor path_length(const Tensor& z, uint64_t stream) override {
    const Tensor w = styles(z), picture = draw(w);
    const Tensor y = z.context().normal(picture.shape(), stream) * (1 / std::sqrt(double(picture.size(1) * picture.size(2))));
    const Tensor slope = grad(sum(picture * y), {w}, CreateGraph::yes)[0];                    // (N, layers, w)
    const Tensor length = sqrt(mean(sum(slope * slope, {2}), {1}) + 1e-12), off = length - (length_->value + 0.0), uneven = mean(off * off);
    const NoGraph scope(z.context());
    length_->value.copy_from(running_average(length_->value, mean(length), kLengthKept, 1 - kLengthKept), "mean path length");
    return uneven;
  }

  Tensor draw(const Tensor& styles) override {
    const int64_t n = styles.size(0);
    int at = 0;
    const auto w = [&](int i) { return reshape(slice(styles, 1, i, i + 1), {n, styles.size(2)}); };
    const Shape& first = const_->value.shape();
    Tensor x = expand(reshape(const_->value, {1, first[0], first[1], first[2]}), {n, first[0], first[1], first[2]}), picture;
    for (const Stage& s : stages_) {
      if (s.conv0) x = s.conv0->forward(x, w(at++));
      x = s.conv1->forward(x, w(at++));
      const Tensor more = s.to_picture->forward(x, w(at));   // with the w of the layer that comes next
      picture = picture ? doubled(picture) + more : more;
    }
    return picture;
  }

 private:
  /// Other styles from a random layer on, for nine samples in ten. All of it is drawn on the device, step by step.
  Tensor mixed(const Tensor& one, const Tensor& z) {
    const Context c = z.context();
    const int64_t n = z.size(0);
    const Tensor other = styles(c.normal(z.shape(), stream_key(0, "style mixing.latent")));
    const Tensor from = floor(affine(c.uniform({n, 1, 1}, stream_key(0, "style mixing.layer")), layers() - 1, 1));
    const Tensor mixes = greater(kMixed - c.uniform({n, 1, 1}, stream_key(0, "style mixing.whether")), 0);
    return lerp(one, other, greater(index_, from) * mixes);
  }

  std::shared_ptr<Mapping> mapping_;
  std::shared_ptr<nn::Parameter> const_, length_;
  std::vector<Stage> stages_;
  Tensor index_;
  double psi_ = 1;
};

}  // namespace

Networks stylegan2(const Context& context, const ModelOptions& o) {
  base_of("stylegan2", o, {16, 32, 64, 128, 256, 512, 1024}, kBase);
  check_options("stylegan2", o, {"projection"});
  d_norm_of("stylegan2", o.d_norm, {DNorm::none});
  return {std::make_shared<Generator>(context, o), style2::discriminator(context, o)};
}

}  // namespace weft::gan
