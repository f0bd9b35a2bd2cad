// The numbers behind a file's bytes: every loadable element type as float or double.
#include <cmath>
#include <cstring>

#include "weft/kernels/error.h"
#include "weft/tensor/safetensors.h"

namespace weft {
namespace {

float half_to_float(uint16_t half) {
  const uint32_t sign = uint32_t(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * float(fraction) * 5.9604644775390625e-8f;   // subnormal: units of 2^-24
  const uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

uint16_t float_to_half(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float size = std::fabs(value);
  if (std::isnan(value)) return 0x7e00;
  if (size >= 65520.0f) return sign | 0x7c00;                       // nearer to infinity than to 65504
  if (size < 6.103515625e-5f) return sign | uint16_t(std::nearbyint(size * 16777216.0f));   // below 2^-14: units of 2^-24
  uint32_t bits;
  std::memcpy(&bits, &size, 4);
  bits += 0xfff + (bits >> 13 & 1);                                 // to nearest, even at ties; a carry goes into the exponent
  return sign | uint16_t((bits >> 13) - (112 << 10));
}

float bfloat_to_float(uint16_t upper) {
  const uint32_t bits = uint32_t(upper) << 16;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

template <class Out, class In, class Convert>
std::vector<Out> converted(const HostTensor& t, Convert convert) {
  std::vector<Out> out(t.bytes.size() / sizeof(In));
  for (size_t i = 0; i < out.size(); ++i) {
    In value;
    std::memcpy(&value, t.bytes.data() + i * sizeof(In), sizeof(In));
    out[i] = Out(convert(value));
  }
  return out;
}

template <class Out>
std::vector<Out> values_of(const HostTensor& t) {
  const auto same = [](auto value) { return value; };
  switch (t.dtype) {
    case FileDType::f32: return converted<Out, float>(t, same);
    case FileDType::f64: return converted<Out, double>(t, same);
    case FileDType::f16: return converted<Out, uint16_t>(t, half_to_float);
    case FileDType::bf16: return converted<Out, uint16_t>(t, bfloat_to_float);
    case FileDType::i64: return converted<Out, int64_t>(t, same);
    case FileDType::i32: return converted<Out, int32_t>(t, same);
    case FileDType::u8: return converted<Out, uint8_t>(t, same);
    case FileDType::i8: return converted<Out, int8_t>(t, same);
    case FileDType::boolean: return converted<Out, uint8_t>(t, [](uint8_t value) { return value != 0; });
    default: throw FormatError(std::string(name_of(t.dtype)) + " has no conversion to real numbers here");
  }
}

}  // namespace

std::vector<float> to_floats(const HostTensor& t) { return values_of<float>(t); }
std::vector<double> to_doubles(const HostTensor& t) { return values_of<double>(t); }

HostTensor to_half(const HostTensor& t) {
  HostTensor half{FileDType::f16, t.shape, std::vector<std::byte>(t.bytes.size() / (bits_of(t.dtype) / 8) * 2)};
  const std::vector<float> values = to_floats(t);
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = float_to_half(values[i]);
    std::memcpy(half.bytes.data() + 2 * i, &bits, 2);
  }
  return half;
}

}  // namespace weft
