// One training step, as prose. docs/gan-internals.md walks through it.
#include "weft/gan/gan.h"

#include "weft/gan/points.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

enum : size_t { kGenerator, kDiscriminator };

std::vector<Player> two_players(const Context& context, const Model& model, const GanOptions& o) {
  const Networks networks = model.build(context, o.model);
  return {{"generator", networks.generator, o.generator, o.ema > 0 ? model.build(context, o.model).generator : nullptr},
          {"discriminator", networks.discriminator, o.discriminator, nullptr}};
}

}  // namespace

Gan::Gan(const Context& context, const Model& model, const GanOptions& options) : Contest(context, options, two_players(context, model, options)) {}

void Gan::play(const Tensors& batch) {
  const Tensor real = batch[0];
  // One batch of generated images serves both networks: in the graph for the generator, outside it for the discriminator.
  const Tensor z = batch.size() > 1 ? batch[1] : context().normal({real.size(0), 1, 1, options().model.latent}, stream_key(options().seed, "latent"));
  const Tensor fake = generator()(z);

  switch (options().order) {
    case UpdateOrder::discriminator_first:
      gradient_discriminator(real, fake.detach());
      update(kDiscriminator);
      gradient_generator(fake);
      update(kGenerator);
      break;
    case UpdateOrder::generator_first:
      gradient_generator(fake);
      update(kGenerator);
      gradient_discriminator(real, fake.detach());
      update(kDiscriminator);
      break;
    case UpdateOrder::simultaneous:
      gradient_discriminator(real, fake.detach());
      gradient_generator(fake);
      update(kDiscriminator);
      update(kGenerator);
      break;
  }
}

// Real and generated images go through in one pass. Their batch norms keep statistics apart (two groups), so the result is
// that of two passes, for one and a half times the price of one.
void Gan::gradient_discriminator(const Tensor& real, const Tensor& fake) {
  const Range phase(context(), "discriminator");
  const int64_t n = real.size(0);
  discriminator().set_norm_groups(2);
  const Tensor logits = discriminator()(concat({real, fake}, 0));
  discriminator().set_norm_groups(1);
  const Tensor on_real = slice(logits, 0, 0, n), on_fake = slice(logits, 0, n, 2 * n);
  const Tensor loss = options().objective->discriminator(on_real, on_fake);
  tell("loss_d", loss);
  tell("d_real", on_real, As::probability);
  tell("d_fake", on_fake, As::probability);
  gradient(kDiscriminator, loss);
}

// Only the generator's gradients are asked for, so the discriminator's weight gradients are never computed.
void Gan::gradient_generator(const Tensor& fake) {
  const Range phase(context(), "generator");
  const Tensor on_fake = discriminator()(fake);
  const Tensor loss = options().objective->generator({}, on_fake);
  tell("loss_g", loss);
  tell("d_fake_after", on_fake, As::probability);
  gradient(kGenerator, loss);
}

Tensor latents(const Context& context, int64_t count, int latent, uint64_t seed) {
  StepState& state = context.step_state();
  const uint64_t now = state.step;
  state.step = 0;   // a sample belongs to its seed, not to the step at which it is drawn
  context.publish_step_state();
  const Tensor z = context.normal({count, 1, 1, latent}, stream_key(seed, "sample"));
  state.step = now;
  context.publish_step_state();
  return z;
}

Contest::Sheet Gan::sheet(const Tensors& shown, int64_t count, uint64_t seed) const {
  const Tensor samples = sample(count, seed);
  if (!are_points(samples)) return {samples, 0};
  const Units& units = options().model.units;
  const Image plot = scatter(shown.empty() ? std::vector<float>() : to_points(shown[0], units), to_points(samples, units));
  std::vector<float> pixels(plot.pixels.size());
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = float(plot.pixels[i]) / 127.5f - 1;
  return {context().from(pixels, {1, plot.height, plot.width, 3}), 1};
}

Tensor Gan::sample(int64_t count, uint64_t seed) const { return in_evaluation(sampler(), latents(context(), count, options().model.latent, seed)); }

}  // namespace weft::gan
