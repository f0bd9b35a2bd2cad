// Convolutions and products whose shapes leave the straight road, against the float64 reference: every epilogue, groups,
// dilation, unused last rows, and the windows that collapse into a matrix product.
#include "fixture.h"

namespace weft {
namespace {

ConvProblem uneven() {   // H != W, R != S, two strides, two paddings, two dilations
  return {3, 11, 9, 6, 10, 3, 2, 5, 4, {2, 3}, {1, 2}, {1, 2}, 1};
}

std::vector<Layer> layers() {
  return {{"uneven", uneven()},
          {"groups", problem(2, 9, 12, 8, 3, 2, 1, 1, 4)},
          {"depthwise", problem(2, 8, 5, 5, 3, 1, 1, 1, 5)},
          {"dilated", problem(2, 13, 7, 9, 3, 1, 2, 2)},
          {"one channel", problem(3, 12, 1, 17, 4, 2, 1)},
          {"three channels", problem(2, 10, 3, 33, 5, 1, 2)},
          {"to three channels", problem(2, 10, 33, 3, 7, 1, 3)},
          {"to one channel", problem(3, 9, 16, 1, 4, 1, 1)},
          {"to two channels, dilated, unpadded", problem(2, 13, 9, 2, 3, 1, 0, 2)},
          {"to three channels, padded beyond the window", problem(2, 6, 8, 3, 3, 1, 3)},
          {"in bands, each of which reaches beyond four windows of rows", {1, 16, 9000, 3, 8, 3, 3, 16, 9000, {1, 1}, {6, 6}, {6, 6}, 1}},
          {"bias where windows lie in padding", problem(2, 3, 32, 12, 3, 3, 5)},
          {"unused rows", problem(2, 10, 16, 16, 3, 3, 0)},
          {"pointwise", problem(2, 7, 19, 23, 1, 1, 0)},
          {"stem", problem(5, 4, 24, 10, 4, 1, 0)},
          {"logit", problem(5, 4, 24, 1, 4, 1, 0)},
          {"vector", problem(6, 1, 8, 12, 1, 1, 0)}};
}

template <class T>
std::vector<T> as(const std::vector<float>& values) { return {values.begin(), values.end()}; }

TEST_CASE("conv2d and its adjoints agree with float64 where shapes are awkward") {
  Backendful cpu("cpu", DType::f32), exact("cpu", DType::f64);
  struct Variant {
    bool bias;
    double slope;
    bool accumulate;
  };
  for (const Layer& layer : layers())
    for (const Variant& v : {Variant{false, 1, false}, {true, 0.2, false}, {false, 0, false}, {true, 1, true}, {false, 1, true}}) {
      const ConvProblem& p = layer.problem;
      INFO(layer.name << " bias " << v.bias << " slope " << v.slope << " accumulate " << v.accumulate);
      const std::vector<float> x = filled(x_size(p), 1), y = filled(y_size(p), 2), w = filled(w_size(p), 3);
      const std::vector<float> bias = filled(size_t(std::max(p.c, p.k)), 4);
      const std::vector<double> x64 = as<double>(x), y64 = as<double>(y), w64 = as<double>(w), bias64 = as<double>(bias);
      const ConvEpilogue epilogue{v.bias ? bias.data() : nullptr, v.slope, v.accumulate};
      const ConvEpilogue epilogue64{v.bias ? bias64.data() : nullptr, v.slope, v.accumulate};

      std::vector<float> out = y;
      std::vector<double> expected = y64;
      cpu.ops().conv2d(*cpu.queue, p, epilogue, x.data(), {w.data()}, out.data());
      exact.ops().conv2d(*exact.queue, p, epilogue64, x64.data(), {w64.data()}, expected.data());
      check_close(out, expected, int64_t(p.r) * p.s * p.c, "conv2d");

      out = x, expected = x64;
      cpu.ops().conv2d_input_grad(*cpu.queue, p, epilogue, y.data(), {w.data()}, out.data());
      exact.ops().conv2d_input_grad(*exact.queue, p, epilogue64, y64.data(), {w64.data()}, expected.data());
      check_close(out, expected, int64_t(p.r) * p.s * p.k, "conv2d_input_grad");

      if (v.bias || v.slope != 1) continue;
      out = w, expected = w64;
      cpu.ops().conv2d_weight_grad(*cpu.queue, p, v.accumulate, x.data(), y.data(), out.data());
      exact.ops().conv2d_weight_grad(*exact.queue, p, v.accumulate, x64.data(), y64.data(), expected.data());
      check_close(out, expected, int64_t(p.n) * p.p * p.q, "conv2d_weight_grad");
    }
}

TEST_CASE("matrix products: transposes, batches, repeated operands") {
  Backendful cpu("cpu", DType::f32), exact("cpu", DType::f64);
  for (int which = 0; which < 64; ++which) {
    const bool ta = which & 1, tb = which & 2, accumulate = which & 4, with_bias = which & 8;
    const int64_t batch = which & 16 ? 3 : 1, m = 13, n = which & 32 ? 1 : 17, k = 29;
    for (const int64_t repeat : {0, 1, 2, 3}) {   // bit 0: one a for the whole batch; bit 1: one b
      const MatmulProblem p{batch, m, n, k, ta, tb, accumulate, repeat & 1 ? 0 : m * k, repeat & 2 ? 0 : k * n};
      const std::vector<float> a = filled(size_t(batch * m * k), 1), b = filled(size_t(batch * k * n), 2), bias = filled(size_t(n), 3);
      std::vector<float> c = filled(size_t(batch * m * n), 4);
      const std::vector<double> a64 = as<double>(a), b64 = as<double>(b), bias64 = as<double>(bias);
      std::vector<double> c64 = as<double>(c);
      cpu.ops().matmul(*cpu.queue, p, a.data(), {b.data()}, with_bias ? bias.data() : nullptr, c.data());
      exact.ops().matmul(*exact.queue, p, a64.data(), {b64.data()}, with_bias ? bias64.data() : nullptr, c64.data());
      check_close(c, c64, k, "matmul " + std::to_string(which) + " repeat " + std::to_string(repeat));
    }
  }
}

}  // namespace
}  // namespace weft
