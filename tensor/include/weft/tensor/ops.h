// The differentiable operations. Images are (N,H,W,C); filters (K,R,S,C). Shapes of every result are computed here and
// nowhere else; a mismatch is a ShapeError that shows both shapes. Every operation works on every backend that has the
// basis, is differentiable to any order unless said otherwise, gives the same bits every run on the same device, and is
// queued: it returns before the work is done. "No gradient": the derivative is 0 wherever there is one, and no graph is made of it;
// grad() of what depends on its inputs through such operations alone throws. An empty Tensor is a bias, or another input said to be
// optional, that is not there; anywhere else it is a ShapeError.
//
// Types. Everything is of the context's scalar type, but for indices and, in precision bf16, for bfloat16 tensors:
//   conv2d, conv_transpose2d   bfloat16 where channels are a multiple of 8
//   matmul                     bfloat16 where rows of activations meet a matrix of weights (b float32 of two axes, a not transposed,
//                              a bfloat16 or b a network's parameter) and the columns are a multiple of 8
//   point-wise                 bfloat16 if the inputs that are not broadcast all are; one float32 among them makes the result float32
//   normalisation, resampling, shape   as x (concat: float32 unless all parts are bfloat16)
//   everything else            float32: reductions, statistics, gradients of filters, gather, max_pool
// A gradient has the type of what it is the gradient of. All is computed in float32 and rounded where it is stored.
#pragma once
#include <cstdint>
#include <vector>

#include "weft/tensor/autograd.h"
#include "weft/tensor/tensor.h"

namespace weft {

// ---- point-wise, with NumPy broadcasting. kernels/kinds.h has every formula and derivative.
Tensor affine(const Tensor& a, double p, double q);          // p * a + q
Tensor cast(const Tensor& a, DType type);                    // between float32 and bfloat16, to nearest; a itself if it is of that type; not to int32
Tensor abs(const Tensor& a);
Tensor sign(const Tensor& a);                                // -1, 0, 1; no gradient
Tensor floor(const Tensor& a);                               // no gradient
Tensor exp(const Tensor& a);
Tensor log(const Tensor& a);
Tensor sqrt(const Tensor& a);
Tensor pow(const Tensor& a, double exponent);                // exponent 0: ones, no gradient
Tensor sin(const Tensor& a);
Tensor cos(const Tensor& a);
Tensor tanh(const Tensor& a);
Tensor sigmoid(const Tensor& a);
Tensor softplus(const Tensor& a);                            // log(1 + exp(a)), without overflow
Tensor leaky_relu(const Tensor& a, double slope = 0.2);      // derivative at 0 is slope
Tensor relu(const Tensor& a);                                // leaky_relu of slope 0: of -infinity NaN, as 0 times it
Tensor elu(const Tensor& a, double alpha = 1);
Tensor is_finite(const Tensor& a);                           // 0 or 1, no gradient
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor clamp(const Tensor& a, double low, double high);      // derivative 1 at the ends
Tensor greater(const Tensor& a, const Tensor& b);            // 0 or 1, no gradient
Tensor greater(const Tensor& a, double b);
Tensor equal(const Tensor& a, const Tensor& b);
Tensor equal(const Tensor& a, double b);
Tensor leaky_relu_grad(const Tensor& a, const Tensor& g, double slope);   // a > 0 ? g : slope * g; no gradient into a
Tensor select(const Tensor& condition, const Tensor& yes, const Tensor& no);
Tensor select(const Tensor& condition, double yes, const Tensor& no);
Tensor select(const Tensor& condition, const Tensor& yes, double no);
Tensor fma(const Tensor& a, const Tensor& b, const Tensor& c);            // a * b + c
Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& t);           // a + t * (b - a)
/// keep * average + weight * x, and `average` where x is not finite: one bad batch must not spoil running statistics.
Tensor running_average(const Tensor& average, const Tensor& x, double keep, double weight);
Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a);
Tensor operator+(const Tensor& a, double b);
Tensor operator+(double a, const Tensor& b);
Tensor operator-(const Tensor& a, double b);
Tensor operator-(double a, const Tensor& b);
Tensor operator*(const Tensor& a, double b);
Tensor operator*(double a, const Tensor& b);
Tensor operator/(const Tensor& a, double b);
Tensor operator/(double a, const Tensor& b);

