// One training step, as prose. docs/gan-internals.md walks through it.
#include "weft/gan/gan.h"

#include <algorithm>
#include <cmath>

#include "combinations.h"
#include "weft/gan/conditions.h"
#include "weft/gan/latent.h"
#include "weft/gan/points.h"
#include "weft/gan/sheet.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

enum : size_t { kGenerator, kDiscriminator };

std::vector<Player> two_players(const Context& context, const Model& model, const GanOptions& o) {
  Networks networks = model.build(context, o.model);
  if (o.packing > 1 || o.d_width > 0) {
    ModelOptions judged = o.model;
    if (o.d_width > 0) judged.width = o.d_width;
    judged.channels *= o.packing;        // who judges m pictures together has m times the channels before it, and the classes
    for (int i = 1; i < o.packing; ++i) judged.classes.insert(judged.classes.end(), o.model.classes.begin(), o.model.classes.end());
    networks.discriminator = model.build(context, judged).discriminator;
  }
  nn::OptimizerOptions judge = o.discriminator;
  for (const WeightedPenalty& p : o.penalties)
    if (p.penalty->at == Penalty::At::weights) judge.clip_weights = p.weight;
  return {{"generator", networks.generator, o.generator, o.ema > 0 ? model.build(context, o.model).generator : nullptr},
          {"discriminator", networks.discriminator, judge, nullptr}};
}

std::vector<WeightedPenalty> that_look_at_slopes(const std::vector<WeightedPenalty>& penalties) {
  std::vector<WeightedPenalty> some;
  for (const WeightedPenalty& p : penalties)
    if (p.penalty->cost) some.push_back(p);
  return some;
}

/// The adjoint of packed(): the pictures one by one again
Tensor unpacked(const Tensor& x, int m) {
  if (m == 1) return x;
  Tensors parts;
  const int64_t channels = x.size(-1) / m;
  for (int i = 0; i < m; ++i) parts.push_back(slice(x, -1, i * channels, (i + 1) * channels));
  return concat(parts, 0);
}

/// Each m-th part of the batch beside the others, at the channels: (N/m, ..., m C)
Tensor packed(const Tensor& x, int m) {
  if (m == 1 || !x) return x;
  const int64_t packs = x.size(0) / m;
  if (packs * m != x.size(0)) throw ConfigError("a batch of " + std::to_string(x.size(0)) + " cannot be judged " + std::to_string(m) + " pictures at a time");
  Tensors parts;
  for (int i = 0; i < m; ++i) parts.push_back(slice(x, 0, i * packs, (i + 1) * packs));
  return concat(parts, -1);
}

void set_condition(nn::Module& network, const Tensor& labels) {
  if (labels) conditional(network).set_condition(labels);
}

}  // namespace

Gan::Gan(const Context& context, const Model& model, const GanOptions& o) : Gan(context, model, o, two_players(context, model, o)) {}

Gan::Gan(const Context& context, const Model& model, const GanOptions& o, std::vector<Player> players)
    : Contest(context, model, o, std::move(players)), slopes_(that_look_at_slopes(o.penalties)), strength_(context, 1), augment_(context, o.augment, o.seed) {
  expect_possible(model, o, generator(), discriminator());
}

void Gan::expect_batch(const Tensors& batch) const {
  const size_t least = options().model.classes.empty() ? 1 : 2;
  if (batch.size() >= least && batch.size() <= least + 1 && std::all_of(batch.begin(), batch.end(), [](const Tensor& t) { return bool(t); })) return;
  throw ShapeError("a step of a model with" + std::string(least == 1 ? "out classes takes {real}" : " classes takes {real, labels}") + ", and latents behind where they are not to be drawn; came " +
                   std::to_string(batch.size()) + " tensors" + (batch.empty() ? "" : ", none of which may be empty"));
}

