// CUT and FastCUT: Park, Efros, Zhang and Zhu, "Contrastive learning for unpaired image-to-image translation", arXiv:2007.15651.
// One direction, one generator. What keeps the content is PatchNCE: each patch of the output, seen by the generator's own encoder, is
// to be recognised among the input's patches. CUT asks the same of pictures that are of side B already; FastCUT does not, and flips
// half of its pictures, so that features must follow.
#include "translation_contest.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

enum : size_t { kGenerator, kJudge, kProjection };

std::vector<Player> three_players(const Context& c, const GanOptions& o) {
  const auto make = [&] { return resnet_generator(c, o.model); };
  std::vector<Player> players = {generator_player("generator", o, make), discriminator_player("discriminator", o, patch_discriminator(c, o.model))};
  auto& g = static_cast<ResnetGenerator&>(*players[kGenerator].network);
  std::vector<int64_t> channels;
  {
    const NoGraph scope(c);
    for (const Tensor& f : g.features(c.zeros({1, 16, 16, o.model.channels}), g.encoder_layers())) channels.push_back(f.size(3));
  }
  players.push_back({"projection", std::make_shared<PatchProjection>(c, channels, o.model.latent), o.generator, nullptr});
  return players;
}

class Cut final : public TranslationContest {
 public:
  Cut(const Context& c, const Model& model, const GanOptions& o, bool flips) : TranslationContest(c, model, o, three_players(c, o)), flips_(flips) {}

 private:
  void play(const Tensor& a, const Tensor& b) override {
    const LossWeights& w = options().weights;
    auto& g = static_cast<ResnetGenerator&>(network(kGenerator));
    const int64_t n = a.size(0);
    Tensor inputs = a;
    if (w.identity > 0) inputs = concat({a, b}, 0);
    // Drawn on the device, so that the step is the same work every time.
    const Tensor flipped = flips_ ? greater(context().uniform({1}, stream_key(options().seed, "cut.flip")), 0.5) : Tensor();
    const auto turned = [&](const Tensor& x) { return flipped ? select(flipped, flip(x), x) : x; };
    const Tensor outputs = g(turned(inputs)), fake = slice(outputs, 0, 0, n);
    train_discriminator(kJudge, b, fake.detach());

    Tensors queries = g.features(outputs, g.encoder_layers());
    for (Tensor& q : queries) q = turned(q);
    const auto [loss_a, loss_b] = nce(queries, inputs, n);
    Tensor loss = adversarial(kJudge, fake);
    if (w.identity > 0) loss = loss + part("loss_nce", w.nce / 2, loss_a) + part("loss_nce_identity", w.identity * w.nce / 2, loss_b);
    else loss = loss + part("loss_nce", w.nce, loss_a);
    gradient({kGenerator, kProjection}, part("loss_g", 1, loss));
    update(kGenerator);
    update(kProjection);
  }

  /// Of the first n pictures, and of the others (empty if there are none).
  std::pair<Tensor, Tensor> nce(const Tensors& queries, const Tensor& inputs, int64_t n) {
    auto& g = static_cast<ResnetGenerator&>(network(kGenerator));
    auto& heads = static_cast<PatchProjection&>(network(kProjection));
    Tensors positions, keys;
    {
      const NoGraph scope(context());
      const Tensors features = g.features(inputs, g.encoder_layers());
      for (size_t i = 0; i < features.size(); ++i)
        positions.push_back(patch_positions(features[i], options().patches, stream_key(options().seed, "cut.patches." + std::to_string(i))));
      keys = heads.project(features, positions);
    }
    const Tensors projected = heads.project(queries, positions);
    const auto of = [](const Tensors& all, int64_t begin, int64_t end) {
      Tensors some;
      for (const Tensor& t : all) some.push_back(slice(t, 0, begin, end));
      return some;
    };
    const int64_t all = inputs.size(0);
    return {patch_nce(of(projected, 0, n), of(keys, 0, n)), all > n ? patch_nce(of(projected, n, all), of(keys, n, all)) : Tensor()};
  }

  bool flips_;
};

}  // namespace

std::unique_ptr<Contest> play_cut(const Context& c, const Model& model, const GanOptions& o) { return std::make_unique<Cut>(c, model, o, false); }
std::unique_ptr<Contest> play_fastcut(const Context& c, const Model& model, const GanOptions& o) { return std::make_unique<Cut>(c, model, o, true); }

}  // namespace weft::gan