// ---- shape
Tensor reshape(const Tensor& x, const Shape& shape);                      // shares storage
Tensor flatten(const Tensor& x);                                          // (N, everything else); shares storage
Tensor permute(const Tensor& x, const std::vector<int>& axes);            // axis i of the result is axis axes[i] of x
Tensor transpose(const Tensor& x);                                        // the last two axes
Tensor expand(const Tensor& x, const Shape& shape);                       // repeats axes of size 1 (and missing leading ones)
Tensor concat(const Tensors& parts, int axis);
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);      // shares storage on the leading axis
/// y[i] = table[index[i]]: table (rows, ...), index int32 of any shape -> (index..., row...). -1 gives zeros;
/// every other index is in [0, rows), which nobody checks: they are on the device.
Tensor gather(const Tensor& table, const Tensor& index);
/// y[i] = sum over t of weights[i, t] * table[index[i, t]]: index and weights (..., taps), taps at least 1 -> (..., row...). -1 reads zeros. No
/// gradient goes into the weights.
Tensor gather(const Tensor& table, const Tensor& index, const Tensor& weights);
/// The last axis in rising order, equal values as they came, NaN last. `index` (int32, of x's shape) has the flat position in x
/// of each value. Derivatives of any order: those of a permutation, so nothing where two values meet.
struct Sorted { Tensor values, index; };
Sorted sort(const Tensor& x);

// ---- reductions. `axes` empty: all of them. Reduced axes stay as 1 if `keep`, else they are dropped. Where all of them are of
// size 1, sum, max and min share x's storage.
enum class KeepAxes { no, yes };
Tensor sum(const Tensor& x, const std::vector<int>& axes = {}, KeepAxes keep = KeepAxes::no);
Tensor mean(const Tensor& x, const std::vector<int>& axes = {}, KeepAxes keep = KeepAxes::no);
Tensor variance(const Tensor& x, const std::vector<int>& axes = {}, KeepAxes keep = KeepAxes::no);   // biased
Tensor max(const Tensor& x, const std::vector<int>& axes = {}, KeepAxes keep = KeepAxes::no);   // gradient is shared by ties
Tensor min(const Tensor& x, const std::vector<int>& axes = {}, KeepAxes keep = KeepAxes::no);
Tensor sum_squares(const Tensor& x);                                      // of all elements, one pass; a scalar
Tensor count_non_finite(const Tensor& x);                                 // a scalar; no gradient
Tensor sum_to(const Tensor& x, const Shape& shape);                       // the adjoint of expand
Tensor softmax(const Tensor& x);                                          // over the last axis
Tensor log_softmax(const Tensor& x);

// ---- linear
/// op(a) op(b) + bias: (..., M, K) x (..., K, N) -> (..., M, N); with 2-D b, all leading axes of a are rows. Leading axes are equal, or
/// one side is a single matrix, for all of the other's.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false, const Tensor& bias = {});

/// 2-D cross-correlation, the "convolution" of deep learning.
/// @param x     (N, H, W, C)
/// @param w     (K, R, S, C/groups)
/// @param bias  (K), or empty
/// @param slope of a LeakyReLU applied to the result, above 0; 1 for none
/// @param norm_groups  not 0: normalize_groups() with so many groups comes next, and what it needs of the result is worked out
///              on the way, on cuda and sim. Its values may differ from those without by roundings
/// @return      (N, P, Q, K), P = (H + 2*pad.h - dilation.h*(R-1) - 1) / stride.h + 1, Q alike
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const ConvGeometry& geometry = {}, double slope = 1, int norm_groups = 0);
/// Transposed 2-D convolution: the adjoint of conv2d with the same filter and geometry.
/// @param x     (N, H, W, C)
/// @param w     (C, R, S, K/groups): conv2d's filter, read from its output side
/// @return      (N, P, Q, K), P = (H-1)*stride.h - 2*pad.h + dilation.h*(R-1) + output_pad.h + 1, Q alike
/// Paper: Dumoulin and Visin, arXiv:1603.07285, section 4.
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const ConvGeometry& geometry = {}, double slope = 1, int norm_groups = 0);
/// The gradient of conv2d in its filter: x (N,H,W,C), y (N,P,Q,K) -> (K, R, S, C/groups).
Tensor conv2d_weight_grad(const Tensor& x, const Tensor& y, Size2 filter, const ConvGeometry& geometry = {});