void Gan::prepare(const Tensors& batch) {
  expect_batch(batch);
  const GanOptions& o = options();
  if (auto* paced = dynamic_cast<Paced*>(&discriminator())) paced->set_progress(o.steps > 0 ? double(step_now() - 1) / double(o.steps) : 1);
  if (o.penalty_anneal > 0) strength_.set(std::pow(o.penalty_end, std::min(1.0, double(step_now() - 1) / double(o.penalty_anneal))));
  augment_.prepare(step_now(), batch[0].shape());
}

/// One batch of generated images serves both networks: in the graph for the generator, outside it for the discriminator.
void Gan::generate(Round& r) {
  const Range phase(context(), "generator");
  set_condition(generator(), r.classes);
  r.made = generator()(r.latent);
  r.fake = packed(r.made, options().packing);
}

void Gan::play(const Tensors& batch) {
  expect_batch(batch);
  const bool has_classes = !options().model.classes.empty();
  Round r;
  if (has_classes) r.classes = batch[1];
  r.latent = batch.size() > (has_classes ? 2 : 1) ? batch.back() : context().normal({batch[0].size(0), 1, 1, options().model.latent}, stream_key(options().seed, "latent"));
  r.real = packed(batch[0], options().packing), r.labels = packed(r.classes, options().packing);
  {
    const Context::Recording scope(context(), moves(kGenerator));
    generate(r);
  }
  if (!moves(kGenerator)) {
    gradient_discriminator(r);
    return update(kDiscriminator);
  }
  Tensor on_real;                        // logits, where those of the discriminator's part are the generator's too
  switch (options().order) {
    case UpdateOrder::discriminator_first:
      gradient_discriminator(r);
      update(kDiscriminator);
      gradient_generator(r, {});
      update(kGenerator);
      break;
    case UpdateOrder::generator_first:
      gradient_generator(r, {});
      update(kGenerator);
      {
        const NoGraph scope(context());
        generate(r);                     // by the generator as it is now: from those of before, it were a simultaneous step
      }
      gradient_discriminator(r);
      update(kDiscriminator);
      break;
    case UpdateOrder::simultaneous:
      on_real = gradient_discriminator(r);
      gradient_generator(r, on_real);
      update(kDiscriminator);
      update(kGenerator);
      break;
  }
}

/// Packs as the discriminator is shown them: those of each side, equally many, with its draws.
Tensor Gan::altered(const Tensor& packs, const std::vector<Side>& sides) const {
  if (!augment_.alters()) return packs;
  const int m = options().packing;
  const int64_t n = packs.size(0) / int64_t(sides.size());
  Tensors parts;
  for (size_t i = 0; i < sides.size(); ++i) parts.push_back(packed(augment_(unpacked(slice(packs, 0, int64_t(i) * n, int64_t(i + 1) * n), m), sides[i]), m));
  return parts.size() == 1 ? parts[0] : concat(parts, 0);
}

Gan::Seen Gan::look(const Tensor& pictures, const std::vector<Side>& sides, const Tensor& labels, bool with_slope) {
  const Tensor x = with_slope ? pictures.leaf() : pictures;
  set_condition(discriminator(), labels);
  const Tensor logits = discriminator()(altered(x, sides));
  return {logits, with_slope ? grad(sum(logits), {x}, CreateGraph::yes)[0] : Tensor()};   // no logit depends on another's picture, but by a MinibatchStd
}

// Real and generated images go through in one pass. Their batch norms keep statistics apart (two groups), so the result is
// that of two passes, for one and a half times the price of one. Where only one side's slope is asked for, they go apart.
std::pair<Gan::Seen, Gan::Seen> Gan::look_at_both(const Round& r) {
  const Tensor fake = r.fake.detach();
  const bool slope_real = penalised_at(Penalty::At::real), slope_fake = penalised_at(Penalty::At::fake);
  if (slope_real != slope_fake) return {look(r.real, {Side::real}, r.labels, slope_real), look(fake, {Side::fake}, r.labels, slope_fake)};
  const int64_t n = r.real.size(0);
  Tensor labels;
  if (r.labels) labels = concat({r.labels, r.labels}, 0);
  discriminator().set_norm_groups(2);
  const Seen both = look(concat({r.real, fake}, 0), {Side::real, Side::fake}, labels, slope_real);
  discriminator().set_norm_groups(1);
  const auto half = [&](const Tensor& t, int64_t i) { return t ? slice(t, 0, i * n, (i + 1) * n) : t; };
  return {{half(both.logits, 0), half(both.slope, 0)}, {half(both.logits, 1), half(both.slope, 1)}};
}

