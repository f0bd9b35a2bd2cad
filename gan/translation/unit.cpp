// UNIT: Liu, Breuel and Kautz, "Unsupervised image-to-image translation networks", arXiv:1703.00848. Two variational autoencoders that
// share the middle of their networks, so that a picture and its translation have one latent code; a discriminator a side.
//   loss = l1 * reconstruction + kl * KL(code | N(0, 1)) + adversarial + cycle * reconstruction over the other side + kl * KL(there)
#include "translation_contest.h"
#include "weft/nn/loss.h"

namespace weft::gan {
namespace {

enum : size_t { kGenerator, kJudgeA, kJudgeB };

std::shared_ptr<UnitGenerator> unit_generator(const Context& c, const ModelOptions& o, uint64_t seed = 0) {
  const Upsampling up = upsampling_of(o.upsampling);
  return std::make_shared<UnitGenerator>(c, UnitGenerator::Options{o.channels, o.width, o.blocks, seed, up, up == Upsampling::bilinear, norm_of(o.norm)});
}

std::vector<Player> three_players(const Context& c, const GanOptions& o) {
  return {generator_player("generator", o, [&] { return unit_generator(c, o.model, o.seed); }), discriminator_player("discriminator_a", o, patch_discriminator(c, o.model)),
          discriminator_player("discriminator_b", o, patch_discriminator(c, o.model))};
}

class Unit final : public TranslationContest {
 public:
  Unit(const Context& c, const Model& model, const GanOptions& o) : TranslationContest(c, model, o, three_players(c, o)) {}

 private:
  void play(const Tensor& a, const Tensor& b) override {
    const LossWeights& w = options().weights;
    auto& g = static_cast<UnitGenerator&>(network(kGenerator));
    const Tensor code_a = g.encode(0, a), code_b = g.encode(1, b);
    const Tensor fake_b = g.decode(1, code_a, 0), fake_a = g.decode(0, code_b, 1);      // with the noise of the reconstruction
    const Tensor back_a = g.encode(1, fake_b), back_b = g.encode(0, fake_a);
    const auto kl = [](const Tensor& mean_of_code) { return mean(mean_of_code * mean_of_code) / 2; };   // of N(m, 1) from N(0, 1), a number

    Tensor loss = part("loss_l1_a", w.l1, nn::l1(g.decode(0, code_a, 0), a)) + part("loss_l1_b", w.l1, nn::l1(g.decode(1, code_b, 1), b));
    loss = loss + part("loss_kl_a", w.kl, kl(code_a)) + part("loss_kl_b", w.kl, kl(code_b));
    loss = loss + part("loss_cycle_a", w.cycle, nn::l1(g.decode(0, back_a, 2), a)) + part("loss_cycle_b", w.cycle, nn::l1(g.decode(1, back_b, 3), b));
    loss = loss + part("loss_kl_back_a", w.kl, kl(back_a)) + part("loss_kl_back_b", w.kl, kl(back_b));
    loss = loss + adversarial(kJudgeB, fake_b, "_ab") + adversarial(kJudgeA, fake_a, "_ba");
    gradient(kGenerator, part("loss_g", 1, loss));
    update(kGenerator);

    train_discriminator(kJudgeA, a, fake_a.detach(), "_a");
    train_discriminator(kJudgeB, b, fake_b.detach(), "_b");
  }
};

}  // namespace

Networks unit_translation(const Context& c, const ModelOptions& o) { return {unit_generator(c, o), patch_discriminator(c, o)}; }

std::unique_ptr<Contest> play_unit(const Context& c, const Model& model, const GanOptions& o) { return std::make_unique<Unit>(c, model, o); }

}  // namespace weft::gan
