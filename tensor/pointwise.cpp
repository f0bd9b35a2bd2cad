// Point-wise operations: broadcasting, one launch, and the derivative rules, all made from the list in kernels/kinds.h.
#include <cstring>

#include "state.h"
#include "weft/tensor/ops.h"

namespace weft {
namespace {

Shape broadcast(const char* op, std::initializer_list<const Tensor*> inputs) {
  Shape out;
  int rank = 0;
  for (const Tensor* t : inputs) if (*t) rank = std::max(rank, t->rank());
  for (int axis = 0; axis < rank; ++axis) {
    int64_t size = 1;
    for (const Tensor* t : inputs) {
      const int own = *t ? axis - (rank - t->rank()) : -1;
      if (own < 0 || t->shape()[own] == 1) continue;
      if (size != 1 && size != t->shape()[own]) {
        std::string shapes;
        for (const Tensor* each : inputs) if (*each) shapes += (shapes.empty() ? "" : " with ") + each->shape().text();
        throw ShapeError(std::string(op) + ": sizes that neither agree nor are 1: " + shapes);
      }
      size = t->shape()[own];
    }
    out.push_back(size);
  }
  return out;
}

// Fewer, longer axes: two neighbours become one where every input walks them as one.
void merge_axes(PointwiseProblem& p) {
  int last = 0;
  for (int axis = 1; axis < p.rank; ++axis) {
    bool joined = true;
    for (auto& stride : p.stride) joined = joined && stride[last] == stride[axis] * p.size[axis];
    if (joined) {
      p.size[last] *= p.size[axis];
      for (auto& stride : p.stride) stride[last] = stride[axis];
    } else {
      ++last;
      p.size[last] = p.size[axis];
      for (auto& stride : p.stride) stride[last] = stride[axis];
    }
  }
  p.rank = p.rank ? last + 1 : 1;
}

PointwiseProblem problem_of(const Shape& out, std::initializer_list<const Tensor*> inputs, double p, double q) {
  PointwiseProblem problem{};
  problem.p = p, problem.q = q;
  problem.size[0] = 1;   // rank 0 becomes one element
  for (int axis = 0; axis < out.rank(); ++axis) {
    if (out[axis] == 1) continue;                        // nothing to walk
    problem.size[problem.rank] = out[axis];
    int i = 0;
    for (const Tensor* t : inputs) {
      const int own = *t ? axis - (out.rank() - t->rank()) : -1;
      problem.stride[i++][problem.rank] = own < 0 || t->shape()[own] == 1 ? 0 : t->shape().count(own + 1, t->rank());
    }
    ++problem.rank;
  }
  int i = 0;
  for (const Tensor* t : inputs) problem.bf16[i++] = detail::is_bf16(*t);
  merge_axes(problem);
  return problem;
}

// Of the inputs that are not repeated, bfloat16 if all are.
DType type_of(const Shape& out, std::initializer_list<const Tensor*> inputs, DType scalar) {
  bool bf16 = false;
  for (const Tensor* t : inputs) {
    if (!*t || t->count() != out.count()) continue;
    if (t->dtype() != DType::bf16) return scalar;
    bf16 = true;
  }
  return bf16 ? DType::bf16 : scalar;
}

void launch(PointwiseKind kind, const Tensor& a, const Tensor& b, const Tensor& c, double p, double q, const Tensor& out) {
  if (out.count() == 0) return;
  const Context context = out.context();
  detail::ContextState& s = context.state();
  PointwiseProblem problem = problem_of(out.shape(), {&a, &b, &c}, p, q);
  problem.bf16_out = detail::is_bf16(out);
  WEFT_OP(s, pointwise)(*s.queue, kind, problem, a.data(), b ? b.data() : nullptr, c ? c.data() : nullptr, out.data());
}

// Does a derivative's text use the name? "leaky_relu_grad(a, g, p)" uses a, g and p.
bool mentions(const char* text, char name) {
  auto letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (const char* c = text; *c; ++c)
    if (*c == name && !letter(c[1]) && (c == text || !letter(c[-1]))) return true;
  return false;
}

const Tensor NONE;
Tensors derivative(PointwiseKind, const RuleCall&, double p, double q);

struct Texts { const char* d[3]; };
#define WEFT_KIND_TEXT(name, inputs, formula, da, db, dc) {{#da, #db, #dc}},
constexpr Texts derivative_text[] = {WEFT_POINTWISE_KINDS(WEFT_KIND_TEXT)};

Tensor apply(PointwiseKind kind, const Tensor& a, const Tensor& b = {}, const Tensor& c = {}, double p = 0, double q = 0) {
  const PointwiseInfo& info = pointwise_info[int(kind)];
  const Tensor* inputs[3] = {&a, &b, &c};
  for (int i = 0; i < info.inputs; ++i) inputs[i]->shape(info.name);   // it has one
  const Context context = detail::common_context(info.name, {&a, &b, &c});
  const Shape shape = broadcast(info.name, {&a, &b, &c});
  Tensor out = context.empty(shape, type_of(shape, {&a, &b, &c}, context.scalar()));
  launch(kind, a, b, c, p, q, out);
  const auto unrecorded = [&] {          // record() tells of the others
    detail::made(info.name, out, {a, b, c});
    return out;
  };
  if (!context.recording()) return unrecorded();
  const Texts& text = derivative_text[int(kind)];
  Saves saves{{false, false, false}, false};
  bool differentiable = false;
  for (int i = 0; i < 3; ++i) {
    if (!*inputs[i] || !inputs[i]->requires_grad() || !std::strcmp(text.d[i], "NONE")) continue;
    differentiable = true;
    for (int j = 0; j < 3; ++j) if (mentions(text.d[i], "abc"[j])) saves.inputs[size_t(j)] = true;
    saves.output = saves.output || mentions(text.d[i], 'y');
  }
  if (!differentiable) return unrecorded();
  return record(info.name, out, {a, b, c}, saves, [kind, p, q](const RuleCall& call) { return derivative(kind, call, p, q); });
}

}  // namespace

void detail::convert(const Tensor& from, const Tensor& to) {
  launch(PointwiseKind::affine, from.shape() == to.shape() ? from : reshape(from.detach(), to.shape()), {}, {}, 1, -0.0, to);   // -0 + -0 is -0
}
Tensor cast(const Tensor& a, DType type) {
  if (a.dtype() == type) return a;
  const Context context = detail::common_context("cast", {&a});
  if (type == DType::i32) throw ShapeError("cast: " + a.shape().text() + " to int32, which holds indices and no numbers; Context::index makes an index");
  const Tensor out = context.empty(a.shape(), type);
  detail::convert(a, out);
  return record("cast", out, {a}, {}, [](const RuleCall& call) { return Tensors{call.gradient}; });   // takes its input's type on arrival
}
Tensor detail::wide(const Tensor& t) { return is_bf16(t) ? cast(t, t.context().scalar()) : t; }

#define UNARY(name) Tensor name(const Tensor& a) { return apply(PointwiseKind::name, a); }
UNARY(abs) UNARY(sign) UNARY(floor) UNARY(exp) UNARY(log) UNARY(sqrt) UNARY(sin) UNARY(cos)
UNARY(tanh) UNARY(sigmoid) UNARY(softplus) UNARY(is_finite)
#undef UNARY
#define BINARY(name) Tensor name(const Tensor& a, const Tensor& b) { return apply(PointwiseKind::name, a, b); }
BINARY(maximum) BINARY(minimum) BINARY(greater) BINARY(equal)
#undef BINARY

Tensor affine(const Tensor& a, double p, double q) { return apply(PointwiseKind::affine, a, {}, {}, p, q); }
Tensor pow(const Tensor& a, double exponent) {
  if (exponent == 1) return a;   // so that a derivative of a square never asks for 0 * pow(0, -1)
  if (exponent == 0) return a.context().full(a.shape(), 1);
  return apply(PointwiseKind::pow, a, {}, {}, exponent);
}
Tensor leaky_relu(const Tensor& a, double slope) { return apply(PointwiseKind::leaky_relu, a, {}, {}, slope); }
Tensor relu(const Tensor& a) { return leaky_relu(a, 0); }
Tensor elu(const Tensor& a, double alpha) { return apply(PointwiseKind::elu, a, {}, {}, alpha); }
Tensor clamp(const Tensor& a, double low, double high) {
  return minimum(maximum(a, a.context().constant(low)), a.context().constant(high));
}
Tensor greater(const Tensor& a, double b) { return greater(a, a.context().constant(b)); }
Tensor equal(const Tensor& a, double b) { return equal(a, a.context().constant(b)); }
Tensor leaky_relu_grad(const Tensor& a, const Tensor& g, double slope) { return apply(PointwiseKind::leaky_relu_grad, a, g, {}, slope); }
Tensor select(const Tensor& condition, const Tensor& yes, const Tensor& no) { return apply(PointwiseKind::select, condition, yes, no); }
Tensor select(const Tensor& condition, double yes, const Tensor& no) { return select(condition, no.context().constant(yes), no); }
Tensor select(const Tensor& condition, const Tensor& yes, double no) { return select(condition, yes, yes.context().constant(no)); }
Tensor fma(const Tensor& a, const Tensor& b, const Tensor& c) { return apply(PointwiseKind::fma, a, b, c); }
Tensor running_average(const Tensor& average, const Tensor& x, double keep, double weight) {
  return apply(PointwiseKind::running_average, average, x, {}, keep, weight);
}
Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& t) { return apply(PointwiseKind::lerp, a, b, t); }

