// Matrix products and the convolution family: conv2d, its adjoint in the input and its adjoint in the filter. The three are
// closed under differentiation, each rule is the other two, so a gradient penalty needs nothing of its own.
#include "state.h"
#include "weft/tensor/ops.h"

namespace weft {

Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b, const Tensor& any_bias) {
  const Tensor bias = detail::wide(any_bias);
  if (a.rank() < 2 || b.rank() < 2) throw ShapeError("matmul: matrices wanted, got " + a.shape().text() + " and " + b.shape().text());
  if (b.rank() == 2 && a.rank() > 2 && !transpose_a) {   // leading axes are rows
    Shape out = a.shape();
    out[a.rank() - 1] = b.size(transpose_b ? 0 : 1);
    return reshape(matmul(reshape(a, {a.shape().count(0, a.rank() - 1), a.size(-1)}), b, false, transpose_b, bias), out);
  }
  const int64_t m = a.size(transpose_a ? -1 : -2), k = a.size(transpose_a ? -2 : -1), n = b.size(transpose_b ? -2 : -1);
  const int64_t batch_a = a.shape().count(0, a.rank() - 2), batch_b = b.shape().count(0, b.rank() - 2);
  bool paired = a.rank() == b.rank();        // matrix by matrix
  for (int i = 0; paired && i + 2 < a.rank(); ++i) paired = a.size(i) == b.size(i);
  if (k != b.size(transpose_b ? -1 : -2) || !(paired || batch_a == 1 || batch_b == 1))
    throw ShapeError("matmul: " + a.shape().text() + (transpose_a ? " transposed" : "") + " times " + b.shape().text() +
                     (transpose_b ? " transposed" : "") + ": the inner sizes must agree, and the leading ones unless one side is a single matrix");
  if (bias && !(bias.shape() == Shape{n})) throw ShapeError("matmul: a bias of shape " + bias.shape().text() + " for " + std::to_string(n) + " columns");
  const Context context = detail::common_context("matmul", {&a, &b, &bias});
  detail::ContextState& s = context.state();
  const bool as_a = paired || batch_b == 1;   // the leading axes
  const int64_t batch = as_a ? batch_a : batch_b;
  Shape shape = as_a ? a.shape() : b.shape();
  shape[shape.rank() - 2] = m, shape[shape.rank() - 1] = n;

  // Activations times weights are activations; other products, as of a gradient in the weights, keep float32's digits.
  const bool layer = !transpose_a && b.rank() == 2 && !detail::is_bf16(b) && (detail::is_bf16(a) || b.storage()->weight);
  const DType type = layer ? s.activation(n) : s.scalar;
  const Tensor out = k > 0 ? context.empty(shape, type) : cast(expand(bias ? bias.detach() : context.constant(0), shape), type);   // a sum of nothing
  const MatmulProblem p{batch, m, n, k, transpose_a, transpose_b, false, batch_a == 1 ? 0 : m * k, batch_b == 1 ? 0 : k * n,
                        detail::is_bf16(a), detail::is_bf16(b), detail::is_bf16(out)};
  s.flops += 2 * uint64_t(batch * m * n * k);
  if (out.count() > 0 && k > 0) WEFT_OP(s, matmul)(*s.queue, p, a.data(), b.as_weight(), bias ? bias.data() : nullptr, out.data());

  return record("matmul", out, {a, b, bias}, {{true, true, false}, false}, [=](const RuleCall& call) {
    const Tensor &x = call.inputs[0], &w = call.inputs[1], &g = call.gradient;
    Tensors result(3);
    if (call.needs[0]) result[0] = sum_to(transpose_a ? matmul(w, g, transpose_b, true) : matmul(g, w, false, !transpose_b), x.shape());
    if (call.needs[1]) result[1] = sum_to(transpose_b ? matmul(g, x, true, transpose_a) : matmul(x, g, !transpose_a, false), w.shape());
    if (call.needs[2]) result[2] = sum_to(g, {n});
    return result;
  });
}

