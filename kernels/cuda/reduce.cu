// kernels/cuda/reduce.cu: sums and extremes over the middle axis.
//
//   out[o,i] = sum over j of x[o,j,i]         (or of squares, or the count of what is not finite)
//   out[o,i] = max or min over j of x[o,j,i], index[o,i] the first j that reaches it; a NaN wins, the first one
//
//   x (outer, n, inner)   out (outer, inner)   index (outer, inner) int32 or null      float32, contiguous
//
// Work:   column_lanes.h deals rows to lanes; each lane walks its rows in order, the lanes are merged by a tree, the parts
//         by a second kernel in rising order. A short n has one thread an output instead, and no barrier.
// Limit:  memory: |x| is read once.
// Sums:   a chain of at most rows/(lanes*parts) additions, then a tree: error grows with that, not with n.
// Twin:   kernels/reference; index and extremes equal bit for bit, sums on whole-number inputs.
// Source: M. Harris, "Optimizing parallel reduction in CUDA", 2007, for the tree.
#include "column_lanes.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

struct Found {
  float value;
  int32_t index;                                // extremes: where; else unused
};

template <ReduceKind K>
struct Reducer {
  static constexpr bool kExtreme = K == ReduceKind::max || K == ReduceKind::min;
  __device__ __forceinline__ static Found nothing() { return {0.0f, -1}; }
  __device__ __forceinline__ static Found one(float x, int32_t index) {
    if (K == ReduceKind::sum_squares) return {x * x, 0};
    if (K == ReduceKind::count_non_finite) return {x - x == 0 ? 0.0f : 1.0f, 0};
    return {x, index};
  }
  __device__ __forceinline__ static Found merge(const Found& a, const Found& b) {
    if (!kExtreme) return {a.value + b.value, 0};
    if (a.index < 0 || b.index < 0) return a.index < 0 ? b : a;
    const bool a_nan = a.value != a.value, b_nan = b.value != b.value, a_first = a.index < b.index;
    if (a_nan || b_nan) return a_nan && (!b_nan || a_first) ? a : b;
    if (a.value == b.value) return a_first ? a : b;
    return (K == ReduceKind::max) == (a.value > b.value) ? a : b;
  }
};

struct ReduceBuffers {
  const float* x;                               // the input, or null when parts are merged
  const float* part_value;                      // (outer, parts, inner)
  const int32_t* part_index;
  float* out;
  int32_t* index;                               // or null
};

template <ReduceKind K>
__device__ __forceinline__ Found read(const ReduceBuffers& b, int64_t at, int64_t row) {
  if (b.x) return Reducer<K>::one(b.x[at], int32_t(row));
  return {b.part_value[at], Reducer<K>::kExtreme ? b.part_index[at] : 0};
}

template <ReduceKind K>
__global__ void __launch_bounds__(kThreads) reduce_kernel(ColumnLanes lanes, ReduceBuffers buffers) {
  const ColumnPlace at = place_of(lanes);
  Found found = Reducer<K>::nothing();
  if (at.column < lanes.columns)
    for (int64_t row = at.first_row; row < at.end_row; row += lanes.down)
      found = Reducer<K>::merge(found, read<K>(buffers, (at.outer * lanes.rows + row) * lanes.columns + at.column, row));
  found = merge_down(lanes, at, found, [](const Found& a, const Found& b) { return Reducer<K>::merge(a, b); });
  if (at.lane_down != 0 || at.column >= lanes.columns) return;
  const int64_t to = (at.outer * lanes.parts + at.part) * lanes.columns + at.column;
  buffers.out[to] = found.value;
  if (Reducer<K>::kExtreme && buffers.index) buffers.index[to] = found.index;
}

template <ReduceKind K>
__global__ void __launch_bounds__(kThreads) reduce_short_kernel(int64_t outputs, int64_t n, int64_t inner, ReduceBuffers buffers) {
  for (int64_t to = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; to < outputs; to += int64_t(gridDim.x) * blockDim.x) {
    const int64_t first = to / inner * n * inner + to % inner;
    Found found = Reducer<K>::nothing();
    for (int64_t row = 0; row < n; ++row) found = Reducer<K>::merge(found, read<K>(buffers, first + row * inner, row));
    buffers.out[to] = found.value;
    if (Reducer<K>::kExtreme && buffers.index) buffers.index[to] = found.index;
  }
}

template <ReduceKind K>
void reduce_as(Queue& queue, const ReduceProblem& p, const float* x, float* out, int32_t* index) {
  const ReduceBuffers buffers{x, nullptr, nullptr, out, index};
  const int64_t outputs = p.outer * p.inner;
  if (p.n <= 32) {
    launch<reduce_short_kernel<K>>(queue, blocks_for(outputs), kThreads, 0, outputs, p.n, p.inner, buffers);
    return;
  }
  const ColumnLanes lanes = column_lanes(p.outer, p.n, p.inner, "reduce");
  if (lanes.parts == 1) {
    launch<reduce_kernel<K>>(queue, unsigned(lanes.blocks()), kThreads, 0, lanes, buffers);
    return;
  }
  const int64_t partials = outputs * lanes.parts;
  auto* values = static_cast<float*>(workspace(queue, size_t(partials) * 8));
  auto* indices = reinterpret_cast<int32_t*>(values + partials);
  launch<reduce_kernel<K>>(queue, unsigned(lanes.blocks()), kThreads, 0, lanes, ReduceBuffers{x, nullptr, nullptr, values, indices});
  launch<reduce_short_kernel<K>>(queue, blocks_for(outputs), kThreads, 0, outputs, lanes.parts, p.inner,
                                 ReduceBuffers{nullptr, values, indices, out, index});
}

}  // namespace

void reduce(Queue& queue, ReduceKind kind, const ReduceProblem& p, const void* x, void* out, int32_t* index) {
  if (p.outer * p.inner == 0) return;
  fits_int(p.n, "reduce", "the reduced axis");
  const auto run = kind == ReduceKind::sum           ? reduce_as<ReduceKind::sum>
                   : kind == ReduceKind::sum_squares ? reduce_as<ReduceKind::sum_squares>
                   : kind == ReduceKind::max         ? reduce_as<ReduceKind::max>
                   : kind == ReduceKind::min         ? reduce_as<ReduceKind::min>
                                                     : reduce_as<ReduceKind::count_non_finite>;
  run(queue, p, static_cast<const float*>(x), static_cast<float*>(out), index);
}

}  // namespace weft::WEFT_BACKEND
