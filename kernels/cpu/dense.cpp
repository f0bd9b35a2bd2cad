// Matrix products and convolutions without a library: what `cpu` does where oneDNN is absent or has no fast way.
//
//   c (m,n) (+)= a (m,k) b (k,n), each operand read through a row and a column stride
//
// b is packed into panels of kN columns, a into panels of kM rows; a register tile of kM x kN sums over a slice of k that
// stays in cache (Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", TOMS 2008). Rows of c are
// shared out among the threads; each element is summed in one fixed order.
//
// A convolution is im2col (columns.cpp), one image and one group at a time:
//   conv2d               y = columns * w^T          conv2d_input_grad   columns = y * w, then added up into x's pixels
//   conv2d_weight_grad   dw += y^T * columns
#include "lanes.h"
#include "loops.h"

namespace weft::cpu::WEFT_ISA {
namespace {

constexpr int kM = kLanes == 16 ? 12 : 6;
constexpr int kN = 2 * kLanes;
constexpr int64_t kK = 256;   // slice of k

struct Matrix {
  const float* data;
  int64_t row, column;   // strides
};

/// tile (kM, kN) += a panel (k, kM) * b panel (k, kN)
void multiply_panels(int64_t k, const float* a, const float* b, float* tile) {
  Lanes sum[kM][2];
  for (int i = 0; i < kM; ++i)
    for (int j = 0; j < 2; ++j) sum[i][j] = *reinterpret_cast<const Lanes*>(tile + i * kN + j * kLanes);
  for (int64_t l = 0; l < k; ++l) {
    const Lanes left = *reinterpret_cast<const Lanes*>(b + l * kN), right = *reinterpret_cast<const Lanes*>(b + l * kN + kLanes);
#pragma GCC unroll 12
    for (int i = 0; i < kM; ++i) {
      sum[i][0] += a[l * kM + i] * left;
      sum[i][1] += a[l * kM + i] * right;
    }
  }
  for (int i = 0; i < kM; ++i)
    for (int j = 0; j < 2; ++j) *reinterpret_cast<Lanes*>(tile + i * kN + j * kLanes) = sum[i][j];
}

/// c (m,n) with rows `c_row` apart: c = or += a b
void multiply(CpuQueue& queue, int64_t m, int64_t n, int64_t k, Matrix a, Matrix b, float* c, int64_t c_row, bool accumulate) {
  const int64_t panels_m = (m + kM - 1) / kM, panels_n = (n + kN - 1) / kN;
  float* const packed_a = queue.scratch(Slot::packed_a, size_t(panels_m * kM * kK));
  float* const packed_b = queue.scratch(Slot::packed_b, size_t(panels_n * kN * kK));
  for (int64_t i = 0; i < m && k == 0 && !accumulate; ++i)
    for (int64_t j = 0; j < n; ++j) c[i * c_row + j] = 0;
  for (int64_t first = 0; first < k; first += kK) {
    const int64_t depth = k - first < kK ? k - first : kK;
    const bool add = accumulate || first > 0;
    parallel(queue, panels_n, depth * n, [&](int64_t panel) {
      float* to = packed_b + panel * kN * kK;
      for (int64_t l = 0; l < depth; ++l)
        for (int64_t j = 0; j < kN; ++j) {
          const int64_t column = panel * kN + j;
          to[l * kN + j] = column < n ? b.data[(first + l) * b.row + column * b.column] : 0;
        }
    });
    parallel(queue, panels_m, m * n * depth, [&](int64_t panel) {
      float* const own_a = packed_a + panel * kM * kK;
      const int64_t rows = m - panel * kM < kM ? m - panel * kM : kM;
      for (int64_t l = 0; l < depth; ++l)
        for (int64_t i = 0; i < kM; ++i)
          own_a[l * kM + i] = i < rows ? a.data[(panel * kM + i) * a.row + (first + l) * a.column] : 0;
      for (int64_t j = 0; j < panels_n; ++j) {
        alignas(64) float tile[kM * kN] = {};
        const int64_t columns = n - j * kN < kN ? n - j * kN : kN;
        float* const corner = c + panel * kM * c_row + j * kN;
        multiply_panels(depth, own_a, packed_b + j * kN * kK, tile);
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t column = 0; column < columns; ++column) {
            float& result = corner[i * c_row + column];
            result = add ? result + tile[i * kN + column] : tile[i * kN + column];
          }
      }
    });
  }
}

}  // namespace

