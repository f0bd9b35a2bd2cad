#include "agreement.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <sstream>

namespace weft::testing {
namespace {

constexpr size_t kGuard = 256;                  // bytes on either side of an output
constexpr unsigned char kGuardByte = 0xa5;
constexpr uint32_t kPoison = 0x7fa5a5a5u;       // a signalling NaN; as an index, far outside of every array
constexpr uint64_t kPoison64 = 0x7ff5a5a5a5a5a5a5ull;

constexpr uint16_t kPoison16 = 0x7fa5;

bool knows_bf16(const Ops& ops) { return std::string(ops.name) == "sim" || std::string(ops.name) == "cuda"; }
std::set<const void*> narrow;                   // where bfloat16 arrays lie now

uint16_t bf16_bits(double v) {                  // to nearest, ties to even
  const float f = float(v);
  uint32_t u;
  std::memcpy(&u, &f, 4);
  return f != f ? 0x7fff : uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
double from_bf16(uint16_t bits) {
  const uint32_t u = uint32_t(bits) << 16;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}

size_t element_size(const Array& a, DType scalar) {
  return a.kind == Array::Kind::scalars ? (a.bf16 ? 2 : size_of(scalar)) : a.kind == Array::Kind::indices ? 4 : 1;
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
    if (a.bf16)
      append(bytes, a.poisoned ? kPoison16 : bf16_bits(v));
    else if (a.poisoned)
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
    if (array.bf16) narrow.insert(data());
  }
  ~Placed() {
    if (device_) narrow.erase(data());
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
    for (size_t i = 0; array_.bf16 && i < array_.values.size(); ++i) {
      uint16_t half = 0;
      std::memcpy(&half, block_.data() + before_ + i * 2, 2);
      if (array_.poisoned && half == kPoison16) fault = name + "[" + std::to_string(i) + "] was never written";
      values.push_back(from_bf16(half));
    }
    for (size_t i = 0; !array_.bf16 && i < array_.values.size(); ++i) {
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
      const double value = got[which][i], unrounded = whole ? plain[which][i] : exact[which][i];
      const double wanted = whole && c.outputs[which].bf16 ? from_bf16(bf16_bits(unrounded)) : unrounded;
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
double product_error(Precision precision, int64_t terms, bool whole_factors) {
  const double u = whole_factors ? 0 : precision == Precision::bf16 ? 0x1p-8 : 0x1p-11, sums = double(terms + 2) * 0x1p-23;
  return precision == Precision::tf32x3 ? 3 * 0x1p-22 + 3 * sums : 2 * u + u * u + sums;
}

/// The tolerance of a product on tensor cores: that error times the same product of the absolute values.
Values product_tolerance(Session& float64, const Case& c, Precision precision, bool whole_factors) {
  Case absolute = c;
  for (auto* arrays : {&absolute.inputs, &absolute.outputs})
    for (Array& a : *arrays)
      for (double& v : a.values) v = std::abs(v);
  Values tolerance = run_case(float64, absolute, 0).values;
  for (double& v : tolerance[0]) v *= product_error(precision, c.terms, whole_factors);
  return tolerance;
}

/// The session's table, which says of each array whether it is bfloat16: cases are written without that.
const Ops* plain_ops;
bool in(const void* p) { return narrow.count(p) > 0; }
ConvProblem typed(ConvProblem p, const void* x, const void* y) {
  p.bf16_x = in(x), p.bf16_y = in(y);
  return p;
}
Ops typed_ops(const Ops& ops) {
  plain_ops = &ops;
  Ops t = ops;
  t.pointwise = [](Queue& q, PointwiseKind kind, const PointwiseProblem& problem, const void* a, const void* b, const void* c, void* out) {
    PointwiseProblem p = problem;
    p.bf16[0] = in(a), p.bf16[1] = in(b), p.bf16[2] = in(c), p.bf16_out = in(out);
    plain_ops->pointwise(q, kind, p, a, b, c, out);
  };
  t.reduce = [](Queue& q, ReduceKind kind, const ReduceProblem& p, const void* x, void* out, int32_t* index) {
    plain_ops->reduce(q, kind, {p.outer, p.n, p.inner, in(x)}, x, out, index);
  };
  t.strided_copy = [](Queue& q, const CopyProblem& p, size_t element, const void* src, void* dst) {
    plain_ops->strided_copy(q, p, in(src) ? element / 2 : element, src, dst);
  };
  t.resample = [](Queue& q, const ResampleProblem& problem, const void* x, const int32_t* index_h, const void* weight_h, const int32_t* index_w,
                  const void* weight_w, void* y) {
    ResampleProblem p = problem;
    p.bf16 = in(x);
    plain_ops->resample(q, p, x, index_h, weight_h, index_w, weight_w, y);
  };
  t.matmul = [](Queue& q, const MatmulProblem& problem, const void* a, Weight b, const void* bias, void* c) {
    MatmulProblem p = problem;
    p.bf16_a = in(a), p.bf16_b = in(b.data), p.bf16_c = in(c);
    plain_ops->matmul(q, p, a, b, bias, c);
  };
  t.conv2d = [](Queue& q, const ConvProblem& p, const ConvEpilogue& e, const void* x, Weight w, void* y) { plain_ops->conv2d(q, typed(p, x, y), e, x, w, y); };
  t.conv2d_input_grad = [](Queue& q, const ConvProblem& p, const ConvEpilogue& e, const void* y, Weight w, void* x) {
    plain_ops->conv2d_input_grad(q, typed(p, x, y), e, y, w, x);
  };
  t.conv2d_weight_grad = [](Queue& q, const ConvProblem& p, bool accumulate, const void* x, const void* y, void* dw) {
    plain_ops->conv2d_weight_grad(q, typed(p, x, y), accumulate, x, y, dw);
  };
  t.moments = [](Queue& q, const NormProblem& p, const void* x, void* mean, void* variance) {
    plain_ops->moments(q, {p.groups, p.rows, p.channels, in(x)}, x, mean, variance);
  };
  t.normalize = [](Queue& q, const NormProblem& p, double epsilon, double slope, const void* x, const void* mean, const void* variance,
                   const void* gamma, const void* beta, void* y) {
    plain_ops->normalize(q, {p.groups, p.rows, p.channels, in(x)}, epsilon, slope, x, mean, variance, gamma, beta, y);
  };
  t.normalize_grad = [](Queue& q, const NormProblem& p, double epsilon, double slope, const void* x, const void* mean, const void* variance,
                        const void* gamma, const void* beta, const void* dy, void* dx, void* dgamma, void* dbeta) {
    plain_ops->normalize_grad(q, {p.groups, p.rows, p.channels, in(x)}, epsilon, slope, x, mean, variance, gamma, beta, dy, dx, dgamma, dbeta);
  };
  return t;
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

  c.run(narrow.empty() ? session.ops() : typed_ops(session.ops()), *session.queue, in_pointers, out_pointers);
  session.backend.device->synchronise(*session.queue);

  Outcome outcome;
  for (size_t i = 0; i < out.size(); ++i) outcome.values.push_back(out[i].read("output " + std::to_string(i), outcome.fault));
  return outcome;
}

namespace {

/// Without its bfloat16 arrays: what the reference is given.
Case widened(Case c) {
  for (auto* arrays : {&c.inputs, &c.outputs})
    for (Array& a : *arrays) a.bf16 = false;
  return c;
}

std::string disagreement(Session& session, const Case& c, bool in_bf16) {
  Session float32(reference(DType::f32)), float64(reference(DType::f64));
  const Case wide = widened(c);
  const Values plain = run_case(float32, wide, 0).values;
  Values exact, tolerance;
  if (c.rule != Rule::exact) exact = run_case(float64, wide, 0).values;
  if (c.rule == Rule::within) tolerance = c.tolerance(exact);
  const bool on_tensor_cores = c.rule == Rule::rounded && c.terms > 0 && session.options.precision != Precision::fp32;
  if (on_tensor_cores) tolerance = product_tolerance(float64, wide, session.options.precision, in_bf16);
  else if (c.rule == Rule::rounded)
    for (size_t i = 0; i < exact.size(); ++i) tolerance.push_back(rounded_tolerance(plain[i], exact[i]));

  for (size_t i = 0; i < exact.size(); ++i)
    for (size_t j = 0; in_bf16 && c.rule != Rule::exact && j < exact[i].size(); ++j) {
      double& t = tolerance[i][j];
      t *= 1.02;                                // a bound may have been worked out with inputs that are now rounded, by 2^-8 of them
      if (c.outputs[i].bf16 && std::abs(exact[i][j]) + t > 0) t += std::ldexp(1.0, std::ilogb(std::abs(exact[i][j]) + t) - 8);   // half a unit in the last place
    }

  for (const int shift : {0, 1}) {
    const Outcome outcome = run_case(session, c, shift);
    std::string fault = outcome.fault;
    if (fault.empty()) fault = compare(c, outcome.values, plain, exact, tolerance);
    if (!fault.empty())
      return c.op + " (" + c.name + ") on " + session.backend.device->name + (shift ? ", arrays one element off alignment: " : ": ") + fault;
  }
  return "";
}

}  // namespace

std::string disagreement(Session& session, const Case& c) { return disagreement(session, c, false); }

std::string disagreement_in_bf16(Session& session, const Case& c, unsigned arrays) {
  if (!knows_bf16(session.ops())) throw Error("no bfloat16 on this backend");
  Case narrowed = c;
  const bool accumulated = c.name.find("accumulated") != std::string::npos;   // which excludes a bfloat16 result
  const bool product = c.terms > 0;             // factors that are rounded already, all of them, leave a bound of sums alone
  for (const bool of_outputs : {false, true}) {
    std::vector<Array>& all = of_outputs ? narrowed.outputs : narrowed.inputs;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].kind != Array::Kind::scalars) continue;
      all[i].bf16 = (arrays >> (i + (of_outputs ? 8 : 0)) & 1) != 0 && !(of_outputs && accumulated);
      for (double& v : all[i].values)
        if (all[i].bf16 || product) v = from_bf16(bf16_bits(v));
    }
  }
  const std::string fault = disagreement(session, narrowed, true);
  return fault.empty() ? fault : fault + " (arrays in bfloat16: " + std::to_string(arrays) + ")";
}

std::vector<unsigned> bf16_choices(const std::string& op) {
  constexpr unsigned x = 1, w = 2, dy = 32, out = 256;
  if (op == "pointwise") return {7 | out, 1 | out, 1, 2 | out, 6, out};
  if (op == "matmul") return {x | w | out, x, x | out, x | w, out};
  if (op == "conv2d" || op == "conv2d_input_grad") return {x | out, x, out};
  if (op == "conv2d_weight_grad") return {x | w, x, w};                  // w: the second input, y
  if (op == "normalize_grad") return {x | dy | out};
  if (op == "reduce" || op == "moments") return {x};
  if (op == "strided_copy" || op == "resample" || op == "normalize") return {x | out};
  return {};
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
