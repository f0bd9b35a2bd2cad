// Point-wise functions with broadcasting.
//
//   out[i] = kind(a[i], b[i], c[i])       i over a box of up to six axes; a stride of 0 repeats an input along an axis
//
// One loop a kind, over three contiguous runs of at most kRun elements. An input that does not lie contiguously is first
// laid out in a small buffer; the run's length is a multiple of the innermost axis where that is short, so that the
// buffer of a bias (C) or a scalar is filled once and serves every run of its thread. Bound by memory: 8 to 16 bytes an
// element. Six kinds have a formula of their own here, for speed (elementary.h).
#include "elementary.h"
#include "loops.h"

namespace weft::cpu::WEFT_ISA {
namespace {

constexpr int64_t kRun = 1024;

/// Elements [first, first+n) of the box, as one input sees them.
void lay_out(const PointwiseProblem& box, const int64_t* stride, const float* input, int64_t first, int64_t n, float* run) {
  int64_t position[kMaxRank], offset = 0;
  for (int axis = box.rank - 1; axis >= 0; --axis) {
    position[axis] = first % box.size[axis];
    first /= box.size[axis];
    offset += position[axis] * stride[axis];
  }
  const int last = box.rank - 1;
  for (int64_t i = 0; i < n;) {
    int64_t length = box.size[last] - position[last];
    if (length > n - i) length = n - i;
    const float* source = input + offset;
    if (stride[last] == 0)
      for (int64_t j = 0; j < length; ++j) run[i + j] = *source;
    else
      for (int64_t j = 0; j < length; ++j) run[i + j] = source[j * stride[last]];
    i += length;
    position[last] += length;
    offset += length * stride[last];
    for (int axis = last; axis > 0 && position[axis] == box.size[axis]; --axis) {
      offset += stride[axis - 1] - position[axis] * stride[axis];
      position[axis] = 0;
      ++position[axis - 1];
    }
  }
}

enum class Layout { absent, contiguous, repeating, strided };

/// repeating: the same for every run, given that a run holds whole innermost rows.
Layout layout_of(const PointwiseProblem& box, const int64_t* stride, const float* input) {
  if (!input) return Layout::absent;
  bool contiguous = true, outer_zero = true;
  int64_t expected = 1;
  for (int axis = box.rank - 1; axis >= 0; --axis) {
    if (box.size[axis] != 1) {
      contiguous &= stride[axis] == expected;
      outer_zero &= axis == box.rank - 1 || stride[axis] == 0;
    }
    expected *= box.size[axis];
  }
  if (contiguous) return Layout::contiguous;
  const int64_t inner = box.size[box.rank - 1];
  return outer_zero && (inner <= kRun || stride[box.rank - 1] == 0) ? Layout::repeating : Layout::strided;
}

template <PointwiseKind kind>
void apply(const float* a, const float* b, const float* c, float* out, int64_t n, float p, float q) {
  if constexpr (kind == PointwiseKind::sin || kind == PointwiseKind::cos) {
    float largest = 0;
#pragma omp simd reduction(max : largest)
    for (int64_t i = 0; i < n; ++i) largest = std::fabs(a[i]) > largest ? std::fabs(a[i]) : largest;
    if (!(largest > kLargestAngle)) {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) out[i] = sine(a[i], kind == PointwiseKind::cos);
      return;
    }
  }
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    constexpr int inputs = pointwise_info[int(kind)].inputs;
    if constexpr (kind == PointwiseKind::exp) out[i] = exponential(a[i]);
    else if constexpr (kind == PointwiseKind::tanh) out[i] = hyperbolic_tangent(a[i]);
    else if constexpr (kind == PointwiseKind::sigmoid) out[i] = logistic(a[i]);
    else if constexpr (kind == PointwiseKind::softplus) out[i] = soft_plus(a[i]);
    else out[i] = Pointwise<kind>::template apply<float>(a[i], inputs > 1 ? b[i] : 0, inputs > 2 ? c[i] : 0, p, q);
  }
}

}  // namespace

void pointwise(CpuQueue& queue, PointwiseKind kind, const PointwiseProblem& box, const float* a, const float* b,
               const float* c, float* out) {
  int64_t count = 1;
  for (int axis = 0; axis < box.rank; ++axis) count *= box.size[axis];
  if (count == 0) return;
  const int64_t inner = box.size[box.rank - 1];
  const int64_t run = inner <= kRun ? kRun / inner * inner : kRun;
  const float* const inputs[3] = {a, b, c};
  Layout layout[3];
  for (int which = 0; which < 3; ++which) layout[which] = layout_of(box, box.stride[which], inputs[which]);

  with_kind(kind, [&](auto constant) {
    parallel_range(queue, count, run * 16, [&](int64_t begin, int64_t end) {
      alignas(64) float laid_out[3][kRun];
      for (int64_t first = begin; first < end; first += run) {
        const int64_t n = end - first < run ? end - first : run;
        const float* input[3];
        for (int which = 0; which < 3; ++which) {
          input[which] = layout[which] == Layout::contiguous ? inputs[which] + first : laid_out[which];
          if (layout[which] == Layout::strided || (layout[which] == Layout::repeating && first == begin))
            lay_out(box, box.stride[which], inputs[which], first, n, laid_out[which]);
        }
        apply<decltype(constant)::value>(input[0], input[1], input[2], out + first, n, float(box.p), float(box.q));
      }
    });
  });
}

}  // namespace weft::cpu::WEFT_ISA
