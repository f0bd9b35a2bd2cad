// The plain game: a generator makes pictures from noise, a discriminator tells them from real ones.
#pragma once
#include "weft/gan/contest.h"

namespace weft::gan {

/// A batch is {real}, or {real, labels} where the model has classes; latents may come last. Another one is a ShapeError.
class Gan : public Contest {
 public:
  /// Throws ConfigError for what cannot go together, with the nearest that can.
  Gan(const Context& context, const Model& model, const GanOptions& options);

  using Contest::step;
  /// @param real    (N,H,W,C) in [-1, 1]
  /// @param latent  (N,1,1,latent), or empty for draws of (seed, step)
  void step(const Tensor& real, const Tensor& latent = {}) { step(latent ? Tensors{real, latent} : Tensors{real}); }
  std::string explain_not_finite(const Tensor& real) { return Contest::explain_not_finite({real}); }

  /// Images in evaluation mode, from the average if there is one. Image i of a seed is the same whatever the count.
  /// @param labels  (count, classes); empty: the classes in turn, where there are any. Throws ConfigError for labels of a model without classes.
  Tensor sample(int64_t count, uint64_t seed, const Tensor& labels = {}) const;
  Sheet sheet(const Tensors& shown, int64_t count, uint64_t seed) const override;   // of points: a scatter plot, those shown in grey

  void save(nn::Checkpoint& into) const override;
  void load(const nn::Checkpoint& from, const std::string& what) override;

  nn::Module& generator() const { return network(0); }
  nn::Module& discriminator() const { return network(1); }
  nn::Module& sampler() const { return trained(0); }
  using Contest::context;
  using Contest::options;

 protected:
  /// For games of more networks: the generator, the discriminator, then the others.
  Gan(const Context& context, const Model& model, const GanOptions& options, std::vector<Player> players);
  void play(const Tensors& batch) override;
  int kind() const override { return due() + 2 * moves(0); }
  bool moves(size_t player) const override { return player != 0 || step_now() % options().d_steps == 0; }
  void prepare(const Tensors& batch) override;

 private:
  /// What a step is about.
  struct Round {
    Tensor real, fake, labels;           // as the discriminator is shown them, in packs; labels: (packs, classes of a pack), or empty
    Tensor made, latent, classes;        // generated pictures one by one, and what from; `fake` and `made` are in the generator's graph
  };
  /// Pictures as the discriminator saw them.
  struct Seen {
    Tensor logits, slope;                // slope: of each logit in its own pack, as that was before it was altered, where it was asked for
  };
  /// Whether what is done in some steps alone is done in this one.
  bool due() const { return (step_now() - 1) % options().penalty_every == 0; }
  bool penalised() const { return !slopes_.empty() && due(); }
  bool penalised_at(Penalty::At at) const;
  void expect_batch(const Tensors& batch) const;
  void generate(Round& round);
  using Side = DiscriminatorAugment::Side;
  Seen look(const Tensor& pictures, const std::vector<Side>& sides, const Tensor& labels, bool with_slope);
  Tensor altered(const Tensor& packs, const std::vector<Side>& sides) const;
  std::pair<Seen, Seen> look_at_both(const Round& round);
  Tensor penalty(const Round& round, const Seen& on_real, const Seen& on_fake);
  Tensor gradient_discriminator(const Round& round);
  void gradient_generator(const Round& round, const Tensor& on_real);
  Tensor alikeness(const Round& round);

  std::vector<WeightedPenalty> slopes_;  // the penalties that look at gradients
  Dial strength_;                        // of all of them
  DiscriminatorAugment augment_;
};

/// Latents of a seed: row i is the same whatever the count. (N,1,1,latent)
Tensor latents(const Context& context, int64_t count, int latent, uint64_t seed);

/// (which.size(), classes): sample i is as the model's condition which[i]; empty if there are no classes. classes_in_turn: as i % conditions.
Tensor classes_of(const Context& context, const ModelOptions& model, const std::vector<int64_t>& which);
Tensor classes_in_turn(const Context& context, int64_t count, const ModelOptions& model);

/// (which.size(), classes): sample i is what picture which[i] of the data is; in turn where the data's classes are not the model's.
Tensor classes_as(const Context& context, const ModelOptions& model, const Dataset& data, const std::vector<int64_t>& which);

}  // namespace weft::gan
