// kernels/cuda/pointwise.cu: out = f(a, b, c), point by point, for every kind in kinds.h.
//
//   out (size...) contiguous    a, b, c read with strides; stride 0 repeats an input along that axis
//   each of them float32 or bfloat16, computed in float32
//
// Work:   `out` is cut into groups of four neighbours, wherever its rows end. An input that lies as `out` does is read
//         16 bytes at a time (8 of bfloat16), and so is one that is repeated over the outer axes (a bias) where rows are whole groups; one
//         that is repeated everywhere, or along a row, is read once for the four. A thread has four such loads under way,
//         and a grid-stride loop walks the rest. What does not fit (odd addresses and strides, the last few points) is read
//         element by element. Indices are worked out only where an input needs them. An input's type is the same for a whole
//         launch; bfloat16 is widened when all loads are under way.
// Limit:  memory: 4 bytes a point, or 2 of bfloat16, for out and each input that is not repeated.
//         One kernel a kind: the formula is compiled in, so a kind costs its own instructions and no switch.
// Twin:   kernels/reference/pointwise.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

enum class Access : uint8_t {
  constant,                                   // one value for all
  flat,                                       // lies as `out` does
  group,                                      // four neighbours of `out` are 16 aligned bytes here
  row,                                        // four neighbours of `out` are one value here
  element,
};
struct PointwiseOperand {
  const void* data;
  int64_t stride[kMaxRank];
  Access access;
  bool aligned, bf16;
  __device__ __forceinline__ float at(int64_t i) const {
    return bf16 ? widened(static_cast<const __nv_bfloat16*>(data)[i]) : static_cast<const float*>(data)[i];
  }
};
struct PointwiseLayout {
  PointwiseOperand in[3];
  uint32_t count;                             // points
  int rank;
  Divisor size[kMaxRank];
  bool indexed;                               // some input is neither constant nor flat
  bool vector;                                // whole groups go without `element`
  bool aligned, bf16;                         // out
};

/// Where a point stands in each input.
template <int kInputs>
__device__ __forceinline__ void offsets_of(const PointwiseLayout& layout, uint32_t point, int64_t (&at)[3]) {
#pragma unroll
  for (int i = 0; i < kInputs; ++i) at[i] = layout.in[i].access == Access::flat ? int64_t(point) : 0;
  if (!layout.indexed) return;
#pragma unroll 1
  for (int axis = layout.rank - 1; axis >= 0; --axis) {
    uint32_t index;
    point = layout.size[axis].split(point, &index);
#pragma unroll
    for (int i = 0; i < kInputs; ++i)
      if (layout.in[i].access != Access::flat) at[i] += index * layout.in[i].stride[axis];
  }
}

/// Four bfloat16 in the bits of v[0] and v[1], until they are widened.
__device__ __forceinline__ void load_four_bf16(const __nv_bfloat16* p, float (&v)[4]) {
  const float2 four = *reinterpret_cast<const float2*>(p);
  v[0] = four.x, v[1] = four.y;
}
__device__ __forceinline__ void widen_four(float (&v)[4]) {
  const unsigned low = __float_as_uint(v[0]), high = __float_as_uint(v[1]);
  v[0] = __uint_as_float(low << 16), v[1] = __uint_as_float(low & 0xffff0000u);
  v[2] = __uint_as_float(high << 16), v[3] = __uint_as_float(high & 0xffff0000u);
}
template <int kInputs>
__device__ __forceinline__ void load_whole_group(const PointwiseLayout& layout, uint32_t group, float (&v)[3][4]) {
  int64_t at[3];
  offsets_of<kInputs>(layout, group * 4, at);
#pragma unroll
  for (int i = 0; i < kInputs; ++i) {
    const PointwiseOperand& in = layout.in[i];
    if (in.access == Access::row) v[i][0] = v[i][1] = v[i][2] = v[i][3] = in.at(at[i]);
    else if (in.access != Access::constant && !in.bf16) load4(static_cast<const float*>(in.data) + at[i], v[i]);
    else if (in.access != Access::constant) load_four_bf16(static_cast<const __nv_bfloat16*>(in.data) + at[i], v[i]);
  }
}
template <int kInputs>
__device__ __forceinline__ void widen_group(const PointwiseLayout& layout, float (&v)[3][4]) {
#pragma unroll
  for (int i = 0; i < kInputs; ++i)
    if (layout.in[i].bf16 && (layout.in[i].access == Access::flat || layout.in[i].access == Access::group)) widen_four(v[i]);
}
template <int kInputs>
__device__ __forceinline__ void load_any_group(const PointwiseLayout& layout, uint32_t group, float (&v)[3][4]) {
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    int64_t at[3];
    if (group * 4 + j >= layout.count) break;
    offsets_of<kInputs>(layout, group * 4 + j, at);
#pragma unroll
    for (int i = 0; i < kInputs; ++i)
      if (layout.in[i].access != Access::constant) v[i][j] = layout.in[i].at(at[i]);
  }
}

