// CycleGAN: Zhu, Park, Isola and Efros, "Unpaired image-to-image translation using cycle-consistent adversarial networks",
// arXiv:1703.10593. Two generators, each the other's inverse, and a discriminator a side. The generators move first, together; the
// discriminators are shown what came out of a pool of 50.
#include "translation_contest.h"
#include "weft/nn/loss.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

enum : size_t { kAToB, kBToA, kJudgeA, kJudgeB };

std::vector<Player> four_players(const Context& c, const GanOptions& o) {
  const auto make = [&] { return resnet_generator(c, o.model); };
  return {generator_player("generator", o, make), generator_player("generator_back", o, make),
          discriminator_player("discriminator_a", o, patch_discriminator(c, o.model)), discriminator_player("discriminator_b", o, patch_discriminator(c, o.model))};
}

class CycleGan final : public TranslationContest {
 public:
  CycleGan(const Context& c, const Model& model, const GanOptions& o)
      : TranslationContest(c, model, o, four_players(c, o)),
        pool_a_(c, o.pool, {o.model.size, o.model.size, o.model.channels}, stream_key(o.seed, "pool.a")),
        pool_b_(c, o.pool, {o.model.size, o.model.size, o.model.channels}, stream_key(o.seed, "pool.b")) {}

  void save(nn::Checkpoint& into) const override {
    TranslationContest::save(into);
    if (options().pool == 0) return;
    file(into, "pool_a") = pool_a_.state_dict();
    file(into, "pool_b") = pool_b_.state_dict();
  }
  void load(const nn::Checkpoint& from, const std::string& what) override {
    TranslationContest::load(from, what);
    for (auto& [name, pool] : {std::pair<std::string, ImagePool*>{"pool_a", &pool_a_}, {"pool_b", &pool_b_}})
      if (const auto file = from.files.find(name); file != from.files.end()) pool->load_state_dict(file->second.tensors, what + "/" + name);
  }

 private:
  // What a generator makes of its own side's pictures (the translation) and of the other's (which should stay) is one pass.
  void play(const Tensor& a, const Tensor& b) override {
    const LossWeights& w = options().weights;
    nn::Module &to_b = network(kAToB), &to_a = network(kBToA);
    const int64_t n = a.size(0);
    const bool identity = w.identity > 0;
    Tensor for_b = a, for_a = b;
    if (identity) for_b = concat({a, b}, 0), for_a = concat({b, a}, 0);
    for (nn::Module* g : {&to_a, &to_b}) g->set_norm_groups(identity ? 2 : 1);
    const Tensor at_b = to_b(for_b), at_a = to_a(for_a);
    for (nn::Module* g : {&to_a, &to_b}) g->set_norm_groups(1);
    const Tensor fake_b = slice(at_b, 0, 0, n), fake_a = slice(at_a, 0, 0, n);

    Tensor loss = adversarial(kJudgeB, fake_b, "_ab") + adversarial(kJudgeA, fake_a, "_ba");
    loss = loss + part("loss_cycle_a", w.cycle, nn::l1(to_a(fake_b), a)) + part("loss_cycle_b", w.cycle, nn::l1(to_b(fake_a), b));
    if (identity)
      loss = loss + part("loss_identity_a", w.identity, nn::l1(slice(at_a, 0, n, 2 * n), a)) + part("loss_identity_b", w.identity, nn::l1(slice(at_b, 0, n, 2 * n), b));
    gradient({kAToB, kBToA}, part("loss_g", 1, loss));
    update(kAToB);
    update(kBToA);

    train_discriminator(kJudgeA, a, pool_a_.exchange(fake_a), "_a");
    train_discriminator(kJudgeB, b, pool_b_.exchange(fake_b), "_b");
  }

  /// a | as b | and back
  Tensors columns(const Tensor& a, const Tensor&) const override {
    const Tensor b = translated(a);
    return {a, b, in_evaluation(trained(kBToA), b, 4)};
  }

  ImagePool pool_a_, pool_b_;
};

}  // namespace

Networks resnet_translation(const Context& c, const ModelOptions& o) { return {resnet_generator(c, o), patch_discriminator(c, o)}; }

std::unique_ptr<Contest> play_cyclegan(const Context& c, const Model& model, const GanOptions& o) { return std::make_unique<CycleGan>(c, model, o); }

}  // namespace weft::gan
