// kernels/cuda/strided_copy.cu: dst[i . dst_stride] = src[i . src_stride], for slices, concatenations, permutations, repeats.
//
//   src, dst: up to 6 axes, any strides; elements of 4 or 8 bytes
//
// Work:   one thread moves one element; the last axis is the fastest, so a warp's accesses are neighbours wherever the
//         strides are 1. When the last axis is contiguous on both sides and everything is a multiple of 16 bytes, the
//         element becomes 16 bytes.
// Limit:  memory: each byte is read once and written once. A permutation that moves the last axis reads with a stride,
//         and then wastes the better part of each 32-byte sector unless the cache keeps it.
// Twin:   kernels/reference; equal bit for bit.
#include "indexing.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

struct CopyLayout {
  int rank;
  uint32_t count;
  Divisor size[kMaxRank];
  int64_t src_stride[kMaxRank], dst_stride[kMaxRank];
};

template <class Element>
__global__ void __launch_bounds__(kThreads) strided_copy_kernel(CopyLayout layout, const Element* src, Element* dst) {
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < layout.count; i += gridDim.x * blockDim.x) {
    uint32_t rest = i;
    int64_t from = 0, to = 0;
    for (int axis = layout.rank - 1; axis >= 0; --axis) {
      uint32_t index;                           // [0, size[axis])
      rest = layout.size[axis].split(rest, &index);
      from += index * layout.src_stride[axis];
      to += index * layout.dst_stride[axis];
    }
    dst[to] = src[from];
  }
}

template <class Element>
void copy_as(Queue& queue, const CopyProblem& p, const void* src, void* dst) {
  CopyLayout layout{p.rank, 1, {}, {}, {}};
  for (int axis = 0; axis < p.rank; ++axis) {
    layout.count *= uint32_t(p.size[axis]);
    layout.size[axis] = Divisor(p.size[axis]);
    layout.src_stride[axis] = p.src_stride[axis];
    layout.dst_stride[axis] = p.dst_stride[axis];
  }
  launch<strided_copy_kernel<Element>>(queue, blocks_for(layout.count), kThreads, 0, layout, static_cast<const Element*>(src),
                                       static_cast<Element*>(dst));
}

/// Turns elements into 16-byte ones, if sizes, strides and addresses allow it.
bool widen(CopyProblem& p, size_t element, const void* src, const void* dst) {
  const int64_t factor = int64_t(16 / element);
  const int last = p.rank - 1;
  if (last < 0 || !aligned16(src) || !aligned16(dst) || p.src_stride[last] != 1 || p.dst_stride[last] != 1 || p.size[last] % factor)
    return false;
  for (int axis = 0; axis < last; ++axis)
    if (p.size[axis] > 1 && (p.src_stride[axis] % factor || p.dst_stride[axis] % factor)) return false;
  for (int axis = 0; axis < last; ++axis) p.src_stride[axis] /= factor, p.dst_stride[axis] /= factor;
  p.size[last] /= factor;
  return true;
}

}  // namespace

void strided_copy(Queue& queue, const CopyProblem& problem, size_t element, const void* src, void* dst) {
  int64_t count = 1;
  for (int axis = 0; axis < problem.rank; ++axis) count *= problem.size[axis];
  if (count == 0) return;
  CopyProblem p = problem;
  if (count >= kMany) {                         // in two halves of the longest axis
    int axis = 0;
    for (int i = 1; i < p.rank; ++i)
      if (p.size[i] > p.size[axis]) axis = i;
    const int64_t first = p.size[axis] / 2;
    p.size[axis] = first;
    strided_copy(queue, p, element, src, dst);
    p.size[axis] = problem.size[axis] - first;
    strided_copy(queue, p, element, static_cast<const char*>(src) + first * p.src_stride[axis] * int64_t(element),
                 static_cast<char*>(dst) + first * p.dst_stride[axis] * int64_t(element));
    return;
  }
  const auto run = widen(p, element, src, dst) ? copy_as<uint4> : element == 8 ? copy_as<uint64_t> : copy_as<uint32_t>;
  run(queue, p, src, dst);
}

}  // namespace weft::WEFT_BACKEND
