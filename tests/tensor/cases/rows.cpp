// Reductions, shapes, rows by index and matrix products.
#include "derivatives.h"

namespace weft::testing::cases {
namespace {

void add_reductions(std::vector<OpCase>& list) {
  const Input image{{2, 3, 2, 3}}, small{{2, 2, 3, 2}, 0.3, 1};
  struct Axes { const char* name; std::vector<int> axes; };
  const Axes choices[] = {{"all", {}}, {"samples", {0}}, {"pixels", {1, 2}}, {"channels", {-1}}, {"all but channels", {0, 1, 2}},
                          {"samples and columns", {0, 2}}, {"rows and channels", {1, 3}}};
  for (const Axes& a : choices) {
    const auto axes = a.axes;
    const std::string over = std::string(" over ") + a.name;
    for (KeepAxes keep : {KeepAxes::no, KeepAxes::yes}) {
      const std::string name = over + (keep == KeepAxes::yes ? ", kept" : "");
      list.push_back({"sum" + name, {image}, [=](const Tensors& t) { return sum(t[0] * t[0], axes, keep); }});
      list.push_back({"mean" + name, {image}, [=](const Tensors& t) { return mean(t[0] * t[0], axes, keep); }});
    }
    list.push_back({"variance" + over, {small}, [=](const Tensors& t) { return variance(t[0] * t[0], axes); }});
    list.push_back({"max" + over, {image}, [=](const Tensors& t) { return max(t[0] * t[0] * t[0], axes); }});
    list.push_back({"min" + over, {image}, [=](const Tensors& t) { return min(exp(t[0]), axes, KeepAxes::yes); }});
  }
  list.push_back({"sum of one axis of size 1", {{{3, 1, 2}}}, [](const Tensors& t) { return sum(t[0] * t[0], {1}); }});
  list.push_back({"sum_squares", {image}, [](const Tensors& t) { return sum_squares(t[0]); }});
  list.push_back({"sum_squares cubed", {small}, [](const Tensors& t) { return pow(sum_squares(t[0] * t[0]), 1.5); }});
  list.push_back({"count_non_finite", {image}, [](const Tensors& t) { return count_non_finite(t[0]) * sum(t[0]) + sum_squares(t[0]); }});
  list.push_back({"sum_to a channel", {image}, [](const Tensors& t) { return sum_to(t[0] * t[0], {3}); }});
  list.push_back({"sum_to a sample", {image}, [](const Tensors& t) { return sum_to(t[0] * t[0], {2, 1, 1, 1}); }});
  list.push_back({"softmax", {{{3, 5}, -2, 2}}, [](const Tensors& t) { return softmax(t[0]); }});
  list.push_back({"log_softmax", {{{2, 2, 5}, -2, 2}}, [](const Tensors& t) { return log_softmax(t[0]); }});
}

void add_shapes(std::vector<OpCase>& list) {
  const Input image{{2, 3, 2, 3}};
  auto cube = [](const Tensor& x) { return x * x * x; };   // so that second derivatives are not zero
  list.push_back({"reshape", {image}, [=](const Tensors& t) { return cube(reshape(t[0], {4, 9})); }});
  list.push_back({"flatten", {image}, [=](const Tensors& t) { return flatten(cube(t[0])); }});
  list.push_back({"permute", {image}, [=](const Tensors& t) { return cube(permute(t[0], {3, 1, 0, 2})); }});
  list.push_back({"permute by negative axes", {image}, [=](const Tensors& t) { return permute(cube(t[0]), {0, -1, 1, -2}); }});
  list.push_back({"transpose", {image}, [=](const Tensors& t) { return cube(transpose(t[0])); }});
  list.push_back({"expand a channel", {{{3}}}, [=](const Tensors& t) { return cube(expand(t[0], {2, 2, 3})); }});
  list.push_back({"expand a sample", {{{2, 1, 1, 2}}}, [=](const Tensors& t) { return expand(cube(t[0]), {2, 3, 2, 2}); }});
  list.push_back({"expand a scalar", {{{}}}, [=](const Tensors& t) { return cube(expand(t[0], {2, 3})); }});
  for (int axis : {0, 1, 2, 3, -1}) {
    const std::string on = " on axis " + std::to_string(axis);
    list.push_back({"concat" + on, {image, image}, [=](const Tensors& t) { return cube(concat({t[0], t[1] * t[0], t[0]}, axis)); }});
    list.push_back({"slice" + on, {image}, [=](const Tensors& t) { return cube(slice(t[0], axis, 1, 2)); }});
    list.push_back({"slice of the end" + on, {image}, [=](const Tensors& t) { return slice(cube(t[0]), axis, 1, t[0].size(axis)); }});
  }
  list.push_back({"concat of unequal parts", {{{2, 1, 3}}, {{2, 4, 3}}}, [=](const Tensors& t) { return cube(concat({t[1], t[0]}, 1)); }});
  list.push_back({"slice of a single sample", {{{1, 4, 3}}}, [=](const Tensors& t) { return cube(slice(t[0], 1, 1, 3)); }});
  list.push_back({"gather", {{{4, 2, 3}}}, [=](const Tensors& t) { return cube(gather(t[0], t[0].context().index({2, 0, -1, 2, 2, 3}, {2, 3}))); }});
  list.push_back({"gather one row", {{{4, 3}}}, [=](const Tensors& t) { return gather(cube(t[0]), t[0].context().index({3}, {})); }});
  list.push_back({"gather with weights", {{{4, 3}}}, [=](const Tensors& t) {
    const Context c = t[0].context();
    return cube(gather(cube(t[0]), c.index({2, 0, -1, 1, 2, 2}, {3, 2}), c.from(std::vector<double>{0.5, -1, 2, 0.25, 1, 3}, {3, 2})));
  }});
  list.push_back({"sort", {{{3, 7}}}, [=](const Tensors& t) { return cube(sort(cube(t[0])).values) * t[0].context().from(std::vector<double>{1, -2, 3, 4, -5, 6, 7}, {7}); }});
  list.push_back({"sort of one row", {{{5}}}, [=](const Tensors& t) { return cube(sort(t[0]).values) * t[0].context().from(std::vector<double>{1, -2, 3, 4, -5}, {5}); }});
  list.push_back({"dropout", {image}, [=](const Tensors& t) { return cube(dropout(t[0], 0.4, 12345)); }});
  list.push_back({"dropout of nothing", {image}, [=](const Tensors& t) { return cube(dropout(t[0], 0, 1)); }});
}

void add_products(std::vector<OpCase>& list) {
  auto add = [&](const std::string& name, const Shape& a, const Shape& b, bool ta, bool tb, const Shape& bias = {}) {
    std::vector<Input> inputs{{a}, {b}};
    if (bias.rank()) inputs.push_back({bias});
    list.push_back({"matmul " + name, inputs, [=](const Tensors& t) { return matmul(t[0], t[1], ta, tb, t.size() > 2 ? t[2] : Tensor()); }});
  };
  add("plain", {3, 4}, {4, 2}, false, false);
  add("transposed left", {4, 3}, {4, 2}, true, false);
  add("transposed right", {3, 4}, {2, 4}, false, true);
  add("transposed both", {4, 3}, {2, 4}, true, true);
  add("with bias", {3, 4}, {4, 2}, false, false, {2});
  add("linear layer", {3, 4}, {2, 4}, false, true, {2});
  add("one row, one column", {1, 4}, {4, 1}, false, false, {1});
  add("batched", {2, 3, 4}, {2, 4, 2}, false, false);
  add("batched, transposed left", {2, 4, 3}, {2, 4, 2}, true, false);
  add("batched, transposed right", {2, 3, 4}, {2, 2, 4}, false, true, {2});
  add("batched, transposed both", {2, 4, 3}, {2, 2, 4}, true, true);
  add("one matrix for all", {3, 4}, {2, 4, 2}, false, false);
  add("one transposed matrix for all", {4, 3}, {2, 2, 4}, true, true);
  add("rows of leading axes", {2, 2, 3}, {3, 2}, false, false, {2});
  add("rows of leading axes, transposed right", {2, 2, 3}, {2, 3}, false, true);
  add("batch transposed left, one matrix right", {2, 3, 2}, {3, 2}, true, false);
  add("batch transposed left, one matrix transposed right", {2, 3, 2}, {2, 3}, true, true, {2});
  add("a batch of one", {1, 3, 2}, {3, 2, 4}, false, false);
  add("two batch axes", {2, 2, 2, 3}, {2, 2, 3, 2}, false, false);
  list.push_back({"matmul by itself", {{{3, 3}}}, [](const Tensors& t) { return matmul(t[0], t[0], false, true); }});
}

}  // namespace

void add_rows(std::vector<OpCase>& list) {
  add_reductions(list);
  add_shapes(list);
  add_products(list);
}

}  // namespace weft::testing::cases
