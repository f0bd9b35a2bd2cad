// restyle: a generator that puts pictures into the manner of a folder of styles, at once and for any picture.
//
//   generator loss = adversarial * A + content * C + style * S
//     C  what must stay: 1 - SSIM of the luminances, at full, half and quarter size
//     S  what must come: the sliced Wasserstein distance between the patches of this batch's results and those of its style's crops,
//        at the same sizes. The more crops, the steadier what it draws towards
//     A  whether a discriminator of patches takes a result for a crop of the style; it sees what one-dimensional projections of
//        small patches do not, how marks join into strokes and motifs
//
// Neither C nor S needs a trained network. Several styles live in one generator as scales and shifts of its instance norms
// (Dumoulin et al., arXiv:1610.07629), and a batch is of one style. The generator sees the picture it dresses.
// Papers: C and S together as in Gatys et al., arXiv:1508.06576, and Johnson et al., arXiv:1603.08155; S as in Elnekave and Weiss,
// arXiv:2203.11862; A as in Li and Wand, arXiv:1604.04382; SSIM as a loss as in Zhao et al., arXiv:1511.08861.
#include <cmath>

#include "style/patches.h"
#include "translation_contest.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

enum : size_t { kGenerator, kDiscriminator };
constexpr int kDirections = 24, kScales = 3;   // half of the directions are waves

Tensor halved(const Tensor& x) { return average_pool(x, {}); }

/// (N,H,W,C) in [-1,1] -> (N,H,W,1) in [0,1].
Tensor luminance(const Tensor& x) {
  if (x.size(3) == 1) return 0.5 * x + 0.5;
  const auto channel = [&](int64_t c) { return slice(x, 3, c, c + 1); };
  return 0.1495 * channel(0) + 0.2935 * channel(1) + 0.057 * channel(2) + 0.5;
}

/// Structural similarity of x and y (N,H,W,1), the mean over windows of 8x8 pixels, two apart; 1 for equal pictures. Of values of
/// both signs it would be 1 for a picture and its negative, too: there both the means and the covariance have changed sign.
Tensor similarity(const Tensor& x, const Tensor& y) {
  constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
  const auto window = [](const Tensor& t) { return average_pool(t, {{8, 8}, {2, 2}, {0, 0}}); };
  const Tensor mx = window(x), my = window(y), mxx = mx * mx, myy = my * my, mxy = mx * my;
  const Tensor vx = window(x * x) - mxx, vy = window(y * y) - myy, cov = window(x * y) - mxy;
  return mean((2 * mxy + c1) * (2 * cov + c2) / ((mxx + myy + c1) * (vx + vy + c2)));
}

Tensor content_loss(const Tensor& made, const Tensor& content) {
  Tensor x = luminance(made), y = luminance(content), loss;
  for (int scale = 0; scale < kScales; ++scale) {
    const Tensor here = (1 - similarity(x, y)) / double(kScales);
    loss = loss ? loss + here : here;
    x = halved(x), y = halved(y);
  }
  return loss;
}

/// The distance between two batches' patches. Of four times as many crops as results every other patch is taken, down and across: as
/// many patches, from more places.
Tensor style_loss(Tensor made, Tensor style, uint64_t stream) {
  Tensor loss;
  const int stride = std::max(1, int(std::sqrt(double(style.size(0)) / double(made.size(0)))));
  for (int scale = 0; scale < kScales; ++scale) {
    const Tensor directions = concat({draw_directions(made.context(), kDirections / 2, stream + uint64_t(scale)),
                                      draw_waves(made.context(), kDirections / 2, stream + uint64_t(kScales + scale))}, 0);
    const PatchSource source{made};
    const PatchTarget target({{{.pictures = style, .stride = stride}, 1.0}}, source.patches(), kDirections);
    const Tensor here = patch_distance(source, target.lists(directions), directions) / double(kScales);
    loss = loss ? loss + here : here;
    if (scale + 1 < kScales) made = halved(made), style = halved(style);
  }
  return loss;
}

std::vector<Player> two_players(const Context& c, const Model& model, const GanOptions& o) {
  return {generator_player("generator", o, [&] { return model.build(c, o.model).generator; }), discriminator_player("discriminator", o, model.build(c, o.model).discriminator)};
}

class Restyle final : public TranslationContest {
 public:
  Restyle(const Context& c, const Model& model, const GanOptions& o) : TranslationContest(c, model, o, two_players(c, model, o)) {
    const LossWeights& w = o.weights;
    if (w.content == 0 && w.style == 0 && w.adversarial == 0) throw ConfigError("restyle: with loss.content, loss.style and loss.adversarial all 0 there is nothing to learn");
  }

