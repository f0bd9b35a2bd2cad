// Operations that move elements without changing them.
#include <algorithm>
#include <numeric>

#include "state.h"
#include "weft/tensor/ops.h"

namespace weft {
namespace {

struct Strides { int64_t s[kMaxRank]; };

Strides contiguous(const Shape& shape) {
  Strides r{};
  for (int i = 0; i < shape.rank(); ++i) r.s[i] = shape.count(i + 1, shape.rank());
  return r;
}

// dst[dst_offset + i . dst_strides] = src[src_offset + i . src_strides]
void copy(const Tensor& src, size_t src_offset, const Strides& from, const Tensor& dst, size_t dst_offset, const Strides& to, const Shape& sizes) {
  if (sizes.count() == 0) return;
  const Context context = dst.context();
  detail::ContextState& s = context.state();
  CopyProblem p{};
  p.rank = std::max(1, sizes.rank());
  p.size[0] = 1;
  for (int i = 0; i < sizes.rank(); ++i) p.size[i] = sizes[i], p.src_stride[i] = from.s[i], p.dst_stride[i] = to.s[i];
  const size_t element = size_of(src.dtype());
  WEFT_OP(s, strided_copy)(*s.queue, p, element, static_cast<const char*>(src.data()) + src_offset * element,
                           static_cast<char*>(dst.data()) + dst_offset * element);
}

Tensor empty_like(const Tensor& x, const Shape& shape) { return x.context().empty(shape, x.dtype()); }

// The adjoint of slice: zeros with x in [begin, begin + size) of the axis.
Tensor embed(const Tensor& x, int axis, int64_t begin, const Shape& whole) {
  Tensor out = x.context().zeros(whole, x.dtype());
  copy(x, 0, contiguous(x.shape()), out, size_t(begin * whole.count(axis + 1, whole.rank())), contiguous(whole), x.shape());
  const int64_t end = begin + x.shape()[axis];
  return record("embed", out, {x}, {}, [=](const RuleCall& call) { return Tensors{slice(call.gradient, axis, begin, end)}; });
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  if (shape.count() != x.count()) throw ShapeError("reshape: " + x.shape().text() + " has not as many elements as " + shape.text());
  if (shape == x.shape()) return x;
  const Shape before = x.shape();
  return record("reshape", Tensor(x.storage(), x.offset(), shape, x.dtype()), {x}, {},
                [before](const RuleCall& call) { return Tensors{reshape(call.gradient, before)}; });
}

Tensor flatten(const Tensor& x) { return reshape(x, {x.size(0), x.shape().count(1, x.rank())}); }

Tensor permute(const Tensor& x, const std::vector<int>& axes) {
  if (int(axes.size()) != x.rank()) throw ShapeError("permute: " + std::to_string(axes.size()) + " axes for a tensor of shape " + x.shape().text());
  Shape shape;
  Strides from{};
  const Strides own = contiguous(x.shape());
  std::vector<int> back(axes.size(), -1);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int a = x.shape().axis(axes[i]);
    if (back[size_t(a)] >= 0) throw ShapeError("permute: axis " + std::to_string(a) + " named twice");
    shape.push_back(x.shape()[a]);
    from.s[i] = own.s[a];
    back[size_t(a)] = int(i);
  }
  Tensor out = empty_like(x, shape);
  copy(x, 0, from, out, 0, contiguous(shape), shape);
  return record("permute", out, {x}, {}, [back](const RuleCall& call) { return Tensors{permute(call.gradient, back)}; });
}

Tensor transpose(const Tensor& x) {
  if (x.rank() < 2) throw ShapeError("transpose: a tensor of shape " + x.shape().text() + " has no last two axes");
  std::vector<int> axes(size_t(x.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  return permute(x, axes);
}

Tensor expand(const Tensor& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  const int missing = shape.rank() - x.rank();
  if (missing < 0) throw ShapeError("expand: " + x.shape().text() + " does not repeat to " + shape.text());
  Strides from{};
  const Strides own = contiguous(x.shape());
  for (int i = 0; i < shape.rank(); ++i) {
    const int64_t size = i < missing ? 1 : x.shape()[i - missing];
    if (size != 1 && size != shape[i]) throw ShapeError("expand: " + x.shape().text() + " does not repeat to " + shape.text());
    from.s[i] = size == 1 ? 0 : own.s[i - missing];
  }
  Tensor out = empty_like(x, shape);
  copy(x, 0, from, out, 0, contiguous(shape), shape);
  const Shape before = x.shape();
  return record("expand", out, {x}, {}, [before](const RuleCall& call) { return Tensors{sum_to(call.gradient, before)}; });
}

Tensor concat(const Tensors& given, int axis) {
  if (given.empty()) throw ShapeError("concat: nothing to join");
  Tensors parts = given;
  if (!std::all_of(parts.begin(), parts.end(), detail::is_bf16)) std::transform(parts.begin(), parts.end(), parts.begin(), detail::wide);
  axis = parts[0].shape().axis(axis);
  Shape shape = parts[0].shape();
  shape[axis] = 0;
  for (const Tensor& t : parts) {
    detail::common_context("concat", {&parts[0], &t}, parts[0].dtype() != DType::i32 || t.dtype() != DType::i32);
    Shape like = t.shape();
    if (like.rank() == shape.rank()) like[axis] = shape[axis];
    if (!(like == shape)) throw ShapeError("concat on axis " + std::to_string(axis) + ": " + t.shape().text() + " beside " + parts[0].shape().text());
    shape[axis] += t.shape()[axis];
  }
  Tensor out = empty_like(parts[0], shape);
  std::vector<int64_t> begins;
  int64_t begin = 0;
  for (const Tensor& t : parts) {
    copy(t, 0, contiguous(t.shape()), out, size_t(begin * shape.count(axis + 1, shape.rank())), contiguous(shape), t.shape());
    begins.push_back(begin);
    begin += t.shape()[axis];
  }
  begins.push_back(begin);
  return record("concat", out, parts, {}, [begins, axis](const RuleCall& call) {
    Tensors result(call.needs.size());
    for (size_t i = 0; i < result.size(); ++i)
      if (call.needs[i]) result[i] = slice(call.gradient, axis, begins[i], begins[i + 1]);
    return result;
  });
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  axis = x.shape().axis(axis);
  if (begin < 0 || end > x.shape()[axis] || begin > end)
    throw ShapeError("slice [" + std::to_string(begin) + ", " + std::to_string(end) + ") of axis " + std::to_string(axis) + " of " + x.shape().text());
  Shape shape = x.shape();
  shape[axis] = end - begin;
  const size_t first = size_t(begin * x.shape().count(axis + 1, x.rank()));
  Tensor out;
  if (x.shape().count(0, axis) == 1) {
    out = Tensor(x.storage(), x.offset() + first, shape, x.dtype());   // a window
  } else {
    out = empty_like(x, shape);
    copy(x, first, contiguous(x.shape()), out, 0, contiguous(shape), shape);
  }
  const Shape whole = x.shape();
  return record("slice", out, {x}, {}, [=](const RuleCall& call) { return Tensors{embed(call.gradient, axis, begin, whole)}; });
}

namespace {

/// Which rows: index (rows..., taps), or (rows...) of one tap each where there are no weights.
struct Rows {
  Tensor index, weights;
  bool unique = false;                   // no row of the table is named twice
  GatherProblem problem(const Shape& table) const {
    const int64_t taps = weights ? weights.size(-1) : 1;
    return {index.count() / taps, taps, table.count(1, table.rank()), table[0], unique};
  }
  const int32_t* indices() const { return static_cast<const int32_t*>(index.data()); }
  const void* factors() const { return weights ? weights.data() : nullptr; }
};

Tensor scatter_add(const Tensor& x, const Rows& rows, const Shape& table);

Tensor gather_rows(const Tensor& table, const Rows& rows, const Shape& shape) {
  const Context context = detail::common_context("gather", {&table, &rows.index, &rows.weights}, false);
  detail::ContextState& s = context.state();
  Tensor out = context.empty(shape);
  const Shape before = table.shape();
  if (out.count() > 0) WEFT_OP(s, gather)(*s.queue, rows.problem(before), table.data(), rows.indices(), rows.factors(), out.data());
  return record("gather", out, {table, rows.index, rows.weights}, {{false, true, true}, false}, [before, unique = rows.unique](const RuleCall& call) {
    return Tensors{scatter_add(call.gradient, {call.inputs[1], call.inputs[2], unique}, before), {}, {}};
  });
}

Tensor scatter_add(const Tensor& x, const Rows& rows, const Shape& table) {
  const Context context = detail::common_context("scatter_add", {&x, &rows.index, &rows.weights}, false);
  detail::ContextState& s = context.state();
  Tensor out = context.empty(table);
  WEFT_OP(s, scatter_add)(*s.queue, rows.problem(table), x.data(), rows.indices(), rows.factors(), out.data());
  const Shape before = x.shape();
  return record("scatter_add", out, {x, rows.index, rows.weights}, {{false, true, true}, false}, [before, unique = rows.unique](const RuleCall& call) {
    return Tensors{gather_rows(call.gradient, {call.inputs[1], call.inputs[2], unique}, before), {}, {}};
  });
}

/// The shape of the result of a gather by an index of `picks`. Throws ShapeError.
Shape gathered(const Tensor& table, const Tensor& index, Shape picks) {
  if (index.dtype() != DType::i32 || table.dtype() == DType::i32) throw ShapeError("gather: the index must hold int32, and the table numbers");
  if (table.rank() < 1) throw ShapeError("gather: a scalar has no rows");
  for (int i = 1; i < table.rank(); ++i) picks.push_back(table.shape()[i]);
  return picks;
}

}  // namespace

Tensor gather(const Tensor& any, const Tensor& index) {
  const Tensor table = detail::wide(any);
  return gather_rows(table, {index, {}}, gathered(table, index, index.shape()));
}

Tensor gather(const Tensor& any, const Tensor& index, const Tensor& weights) {
  const Tensor table = detail::wide(any);
  if (!(index.shape() == weights.shape()) || index.rank() < 1 || index.size(-1) < 1 || weights.dtype() != table.dtype())
    throw ShapeError("gather: each index " + index.shape().text() + " has a weight of the table's type, and there is one at least, not " + weights.shape().text());
  Shape picks;
  for (int i = 0; i + 1 < index.rank(); ++i) picks.push_back(index.shape()[i]);
  return gather_rows(table, {index, weights.detach()}, gathered(table, index, picks));
}

Sorted sort(const Tensor& any) {
  const Tensor x = detail::wide(any);
  if (x.rank() < 1) throw ShapeError("sort: a scalar has no order");
  const Context context = detail::common_context("sort", {&x});
  detail::ContextState& s = context.state();
  const int64_t n = x.shape()[x.rank() - 1];
  if (x.count() >= int64_t(1) << 31) throw ShapeError("sort: " + x.shape().text() + " has 2^31 elements or more, beyond the reach of an int32 position; sort a part at a time");
  Sorted out{context.empty(x.shape()), context.empty_index(x.shape())};
  if (x.count() > 0) WEFT_OP(s, sort)(*s.queue, {x.count() / n, n}, x.data(), out.values.data(), static_cast<int32_t*>(out.index.data()));
  const Shape shape = x.shape();
  out.values = record("sort", out.values, {x, out.index}, {{false, true}, false}, [shape](const RuleCall& call) {
    const int64_t count = shape.count();
    return Tensors{reshape(scatter_add(reshape(call.gradient, {count, 1}), {call.inputs[1], {}, true}, {count, 1}), shape)};
  });
  return out;
}

Tensor max_pool(const Tensor& any, const Window& window) {
  const Tensor x = detail::wide(any);
  if (x.rank() != 4) throw ShapeError("max_pool: an image is (N,H,W,C), not " + x.shape().text());
  const Shape& in = x.shape();
  if (x.count() >= int64_t(1) << 31) throw ShapeError("max_pool: " + in.text() + " has 2^31 elements or more, beyond the reach of an int32 position; pool a part of the batch at a time");
  if (std::min({window.size.h, window.size.w, window.stride.h, window.stride.w}) < 1 || std::min(window.pad.h, window.pad.w) < 0)
    throw ShapeError("max_pool: windows and strides are at least 1, padding at least 0. input " + in.text());
  const int64_t p = (in[1] + 2 * window.pad.h - window.size.h) / window.stride.h + 1, q = (in[2] + 2 * window.pad.w - window.size.w) / window.stride.w + 1;
  if (in[1] + 2 * window.pad.h < window.size.h || in[2] + 2 * window.pad.w < window.size.w || p < 1 || q < 1 ||
      window.pad.h * 2 > window.size.h || window.pad.w * 2 > window.size.w)
    throw ShapeError("max_pool: a window of " + std::to_string(window.size.h) + "x" + std::to_string(window.size.w) +
                     " does not fit an input of " + in.text() + " (padding at most half the window)");
  const Context context = detail::common_context("max_pool", {&x});
  detail::ContextState& s = context.state();
  const Shape shape{in[0], p, q, in[3]};
  Tensor out = context.empty(shape), index = context.empty_index(shape);
  if (out.count() > 0)
    WEFT_OP(s, max_pool)(*s.queue, {int(in[0]), int(in[1]), int(in[2]), int(in[3]), int(p), int(q), window.size, window.stride, window.pad}, x.data(),
                         out.data(), static_cast<int32_t*>(index.data()));
  const bool apart = window.stride.h >= window.size.h && window.stride.w >= window.size.w;
  return record("max_pool", out, {x}, {}, [index, in, apart](const RuleCall& call) {
    const Tensor flat = scatter_add(reshape(call.gradient, {call.gradient.count(), 1}), {index, {}, apart}, {in.count(), 1});
    return Tensors{reshape(flat, in)};
  });
}

}  // namespace weft
