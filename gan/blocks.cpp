#include "blocks.h"

#include <algorithm>

namespace weft::gan {

using nn::Bias;

namespace {

constexpr std::pair<const char*, DNorm> kNorms[] = {
    {"batch", DNorm::batch}, {"none", DNorm::none}, {"spectral", DNorm::spectral}, {"instance", DNorm::instance}, {"layer", DNorm::layer}};

nn::ModulePtr norm_layer(const Context& c, DNorm norm, int64_t channels, double slope) {
  if (norm == DNorm::instance) return std::make_shared<nn::InstanceNorm2d>(c, channels, 1e-5, true, slope);
  if (norm == DNorm::layer) return std::make_shared<nn::SampleNorm2d>(c, channels, 1e-5, slope);
  return std::make_shared<nn::BatchNorm2d>(c, channels, 1e-5, 0.1, slope);
}

}  // namespace

DNorm d_norm_of(const char* model, const std::string& name, std::initializer_list<DNorm> possible) {
  std::vector<std::string> known;
  for (const auto& [each, norm] : kNorms) {
    if (std::find(possible.begin(), possible.end(), norm) == possible.end()) continue;
    if (name == each) return norm;
    known.push_back(each);
  }
  throw ConfigError(std::string(model) + ": d_norm = '" + name + "', but its discriminator can have " + listed(known) + suggestion(name, known));
}

void check_options(const char* model, const ModelOptions& o, std::initializer_list<const char*> conditions) {
  const std::string name = model;
  if (o.channels < 1 || o.width < 1 || o.latent < 1) throw ConfigError(name + ": channels, width and latent are at least 1");
  if (o.condition == "none") return;
  if (std::find(conditions.begin(), conditions.end(), o.condition) == conditions.end())
    throw ConfigError(name + ": condition = '" + o.condition + "', but it takes labels by " + listed({conditions.begin(), conditions.end()}) + ", or none");
  if (o.classes.empty())
    throw ConfigError(name + ": condition = '" + o.condition + "' needs data with classes: a folder for each, or a labels.csv; --set model.condition=none does without");
}

Size2 base_of(const char* model, const ModelOptions& o, const std::vector<int>& known, int base) {
  constexpr int kLongest = 8;            // times the shorter side
  const int longer = std::max({o.size, o.across, o.high});
  const bool square = longer == o.size;
  if ((o.across && o.high) || std::min(o.across ? o.across : o.size, o.high ? o.high : o.size) < o.size)
    throw ConfigError(std::string(model) + ": model.size is the shorter side, and one of model.across and model.high the longer one; --size 48x32 sets them, the width first");
  const auto of_28 = [&](int side) { return side == 28 ? 7 : base; };
  const int nearest = *std::min_element(known.begin(), known.end(), [&](int a, int b) { return std::abs(a - o.size) < std::abs(b - o.size); });
  const int step = nearest / of_28(nearest);
  if (nearest == o.size && longer % step == 0 && longer <= kLongest * o.size) return o.sides(of_28(o.size));

  const auto text = [&](int shorter, int other) {
    const std::string s = std::to_string(shorter), l = std::to_string(other);
    return square ? s : o.across ? l + "x" + s : s + "x" + l;
  };
  std::string sides;
  for (const int side : known) sides += (sides.empty() ? "" : side == known.back() ? " or " : ", ") + std::to_string(side);
  const double scaled = o.size > 0 ? std::min(double(longer) * nearest / o.size, double(kLongest) * nearest) : nearest;
  const int whole = std::max(int(scaled / step + 0.5) * step, nearest);
  throw ConfigError(std::string(model) + " makes images of " + sides + " pixels" +
                    (square ? "" : " on the shorter side, and where that has " + std::to_string(nearest) + ", of a multiple of " + std::to_string(step) + " on the longer one, up to " + std::to_string(kLongest) + " times as many") +
                    ", not " + text(o.size, longer) + "; the nearest: --size " + text(nearest, whole));
}

const Tensor& told(const Tensor& labels, const Tensor& x) {
  if (!labels || labels.size(0) != x.size(0))
    throw ShapeError("a conditional network: " + std::to_string(x.size(0)) + " samples, and labels of " + (labels ? std::to_string(labels.size(0)) : "none") + "; set_condition() comes first");
  return labels;
}

Tensor with_labels(const Tensor& x, const Tensor& labels) {
  told(labels, x);
  return concat({x, expand(reshape(labels, {x.size(0), 1, 1, labels.size(1)}), {x.size(0), x.size(1), x.size(2), labels.size(1)})}, 3);
}

std::shared_ptr<nn::Sequential> under_main(nn::Sequential layers, int labels) {
  const auto network = labels ? std::make_shared<LabelledSequential>() : std::make_shared<nn::Sequential>();
  network->append("main", std::make_shared<nn::Sequential>(std::move(layers)));
  return network;
}

nn::ModulePtr separable_convolution(const Context& c, int64_t in, int64_t out, Size2 filter, ConvGeometry geometry, Bias bias, double slope, bool spectral) {
  geometry.groups = int(in);
  nn::Sequential both;
  both.append(bounded(std::make_shared<nn::Conv2d>(c, in, in, filter, geometry, Bias::no), spectral));
  both.append(bounded(std::make_shared<nn::Conv2d>(c, in, out, Size2{1, 1}, ConvGeometry{}, bias, slope), spectral));
  return std::make_shared<nn::Sequential>(std::move(both));
}

void Convolve::append(nn::Sequential& to, int64_t in, int64_t out, Size2 filter, const ConvGeometry& geometry, bool normed) const {
  const bool spectral = norm == DNorm::spectral, follows = normed && norm != DNorm::none && !spectral;
  const Bias bias = norm == DNorm::none || spectral ? Bias::yes : Bias::no;
  const double fused = follows ? 1 : slope;
  if (separable && normed) to.append(separable_convolution(context, in, out, filter, geometry, bias, fused, spectral));
  else to.append(bounded(std::make_shared<nn::Conv2d>(context, in, out, filter, geometry, bias, fused), spectral));
  if (follows) to.append(norm_layer(context, norm, out, slope));
  to.append(nn::Identity());
}

void Convolve::append_logit(nn::Sequential& to, int64_t channels, Size2 base) const {
  const bool spectral = norm == DNorm::spectral;
  if (minibatch_std > 0) to.append(std::make_shared<nn::MinibatchStd>(minibatch_std)), ++channels;
  if (std::min(base.h, base.w) == 4) {
    const Bias bias = norm == DNorm::none || spectral ? Bias::yes : Bias::no;
    to.append(bounded(std::make_shared<nn::Conv2d>(context, channels, 1, base, ConvGeometry{}, bias), spectral)).append(nn::Flatten());
  } else {
    to.append(nn::Flatten());
    to.append(bounded(std::make_shared<nn::Linear>(context, int64_t(base.h) * base.w * channels, 1, Bias::yes, nn::ImageShape{base.h, base.w, channels}), spectral));
  }
}

}  // namespace weft::gan
