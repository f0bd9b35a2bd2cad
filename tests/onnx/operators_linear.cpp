// Products, convolutions, normalisation and optimisers.
#include <cmath>

#include "operators.h"

namespace weft::onnx {
namespace {

Size2 size2(const Integers& v) { return v.size() == 1 ? Size2{1, int(v[0])} : Size2{int(v[0]), int(v[1])}; }

Tensors gemm(const Call& c) {
  const double alpha = c.number("alpha", 1), beta = c.number("beta", 1);
  const Tensor product = matmul(c.tensor(0), c.tensor(1), c.integer("transA", 0), c.integer("transB", 0));
  return {c.has(2) ? alpha * product + beta * c.tensor(2) : alpha * product};
}

// What a convolution's pads are, first of the top and left, then of the bottom and right.
struct Pads { Size2 before{0, 0}, after{0, 0}; };

Pads pads_of(const Call& c, Size2 in, Size2 filter, Size2 stride, Size2 dilation) {
  const std::string automatic = c.text("auto_pad", "NOTSET");
  if (automatic == "NOTSET") {
    const Integers p = c.list("pads", {0, 0, 0, 0});
    if (p.size() == 2) return {{0, int(p[0])}, {0, int(p[1])}};
    return {{int(p[0]), int(p[1])}, {int(p[2]), int(p[3])}};
  }
  if (automatic == "VALID") return {};
  auto total = [](int n, int f, int s, int d) { return std::max(0, ((n + s - 1) / s - 1) * s + (f - 1) * d + 1 - n); };
  const Size2 all{total(in.h, filter.h, stride.h, dilation.h), total(in.w, filter.w, stride.w, dilation.w)}, half{all.h / 2, all.w / 2};
  const Size2 rest{all.h - half.h, all.w - half.w};
  return automatic == "SAME_LOWER" ? Pads{rest, half} : Pads{half, rest};
}

ConvGeometry geometry(const Call& c) {
  ConvGeometry g;
  g.stride = size2(c.list("strides", {1, 1}));
  g.dilation = size2(c.list("dilations", {1, 1}));
  g.groups = int(c.integer("group", 1));
  return g;
}

Tensors conv(const Call& c) {
  const Tensor x = to_image(c.tensor(0)), w = to_image(c.tensor(1));
  ConvGeometry g = geometry(c);
  const Pads p = pads_of(c, {int(x.size(1)), int(x.size(2))}, {int(w.size(1)), int(w.size(2))}, g.stride, g.dilation);
  Tensor padded = x;
  if (p.before.h == p.after.h && p.before.w == p.after.w) g.pad = p.before;
  else padded = pad(x, {p.before.h, p.after.h, p.before.w, p.after.w});
  return {from_image(conv2d(padded, w, c.optional(2), g), c.tensor(0).rank())};
}

Tensors conv_transpose(const Call& c) {
  const Tensor x = to_image(c.tensor(0)), w = to_image(c.tensor(1));
  const int rank = c.tensor(0).rank();
  ConvGeometry g = geometry(c);
  const Size2 extra = size2(c.list("output_padding", {0, 0}));
  auto whole = [](int64_t in, int64_t filter, int stride, int dilation, int more) { return int((in - 1) * stride + dilation * (filter - 1) + 1 + more); };
  const Size2 full{whole(x.size(1), w.size(1), g.stride.h, g.dilation.h, extra.h), whole(x.size(2), w.size(2), g.stride.w, g.dilation.w, extra.w)};
  Pads p;
  const std::string automatic = c.text("auto_pad", "NOTSET");
  if (c.set("output_shape") || automatic != "NOTSET") {
    const Size2 wanted = c.set("output_shape") ? size2(c.list("output_shape", {})) : Size2{int(x.size(1)) * g.stride.h, int(x.size(2)) * g.stride.w};
    const Size2 total{full.h - wanted.h, full.w - wanted.w};
    const Size2 low{int(std::floor(total.h / 2.0)), int(std::floor(total.w / 2.0))}, high{total.h - low.h, total.w - low.w};
    p = automatic == "SAME_UPPER" ? Pads{low, high} : Pads{high, low};
  } else {
    p = pads_of(c, {}, {}, g.stride, g.dilation);
  }
  if (p.before.h == p.after.h && p.before.w == p.after.w && p.before.h >= 0) {
    g.pad = p.before, g.output_pad = extra;
    return {from_image(conv_transpose2d(x, w, c.optional(2), g), rank)};
  }
  // Otherwise: everything, then what is too much cut off and what is missing (zeros) added.
  Tensor y = conv_transpose2d(x, w, {}, g);
  const int bottom = extra.h - p.after.h, right = extra.w - p.after.w;
  y = pad(y, {0, std::max(0, bottom), 0, std::max(0, right)});
  y = slice(y, 1, p.before.h, y.size(1) + std::min(0, bottom));
  y = slice(y, 2, p.before.w, y.size(2) + std::min(0, right));
  return {from_image(c.has(2) ? y + c.tensor(2) : y, rank)};
}

// Channels are the second axis in ONNX and the last in weft, whatever the rank.
Tensor channels_last(const Tensor& x) { return x.rank() == 2 ? x : to_image(x); }
Tensor channels_second(const Tensor& x, int rank) { return rank == 2 ? x : from_image(x, rank); }

Tensors batch_norm(const Call& c) {
  const Tensor x = c.tensor(0), image = channels_last(x), gamma = c.tensor(1), beta = c.tensor(2), mean = c.tensor(3), variance = c.tensor(4);
  const double epsilon = c.number("epsilon", 1e-5), momentum = c.number("momentum", 0.9);
  if (!c.integer("training_mode", 0)) return {channels_second(normalize_with(image, mean, variance, gamma, beta, epsilon), x.rank())};
  const Normalized n = normalize_groups(image, 1, x.size(1), gamma, beta, epsilon);
  auto running = [&](const Tensor& before, const Tensor& now) { return lerp(reshape(now, before.shape()), before, c.context.constant(momentum)); };
  return {channels_second(n.y, x.rank()), running(mean, n.mean), running(variance, n.variance)};
}

Tensors instance_norm(const Call& c) {
  const Tensor x = c.tensor(0);
  const Normalized n = normalize_groups(to_image(x), x.size(0), x.size(1), c.tensor(1), c.tensor(2), c.number("epsilon", 1e-5));
  return {from_image(n.y, x.rank())};
}

Tensors layer_norm(const Call& c) {
  const Tensor x = c.tensor(0);
  const int axis = c.axis(c.integer("axis", -1), x.rank());
  const double epsilon = c.number("epsilon", 1e-5);
  const Normalized n = normalize_groups(x, x.shape().count(0, axis), 1, {}, {}, epsilon);
  const Tensor y = c.has(2) ? n.y * c.tensor(1) + c.tensor(2) : n.y * c.tensor(1);
  Shape kept = x.shape();
  for (int i = axis; i < x.rank(); ++i) kept[i] = 1;
  return {y, reshape(n.mean, kept), reshape(1 / sqrt(n.variance + epsilon), kept)};
}

// ONNX: rate R, step T, then parameters, gradients and moments, each as many as there are.
Tensors optimise(const Call& c, const OptimizerSettings& settings, int moments) {
  if (c.scalar(1, 0) != 0) throw Unsupported("a step after the first, whose corrections ONNX counts otherwise");
  if (c.number("norm_coefficient_post", 0) != 0) throw Unsupported("decay after the update");
  const size_t n = (c.inputs.size() - 2) / size_t(2 + moments);
  c.context.step_state().update[0].learning_rate = c.scalar(0, 0);
  c.context.publish_step_state();
  Tensors results(n * size_t(1 + moments));
  for (size_t i = 0; i < n; ++i) {
    Update u{c.tensor(2 + i), c.tensor(2 + n + i), c.tensor(2 + 2 * n + i), {}, {}, {}};
    if (moments == 2) u.v = c.tensor(2 + 3 * n + i);
    optimizer_step(settings, u, 0);
    results[i] = u.values, results[n + i] = u.m;
    if (moments == 2) results[2 * n + i] = u.v;
  }
  return results;
}

}  // namespace

void add_linear(Operators& list) {
  list["MatMul"] = [](const Call& c) { return Tensors{matmul(c.tensor(0), c.tensor(1))}; };
  list["Gemm"] = gemm;
  list["Conv"] = conv;
  list["ConvTranspose"] = conv_transpose;
  list["BatchNormalization"] = batch_norm;
  list["InstanceNormalization"] = instance_norm;
  list["LayerNormalization"] = layer_norm;
  list["MeanVarianceNormalization"] = [](const Call& c) {
    const Tensor x = c.tensor(0);
    if (c.set("axes")) throw Unsupported("other axes than those of batch norm");
    return Tensors{from_image(normalize_groups(to_image(x), 1, x.size(1), {}, {}, 1e-9).y, x.rank())};
  };
  list["Adam"] = [](const Call& c) {
    OptimizerSettings s;
    s.kind = OptimizerKind::adam;
    s.beta1 = c.number("alpha", 0.9), s.beta2 = c.number("beta", 0.999), s.epsilon = c.number("epsilon", 1e-6), s.decay = c.number("norm_coefficient", 0);
    return optimise(c, s, 2);
  };
  list["Momentum"] = [](const Call& c) {
    OptimizerSettings s;
    s.kind = OptimizerKind::sgd;
    s.beta1 = c.number("alpha", 0), s.decay = c.number("norm_coefficient", 0), s.nesterov = c.text("mode", "") == "nesterov";
    return optimise(c, s, 1);
  };
}

}  // namespace weft::onnx
