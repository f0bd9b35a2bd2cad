// The plug-in on a machine without a GPU.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "bench/shapes.h"
#include "weft/kernels/vendor.h"

using namespace weft;
using namespace weft::vendor;

namespace {

std::string h200() {
  std::ifstream file(H200);
  return {std::istreambuf_iterator<char>(file), {}};
}

ConvProblem square(int n, int side, int c, int k, int kernel, int stride, int pad) {
  const int out = (side + 2 * pad - kernel) / stride + 1;
  return {n, side, side, c, k, kernel, kernel, out, out, {stride, stride}, {pad, pad}, {1, 1}, 1};
}

constexpr ConvOp kOps[] = {ConvOp::forward, ConvOp::input_grad, ConvOp::weight_grad};

}  // namespace

#ifdef WEFT_HAS_VENDOR

TEST_CASE("vendor: the plug-in loads and names its libraries") {
  CHECK(vendor::unavailable() == "");
  CHECK(vendor::describe().find("cuDNN 9.") == 0);
  CHECK(vendor::describe().find("cuBLAS ") != std::string::npos);
}

TEST_CASE("vendor: without a driver, opening is a sentence") {
  if (find_backend("cuda", DType::f32)->device->unavailable().empty()) {
    MESSAGE("skipped: there is a GPU");
    return;
  }
  const Backend& backend = *find_backend("cuda", DType::f32, Kernels::vendor);
  CHECK(backend.device->unavailable() == find_backend("cuda", DType::f32)->device->unavailable());
  CHECK_THROWS_AS(backend.device->open({}), DeviceError);
}

TEST_CASE("vendor: cuDNN has engines for an H200, and the notes keep each precision to itself") {
  const std::string device = h200();
  const std::vector<bench::Layer> layers = bench::table_layers();
  REQUIRE(layers.size() == 30);
  for (const bench::Layer& layer : layers)
    for (const ConvOp op : kOps)
      for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
        CAPTURE(layer.id);
        CAPTURE(name_of(op));
        CAPTURE(int(precision));
        const std::vector<ConvPlan> plans = candidates(device, {op, layer.problem, precision});
        CHECK(!plans.empty());
        uint32_t all = 0;
        for (const ConvPlan& plan : plans) all |= plan.notes;
        CHECK((all & (kNondeterministic | kReducedPrecisionSums)) == 0);
        if (precision != Precision::bf16) CHECK((all & kDownConvertInputs) == 0);
        CHECK(((all & kTensorCore) != 0) == (precision != Precision::fp32));
      }
}

TEST_CASE("vendor: 3xtf32 has no twin in cuDNN and meets strict fp32") {
  const ConvProblem p = square(1, 64, 256, 256, 3, 1, 1);
  const std::vector<ConvPlan> strict = candidates(h200(), {ConvOp::forward, p}), split = candidates(h200(), {ConvOp::forward, p, Precision::tf32x3});
  REQUIRE(strict.size() == split.size());
  for (size_t i = 0; i < strict.size(); ++i) CHECK(describe(strict[i]) == describe(split[i]));
}

TEST_CASE("vendor: engines that are not deterministic are offered only on request") {
  ConvQuestion question{ConvOp::weight_grad, square(128, 64, 3, 64, 4, 2, 1)};
  const size_t deterministic = candidates(h200(), question).size();
  question.deterministic = false;
  const std::vector<ConvPlan> any = candidates(h200(), question);
  CHECK(any.size() > deterministic);
  CHECK(describe(any[0]).find(any[0].deterministic() ? "workspace" : "not deterministic") != std::string::npos);
}

TEST_CASE("vendor: what cuDNN refuses comes back in its own words") {
  const ConvQuestion question{ConvOp::forward, square(1, 8, 4, 4, 3, 1, 1)};
  CHECK_THROWS_WITH_AS(candidates("{}", question), doctest::Contains("conv2d: the device's properties"), DeviceError);
  ConvQuestion impossible = question;
  impossible.problem.p = 99;
  CHECK_THROWS_AS(candidates(h200(), impossible), DeviceError);
}

#else

TEST_CASE("vendor: without the plug-in, asking for it says what is missing") {
  CHECK(vendor::unavailable().find("libweft_vendor.so") != std::string::npos);
  CHECK(vendor::unavailable().find("cuDNN 9") != std::string::npos);
  CHECK_THROWS_AS(candidates(h200(), {kOps[0], square(1, 8, 4, 4, 3, 1, 1)}), DeviceError);
}

#endif

TEST_CASE("vendor: a queue of our own kernels has no vendor session") {
  std::unique_ptr<Queue> queue(find_backend("reference", DType::f32)->device->open({}));
  CHECK_THROWS_WITH_AS(run_plan(*queue, {}, nullptr, nullptr, nullptr), doctest::Contains("--kernels vendor"), DeviceError);
}

TEST_CASE("vendor: only device cuda has vendor kernels") {
  CHECK(find_backend("cpu", DType::f32, Kernels::vendor) == nullptr);
  CHECK(find_backend("sim", DType::f32, Kernels::vendor) == nullptr);
  CHECK(find_backend("cuda", DType::f64, Kernels::vendor) == nullptr);
}
