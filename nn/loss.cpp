#include "weft/nn/loss.h"

namespace weft::nn {
namespace {

// Broadcasting would average over pairs that nobody meant.
void expect_pairs(const char* loss, const Tensor& a, const Tensor& b) {
  if (!(a.shape() == b.shape()))
    throw ShapeError(std::string(loss) + " compares element by element, and the shapes are " + a.shape().text() + " and " + b.shape().text() + "; reshape or expand one of them");
}

}  // namespace

Tensor bce_with_logits(const Tensor& logits, const Tensor& target) {
  expect_pairs("bce_with_logits", logits, target);
  return mean(softplus(logits) - logits * target);
}
Tensor bce_with_logits(const Tensor& logits, double target) {
  // softplus(-x) and softplus(x) alone for the two targets that GANs use: one pass less, and no cancellation
  if (target == 1) return mean(softplus(-logits));
  if (target == 0) return mean(softplus(logits));
  return mean(softplus(logits) - logits * target);
}
Tensor mse(const Tensor& a, const Tensor& b) {
  expect_pairs("mse", a, b);
  const Tensor d = a - b;
  return mean(d * d);
}
Tensor mse(const Tensor& a, double b) { const Tensor d = a - b; return mean(d * d); }
Tensor l1(const Tensor& a, const Tensor& b) {
  expect_pairs("l1", a, b);
  return mean(abs(a - b));
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  if (logits.rank() != 2 || labels.count() != logits.size(0))
    throw ShapeError("cross_entropy: logits (N, classes) and N labels, not " + logits.shape().text() + " and " + labels.shape().text());
  if (labels.dtype() != DType::i32) throw ShapeError("cross_entropy: labels are int32, as Context::index makes them; these are numbers");
  const int64_t classes = logits.size(1);
  std::vector<int32_t> flat;   // position of each label's logit
  for (double label : labels.values()) {
    if (label < 0 || label >= double(classes)) throw ShapeError("cross_entropy: label " + std::to_string(int64_t(label)) + " of " + std::to_string(classes) + " classes");
    flat.push_back(int32_t(int64_t(flat.size()) * classes + int64_t(label)));
  }
  const Tensor picked = gather(reshape(log_softmax(logits), {logits.count(), 1}), logits.context().index(flat, labels.shape()));
  return -mean(picked);
}

}  // namespace weft::nn
