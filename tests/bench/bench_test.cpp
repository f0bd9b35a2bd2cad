// What a benchmark says of a kernel is worth as much as its shapes and its own idea of the right result.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <set>

#include "bench/bench.h"
#include "bench/streams.h"
#include "temporary_folder.h"

using namespace weft;
using namespace weft::bench;
using weft::testing::TemporaryFolder;

TEST_CASE("bench: the table has 30 convolutions that are ones, and DCGAN's are those of its networks") {
  const std::vector<Layer> layers = table_layers();
  CHECK(layers.size() == 30);
  std::set<std::string> ids;
  for (const Layer& l : layers) {
    const ConvProblem& p = l.problem;
    CAPTURE(l.id);
    ids.insert(l.id);
    CHECK(p.p == (p.h + 2 * p.pad.h - p.r) / p.stride.h + 1);
    CHECK(p.q == (p.w + 2 * p.pad.w - p.s) / p.stride.w + 1);
  }
  CHECK(ids.size() == 30);
  for (const char* id : headline_ids) CHECK(ids.count(id) == 1);

  const std::vector<Layer> dcgan = dcgan_layers(64, 3, 128);
  REQUIRE(dcgan.size() == 6);
  for (size_t i = 0; i < 6; ++i) {
    const ConvProblem &a = dcgan[i].problem, &b = layers[i].problem;
    CHECK(a.h == b.h);
    CHECK(a.c == b.c);
    CHECK(a.k == b.k);
    CHECK(a.p == b.p);
    CHECK(flops_of(a) == flops_of(b));
  }
  CHECK(flops_of(layers[27].problem) == doctest::Approx(154.6e9).epsilon(0.001));   // 2 * 32768 * 512 * 4608
}

TEST_CASE("bench: a shape of one's own") {
  const ConvProblem p = parse_layer("8,64,33,32,128,4,3,2,1,1,4").problem;
  CHECK(p.n == 8);
  CHECK(p.h == 33);
  CHECK(p.s == 3);
  CHECK(p.p == 16);
  CHECK(p.q == 16);
  CHECK(p.groups == 4);
  CHECK(parse_layer("1,2,5,5,3,3,3").problem.p == 3);
  for (const char* wrong : {"", "1,2,3", "1,2,5,5,3,3,x", "1,2,5,5,3,3,3,", "1,2,5,5,3,3,3,1,0,1,1,1", "0,2,5,5,3,3,3", "1,2,5,5,3,3,3,0", "1,3,5,5,4,3,3,1,0,1,2",
                            "1,2,2,2,3,3,3", "1,2,5,5,3,3,-3", "99999999999999999999,1,1,1,1,1,1"})
    CHECK_THROWS_AS(parse_layer(wrong), ConfigError);
}

TEST_CASE("bench: a shrunk layer keeps its channels and stays a convolution") {
  for (const Layer& layer : table_layers()) {
    const ConvProblem p = shrunk(layer, 2e7).problem, &whole = layer.problem;
    CAPTURE(layer.id);
    CHECK(p.c == whole.c);
    CHECK(p.k == whole.k);
    CHECK(p.r == whole.r);
    CHECK((flops_of(p) <= 2e7 || (p.n == 1 && p.p == 1 && p.q == 1)));
    CHECK(p.p == (p.h + 2 * p.pad.h - p.r) / p.stride.h + 1);
    CHECK(flops_of(shrunk(layer, 1e300).problem) == flops_of(whole));
  }
}

