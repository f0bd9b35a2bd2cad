// The U-Net of pix2pix. PyTorch nests it, and so are the names: each level is a Sequential with the next level inside.
#include "blocks.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

// What a level does, its input beside its result. The LeakyReLU at its beginning is fused into the layer above it, the ReLU in
// front of the decoder's convolution into the layers below: relu(leaky_relu(x)) is relu(x), so each half can have its own.
class UnetLevel : public nn::Module {
 public:
  UnetLevel() : layers_(add("model", std::make_shared<nn::Sequential>())) {}
  nn::Sequential& layers() { return *layers_; }
  Tensor forward(const Tensor& x) override { return concat({relu(x), layers_->forward(x)}, -1); }

 private:
  std::shared_ptr<nn::Sequential> layers_;
};

int64_t channels_at(const UnetOptions& o, int level) { return int64_t(o.width) << std::min(level, 3); }

nn::ModulePtr down(const Context& c, int64_t in, int64_t out, nn::Bias bias, double slope) {
  return std::make_shared<nn::Conv2d>(c, in, out, k4, halve4, bias, slope);
}
/// Twice the sides: PyTorch's transposed convolution, or a plain one behind a resize.
void append_up(nn::Sequential& to, const Context& c, const UnetOptions& o, int64_t in, int64_t out, nn::Bias bias) {
  if (o.upsampling == Upsampling::transposed) {
    to.append(std::make_shared<nn::ConvTranspose2d>(c, in, out, k4, halve4, bias));
  } else {
    to.append(nn::Upsample(2, o.upsampling == Upsampling::nearest ? Resize::nearest : Resize::bilinear));
    to.append(std::make_shared<nn::Conv2d>(c, in, out, k3, ConvGeometry{.pad = {1, 1}}, bias));
  }
}

// From the activations of `level` - 1 to those of `level`, and back.
nn::ModulePtr level(const Context& c, const UnetOptions& o, int at) {
  const int64_t outer = channels_at(o, at - 1), inner = channels_at(o, at);
  auto made = std::make_shared<UnetLevel>();
  nn::Sequential& layers = made->layers();
  layers.append(nn::Identity());
  if (at + 1 == o.depth) {
    layers.append(down(c, outer, inner, has_bias(o.norm), 1)).append(nn::ReLU());
    append_up(layers, c, o, inner, outer, has_bias(o.norm));
    layers.append(make_norm(c, o.norm, outer, 0));
  } else {
    layers.append(down(c, outer, inner, has_bias(o.norm), 1)).append(make_norm(c, o.norm, inner, 0.2)).append(level(c, o, at + 1)).append(nn::Identity());
    append_up(layers, c, o, 2 * inner, outer, has_bias(o.norm));
    layers.append(make_norm(c, o.norm, outer, 0));
    if (at > 3 && o.dropout > 0)
      layers.append(std::make_shared<nn::Dropout>(o.dropout, stream_key(o.seed, "unet.dropout." + std::to_string(at))));
  }
  return made;
}

}  // namespace

UnetGenerator::UnetGenerator(const Context& c, const UnetOptions& o) : stride_(1 << o.depth) {
  if (o.depth < 2 || o.depth > 12 || o.width < 1 || o.in < 1 || o.out < 1)
    throw ConfigError("a U-Net halves its picture 2 to 12 times and has at least 1 channel and width, not depth " + std::to_string(o.depth) + ", " +
                      std::to_string(o.in) + " and " + std::to_string(o.out) + " channels, width " + std::to_string(o.width));
  const auto outermost = std::make_shared<nn::Sequential>(), layers = std::make_shared<nn::Sequential>();
  layers->append(down(c, o.in, o.width, has_bias(o.norm), 0.2)).append(level(c, o, 1)).append(nn::Identity());
  append_up(*layers, c, o, 2 * o.width, o.out, nn::Bias::yes);
  layers->append(nn::Tanh());
  outermost->append("model", layers);
  model_ = add("model", std::static_pointer_cast<nn::Module>(outermost));
}

}  // namespace weft::gan
