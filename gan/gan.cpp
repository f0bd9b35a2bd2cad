// One training step, as prose. docs/gan-internals.md walks through it.
#include <cmath>

#include "warm_start.h"
#include "weft/gan/trainer.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {

Gan::Gan(const Context& context, const Model& model, const GanOptions& options) : context_(context), options_(options) {
  networks_ = model.build(context, options.model);
  context.step_state().step = 0;   // initial values are draws of step 0
  context.publish_step_state();
  nn::initialise(*networks_.generator, options.init, options.seed, "generator");
  nn::initialise(*networks_.discriminator, options.init, options.seed, "discriminator");
  const NamedNetworks both = {{"generator", networks_.generator.get()}, {"discriminator", networks_.discriminator.get()}};
  begin_from(options.init_from, both);
  options_.init_from = {};
  freeze(options.freeze, both);
  arena_g_ = std::make_unique<nn::Arena>(*networks_.generator);
  arena_d_ = std::make_unique<nn::Arena>(*networks_.discriminator);
  optimizer_g_ = std::make_unique<nn::Optimizer>(*arena_g_, options.generator, 0);
  optimizer_d_ = std::make_unique<nn::Optimizer>(*arena_d_, options.discriminator, 1);
  if (options.ema > 0) {
    average_.generator = model.build(context, options.model).generator;
    arena_average_ = std::make_unique<nn::Arena>(*average_.generator);
    ema_ = std::make_unique<nn::Ema>(*arena_g_, *arena_average_, options.ema);
  }
}

void Gan::step(const Tensor& real, const Tensor& latent) {
  const Range phase(context_, "training step");
  context_.step_state().step = uint64_t(++step_);
  optimizer_g_->prepare(step_ - 1);
  optimizer_d_->prepare(step_ - 1);
  context_.publish_step_state();

  const bool wanted = options_.capture == CaptureSteps::on || (options_.capture == CaptureSteps::automatic && context_.device() == std::string("cuda"));
  const auto same = [](const Tensor& a, const Tensor& b) { return a && b ? a.storage() == b.storage() && a.offset() == b.offset() : !a && !b; };
  if (!wanted || !same(real, captured_.real) || !same(latent, captured_.latent)) {
    captured_ = {};                      // what it left behind is about to be replaced
    captured_.real = real, captured_.latent = latent;
    return run_step(real, latent);
  }
  if (!captured_.step) captured_.step = context_.capture([&] { run_step(real, latent); });
  captured_.step.replay();
}

// All that the device does in a step. Nothing here may depend on the step but through the step state.
void Gan::run_step(const Tensor& real, const Tensor& latent) {
  // One batch of generated images serves both networks: in the graph for the generator, outside it for the discriminator.
  const Tensor z = latent ? latent : draw_latent(real.size(0));
  const Tensor fake = (*networks_.generator)(z);

  switch (options_.order) {
    case UpdateOrder::discriminator_first:
      gradient_discriminator(real, fake.detach());
      optimizer_d_->step();
      gradient_generator(real, fake);
      optimizer_g_->step();
      break;
    case UpdateOrder::generator_first:
      gradient_generator(real, fake);
      optimizer_g_->step();
      gradient_discriminator(real, fake.detach());
      optimizer_d_->step();
      break;
    case UpdateOrder::simultaneous:
      gradient_discriminator(real, fake.detach());
      gradient_generator(real, fake);
      optimizer_d_->step();
      optimizer_g_->step();
      break;
  }
  if (ema_) ema_->update();
}

// Real and generated images go through in one pass. Their batch norms keep statistics apart (two groups), so the result is
// that of two passes, for one and a half times the price of one.
void Gan::gradient_discriminator(const Tensor& real, const Tensor& fake) {
  const Range phase(context_, "discriminator");
  const int64_t n = real.size(0);
  networks_.discriminator->set_norm_groups(2);
  const Tensor logits = (*networks_.discriminator)(concat({real, fake}, 0));
  networks_.discriminator->set_norm_groups(1);
  const Tensor on_real = slice(logits, 0, 0, n), on_fake = slice(logits, 0, n, 2 * n);
  const Tensor loss = options_.objective->discriminator(on_real, on_fake);
  told_.loss_d = loss.detach();
  told_.d_real = on_real.detach();
  told_.d_fake = on_fake.detach();
  backward(loss, arena_d_->leaves(), arena_d_->windows());
}

