// Reductions over the middle axis of x (outer, n, inner), and the table of this instruction set's loops.
//
// Sums: rows of `inner` are first widened to about 64 elements by taking several at once, so that one vector loop serves a
// sum over everything (inner 1), over pixels (inner C), over three channels. A block of rows is summed into one row of
// partial sums, and the partial rows are added up in rising order. Blocks depend on the shape alone, so the sum's bits
// depend neither on the number of threads nor on the instruction set; and the error grows with the block's length plus the
// number of blocks, not with n. Bound by memory.
#include "column_sums.h"

namespace weft::cpu::WEFT_ISA {
namespace {

template <class F>
void sum(CpuQueue& queue, const ReduceProblem& problem, const float* x, float* out, F value) {
  const auto [outer, n, inner, bf16] = problem;
  const Blocks blocks(n, inner);
  float* partials = queue.scratch(Slot::partials, size_t(outer * blocks.count * inner));   // (outer, blocks, inner)
  parallel(queue, outer * blocks.count, outer * n * inner, [&, n_ = n, inner_ = inner](int64_t job) {
    const int64_t o = job / blocks.count, block = job % blocks.count;
    const int64_t first = block * blocks.rows, rows = n_ - first < blocks.rows ? n_ - first : blocks.rows;
    const float* begin = x + (o * n_ + first) * inner_;
    column_sums(rows, inner_, partials + job * inner_, [&](int64_t at, int64_t) { return value(begin[at]); });
  });
  parallel(queue, outer, outer * blocks.count * inner, [&, inner_ = inner](int64_t o) {
    add_rows(blocks.count, inner_, partials + o * blocks.count * inner_, out + o * inner_);
  });
}

/// The first winner of each column; a NaN beats every number and the first NaN stays.
template <bool largest>
void extreme(CpuQueue& queue, const ReduceProblem& problem, const float* x, float* out, int32_t* index) {
  const int64_t outer = problem.outer, n = problem.n, inner = problem.inner;
  constexpr int64_t kColumns = 64;
  const int64_t pieces = (inner + kColumns - 1) / kColumns;
  parallel(queue, outer * pieces, outer * n * inner, [&](int64_t job) {
    const int64_t o = job / pieces, first = job % pieces * kColumns;
    const int64_t columns = inner - first < kColumns ? inner - first : kColumns;
    float best[kColumns];
    int32_t winner[kColumns];
    const float* row = x + o * n * inner + first;
    for (int64_t i = 0; i < columns; ++i) best[i] = row[i], winner[i] = 0;
    for (int64_t j = 1; j < n; ++j) {
      row += inner;
      for (int64_t i = 0; i < columns; ++i) {
        const float v = row[i], leader = best[i];
        const bool wins = leader == leader && (v != v || (largest ? v > leader : v < leader));
        best[i] = wins ? v : leader;
        winner[i] = wins ? int32_t(j) : winner[i];
      }
    }
    for (int64_t i = 0; i < columns; ++i) {
      out[o * inner + first + i] = best[i];
      if (index) index[o * inner + first + i] = winner[i];
    }
  });
}

}  // namespace

void reduce(CpuQueue& queue, ReduceKind kind, const ReduceProblem& problem, const float* x, float* out, int32_t* index) {
  switch (kind) {
    case ReduceKind::sum: return sum(queue, problem, x, out, [](float v) { return v; });
    case ReduceKind::sum_squares: return sum(queue, problem, x, out, [](float v) { return v * v; });
    case ReduceKind::count_non_finite: return sum(queue, problem, x, out, [](float v) { return v - v == 0 ? 0.0f : 1.0f; });
    case ReduceKind::max: return extreme<true>(queue, problem, x, out, index);
    case ReduceKind::min: return extreme<false>(queue, problem, x, out, index);
  }
}

#define WEFT_NAME(isa) #isa
#define WEFT_NAME_OF(isa) WEFT_NAME(isa)
const Loops loops{WEFT_NAME_OF(WEFT_ISA), pointwise, reduce, strided_copy, gather, scatter_add, sort, resample, max_pool, moments,
                  normalize, normalize_grad, random, optimizer_step, epilogue, take_columns, add_columns, few_channels_input_grad,
                  winograd_image, winograd_gradient, winograd_result, winograd_filter, winograd_filter_gradient,
                  matmul, conv2d, conv2d_input_grad, conv2d_weight_grad};

}  // namespace weft::cpu::WEFT_ISA
