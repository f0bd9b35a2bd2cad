#include "weft/nn/layers.h"

#include <cmath>

#include "weft/tensor/random_stream.h"

namespace weft::nn {
namespace {

// A filter (A,R,S,B) of conv2d (K,R,S,C) or conv_transpose2d (C,R,S,K) is (A,B,R,S) in PyTorch's file, either way.
Parameter filter_parameter(const Context& context, const Shape& s, int64_t fan_in, int64_t fan_out) {
  return {context.zeros(s).leaf(), {}, Role::weight, fan_in, fan_out, {s, {0, 3, 1, 2}, {s[0], s[3], s[1], s[2]}}};
}

Parameter vector_parameter(const Context& context, int64_t size, Role role, int64_t fan_in = 1) {
  const bool one = role == Role::norm_scale || role == Role::running_variance, buffer = role == Role::running_mean || role == Role::running_variance;
  const Tensor value = context.full({size}, one ? 1 : 0);
  return {buffer ? value : value.leaf(), {}, role, fan_in, size, {}, !buffer};
}

Tensor value_or_none(const std::shared_ptr<Parameter>& p) { return p ? p->value : Tensor(); }

int64_t per_group(int64_t channels, const ConvGeometry& geometry) {
  if (geometry.groups < 1) throw ShapeError("a convolution has 1 group or more, not " + std::to_string(geometry.groups));
  return channels / geometry.groups;
}

}  // namespace

namespace {
// The layout on disk of a matrix's rows (axes [first, last) of its view), or of its columns.
DiskLayout part_of(const DiskLayout& whole, int first, int last) {
  DiskLayout part;
  int64_t count = 1;
  for (int i = first; i < last; ++i) part.view.push_back(whole.view[i]), count *= whole.view[i];
  for (const int axis : whole.axes)
    if (axis >= first && axis < last) part.axes.push_back(axis - first);
  part.shape = {count};
  return part;
}
}  // namespace

void Weighted::normalize_spectrum() {
  const Shape s = weight_->value.shape();
  const int64_t rows = s[0], columns = s.count() / rows;
  int split = 0;                             // of the view on disk: the axes that rows are made of
  for (int64_t n = 1; split < weight_->disk.view.rank() && n < rows;) n *= weight_->disk.view[split++];
  const auto direction = [&](int64_t size, int first, int last) {
    const DiskLayout layout = weight_->disk.axes.empty() ? DiskLayout() : part_of(weight_->disk, first, last);
    return Parameter{weight_->value.context().full({size}, 1 / std::sqrt(double(size))), {}, Role::singular_vector, 1, size, layout, false};
  };
  rename("weight", "weight_orig");
  u_ = add("weight_u", direction(rows, 0, split));
  v_ = add("weight_v", direction(columns, split, weight_->disk.view.rank()));
}

Tensor Weighted::weight() {
  const Tensor w = weight_->value;
  if (!u_) return w;
  const Tensor matrix = reshape(w, {w.size(0), w.count() / w.size(0)});
  Tensor u = reshape(u_->value, {matrix.size(0), 1}), v = reshape(v_->value, {matrix.size(1), 1});
  if (training()) {
    const NoGraph scope(w.context());
    const auto unit = [](const Tensor& t) { return t / maximum(sqrt(sum_squares(t)), t.context().constant(1e-12)); };
    v = unit(matmul(matrix, u, true));
    u = unit(matmul(matrix, v));
    u_->value.copy_from(u, "power iteration");   // a copy: the graph keeps those of this pass
    v_->value.copy_from(v, "power iteration");
  }
  return w / sum(u * matmul(matrix, v));
}

Conv2d::Conv2d(const Context& context, int64_t in, int64_t out, Size2 f, const ConvGeometry& geometry, Bias bias, double slope)
    : geometry_(geometry), slope_(slope) {
  const int64_t taps = int64_t(f.h) * f.w, inputs = per_group(in, geometry);
  weight_ = add("weight", filter_parameter(context, {out, f.h, f.w, inputs}, inputs * taps, out * taps));
  if (bias == Bias::yes) bias_ = add("bias", vector_parameter(context, out, Role::bias, inputs * taps));
}
Tensor Conv2d::forward(const Tensor& x) { return conv2d(x, weight(), value_or_none(bias_), geometry_, slope_, norm_follows_ && training() ? norm_groups() : 0); }

ConvTranspose2d::ConvTranspose2d(const Context& context, int64_t in, int64_t out, Size2 f, const ConvGeometry& geometry, Bias bias, double slope)
    : geometry_(geometry), slope_(slope) {
  const int64_t taps = int64_t(f.h) * f.w, outputs = per_group(out, geometry);
  weight_ = add("weight", filter_parameter(context, {in, f.h, f.w, outputs}, outputs * taps, in * taps));
  if (bias == Bias::yes) bias_ = add("bias", vector_parameter(context, out, Role::bias, outputs * taps));
}
Tensor ConvTranspose2d::forward(const Tensor& x) { return conv_transpose2d(x, weight_->value, value_or_none(bias_), geometry_, slope_, norm_follows_ && training() ? norm_groups() : 0); }

Linear::Linear(const Context& context, int64_t in, int64_t out, Bias bias, ImageShape input, ImageShape output) {
  if ((input.h && input.h * input.w * input.c != in) || (output.h && output.h * output.w * output.c != out))
    throw ShapeError("Linear: the image has not as many numbers as the layer");
  Shape view;
  std::vector<int> axes;
  for (const auto& [image, size] : {std::pair{output, out}, std::pair{input, in}}) {
    const int first = view.rank();
    if (image.h) {
      for (int64_t s : {image.h, image.w, image.c}) view.push_back(s);
      axes.insert(axes.end(), {first + 2, first, first + 1});
    } else {
      view.push_back(size);
      axes.push_back(first);
    }
  }
  weight_ = add("weight", Parameter{context.zeros({out, in}).leaf(), {}, Role::weight, in, out, {view, axes, {out, in}}});
  if (bias == Bias::yes) {
    Parameter p = vector_parameter(context, out, Role::bias, in);
    if (output.h) p.disk = {{output.h, output.w, output.c}, {2, 0, 1}, {out}};
    bias_ = add("bias", p);
  }
}
Tensor Linear::forward(const Tensor& x) { return matmul(x, weight(), false, true, value_or_none(bias_)); }

BatchNorm2d::BatchNorm2d(const Context& context, int64_t channels, double epsilon, double momentum, double slope, bool affine)
    : epsilon_(epsilon), momentum_(momentum), slope_(slope) {
  if (affine) weight_ = add("weight", vector_parameter(context, channels, Role::norm_scale));
  if (affine) bias_ = add("bias", vector_parameter(context, channels, Role::norm_shift));
  running_mean_ = add("running_mean", vector_parameter(context, channels, Role::running_mean));
  running_var_ = add("running_var", vector_parameter(context, channels, Role::running_variance));
}

Tensor BatchNorm2d::forward(const Tensor& x) {
  if (!training()) return normalize_with(x, running_mean_->value, running_var_->value, value_or_none(weight_), value_or_none(bias_), epsilon_, slope_);
  if (x.size(0) % norm_groups())
    throw ShapeError("batch norm: a batch of " + std::to_string(x.size(0)) + " does not split into " + std::to_string(norm_groups()) + " groups");
  const int64_t channels = running_mean_->value.count(), rows = x.count() / (channels * norm_groups());
  const Normalized n = normalize_groups(x, norm_groups(), channels, value_or_none(weight_), value_or_none(bias_), epsilon_, slope_);
  const NoGraph scope(x.context());
  for (int group = 0; group < norm_groups(); ++group) {
    auto blend = [&](const Tensor& running, const Tensor& batch, double unbias) {
      const Tensor now = reshape(slice(batch, 0, group, group + 1), {channels});
      running.copy_from(running_average(running, now, 1 - momentum_, momentum_ * unbias), "running statistics");
    };
    blend(running_mean_->value, n.mean, 1);
    blend(running_var_->value, n.variance, double(rows) / double(rows - 1));
  }
  return n.y;
}

ConditionalBatchNorm2d::ConditionalBatchNorm2d(const Context& context, int64_t channels, int64_t classes, double epsilon, double momentum, double slope)
    : slope_(slope) {
  norm_ = add("norm", std::make_shared<BatchNorm2d>(context, channels, epsilon, momentum, 1, false));
  gain_ = add("gain", Parameter{context.zeros({classes, channels}).leaf(), {}, Role::norm_shift, 1, channels, {}});
  shift_ = add("shift", Parameter{context.zeros({classes, channels}).leaf(), {}, Role::norm_shift, 1, channels, {}});
}
Tensor ConditionalBatchNorm2d::forward(const Tensor& x) {
  if (!labels_ || labels_.size(0) != x.size(0))
    throw ShapeError("conditional batch norm: " + std::to_string(x.size(0)) + " samples, and labels of " + (labels_ ? std::to_string(labels_.size(0)) : "none") + "; set_condition() comes first");
  const auto chosen = [&](const std::shared_ptr<Parameter>& p) { return reshape(matmul(labels_, p->value), {x.size(0), 1, 1, x.size(3)}); };
  const Tensor y = fma(norm_->forward(x), chosen(gain_) + 1, chosen(shift_));
  return slope_ == 1 ? y : leaky_relu(y, slope_);
}

SampleNorm2d::SampleNorm2d(const Context& context, int64_t channels, double epsilon, double slope) : epsilon_(epsilon), slope_(slope) {
  weight_ = add("weight", vector_parameter(context, channels, Role::norm_scale));
  bias_ = add("bias", vector_parameter(context, channels, Role::norm_shift));
}
Tensor SampleNorm2d::forward(const Tensor& x) {
  const Tensor y = fma(normalize_groups(x, x.size(0), 1, {}, {}, epsilon_).y, weight_->value, bias_->value);
  return slope_ == 1 ? y : leaky_relu(y, slope_);
}

Tensor MinibatchStd::forward(const Tensor& x) {
  const int64_t batch = x.size(0) / norm_groups(), places = x.size(1) * x.size(2);
  if (x.size(0) % norm_groups())
    throw ShapeError("minibatch standard deviation: a batch of " + std::to_string(x.size(0)) + " does not split into " + std::to_string(norm_groups()) + " groups");
  int64_t members = std::min(group_, batch);
  while (batch % members) --members;
  const int64_t companies = batch / members;
  const Tensor apart = reshape(x, {norm_groups(), members, companies, places * x.size(3)});
  const Tensor spread = mean(sqrt(variance(apart, {1}, KeepAxes::yes) + 1e-8), {3}, KeepAxes::yes);
  return concat({x, reshape(expand(spread, {norm_groups(), members, companies, places}), {x.size(0), x.size(1), x.size(2), 1})}, 3);
}

InstanceNorm2d::InstanceNorm2d(const Context& context, int64_t channels, double epsilon, bool affine, double slope) : epsilon_(epsilon), slope_(slope) {
  if (!affine) return;
  weight_ = add("weight", vector_parameter(context, channels, Role::norm_scale));
  bias_ = add("bias", vector_parameter(context, channels, Role::norm_shift));
}
Tensor InstanceNorm2d::forward(const Tensor& x) {
  return normalize_groups(x, x.size(0), x.size(-1), value_or_none(weight_), value_or_none(bias_), epsilon_, slope_).y;
}

ConditionalInstanceNorm2d::ConditionalInstanceNorm2d(const Context& context, int64_t channels, int64_t styles, double epsilon, double slope)
    : style_(context.full({1, styles}, 1.0 / double(styles))), epsilon_(epsilon), slope_(slope) {
  weight_ = add("weight", Parameter{context.full({styles, channels}, 1).leaf(), {}, Role::norm_scale, 1, channels, {}});
  bias_ = add("bias", Parameter{context.zeros({styles, channels}).leaf(), {}, Role::norm_shift, 1, channels, {}});
}
Tensor ConditionalInstanceNorm2d::forward(const Tensor& x) {
  const auto mixture = [&](const std::shared_ptr<Parameter>& p) { return reshape(matmul(style_, p->value), {style_.size(0), 1, 1, x.size(3)}); };
  const Tensor y = fma(normalize_groups(x, x.size(0), x.size(-1), {}, {}, epsilon_).y, mixture(weight_), mixture(bias_));
  return slope_ == 1 ? y : leaky_relu(y, slope_);
}

LayerNorm::LayerNorm(const Context& context, int64_t size, double epsilon) : epsilon_(epsilon) {
  weight_ = add("weight", vector_parameter(context, size, Role::norm_scale));
  bias_ = add("bias", vector_parameter(context, size, Role::norm_shift));
}
Tensor LayerNorm::forward(const Tensor& x) {
  return fma(normalize_groups(x, x.count() / x.size(-1), 1, {}, {}, epsilon_).y, weight_->value, bias_->value);
}

Embedding::Embedding(const Context& context, int64_t rows, int64_t columns) {
  weight_ = add("weight", Parameter{context.normal({rows, columns}, stream_key(0, "embedding")).leaf(), {}, Role::weight, rows, columns, {}});
  weight_->begins = Normal{0, 1};
}
Tensor Embedding::forward(const Tensor& index) { return gather(weight_->value, index); }

namespace {
ModulePtr function(std::function<Tensor(const Tensor&)> f) { return std::make_shared<Function>(std::move(f)); }
}  // namespace

ModulePtr LeakyReLU(double slope) { return function([slope](const Tensor& x) { return leaky_relu(x, slope); }); }
ModulePtr ReLU() { return function([](const Tensor& x) { return relu(x); }); }
ModulePtr ELU(double alpha) { return function([alpha](const Tensor& x) { return elu(x, alpha); }); }
ModulePtr Tanh() { return function([](const Tensor& x) { return tanh(x); }); }
ModulePtr Sigmoid() { return function([](const Tensor& x) { return sigmoid(x); }); }
ModulePtr Softplus() { return function([](const Tensor& x) { return softplus(x); }); }
ModulePtr Flatten() { return function([](const Tensor& x) { return flatten(x); }); }
ModulePtr Unflatten(ImageShape s) { return function([s](const Tensor& x) { return reshape(x, {x.size(0), s.h, s.w, s.c}); }); }
ModulePtr Upsample(int factor, Resize mode) {
  return function([=](const Tensor& x) { return resize(x, {int(x.size(1)) * factor, int(x.size(2)) * factor}, mode); });
}
ModulePtr MaxPool2d(const Window& w) { return function([w](const Tensor& x) { return max_pool(x, w); }); }
ModulePtr AvgPool2d(const Window& w) { return function([w](const Tensor& x) { return average_pool(x, w); }); }
ModulePtr ReflectionPad2d(int m) { return function([m](const Tensor& x) { return pad(x, {m, m, m, m}, Padding::reflect); }); }
ModulePtr Identity() { return function([](const Tensor& x) { return x; }); }
ModulePtr GlobalAvgPool2d() { return function([](const Tensor& x) { return global_average_pool(x); }); }

}  // namespace weft::nn
