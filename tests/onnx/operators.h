// ONNX operators as weft's public operations. An operator gets host values and returns host values; images are turned from
// NCHW to NHWC and back on the way.
#pragma once
#include <functional>
#include <stdexcept>

#include "onnx_file.h"
#include "weft/tensor/ops.h"

namespace weft::onnx {

/// What weft does not do, or does otherwise, in words: the reason beside a skipped test.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Integers = std::vector<int64_t>;

/// One node about to run.
struct Call {
  Context context;
  const Node& node;
  std::vector<Value> inputs;

  bool has(size_t i) const { return i < node.inputs.size() && !node.inputs[i].empty(); }
  const Value& value(size_t i) const { return inputs.at(i); }
  Tensor tensor(size_t i) const;                      // the input on the device
  Tensor optional(size_t i) const { return has(i) ? tensor(i) : Tensor(); }
  Integers integers(size_t i) const { return {value(i).data.begin(), value(i).data.end()}; }
  double scalar(size_t i, double otherwise) const { return has(i) ? value(i).data.at(0) : otherwise; }

  bool set(const char* name) const { return node.attributes.count(name) > 0; }
  int64_t integer(const char* name, int64_t otherwise) const { return set(name) ? node.attributes.at(name).i : otherwise; }
  double number(const char* name, double otherwise) const { return set(name) ? node.attributes.at(name).f : otherwise; }
  std::string text(const char* name, const char* otherwise) const { return set(name) ? node.attributes.at(name).s : otherwise; }
  Integers list(const char* name, const Integers& otherwise) const { return set(name) ? node.attributes.at(name).ints : otherwise; }
  int axis(int64_t a, int rank) const { return int(a < 0 ? a + rank : a); }
};

using Tensors = weft::Tensors;
using Operator = std::function<Tensors(const Call&)>;
using Operators = std::map<std::string, Operator>;

void add_pointwise(Operators&);
void add_shape(Operators&);
void add_linear(Operators&);
void add_images(Operators&);
void add_losses(Operators&);
const Operators& operators();

/// Operators that only describe or produce shapes and constants, done on the host: they test nothing of weft.
bool is_helper(const std::string& op);

/// All outputs of the graph. Throws Unsupported.
std::vector<Value> run(const Context& context, const Model& model, const std::vector<Value>& inputs);

/// (N,C,H,W) -> (N,H,W,C), and back; (N,C,W) counts as one row.
Tensor to_image(const Tensor& x);
Tensor from_image(const Tensor& x, int rank);

}  // namespace weft::onnx
