#include <algorithm>
#include <numeric>

#include "operators.h"

namespace weft::onnx {
namespace {

std::vector<int> all_but(int axis, int rank) {   // axis first, then the others
  std::vector<int> order{axis};
  for (int i = 0; i < rank; ++i) if (i != axis) order.push_back(i);
  return order;
}

// f of x with one axis brought to the front (or to the end), then brought back.
template <class F>
Tensor with_axis_last(const Tensor& x, int axis, F f) {
  std::vector<int> order(static_cast<size_t>(x.rank()));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[size_t(axis)], order.back());
  return permute(f(permute(x, order)), order);
}

// The elements `index` of an axis; index may have any shape.
Tensor take(const Tensor& x, int axis, const std::vector<int32_t>& index, const Shape& shape) {
  const Tensor taken = gather(permute(x, all_but(axis, x.rank())), x.context().index(index, shape));   // (index..., others...)
  std::vector<int> order;
  for (int i = 0; i < axis; ++i) order.push_back(shape.rank() + i);
  for (int i = 0; i < shape.rank(); ++i) order.push_back(i);
  for (int i = axis; i + 1 < x.rank(); ++i) order.push_back(shape.rank() + i);
  return permute(taken, order);
}

Tensors gathered(const Call& c) {
  const Tensor x = c.tensor(0);
  const int axis = c.axis(c.integer("axis", 0), x.rank());
  std::vector<int32_t> index;
  for (int64_t i : c.integers(1)) index.push_back(int32_t(i < 0 ? i + x.size(axis) : i));
  return {take(x, axis, index, Shape(c.value(1).shape))};
}

Tensors sliced(const Call& c) {
  Tensor x = c.tensor(0);
  const Integers starts = c.integers(1), ends = c.integers(2);
  Integers axes(starts.size()), steps(starts.size(), 1);
  std::iota(axes.begin(), axes.end(), 0);
  if (c.has(3)) axes = c.integers(3);
  if (c.has(4)) steps = c.integers(4);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int axis = c.axis(axes[i], x.rank());
    const int64_t n = x.size(axis), step = steps[i], low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    const int64_t begin = std::clamp(starts[i] < 0 ? starts[i] + n : starts[i], std::max<int64_t>(0, low), high);
    const int64_t end = std::clamp(ends[i] < 0 ? ends[i] + n : ends[i], low, step > 0 ? n : n - 1);
    if (step == 1) {
      x = slice(x, axis, begin, std::max(begin, end));
    } else {
      std::vector<int32_t> index;
      for (int64_t at = begin; step > 0 ? at < end : at > end; at += step) index.push_back(int32_t(at));
      x = take(x, axis, index, {int64_t(index.size())});
    }
  }
  return {x};
}

Tensors reshaped(const Call& c) {
  const Tensor x = c.tensor(0);
  Integers shape = c.integers(1);
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !c.integer("allowzero", 0)) shape[i] = x.size(int(i));
    if (shape[i] == -1) open = int64_t(i);
    else known *= shape[i];
  }
  if (open >= 0) shape[size_t(open)] = x.count() / known;
  return {reshape(x, Shape(shape))};
}

Tensors flattened(const Call& c) {
  const Tensor x = c.tensor(0);
  const int axis = c.axis(c.integer("axis", 1), x.rank());
  return {reshape(x, {x.shape().count(0, axis), x.shape().count(axis, x.rank())})};
}

Tensors expanded(const Call& c) {
  const Tensor x = c.tensor(0);
  const Integers wanted = c.integers(1);
  const int rank = std::max(x.rank(), int(wanted.size()));
  Shape shape;
  for (int i = 0; i < rank; ++i) {
    const int own = i - (rank - x.rank()), other = i - (rank - int(wanted.size()));
    shape.push_back(std::max(own < 0 ? 1 : x.size(own), other < 0 ? 1 : wanted[size_t(other)]));
  }
  return {expand(x, shape)};
}

Integers axes_of(const Call& c) { return c.has(1) ? c.integers(1) : c.list("axes", {}); }

Tensors squeezed(const Call& c) {
  const Tensor x = c.tensor(0);
  Integers axes = axes_of(c);
  for (int64_t& a : axes) a = c.axis(a, x.rank());
  Shape shape;
  for (int i = 0; i < x.rank(); ++i)
    if (axes.empty() ? x.size(i) != 1 : std::count(axes.begin(), axes.end(), i) == 0) shape.push_back(x.size(i));
  return {reshape(x, shape)};
}

