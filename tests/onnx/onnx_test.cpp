// Claim: weft computes what ONNX says its operators compute. Every test of ONNX's node folder that consists of operators
// mapped in operators_*.cpp passes, or stands in skips.h with its reason.
//
// The tolerance. The recorded answers were computed by NumPy in float32 and rounded to the output's type. An element of the
// output is made of at most n elements of the largest input, n being how many more of them there are; a plain loop over n
// terms costs at most n roundings of the largest partial sum, and chains of functions a few each: r = max(64, n). The data are
// made so that sums do not cancel to less than their terms' size. So:
//   |found - expected| <= r * 2^-24 * max(|largest output|, |largest input|)
// and to that, for float16, one rounding of the output. NaN must meet NaN, infinity the same infinity, and whole numbers and
// truth values themselves.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "operators.h"
#include "skips.h"

using namespace weft;
namespace fs = std::filesystem;

namespace {

constexpr const char* kFolder = "/usr/share/libonnx-testdata/data/node";
constexpr size_t kPasses = 551;   // as many as ever passed: fewer is a step back

struct NodeTest {
  std::string name;
  onnx::Model model;
  std::vector<onnx::Value> inputs, outputs;
};

// Empty if all is well.
std::string difference(const onnx::Value& found, const onnx::Value& expected, const std::vector<onnx::Value>& inputs) {
  if (found.shape != expected.shape) return "another shape: rank " + std::to_string(found.shape.size()) + " instead of " + std::to_string(expected.shape.size());
  const bool whole = expected.type != 1 && expected.type != 10 && expected.type != 11;
  double scale = 0, terms = 64;
  for (double v : expected.data) if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  for (const onnx::Value& input : inputs) {
    terms = std::max(terms, double(input.data.size()) / double(std::max<size_t>(1, expected.data.size())));
    for (double v : input.data) if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
  }
  const double tolerance = whole ? 0 : scale * (terms / (1 << 24) + (expected.type == 10 ? 1.0 / (1 << 11) : 0));
  for (size_t i = 0; i < found.data.size(); ++i) {
    const double f = found.data[i], e = expected.data[i];
    const bool same = std::isnan(e) ? std::isnan(f) : std::isinf(e) ? f == e : std::abs(f - e) <= tolerance;
    if (!same) return "element " + std::to_string(i) + " is " + std::to_string(f) + " and not " + std::to_string(e);
  }
  return "";
}

// "" if it passes, otherwise what is wrong or not supported.
std::string outcome(const Context& context, const NodeTest& t) {
  std::vector<onnx::Value> found;
  try {
    found = onnx::run(context, t.model, t.inputs);
  } catch (const std::exception& e) {
    return e.what();
  }
  for (size_t i = 0; i < t.outputs.size(); ++i) {
    const std::string wrong = difference(found.at(i), t.outputs[i], t.inputs);
    if (!wrong.empty()) return "output " + std::to_string(i) + ": " + wrong;
  }
  return "";
}

// All tests whose operators are mapped; the others need something that weft has not.
std::vector<NodeTest> tests_in_scope() {
  std::vector<NodeTest> tests;
  for (const auto& folder : fs::directory_iterator(kFolder)) {
    NodeTest t{folder.path().filename().string().substr(5), {}, {}, {}};
    try {
      t.model = onnx::read_model((folder.path() / "model.onnx").string());
    } catch (const FormatError&) {
      continue;   // attributes of types this reader does not know: no operator of ours has them
    }
    bool mapped = true, ours = false;
    for (const auto& n : t.model.nodes) {
      const bool known = onnx::operators().count(n.op) > 0;
      ours = ours || known;
      mapped = mapped && (known || onnx::is_helper(n.op));
    }
    if (mapped && ours) tests.push_back(std::move(t));
  }
  std::sort(tests.begin(), tests.end(), [](const NodeTest& a, const NodeTest& b) { return a.name < b.name; });
  return tests;
}

void read_data(NodeTest& t) {
  const fs::path data = fs::path(kFolder) / ("test_" + t.name) / "test_data_set_0";
  for (size_t i = 0; i < t.model.inputs.size(); ++i) t.inputs.push_back(onnx::read_tensor((data / ("input_" + std::to_string(i) + ".pb")).string()));
  for (size_t i = 0; i < t.model.outputs.size(); ++i) t.outputs.push_back(onnx::read_tensor((data / ("output_" + std::to_string(i) + ".pb")).string()));
}

bool data_is_there() {
  if (fs::is_directory(kFolder)) return true;
  if (std::getenv("WEFT_WITHOUT_ONNX_DATA")) {
    MESSAGE("skipped: no ONNX test data in " << kFolder);
    return false;
  }
  FAIL("no ONNX test data in " << kFolder << ": install libonnx-testdata, or set WEFT_WITHOUT_ONNX_DATA to go without");
  return false;
}

void run_all(const Context& context) {
  size_t passed = 0, skipped = 0;
  for (NodeTest& t : tests_in_scope()) {
    CAPTURE(t.name);
    std::string wrong;
    try {
      read_data(t);
      wrong = outcome(context, t);
    } catch (const FormatError& e) {
      wrong = e.what();
    }
    const bool later = onnx::later_skips.count(t.name) > 0;
    const auto skip = later ? onnx::later_skips.find(t.name) : onnx::skips.find(t.name);
    if (!later && skip == onnx::skips.end()) {
      CHECK_MESSAGE(wrong.empty(), wrong);
      passed += wrong.empty();
    } else {
      CHECK_MESSAGE(!wrong.empty(), "passes, but stands in skips.h: " << std::string(skip->second));
      ++skipped;
    }
  }
  MESSAGE(passed << " passed, " << skipped << " skipped with a reason, on " << context.describe());
  CHECK(passed >= kPasses);
}

}  // namespace

TEST_CASE("ONNX's node tests in float64") {
  if (data_is_there()) run_all(Context::open("cpu", {DType::f64}));
}

TEST_CASE("ONNX's node tests in float32") {
  if (!data_is_there()) return;
  for (const char* device : {"reference", "cpu", "sim", "cuda"}) {
    Context context = Context::open("cpu", {DType::f64});
    try {
      context = Context::open(device);
    } catch (const DeviceError&) {
      MESSAGE("skipped on " << std::string(device));
      continue;
    }
    run_all(context);
  }
}

TEST_CASE("every skipped test exists") {
  if (!data_is_there()) return;
  const auto exists = [](const std::string& name) { return fs::is_directory(fs::path(kFolder) / ("test_" + name)); };
  const bool oldest = !exists("wrap_pad"), newest = exists("maxpool_2d_ceil_output_size_reduce_by_one");      // ONNX 1.12; 1.17
  if (oldest) for (const auto& skip : onnx::skips) CHECK_MESSAGE(exists(skip.first), skip.first);
  if (newest) for (const auto& skip : onnx::later_skips) CHECK_MESSAGE(exists(skip.first), skip.first);
}

TEST_CASE("negative control: a wrong answer is seen") {
  const onnx::Value one{{2}, {1, 2}, 1}, off{{2}, {1, 2.001}, 1}, nan{{2}, {1, NAN}, 1}, other{{1, 2}, {1, 2}, 1};
  CHECK(difference(one, one, {}).empty());
  CHECK(difference(nan, nan, {}).empty());
  for (const onnx::Value& wrong : {off, nan, other}) {
    CHECK_FALSE(difference(wrong, one, {}).empty());
    CHECK_FALSE(difference(one, wrong, {}).empty());
  }
}
