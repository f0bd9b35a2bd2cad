#include "blocks.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

using nn::Bias;
constexpr ConvGeometry halve{.stride = {2, 2}, .pad = {1, 1}}, same{.pad = {1, 1}}, reflected{.pad = {1, 1}, .reflect = true};

nn::ModulePtr conv(const Context& c, int64_t in, int64_t out, Size2 filter, const ConvGeometry& g = {}) {
  return std::make_shared<nn::Conv2d>(c, in, out, filter, g, Bias::yes);
}

}  // namespace

ResidualBlock::ResidualBlock(const Context& c, int64_t channels, const MakeNorm& norm) {
  block_ = add("conv_block", std::make_shared<nn::Sequential>());
  block_->append(nn::Identity()).append(conv(c, channels, channels, k3, reflected)).append(norm(channels, 0)).append(nn::Identity());
  block_->append(nn::Identity()).append(conv(c, channels, channels, k3, reflected)).append(norm(channels, 1));
}

// Layer 0 is the padding itself: CUT compares its patches, the borders' among them.
void append_encoder(nn::Sequential& to, const Context& c, int in, int width, bool antialias, const MakeNorm& norm) {
  to.append(nn::ReflectionPad2d(3)).append(conv(c, in, width, k7)).append(norm(width, 0)).append(nn::Identity());
  for (int channels : {width, 2 * width}) {
    to.append(conv(c, channels, 2 * channels, k3, antialias ? same : halve)).append(norm(2 * channels, 0)).append(nn::Identity());
    if (antialias) to.append(blurred_halving());
  }
}

void append_decoder(nn::Sequential& to, const Context& c, int out, int width, Upsampling upsampling, const MakeNorm& norm) {
  for (int channels : {4 * width, 2 * width}) {
    if (upsampling == Upsampling::transposed) {
      ConvGeometry twice = halve;
      twice.output_pad = {1, 1};
      to.append(std::make_shared<nn::ConvTranspose2d>(c, channels, channels / 2, k3, twice, Bias::yes));
    } else {
      to.append(nn::Upsample(2, upsampling == Upsampling::nearest ? Resize::nearest : Resize::bilinear));
      to.append(conv(c, channels, channels / 2, k3, same));
    }
    to.append(norm(channels / 2, 0)).append(nn::Identity());
  }
  to.append(nn::Identity()).append(conv(c, width, out, k7, {.pad = {3, 3}, .reflect = true})).append(nn::Tanh());
}

ResnetGenerator::ResnetGenerator(const Context& context, const ResnetOptions& o) : noise_(o.noise) {
  if (o.in < 1 || o.out < 1 || o.width < 1 || o.blocks < 1 || o.styles < 0 || o.noise < 0)
    throw ConfigError("a ResNet generator has at least 1 channel, width and residual block, and 0 styles and channels of noise or more; not " + std::to_string(o.in) + " and " +
                      std::to_string(o.out) + ", " + std::to_string(o.width) + ", " + std::to_string(o.blocks) + ", and " + std::to_string(o.styles) + " and " + std::to_string(o.noise));
  const MakeNorm norm = [&](int64_t channels, double slope) -> nn::ModulePtr {
    if (o.styles == 0) return make_norm(context, o.norm, channels, slope);
    styled_.push_back(std::make_shared<nn::ConditionalInstanceNorm2d>(context, channels, o.styles, 1e-5, slope));
    return styled_.back();
  };
  model_ = add("model", std::make_shared<nn::Sequential>());
  append_encoder(*model_, context, o.in + o.noise, o.width, o.antialias, norm);
  const size_t first = model_->modules().size(), halving = o.antialias ? 4 : 3;
  for (int i = 0; i < o.blocks; ++i) model_->append(std::make_shared<ResidualBlock>(context, 4 * o.width, norm));
  append_decoder(*model_, context, o.out, o.width, o.upsampling, norm);
  encoder_layers_ = {0, 4, 4 + halving, first};
  if (o.blocks > 1) encoder_layers_.push_back(first + size_t(std::min(o.blocks, 5)) - 1);
}

Tensor ResnetGenerator::forward(const Tensor& x) {
  if (x.size(1) % 4 || x.size(2) % 4)
    throw ShapeError("ResNet generator: sides that are multiples of 4, not " + x.shape().text() + "; at_any_size() fills them up");
  return model_->forward(with_noise(x));
}

Tensors ResnetGenerator::features(const Tensor& x, const std::vector<size_t>& layers) const {
  Tensors found;
  Tensor t = with_noise(x);
  for (size_t i = 0; found.size() < layers.size(); ++i) {
    t = model_->modules().at(i)->forward(t);
    if (i == layers[found.size()]) found.push_back(t);
  }
  return found;
}

Tensor ResnetGenerator::with_noise(const Tensor& x) const {
  if (noise_ == 0) return x;
  const uint64_t stream = stream_key(0, "translation.noise");
  const int64_t h = x.size(1), w = x.size(2);
  if (training()) return concat({x, x.context().normal({x.size(0), h, w, noise_}, stream)}, 3);
  std::vector<float> values(size_t(h * w * noise_));
  for (int64_t y = 0, at = 0; y < h; ++y)
    for (int64_t column = 0; column < w; ++column)
      for (int64_t k = 0; k < noise_; k += 4) {
        float four[4];
        normals_from(philox(stream, uint64_t(k), uint64_t(y) << 32 | uint64_t(column)), four);
        for (int64_t i = 0; i < std::min<int64_t>(4, noise_ - k); ++i) values[size_t(at++)] = four[i];
      }
  return concat({x, expand(x.context().from(values, {1, h, w, noise_}), {x.size(0), h, w, noise_})}, 3);
}

void ResnetGenerator::set_style(const Tensor& weights) {
  for (const auto& norm : styled_) norm->set_style(weights);
}

Tensor at_any_size(ImageGenerator& network, const Tensor& x) {
  const int h = int(x.size(1)), w = int(x.size(2)), stride = network.stride();
  const auto missing = [&](int side) { return std::max(network.least(), (side + stride - 1) / stride * stride) - side; };
  const int down = missing(h), right = missing(w);
  const Margins m{down / 2, down - down / 2, right / 2, right - right / 2};
  const bool reflects = m.bottom < h && m.right < w;
  const Tensor y = network(down + right == 0 ? x : pad(x, m, reflects ? Padding::reflect : Padding::replicate));
  return slice(slice(y, 1, m.top, m.top + h), 2, m.left, m.left + w);
}

}  // namespace weft::gan
