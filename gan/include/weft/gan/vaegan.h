// VAE-GAN: Larsen, Sonderby, Larochelle and Winther, "Autoencoding beyond pixels using a learned similarity metric", arXiv:1512.09300. A
// variational autoencoder whose decoder is a GAN's generator, and whose pictures are compared by what the discriminator sees in them. So
// a picture that is given can be encoded, moved along a direction of the latent space, and drawn again.
#pragma once
#include "weft/gan/gan.h"

namespace weft::gan {

/// A picture's place in the latent space, as a normal distribution; both (N, latent).
struct Code {
  Tensor mean, log_variance;
};

/// Convolutions with batch norm that halve the picture, then a layer of 2 latent numbers. (N,H,W,C) -> (N, 2 latent)
class Encoder : public nn::Module {
 public:
  Encoder(const Context& context, const ModelOptions& options);
  Tensor forward(const Tensor& pictures) override;
  Code encode(const Tensor& pictures) { return split(forward(pictures)); }

 private:
  Code split(const Tensor& both) const;
  int64_t latent_;
  std::shared_ptr<nn::Sequential> main_;
};

/// A discriminator that also tells what its last layer is given: the space in which pictures are compared.
class SeeingDiscriminator : public nn::Module {
 public:
  SeeingDiscriminator(const Context& context, const ModelOptions& options);
  struct Seen {
    Tensor logits, features;             // (N), (N, features)
  };
  Seen look(const Tensor& pictures);
  Tensor forward(const Tensor& pictures) override { return look(pictures).logits; }

 private:
  std::shared_ptr<nn::Sequential> main_, last_;
};

/// The three losses of a step, each with the gradient that one network follows. Sums over features and latent numbers, means over the batch:
///   kl   = sum (mean^2 + exp(log variance) - 1 - log variance) / 2       of the code from N(0, 1)
///   like = sum (features(x) - features(decoded code))^2 / 2              -log N(features | theirs, 1), but for a constant
///   discriminator = objective.discriminator over x, and over decoded codes and decoded noise in equal shares
///   decoder       = loss.content * like + loss.adversarial * objective.generator over both
///   encoder       = loss.kl * kl + like
/// loss.content is the paper's gamma. All three gradients are taken before any network moves, as in its Algorithm 1.
class VaeGan : public Gan {
 public:
  VaeGan(const Context& context, const Model& model, const GanOptions& options);

  /// Rows of eight: pictures and below them what comes back; then pictures from noise.
  Sheet sheet(const Tensors& shown, int64_t count, uint64_t seed) const override;
  /// held_out_l1: the mean distance, pixel by pixel in [-1, 1], of what comes back.
  Gauges measure(const Tensors& held_out) const override;

  Encoder& encoder() const { return static_cast<Encoder&>(network(2)); }

 protected:
  void play(const Tensors& batch) override;

 private:
  Tensor restored(const Tensor& pictures) const;
};

/// dcgan's generator, for 16, 28, 32, 64 and 128 pixels, and the discriminator above.
Networks vaegan(const Context& context, const ModelOptions& options);
std::unique_ptr<Contest> vaegan_contest(const Context& context, const Model& model, const GanOptions& options);

/// The encoder that a run of vaegan left beside its generator, ready to be asked; empty if the run has none.
/// @param checkpoint  the checkpoint's folder
std::shared_ptr<Encoder> load_encoder(const Context& context, const std::string& checkpoint);

}  // namespace weft::gan
