#include "weft/gan/vaegan.h"

#include <algorithm>
#include <filesystem>

#include "blocks.h"
#include "weft/nn/loss.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

enum : size_t { kGenerator, kDiscriminator, kEncoder };
constexpr int kColumns = 8;

/// Halvings down to 4x4, or to 7x7 of 28 pixels; as dcgan's. Returns the side that is left.
int append_halvings(nn::Sequential& to, const Context& c, const ModelOptions& o, DNorm norm) {
  const int pad = o.kernel == 4 ? 1 : 2;
  const Convolve convolve{c, norm, o.convolution == "separable"};
  int side = o.size;
  int64_t from = o.channels, channels = o.width;
  for (; side > 7; side /= 2, from = channels, channels *= 2)
    convolve.append(to, from, channels, {o.kernel, o.kernel}, {.stride = {2, 2}, .pad = {pad, pad}}, side != o.size);
  return side;
}

int64_t channels_before(const ModelOptions& o, int side) { return int64_t(o.width) * (o.size / side / 2); }

std::vector<Player> three_players(const Context& c, const Model& model, const GanOptions& o) {
  const Networks n = model.build(c, o.model);
  return {{"generator", n.generator, o.generator, o.ema > 0 ? model.build(c, o.model).generator : nullptr},
          {"discriminator", n.discriminator, o.discriminator, nullptr},
          {"encoder", std::make_shared<Encoder>(c, o.model), o.generator, nullptr}};
}

}  // namespace

Encoder::Encoder(const Context& c, const ModelOptions& o) : latent_(o.latent) {
  nn::Sequential layers;
  const int side = append_halvings(layers, c, o, DNorm::batch);
  const int64_t channels = channels_before(o, side);
  layers.append(nn::Flatten()).append(std::make_shared<nn::Linear>(c, side * side * channels, 2 * int64_t(o.latent), nn::Bias::yes, nn::ImageShape{side, side, channels}));
  main_ = add("main", std::make_shared<nn::Sequential>(std::move(layers)));
}
Tensor Encoder::forward(const Tensor& pictures) { return main_->forward(pictures); }
Code Encoder::split(const Tensor& both) const { return {slice(both, 1, 0, latent_), slice(both, 1, latent_, 2 * latent_)}; }

SeeingDiscriminator::SeeingDiscriminator(const Context& c, const ModelOptions& o) {
  const DNorm norm = d_norm_of("vaegan", o.d_norm);
  nn::Sequential layers, last;
  const int side = append_halvings(layers, c, o, norm);
  Convolve{c, norm}.append_logit(last, channels_before(o, side), {side, side});
  main_ = add("main", std::make_shared<nn::Sequential>(std::move(layers)));
  last_ = add("last", std::make_shared<nn::Sequential>(std::move(last)));
}

SeeingDiscriminator::Seen SeeingDiscriminator::look(const Tensor& pictures) {
  const Tensor features = main_->forward(pictures);
  return {reshape(last_->forward(features), {pictures.size(0)}), flatten(features)};
}

VaeGan::VaeGan(const Context& c, const Model& model, const GanOptions& o) : Gan(c, model, o, three_players(c, model, o)) {}

