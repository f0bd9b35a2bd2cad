// kernels/cuda/pointwise.cu: out = f(a, b, c), point by point, for every kind in kinds.h.
//
//   out (size...) contiguous    a, b, c read with strides; stride 0 repeats an input along that axis    float32
//
// Work:   `out` is cut into groups of four neighbours, wherever its rows end. An input that lies as `out` does is read
//         16 bytes at a time, and so is one that is repeated over the outer axes (a bias) where rows are whole groups; one
//         that is repeated everywhere, or along a row, is read once for the four. A thread has four such loads under way,
//         and a grid-stride loop walks the rest. What does not fit (odd addresses and strides, the last few points) is read
//         element by element. Indices are worked out only where an input needs them.
// Limit:  memory: 4 bytes a point for out and each input that is not repeated.
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
  const float* data;
  int64_t stride[kMaxRank];
  Access access;
  bool aligned;
};
struct PointwiseLayout {
  PointwiseOperand in[3];
  uint32_t count;                             // points
  int rank;
  Divisor size[kMaxRank];
  bool indexed;                               // some input is neither constant nor flat
  bool vector;                                // whole groups go without `element`
  bool aligned;                               // out
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

template <int kInputs>
__device__ __forceinline__ void load_whole_group(const PointwiseLayout& layout, uint32_t group, float (&v)[3][4]) {
  int64_t at[3];
  offsets_of<kInputs>(layout, group * 4, at);
#pragma unroll
  for (int i = 0; i < kInputs; ++i) {
    const PointwiseOperand& in = layout.in[i];
    if (in.access == Access::row) v[i][0] = v[i][1] = v[i][2] = v[i][3] = in.data[at[i]];
    else if (in.access != Access::constant) load4(in.data + at[i], v[i]);
  }
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
      if (layout.in[i].access != Access::constant) v[i][j] = layout.in[i].data[at[i]];
  }
}

template <PointwiseKind K>
__device__ __forceinline__ void store_group(const PointwiseLayout& layout, uint32_t group, const float (&v)[3][4], float p, float q, float* out) {
  float result[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) result[j] = Pointwise<K>::template apply<float>(v[0][j], v[1][j], v[2][j], p, q);
  if (layout.aligned && group < layout.count / 4) {
    store4(out + group * 4, result);
  } else {
#pragma unroll
    for (int j = 0; j < 4; ++j)
      if (group * 4 + j < layout.count) out[group * 4 + j] = result[j];
  }
}

template <PointwiseKind K>
__global__ void __launch_bounds__(kThreads) pointwise_kernel(PointwiseLayout layout, float p, float q, float* out) {
  constexpr int kInputs = pointwise_info[int(K)].inputs, kGroups = kInputs == 1 ? 4 : 2;
  constexpr uint32_t kBlock = kThreads * kGroups;
  float v[kGroups][3][4] = {};
#pragma unroll
  for (int i = 0; i < kInputs; ++i)
    if (layout.in[i].access == Access::constant)
#pragma unroll
      for (int n = 0; n < kGroups * 4; ++n) v[n / 4][i][n % 4] = *layout.in[i].data;
  for (uint32_t first = blockIdx.x * kBlock; first < layout.count / 4 + 1; first += gridDim.x * kBlock) {
    const uint32_t group = first + threadIdx.x;
    if (layout.vector && first + kBlock <= layout.count / 4) {
#pragma unroll
      for (int n = 0; n < kGroups; ++n) load_whole_group<kInputs>(layout, group + n * kThreads, v[n]);
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
  PointwiseOperand in{static_cast<const float*>(data), {}, Access::element, aligned16(data)};
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
    const auto skip = [&](const void* p, int which) {
      return p ? static_cast<const float*>(p) + first * problem.stride[which][outermost] : nullptr;
    };
    half.size[outermost] = problem.size[outermost] - first;
    pointwise(queue, kind, half, skip(a, 0), skip(b, 1), skip(c, 2),
              static_cast<float*>(out) + first * (count / problem.size[outermost]));
    return;
  }
  PointwiseLayout layout{{operand(problem, 0, a), operand(problem, 1, b), operand(problem, 2, c)},
                         uint32_t(count), problem.rank, {}, false, aligned16(out), aligned16(out)};
  for (int axis = 0; axis < problem.rank; ++axis) layout.size[axis] = Divisor(problem.size[axis]);
  const int inputs = pointwise_info[int(kind)].inputs;
  for (int i = 0; i < inputs; ++i) {
    const PointwiseOperand& in = layout.in[i];
    layout.indexed = layout.indexed || in.access >= Access::group;
    layout.vector = layout.vector && in.access != Access::element && (in.access != Access::flat || in.aligned);
  }
  with_kind(kind, [&](auto constant) {
    launch<pointwise_kernel<decltype(constant)::value>>(queue, blocks_for(ceil_div(count, inputs == 1 ? 16 : 8)), kThreads, 0,
                                                        layout, float(problem.p), float(problem.q), static_cast<float*>(out));
  });
}

}  // namespace weft::WEFT_BACKEND
