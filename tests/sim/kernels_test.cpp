// Every kernel on the host executor, against the reference: all the cases that every backend must pass, and those that
// reach the kernels' other paths. ctest runs this program in each order of threads (WEFT_SIM_ORDER), and once more with
// the race checker, where it must find nothing.
#include <doctest/doctest.h>

#include <cstring>
#include <set>

#include "cases/cases.h"
#include "executor.h"
#include "kernel_cases.h"

using namespace weft;
using namespace weft::testing;

namespace {

/// Tensor cores multiply whole tiles however small the case, so of the general ones they get a third, and tf32 none: bf16
/// computes in it where rows are no whole pieces. As many blocks as a grid has layers tell no more the second time, or slowly.
bool worth_it(const Case& c, bool general, Precision precision, int number) {
  if (c.name.rfind("65537 of", 0) == 0) return precision == Precision::fp32 && !&host::race_count;
  return precision == Precision::fp32 || !general || (number % 3 == 0 && precision != Precision::tf32);
}

std::map<std::string, uint64_t> agree(const std::string& op, Precision precision = Precision::fp32) {
  static const std::vector<Case> general = every_case(), special = kernel_cases();
  QueueOptions options;
  options.precision = precision;
  Session session(*find_backend("sim", DType::f32), options);
  int tried = 0, number = 0;
  for (const auto* cases : {&general, &special})
    for (const Case& c : *cases)
      if (c.op == op && c.name.find(": ") == std::string::npos && worth_it(c, cases == &general, precision, number++)) {
        CHECK(disagreement(session, c) == "");
        ++tried;
      }
  CHECK(tried > 0);
  CHECK(!session.queue->launches.empty());
  for (const auto& [kernel, count] : session.queue->launches) {
    CHECK(kernel.size() > 7);
    CHECK(kernel.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
    CHECK(kernel.substr(kernel.size() - 7) == "_kernel");
    CHECK(count > 0);
  }
  if (&host::race_count) CHECK(host::race_count() == 0);
  return session.queue->launches;
}

/// The cases named for these kernels, in fp32 whatever the precision; no other kernel may have any part in them.
void agree_by(const std::string& prefix, std::set<std::string> kernels) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    QueueOptions options;
    options.precision = precision;
    Session session(*find_backend("sim", DType::f32), options);
    for (const Case& c : kernel_cases())
      if (c.name.rfind(prefix + ":", 0) == 0) CHECK(disagreement(session, c) == "");
    std::set<std::string> launched;
    for (const auto& [kernel, count] : session.queue->launches) launched.insert(kernel);
    CHECK(launched == kernels);
  }
  if (&host::race_count) CHECK(host::race_count() == 0);
}

/// In every precision of the tensor cores, by the kernel that it says it was.
void agree_on_tensor_cores(const std::string& op) {
  CHECK(agree(op, Precision::tf32x3).count(op + "_tf32x3_kernel") == 1);
  CHECK(agree(op, Precision::tf32).count(op + "_tf32_kernel") == 1);
  const auto launches = agree(op, Precision::bf16);
  CHECK(launches.count(op + "_bf16_kernel") == 1);
  CHECK(launches.count(op + "_tf32_kernel") == 1);      // where rows are no whole pieces of 16 bytes
}

bool same_bits(const Values& a, const Values& b) {
  for (size_t i = 0; i < a.size(); ++i)                   // doubles that hold the floats; memcmp, for -0 and NaN
    if (a[i].size() != b[i].size() || (!a[i].empty() && std::memcmp(a[i].data(), b[i].data(), a[i].size() * sizeof(double)) != 0)) return false;
  return a.size() == b.size();
}

}  // namespace

