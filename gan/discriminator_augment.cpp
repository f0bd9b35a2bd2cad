#include "weft/gan/discriminator_augment.h"

#include <algorithm>
#include <cmath>

#include "augment_draws.h"
#include "weft/gan/objective.h"
#include "weft/nn/module.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int64_t kTapsOfAda = 4;

/// The policy that was asked for, or all there is. Throws ConfigError.
std::string whole_policy(const DiscriminatorAugmentOptions& o) {
  if (o.method == AugmentMethod::none) {
    if (!o.policy.empty()) throw ConfigError("train.augment_policy = '" + o.policy + "' is of train.augment, which is none; diffaugment and ada have policies");
    return "";
  }
  const bool ada = o.method == AugmentMethod::ada;
  const std::vector<std::string> known = ada ? std::vector<std::string>{"blit", "geom", "color"} : std::vector<std::string>{"color", "translation", "cutout"};
  const std::string all = known[0] + "," + known[1] + "," + known[2];
  for (size_t begin = 0, end; begin < o.policy.size(); begin = end + 1) {
    end = std::min(o.policy.find(',', begin), o.policy.size());
    const std::string part = o.policy.substr(begin, end - begin);
    if (std::find(known.begin(), known.end(), part) == known.end())
      throw ConfigError("train.augment_policy has '" + part + "', and " + (ada ? "ada" : "diffaugment") + " knows " + all + suggestion(part, known));
  }
  return o.policy.empty() ? all : o.policy;
}

}  // namespace

DiscriminatorAugment::DiscriminatorAugment(const Context& context, const DiscriminatorAugmentOptions& options, uint64_t seed)
    : context_(context), options_(options), probability_(context, float(options.probability)), signs_(context.zeros({})), heard_(context.zeros({})) {
  options_.policy = whole_policy(options);
  sides_[real].key = stream_key(seed, "augment.real"), sides_[fake].key = stream_key(seed, "augment.fake");
}

void DiscriminatorAugment::prepare(int64_t step, const Shape& pictures) {
  if (!alters()) return;
  if (pictures.rank() != 4 || (pictures[3] != 1 && pictures[3] != 3) || std::min(pictures[1], pictures[2]) < 2)
    throw ShapeError("train.augment alters pictures (N,H,W,C) of 2x2 pixels or more, in grey or colour, not " + pictures.text());
  if (adapts()) adapt(step, pictures[0]);
  if (!(shape_ == pictures)) make_room(pictures);
  for (const Drawn& side : sides_) draw(side, step);
}

/// r_t = E[sign D(real)] over the steps since p changed. p is held in float32, as it is kept.
void DiscriminatorAugment::adapt(int64_t step, int64_t pictures) {
  if (step == 1 || (step - 1) % options_.interval != 0) return;
  const double steps = heard_.item();
  if (steps == 0) return;
  const double off = signs_.item() / steps - options_.target, by = double(options_.interval * pictures) / (1000 * options_.kimg);
  probability_.set(float(std::clamp(probability_.now() + (off > 0 ? by : off < 0 ? -by : 0), 0.0, 1.0)));
  for (const Tensor& t : {signs_, heard_}) t.write(std::vector<double>{0}, "augment");
}

void DiscriminatorAugment::make_room(const Shape& s) {
  shape_ = s;
  const bool ada = options_.method == AugmentMethod::ada;
  const Shape rows{s[0] * s[1] * s[2], ada ? kTapsOfAda : 1};
  for (Drawn& side : sides_) {
    side.places = context_.empty_index(rows);
    if (ada) side.weights = context_.empty(rows);
    side.colour = context_.empty({s[0], 1, s[3], s[3]}), side.offset = context_.empty({s[0], 1, 1, s[3]}), side.towards = context_.empty({s[0], 1, 1, 1});
  }
}

void DiscriminatorAugment::draw(const Drawn& into, int64_t step) const {
  const auto count = [](const Tensor& t) { return size_t(t ? t.count() : 0); };
  std::vector<int32_t> places(count(into.places));
  std::vector<float> weights(count(into.weights)), colour(count(into.colour)), offset(count(into.offset)), towards(count(into.towards));
  const auto samples = size_t(shape_[0]), channels = size_t(shape_[3]), each = places.size() / samples;
  const auto pixels = int32_t(shape_[1] * shape_[2]);
  for (size_t i = 0; i < samples; ++i) {
    const Alteration a{int(shape_[1]), int(shape_[2]), int(channels), &places[i * each], weights.empty() ? nullptr : &weights[i * each],
                       &colour[i * channels * channels], &offset[i * channels], &towards[i]};
    const SampleDraws draws(into.key, uint64_t(step), i);
    if (options_.method == AugmentMethod::ada) draw_ada(options_.policy, probability_.now(), draws, a);
    else draw_diffaugment(options_.policy, draws, a);
    for (size_t j = 0; j < each; ++j)
      if (int32_t& place = a.places[j]; place >= 0) place += int32_t(i) * pixels;
  }
  into.places.copy_from(context_.index(places, into.places.shape()), "augment");
  if (into.weights) into.weights.write(weights.data(), "augment");
  into.colour.write(colour.data(), "augment"), into.offset.write(offset.data(), "augment"), into.towards.write(towards.data(), "augment");
}

Tensor DiscriminatorAugment::operator()(const Tensor& x, Side which) const {
  if (!alters()) return x;
  const Drawn& side = sides_[which];
  const int64_t channels = shape_[3];
  if (!(x.shape() == shape_)) throw ShapeError("augment: draws for pictures " + shape_.text() + " do not fit " + x.shape().text());
  Tensor y = side.offset;
  if (options_.method == AugmentMethod::diffaugment) y = fma(side.towards, mean(x, {1, 2, 3}, KeepAxes::yes), y);
  for (int64_t c = 0; c < channels; ++c) y = fma(slice(x, 3, c, c + 1), slice(side.colour, 2, c, c + 1), y);
  const Tensor rows = reshape(y, {x.count() / channels, channels});
  return reshape(side.weights ? gather(rows, side.places, side.weights) : gather(rows, reshape(side.places, {side.places.count()})), x.shape());
}

void DiscriminatorAugment::hear(const Tensor& certainty) {
  if (!adapts()) return;
  const NoGraph scope(context_);
  signs_.copy_from(signs_ + mean(sign(certainty)), "augment");
  heard_.copy_from(heard_ + 1, "augment");
}

HostTensors DiscriminatorAugment::state_dict() const {
  if (!adapts()) return {};
  HostTensors all;
  for (const auto& [name, t] : {std::pair{"probability", probability_.value()}, {"signs", signs_}, {"heard", heard_}}) all[name] = nn::to_disk({.value = t}, t);
  return all;
}

void DiscriminatorAugment::load_state_dict(const HostTensors& tensors, const std::string& what) {
  if (!adapts()) return;
  const auto read = [&](const char* name) {
    const auto found = tensors.find(name);
    if (found == tensors.end() || !found->second.shape.empty()) throw FormatError(what + ": " + name + " is missing, or is no single number");
    return to_doubles(found->second)[0];
  };
  const double p = read("probability");
  if (!(p >= 0 && p <= 1)) throw FormatError(what + ": probability = " + std::to_string(p) + " is none");
  probability_.set(p);
  signs_.write(std::vector<double>{read("signs")}, "augment"), heard_.write(std::vector<double>{read("heard")}, "augment");
}

}  // namespace weft::gan
