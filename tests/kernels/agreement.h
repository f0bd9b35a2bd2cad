// Does a backend compute what the reference computes? One Case is one call of one op; `disagreement` runs it on a backend
// and on the reference, and says in words what differs, or "".
//
// How results are judged (DESIGN.md, section 5):
//   exact      the same value as reference<float>, element by element. For ops that only select, compare or move, and for
//              sums and products of small whole numbers: no intermediate needs more than 24 bits, so nothing rounds and
//              every order of summation gives the same number. (+0 and -0 count as equal.)
//   rounded    random reals, judged by float64: largest error at most twice that of reference<float>, plus one unit in
//              the last place of the largest result. Another order of summation may be somewhat worse than the plain loop
//              by luck, and exceeds a factor of two only when something was computed with fewer bits.
//   within     |result - float64| <= a tolerance that the case derives, element by element.
// With bfloat16 arrays the same cases are judged by the same rules, but that a bfloat16 result is rounded once more: what is
// expected of `exact` is rounded as well, and bounds grow by half a unit in the last of its 8 bits. Inputs are rounded before anybody sees them.
// On tensor cores `rounded` cases of products are judged by what rounding the factors can do (see product_tolerance).
// Every comparison is written so that NaN fails, unless the reference says NaN too.
//
// Every call is made twice: with all arrays aligned, and with all arrays one element further on, because a slice of the
// leading axis may start anywhere. Outputs are filled with a signalling NaN that no arithmetic produces, and have guard
// bytes on both sides; inputs are blocks of their exact size, so that a sanitizer sees a read past their end.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weft/kernels/ops.h"

namespace weft::testing {

/// A backend that is open.
struct Session {
  const Backend& backend;
  QueueOptions options;
  std::unique_ptr<Queue> queue;
  explicit Session(const Backend& b, const QueueOptions& o = {}) : backend(b), options(o), queue(b.device->open(o)) {}
  const Ops& ops() const { return *backend.ops; }
};

/// One argument of an op. Scalars are kept as doubles that a float holds exactly, and become the backend's own type.
struct Array {
  enum class Kind { none, scalars, indices, bytes } kind = Kind::none;   // none is a null pointer
  std::vector<double> values;
  std::vector<unsigned char> raw;   // of Kind::bytes
  bool poisoned = false;            // an output whose every element must be written
  bool bf16 = false;                // bfloat16, on a backend that knows it
};

inline Array nothing() { return {}; }
inline Array scalars(std::vector<double> values) { return {Array::Kind::scalars, std::move(values), {}}; }
inline Array indices(std::vector<double> values) { return {Array::Kind::indices, std::move(values), {}}; }
inline Array unwritten(int64_t n) { return {Array::Kind::scalars, std::vector<double>(size_t(n)), {}, true}; }
inline Array unwritten_indices(int64_t n) { return {Array::Kind::indices, std::vector<double>(size_t(n)), {}, true}; }
template <class Struct>
Array bytes_of(const Struct& s) {
  const auto* first = reinterpret_cast<const unsigned char*>(&s);
  return {Array::Kind::bytes, {}, {first, first + sizeof s}};
}

using Pointers = std::vector<void*>;               // device pointers, in the order of Case::inputs or outputs
using Values = std::vector<std::vector<double>>;   // one vector an output

enum class Rule { exact, rounded, within };

struct Case {
  std::string op, name;
  Rule rule = Rule::exact;
  std::vector<Array> inputs, outputs;
  std::function<void(const Ops&, Queue&, const Pointers& in, const Pointers& out)> run;
  std::function<Values(const Values& float64)> tolerance;   // of Rule::within, in the shape of the results
  int scalars_per_element = 1;      // 2 where the op moves pairs: those are aligned as pairs
  int64_t terms = 0;                // of a product: how many each result is the sum of
};

struct Outcome {
  Values values;
  std::string fault;   // a guard byte changed, or an element never written; empty if all is well
};

/// Runs a case once; `shift` moves every array by that many elements.
Outcome run_case(Session& session, const Case& c, int shift);

/// What is wrong with this backend in this case, or "".
std::string disagreement(Session& session, const Case& c);

/// The same with some arrays in bfloat16, on a backend that knows it: bit i for input i, bit 8 for the first output. What holds no
/// scalars stays as it is. Precision bf16, if it is a product.
std::string disagreement_in_bf16(Session& session, const Case& c, unsigned arrays);

/// Of each op that knows bfloat16, the choices of arrays that its cases take by turns; empty for others.
std::vector<unsigned> bf16_choices(const std::string& op);

/// Every entry of the op table.
struct TableEntry {
  const char* op;
  bool (*present)(const Ops&);
};
const std::vector<TableEntry>& table_entries();

}  // namespace weft::testing
