// Point-wise functions with NumPy's broadcasting, and copies between strided layouts.
//
//   pointwise       out[i] = kind(a[i], b[i], c[i])             kinds.h has the formulas
//   strided_copy    dst[i . dst_stride] = src[i . src_stride]   slice, concatenate, permute, expand
//
//   i runs over a box of at most kMaxRank axes, the last one fastest. An input that is repeated along an axis has
//   stride 0 there: a bias (C) added to an image (N,H,W,C) is a box of (N*H*W, C) with strides (0, 1).
#pragma once
#include <cstring>

#include "weft/kernels/geometry.h"
#include "weft/kernels/kinds.h"

namespace weft::reference {

inline int64_t volume(int rank, const int64_t* size) {
  int64_t count = 1;
  for (int axis = 0; axis < rank; ++axis) count *= size[axis];
  return count;
}

/// Where element `flat` of a box lies in memory whose axes are `stride` elements apart.
inline int64_t offset_of(int64_t flat, int rank, const int64_t* size, const int64_t* stride) {
  int64_t offset = 0;
  for (int axis = rank - 1; axis >= 0; --axis) {
    const int64_t i = flat % size[axis];  // [0, size[axis])
    offset += i * stride[axis];
    flat /= size[axis];
  }
  return offset;
}

/// out is contiguous. It may be one of the inputs, if that has out's own strides: every element is read before it is
/// written.
template <class T>
void pointwise(PointwiseKind kind, const PointwiseProblem& box, const T* a, const T* b, const T* c, T* out) {
  with_kind(kind, [&](auto constant) {
    const auto read = [&](const T* input, int which, int64_t i) {
      return input ? input[offset_of(i, box.rank, box.size, box.stride[which])] : T(0);
    };
    const int64_t count = volume(box.rank, box.size);
    for (int64_t i = 0; i < count; ++i)
      out[i] = Pointwise<decltype(constant)::value>::template apply<T>(read(a, 0, i), read(b, 1, i), read(c, 2, i),
                                                                       T(box.p), T(box.q));
  });
}

/// Moves elements of `element` bytes, whatever they mean.
inline void strided_copy(const CopyProblem& box, size_t element, const void* src, void* dst) {
  const int64_t count = volume(box.rank, box.size);
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(static_cast<char*>(dst) + offset_of(i, box.rank, box.size, box.dst_stride) * element,
                static_cast<const char*>(src) + offset_of(i, box.rank, box.size, box.src_stride) * element, element);
}

}  // namespace weft::reference