void matmul(CpuQueue& queue, const MatmulProblem& problem, const float* a, const float* b, const float* bias, float* c) {
  const auto [batch, m, n, k, transpose_a, transpose_b, accumulate, stride_a, stride_b, bf16_a, bf16_b, bf16_c] = problem;
  for (int64_t i = 0; i < batch; ++i) {
    const Matrix left{a + i * stride_a, transpose_a ? 1 : k, transpose_a ? m : 1};
    const Matrix right{b + i * stride_b, transpose_b ? 1 : n, transpose_b ? k : 1};
    multiply(queue, m, n, k, left, right, c + i * m * n, n, accumulate);
  }
  if (bias) epilogue(queue, batch * m, n, {bias}, c, c);
}

void conv2d(CpuQueue& queue, const ConvProblem& problem, const ConvEpilogue& what, const float* x, const float* w, float* y) {
  const int64_t pixels = int64_t(problem.p) * problem.q, image = int64_t(problem.h) * problem.w * problem.c;
  const int64_t width = problem.c / problem.groups, depth = problem.r * problem.s * width, K = problem.k, group_k = K / problem.groups;
  float* const columns = queue.scratch(Slot::columns, size_t(pixels * depth));
  float* const sum = queue.scratch(Slot::result, size_t(pixels * K));
  for (int64_t n = 0; n < problem.n; ++n) {
    for (int64_t g = 0; g < problem.groups; ++g) {
      take_columns(queue, problem, 1, g, x + n * image, columns);
      multiply(queue, pixels, group_k, depth, {columns, depth, 1}, {w + g * group_k * depth, 1, depth}, sum + g * group_k, K, false);
    }
    epilogue(queue, pixels, K, what, sum, y + n * pixels * K);
  }
}

void conv2d_input_grad(CpuQueue& queue, const ConvProblem& problem, const ConvEpilogue& what, const float* y, const float* w,
                       float* x) {
  const int64_t pixels = int64_t(problem.p) * problem.q, image = int64_t(problem.h) * problem.w * problem.c;
  const int64_t width = problem.c / problem.groups, depth = problem.r * problem.s * width, K = problem.k, group_k = K / problem.groups;
  float* const columns = queue.scratch(Slot::columns, size_t(pixels * depth));
  for (int64_t n = 0; n < problem.n; ++n)
    for (int64_t g = 0; g < problem.groups; ++g) {
      multiply(queue, pixels, depth, group_k, {y + n * pixels * K + g * group_k, K, 1}, {w + g * group_k * depth, depth, 1}, columns, depth, false);
      add_columns(queue, problem, what, 1, g, columns, x + n * image);
    }
}

void conv2d_weight_grad(CpuQueue& queue, const ConvProblem& problem, bool accumulate, const float* x, const float* y, float* dw) {
  const int64_t pixels = int64_t(problem.p) * problem.q, image = int64_t(problem.h) * problem.w * problem.c;
  const int64_t width = problem.c / problem.groups, depth = problem.r * problem.s * width, K = problem.k, group_k = K / problem.groups;
  float* const columns = queue.scratch(Slot::columns, size_t(pixels * depth));
  for (int64_t n = 0; n < problem.n; ++n)
    for (int64_t g = 0; g < problem.groups; ++g) {
      take_columns(queue, problem, 1, g, x + n * image, columns);
      multiply(queue, group_k, depth, pixels, {y + n * pixels * K + g * group_k, 1, K}, {columns, depth, 1},
               dw + g * group_k * depth, depth, accumulate || n > 0);
    }
}

}  // namespace weft::cpu::WEFT_ISA
