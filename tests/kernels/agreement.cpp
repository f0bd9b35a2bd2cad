#include "agreement.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

namespace weft::testing {
namespace {

constexpr size_t kGuard = 256;                  // bytes on either side of an output
constexpr unsigned char kGuardByte = 0xa5;
constexpr uint32_t kPoison = 0x7fa5a5a5u;       // a signalling NaN; as an index, far outside of every array
constexpr uint64_t kPoison64 = 0x7ff5a5a5a5a5a5a5ull;

size_t element_size(const Array& a, DType scalar) {
  return a.kind == Array::Kind::scalars ? size_of(scalar) : a.kind == Array::Kind::indices ? 4 : 1;
}

template <class T>
void append(std::vector<unsigned char>& bytes, T value) {
  bytes.resize(bytes.size() + sizeof value);
  std::memcpy(bytes.data() + bytes.size() - sizeof value, &value, sizeof value);
}

std::vector<unsigned char> encode(const Array& a, DType scalar) {
  std::vector<unsigned char> bytes = a.raw;
  for (const double v : a.values) {
    const bool wide = a.kind == Array::Kind::scalars && scalar == DType::f64;
    if (a.poisoned)
      wide ? append(bytes, kPoison64) : append(bytes, kPoison);
    else if (a.kind == Array::Kind::indices)
      append(bytes, int32_t(v));
    else
      wide ? append(bytes, v) : append(bytes, float(v));
  }
  return bytes;
}

/// One array on the device, somewhere inside a block of its own.
class Placed {
 public:
  Placed(Session& session, const Array& array, size_t shift, size_t guard)
      : session_(session), array_(array), before_(guard + shift * (array.raw.empty() ? element_size(array, session.ops().scalar) : 0)) {
    if (array.kind == Array::Kind::none) return;
    const std::vector<unsigned char> content = encode(array, session.ops().scalar);
    block_.assign(before_ + content.size() + guard, kGuardByte);
    if (!content.empty()) std::memcpy(block_.data() + before_, content.data(), content.size());
    device_ = session.backend.device->allocate(*session.queue, block_.size());
    session.backend.device->copy(*session.queue, device_, block_.data(), block_.size(), CopyDirection::to_device);
    guard_ = guard;
  }
  ~Placed() {
    if (device_) session_.backend.device->release(*session_.queue, device_, block_.size());
  }
  Placed(Placed&& other) noexcept
      : session_(other.session_), array_(other.array_), before_(other.before_), guard_(other.guard_), block_(std::move(other.block_)), device_(other.device_) {
    other.device_ = nullptr;
  }

  void* data() const { return device_ ? static_cast<unsigned char*>(device_) + before_ : nullptr; }

  /// The values that came back; `fault` hears of guard bytes that changed and elements that were never written.
  std::vector<double> read(const std::string& name, std::string& fault) {
    std::vector<double> values;
    if (!device_) return values;
    session_.backend.device->copy(*session_.queue, block_.data(), device_, block_.size(), CopyDirection::to_host);
    for (size_t i = 0; i < block_.size(); ++i)
      if ((i < before_ || i >= block_.size() - guard_) && block_[i] != kGuardByte)
        fault = name + " was written outside of its bounds, " + (i < before_ ? "before its start" : "past its end");
    const bool wide = array_.kind == Array::Kind::scalars && session_.ops().scalar == DType::f64;
    for (size_t i = 0; i < array_.values.size(); ++i) {
      const unsigned char* at = block_.data() + before_ + i * (wide ? 8 : 4);
      uint32_t word = 0;
      uint64_t words = 0;
      std::memcpy(&word, at, 4);
      if (wide) std::memcpy(&words, at, 8);
      if (array_.poisoned && (wide ? words == kPoison64 : word == kPoison)) fault = name + "[" + std::to_string(i) + "] was never written";
      values.push_back(wide ? from_bits<double>(words) : array_.kind == Array::Kind::indices ? double(int32_t(word)) : double(from_bits<float>(word)));
    }
    return values;
  }

