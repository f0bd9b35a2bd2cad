#include "weft/tensor/finite_watch.h"

#include <algorithm>
#include <cmath>

#include "state.h"
#include "weft/tensor/autograd.h"

namespace weft {

Watch::Watch(const Context& context) : context_(context) {
  if (context.state().watch) throw Error("two watches on one context");
  context.state().watch = this;
}
Watch::~Watch() { context_.state().watch = nullptr; }

int64_t count_not_finite(const Tensor& t) {
  const std::vector<double> values = t.values();
  return std::count_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
}

void FiniteWatch::made(const char* name, const Tensor& made, const Tensors& from) {
  if (found() || made.dtype() == DType::i32) return;
  for (const Tensor& t : from)
    if (t && t.storage() && t.storage()->weight) last_weight = t.detach();
  broken = count_not_finite(made);
  if (broken == 0) return;
  operation = gradient_of_ ? std::string(name) + " in the gradient of " + gradient_of_ : name;
  result = made.detach();
  for (const Tensor& t : from) inputs.push_back(t && t.storage() ? t.detach() : Tensor());
}

void FiniteWatch::rule_begins(const Node& node) { gradient_of_ = node.name; }

void FiniteWatch::rule_ends(const Node& node, const Tensors& results) {
  for (const Tensor& t : results) if (t) made("rule", t, node.inputs);   // a fused rule makes its results without an operation of its own
  gradient_of_ = nullptr;
}

}  // namespace weft
