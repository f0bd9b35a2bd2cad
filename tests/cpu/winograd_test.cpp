// Convolutions by Winograd's transforms, 3x3 and 4x4 of stride 2, against the definition: all three passes, with edges that cut tiles, every epilogue, and filters
// that are kept.
#include <tuple>

#include "fixture.h"

namespace weft {
namespace {

ConvProblem window3(int n, int h, int w, int c, int k, int pad_h, int pad_w) {
  return {n, h, w, c, k, 3, 3, h + 2 * pad_h - 2, w + 2 * pad_w - 2, {1, 1}, {pad_h, pad_w}, {1, 1}, 1};
}

ConvProblem window4(int n, int h, int w, int c, int k, int pad_h, int pad_w) {
  return {n, h, w, c, k, 4, 4, (h + 2 * pad_h - 4) / 2 + 1, (w + 2 * pad_w - 4) / 2 + 1, {2, 2}, {pad_h, pad_w}, {1, 1}, 1};
}

bool by_winograd(const Queue& queue) {
  for (const auto& [name, count] : queue.launches)
    if (name.find("winograd") != std::string::npos) return true;
  return false;
}

template <class T>
std::vector<T> as(const std::vector<float>& values) { return {values.begin(), values.end()}; }

double largest_error(const std::vector<float>& got, const std::vector<double>& exact) {
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(double(got[i]) - exact[i]);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

TEST_CASE("Winograd's convolutions are no further from the truth than twice the plain loops in float32") {
  Backendful cpu("cpu", DType::f32), plain("reference", DType::f32), exact("cpu", DType::f64);
  // Odd and even sides, no padding, more than the filter reaches, several runs of tiles, and other channels out than in.
  for (const ConvProblem& p : {window3(1, 33, 35, 64, 80, 1, 1), window3(2, 34, 38, 80, 64, 0, 0), window3(3, 19, 28, 64, 64, 2, 3), window4(8, 16, 16, 64, 80, 1, 1),
                               window4(2, 37, 42, 48, 32, 1, 0), window4(3, 35, 30, 32, 64, 2, 3), window4(3, 33, 35, 64, 64, 0, 1)})
    for (const auto& each : {std::tuple{false, 1.0, false}, {true, 0.2, false}, {true, 1.0, true}}) {
      const bool with_bias = std::get<0>(each), accumulate = std::get<2>(each);
      const double slope = std::get<1>(each);
      INFO(p.n << " x " << p.h << " x " << p.w << ", bias " << with_bias << ", slope " << slope << ", accumulate " << accumulate);
      const std::vector<float> x = filled(x_size(p), 1), y = filled(y_size(p), 2), w = filled(w_size(p), 3), bias = filled(size_t(std::max(p.c, p.k)), 4);
      const std::vector<double> x64 = as<double>(x), y64 = as<double>(y), w64 = as<double>(w), bias64 = as<double>(bias);
      const ConvEpilogue epilogue{with_bias ? bias.data() : nullptr, slope, accumulate}, epilogue64{with_bias ? bias64.data() : nullptr, slope, accumulate};
      const auto check = [&](const char* what, const std::vector<float>& before, const auto& run, const auto& run64) {
        std::vector<float> got = before, loops = before;
        std::vector<double> truth = as<double>(before);
        cpu.queue->launches.clear();
        run(cpu, got), run(plain, loops), run64(exact, truth);
        INFO(what);
        CHECK(by_winograd(*cpu.queue));
        const double bound = 2 * largest_error(loops, truth) + 1e-6;
        CHECK(largest_error(got, truth) <= bound);
      };
      check("conv2d", y, [&](Backendful& b, auto& out) { b.ops().conv2d(*b.queue, p, epilogue, x.data(), {w.data()}, out.data()); },
            [&](Backendful& b, auto& out) { b.ops().conv2d(*b.queue, p, epilogue64, x64.data(), {w64.data()}, out.data()); });
      check("conv2d_input_grad", x, [&](Backendful& b, auto& out) { b.ops().conv2d_input_grad(*b.queue, p, epilogue, y.data(), {w.data()}, out.data()); },
            [&](Backendful& b, auto& out) { b.ops().conv2d_input_grad(*b.queue, p, epilogue64, y64.data(), {w64.data()}, out.data()); });
      if (with_bias && !accumulate) continue;
      check("conv2d_weight_grad", w, [&](Backendful& b, auto& out) { b.ops().conv2d_weight_grad(*b.queue, p, accumulate, x.data(), y.data(), out.data()); },
            [&](Backendful& b, auto& out) { b.ops().conv2d_weight_grad(*b.queue, p, accumulate, x64.data(), y64.data(), out.data()); });
    }
}

TEST_CASE("small whole numbers go through Winograd's transforms without a rounding") {
  const auto whole = [](size_t n, uint64_t salt) {
    std::vector<float> values = filled(n, salt);
    for (float& v : values) v = std::floor(v * 4);
    return values;
  };
  for (const ConvProblem& p : {window3(1, 32, 32, 64, 64, 1, 1), window4(2, 32, 34, 64, 32, 1, 1)}) {
    Backendful cpu("cpu", DType::f32), plain("reference", DType::f32);
    const std::vector<float> x = whole(x_size(p), 1), y = whole(y_size(p), 2), w = whole(w_size(p), 3);
    std::vector<float> out[2] = {y, y}, dx[2] = {x, x}, dw[2] = {w, w};
    for (int i : {0, 1}) {
      Backendful& b = i ? plain : cpu;
      b.ops().conv2d(*b.queue, p, {}, x.data(), {w.data()}, out[i].data());
      b.ops().conv2d_input_grad(*b.queue, p, {}, y.data(), {w.data()}, dx[i].data());
      b.ops().conv2d_weight_grad(*b.queue, p, false, x.data(), y.data(), dw[i].data());
    }
    CHECK(by_winograd(*cpu.queue));
    CHECK(out[0] == out[1]);
    CHECK(dx[0] == dx[1]);
    CHECK(dw[0] == dw[1]);
  }
}

TEST_CASE("Winograd's convolutions give the same bits again and again") {
  for (const ConvProblem& p : {window3(2, 34, 38, 80, 64, 0, 0), window4(4, 34, 38, 80, 64, 1, 1)}) {
    const std::vector<float> x = filled(x_size(p), 1), y = filled(y_size(p), 2), w = filled(w_size(p), 3);
    const auto run = [&](int threads) {
      Backendful cpu("cpu", DType::f32, threads);
      std::vector<float> out(y.size()), dx(x.size()), dw(w.size());
      cpu.ops().conv2d(*cpu.queue, p, {}, x.data(), {w.data()}, out.data());
      cpu.ops().conv2d_input_grad(*cpu.queue, p, {}, y.data(), {w.data()}, dx.data());
      cpu.ops().conv2d_weight_grad(*cpu.queue, p, false, x.data(), y.data(), dw.data());
      out.insert(out.end(), dx.begin(), dx.end());
      out.insert(out.end(), dw.begin(), dw.end());
      return out;
    };
    const std::vector<float> two = run(2);
    for (int again = 0; again < 3; ++again) CHECK(run(2) == two);
  }
}

TEST_CASE("a filter's transform belongs to (id, offset, version)") {
  Backendful cpu("cpu", DType::f32);
  const ConvProblem p = window3(1, 34, 34, 64, 64, 0, 0);
  const std::vector<float> x = filled(x_size(p), 1);
  std::vector<float> w = filled(2 * w_size(p), 3);
  const auto run = [&](const Weight& weight) {
    std::vector<float> y(y_size(p));
    cpu.ops().conv2d(*cpu.queue, p, {}, x.data(), weight, y.data());
    return y;
  };
  const float* const second = w.data() + w_size(p);
  const std::vector<float> of_first = run({w.data()}), of_second = run({second});
  REQUIRE(of_first != of_second);
  CHECK(run({w.data(), 7, 0, 1}) == of_first);
  CHECK(run({second, 7, w_size(p), 1}) == of_second);
  CHECK(run({w.data(), 7, 0, 1}) == of_first);
  for (size_t i = 0; i < w_size(p); ++i) w[i] = second[i];
  CHECK(run({w.data(), 7, 0, 1}) == of_first);       // the version is what counts
  CHECK(run({w.data(), 7, 0, 2}) == of_second);
  for (size_t i = 0; i < w_size(p); ++i) w[i] = 0;
  cpu.ops().forget(*cpu.queue, 7);
  CHECK(run({w.data(), 7, 0, 2}) != of_second);
}

}  // namespace
}  // namespace weft
