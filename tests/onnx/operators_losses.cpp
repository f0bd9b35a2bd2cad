// Losses over classes: the logarithm of each label's probability, picked out by index.
#include "operators.h"

namespace weft::onnx {
namespace {

Tensors label_loss(const Call& c, bool of_logits) {
  const Value& v = c.value(0);
  const int64_t n = v.shape.at(0), classes = v.shape.at(1), pixels = int64_t(v.data.size()) / (n * classes);
  const Tensor scores = permute(c.context.from(v.data, {n, classes, pixels}), {0, 2, 1});   // (n, pixels, classes)
  const Tensor log_probability = of_logits ? log_softmax(scores) : scores;

  std::vector<int32_t> label, place;   // -1 picks zero
  for (int64_t l : c.integers(1)) {
    const bool ignored = c.set("ignore_index") && l == c.integer("ignore_index", 0);
    place.push_back(ignored ? -1 : int32_t(int64_t(place.size()) * classes + l));
    label.push_back(ignored ? -1 : int32_t(l));
  }
  const Shape rows{n * pixels};
  const Tensor weights = c.has(2) ? c.tensor(2) : c.context.full({classes}, 1);
  const Tensor weight = gather(weights, c.context.index(label, rows));
  const Tensor loss = -gather(reshape(log_probability, {n * pixels * classes}), c.context.index(place, rows)) * weight;

  const std::string reduction = c.text("reduction", "mean");
  const Tensor result = reduction == "none" ? reshape(loss, Shape(c.value(1).shape)) : reduction == "sum" ? sum(loss) : sum(loss) / sum(weight);
  if (!of_logits || c.node.outputs.size() < 2) return {result};
  if (v.shape.size() > kMaxRank) throw Unsupported("a tensor has at most 6 axes");
  return {result, reshape(permute(log_probability, {0, 2, 1}), Shape(v.shape))};
}

}  // namespace

void add_losses(Operators& list) {
  list["NegativeLogLikelihoodLoss"] = [](const Call& c) { return label_loss(c, false); };
  list["SoftmaxCrossEntropyLoss"] = [](const Call& c) { return label_loss(c, true); };
}

}  // namespace weft::onnx