Tensors unsqueezed(const Call& c) {
  const Tensor x = c.tensor(0);
  Integers axes = axes_of(c);
  const int rank = x.rank() + int(axes.size());
  for (int64_t& a : axes) a = c.axis(a, rank);
  Shape shape;
  for (int i = 0, own = 0; i < rank; ++i) shape.push_back(std::count(axes.begin(), axes.end(), i) ? 1 : x.size(own++));
  return {reshape(x, shape)};
}

Tensors transposed(const Call& c) {
  const Tensor x = c.tensor(0);
  std::vector<int> order(static_cast<size_t>(x.rank()));
  std::iota(order.rbegin(), order.rend(), 0);
  if (c.set("perm")) for (size_t i = 0; i < order.size(); ++i) order[i] = int(c.list("perm", {})[i]);
  return {permute(x, order)};
}

Tensors split(const Call& c) {
  const Tensor x = c.tensor(0);
  const int axis = c.axis(c.integer("axis", 0), x.rank());
  Integers sizes = c.has(1) ? c.integers(1) : Integers(c.node.outputs.size(), x.size(axis) / int64_t(c.node.outputs.size()));
  Tensors parts;
  int64_t begin = 0;
  for (int64_t s : sizes) parts.push_back(slice(x, axis, begin, begin + s)), begin += s;
  return parts;
}

Tensors tiled(const Call& c) {
  Tensor x = c.tensor(0);
  const Integers repeats = c.integers(1);
  for (int axis = 0; axis < x.rank(); ++axis) x = concat(Tensors(size_t(repeats[size_t(axis)]), x), axis);
  return {x};
}

Tensors joined(const Call& c) {
  Tensors parts;
  for (size_t i = 0; i < c.inputs.size(); ++i) parts.push_back(c.tensor(i));
  return {concat(parts, int(c.integer("axis", 0)))};
}

Tensors dropped(const Call& c) {
  const Tensor x = c.tensor(0);
  if (c.scalar(2, 0) != 0 && c.scalar(1, 0.5) != 0) throw Unsupported("the mask that NumPy's random numbers make");
  return {dropout(x, 0, 1), x.context().full(x.shape(), 1)};
}

// A reduction over the axes that the node names: all if it names none.
template <class F>
Operator reduction(F f) {
  return [f](const Call& c) {
    const Tensor x = c.tensor(0);
    std::vector<int> axes;
    for (int64_t a : axes_of(c)) axes.push_back(int(a));
    if (axes.empty() && c.integer("noop_with_empty_axes", 0)) return Tensors{x};
    return Tensors{f(x, axes, c.integer("keepdims", 1) ? KeepAxes::yes : KeepAxes::no)};
  };
}
using Axes = std::vector<int>;

void add_reductions(Operators& list) {
  list["ReduceSum"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) { return sum(x, a, k); });
  list["ReduceMean"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) { return mean(x, a, k); });
  list["ReduceMax"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) { return max(x, a, k); });
  list["ReduceMin"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) { return min(x, a, k); });
  list["ReduceL1"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) { return sum(abs(x), a, k); });
  list["ReduceL2"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) { return sqrt(sum(x * x, a, k)); });
  list["ReduceLogSum"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) { return log(sum(x, a, k)); });
  list["ReduceLogSumExp"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) { return log(sum(exp(x), a, k)); });
  list["ReduceSumSquare"] = reduction([](const Tensor& x, const Axes& a, KeepAxes k) {
    return a.empty() && k == KeepAxes::no ? sum_squares(x) : sum(x * x, a, k);
  });
}

}  // namespace

void add_shape(Operators& list) {
  add_reductions(list);
  list["Softmax"] = [](const Call& c) {
    const Tensor x = c.tensor(0);
    return Tensors{with_axis_last(x, c.axis(c.integer("axis", -1), x.rank()), softmax)};
  };
  list["LogSoftmax"] = [](const Call& c) {
    const Tensor x = c.tensor(0);
    return Tensors{with_axis_last(x, c.axis(c.integer("axis", -1), x.rank()), log_softmax)};
  };
  list["Concat"] = joined;
  list["Slice"] = sliced;
  list["Gather"] = gathered;
  list["Reshape"] = reshaped;
  list["Flatten"] = flattened;
  list["Expand"] = expanded;
  list["Squeeze"] = squeezed;
  list["Unsqueeze"] = unsqueezed;
  list["Transpose"] = transposed;
  list["Split"] = split;
  list["Tile"] = tiled;
  list["Dropout"] = dropped;
  list["Identity"] = [](const Call& c) { return Tensors{c.tensor(0)}; };
}

}  // namespace weft::onnx