 private:
  template <class T, class Bits>
  static T from_bits(Bits bits) {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  Session& session_;
  const Array& array_;
  size_t before_, guard_ = 0;
  std::vector<unsigned char> block_;
  void* device_ = nullptr;
};

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

double unit_in_last_place(double x) { return x > 0 ? std::ldexp(1.0, std::max(std::ilogb(x), -126) - 23) : 0; }

/// How far apart two results are: 0 for the same infinity or NaN twice, NaN if only one of them is a number.
double distance(double a, double b) { return same(a, b) ? 0 : std::abs(a - b); }

double largest_distance(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = distance(a[i], b[i]);
    if (!(d <= largest)) largest = d;
    if (std::isnan(d)) return d;
  }
  return largest;
}

std::vector<double> rounded_tolerance(const std::vector<double>& plain, const std::vector<double>& exact) {
  double largest = 0;
  for (const double v : exact) largest = std::max(largest, std::abs(v));
  return std::vector<double>(exact.size(), 2 * largest_distance(plain, exact) + unit_in_last_place(largest));
}

/// An index is right or wrong, whatever the rule.
std::string compare(const Case& c, const Values& got, const Values& plain, const Values& exact, const Values& tolerance) {
  for (size_t which = 0; which < got.size(); ++which) {
    const bool whole = c.rule == Rule::exact || c.outputs[which].kind == Array::Kind::indices;
    for (size_t i = 0; i < got[which].size(); ++i) {
      const double value = got[which][i], wanted = whole ? plain[which][i] : exact[which][i];
      const bool near = !whole && std::isfinite(wanted) && std::abs(value - wanted) <= tolerance[which][i];
      const bool good = near || same(value, wanted);
      if (good) continue;
      std::ostringstream text;
      text.precision(10);
      text << "output " << which << "[" << i << "] is " << value << ", expected " << wanted;
      if (!whole) text << " within " << tolerance[which][i];
      return text.str();
    }
  }
  return "";
}

/// What a precision may be off by: each factor is wrong by at most u of itself, the product by 2u + u*u, and each of the sum's
/// roundings by 2^-23 of what was summed so far, which is at most the sum of the absolute terms. (2^-23: the hardware may cut
/// off instead of rounding.) 3xtf32 leaves out low*low, at most 2^-22 of a term, rounds two lows by 2^-22 each, and sums thrice.
double product_error(Precision precision, int64_t terms) {
  const double u = precision == Precision::bf16 ? 0x1p-8 : 0x1p-11, sums = double(terms + 2) * 0x1p-23;
  return precision == Precision::tf32x3 ? 3 * 0x1p-22 + 3 * sums : 2 * u + u * u + sums;
}

/// The tolerance of a product on tensor cores: that error times the same product of the absolute values.
Values product_tolerance(Session& float64, const Case& c, Precision precision) {
  Case absolute = c;
  for (auto* arrays : {&absolute.inputs, &absolute.outputs})
    for (Array& a : *arrays)
      for (double& v : a.values) v = std::abs(v);
  Values tolerance = run_case(float64, absolute, 0).values;
  for (double& v : tolerance[0]) v *= product_error(precision, c.terms);
  return tolerance;
}

const Backend& reference(DType scalar) { return *find_backend(scalar == DType::f64 ? "cpu" : "reference", scalar); }

}  // namespace

Outcome run_case(Session& session, const Case& c, int shift) {
  std::vector<Placed> in, out;
  const size_t scalars_off = size_t(shift) * size_t(c.scalars_per_element);
  for (const Array& a : c.inputs) in.emplace_back(session, a, scalars_off, 0);
  for (const Array& a : c.outputs) out.emplace_back(session, a, scalars_off, kGuard);
  Pointers in_pointers, out_pointers;
  for (const Placed& p : in) in_pointers.push_back(p.data());
  for (const Placed& p : out) out_pointers.push_back(p.data());

  c.run(session.ops(), *session.queue, in_pointers, out_pointers);
  session.backend.device->synchronise(*session.queue);

  Outcome outcome;
  for (size_t i = 0; i < out.size(); ++i) outcome.values.push_back(out[i].read("output " + std::to_string(i), outcome.fault));
  return outcome;
}

std::string disagreement(Session& session, const Case& c) {
  Session float32(reference(DType::f32)), float64(reference(DType::f64));
  const Values plain = run_case(float32, c, 0).values;
  Values exact, tolerance;
  if (c.rule != Rule::exact) exact = run_case(float64, c, 0).values;
  if (c.rule == Rule::within) tolerance = c.tolerance(exact);
  const bool on_tensor_cores = c.rule == Rule::rounded && c.terms > 0 && session.options.precision != Precision::fp32;
  if (on_tensor_cores) tolerance = product_tolerance(float64, c, session.options.precision);
  else if (c.rule == Rule::rounded)
    for (size_t i = 0; i < exact.size(); ++i) tolerance.push_back(rounded_tolerance(plain[i], exact[i]));

  for (const int shift : {0, 1}) {
    const Outcome outcome = run_case(session, c, shift);
    std::string fault = outcome.fault;
    if (fault.empty()) fault = compare(c, outcome.values, plain, exact, tolerance);
    if (!fault.empty())
      return c.op + " (" + c.name + ") on " + session.backend.device->name + (shift ? ", arrays one element off alignment: " : ": ") + fault;
  }
  return "";
}

const std::vector<TableEntry>& table_entries() {
#define ENTRY(op) {#op, [](const Ops& ops) { return ops.op != nullptr; }}
  static const std::vector<TableEntry> entries = {
      ENTRY(pointwise), ENTRY(reduce), ENTRY(strided_copy), ENTRY(gather), ENTRY(scatter_add), ENTRY(sort), ENTRY(resample),
      ENTRY(max_pool), ENTRY(matmul), ENTRY(conv2d), ENTRY(conv2d_input_grad), ENTRY(conv2d_weight_grad), ENTRY(moments),
      ENTRY(normalize), ENTRY(normalize_grad), ENTRY(random), ENTRY(optimizer_step)};
#undef ENTRY
  return entries;
}

}  // namespace weft::testing
