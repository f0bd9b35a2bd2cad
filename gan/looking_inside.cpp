#include "weft/gan/looking_inside.h"

#include "weft/gan/latent.h"
#include "weft/gan/report.h"

namespace weft::gan {
namespace {

constexpr double kTightest = 0.5, kFreest = 3;     // deviations of truncated noise

constexpr int kRoom = 32;                          // pixels that a caption with its word takes

int across(const TrainedGenerator& g) { return g.model.sides(g.model.size).w; }

std::string caption(const TrainedGenerator& g, const char* of, double value) {
  return (across(g) < kRoom ? "" : of + std::string(" ")) + print("%.2f", value);
}
std::string numbered(const TrainedGenerator& g, const char* of, int64_t i) { return (across(g) < kRoom ? std::string(of).substr(0, 1) : of + std::string(" ")) + std::to_string(i + 1); }

/// Styles (N, layers, W) of latents, in evaluation.
Tensor styles_of(const TrainedGenerator& g, const Tensor& latents, const Tensor& labels) {
  const NoGraph scope(latents.context());
  g.network->set_training(false);
  if (labels) conditional(*g.network).set_condition(labels);
  return g.styled()->styles(latents);
}

}  // namespace

LabelledSheet truncation_sweep(const TrainedGenerator& g, const Tensor& z, int64_t steps, const Tensor& labels) {
  const int64_t rows = z.size(0);
  Tensors columns;
  std::vector<std::string> heads;
  for (int64_t i = 0; i < steps; ++i) {
    const double t = double(i) / double(steps - 1), most = kTightest + (kFreest - kTightest) * t;
    if (Styled* s = g.styled()) s->set_truncation(t);
    heads.push_back(g.styled() ? caption(g, "psi", t) : caption(g, "t", most));
    columns.push_back(g.pictures(g.styled() ? z : truncated(z, most), labels));
  }
  if (Styled* s = g.styled()) s->set_truncation(1);
  std::vector<int32_t> order;
  LabelledSheet sheet{{}, int(steps), {}};
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < steps; ++i) order.push_back(int32_t(i * rows + row)), sheet.captions.push_back(heads[size_t(i)]);
  sheet.pictures = gather(concat(columns, 0), z.context().index(order, {rows * steps}));
  return sheet;
}

LabelledSheet style_mixing(const TrainedGenerator& g, const Tensor& z, int64_t from, const Tensor& labels) {
  if (!g.styled()) throw ConfigError("styles are mixed by a generator that has them, as stylegan2's; this one draws from its noise at once");
  const int64_t layers = g.styled()->layers(), each = z.size(0) / 2;
  if (from < 1 || from >= layers) throw ConfigError("styles are mixed from layer 1 to " + std::to_string(layers - 1) + " on, of " + std::to_string(layers) + ", not from " + std::to_string(from));
  const Tensor w = styles_of(g, z, labels);
  const auto row_of = [&](int64_t i) { return slice(w, 0, i, i + 1); };
  const auto picture = [&](const Tensor& styles) { return pictures_of(g, {LatentSpace::w_plus, styles}); };
  LabelledSheet sheet{{}, int(each) + 1, {""}};
  const Size2 sides = g.model.sides(g.model.size);
  Tensors all = {z.context().full({1, sides.h, sides.w, g.model.channels}, 1)};             // white in the corner
  for (int64_t j = 0; j < each; ++j) all.push_back(picture(row_of(each + j))), sheet.captions.push_back(numbered(g, "col", j));
  for (int64_t i = 0; i < each; ++i) {
    all.push_back(picture(row_of(i))), sheet.captions.push_back(numbered(g, "row", i));
    for (int64_t j = 0; j < each; ++j)
      all.push_back(picture(concat({slice(row_of(i), 1, 0, from), slice(row_of(each + j), 1, from, layers)}, 1))), sheet.captions.push_back("");
  }
  sheet.pictures = concat(all, 0);
  return sheet;
}

Latent varied(const TrainedGenerator& g, const Latent& latent, double share, int64_t count, uint64_t seed, const Tensor& labels) {
  const Context c = latent.values.context();
  const Tensor draws = latents(c, count, g.model.latent, seed);
  if (latent.space == LatentSpace::z) return {latent.space, between(concat(Tensors(size_t(count), reshape(latent.values, {1, 1, 1, g.model.latent})), 0), draws, share, Path::spherical), latent.of_class};
  Tensor to = styles_of(g, draws, labels);
  if (latent.space == LatentSpace::w) to = reshape(slice(to, 1, 0, 1), {count, to.size(2)});
  return {latent.space, lerp(latent.values, to, c.constant(share)), latent.of_class};
}

}  // namespace weft::gan
