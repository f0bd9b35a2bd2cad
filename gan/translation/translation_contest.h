// What the contests that translate pictures have in common.
#pragma once
#include "weft/gan/contest.h"
#include "weft/gan/translation.h"

namespace weft::gan {

/// A picture of side A becomes one of side B. Steps are given {a, b}, or pairs that are joined at their channels; each loss is told
/// as it enters the sum, with its weight.
class TranslationContest : public Contest {
 public:
  /// Held-out pictures, or else those of the last step: input | output | what else there is to see of them.
  Sheet sheet(const Tensors& shown, int64_t count, uint64_t seed) const override;
  Gauges measure(const Tensors& held_out) const override;

 protected:
  TranslationContest(const Context& context, const Model& model, const GanOptions& options, std::vector<Player> players);
  virtual void play(const Tensor& a, const Tensor& b) = 0;
  /// a as B by the first player, outside training.
  virtual Tensor translated(const Tensor& a) const { return in_evaluation(trained(0), a, 4); }
  /// What a sheet's columns show.
  virtual Tensors columns(const Tensor& a, const Tensor& /*b*/) const { return {a, translated(a)}; }
  /// How far held-out a, as B, is from what it should be: held_out is the lower the better. Of unpaired sides: the distance of its patches from
  /// B's as a share of a's own, plus what is lost of its structure.
  virtual Gauges measure(const Tensor& a, const Tensor& b) const;
  void play(const Tensors& batch) override;

  /// The loss of a discriminator of real and generated pictures, the mean of both, from one pass; told as loss_d, d_real, d_fake, each
  /// with `side` behind it. Takes the gradient, and moves the player. lsgan's squares are not halved before, here and below.
  void train_discriminator(size_t player, const Tensor& real, const Tensor& fake, const std::string& side = "");
  /// weights.adversarial times what a discriminator's opinion of `fake` costs the generator; told as loss_gan and d_fake_after.
  Tensor adversarial(size_t player, const Tensor& fake, const std::string& side = "");
  /// `value` times its weight; told as `name`.
  Tensor part(const std::string& name, double weight, const Tensor& value);
};

/// Players by their networks; `make` builds one again where an average is kept.
Player generator_player(const std::string& name, const GanOptions& options, const std::function<nn::ModulePtr()>& make);
Player discriminator_player(const std::string& name, const GanOptions& options, const nn::ModulePtr& network);

/// Networks as the settings want them. Throws ConfigError for a norm or upsampling that there is none of.
/// Bilinear upsampling goes with blurred halving: the anti-aliased networks of CUT.
std::shared_ptr<ResnetGenerator> resnet_generator(const Context&, const ModelOptions&);
std::shared_ptr<PatchDiscriminator> patch_discriminator(const Context&, const ModelOptions&, int pictures = 1);

// The models' networks for one direction, and their contests.
Networks resnet_translation(const Context&, const ModelOptions&);
Networks unet_translation(const Context&, const ModelOptions&);
Networks unit_translation(const Context&, const ModelOptions&);
std::unique_ptr<Contest> play_cyclegan(const Context&, const Model&, const GanOptions&);
std::unique_ptr<Contest> play_cut(const Context&, const Model&, const GanOptions&);
std::unique_ptr<Contest> play_fastcut(const Context&, const Model&, const GanOptions&);
std::unique_ptr<Contest> play_unit(const Context&, const Model&, const GanOptions&);
std::unique_ptr<Contest> play_pix2pix(const Context&, const Model&, const GanOptions&);

}  // namespace weft::gan