void VaeGan::play(const Tensors& batch) {
  const Tensor& x = batch.at(0);
  const GanOptions& o = options();
  const LossWeights& w = o.weights;
  const int64_t n = x.size(0), latent = o.model.latent;
  Code code;
  {
    const Range phase(context(), "encoder");
    code = encoder().encode(x);
  }
  const Tensor draw = code.mean + exp(0.5 * code.log_variance) * context().normal({n, latent}, stream_key(o.seed, "code"));
  const Tensor noise = context().normal({n, 1, 1, latent}, stream_key(o.seed, "latent"));
  Tensor made;                           // from codes, then from noise; the two never share statistics of a batch
  {
    const Range phase(context(), "generator");
    generator().set_norm_groups(2);
    made = generator()(concat({reshape(draw, noise.shape()), noise}, 0));
    generator().set_norm_groups(1);
  }
  SeeingDiscriminator::Seen seen;        // x, then both of them
  {
    const Range phase(context(), "discriminator");
    discriminator().set_norm_groups(3);
    seen = static_cast<SeeingDiscriminator&>(discriminator()).look(concat({x, made}, 0));
    discriminator().set_norm_groups(1);
  }
  const Tensor real = slice(seen.logits, 0, 0, n), fake = slice(seen.logits, 0, n, 3 * n);
  const Tensor off = slice(seen.features, 0, n, 2 * n) - slice(seen.features, 0, 0, n);
  const Tensor like = sum_squares(off) * (0.5 / double(n));
  const Tensor kl = sum(code.mean * code.mean + exp(code.log_variance) - 1 - code.log_variance) * (0.5 / double(n));
  const Tensor loss_d = o.objective->discriminator(real, fake, 1), adversarial = o.objective->generator({}, fake);
  tell("loss_d", loss_d), tell("loss_g", adversarial), tell("loss_like", like), tell("loss_kl", kl);
  tell("d_real", real, As::probability), tell("d_fake", fake, As::probability);

  gradient(kDiscriminator, loss_d, KeepGraph::yes);
  gradient(kGenerator, w.content * like + w.adversarial * adversarial, KeepGraph::yes);
  gradient(kEncoder, w.kl * kl + like);
  for (const size_t player : {kDiscriminator, kGenerator, kEncoder}) update(player);
}

Tensor VaeGan::restored(const Tensor& pictures) const {
  const NoGraph scope(context());
  const Tensor mean = slice(in_evaluation(encoder(), pictures), 1, 0, options().model.latent);
  return in_evaluation(sampler(), reshape(mean, {mean.size(0), 1, 1, mean.size(1)}));
}

Contest::Sheet VaeGan::sheet(const Tensors& shown, int64_t count, uint64_t seed) const {
  const Tensors& given = or_last(shown);
  const int64_t rows = !given.empty() ? std::min(count / (4 * kColumns), given[0].size(0) / kColumns) : 0;   // half of the sheet, if there are enough
  if (rows == 0) return {sample(count, seed), kColumns};
  Tensors all;
  for (int64_t i = 0; i < rows; ++i) {
    const Tensor x = slice(given[0], 0, i * kColumns, (i + 1) * kColumns);
    all.push_back(x), all.push_back(restored(x));
  }
  all.push_back(sample(count - 2 * rows * kColumns, seed));
  return {concat(all, 0), kColumns};
}

Gauges VaeGan::measure(const Tensors& held_out) const {
  if (held_out.empty()) return {};
  const NoGraph scope(context());
  return {{{"held_out_l1", nn::l1(restored(held_out[0]), held_out[0]).item()}}};
}

Networks vaegan(const Context& c, const ModelOptions& o) {
  if (o.condition != "none")
    throw ConfigError("vaegan: condition = '" + o.condition + "', but it is told no classes: what sets them apart is found afterwards, as directions among codes (weft project RUN --toward CLASS)");
  return {dcgan(c, o).generator, std::make_shared<SeeingDiscriminator>(c, o)};
}

std::unique_ptr<Contest> vaegan_contest(const Context& c, const Model& model, const GanOptions& o) { return std::make_unique<VaeGan>(c, model, o); }

std::shared_ptr<Encoder> load_encoder(const Context& c, const std::string& checkpoint) {
  const std::filesystem::path file = std::filesystem::path(checkpoint) / "encoder.safetensors";
  if (!std::filesystem::exists(file)) return nullptr;
  const Safetensors content = read_safetensors(file);
  const auto encoder = std::make_shared<Encoder>(c, model_options_from(content.metadata, file.string()));
  nn::load_state_dict(*encoder, content.tensors, file.string());
  encoder->set_training(false);
  return encoder;
}

}  // namespace weft::gan
