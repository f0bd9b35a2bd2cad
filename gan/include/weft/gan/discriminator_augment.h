// Augmentation of all that a discriminator is shown, real and generated pictures alike, so that few data do not wear out. The alterations are
// differentiable: the generator learns through them, and a penalty's slope is that at the pictures as they were.
//   Zhao et al., "Differentiable augmentation for data-efficient GAN training", arXiv:2006.10738
//   Karras et al., "Training generative adversarial networks with limited data", arXiv:2006.06676
#pragma once
#include <array>
#include <string>

#include "weft/tensor/dial.h"
#include "weft/tensor/ops.h"
#include "weft/tensor/safetensors.h"

namespace weft::gan {

/// diffaugment: every picture, always. ada: each alteration with a probability p, which rises while the discriminator is too sure of real
/// pictures, and falls while it is not.
enum class AugmentMethod { none, diffaugment, ada };

struct DiscriminatorAugmentOptions {
  AugmentMethod method = AugmentMethod::none;
  std::string policy;                    // some of diffaugment: color, translation, cutout; ada: blit, geom, color; with commas between. Empty: all
  double probability = 0;                // p to begin with, [0, 1]; of ada alone, as all that follows
  double target = 0.6;                   // of E[sign D(real)]
  int interval = 4;                      // steps from one change of p to the next
  double kimg = 500;                     // thousands of pictures in which p can go from 0 to 1; 0: it stays
};

/// The augmentation of a run. What is drawn is a function of (seed, step, side, sample) alone.
class DiscriminatorAugment {
 public:
  /// Throws ConfigError for a policy that the method has no such part of.
  DiscriminatorAugment(const Context& context, const DiscriminatorAugmentOptions& options, uint64_t seed);

  bool alters() const { return options_.method != AugmentMethod::none; }
  /// Before a step: changes p where that is due, and draws what becomes of each picture.
  /// @param pictures  (N,H,W,C) of the step's batch; C is 1 or 3
  /// Throws ShapeError for others, and for sides below 2.
  void prepare(int64_t step, const Shape& pictures);
  enum Side { real, fake };              // whose draws; both sides' are from one distribution
  /// Pictures (N,H,W,C) as the discriminator is to see them. Linear in the pictures but for brightness; derivatives of any order.
  Tensor operator()(const Tensor& pictures, Side side) const;

  /// Tells of the step's real pictures: `certainty` is above 0 where the discriminator is right. A part of a captured step.
  void hear(const Tensor& certainty);
  bool adapts() const { return options_.method == AugmentMethod::ada && options_.kimg > 0; }
  const Tensor& probability() const { return probability_.value(); }   // p of the last prepare(), a scalar

  /// p and what was heard since it changed; nothing where nothing changes.
  HostTensors state_dict() const;
  void load_state_dict(const HostTensors& tensors, const std::string& what);

 private:
  /// Where the pixels of one side's pictures come from, and what becomes of their colours.
  struct Drawn {
    uint64_t key;
    Tensor places, weights;              // (N*H*W, taps): rows of the pictures as (N*H*W, C), -1 for grey, a 0; weights: empty where there is one tap
    Tensor colour, offset, towards;      // (N,1,C,C), (N,1,1,C), (N,1,1,1): y = x colour + offset + towards * the picture's mean
  };
  void adapt(int64_t step, int64_t pictures);
  void make_room(const Shape& pictures);
  void draw(const Drawn& into, int64_t step) const;

  Context context_;
  DiscriminatorAugmentOptions options_;
  Shape shape_;                          // that there is room for
  std::array<Drawn, 2> sides_;
  Dial probability_;
  Tensor signs_, heard_;                 // the sum of E[sign D(real)] over the steps since p changed, and how many these are
};

}  // namespace weft::gan
