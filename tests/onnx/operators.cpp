#include "operators.h"

#include <cmath>

namespace weft::onnx {

Tensor Call::tensor(size_t i) const { return context.from(value(i).data, Shape(value(i).shape)); }

const Operators& operators() {
  static const Operators all = [] {
    Operators list;
    add_pointwise(list);
    add_shape(list);
    add_linear(list);
    add_images(list);
    add_losses(list);
    return list;
  }();
  return all;
}

namespace {

Value host(const Tensor& t, int type) {
  Value v;
  for (int i = 0; i < t.rank(); ++i) v.shape.push_back(t.size(i));
  v.data = t.values();
  v.type = type;
  return v;
}

Value integers(const Integers& values) { return {{int64_t(values.size())}, {values.begin(), values.end()}, 7}; }

Value cast(Value v, int type) {
  if (type == 8 || type == 10 || type == 16) throw Unsupported("weft has no strings, and half precision in files only");
  for (double& d : v.data) {
    if (type == 1) d = float(d);
    else if (type == 9) d = d != 0;
    else if (type != 11) d = std::trunc(d);
  }
  v.type = type;
  return v;
}

using Helper = std::function<Value(const Call&)>;

const std::map<std::string, Helper> helpers = {
    {"Constant", [](const Call& c) {
       if (c.set("value")) return c.node.attributes.at("value").t;
       if (c.set("value_ints")) return integers(c.list("value_ints", {}));
       if (c.set("value_int")) return Value{{}, {double(c.integer("value_int", 0))}, 7};
       if (c.set("value_float")) return Value{{}, {c.number("value_float", 0)}, 1};
       throw Unsupported("a constant of another kind");
     }},
    {"ConstantOfShape", [](const Call& c) {
       Value v{c.integers(0), {}, c.set("value") ? c.node.attributes.at("value").t.type : 1};
       int64_t count = 1;
       for (int64_t s : v.shape) count *= s;
       v.data.assign(size_t(count), c.set("value") ? c.node.attributes.at("value").t.data.at(0) : 0);
       return v;
     }},
    {"Shape", [](const Call& c) {
       const Integers& s = c.value(0).shape;
       const int64_t rank = int64_t(s.size());
       auto clamp = [&](int64_t i) { return std::min(rank, std::max<int64_t>(0, i < 0 ? i + rank : i)); };
       const int64_t begin = clamp(c.integer("start", 0)), end = std::max(begin, clamp(c.integer("end", rank)));
       return integers({s.begin() + begin, s.begin() + end});
     }},
    {"Size", [](const Call& c) { return Value{{}, {double(c.value(0).data.size())}, 7}; }},
    {"Cast", [](const Call& c) { return cast(c.value(0), int(c.integer("to", 1))); }},
    {"CastLike", [](const Call& c) { return cast(c.value(0), c.value(1).type); }},
};

}  // namespace

bool is_helper(const std::string& op) { return helpers.count(op) > 0; }

std::vector<Value> run(const Context& context, const Model& model, const std::vector<Value>& inputs) {
  std::map<std::string, Value> known = model.initializers;
  for (size_t i = 0; i < inputs.size(); ++i) known[model.inputs.at(i)] = inputs[i];
  for (const Node& node : model.nodes) {
    Call call{context, node, {}};
    int type = 1;
    for (const std::string& name : node.inputs) {
      call.inputs.push_back(name.empty() ? Value{} : known.at(name));
      if (call.inputs.size() == 1) type = call.inputs[0].type;
    }
    if (is_helper(node.op)) {
      known[node.outputs.at(0)] = helpers.at(node.op)(call);
      continue;
    }
    const Tensors results = operators().at(node.op)(call);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      if (i >= results.size() || !results[i]) throw Unsupported(node.op + " has no output '" + node.outputs[i] + "' here");
      known[node.outputs[i]] = host(results[i], type);
    }
  }
  std::vector<Value> outputs;
  for (const std::string& name : model.outputs) outputs.push_back(known.at(name));
  return outputs;
}

Tensor to_image(const Tensor& x) {
  if (x.rank() == 3) return to_image(reshape(x, {x.size(0), x.size(1), 1, x.size(2)}));
  if (x.rank() != 4) throw Unsupported("images have two axes of pixels");
  return permute(x, {0, 2, 3, 1});
}

Tensor from_image(const Tensor& x, int rank) {
  const Tensor y = permute(x, {0, 3, 1, 2});
  return rank == 3 ? reshape(y, {y.size(0), y.size(1), y.size(3)}) : y;
}

}  // namespace weft::onnx
