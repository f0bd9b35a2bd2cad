#include "blocks.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {

UnitGenerator::UnitGenerator(const Context& c, const Options& o) : seed_(o.seed) {
  if (o.channels < 1 || o.width < 1 || o.blocks < 1)
    throw ConfigError("UNIT has at least 1 channel, width and residual block, not " + std::to_string(o.channels) + ", " + std::to_string(o.width) + " and " + std::to_string(o.blocks));
  const MakeNorm norm = [&](int64_t channels, double slope) { return make_norm(c, o.norm, channels, slope); };
  const int64_t inner = 4 * int64_t(o.width);
  const auto block = [&] { return std::make_shared<ResidualBlock>(c, inner, norm); };
  for (size_t domain : {0, 1}) {
    auto encoder = std::make_shared<nn::Sequential>(), decoder = std::make_shared<nn::Sequential>();
    append_encoder(*encoder, c, o.channels, o.width, o.antialias, norm);
    for (int i = 0; i < o.blocks; ++i) encoder->append(block()), decoder->append(block());
    append_decoder(*decoder, c, o.channels, o.width, o.upsampling, norm);
    const char* of[] = {"a", "b"};
    encoder_[domain] = add(std::string("encoder_") + of[domain], encoder);
    decoder_[domain] = add(std::string("decoder_") + of[domain], decoder);
  }
  shared_encoder_ = add("shared_encoder", std::static_pointer_cast<nn::Module>(block()));
  shared_decoder_ = add("shared_decoder", std::static_pointer_cast<nn::Module>(block()));
}

Tensor UnitGenerator::encode(int domain, const Tensor& x) const { return shared_encoder_->forward(encoder_.at(size_t(domain))->forward(x)); }

Tensor UnitGenerator::decode(int domain, const Tensor& mean, int draw) const {
  const Tensor z = training() ? mean + mean.context().normal(mean.shape(), stream_key(seed_, "unit.latent." + std::to_string(draw))) : mean;
  return decoder_.at(size_t(domain))->forward(shared_decoder_->forward(z));
}

}  // namespace weft::gan