// Only the generator's gradients are asked for, so the discriminator's weight gradients are never computed.
void Gan::gradient_generator(const Tensor& real, const Tensor& fake) {
  const Range phase(context_, "generator");
  (void)real;   // no objective of this build compares with it here
  const Tensor on_fake = (*networks_.discriminator)(fake);
  const Tensor loss = options_.objective->generator({}, on_fake);
  told_.loss_g = loss.detach();
  told_.d_fake_after = on_fake.detach();
  backward(loss, arena_g_->leaves(), arena_g_->windows());
}

Gauges Gan::gauges() const {
  const NoGraph scope(context_);
  auto probability = [](const Tensor& logits) { return mean(sigmoid(logits)).item(); };
  return {told_.loss_d.item(), told_.loss_g.item(), probability(told_.d_real), probability(told_.d_fake), probability(told_.d_fake_after),
          optimizer_d_->gradient_norm().item(), optimizer_g_->gradient_norm().item()};
}

Tensor Gan::draw_latent(int64_t count) const {
  return context_.normal({count, 1, 1, options_.model.latent}, stream_key(options_.seed, "latent"));
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

namespace {

// In batches, so that a thousand images need no more memory than a few.
Tensor sample_in_evaluation(nn::Module& network, const Tensor& z) {
  const NoGraph scope(z.context());
  const bool was_training = network.training();
  network.set_training(false);
  Tensors parts;
  for (int64_t i = 0; i < z.size(0); i += 64) parts.push_back(network(slice(z, 0, i, std::min(z.size(0), i + 64))));
  network.set_training(was_training);
  return parts.size() == 1 ? parts[0] : concat(parts, 0);
}

}  // namespace

Tensor Gan::sample(int64_t count, uint64_t seed) const {
  return sample_in_evaluation(sampler(), latents(context_, count, options_.model.latent, seed));
}

Tensor TrainedGenerator::sample(int64_t count, uint64_t seed) const {
  const Context context = network->parameters().front().second->value.context();
  return sample_in_evaluation(*network, latents(context, count, model.latent, seed));
}

void Gan::save(nn::Checkpoint& into) const {
  auto file = [&](const std::string& name, HostTensors tensors) { into.files[name].tensors = std::move(tensors); };
  file("generator", nn::state_dict(*networks_.generator));
  file("discriminator", nn::state_dict(*networks_.discriminator));
  file("generator.optimizer", optimizer_g_->state_dict());
  file("discriminator.optimizer", optimizer_d_->state_dict());
  if (average_.generator) file("generator.ema", nn::state_dict(*average_.generator));
}

void Gan::load(const nn::Checkpoint& from, const std::string& what) {
  auto tensors = [&](const char* name) -> const HostTensors& {
    const auto it = from.files.find(name);
    if (it == from.files.end()) throw FormatError(what + ": " + name + ".safetensors is missing");
    return it->second.tensors;
  };
  nn::load_state_dict(*networks_.generator, tensors("generator"), what + "/generator");
  nn::load_state_dict(*networks_.discriminator, tensors("discriminator"), what + "/discriminator");
  optimizer_g_->load_state_dict(tensors("generator.optimizer"), what + "/generator.optimizer");
  optimizer_d_->load_state_dict(tensors("discriminator.optimizer"), what + "/discriminator.optimizer");
  if (average_.generator) nn::load_state_dict(*average_.generator, tensors("generator.ema"), what + "/generator.ema");
}

std::string Gan::parameters_sha256() const {
  return nn::parameters_sha256({{"generator", networks_.generator.get()}, {"discriminator", networks_.discriminator.get()}});
}

}  // namespace weft::gan
