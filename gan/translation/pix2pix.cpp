// pix2pix: Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional adversarial networks", arXiv:1611.07004.
// Pairs: the generator is to hit the target pixel by pixel (L1), and the discriminator, who sees input and output together, is to find
// the output as sharp as a real one.
#include "translation_contest.h"
#include "weft/gan/measures.h"
#include "weft/gan/sheet.h"
#include "weft/nn/loss.h"

namespace weft::gan {
namespace {

enum : size_t { kGenerator, kJudge };

/// As many halvings as the size bears, 8 at the most: 8 for 256 pixels, 6 for 64.
std::shared_ptr<UnetGenerator> unet_generator(const Context& c, const ModelOptions& o, uint64_t seed = 0) {
  UnetOptions u{o.channels, o.channels, o.width, 0, norm_of(o.norm), o.dropout, seed, upsampling_of(o.upsampling)};
  while (u.depth < 8 && o.size % (2 << u.depth) == 0) ++u.depth;
  if (u.depth < 2) throw ConfigError("a U-Net takes pictures whose side is a multiple of 4, better of 64, not " + std::to_string(o.size) + "; choose --size 64, say");
  return std::make_shared<UnetGenerator>(c, u);
}

std::vector<Player> two_players(const Context& c, const GanOptions& o) {
  return {generator_player("generator", o, [&] { return unet_generator(c, o.model, o.seed); }),
          discriminator_player("discriminator", o, patch_discriminator(c, o.model, 2))};
}

class Pix2Pix final : public TranslationContest {
 public:
  Pix2Pix(const Context& c, const Model& model, const GanOptions& o) : TranslationContest(c, model, o, two_players(c, o)) {}

 private:
  void play(const Tensor& a, const Tensor& b) override {
    const Tensor fake = network(kGenerator)(a);
    train_discriminator(kJudge, concat({a, b}, -1), concat({a, fake.detach()}, -1));
    const Tensor loss = adversarial(kJudge, concat({a, fake}, -1)) + part("loss_l1", options().weights.l1, nn::l1(fake, b));
    gradient(kGenerator, part("loss_g", 1, loss));
    update(kGenerator);
  }

  /// input | output | target
  Tensors columns(const Tensor& a, const Tensor& b) const override { return {a, translated(a), b}; }
  /// The mean absolute error of values in [0, 1], and the neighbours' differences as a share of the targets' own: 1 is as sharp.
  Gauges measure(const Tensor& a, const Tensor& b) const override {
    const Tensor made = translated(a);
    double sharp = 0, wanted = 0;
    for (int64_t i = 0; i < b.size(0); ++i) sharp += gradient_energy(to_image(made, i)), wanted += gradient_energy(to_image(b, i));
    return {{{"held_out", nn::l1(made, b).item() / 2}, {"held_out_sharpness", sharp / wanted}}};
  }
};

}  // namespace

Networks unet_translation(const Context& c, const ModelOptions& o) { return {unet_generator(c, o), patch_discriminator(c, o, 2)}; }

std::unique_ptr<Contest> play_pix2pix(const Context& c, const Model& model, const GanOptions& o) { return std::make_unique<Pix2Pix>(c, model, o); }

}  // namespace weft::gan
