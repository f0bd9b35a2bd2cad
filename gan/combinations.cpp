#include "combinations.h"

#include <algorithm>
#include <sstream>

#include "weft/gan/latent.h"

namespace weft::gan {
namespace {

/// The names of all entries that `fit`, in a row: "minimax, lsgan"
template <class T, class Fits>
std::string names(const std::vector<T>& all, Fits fits) {
  std::string list;
  for (const T& each : all)
    if (fits(each)) list += (list.empty() ? "" : ", ") + std::string(each.name);
  return list;
}

/// A setting of some models, and who they are.
struct Owned {
  const char* name;
  bool (*differ)(const GanOptions&, const GanOptions&);
  const char* models;
};
#define WEFT_OWNED(name, field, models) {name, [](const GanOptions& a, const GanOptions& b) { return a.field != b.field; }, models}
constexpr const char *kFromNoise = "dcgan, convgan, resnet, r3gan, stylegan2, mlp", *kTranslators = "restyle, cyclegan, cut, fastcut, unit, pix2pix";
const Owned kOwned[] = {
    WEFT_OWNED("model.blocks", model.blocks, "restyle, cyclegan, cut, fastcut, unit"),
    WEFT_OWNED("model.noise", model.noise, "restyle, cyclegan, cut, fastcut"),
    WEFT_OWNED("model.norm", model.norm, "cyclegan, cut, fastcut, unit, pix2pix"),
    WEFT_OWNED("model.upsampling", model.upsampling, "dcgan, vaegan, restyle, cyclegan, cut, fastcut, unit, pix2pix"),
    WEFT_OWNED("model.stem", model.stem, "dcgan, vaegan"),
    WEFT_OWNED("model.kernel", model.kernel, "dcgan, vaegan"),
    WEFT_OWNED("model.convolution", model.convolution, "dcgan, convgan, vaegan"),
    WEFT_OWNED("model.d_norm", model.d_norm, "dcgan, convgan, resnet, r3gan, stylegan2, vaegan"),
    WEFT_OWNED("model.minibatch_std", model.minibatch_std, "dcgan, convgan, stylegan2"),
    WEFT_OWNED("model.dropout", model.dropout, "pix2pix, classifier"),
    WEFT_OWNED("model.d_layers", model.d_layers, kTranslators),
    WEFT_OWNED("model.d_scales", model.d_scales, kTranslators),
    WEFT_OWNED("model.form", model.form, "mlp"),
    WEFT_OWNED("model.waves", model.waves, "mlp"),
    WEFT_OWNED("model.latent", model.latent, "dcgan, convgan, resnet, r3gan, stylegan2, vaegan, mlp, cut, fastcut"),
    WEFT_OWNED("model.d_width", d_width, kFromNoise),
    WEFT_OWNED("train.penalty_every", penalty_every, kFromNoise),
    WEFT_OWNED("train.penalty_end", penalty_end, kFromNoise),
    WEFT_OWNED("train.packing", packing, kFromNoise),
    WEFT_OWNED("train.mode_seeking", mode_seeking, kFromNoise),
    WEFT_OWNED("train.label_smoothing", label_smoothing, kFromNoise),
    WEFT_OWNED("train.augment", augment.method, kFromNoise),
    WEFT_OWNED("train.augment_policy", augment.policy, kFromNoise),
    WEFT_OWNED("train.augment_p", augment.probability, kFromNoise),
    WEFT_OWNED("train.augment_target", augment.target, kFromNoise),
    WEFT_OWNED("train.augment_interval", augment.interval, kFromNoise),
    WEFT_OWNED("train.augment_kimg", augment.kimg, kFromNoise),
    WEFT_OWNED("train.d_steps", d_steps, kFromNoise),
    WEFT_OWNED("train.order", order, kFromNoise),
    WEFT_OWNED("train.pool", pool, "cyclegan"),
    WEFT_OWNED("loss.adversarial", weights.adversarial, "vaegan, restyle, cyclegan, cut, fastcut, unit, pix2pix"),
    WEFT_OWNED("loss.content", weights.content, "vaegan, restyle"),
    WEFT_OWNED("loss.style", weights.style, "restyle"),
    WEFT_OWNED("loss.cycle", weights.cycle, "cyclegan, unit"),
    WEFT_OWNED("loss.identity", weights.identity, "cyclegan, cut, fastcut"),
    WEFT_OWNED("loss.l1", weights.l1, "unit, pix2pix"),
    WEFT_OWNED("loss.nce", weights.nce, "cut, fastcut"),
    WEFT_OWNED("loss.kl", weights.kl, "vaegan, unit"),
    WEFT_OWNED("loss.path_length", weights.path_length, "stylegan2"),
};
#undef WEFT_OWNED

void expect_within(const char* setting, double value, double least, double below) {
  if (value >= least && value < below) return;
  std::ostringstream text;
  text << setting << " = " << value << "; it is at least " << least << " and below " << below;
  throw ConfigError(text.str());
}

}  // namespace

void expect_objective(const GanOptions& o) {
  if (!o.objective) throw ConfigError("no objective: GanOptions::objective is what the networks play for; &find_objective(\"non-saturating\"), say");
}

void expect_possible(const Model& model, const GanOptions& o, const nn::Module& generator, const nn::Module& discriminator) {
  expect_objective(o);
  expect_within("train.packing", o.packing, 1, 65536);
  expect_within("train.d_steps", o.d_steps, 1, 1e9);
  expect_within("train.penalty_every", o.penalty_every, 1, 1e9);
  expect_within("train.label_smoothing", o.label_smoothing, 0, 1);
  expect_within("model.ema", o.ema, 0, 1);
  for (const WeightedPenalty& p : o.penalties)
    if (p.penalty->cost && discriminator.has_batch_norm())
      throw ConfigError(std::string("penalty ") + p.penalty->name + " looks at each picture's own gradient, but " + model.name + "'s discriminator has batch norms, which let every picture of " +
                        "a batch depend on all others; --penalty clip goes with them, or take a model whose discriminator has none, or another norm: --set model.d_norm=layer");
  if (o.label_smoothing > 0 && !o.objective->labels)
    throw ConfigError(std::string("train.label_smoothing moves the label of real pictures, and objective ") + o.objective->name + " has no labels; " +
                      names(objectives(), [](const Objective& each) { return each.labels; }) + " have");
  if (o.weights.path_length > 0 && !dynamic_cast<const Styled*>(&generator))
    throw ConfigError(std::string("loss.path_length is of a generator with styles, and ") + model.name + "'s has none; stylegan2's has");
  if (o.weights.path_length > 0 && o.d_steps > 1) throw ConfigError("loss.path_length is due in every train.penalty_every-th step, in which the generator may not move where train.d_steps is above 1; --set train.d_steps=1");
  if (o.penalty_anneal > 0 && !(o.penalty_end > 0))
    throw ConfigError("train.penalty_end = " + std::to_string(o.penalty_end) + ": on a logarithmic way no weight becomes 0; 0.001, say, comes near enough");
  const bool alters = o.augment.method != AugmentMethod::none;
  if (alters && !o.model.units.one.empty())
    throw ConfigError("train.augment alters pictures, and these are points of the plane: none of its alterations is one of theirs, and nothing would bring the generator back; --set train.augment=none");
  if (alters && o.model.channels != 1 && o.model.channels != 3)
    throw ConfigError("train.augment knows grey and colour, and pictures of " + std::to_string(o.model.channels) + " channels are neither; --set model.channels=1 or 3, or train.augment=none");
  const bool tells_apart = dynamic_cast<const Conditional*>(&generator) && dynamic_cast<const Conditional*>(&discriminator);
  if (!o.model.classes.empty() && !tells_apart)
    throw ConfigError(std::string("the networks of ") + model.name + " know no classes; --set model.condition=none makes pictures of all of them alike");
}

void expect_known(const Model& model, const GanOptions& o) {
  const GanOptions plain;
  const bool listed = std::any_of(models().begin(), models().end(), [&](const Model& each) { return &each == &model; });   // of others nobody here knows what they use
  for (const Owned& each : kOwned) {
    if (!listed) break;
    const bool owner = (", " + std::string(each.models) + ",").find(", " + std::string(model.name) + ",") != std::string::npos;
    if (!owner && each.differ(o, plain)) throw ConfigError(std::string(each.name) + " does nothing for " + model.name + "; it is a setting of " + each.models);
  }
  if (!model.contest) return;
  if (o.objective && o.objective->generator_sees_real)
    throw ConfigError(std::string("objective ") + o.objective->name + " compares generated pictures with real ones, and " + model.name + "'s generator is shown none; " +
                      names(objectives(), [](const Objective& each) { return !each.generator_sees_real; }) + " do without");
  if (!o.penalties.empty())
    throw ConfigError(std::string("penalty ") + o.penalties[0].penalty->name + " bounds the discriminator of a model that makes pictures from noise, as dcgan does, and " + model.name + " has none such; leave it out");
}

}  // namespace weft::gan
