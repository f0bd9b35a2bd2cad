// kernels/cuda/reduce.cu: sums and extremes over the middle axis.
//
//   out[o,i] = sum over j of x[o,j,i]         (or of squares, or the count of what is not finite)
//   out[o,i] = max or min over j of x[o,j,i], index[o,i] the first j that reaches it; a NaN wins, the first one
//
//   x (outer, n, inner)   out (outer, inner)   index (outer, inner) int32 or null      contiguous
//   x float32 or bfloat16, out float32
//
// Work:   column_lanes.h deals rows to lanes; each lane walks its rows in order, four at a time, the lanes are merged by a
//         tree, the parts by a second kernel. A minimum is the maximum of what is negated.
// Limit:  memory: |x| is read once.
// Sums:   a chain of at most rows/(lanes*parts) additions, then a tree: error grows with that, not with n.
// Twin:   kernels/reference; index and extremes equal bit for bit, sums on whole-number inputs.
// Source: M. Harris, "Optimizing parallel reduction in CUDA", 2007, for the tree.
#include "column_lanes.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

template <int kPack>
struct Sum {
  float value[kPack] = {};
  __device__ __forceinline__ Sum<1> of(int j) const { return {{value[j]}}; }
};
template <int kPack>
__device__ __forceinline__ Sum<kPack> merge(Sum<kPack> a, const Sum<kPack>& b) {
#pragma unroll
  for (int j = 0; j < kPack; ++j) a.value[j] += b.value[j];
  return a;
}

template <int kPack>
struct Largest {
  float value[kPack] = {};
  int32_t position[kPack] = {};                 // counted from 1; 0: of nothing
  __device__ __forceinline__ Largest<1> of(int j) const { return {{value[j]}, {position[j]}}; }
};
template <int kPack>
__device__ __forceinline__ Largest<kPack> merge(Largest<kPack> a, const Largest<kPack>& b) {
#pragma unroll
  for (int j = 0; j < kPack; ++j) {
    const float u = a.value[j], v = b.value[j];
    const bool u_nan = u != u, v_nan = v != v, v_first = b.position[j] < a.position[j];
    const bool v_wins = u_nan || v_nan ? v_nan && (!u_nan || v_first) : v > u || (v == u && v_first);
    if (b.position[j] == 0 || (a.position[j] != 0 && !v_wins)) continue;
    a.value[j] = v;
    a.position[j] = b.position[j];
  }
  return a;
}

template <ReduceKind K>
struct StoreResult {
  float* out;
  int32_t* index;                               // or null
  __device__ __forceinline__ void operator()(int64_t to, const Sum<1>& s) const { out[to] = s.value[0]; }
  __device__ __forceinline__ void operator()(int64_t to, const Largest<1>& s) const {
    out[to] = K == ReduceKind::min ? -s.value[0] : s.value[0];
    if (index) index[to] = s.position[0] - 1;
  }
};

template <ReduceKind K>
__device__ __forceinline__ float term(float x) {
  if (K == ReduceKind::sum_squares) return x * x;
  if (K == ReduceKind::count_non_finite) return x - x == 0 ? 0.0f : 1.0f;
  return K == ReduceKind::min ? -x : x;
}
template <int kPack>
__device__ __forceinline__ void add_row(Sum<kPack>& sum, const float (&v)[kPack], int32_t, int) {
#pragma unroll
  for (int j = 0; j < kPack; ++j) sum.value[j] += v[j];
}
template <int kPack>
__device__ __forceinline__ void add_row(Largest<kPack>& sum, const float (&v)[kPack], int32_t row, int row_step) {
  Largest<kPack> next;
#pragma unroll
  for (int j = 0; j < kPack; ++j) next.value[j] = v[j], next.position[j] = row + j * row_step + 1;
  sum = merge(sum, next);
}

template <ReduceKind K, template <int> class Value, int kPack, class E>
__global__ void __launch_bounds__(kThreads) reduce_kernel(ColumnLanes lanes, const E* x, bool aligned, Value<1>* parts,
                                                          StoreResult<K> store) {
  const ColumnPlace at = place_of(lanes, blockIdx.x);
  const int64_t step = step_of(lanes);
  const E* from = x + first_of(lanes, at);
  const int row_step = lanes.folded;            // from one element of a pack to the next
  Value<kPack> sum;
  for (int row = at.first_row; row < at.end_row; row += 4 * lanes.down, from += 4 * step) {
    float v[4][kPack] = {};
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (row + i * lanes.down < at.end_row) load_pack(from + i * step, aligned, v[i]);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (row + i * lanes.down >= at.end_row) break;
#pragma unroll
      for (int j = 0; j < kPack; ++j) v[i][j] = term<K>(v[i][j]);
      add_row(sum, v[i], (row + i * lanes.down) * (lanes.folded ? kPack : 1), row_step);
    }
  }
  sum = merge_down(lanes, at, sum);
  if (parts) store_columns(lanes, at, lanes.parts, at.part, sum, [&](int64_t to, const Value<1>& s) { parts[to] = s; });
  else store_columns(lanes, at, 1, 0, sum, store);
}

template <ReduceKind K, template <int> class Value>
void reduce_as(Queue& queue, const ReduceProblem& p, const void* x, const StoreResult<K>& store) {
  const ColumnLanes lanes = reduction_lanes(p.outer, p.n, p.inner, "reduce");
  const size_t partials = size_t(p.outer * lanes.parts * p.inner);
  auto* parts = lanes.parts > 1 ? static_cast<Value<1>*>(workspace(queue, partials * sizeof(Value<1>))) : nullptr;
  with_pack(lanes.pack, p.bf16, [&](auto pack, auto element) {
    using E = decltype(element);
    launch<reduce_kernel<K, Value, decltype(pack)::value, E>>(queue, lanes.blocks, kThreads, 0, lanes, static_cast<const E*>(x), aligned16(x), parts,
                                                              store);
  });
  if (parts) merge_parts(queue, p.outer, lanes.parts, p.inner, parts, store, "reduce");
}

}  // namespace

void reduce(Queue& queue, ReduceKind kind, const ReduceProblem& p, const void* x, void* out, int32_t* index) {
  if (p.outer * p.inner == 0) return;
  fits_int(p.n, "reduce", "the reduced axis");
  auto* to = static_cast<float*>(out);
  switch (kind) {
    case ReduceKind::sum: return reduce_as<ReduceKind::sum, Sum>(queue, p, x, {to, nullptr});
    case ReduceKind::sum_squares: return reduce_as<ReduceKind::sum_squares, Sum>(queue, p, x, {to, nullptr});
    case ReduceKind::count_non_finite: return reduce_as<ReduceKind::count_non_finite, Sum>(queue, p, x, {to, nullptr});
    case ReduceKind::max: return reduce_as<ReduceKind::max, Largest>(queue, p, x, {to, index});
    case ReduceKind::min: return reduce_as<ReduceKind::min, Largest>(queue, p, x, {to, index});
  }
}

}  // namespace weft::WEFT_BACKEND
