#include "onnx_file.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "weft/kernels/error.h"

namespace weft::onnx {
namespace {

// A message is a run of (field number, wire type, payload): varints, 8 bytes, length and bytes, 4 bytes.
class Message {
 public:
  explicit Message(std::string bytes) : bytes_(std::move(bytes)) {}

  /// Moves to the next field; false at the end.
  bool next() {
    if (at_ == bytes_.size()) return false;
    const uint64_t key = varint();
    field = int(key >> 3);
    wire_ = int(key & 7);
    if (wire_ == 0) number_ = varint();
    else if (wire_ == 1) payload_ = take(8);
    else if (wire_ == 2) payload_ = take(varint());
    else if (wire_ == 5) payload_ = take(4);
    else throw FormatError("protobuf: unknown wire type " + std::to_string(wire_));
    return true;
  }

  int field = 0;
  int64_t integer() const { return expect(wire_ == 0), int64_t(number_); }
  const std::string& bytes() const { return expect(wire_ == 2), payload_; }
  double number() const { return expect(wire_ == 5), as<float>(payload_, 0); }
  // Repeated numbers: packed into one field, or a field each.
  void add_integers(std::vector<int64_t>& to) const {
    if (wire_ == 0) return to.push_back(int64_t(number_));
    Message packed(bytes());
    while (packed.at_ < packed.bytes_.size()) to.push_back(int64_t(packed.varint()));
  }
  template <class T>
  void add_numbers(std::vector<double>& to) const {
    for (size_t at = 0; at + sizeof(T) <= payload_.size(); at += sizeof(T)) to.push_back(double(as<T>(payload_, at)));
  }
  template <class T>
  static T as(const std::string& bytes, size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }

 private:
  static void expect(bool yes) {
    if (!yes) throw FormatError("protobuf: a field has another type than onnx.proto says");
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = uint8_t(take(1)[0]);
      value |= uint64_t(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw FormatError("protobuf: an endless varint");
  }
  std::string take(uint64_t n) {
    if (n > bytes_.size() - at_) throw FormatError("protobuf: a field reaches past the end");
    at_ += n;
    return bytes_.substr(at_ - n, n);
  }

  std::string bytes_, payload_;
  size_t at_ = 0;
  int wire_ = 0;
  uint64_t number_ = 0;
};

double from_half(uint16_t h) {
  const int exponent = h >> 10 & 31, mantissa = h & 1023;
  const double sign = h & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? std::nan("") : sign * INFINITY;
  return sign * (exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24));
}

template <class T>
void unpack(const std::string& raw, std::vector<double>& to) {
  for (size_t at = 0; at + sizeof(T) <= raw.size(); at += sizeof(T)) to.push_back(double(Message::as<T>(raw, at)));
}

Value tensor(const std::string& bytes) {
  Value v;
  std::string raw;
  std::vector<int64_t> integers;
  for (Message m(bytes); m.next();) {
    switch (m.field) {
      case 1: m.add_integers(v.shape); break;
      case 2: v.type = int(m.integer()); break;
      case 4: m.add_numbers<float>(v.data); break;
      case 5: case 7: case 11: m.add_integers(integers); break;
      case 9: raw = m.bytes(); break;
      case 10: m.add_numbers<double>(v.data); break;
    }
  }
  for (int64_t i : integers) v.data.push_back(v.type == 10 ? from_half(uint16_t(i)) : double(i));
  switch (v.type) {
    case 1: unpack<float>(raw, v.data); break;
    case 2: case 9: unpack<uint8_t>(raw, v.data); break;
    case 3: unpack<int8_t>(raw, v.data); break;
    case 4: unpack<uint16_t>(raw, v.data); break;
    case 5: unpack<int16_t>(raw, v.data); break;
    case 6: unpack<int32_t>(raw, v.data); break;
    case 7: unpack<int64_t>(raw, v.data); break;
    case 10: for (size_t at = 0; at + 2 <= raw.size(); at += 2) v.data.push_back(from_half(Message::as<uint16_t>(raw, at))); break;
    case 11: unpack<double>(raw, v.data); break;
    case 12: unpack<uint32_t>(raw, v.data); break;
    case 13: unpack<uint64_t>(raw, v.data); break;
    default: throw FormatError("a tensor of ONNX type " + std::to_string(v.type));
  }
  int64_t count = 1;
  for (int64_t s : v.shape) count *= s;
  if (count != int64_t(v.data.size())) throw FormatError("a tensor whose data do not fill its shape");
  return v;
}

Node node(const std::string& bytes) {
  Node n;
  for (Message m(bytes); m.next();) {
    if (m.field == 1) n.inputs.push_back(m.bytes());
    if (m.field == 2) n.outputs.push_back(m.bytes());
    if (m.field == 4) n.op = m.bytes();
    if (m.field != 5) continue;
    std::string name;
    Attribute a;
    for (Message f(m.bytes()); f.next();) {
      switch (f.field) {
        case 1: name = f.bytes(); break;
        case 2: a.f = f.number(); break;
        case 3: a.i = f.integer(); break;
        case 4: a.s = f.bytes(); break;
        case 5: a.t = tensor(f.bytes()); break;
        case 7: f.add_numbers<float>(a.floats); break;
        case 8: f.add_integers(a.ints); break;
      }
    }
    n.attributes[name] = a;
  }
  return n;
}

std::string name_of_value_info(const std::string& bytes) {
  for (Message m(bytes); m.next();)
    if (m.field == 1) return m.bytes();
  return "";
}

std::string tensor_name(const std::string& bytes) {
  for (Message m(bytes); m.next();)
    if (m.field == 8) return m.bytes();
  return "";
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError("no file " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Model read_model(const std::string& path) {
  Model model;
  for (Message m(read(path)); m.next();) {
    if (m.field != 7) continue;   // the graph
    for (Message g(m.bytes()); g.next();) {
      if (g.field == 1) model.nodes.push_back(node(g.bytes()));
      if (g.field == 5) model.initializers[tensor_name(g.bytes())] = tensor(g.bytes());
      if (g.field == 11) model.inputs.push_back(name_of_value_info(g.bytes()));
      if (g.field == 12) model.outputs.push_back(name_of_value_info(g.bytes()));
    }
  }
  return model;
}

Value read_tensor(const std::string& path) { return tensor(read(path)); }

}  // namespace weft::onnx
