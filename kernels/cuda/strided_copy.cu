// kernels/cuda/strided_copy.cu: dst[i . dst_stride] = src[i . src_stride], for slices, concatenations, permutations, repeats.
//
//   src, dst: up to 6 axes, any strides; elements of 2, 4 or 8 bytes
//
// Work:   one thread moves one element; the last axis is the fastest, so a warp's accesses are neighbours wherever the
//         strides are 1. When the last axis is contiguous on both sides and everything is a multiple of 16 bytes, the
//         element becomes 16 bytes. When neighbours of src and of dst lie along different axes (NHWC to NCHW), tiles of
//         these two axes go through shared memory: read along the one, written along the other. Where an axis is short (an
//         image's three channels) the tile is as narrow and that much longer. Rows are one element longer than the tile,
//         so that a warp's accesses fall into different banks.
// Limit:  memory: each byte is read once and written once.
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

constexpr int kTile = 1024;                     // elements

struct TileLayout {
  int read_axis, write_axis;                    // neighbours of src lie along the one, of dst along the other
  int log_read, log_write;                      // the tile's extent along each, a power of two
  Divisor blocks[kMaxRank];                     // along each axis
  int size[kMaxRank];
  int64_t src_stride[kMaxRank], dst_stride[kMaxRank];
  int rank;
};

template <class Element>
__global__ void __launch_bounds__(kThreads) transpose_kernel(TileLayout t, const Element* src, Element* dst) {
  WEFT_SHARED(Element, tile, [kTile + kTile / 2]);
  uint32_t block = blockIdx.x;
  int read_left = 0, write_left = 0;            // of the two axes, from this tile's first element on
  for (int axis = t.rank - 1; axis >= 0; --axis) {
    uint32_t index;
    block = t.blocks[axis].split(block, &index);
    const int first = int(index) << (axis == t.read_axis ? t.log_read : axis == t.write_axis ? t.log_write : 0);
    if (axis == t.read_axis) read_left = t.size[axis] - first;
    if (axis == t.write_axis) write_left = t.size[axis] - first;
    src += first * t.src_stride[axis];
    dst += first * t.dst_stride[axis];
  }
  const int pitch = (1 << t.log_read) + 1;
  const int64_t src_pitch = t.src_stride[t.write_axis], dst_pitch = t.dst_stride[t.read_axis];
#pragma unroll
  for (int n = 0; n < kTile / kThreads; ++n) {
    const int e = n * kThreads + int(threadIdx.x), i = e & ((1 << t.log_read) - 1), j = e >> t.log_read;
    if (i < read_left && j < write_left) tile[j * pitch + i] = src[i + j * src_pitch];
  }
  __syncthreads();
#pragma unroll
  for (int n = 0; n < kTile / kThreads; ++n) {
    const int e = n * kThreads + int(threadIdx.x), j = e & ((1 << t.log_write) - 1), i = e >> t.log_write;
    if (i < read_left && j < write_left) dst[j + i * dst_pitch] = tile[j * pitch + i];
  }
}

/// Fewer, longer axes: none of size 1, and two neighbours that both sides walk as one become one.
CopyProblem merged(const CopyProblem& p) {
  CopyProblem out{};
  for (int axis = 0; axis < p.rank; ++axis) {
    const int last = out.rank - 1;
    if (p.size[axis] == 1) continue;
    const int64_t n = p.size[axis], from = p.src_stride[axis], to = p.dst_stride[axis];
    const bool joined = last >= 0 && out.src_stride[last] == from * n && out.dst_stride[last] == to * n;
    const int at = joined ? last : out.rank++;
    out.size[at] = joined ? out.size[at] * n : n;
    out.src_stride[at] = from, out.dst_stride[at] = to;
  }
  return out;
}

/// Moves tiles, if the problem is a permutation that pays for it.
template <class Element>
bool transpose(Queue& queue, const CopyProblem& p, const void* src, void* dst) {
  TileLayout t{-1, -1, 0, 0, {}, {}, {}, {}, p.rank};
  for (int axis = 0; axis < p.rank; ++axis) {
    if (p.src_stride[axis] == 1) t.read_axis = axis;
    if (p.dst_stride[axis] == 1) t.write_axis = axis;
  }
  if (t.read_axis < 0 || t.write_axis < 0 || t.read_axis == t.write_axis) return false;
  const int64_t along_read = p.size[t.read_axis], along_write = p.size[t.write_axis];
  if (along_read * along_write < kTile / 2) return false;
  while (t.log_read < 5 && (1 << t.log_read) < along_read) ++t.log_read;
  while (t.log_read + t.log_write < 10 && (1 << t.log_write) < along_write) ++t.log_write;
  t.log_read = 10 - t.log_write;
  int64_t blocks = 1;
  for (int axis = 0; axis < p.rank; ++axis) {
    t.size[axis] = int(p.size[axis]);
    t.src_stride[axis] = p.src_stride[axis], t.dst_stride[axis] = p.dst_stride[axis];
    const int extent = axis == t.read_axis ? 1 << t.log_read : axis == t.write_axis ? 1 << t.log_write : 1;
    t.blocks[axis] = Divisor(ceil_div(p.size[axis], extent));
    blocks *= t.blocks[axis].d;
  }
  launch<transpose_kernel<Element>>(queue, unsigned(blocks), kThreads, 0, t, static_cast<const Element*>(src), static_cast<Element*>(dst));
  return true;
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
  CopyProblem p = merged(problem);
  if (count >= kMany) {                         // in two halves of the longest axis
    int axis = 0;
    for (int i = 1; i < p.rank; ++i)
      if (p.size[i] > p.size[axis]) axis = i;
    const int64_t whole = p.size[axis], first = whole / 2;
    p.size[axis] = first;
    strided_copy(queue, p, element, src, dst);
    p.size[axis] = whole - first;
    strided_copy(queue, p, element, static_cast<const char*>(src) + first * p.src_stride[axis] * int64_t(element),
                 static_cast<char*>(dst) + first * p.dst_stride[axis] * int64_t(element));
    return;
  }
  const auto with_element = [&](auto e) {
    using Element = decltype(e);
    if (transpose<Element>(queue, p, src, dst)) return;
    const auto run = widen(p, element, src, dst) ? copy_as<uint4> : copy_as<Element>;
    run(queue, p, src, dst);
  };
  if (element == 2) with_element(uint16_t{});
  else if (element == 4) with_element(uint32_t{});
  else with_element(uint64_t{});
}

}  // namespace weft::WEFT_BACKEND