Tensor operator+(const Tensor& a, const Tensor& b) { return apply(PointwiseKind::add, a, b); }
Tensor operator-(const Tensor& a, const Tensor& b) { return apply(PointwiseKind::sub, a, b); }
Tensor operator*(const Tensor& a, const Tensor& b) { return apply(PointwiseKind::mul, a, b); }
Tensor operator/(const Tensor& a, const Tensor& b) { return apply(PointwiseKind::div, a, b); }
Tensor operator-(const Tensor& a) { return affine(a, -1, 0); }
Tensor operator+(const Tensor& a, double b) { return affine(a, 1, b); }
Tensor operator+(double a, const Tensor& b) { return affine(b, 1, a); }
Tensor operator-(const Tensor& a, double b) { return affine(a, 1, -b); }
Tensor operator-(double a, const Tensor& b) { return affine(b, -1, a); }
Tensor operator*(const Tensor& a, double b) { return affine(a, b, 0); }
Tensor operator*(double a, const Tensor& b) { return affine(b, a, 0); }
Tensor operator/(const Tensor& a, double b) { return a / a.context().constant(b); }   // rounds once, as written
Tensor operator/(double a, const Tensor& b) { return b.context().constant(a) / b; }

namespace {

// One case a kind, straight from the list. An expression is evaluated only if that input's gradient is wanted.
Tensors derivative(PointwiseKind kind, const RuleCall& call, double p, double q) {
  const Tensor &a = call.inputs[0], &b = call.inputs[1], &c = call.inputs[2], &y = call.output, &g = call.gradient;
  (void)a, (void)b, (void)c, (void)y, (void)g, (void)p, (void)q;
  Tensors result(3);
  switch (kind) {
#define WEFT_KIND_RULE(name, inputs, formula, da, db, dc) \
  case PointwiseKind::name:                               \
    if (call.needs[0]) result[0] = da;                    \
    if (call.needs[1]) result[1] = db;                    \
    if (call.needs[2]) result[2] = dc;                    \
    break;
    WEFT_POINTWISE_KINDS(WEFT_KIND_RULE)
#undef WEFT_KIND_RULE
    case PointwiseKind::count: break;
  }
  for (size_t i = 0; i < 3; ++i)
    if (result[i]) result[i] = sum_to(result[i], call.inputs[i].shape());
  return result;
}

}  // namespace
}  // namespace weft
