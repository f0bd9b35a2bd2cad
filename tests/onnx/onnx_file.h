// Just enough of ONNX's protobuf to read its test data: a model's nodes with their attributes, and tensors. Host-only, no
// protobuf library. The fields' numbers are those of onnx.proto.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weft::onnx {

/// A tensor on the host. Every numeric type is kept as double, which is exact for all but the largest 64-bit integers.
struct Value {
  std::vector<int64_t> shape;
  std::vector<double> data;
  int type = 1;   // TensorProto.DataType: 1 float, 7 int64, 9 bool, 11 double, ...
};

struct Attribute {
  double f = 0;
  int64_t i = 0;
  std::string s;
  Value t;
  std::vector<double> floats;
  std::vector<int64_t> ints;
};

struct Node {
  std::string op;
  std::vector<std::string> inputs, outputs;   // "" is an input that is left out
  std::map<std::string, Attribute> attributes;
};

struct Model {
  std::vector<Node> nodes;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Value> initializers;
};

/// Throw FormatError where the bytes are not what they should be, or hold what this reader does not know.
Model read_model(const std::string& path);
Value read_tensor(const std::string& path);

}  // namespace weft::onnx
