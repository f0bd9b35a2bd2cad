// Normalisation by statistics groups: one mechanism behind batch, grouped batch, instance and layer norm.
#include "state.h"
#include "weft/tensor/ops.h"

namespace weft {
namespace {

struct Layout { int64_t groups, rows, channels; };

Layout layout_of(const Tensor& x, int64_t groups, int64_t channels, const Tensor& gamma, const Tensor& beta) {
  const bool whole = groups >= 1 && channels >= 1 && x.rank("normalize") >= 1 && x.count() % (groups * channels) == 0;
  const bool runs = whole && (channels == 1 || (x.size(-1) == channels && (x.size(0) % groups == 0 || groups % x.size(0) == 0)));
  if (!runs)
    throw ShapeError("normalize: " + x.shape().text() + " does not divide into " + std::to_string(groups) + " groups of rows of " + std::to_string(channels) + " channels");
  for (const Tensor* t : {&gamma, &beta})
    if (*t && !(t->shape() == Shape{channels})) throw ShapeError("normalize: gamma and beta have one value a channel (" + std::to_string(channels) + "), not " + t->shape().text());
  return {groups, x.count() / (groups * channels), channels};
}

const void* data_or_null(const Tensor& t) { return t ? t.data() : nullptr; }

// The definition in public operations: what the fused kernels must agree with, and what is differentiated when the
// gradient's own graph is wanted. x is (groups, rows, channels).
Tensor composed(const Tensor& x, const Tensor& mean_or_none, const Tensor& variance_or_none, const Tensor& gamma, const Tensor& beta,
                double epsilon, double slope) {
  const Tensor in = detail::wide(x);   // many roundings follow, and one is enough
  const Tensor centred = in - (mean_or_none ? mean_or_none : mean(in, {1}, KeepAxes::yes));
  const Tensor spread = variance_or_none ? variance_or_none : mean(centred * centred, {1}, KeepAxes::yes);
  Tensor y = centred / sqrt(spread + epsilon);
  if (gamma) y = y * gamma;
  if (beta) y = y + beta;
  return slope == 1 ? y : leaky_relu(y, slope);
}

// The same value behind a node of its own: a partial derivative must stop here, for inputs may depend on one another (a
// gamma shared by two layers, or made of x).
Tensor partial(const Tensor& x) {
  if (!x.requires_grad()) return x;
  return record("partial", x.detach(), {x}, {}, [](const RuleCall& call) { return Tensors{call.gradient}; });
}

// grad() of a composed function of partial(call.inputs), as a rule's result: empty where no gradient was wanted.
Tensors composed_gradient(const Tensor& y, const Tensors& inputs, const RuleCall& call) {
  Tensors wanted;
  for (size_t i = 0; i < inputs.size(); ++i) if (call.needs[i]) wanted.push_back(inputs[i]);
  const Tensors found = grad(y, wanted, call.graph ? CreateGraph::yes : CreateGraph::no, KeepGraph::no, reshape(call.gradient, y.shape()));
  Tensors result(call.inputs.size());
  for (size_t i = 0, next = 0; i < result.size(); ++i) if (call.needs[i]) result[i] = found[next++];
  return result;
}

}  // namespace

Normalized normalize_groups(const Tensor& x, int64_t groups, int64_t channels, const Tensor& any_gamma, const Tensor& any_beta, double epsilon, double slope) {
  const Tensor gamma = detail::wide(any_gamma), beta = detail::wide(any_beta);
  const Layout l = layout_of(x, groups, channels, gamma, beta);
  if (l.rows < 2)
    throw ShapeError("normalize: one value a channel in each group has no variance; input " + x.shape().text() + " in " + std::to_string(groups) +
                     " group(s). Use a larger batch, or evaluation mode");
  const Context context = detail::common_context("normalize", {&x, &gamma, &beta});
  detail::ContextState& s = context.state();
  const NormProblem p{l.groups, l.rows, l.channels, detail::is_bf16(x)};
  Tensor mean, variance, y = context.empty(x.shape(), x.dtype());
  if (const auto known = x.storage()->moments; known && known->of(x, {groups, channels})) {
    mean = known->mean, variance = known->variance;
  } else {
    mean = context.empty({groups, channels}), variance = context.empty({groups, channels});
    WEFT_OP(s, moments)(*s.queue, p, x.data(), mean.data(), variance.data());
  }
  detail::made("moments (mean)", mean, {x});
  detail::made("moments (variance)", variance, {x});
  WEFT_OP(s, normalize)(*s.queue, p, epsilon, slope, x.data(), mean.data(), variance.data(), data_or_null(gamma), data_or_null(beta), y.data());

  y = record("normalize", y, {x, gamma, beta, mean, variance}, {{true, true, true, true, true}, false}, [=](const RuleCall& call) {
    const Tensor &in = call.inputs[0], &scale = call.inputs[1], &shift = call.inputs[2];
    if (call.graph) {
      const Tensors own{partial(in), partial(scale), partial(shift)};
      return composed_gradient(composed(reshape(own[0], {l.groups, l.rows, l.channels}), {}, {}, own[1], own[2], epsilon, slope), own, call);
    }
    const Context c = in.context();
    Tensors result(3);
    if (call.needs[0]) result[0] = c.empty(in.shape(), in.dtype());
    for (size_t i : {1, 2}) if (call.needs[i]) result[i] = call.into[i] ? call.into[i] : c.empty({channels});
    for (int i : {1, 2}) if (result[size_t(i)]) result[size_t(i)].storage()->wrote("gradient");
    WEFT_OP(c.state(), normalize_grad)(*c.state().queue, p, epsilon, slope, in.data(), call.inputs[3].data(), call.inputs[4].data(),
                                       data_or_null(scale), data_or_null(shift), call.gradient.data(), result[0] ? result[0].data() : nullptr,
                                       result[1] ? result[1].data() : nullptr, result[2] ? result[2].data() : nullptr);
    return result;
  });
  return {y, mean, variance};
}

Tensor normalize_with(const Tensor& x, const Tensor& any_mean, const Tensor& any_variance, const Tensor& any_gamma, const Tensor& any_beta, double epsilon, double slope) {
  const Tensor mean = detail::wide(any_mean), variance = detail::wide(any_variance), gamma = detail::wide(any_gamma), beta = detail::wide(any_beta);
  const int64_t channels = mean.count();
  const Layout l = layout_of(x, 1, channels, gamma, beta);
  const Context context = detail::common_context("normalize", {&x, &mean, &variance, &gamma, &beta});
  detail::ContextState& s = context.state();
  Tensor y = context.empty(x.shape(), x.dtype());
  const NormProblem p{1, l.rows, channels, detail::is_bf16(x)};
  if (y.count() > 0)
    WEFT_OP(s, normalize)(*s.queue, p, epsilon, slope, x.data(), mean.data(), variance.data(), data_or_null(gamma), data_or_null(beta), y.data());
  return record("normalize_with", y, {x, gamma, beta, mean.detach(), variance.detach()}, {{true, true, true, true, true}, false}, [=](const RuleCall& call) {
    const Context::Recording scope(call.gradient.context(), true);
    const Tensors own{partial(call.inputs[0]), partial(call.inputs[1]), partial(call.inputs[2])};
    return composed_gradient(composed(reshape(own[0], {1, l.rows, channels}), call.inputs[3], call.inputs[4], own[1], own[2], epsilon, slope), own, call);
  });
}

}  // namespace weft