TEST_CASE("sim: pointwise") { agree("pointwise"); }
TEST_CASE("sim: reduce") { agree("reduce"); }
TEST_CASE("sim: strided_copy") { agree("strided_copy"); }
TEST_CASE("sim: gather") { agree("gather"); }
TEST_CASE("sim: scatter_add") { agree("scatter_add"); }
TEST_CASE("sim: sort") { agree("sort"); }
TEST_CASE("sim: resample") { agree("resample"); }
TEST_CASE("sim: max_pool") { agree("max_pool"); }
TEST_CASE("sim: matmul") { agree("matmul"); }
TEST_CASE("sim: conv2d") { agree("conv2d"); }
TEST_CASE("sim: conv2d_depthwise") { agree_by("depthwise", {"conv2d_depthwise_kernel", "conv2d_tap_sums_kernel", "merge_parts_kernel"}); }
TEST_CASE("sim: conv2d_few_channels") { agree_by("few channels", {"conv2d_few_channels_kernel"}); }
TEST_CASE("sim: conv2d_few_filters") { agree_by("few filters", {"conv2d_few_filters_kernel", "conv2d_tap_sums_kernel", "merge_parts_kernel"}); }
TEST_CASE("sim: conv2d_input_grad") { agree("conv2d_input_grad"); }
TEST_CASE("sim: conv2d_weight_grad") { agree("conv2d_weight_grad"); }
TEST_CASE("sim: matmul on tensor cores") { agree_on_tensor_cores("matmul"); }
TEST_CASE("sim: conv2d on tensor cores") { agree_on_tensor_cores("conv2d"); }
TEST_CASE("sim: conv2d_input_grad on tensor cores") { agree_on_tensor_cores("conv2d_input_grad"); }
TEST_CASE("sim: conv2d_weight_grad on tensor cores") { agree_on_tensor_cores("conv2d_weight_grad"); }
TEST_CASE("sim: moments") { agree("moments"); }
TEST_CASE("sim: normalize") { agree("normalize"); }
TEST_CASE("sim: normalize_grad") { agree("normalize_grad"); }
TEST_CASE("sim: random") { agree("random"); }
TEST_CASE("sim: optimizer_step") { agree("optimizer_step"); }

TEST_CASE("sim: the same bits in every order of threads") {
  const host::Settings asked = host::settings();
  if (asked.order != host::Order::forward || &host::race_count) {
    MESSAGE("skipped: the plain run tells for all");
    return;
  }
  std::vector<Case> cases;                                                   // of exact ones there is but one right result
  for (const auto& some : {every_case(), kernel_cases()})
    for (const Case& c : some)
      if (c.rule != Rule::exact) cases.push_back(c);
  int compared = 0;
  for (const Precision precision : {Precision::fp32, Precision::tf32x3, Precision::bf16}) {
    QueueOptions options;
    options.precision = precision;
    Session session(*find_backend("sim", DType::f32), options);
    for (const Case& c : cases) {
      if (precision != Precision::fp32 && c.terms == 0) continue;            // no product
      const Values forward = run_case(session, c, 0).values;
      for (const host::Order order : {host::Order::reverse, host::Order::random}) {
        host::settings().order = order;
        host::settings().async = order == host::Order::reverse ? host::AsyncTiming::eager : host::AsyncTiming::random;
        CAPTURE(c.name);
        CHECK(same_bits(run_case(session, c, 0).values, forward));
        host::settings() = asked;
        ++compared;
      }
    }
  }
  CHECK(compared > 300);
}

TEST_CASE("sim: nothing to do launches nothing") {
  Session session(*find_backend("sim", DType::f32));
  const Ops& ops = session.ops();
  Queue& queue = *session.queue;
  ops.pointwise(queue, PointwiseKind::exp, {2, {0, 4}, {{4, 1}}}, nullptr, nullptr, nullptr, nullptr);
  ops.strided_copy(queue, {1, {0}, {1}, {1}}, 4, nullptr, nullptr);
  ops.reduce(queue, ReduceKind::sum, {0, 5, 3}, nullptr, nullptr, nullptr);
  ops.gather(queue, {0, 1, 4, 5}, nullptr, nullptr, nullptr, nullptr);
  ops.random(queue, RandomKind::normal, 1, nullptr, 0, nullptr);
  ops.matmul(queue, {1, 0, 3, 4, false, false, false, 0, 0}, nullptr, {}, nullptr, nullptr);
  ops.moments(queue, {0, 4, 5}, nullptr, nullptr, nullptr);
  CHECK(queue.launches.empty());
}
