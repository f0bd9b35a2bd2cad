// Plain numbers that describe an operation's shapes. Everything is in elements, never bytes; images are NHWC.
//
// An array holds the backend's scalar type, unless a `bf16` here says that it holds bfloat16: then it is read as float32,
// computed with as float32, and rounded to nearest, ties to even, when it is stored. Only the kernels in kernels/cuda/ know
// such arrays (tensor/ gives them to nobody else); on other backends every `bf16` is 0.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weft {

enum class DType : uint8_t { f32, f64, bf16, f16, i32, u8 };

constexpr size_t size_of(DType t) {
  return t == DType::f64 ? 8 : t == DType::f32 || t == DType::i32 ? 4 : t == DType::u8 ? 1 : 2;
}
constexpr const char* name_of(DType t) {
  constexpr const char* names[] = {"float32", "float64", "bfloat16", "float16", "int32", "uint8"};
  return names[int(t)];
}

struct Size2 {
  int h = 1, w = 1;
};

/// What a caller of a convolution writes, in pixels. Padding is symmetric and reads as zero or, if `reflect`, mirrors the image,
/// its edge not repeated; then it is smaller than the image. Other paddings go through `pad` first. `output_pad` belongs to conv_transpose2d alone and is smaller than max(stride, dilation).
struct ConvGeometry {
  Size2 stride{1, 1};
  Size2 pad{0, 0};
  Size2 dilation{1, 1};
  Size2 output_pad{0, 0};
  int groups = 1;
  bool reflect = false;          // conv2d and conv2d_weight_grad
};

/// What the op table gets: always the conv2d whose input is the larger side, whichever direction is asked for. All ints, without a gap
/// between them: a key of what is kept for a problem.
///   x (n,h,w,c)   filter (k,r,s,c/groups)   y (n,p,q,k)
struct ConvProblem {
  int n, h, w, c;
  int k, r, s;
  int p, q;
  Size2 stride, pad, dilation;
  int groups;
  int reflect = 0;               // not 0: padding mirrors x; only where Ops::folds_reflection, and never of conv2d_input_grad
  int bf16_x = 0, bf16_y = 0;    // not 0: x, or y, is bfloat16; a filter never is
};

constexpr int kMaxRank = 6;

/// out[i] = f(a[i], b[i], c[i]) over a contiguous `out` of `size`; an input's stride of 0 repeats it along that axis.
struct PointwiseProblem {
  int rank;                      // [1, kMaxRank]; the caller merges axes that can be walked as one
  int64_t size[kMaxRank];        // outermost first
  int64_t stride[3][kMaxRank];   // elements, of a, b and c
  double p = 0, q = 0;           // the kind's two parameters
  bool bf16[3] = {}, bf16_out = false;   // a, b, c, and out
};

/// dst[i . dst_stride] = src[i . src_stride] for every index i below `size`.
struct CopyProblem {
  int rank;
  int64_t size[kMaxRank];
  int64_t src_stride[kMaxRank];
  int64_t dst_stride[kMaxRank];
};

/// x (outer, n, inner) -> (outer, inner)
struct ReduceProblem {
  int64_t outer, n, inner;
  bool bf16 = false;             // x; out never is
};

/// Rows of `columns` elements: `many` rows that each name `taps` of the `few` rows. (Names say which side the index
/// points to; either may be the larger.)
struct GatherProblem {
  int64_t rows, taps, columns;   // index (rows, taps)
  int64_t table_rows;            // index values lie in [-1, table_rows); -1 reads zero and adds nowhere
  bool unique = false;           // no row of the table is named twice, so that scatter_add has nothing to put in order
};

/// x (rows, n): each row is put in order.
struct SortProblem {
  int64_t rows, n;
};

/// x (n,h,w,c) -> y (n,p,q,c); tables of (p, taps_h) and (q, taps_w).
struct ResampleProblem {
  int64_t n;
  int h, w, c, p, q, taps_h, taps_w;
  bool bf16 = false;             // x and y
};

/// x (n,h,w,c) -> y (n,p,q,c); padding never wins.
struct PoolProblem {
  int n, h, w, c, p, q;
  Size2 window, stride, pad;
};

/// c (batch,m,n) = op(a) op(b) + bias(n); a is (m,k), or (k,m) when transposed, b is (k,n), or (n,k) when transposed.
struct MatmulProblem {
  int64_t batch, m, n, k;
  bool transpose_a, transpose_b;
  bool accumulate;               // c += instead of c =
  int64_t batch_stride_a, batch_stride_b;   // elements; 0 repeats one matrix for the whole batch
  bool bf16_a = false, bf16_b = false, bf16_c = false;
};

/// x (groups, rows, channels): statistics are taken over rows, one for each (group, channel).
struct NormProblem {
  int64_t groups, rows, channels;
  bool bf16 = false;             // x, y, dy and dx; statistics, gamma, beta and their gradients never are
};

/// What a convolution does to its result before storing it: y = leaky(acc + bias) or y += acc + bias.
struct ConvEpilogue {
  const void* bias = nullptr;    // one value per output channel, or none
  double leaky_slope = 1;        // 1: no activation
  bool accumulate = false;       // excludes an activation, and a bfloat16 result
  /// Also the moments of the result, each (moment_groups, channels), over the pixels of each of so many equal runs of images;
  /// or null. Only where Ops::convolutions_take_moments.
  void *mean = nullptr, *variance = nullptr;
  int moment_groups = 1;
};

}  // namespace weft