TEST_CASE("bench: its float64 result of one element is the reference's") {
  const Backend& reference = *find_backend("cpu", DType::f64);
  const std::unique_ptr<Queue> queue(reference.device->open({}));
  for (const ConvProblem& p : {ConvProblem{2, 7, 9, 6, 4, 3, 2, 4, 5, {2, 2}, {1, 1}, {1, 2}, 2}, ConvProblem{3, 5, 4, 2, 3, 4, 3, 2, 2, {3, 2}, {2, 1}, {1, 1}, 1}}) {
    REQUIRE(p.p == (p.h + 2 * p.pad.h - p.dilation.h * (p.r - 1) - 1) / p.stride.h + 1);
    REQUIRE(p.q == (p.w + 2 * p.pad.w - p.dilation.w * (p.s - 1) - 1) / p.stride.w + 1);
    for (const Pass pass : passes) {
      const Convolution c{pass, p};
      std::vector<float> a, b;
      for (int64_t i = 0; i < c.size_a(); ++i) a.push_back(float(i * 37 % 101) / 64 - 1);
      for (int64_t i = 0; i < c.size_b(); ++i) b.push_back(float(i * 53 % 97) / 32 - 1);
      const std::vector<double> wide_a(a.begin(), a.end()), wide_b(b.begin(), b.end());
      std::vector<double> result(size_t(c.size_out()), NAN);
      if (pass == Pass::forward) reference.ops->conv2d(*queue, p, {}, wide_a.data(), {wide_b.data()}, result.data());
      if (pass == Pass::input_grad) reference.ops->conv2d_input_grad(*queue, p, {}, wide_a.data(), {wide_b.data()}, result.data());
      if (pass == Pass::weight_grad) reference.ops->conv2d_weight_grad(*queue, p, false, wide_a.data(), wide_b.data(), result.data());
      int wrong = 0;   // all factors are multiples of 2^-6: sums of their products are exact
      for (int64_t i = 0; i < c.size_out(); ++i) wrong += c.exact(a.data(), b.data(), i) != result[size_t(i)];
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("bench: a run keeps every row, and says so if it was cut short") {
  const TemporaryFolder folder;
  Options options;
  options.device = "reference";
  options.folder = folder.path.string();
  options.only = "S05|sum of all";
  options.quick = true;
  const Results results = run(options, {});
  REQUIRE(results.rows().size() == 4);
  const Json kept = Json::parse(std::ifstream(results.file()));
  CHECK(kept["finished"] == true);
  CHECK(kept["rows"].size() == 4);
  for (const Row& row : results.rows()) {
    CHECK(row.same_bits == true);
    CHECK(row.warm.median > 0);
    CHECK(row.warm.p20 <= row.warm.median);
    CHECK(row.warm.median <= row.warm.p80);
    if (row.kind == Row::Kind::layer) CHECK(*row.error < 1e-5);   // a chain of 8192 additions is off by 8192 * 2^-24 at the most
    if (row.kind == Row::Kind::layer) CHECK(*row.error > 0);
  }
  const std::string page{std::istreambuf_iterator<char>(std::ifstream(results.page()).rdbuf()), {}};
  CHECK(page.find("\"S05\"") != std::string::npos);
  CHECK(page.find("/*RESULTS*/") == std::string::npos);

  Callbacks impatient;
  int measured = 0;
  impatient.row = [&](const Results&, const Row&) { ++measured; };
  impatient.stop = [&] { return measured == 1; };
  const Json cut = Json::parse(std::ifstream(run(options, impatient).file()));
  CHECK(cut["finished"] == false);
  CHECK(cut["rows"].size() == 1);
}

TEST_CASE("bench: what selects nothing is refused") {
  Options options;
  options.device = "reference";
  options.only = "no such row";
  CHECK_THROWS_AS(run(options, {}), ConfigError);
  options.only = "(";
  CHECK_THROWS_AS(run(options, {}), ConfigError);
  options.device = "abacus";
  CHECK_THROWS_AS(run(options, {}), DeviceError);
}

TEST_CASE("bench: what Winograd spares is no rate of the device's") {
  const Machine machine("reference", 0);
  Results results(machine, "", "");
  const auto row = [](const char* kernels, double microseconds) {
    Row r;
    r.kernels = kernels, r.flops = 1000, r.warm.median = r.cold.median = microseconds;
    return r;
  };
  results.add(row("conv2d:winograd", 1));
  CHECK(results.floor(row("", 1)) == 0);                     // nothing is known yet
  results.add(row("conv2d:brgconv", 10));
  CHECK(results.floor(row("", 1)) == 10);
  Row raced = row("conv2d_kernel", 20);
  raced.vendor = raced.warm, raced.vendor->median = 2, raced.vendor_plan = "NCHW, engine 1, Winograd";
  results.add(raced);
  CHECK(results.floor(raced) == 10);
  raced.vendor_plan = "NHWC, engine 2, tensor cores";
  results.add(raced);
  CHECK(results.floor(raced) == 2);
}
