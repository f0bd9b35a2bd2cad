// oneDNN: never its reference loops where it matters, and derived weights that follow the weight and not its address.
#include <algorithm>
#include <cstring>

#include "fixture.h"

namespace weft {
namespace {

#ifdef WEFT_HAS_ONEDNN
TEST_CASE("DCGAN's layers never run oneDNN's reference loops") {
  for (const int size : {32, 64})
    for (const int channels : {1, 3}) {
      Backendful cpu("cpu", DType::f32);
      for (const Layer& layer : dcgan(2, size, channels, 64)) {
        const ConvProblem& p = layer.problem;
        std::vector<float> x = filled(x_size(p), 1), w = filled(w_size(p), 2), y(y_size(p)), bias = filled(size_t(p.k + p.c), 3);
        cpu.queue->launches.clear();
        cpu.ops().conv2d(*cpu.queue, p, {bias.data(), 0.2}, x.data(), {w.data()}, y.data());
        cpu.ops().conv2d_input_grad(*cpu.queue, p, {}, y.data(), {w.data()}, x.data());
        cpu.ops().conv2d_weight_grad(*cpu.queue, p, false, x.data(), y.data(), w.data());
        int by_library = 0;
        for (const auto& each : cpu.queue->launches) {
          const auto& name = each.first;
          INFO(size << "x" << size << "x" << channels << " " << layer.name << ": " << name);
          CHECK(name.find("ref") == std::string::npos);
          by_library += name.find(':') != std::string::npos;
        }
        CHECK(by_library == 3);
      }
    }
}
#endif

#ifdef WEFT_HAS_ONEDNN
TEST_CASE("CycleGAN's halving layers take their filter gradient by columns, and it is the reference's") {
  Backendful cpu("cpu", DType::f32), exact("cpu", DType::f64);
  for (const auto& [n, side] : {std::pair{1, 32}, {3, 14}}) {
    const ConvProblem p = problem(n, side, 16, 24, 3, 2, 1);
    const std::vector<float> x = filled(x_size(p), 1), y = filled(y_size(p), 2);
    std::vector<float> w(w_size(p));
    cpu.queue->launches.clear();
    cpu.ops().conv2d_weight_grad(*cpu.queue, p, false, x.data(), y.data(), w.data());
    bool by_columns = false;
    for (const auto& [name, count] : cpu.queue->launches) by_columns = by_columns || name.find("conv2d_weight_grad:columns") == 0;
    CHECK(by_columns);
    const std::vector<double> x64(x.begin(), x.end()), y64(y.begin(), y.end());
    std::vector<double> w64(w.size());
    exact.ops().conv2d_weight_grad(*exact.queue, p, false, x64.data(), y64.data(), w64.data());
    check_close(w, w64, int64_t(n) * p.p * p.q, "filter gradient");
  }
}
#endif

#ifdef WEFT_HAS_ONEDNN
TEST_CASE("a large picture's gradient, by bands of its rows, is the reference's") {
  Backendful cpu("cpu", DType::f32, 1), exact("cpu", DType::f64);
  for (const ConvProblem& p : {problem(1, 150, 3, 8, 7, 1, 0), problem(1, 301, 3, 8, 7, 2, 3), problem(1, 160, 4, 8, 5, 1, 2)}) {
    REQUIRE(int64_t(p.p) * p.q * p.r * p.s * p.c > 2 << 20);                      // floats of columns: several bands
    const std::vector<float> y = filled(y_size(p), 1), w = filled(w_size(p), 2);
    std::vector<float> x(x_size(p));
    cpu.ops().conv2d_input_grad(*cpu.queue, p, {}, y.data(), {w.data()}, x.data());
    const std::vector<double> y64(y.begin(), y.end()), w64(w.begin(), w.end());
    std::vector<double> x64(x.size());
    exact.ops().conv2d_input_grad(*exact.queue, p, {}, y64.data(), {w64.data()}, x64.data());
    check_close(x, x64, int64_t(p.r) * p.s * p.k, "picture's gradient");
  }
}
#endif

#ifdef WEFT_HAS_ONEDNN
TEST_CASE("a layer to few channels never computes one of them at a time") {
  Backendful cpu("cpu", DType::f32);
  for (const ConvProblem& p : {problem(1, 32, 64, 3, 7, 1, 3), problem(2, 31, 128, 1, 4, 1, 1)}) {     // a ResNet generator's last, a patch discriminator's
    std::vector<float> x = filled(x_size(p), 1), w = filled(w_size(p), 2), y(y_size(p));
    cpu.queue->launches.clear();
    cpu.ops().conv2d(*cpu.queue, p, {}, x.data(), {w.data()}, y.data());
    REQUIRE(cpu.queue->launches.size() == 1);
    CHECK(cpu.queue->launches.begin()->first.find("conv2d:columns") == 0);
    const std::vector<float> with_id = [&] {
      std::vector<float> again(y.size());
      cpu.ops().conv2d(*cpu.queue, p, {}, x.data(), {w.data(), 5, 0, 1}, again.data());
      std::fill(w.begin(), w.end(), 1.0f);                                     // the mirrored copy stands until there is a new version
      cpu.ops().conv2d(*cpu.queue, p, {}, x.data(), {w.data(), 5, 0, 1}, again.data());
      return again;
    }();
    CHECK(with_id == y);
    cpu.ops().forget(*cpu.queue, 5);
  }
}
#endif

std::vector<float> run(Backendful& cpu, const ConvProblem& p, const std::vector<float>& x, const Weight& w, bool backwards) {
  std::vector<float> result(backwards ? x_size(p) : y_size(p));
  if (backwards)
    cpu.ops().conv2d_input_grad(*cpu.queue, p, {}, x.data(), w, result.data());
  else
    cpu.ops().conv2d(*cpu.queue, p, {}, x.data(), w, result.data());
  return result;
}

TEST_CASE("a derived weight belongs to (id, offset, version), not to an address") {
  Backendful cpu("cpu", DType::f32);
  const ConvProblem p = problem(2, 8, 32, 64, 4, 2, 1);
  std::vector<float> memory = filled(2 * w_size(p), 5);   // two weights, one behind the other
  const std::vector<float> other = filled(2 * w_size(p), 6);
  for (const bool backwards : {false, true}) {
    const std::vector<float> x = filled(backwards ? y_size(p) : x_size(p), 4);
    const auto fresh = [&](const float* w) { return run(cpu, p, x, {w}, backwards); };   // id 0: nothing is kept
    const std::vector<float> first = fresh(memory.data()), second = fresh(memory.data() + w_size(p));
    const std::vector<float> replaced = fresh(other.data());
    REQUIRE(first != second);
    REQUIRE(first != replaced);

    const uint64_t id = backwards ? 70 : 7;
    const float* at = memory.data();
    CHECK(run(cpu, p, x, {at, id, 0, 1}, backwards) == first);
    CHECK(run(cpu, p, x, {at + w_size(p), id, w_size(p), 1}, backwards) == second);   // the same storage further on
    CHECK(run(cpu, p, x, {at, id, 0, 1}, backwards) == first);

    const std::vector<float> before = memory;
    memory = other;   // another content at the same address
    REQUIRE(memory.data() == at);
    CHECK(run(cpu, p, x, {at, id + 1, 0, 1}, backwards) == replaced);   // another storage
    CHECK(run(cpu, p, x, {at, id, 0, 2}, backwards) == replaced);       // the same storage, written since
    CHECK(run(cpu, p, x, {at, id, 0, 2}, backwards) == replaced);
    cpu.ops().forget(*cpu.queue, id);
    memory = before;
    CHECK(run(cpu, p, x, {at, id, 0, 2}, backwards) == first);           // forgotten: nothing stale is found
    cpu.ops().forget(*cpu.queue, id + 1);
    cpu.ops().forget(*cpu.queue, 12345);                                // a stranger: nothing happens
  }
}

TEST_CASE("a kept weight is not reordered again, so the version is what counts") {
  Backendful cpu("cpu", DType::f32);
  if (cpu.backend->device->describe(*cpu.queue).find("no oneDNN") != std::string::npos) return;
  const ConvProblem p = problem(2, 8, 32, 64, 4, 2, 1);
  std::vector<float> w = filled(w_size(p), 5);
  const std::vector<float> x = filled(x_size(p), 4);
  const std::vector<float> first = run(cpu, p, x, {w.data(), 1, 0, 1}, false);
  w = filled(w_size(p), 6);
  CHECK(run(cpu, p, x, {w.data(), 1, 0, 1}, false) == first);   // written without a new version: the copy still stands
}

}  // namespace
}  // namespace weft