  /// A picture, its dressed self in up to six styles, and a crop of a style; again and again.
  Sheet sheet(const Tensors& shown, int64_t count, uint64_t) const override {
    if (shown.empty()) throw ConfigError("restyle: sample sheets show pictures that no step sees, and none are held out; --set data.held_out=0.1");
    const NoGraph scope(context());
    const int64_t styles = shown[2].size(1), of_styles = std::min<int64_t>(styles, 6), columns = of_styles + 2;
    const int64_t rows = std::max<int64_t>(1, std::min(count / columns, shown[0].size(0)));
    Tensors parts;
    const Tensor contents = slice(shown[0], 0, 0, rows);
    std::vector<Tensor> made;
    for (int64_t s = 0; s < of_styles; ++s) made.push_back(dressed(contents, s));
    for (int64_t r = 0; r < rows; ++r) {
      parts.push_back(slice(contents, 0, r, r + 1));
      for (const Tensor& m : made) parts.push_back(slice(m, 0, r, r + 1));
      parts.push_back(slice(shown[1], 0, r * shown[1].size(0) / rows, r * shown[1].size(0) / rows + 1));
    }
    return {concat(parts, 0), int(columns * std::max<int64_t>(1, 9 / columns))};
  }

  /// The patches' distance to the styles as a share of the contents' own, and what is lost of the contents' structure. Their sum
  /// comes first.
  Gauges measure(const Tensors& held_out) const override {
    const NoGraph scope(context());
    const Context::AtStep begin(context(), 0);   // the same directions each time
    const std::vector<float> which = held_out[2].floats();
    const auto styles = size_t(held_out[2].size(1));
    double before = 0, after = 0, kept = 0;
    for (size_t s = 0; s < styles; ++s) {
      Tensors crops;
      for (size_t i = 0; i < which.size() / styles; ++i)
        if (which[i * styles + s] > 0) crops.push_back(slice(held_out[1], 0, int64_t(i), int64_t(i) + 1));
      if (crops.empty()) continue;
      const Tensor style = concat(crops, 0), made = dressed(held_out[0], int64_t(s));
      const uint64_t stream = stream_key(options().seed, "restyle.measure");
      before += style_loss(held_out[0], style, stream).item();
      after += style_loss(made, style, stream).item();
      kept += similarity(luminance(made), luminance(held_out[0])).item() / double(styles);
    }
    return {{{"held_out", after / before + 1 - kept}, {"held_out_style", after / before}, {"held_out_structure", kept}}};
  }

 private:
  void play(const Tensors& batch) override {
    const Tensor content = batch[0], style = batch[1], which = batch[2];
    const LossWeights& w = options().weights;
    if (styled()) static_cast<ResnetGenerator&>(network(kGenerator)).set_style(which);
    const Tensor made = network(kGenerator)(content);
    if (w.adversarial > 0) train_discriminator(kDiscriminator, marked(slice(style, 0, 0, made.size(0)), which), marked(made.detach(), which));

    const Range phase(context(), "generator");
    Tensor loss;
    const auto add = [&](const Tensor& part) { loss = loss ? loss + part : part; };
    if (w.content > 0) add(part("loss_content", w.content, content_loss(made, content)));
    if (w.style > 0) add(part("loss_style", w.style, style_loss(made, style, stream_key(options().seed, "restyle.directions"))));
    if (w.adversarial > 0) add(adversarial(kDiscriminator, marked(made, which)));
    gradient(kGenerator, part("loss_g", 1, loss));
    update(kGenerator);
  }
  void play(const Tensor&, const Tensor&) override {}
  Tensor translated(const Tensor& a) const override { return dressed(a, 0); }

  bool styled() const { return options().model.styles.size() > 1; }

  /// A discriminator of several styles is told which one it is looking for, by one more channel a style.
  Tensor marked(const Tensor& x, const Tensor& which) const {
    if (!styled()) return x;
    return concat({x, expand(reshape(which, {1, 1, 1, which.size(1)}), {x.size(0), x.size(1), x.size(2), which.size(1)})}, 3);
  }

  Tensor dressed(const Tensor& content, int64_t style) const {
    auto& network = dynamic_cast<ResnetGenerator&>(trained(kGenerator));
    if (styled()) {
      std::vector<float> which(options().model.styles.size());
      which[size_t(style)] = 1;
      network.set_style(context().from(which, {1, int64_t(which.size())}));
    }
    return in_evaluation(network, content, 16);
  }
};

}  // namespace

Networks restyle_networks(const Context& context, const ModelOptions& o) {
  const int styles = o.styles.size() > 1 ? int(o.styles.size()) : 0;
  ModelOptions plain = o;
  if (styles == 0) plain.styles = {};
  return {resnet_generator(context, plain),
          std::make_shared<PatchDiscriminator>(context, PatchOptions{o.channels + styles, o.width, o.d_layers, o.d_scales})};
}

std::unique_ptr<Contest> restyle(const Context& context, const Model& model, const GanOptions& options) {
  return std::make_unique<Restyle>(context, model, options);
}

}  // namespace weft::gan