// ---- normalisation: y = leaky((x - mean) / sqrt(variance + epsilon) * gamma + beta), biased variance
struct Normalized {
  Tensor y;
  Tensor mean, variance;   // (groups, channels), outside the graph
};
/// x seen as (groups, rows, channels), each (group, channel) with statistics of its own over rows.
/// Batch norm: groups = 1 (or the number of equal runs of samples), channels = C. Instance norm: groups = N.
/// Layer norm: channels = 1, groups = how many rows are normalised. gamma and beta: (channels), or empty.
Normalized normalize_groups(const Tensor& x, int64_t groups, int64_t channels, const Tensor& gamma, const Tensor& beta,
                            double epsilon = 1e-5, double slope = 1);
/// The same with given statistics (channels): evaluation of a trained batch norm.
Tensor normalize_with(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& gamma, const Tensor& beta,
                      double epsilon = 1e-5, double slope = 1);

// ---- resampling of images (N,H,W,C)
enum class Padding { zero, reflect, replicate, wrap };
struct Margins { int top = 0, bottom = 0, left = 0, right = 0; };
Tensor pad(const Tensor& x, const Margins& margins, Padding mode = Padding::zero);
/// As PyTorch's: bilinear with pixel centres at half-integers (align_corners off), nearest from floor(p * size before / size after).
enum class Resize { nearest, bilinear };
Tensor resize(const Tensor& x, Size2 size, Resize mode = Resize::nearest);
/// Each pixel becomes the sum of its neighbourhood weighted by taps[i] * taps[j], of which every stride-th is kept, from the
/// first: (N, ceil(H/stride), ceil(W/stride), C). An odd number of taps; borders by `mode`.
Tensor filter(const Tensor& x, const std::vector<double>& taps, int stride = 1, Padding mode = Padding::reflect);
/// Along H and W alike: `up` - 1 zeros behind each pixel, `before` and `after` zeros at the ends, each pixel the sum of those from it
/// on weighted by taps, and every down-th of these: (N, (H*up + before + after - taps) / down + 1, ..., C). An even number of taps
/// resamples between pixels: {1,3,3,1} / 4 with up 2, margins 2 and 1 doubles bilinearly; {1,3,3,1} / 8 with down 2, margins 1 and 1 halves.
Tensor upfirdn(const Tensor& x, const std::vector<double>& taps, int up, int down, int before, int after);
Tensor flip(const Tensor& x);                                             // left to right
struct Window { Size2 size{2, 2}, stride{2, 2}, pad{0, 0}; };
Tensor average_pool(const Tensor& x, const Window& window, bool count_pad = true);
Tensor max_pool(const Tensor& x, const Window& window);
Tensor global_average_pool(const Tensor& x);                              // (N, C)

/// Zeroes each element with probability `rate` and scales the rest by 1/(1-rate); mask from (stream, step).
Tensor dropout(const Tensor& x, double rate, uint64_t stream);

// ---- in place: the closed list of operations that write over a tensor is this one, Tensor::write and Tensor::copy_from
/// One optimiser update of flat tensors (kernels/ops.h has the formulas), with the step state's update `slot`.
/// m, v, scale (a scalar that multiplies the gradient) and skip (a scalar; not 0: nothing is written) may be empty.
/// Throws ConfigError for a slot outside [0, 4), Error if that update was changed and Context::publish_step_state() not called since.
struct Update { Tensor values, gradients, m, v, scale, skip; };
void optimizer_step(const OptimizerSettings& settings, const Update& update, int slot);

}  // namespace weft