template <PointwiseKind K>
__device__ __forceinline__ void store_group(const PointwiseLayout& layout, uint32_t group, const float (&v)[3][4], float p, float q, void* out) {
  float result[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) result[j] = Pointwise<K>::template apply<float>(v[0][j], v[1][j], v[2][j], p, q);
  const auto store = [&](auto* to) {
    if (layout.aligned && group < layout.count / 4) return store4(to, result);
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (group * 4 + j < layout.count) put(to + j, result[j]);
  };
  if (layout.bf16) store(static_cast<__nv_bfloat16*>(out) + group * 4);
  else store(static_cast<float*>(out) + group * 4);
}

template <PointwiseKind K>
__global__ void __launch_bounds__(kThreads) pointwise_kernel(PointwiseLayout layout, float p, float q, void* out) {
  constexpr int kInputs = pointwise_info[int(K)].inputs, kGroups = kInputs == 1 ? 4 : 2;
  constexpr uint32_t kBlock = kThreads * kGroups;
  float v[kGroups][3][4] = {};
#pragma unroll
  for (int i = 0; i < kInputs; ++i)
    if (layout.in[i].access == Access::constant)
#pragma unroll
      for (int n = 0; n < kGroups * 4; ++n) v[n / 4][i][n % 4] = layout.in[i].at(0);
  for (uint32_t first = blockIdx.x * kBlock; first < layout.count / 4 + 1; first += gridDim.x * kBlock) {
    const uint32_t group = first + threadIdx.x;
    if (layout.vector && first + kBlock <= layout.count / 4) {
#pragma unroll
      for (int n = 0; n < kGroups; ++n) load_whole_group<kInputs>(layout, group + n * kThreads, v[n]);
#pragma unroll
      for (int n = 0; n < kGroups; ++n) widen_group<kInputs>(layout, v[n]);
#pragma unroll
      for (int n = 0; n < kGroups; ++n) store_group<K>(layout, group + n * kThreads, v[n], p, q, out);
    } else {
#pragma unroll 1
      for (uint32_t n = 0; n < kBlock; n += kThreads) {
        load_any_group<kInputs>(layout, group + n, v[0]);
        store_group<K>(layout, group + n, v[0], p, q, out);
      }
    }
  }
}

PointwiseOperand operand(const PointwiseProblem& problem, int which, const void* data) {
  PointwiseOperand in{data, {}, Access::element, aligned16(data), problem.bf16[which]};
  bool constant = true, flat = true, groups = problem.size[problem.rank - 1] % 4 == 0;
  int64_t step = 1;
  for (int axis = problem.rank - 1; axis >= 0; --axis) {
    const int64_t stride = in.stride[axis] = problem.stride[which][axis];
    if (problem.size[axis] == 1) continue;
    constant = constant && stride == 0;
    flat = flat && stride == step;
    groups = groups && (axis == problem.rank - 1 || stride % 4 == 0);
    step *= problem.size[axis];
  }
  const int64_t inner = in.stride[problem.rank - 1];
  if (constant) in.access = Access::constant;
  else if (flat) in.access = Access::flat;
  else if (inner == 0 && problem.size[problem.rank - 1] % 4 == 0) in.access = Access::row;
  else if (groups && inner == 1 && in.aligned) in.access = Access::group;
  return in;
}

}  // namespace

void pointwise(Queue& queue, PointwiseKind kind, const PointwiseProblem& problem, const void* a, const void* b,
               const void* c, void* out) {
  int64_t count = 1;
  int outermost = -1;
  for (int axis = problem.rank - 1; axis >= 0; --axis) {
    count *= problem.size[axis];
    if (problem.size[axis] > 1) outermost = axis;
  }
  if (count == 0) return;
  if (count >= kMany) {                       // in two halves of the outermost axis
    PointwiseProblem half = problem;
    const int64_t first = half.size[outermost] = problem.size[outermost] / 2;
    pointwise(queue, kind, half, a, b, c, out);
    const auto at = [](const void* p, int64_t elements, bool bf16) { return static_cast<const char*>(p) + elements * (bf16 ? 2 : 4); };
    const auto skip = [&](const void* p, int which) { return p ? at(p, first * problem.stride[which][outermost], problem.bf16[which]) : nullptr; };
    half.size[outermost] = problem.size[outermost] - first;
    pointwise(queue, kind, half, skip(a, 0), skip(b, 1), skip(c, 2),
              const_cast<char*>(at(out, first * (count / problem.size[outermost]), problem.bf16_out)));
    return;
  }
  PointwiseLayout layout{{operand(problem, 0, a), operand(problem, 1, b), operand(problem, 2, c)},
                         uint32_t(count), problem.rank, {}, false, aligned16(out), aligned16(out), problem.bf16_out};
  for (int axis = 0; axis < problem.rank; ++axis) layout.size[axis] = Divisor(problem.size[axis]);
  const int inputs = pointwise_info[int(kind)].inputs;
  for (int i = 0; i < inputs; ++i) {
    const PointwiseOperand& in = layout.in[i];
    layout.indexed = layout.indexed || in.access >= Access::group;
    layout.vector = layout.vector && in.access != Access::element && (in.access != Access::flat || in.aligned);
  }
  with_kind(kind, [&](auto constant) {
    launch<pointwise_kernel<decltype(constant)::value>>(queue, blocks_for(ceil_div(count, inputs == 1 ? 16 : 8)), kThreads, 0,
                                                        layout, float(problem.p), float(problem.q), out);
  });
}

}  // namespace weft::WEFT_BACKEND
