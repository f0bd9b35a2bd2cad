// Resampling of images as tap tables: output row p is a weighted sum of the input rows its table names, and columns alike.
// Nearest and bilinear resize, every padding, flips and average pooling are tables; the adjoint of a table is a table, so
// one kernel serves them all, to any order.
#include <algorithm>
#include <cmath>

#include "state.h"
#include "weft/tensor/ops.h"

namespace weft {
namespace {

struct Taps {
  int in = 0, out = 0;
  std::vector<std::vector<std::pair<int, double>>> rows;   // for each output position: (input position, weight)
  Taps(int from, int to) : in(from), out(to), rows(size_t(to)) {}
  void add(int to, int from, double weight) { rows[size_t(to)].push_back({from, weight}); }
};

// Taps on the device, with their transpose beside them.
struct Table {
  int in, out, taps;
  Tensor index, weight;
  std::shared_ptr<Table> transposed;
};

std::shared_ptr<Table> upload(const Context& context, const Taps& t) {
  size_t taps = 1;
  for (const auto& row : t.rows) taps = std::max(taps, row.size());
  std::vector<int32_t> index(t.rows.size() * taps, -1);
  std::vector<double> weight(t.rows.size() * taps, 0);
  for (size_t r = 0; r < t.rows.size(); ++r)
    for (size_t i = 0; i < t.rows[r].size(); ++i) index[r * taps + i] = t.rows[r][i].first, weight[r * taps + i] = t.rows[r][i].second;
  const Shape shape{t.out, int64_t(taps)};
  auto table = std::make_shared<Table>(Table{t.in, t.out, int(taps), context.index(index, shape), context.from(weight, shape), nullptr});
  // The context keeps its tables, so they must not keep the context.
  for (Tensor* each : {&table->index, &table->weight})
    each->storage()->context = std::shared_ptr<detail::ContextState>(std::shared_ptr<void>(), &context.state());
  return table;
}

// Tables are made once for each description.
using Pair = std::pair<std::shared_ptr<Table>, std::shared_ptr<Table>>;   // forward, transposed

template <class Make>
Pair table_for(const Context& context, const std::string& description, Make make) {
  std::shared_ptr<void>& kept = context.state().tables[description];
  if (!kept) {
    const detail::SetAside scope(context.state());
    const Taps taps = make();
    Taps back(taps.out, taps.in);
    for (int p = 0; p < taps.out; ++p)
      for (auto [i, w] : taps.rows[size_t(p)]) back.add(i, p, w);
    kept = std::make_shared<Pair>(upload(context, taps), upload(context, back));
  }
  return *std::static_pointer_cast<Pair>(kept);
}

Tensor resample(const char* name, const Tensor& x, const Pair& h, const Pair& w) {
  if (x.rank() != 4) throw ShapeError(std::string(name) + ": an image is (N,H,W,C), not " + x.shape().text());
  const Context context = detail::common_context(name, {&x});
  detail::ContextState& s = context.state();
  const Table &rows = *h.first, &columns = *w.first;
  const Shape shape{x.size(0), rows.out, columns.out, x.size(3)};
  Tensor y = context.empty(shape, x.dtype());
  if (y.count() > 0)
    WEFT_OP(s, resample)(*s.queue, {x.size(0), rows.in, columns.in, int(x.size(3)), rows.out, columns.out, rows.taps, columns.taps, detail::is_bf16(x)}, x.data(),
                         static_cast<int32_t*>(rows.index.data()), rows.weight.data(), static_cast<int32_t*>(columns.index.data()),
                         columns.weight.data(), y.data());
  return record(name, y, {x}, {}, [=](const RuleCall& call) {
    return Tensors{resample(name, call.gradient, {h.second, h.first}, {w.second, w.first})};
  });
}

std::string key(const char* what, std::initializer_list<int> numbers) {
  std::string k = what;
  for (int n : numbers) k += " " + std::to_string(n);
  return k;
}

// The position in [0, n) that is seen at i; -1 for zeros.
int seen_at(int i, int n, Padding mode) {
  if (i >= 0 && i < n) return i;
  switch (mode) {
    case Padding::zero: break;
    case Padding::replicate: return std::clamp(i, 0, n - 1);
    case Padding::reflect: return i < 0 ? -i : 2 * (n - 1) - i;
    case Padding::wrap: return (i % n + n) % n;
  }
  return -1;
}

Pair padding_table(const Context& context, int n, int before, int after, Padding mode) {
  return table_for(context, key("pad", {n, before, after, int(mode)}), [&] {
    Taps t(n, before + n + after);
    for (int p = 0; p < t.out; ++p)
      if (const int i = seen_at(p - before, n, mode); i >= 0) t.add(p, i, 1);
    return t;
  });
}

Pair filter_table(const Context& context, int n, const std::vector<double>& taps, int stride, Padding mode) {
  std::string description = key("filter", {n, stride, int(mode)});
  for (const double t : taps) description.append(reinterpret_cast<const char*>(&t), sizeof t);
  return table_for(context, description, [&] {
    Taps t(n, (n - 1) / stride + 1);
    for (int p = 0; p < t.out; ++p)
      for (int k = 0; k < int(taps.size()); ++k)
        if (const int i = seen_at(p * stride + k - int(taps.size()) / 2, n, mode); i >= 0) t.add(p, i, taps[size_t(k)]);
    return t;
  });
}

struct Fir { std::vector<double> taps; int up, down, before, after; };

int size_after(const Fir& f, int n) { return (n * f.up + f.before + f.after - int(f.taps.size())) / f.down + 1; }

Pair fir_table(const Context& context, int n, const Fir& f) {
  std::string description = key("fir", {n, f.up, f.down, f.before, f.after});
  for (const double t : f.taps) description.append(reinterpret_cast<const char*>(&t), sizeof t);
  return table_for(context, description, [&] {
    Taps t(n, size_after(f, n));
    for (int p = 0; p < t.out; ++p)
      for (int k = 0; k < int(f.taps.size()); ++k)
        if (const int at = p * f.down + k - f.before; at >= 0 && at < n * f.up && at % f.up == 0) t.add(p, at / f.up, f.taps[size_t(k)]);
    return t;
  });
}

Pair resize_table(const Context& context, int n, int size, Resize mode) {
  return table_for(context, key("resize", {n, size, int(mode)}), [&] {
    Taps t(n, size);
    for (int p = 0; p < size; ++p) {
      if (mode == Resize::nearest) {
        t.add(p, int(int64_t(p) * n / size), 1);
      } else {
        const double at = std::max(0.0, (p + 0.5) * n / size - 0.5);
        const int low = std::min(int(at), n - 1), high = std::min(low + 1, n - 1);
        if (low == high) t.add(p, low, 1);
        else t.add(p, low, 1 - (at - low)), t.add(p, high, at - low);
      }
    }
    return t;
  });
}

Pair pool_table(const Context& context, int n, int window, int stride, int pad, bool count_pad) {
  return table_for(context, key("pool", {n, window, stride, pad, count_pad}), [&] {
    Taps t(n, (n + 2 * pad - window) / stride + 1);
    for (int p = 0; p < t.out; ++p) {
      const int begin = std::max(0, p * stride - pad), end = std::min(n, p * stride - pad + window);
      for (int i = begin; i < end; ++i) t.add(p, i, 1.0 / (count_pad ? window : end - begin));
    }
    return t;
  });
}

void check_image(const char* name, const Tensor& x) {
  if (x.rank() != 4) throw ShapeError(std::string(name) + ": an image is (N,H,W,C), not " + x.shape().text());
}

}  // namespace

Tensor pad(const Tensor& x, const Margins& m, Padding mode) {
  check_image("pad", x);
  const int h = int(x.size(1)), w = int(x.size(2));
  const bool reflects = mode != Padding::reflect || (std::max(m.top, m.bottom) < h && std::max(m.left, m.right) < w);
  if (std::min({m.top, m.bottom, m.left, m.right}) < 0 || !reflects)
    throw ShapeError("pad: margins are at least 0, and below the image's size when they reflect it; image " + x.shape().text());
  return resample("pad", x, padding_table(x.context(), h, m.top, m.bottom, mode), padding_table(x.context(), w, m.left, m.right, mode));
}

Tensor detail::fold_reflection(const Tensor& y, Size2 size, Size2 by) {
  const Pair h = padding_table(y.context(), size.h, by.h, by.h, Padding::reflect), w = padding_table(y.context(), size.w, by.w, by.w, Padding::reflect);
  return resample("pad", y, {h.second, h.first}, {w.second, w.first});
}

Tensor resize(const Tensor& x, Size2 size, Resize mode) {
  check_image("resize", x);
  if (size.h < 1 || size.w < 1) throw ShapeError("resize to " + std::to_string(size.h) + "x" + std::to_string(size.w));
  return resample("resize", x, resize_table(x.context(), int(x.size(1)), size.h, mode), resize_table(x.context(), int(x.size(2)), size.w, mode));
}

Tensor filter(const Tensor& x, const std::vector<double>& taps, int stride, Padding mode) {
  check_image("filter", x);
  const int h = int(x.size(1)), w = int(x.size(2)), reach = int(taps.size()) / 2;
  if (taps.size() % 2 == 0 || stride < 1 || (mode == Padding::reflect && reach >= std::min(h, w)))
    throw ShapeError("filter: an odd number of taps, a stride of at least 1, and an image larger than what it reflects, not " +
                     std::to_string(taps.size()) + " taps, stride " + std::to_string(stride) + " and " + x.shape().text());
  return resample("filter", x, filter_table(x.context(), h, taps, stride, mode), filter_table(x.context(), w, taps, stride, mode));
}

Tensor upfirdn(const Tensor& x, const std::vector<double>& taps, int up, int down, int before, int after) {
  check_image("upfirdn", x);
  const Fir f{taps, up, down, before, after};
  const int h = int(x.size(1)), w = int(x.size(2)), span = int(taps.size()) - before - after;
  if (taps.empty() || up < 1 || down < 1 || before < 0 || after < 0 || h * up < span || w * up < span)
    throw ShapeError("upfirdn: factors of at least 1, margins of at least 0, and an image as long as the taps, not " + std::to_string(taps.size()) + " taps on " + x.shape().text());
  return resample("upfirdn", x, fir_table(x.context(), h, f), fir_table(x.context(), w, f));
}

Tensor flip(const Tensor& x) {
  check_image("flip", x);
  const int h = int(x.size(1)), w = int(x.size(2));
  const Pair same = padding_table(x.context(), h, 0, 0, Padding::zero);
  return resample("flip", x, same, table_for(x.context(), key("flip", {w}), [&] {
    Taps t(w, w);
    for (int p = 0; p < w; ++p) t.add(p, w - 1 - p, 1);
    return t;
  }));
}

Tensor average_pool(const Tensor& x, const Window& v, bool count_pad) {
  check_image("average_pool", x);
  const int h = int(x.size(1)), w = int(x.size(2));
  if (std::min({v.size.h, v.size.w, v.stride.h, v.stride.w}) < 1 || std::min(v.pad.h, v.pad.w) < 0 || h + 2 * v.pad.h < v.size.h || w + 2 * v.pad.w < v.size.w || 2 * v.pad.h > v.size.h || 2 * v.pad.w > v.size.w)
    throw ShapeError("average_pool: a window of " + std::to_string(v.size.h) + "x" + std::to_string(v.size.w) + " does not fit an input of " +
                     x.shape().text() + " (strides at least 1, padding at most half the window)");
  return resample("average_pool", x, pool_table(x.context(), h, v.size.h, v.stride.h, v.pad.h, count_pad),
                  pool_table(x.context(), w, v.size.w, v.stride.w, v.pad.w, count_pad));
}

Tensor global_average_pool(const Tensor& x) {
  check_image("global_average_pool", x);
  return mean(x, {1, 2});
}

Tensor dropout(const Tensor& x, double rate, uint64_t stream) {
  if (rate < 0 || rate >= 1) throw ShapeError("dropout: a rate in [0, 1), not " + std::to_string(rate));
  if (rate == 0) return x;
  const Tensor mask = affine(greater(x.context().uniform(x.shape(), stream), rate), 1 / (1 - rate), 0);
  return cast(x * mask, x.dtype());
}

}  // namespace weft
