// The plain game: a generator makes pictures from noise, a discriminator tells them from real ones.
#pragma once
#include "weft/gan/contest.h"

namespace weft::gan {

class Gan : public Contest {
 public:
  Gan(const Context& context, const Model& model, const GanOptions& options);

  using Contest::step;
  /// @param real    (N,H,W,C) in [-1, 1]
  /// @param latent  (N,1,1,latent), or empty for draws of (seed, step)
  void step(const Tensor& real, const Tensor& latent = {}) { step(latent ? Tensors{real, latent} : Tensors{real}); }
  std::string explain_not_finite(const Tensor& real) { return Contest::explain_not_finite({real}); }

  /// Images in evaluation mode, from the average if there is one. Image i of a seed is the same whatever the count.
  Tensor sample(int64_t count, uint64_t seed) const;
  Sheet sheet(const Tensors& shown, int64_t count, uint64_t seed) const override;   // of points: a scatter plot, those shown in grey

  nn::Module& generator() const { return network(0); }
  nn::Module& discriminator() const { return network(1); }
  nn::Module& sampler() const { return trained(0); }

 protected:
  void play(const Tensors& batch) override;

 private:
  void gradient_discriminator(const Tensor& real, const Tensor& fake);
  void gradient_generator(const Tensor& fake);
};

/// Latents of a seed: row i is the same whatever the count. (N,1,1,latent)
Tensor latents(const Context& context, int64_t count, int latent, uint64_t seed);

}  // namespace weft::gan
