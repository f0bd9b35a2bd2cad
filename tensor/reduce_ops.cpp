// Sums, means, extremes: each a few calls of reduce(outer, n, inner), one for every run of neighbouring axes.
#include "state.h"
#include "weft/tensor/ops.h"

namespace weft {
namespace {

// Which axes to reduce, and the result's shape with and without them.
struct Plan {
  std::vector<bool> reduced;
  Shape kept, dropped;
  int64_t count = 1;
};

Plan plan_of(const char* op, const Tensor& x, const std::vector<int>& axes) {
  Plan p;
  p.reduced.assign(size_t(x.rank(op)), axes.empty());
  for (int a : axes) p.reduced[size_t(x.shape().axis(a))] = true;
  for (int i = 0; i < x.rank(); ++i) {
    const bool r = p.reduced[size_t(i)];
    p.kept.push_back(r ? 1 : x.shape()[i]);
    if (r) p.count *= x.shape()[i];
    else p.dropped.push_back(x.shape()[i]);
  }
  if (p.count == 0) throw ShapeError(std::string(op) + " of no elements: " + x.shape().text());
  return p;
}

Tensor reduce_run(ReduceKind kind, const Tensor& x, int64_t outer, int64_t n, int64_t inner, const Shape& shape) {
  const Context context = detail::common_context("reduce", {&x});
  detail::ContextState& s = context.state();
  if (n == 0) return context.zeros(shape);
  Tensor out = context.empty(shape);
  if (out.count() > 0) WEFT_OP(s, reduce)(*s.queue, kind, {outer, n, inner, detail::is_bf16(x)}, x.data(), out.data(), nullptr);
  return out;
}

Tensor reduce_axes(ReduceKind kind, const Tensor& x, const Plan& plan) {
  Tensor t = x.detach();
  Shape shape = x.shape();
  for (int end = x.rank(); end > 0;) {
    if (!plan.reduced[size_t(end - 1)]) { --end; continue; }
    int begin = end - 1;
    while (begin > 0 && plan.reduced[size_t(begin - 1)]) --begin;
    const int64_t n = shape.count(begin, end);
    const int64_t outer = shape.count(0, begin), inner = shape.count(end, shape.rank());
    for (int i = begin; i < end; ++i) shape[i] = 1;
    t = n == 1 && kind != ReduceKind::sum_squares && kind != ReduceKind::count_non_finite ? reshape(detail::wide(t), shape)
                                                                                          : reduce_run(kind, t, outer, n, inner, shape);
    end = begin;
  }
  return reshape(t, plan.kept);
}

Tensor finish(const Tensor& kept, const Plan& plan, KeepAxes keep) { return keep == KeepAxes::yes ? kept : reshape(kept, plan.dropped); }

Tensor extreme(const char* op, ReduceKind kind, const Tensor& x, const std::vector<int>& axes, KeepAxes keep) {
  const Plan plan = plan_of(op, x, axes);
  const std::vector<bool> reduced = plan.reduced;
  std::vector<int> list;
  for (size_t i = 0; i < reduced.size(); ++i) if (reduced[i]) list.push_back(int(i));
  const Tensor y = record(op, reduce_axes(kind, x, plan), {x}, {{true}, true}, [list](const RuleCall& call) {
    const Tensor winners = equal(call.inputs[0], call.output).detach();
    return Tensors{winners * (call.gradient / sum(winners, list, KeepAxes::yes))};
  });
  return finish(y, plan, keep);
}

}  // namespace

Tensor sum(const Tensor& x, const std::vector<int>& axes, KeepAxes keep) {
  const Plan plan = plan_of("sum", x, axes);
  const Shape before = x.shape();
  const Tensor y = record("sum", reduce_axes(ReduceKind::sum, x, plan), {x}, {},
                          [before](const RuleCall& call) { return Tensors{expand(call.gradient, before)}; });
  return finish(y, plan, keep);
}

Tensor mean(const Tensor& x, const std::vector<int>& axes, KeepAxes keep) {
  const Tensor total = sum(x, axes, keep);
  return total / double(x.count() / std::max<int64_t>(1, total.count()));
}

Tensor variance(const Tensor& x, const std::vector<int>& axes, KeepAxes keep) {
  const Tensor d = x - mean(x, axes, KeepAxes::yes);
  return mean(d * d, axes, keep);
}

Tensor max(const Tensor& x, const std::vector<int>& axes, KeepAxes keep) { return extreme("max", ReduceKind::max, x, axes, keep); }
Tensor min(const Tensor& x, const std::vector<int>& axes, KeepAxes keep) { return extreme("min", ReduceKind::min, x, axes, keep); }

Tensor sum_squares(const Tensor& x) {
  const Tensor y = reduce_run(ReduceKind::sum_squares, x, 1, x.count(), 1, {});
  return record("sum_squares", y, {x}, {{true}, false}, [](const RuleCall& call) { return Tensors{2 * call.inputs[0] * call.gradient}; });
}

Tensor count_non_finite(const Tensor& x) { return reduce_run(ReduceKind::count_non_finite, x, 1, x.count(), 1, {}); }

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  const int missing = x.rank() - shape.rank();
  std::vector<int> axes;
  for (int i = 0; i < x.rank(); ++i)
    if (i < missing || (shape[i - missing] == 1 && x.shape()[i] != 1)) axes.push_back(i);
  return axes.empty() ? reshape(x, shape) : reshape(sum(x, axes), shape);
}

Tensor softmax(const Tensor& x) {
  const Tensor e = exp(x - max(x.detach(), {-1}, KeepAxes::yes));
  return e / sum(e, {-1}, KeepAxes::yes);
}

Tensor log_softmax(const Tensor& x) {
  const Tensor shifted = x - max(x.detach(), {-1}, KeepAxes::yes);
  return shifted - log(sum(exp(shifted), {-1}, KeepAxes::yes));
}

}  // namespace weft
