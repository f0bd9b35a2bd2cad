// kernels/cuda/pointwise.cu: out = f(a, b, c), point by point, for every kind in kinds.h.
//
//   out (size...) contiguous    a, b, c read with strides; stride 0 repeats an input along that axis    float32
//
// Work:   one thread owns four neighbours of the innermost axis, so that a contiguous input or output moves as one 16-byte
//         access; a grid-stride loop walks the rest. An index is taken apart only once per four points. A row's tail, an odd
//         address or an inner stride above 1 falls back to single accesses, operand by operand.
// Limit:  memory: 4 bytes a point for out and each input that is not repeated.
//         One kernel a kind: the formula is compiled in, so a kind costs its own instructions and no switch.
// Twin:   kernels/reference/pointwise.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

struct PointwiseOperand {
  const float* data;
  int64_t stride[kMaxRank];
  bool vector;                                // four neighbours can be read at once
};
struct PointwiseLayout {
  int rank;
  uint32_t groups;                            // of four points, in all rows together
  int64_t inner;                              // points in a row
  Divisor groups_per_row, size[kMaxRank];
};

__device__ __forceinline__ void load_points(const PointwiseOperand& in, int64_t row, int64_t first, int inner_axis,
                                            int count, float (&v)[4]) {
  const int64_t stride = in.stride[inner_axis];
  const float* p = in.data + row + first * stride;
  if (in.vector && count == 4) {
    load4(p, v);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) v[i] = i < count ? p[i * stride] : 0.0f;
  }
}

template <PointwiseKind K>
__global__ void __launch_bounds__(kThreads) pointwise_kernel(PointwiseLayout layout, PointwiseOperand a, PointwiseOperand b,
                                                             PointwiseOperand c, float p, float q, float* out, bool vector) {
  constexpr int inputs = pointwise_info[int(K)].inputs;
  const int inner_axis = layout.rank - 1;
  for (uint32_t g = blockIdx.x * blockDim.x + threadIdx.x; g < layout.groups; g += gridDim.x * blockDim.x) {
    uint32_t group;                                                     // [0, groups in a row)
    uint32_t row = layout.groups_per_row.split(g, &group);
    const int64_t first = int64_t(group) * 4;
    const int count = int(min(layout.inner - first, int64_t(4)));       // [1, 4]
    float* to = out + int64_t(row) * layout.inner + first;
    int64_t at[3] = {0, 0, 0};
    for (int axis = inner_axis - 1; axis >= 0; --axis) {
      uint32_t index;
      row = layout.size[axis].split(row, &index);
      at[0] += index * a.stride[axis];
      if (inputs > 1) at[1] += index * b.stride[axis];
      if (inputs > 2) at[2] += index * c.stride[axis];
    }
    float va[4], vb[4] = {}, vc[4] = {}, result[4];
    load_points(a, at[0], first, inner_axis, count, va);
    if (inputs > 1) load_points(b, at[1], first, inner_axis, count, vb);
    if (inputs > 2) load_points(c, at[2], first, inner_axis, count, vc);
#pragma unroll
    for (int i = 0; i < 4; ++i) result[i] = Pointwise<K>::template apply<float>(va[i], vb[i], vc[i], p, q);
    if (vector && count == 4) {
      store4(to, result);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (i < count) to[i] = result[i];
    }
  }
}

PointwiseOperand operand(const PointwiseProblem& problem, int which, const void* data) {
  PointwiseOperand in{static_cast<const float*>(data), {}, aligned16(data)};
  for (int axis = 0; axis < problem.rank; ++axis) {
    in.stride[axis] = problem.stride[which][axis];
    const bool inner = axis == problem.rank - 1;
    if (inner ? in.stride[axis] != 1 : problem.size[axis] > 1 && in.stride[axis] % 4 != 0) in.vector = false;
  }
  return in;
}

}  // namespace

void pointwise(Queue& queue, PointwiseKind kind, const PointwiseProblem& problem, const void* a, const void* b,
               const void* c, void* out) {
  int64_t rows = 1;
  for (int axis = 0; axis + 1 < problem.rank; ++axis) rows *= problem.size[axis];
  const int64_t inner = problem.size[problem.rank - 1], groups_per_row = ceil_div(inner, 4);
  if (rows * inner == 0) return;
  if (rows * groups_per_row >= kMany) {       // in two halves of the outermost axis
    PointwiseProblem half = problem;
    half.size[0] = problem.size[0] / 2;
    pointwise(queue, kind, half, a, b, c, out);
    const int64_t offset = half.size[0];
    const int64_t done = offset * (rows * inner / problem.size[0]);
    const auto skip = [&](const void* p, int which) {
      return p ? static_cast<const float*>(p) + offset * problem.stride[which][0] : nullptr;
    };
    half.size[0] = problem.size[0] - offset;
    pointwise(queue, kind, half, skip(a, 0), skip(b, 1), skip(c, 2), static_cast<float*>(out) + done);
    return;
  }
  PointwiseLayout layout{problem.rank, uint32_t(rows * groups_per_row), inner, Divisor(groups_per_row), {}};
  for (int axis = 0; axis + 1 < problem.rank; ++axis) layout.size[axis] = Divisor(problem.size[axis]);
  const bool vector = aligned16(out) && (rows == 1 || inner % 4 == 0);
  with_kind(kind, [&](auto constant) {
    launch<pointwise_kernel<decltype(constant)::value>>(queue, blocks_for(layout.groups), kThreads, 0, layout,
                                                        operand(problem, 0, a), operand(problem, 1, b),
                                                        operand(problem, 2, c), float(problem.p), float(problem.q),
                                                        static_cast<float*>(out), vector);
  });
}

}  // namespace weft::WEFT_BACKEND