bool Gan::penalised_at(Penalty::At at) const {
  return penalised() && std::any_of(slopes_.begin(), slopes_.end(), [at](const WeightedPenalty& p) { return p.penalty->at == at; });
}

/// What all penalties add to the discriminator's loss. A step that is penalised stands for those that are not.
Tensor Gan::penalty(const Round& r, const Seen& on_real, const Seen& on_fake) {
  Tensor total;
  for (const WeightedPenalty& p : slopes_) {
    const Penalty::At at = p.penalty->at;
    const Tensor slope = at == Penalty::At::real ? on_real.slope : at == Penalty::At::fake ? on_fake.slope
                         : look(penalty_points(*p.penalty, r.real, r.fake.detach(), options().seed), {Side::real}, r.labels, true).slope;
    const Tensor cost = p.penalty->cost(slope), weighted = p.weight * options().penalty_every * cost;
    tell(std::string("penalty_") + p.penalty->name, cost);
    total = total ? total + weighted : weighted;
  }
  return options().penalty_anneal > 0 ? total * strength_.value() : total;
}

/// Returns the logits of real images.
Tensor Gan::gradient_discriminator(const Round& r) {
  const Range phase(context(), "discriminator");
  const auto [on_real, on_fake] = look_at_both(r);
  const Tensor loss = options().objective->discriminator(on_real.logits, on_fake.logits, 1 - options().label_smoothing);
  tell("loss_d", loss);
  tell("d_real", on_real.logits, As::probability);
  tell("d_fake", on_fake.logits, As::probability);
  if (augment_.adapts()) {
    const Tensor sure = certainty(*options().objective, on_real.logits.detach(), on_fake.logits.detach());
    if (!only_looking()) augment_.hear(sure);
    tell("augment_p", augment_.probability());
    tell("augment_r", sign(sure));
  }
  gradient(kDiscriminator, penalised() ? loss + penalty(r, on_real, on_fake) : loss);
  return on_real.logits.detach();
}

// Only the generator's gradients are asked for, so the discriminator's weight gradients are never computed.
void Gan::gradient_generator(const Round& r, const Tensor& on_real) {
  const Range phase(context(), "generator");
  const Objective& objective = *options().objective;
  Tensor real = on_real;
  if (objective.generator_sees_real && !real) {
    const NoGraph scope(context());
    real = look(r.real, {Side::real}, r.labels, false).logits;
  }
  const Tensor on_fake = look(r.fake, {Side::fake}, r.labels, false).logits;
  Tensor loss = objective.generator(real, on_fake);
  tell("loss_g", loss);
  tell("d_fake_after", on_fake, As::probability);
  if (const double weight = options().weights.path_length; weight > 0 && due()) {
    const Tensor uneven = dynamic_cast<Styled&>(generator()).path_length(r.latent, stream_key(options().seed, "path length"));
    tell("path_length", uneven);
    loss = loss + weight * options().penalty_every * uneven;
  }
  gradient(kGenerator, options().mode_seeking > 0 ? loss + options().mode_seeking * alikeness(r) : loss);
}

