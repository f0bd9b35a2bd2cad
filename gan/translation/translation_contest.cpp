#include "translation_contest.h"

#include "combinations.h"
#include "weft/gan/measures.h"
#include "weft/gan/sheet.h"

namespace weft::gan {

TranslationContest::TranslationContest(const Context& context, const Model& model, const GanOptions& options, std::vector<Player> players)
    : Contest(context, model, options, std::move(players)) {
  expect_objective(options);
}

namespace {

Tensors sides(const Tensors& batch) {
  if (batch.size() > 1) return batch;
  const int64_t both = batch.at(0).size(3);
  return {slice(batch[0], 3, 0, both / 2), slice(batch[0], 3, both / 2, both)};
}

/// These models' code bases count lsgan's squares whole, and take half of any discriminator's loss: it learns more slowly than the generator.
double unhalved(const Objective& o) { return o.name == std::string("lsgan") ? 2 : 1; }

/// The first pictures of t.
Tensor first(const Tensor& t, int64_t most) { return slice(t, 0, 0, std::min(most, t.size(0))); }

}  // namespace

void TranslationContest::play(const Tensors& batch) {
  const Tensors ab = sides(batch);
  play(ab[0], ab[1]);
}

Contest::Sheet TranslationContest::sheet(const Tensors& shown, int64_t count, uint64_t) const {
  const Tensors& from = or_last(shown);
  if (from.empty()) throw ConfigError("nothing to show: no picture is held out, and no step was made yet");
  const NoGraph scope(context());
  const Tensors ab = sides(from);
  const int64_t rows = std::min({count, ab[0].size(0), ab[1].size(0)});
  Tensors side_by_side;
  for (const Tensor& t : columns(first(ab[0], rows), first(ab[1], rows))) side_by_side.push_back(reshape(t, {rows, 1, t.size(1), t.size(2), t.size(3)}));
  const Tensor all = concat(side_by_side, 1);
  return {reshape(all, {rows * all.size(1), all.size(2), all.size(3), all.size(4)}), int(all.size(1))};
}

// Both go through in one pass; instance norms keep them apart by themselves, batch norms in two groups.
void TranslationContest::train_discriminator(size_t player, const Tensor& real, const Tensor& fake, const std::string& side) {
  const Range phase(context(), "discriminator");
  auto& d = static_cast<PatchDiscriminator&>(network(player));
  const int64_t n = real.size(0);
  d.set_norm_groups(2);
  const Tensors logits = d.logits(concat({real, fake}, 0));
  d.set_norm_groups(1);
  Tensors on_real, on_fake;
  for (const Tensor& t : logits) {
    on_real.push_back(slice(t, 0, 0, n));
    on_fake.push_back(slice(t, 0, n, 2 * n));
  }
  tell(("d_real" + side).c_str(), on_real[0]);
  tell(("d_fake" + side).c_str(), on_fake[0]);
  gradient(player, part("loss_d" + side, unhalved(*options().objective) / 2, discriminator_loss(*options().objective, on_real, on_fake)));
  update(player);
}

Tensor TranslationContest::adversarial(size_t player, const Tensor& fake, const std::string& side) {
  const Tensors on_fake = static_cast<PatchDiscriminator&>(network(player)).logits(fake);
  tell(("d_fake_after" + side).c_str(), on_fake[0]);
  return part("loss_gan" + side, options().weights.adversarial * unhalved(*options().objective), generator_loss(*options().objective, on_fake));
}

Tensor TranslationContest::part(const std::string& name, double weight, const Tensor& value) {
  const Tensor weighted = weight == 1 ? value : weight * value;
  tell(name.c_str(), weighted);
  return weighted;
}

Gauges TranslationContest::measure(const Tensors& held_out) const {
  const NoGraph scope(context());
  const Tensors ab = sides(held_out);
  return measure(ab[0], ab[1]);
}

Gauges TranslationContest::measure(const Tensor& a, const Tensor& b) const {
  const int64_t most = std::max<int64_t>(1, (int64_t(1) << 18) / (a.size(1) * a.size(2)));   // pictures: lists of patches are long
  const Tensor input = first(a, most);
  const auto images = [](const Tensor& t) {
    std::vector<Image> all;
    for (int64_t i = 0; i < t.size(0); ++i) all.push_back(to_image(t, i));
    return all;
  };
  const std::vector<Image> in = images(input), out = images(translated(input)), wanted = images(first(b, most));
  const auto apart = [&](const std::vector<Image>& pictures) {
    const std::array<double, 3> at_scales = patch_distance(context(), pictures, wanted);
    return at_scales[0] + at_scales[1] + at_scales[2];
  };
  double kept = 0;
  for (size_t i = 0; i < in.size(); ++i) kept += structural_similarity(in[i], out[i]) / double(in.size());
  const double style = apart(out) / apart(in);
  return {{{"held_out", style + 1 - kept}, {"held_out_style", style}, {"held_out_structure", kept}}};
}

Player generator_player(const std::string& name, const GanOptions& o, const std::function<nn::ModulePtr()>& make) {
  return {name, make(), o.generator, o.ema > 0 ? make() : nullptr};
}
Player discriminator_player(const std::string& name, const GanOptions& o, const nn::ModulePtr& network) { return {name, network, o.discriminator, nullptr}; }

std::shared_ptr<ResnetGenerator> resnet_generator(const Context& context, const ModelOptions& o) {
  const Upsampling up = upsampling_of(o.upsampling);
  return std::make_shared<ResnetGenerator>(context, ResnetOptions{o.channels, o.channels, o.width, o.blocks, int(o.styles.size()), up, up == Upsampling::bilinear, o.noise, norm_of(o.norm)});
}

std::shared_ptr<PatchDiscriminator> patch_discriminator(const Context& context, const ModelOptions& o, int pictures) {
  return std::make_shared<PatchDiscriminator>(
      context, PatchOptions{pictures * o.channels, o.width, o.d_layers, o.d_scales, norm_of(o.norm), upsampling_of(o.upsampling) == Upsampling::bilinear});
}

}  // namespace weft::gan