namespace {

ConvGeometry checked(const char* op, const ConvGeometry& g) {
  const bool fine = g.stride.h > 0 && g.stride.w > 0 && g.dilation.h > 0 && g.dilation.w > 0 && g.pad.h >= 0 && g.pad.w >= 0 && g.groups > 0 &&
                    g.output_pad.h >= 0 && g.output_pad.w >= 0 && g.output_pad.h < std::max(g.stride.h, g.dilation.h) &&
                    g.output_pad.w < std::max(g.stride.w, g.dilation.w);
  if (!fine) throw ShapeError(std::string(op) + ": stride, dilation and groups are at least 1, pads at least 0, output_pad below max(stride, dilation)");
  return g;
}

Shape x_shape(const ConvProblem& p) { return {p.n, p.h, p.w, p.c}; }
Shape y_shape(const ConvProblem& p) { return {p.n, p.p, p.q, p.k}; }
Shape w_shape(const ConvProblem& p) { return {p.k, p.r, p.s, p.c / p.groups}; }
uint64_t flops_of(const ConvProblem& p) { return 2 * uint64_t(y_shape(p).count()) * uint64_t(w_shape(p).count(1, 4)); }   // of each of the three

// The input gradient of a convolution whose padding reflects: that of the padded image, then what was mirrored is added to
// what it mirrored. So the reflecting ones are closed under differentiation too.
Tensor conv_input_grad(const ConvProblem&, const Tensor& y, const Tensor& w, const Tensor& bias, double slope, int norm_groups = 0);
Tensor any_input_grad(const ConvProblem& p, const Tensor& y, const Tensor& w) {
  if (!p.reflect) return conv_input_grad(p, y, w, {}, 1);
  ConvProblem padded = p;
  padded.h += 2 * p.pad.h, padded.w += 2 * p.pad.w, padded.pad = {0, 0}, padded.reflect = false;
  return detail::fold_reflection(conv_input_grad(padded, y, w, {}, 1), {p.h, p.w}, p.pad);
}

// Of a bias and an activation, what the gradient meets first: y = leaky(z), so dz = y > 0 ? g : slope * g (slope > 0).
Tensor before_activation(const RuleCall& call, double slope) {
  return slope == 1 ? call.gradient : leaky_relu_grad(call.output, call.gradient, slope);
}

ConvProblem typed(ConvProblem p, const Tensor& x, const Tensor& y) {
  p.bf16_x = detail::is_bf16(x), p.bf16_y = detail::is_bf16(y);
  return p;
}

// What a convolution does to its result, and the moments that it leaves for normalize_groups, where both can be.
ConvEpilogue epilogue(const Tensor& result, const Tensor& bias, double slope, int norm_groups) {
  const Context context = result.context();
  ConvEpilogue e{bias ? bias.data() : nullptr, slope, false};
  if (norm_groups < 1 || !context.state().ops().convolutions_take_moments || result.count() == 0 || result.size(0) % norm_groups) return e;
  const Shape shape{norm_groups, result.size(-1)};
  const KnownMoments known{context.empty(shape), context.empty(shape), result.storage()->version};
  result.storage()->moments = std::make_shared<const KnownMoments>(known);
  e.mean = known.mean.data(), e.variance = known.variance.data(), e.moment_groups = norm_groups;
  return e;
}

// Filters and biases are float32 here.
Tensor conv(const ConvProblem&, const Tensor& x, const Tensor& w, const Tensor& bias, double slope, int norm_groups = 0);
Tensor conv_weight_grad(const ConvProblem&, const Tensor& x, const Tensor& y, const Tensor& into = {});

Tensor conv(const ConvProblem& p, const Tensor& x, const Tensor& w, const Tensor& bias, double slope, int norm_groups) {
  const Context context = detail::common_context("conv2d", {&x, &w, &bias});
  detail::ContextState& s = context.state();
  Tensor y = context.empty(y_shape(p), s.activation(p.k));
  s.flops += flops_of(p);
  WEFT_OP(s, conv2d)(*s.queue, typed(p, x, y), epilogue(y, bias, slope, norm_groups), x.data(), w.as_weight(), y.data());
  return record("conv2d", y, {x, w, bias}, {{true, true, false}, slope != 1}, [=](const RuleCall& call) {
    const Tensor g = before_activation(call, slope);
    Tensors result(3);
    if (call.needs[0]) result[0] = any_input_grad(p, g, call.inputs[1]);
    if (call.needs[1]) result[1] = conv_weight_grad(p, call.inputs[0], g, call.into[1]);
    if (call.needs[2]) result[2] = sum(g, {0, 1, 2});
    return result;
  });
}

Tensor conv_input_grad(const ConvProblem& p, const Tensor& y, const Tensor& w, const Tensor& bias, double slope, int norm_groups) {
  const Context context = detail::common_context("conv2d_input_grad", {&y, &w, &bias});
  detail::ContextState& s = context.state();
  Tensor x = context.empty(x_shape(p), s.activation(p.c));
  s.flops += flops_of(p);
  WEFT_OP(s, conv2d_input_grad)(*s.queue, typed(p, x, y), epilogue(x, bias, slope, norm_groups), y.data(), w.as_weight(), x.data());
  return record("conv2d_input_grad", x, {y, w, bias}, {{true, true, false}, slope != 1}, [=](const RuleCall& call) {
    const Tensor g = before_activation(call, slope);
    Tensors result(3);
    if (call.needs[0]) result[0] = conv(p, g, call.inputs[1], {}, 1);
    if (call.needs[1]) result[1] = conv_weight_grad(p, g, call.inputs[0], call.into[1]);
    if (call.needs[2]) result[2] = sum(g, {0, 1, 2});
    return result;
  });
}

Tensor conv_weight_grad(const ConvProblem& p, const Tensor& x, const Tensor& y, const Tensor& into) {
  const Context context = detail::common_context("conv2d_weight_grad", {&x, &y});
  detail::ContextState& s = context.state();
  Tensor w = into ? into : context.empty(w_shape(p));
  if (into) into.storage()->wrote("gradient");
  s.flops += flops_of(p);
  WEFT_OP(s, conv2d_weight_grad)(*s.queue, typed(p, x, y), false, x.data(), y.data(), w.data());
  return record("conv2d_weight_grad", w, {x, y}, {{true, true}, false}, [=](const RuleCall& call) {
    Tensors result(2);
    if (call.needs[0]) result[0] = any_input_grad(p, call.inputs[1], call.gradient);
    if (call.needs[1]) result[1] = conv(p, call.inputs[0], call.gradient, {}, 1);
    return result;
  });
}

// Whether the image has to be padded before; checks that it can be.
bool pads_before(const char* op, const Tensor& x, const ConvGeometry& g) {
  if (g.reflect && (g.pad.h >= x.size(1) || g.pad.w >= x.size(2)))
    throw ShapeError(std::string(op) + ": padding that reflects is smaller than the image, which is " + x.shape().text());
  return g.reflect && !x.context().state().ops().folds_reflection;
}
Tensor padded(const Tensor& x, const ConvGeometry& g) { return pad(x, {g.pad.h, g.pad.h, g.pad.w, g.pad.w}, Padding::reflect); }
ConvGeometry without_padding(ConvGeometry g) {
  g.pad = {0, 0}, g.reflect = false;
  return g;
}

// All sizes from the larger side's, or a ShapeError that shows both shapes.
ConvProblem problem(const char* op, const Shape& x, const Shape& w, const ConvGeometry& g, int64_t p, int64_t q) {
  return {int(x[0]), int(x[1]), int(x[2]), int(x[3]), int(w[0]), int(w[1]), int(w[2]), int(p), int(q), g.stride, g.pad, g.dilation, checked(op, g).groups, g.reflect};
}

int64_t conv_size(int64_t in, int64_t filter, int stride, int pad, int dilation) {
  const int64_t span = in + 2 * pad - dilation * (filter - 1) - 1;
  return span < 0 ? 0 : span / stride + 1;
}

void check_images(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, double slope, int64_t outputs, const char* channels_wrong) {
  const std::string shapes = " input " + x.shape().text() + ", filter " + w.shape().text();
  if (x.rank() != 4 || w.rank() != 4) throw ShapeError(std::string(op) + ": images are (N,H,W,C), filters (K,R,S,C)." + shapes);
  if (channels_wrong) throw ShapeError(std::string(op) + ": " + channels_wrong + "." + shapes);
  if (x.size(0) == 0) throw ShapeError(std::string(op) + ": an empty batch." + shapes);
  if (x.count() == 0 || w.count() == 0) throw ShapeError(std::string(op) + ": a size of 0." + shapes);
  if (slope <= 0) throw ShapeError(std::string(op) + ": a fused LeakyReLU needs a positive slope; use leaky_relu");
  if (bias && !(bias.shape() == Shape{outputs})) throw ShapeError(std::string(op) + ": a bias of shape " + bias.shape().text() + " for " + std::to_string(outputs) + " channels");
}

std::string channels_text(int64_t has, int64_t wants, int groups) {
  std::string t = "input has " + std::to_string(has) + " channels but the filter expects " + std::to_string(wants);
  if (groups > 1) t += " (" + std::to_string(groups) + " groups)";
  return t;
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& geometry, double slope, int norm_groups) {
  const ConvGeometry g = checked("conv2d", geometry);
  const bool images = x.rank() == 4 && w.rank() == 4;
  std::string wrong;
  if (images && x.size(3) != w.size(3) * g.groups) wrong = channels_text(x.size(3), w.size(3) * g.groups, g.groups);
  else if (images && w.size(0) % g.groups) wrong = std::to_string(w.size(0)) + " filters do not divide into " + std::to_string(g.groups) + " groups";
  check_images("conv2d", x, w, bias, slope, w.size(0), wrong.empty() ? nullptr : wrong.c_str());
  const int64_t p = conv_size(x.size(1), w.size(1), g.stride.h, g.pad.h, g.dilation.h), q = conv_size(x.size(2), w.size(2), g.stride.w, g.pad.w, g.dilation.w);
  if (pads_before("conv2d", x, g)) return conv2d(padded(x, g), w, bias, without_padding(g), slope, norm_groups);
  if (p < 1 || q < 1) throw ShapeError("conv2d: the filter is larger than the padded input. input " + x.shape().text() + ", filter " + w.shape().text());
  return conv(problem("conv2d", x.shape(), w.shape(), g, p, q), x, detail::wide(w), detail::wide(bias), slope, norm_groups);
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& geometry, double slope, int norm_groups) {
  const ConvGeometry g = checked("conv_transpose2d", geometry);
  if (g.reflect) throw ShapeError("conv_transpose2d: its padding is cut off, and cannot reflect; pad() its input");
  const bool images = x.rank() == 4 && w.rank() == 4;
  std::string wrong;
  if (images && x.size(3) != w.size(0)) wrong = channels_text(x.size(3), w.size(0), 1);
  else if (images && w.size(0) % g.groups) wrong = std::to_string(w.size(0)) + " channels do not divide into " + std::to_string(g.groups) + " groups";
  const int64_t outputs = images ? w.size(3) * g.groups : 0;
  check_images("conv_transpose2d", x, w, bias, slope, outputs, wrong.empty() ? nullptr : wrong.c_str());
  auto size = [](int64_t in, int64_t filter, int stride, int pad, int dilation, int extra) { return (in - 1) * stride - 2 * pad + dilation * (filter - 1) + extra + 1; };
  const int64_t h = size(x.size(1), w.size(1), g.stride.h, g.pad.h, g.dilation.h, g.output_pad.h), v = size(x.size(2), w.size(2), g.stride.w, g.pad.w, g.dilation.w, g.output_pad.w);
  if (h < 1 || v < 1) throw ShapeError("conv_transpose2d: padding leaves no output. input " + x.shape().text() + ", filter " + w.shape().text());
  return conv_input_grad(problem("conv_transpose2d", {x.size(0), h, v, outputs}, w.shape(), g, x.size(1), x.size(2)), x, detail::wide(w),
                         detail::wide(bias), slope, norm_groups);
}

Tensor conv2d_weight_grad(const Tensor& x, const Tensor& y, Size2 filter, const ConvGeometry& geometry) {
  const ConvGeometry g = checked("conv2d_weight_grad", geometry);
  if (x.rank() != 4 || y.rank() != 4 || x.size(0) != y.size(0) || x.size(3) % g.groups || y.size(3) % g.groups ||
      y.size(1) != conv_size(x.size(1), filter.h, g.stride.h, g.pad.h, g.dilation.h) || y.size(2) != conv_size(x.size(2), filter.w, g.stride.w, g.pad.w, g.dilation.w))
    throw ShapeError("conv2d_weight_grad: " + y.shape().text() + " is not what conv2d makes of " + x.shape().text() + " with a filter of " +
                     std::to_string(filter.h) + "x" + std::to_string(filter.w));
  if (pads_before("conv2d_weight_grad", x, g)) return conv2d_weight_grad(padded(x, g), y, filter, without_padding(g));
  return conv_weight_grad(problem("conv2d_weight_grad", x.shape(), {y.size(3), filter.h, filter.w, x.size(3) / g.groups}, g, y.size(1), y.size(2)), x, y);
}

}  // namespace weft