/// How alike two latents' pictures are: Mao et al., arXiv:1903.05628. Halves of the batch are pairs enough; where there are classes, a pair
/// is of one, so the batch is made once more from other latents. Then each is one place further on, lest it share its pair's noise and mixed styles.
Tensor Gan::alikeness(const Round& r) {
  const auto apart = [](const Tensor& a, const Tensor& b) { return mean(abs(a - b)); };
  const int64_t half = r.latent.size(0) / 2;
  Tensor ratio;
  if (options().model.classes.empty()) {
    const auto halves_apart = [&](const Tensor& t) { return apart(slice(t, 0, 0, half), slice(t, 0, half, 2 * half)); };
    ratio = halves_apart(r.made) / halves_apart(r.latent);
  } else {
    const Tensor other = context().normal(r.latent.shape(), stream_key(options().seed, "latent.other"));
    const auto turned = [](const Tensor& t) { return concat({slice(t, 0, 1, t.size(0)), slice(t, 0, 0, 1)}, 0); };
    set_condition(generator(), turned(r.classes));
    ratio = apart(turned(r.made), generator()(other)) / apart(turned(r.latent), other);
  }
  tell("mode_seeking", ratio);
  return 1 / (ratio + 1e-5);
}

Tensor latents(const Context& context, int64_t count, int latent, uint64_t seed) {
  const Context::AtStep begin(context, 0);   // a sample belongs to its seed, not to the step at which it is drawn
  return context.normal({count, 1, 1, latent}, stream_key(seed, "sample"));
}

void Gan::save(nn::Checkpoint& into) const {
  Contest::save(into);
  if (augment_.adapts()) file(into, "augment") = augment_.state_dict();
}

void Gan::load(const nn::Checkpoint& from, const std::string& what) {
  Contest::load(from, what);
  if (const auto file = from.files.find("augment"); file != from.files.end()) augment_.load_state_dict(file->second.tensors, what + "/augment");
}

Contest::Sheet Gan::sheet(const Tensors& shown, int64_t count, uint64_t seed) const {
  const Tensor samples = sample(count, seed);
  if (!are_points(samples)) return {samples, 0};
  const Units& units = options().model.units;
  const Image plot = scatter(shown.empty() ? std::vector<float>() : to_points(shown[0], units), to_points(samples, units));
  return {to_tensor(context(), plot), 1};
}

namespace {

/// Row i is of conditions[which[i]].
Tensor rows_of(const Context& context, const ModelOptions& model, const std::vector<std::string>& conditions, const std::vector<int64_t>& which) {
  if (model.classes.empty()) return {};
  std::vector<std::vector<float>> rows;
  for (const std::string& each : conditions) rows.push_back(condition_row(model.classes, each, "class"));
  std::vector<float> all;
  for (const int64_t i : which) all.insert(all.end(), rows[size_t(i)].begin(), rows[size_t(i)].end());
  return context.from(all, {int64_t(which.size()), int64_t(model.classes.size())});
}

}  // namespace

Tensor classes_of(const Context& context, const ModelOptions& model, const std::vector<int64_t>& which) { return rows_of(context, model, model.conditions(), which); }

Tensor classes_in_turn(const Context& context, int64_t count, const ModelOptions& model) {
  if (model.classes.empty()) return {};
  std::vector<int64_t> which;
  for (int64_t i = 0; i < count; ++i) which.push_back(i % int64_t(model.conditions().size()));
  return classes_of(context, model, which);
}

Tensor classes_as(const Context& context, const ModelOptions& model, const Dataset& data, const std::vector<int64_t>& which) {
  if (data.labels().empty() || conditions_of(data.classes()).names != model.classes) return classes_in_turn(context, int64_t(which.size()), model);
  std::vector<int64_t> labels;
  for (const int64_t i : which) labels.push_back(data.labels()[size_t(i)]);
  return rows_of(context, model, data.classes(), labels);
}

Tensor Gan::sample(int64_t count, uint64_t seed, const Tensor& labels) const {
  const ModelOptions& m = options().model;
  return in_evaluation(sampler(), latents(context(), count, m.latent, seed), 64, labels ? labels : classes_in_turn(context(), count, m));
}

}  // namespace weft::gan
