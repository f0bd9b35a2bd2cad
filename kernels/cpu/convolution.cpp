// Which way each convolution goes. A function of its shape alone, never of a timing:
//
//   one product    the window covers the whole image once (a discriminator's last layer, a generator's first): x (n, r*s*c)
//                  against w (k, r*s*c), nothing to rearrange
//   by columns     im2col and one big product, a run of images at a time so that the columns stay in cache:
//                    conv2d, conv2d_weight_grad   with a filter bank too large for the cache, where oneDNN's convolution
//                                                 reads it again for every few pixels
//                    conv2d_weight_grad           of strided windows that stop short of the far padding (3x3, stride 2, even sides)
//                    conv2d_input_grad            to few channels (a generator's last layer), where oneDNN's fills 3 of 16
//                                                 lanes; the columns fill them all. Of large images a band of rows at a time
//   tap by tap     conv2d_input_grad of 16 or 32 filters to up to four channels (patches along directions): too few for a product, and their
//                  columns would be most of the work (few_channels.cpp)
//   read back      few filters of stride 1 (a ResNet generator's last layer, a patch discriminator's) are the convolution that reads y
//                  and makes x, mirrored: conv2d is its input gradient by columns, conv2d_weight_grad its own
//   by Winograd    3x3 filters over every pixel, 4x4 filters over every other, of many channels and many pixels: 16 products for 36
//                  (winograd.cpp), all three passes
//   the library    all the rest
//   the loops      whatever the library has no fast way for (columns.cpp, dense.cpp)
//
// bench/primitives.cpp has the measurements.
#include "convolution.h"

#include <algorithm>

#include "loops.h"

namespace weft::cpu {
namespace {

bool is_one_product(const ConvProblem& p) {
  return p.p == 1 && p.q == 1 && p.h == p.r && p.w == p.s && !p.pad.h && !p.pad.w && p.groups == 1 &&
         (p.dilation.h == 1 || p.r == 1) && (p.dilation.w == 1 || p.s == 1);
}

int64_t window(const ConvProblem& p) { return int64_t(p.r) * p.s * p.c; }        // elements of one filter, groups apart
int64_t image_columns(const ConvProblem& p) { return int64_t(p.p) * p.q * window(p); }

bool large_filter_bank(const CpuQueue& queue, const ConvProblem& p) {
  return queue.library && p.groups == 1 && window(p) * p.k >= int64_t(1) << 20 && window(p) > 2 * p.c && p.p * p.q <= 64;
}
bool ends_short_of_the_edge(const CpuQueue& queue, const ConvProblem& p) {
  const auto beyond = [](int size, int filter, int stride, int pad, int dilation, int out) { return (out - 1) * stride + dilation * (filter - 1) + 1 - size - pad; };
  return queue.library && p.groups == 1 && p.c >= 8 && p.k >= 8 && p.stride.h > 1 && p.stride.w > 1 &&
         (beyond(p.h, p.r, p.stride.h, p.pad.h, p.dilation.h, p.p) < p.pad.h || beyond(p.w, p.s, p.stride.w, p.pad.w, p.dilation.w, p.q) < p.pad.w);
}
bool few_channels(const CpuQueue& queue, const ConvProblem& p) {
  return queue.library && p.groups == 1 && p.c < 8 && p.k >= 8;
}

bool tap_by_tap(const ConvProblem& p) { return p.groups == 1 && p.c <= 4 && (p.k == 16 || p.k == 32) && p.dilation.w == 1 && p.r * p.s > 1; }

bool few_filters(const CpuQueue& queue, const ConvProblem& p) {
  return queue.library && p.groups == 1 && p.k < 8 && p.c >= 8 && p.stride.h == 1 && p.stride.w == 1 && p.r * p.s > 1 &&
         p.pad.h <= p.dilation.h * (p.r - 1) && p.pad.w <= p.dilation.w * (p.s - 1);
}

int64_t tiles_for(int64_t pixels, int taps) { return (pixels + 4 - taps) / (5 - taps); }

/// If it takes at most two thirds of the definition's products: tiles have 2x2 or 3x3 results, and small images fill the last ones badly.
bool suits_winograd(const ConvProblem& p) {
  const int step = p.stride.h, taps = p.r / step;
  const bool shape = p.groups == 1 && p.r == p.s && p.stride.w == step && p.dilation.h == 1 && p.dilation.w == 1 && ((step == 1 && p.r == 3) || (step == 2 && p.r == 4));
  if (!shape || p.c % 16 || p.k % 16 || p.c < 32 || p.k < 32) return false;
  const int64_t tiles = tiles_for(p.p, taps) * tiles_for(p.q, taps);
  return p.n * tiles >= 64 && 16 * tiles * 3 <= 2 * int64_t(taps) * taps * p.p * p.q;
}

/// How many images' columns are worked on together: the most that divide the batch and stay below `floats`.
int64_t images_at_a_time(const ConvProblem& p, int64_t floats) {
  int64_t images = std::clamp<int64_t>(floats / image_columns(p), 1, p.n);
  while (p.n % images) --images;
  return images;
}
constexpr int64_t kSecondLevel = 1 << 17, kThirdLevel = 1 << 22;   // floats: half of a usual core's cache; of a usual chip's
constexpr int64_t kColumnBand = 1 << 20;                           // floats a thread

void product(CpuQueue& queue, const char* op, const MatmulProblem& problem, double slope, const float* a, const Weight& b,
             const float* bias, float* c) {
  if (queue.library && queue.library->matmul(op, problem, slope, a, b, bias, c)) return;
  ++queue.launches[op];
  queue.loops->matmul(queue, problem, a, in(b.data), bias, c);
  if (slope != 1) queue.loops->epilogue(queue, problem.batch * problem.m, problem.n, {nullptr, slope}, c, c);
}

/// The convolution that reads y and makes x: of stride 1, its window is the filter mirrored.
ConvProblem read_back(const ConvProblem& p) {
  return {p.n, p.p, p.q, p.k, p.c, p.r, p.s, p.h, p.w, {1, 1}, {p.dilation.h * (p.r - 1) - p.pad.h, p.dilation.w * (p.s - 1) - p.pad.w}, p.dilation, 1};
}
/// to (c,r,s,k) = from (k,r,s,c), mirrored
void mirror(CpuQueue& queue, int64_t K, int64_t R, int64_t S, int64_t C, const float* from, float* to) {
  queue.loops->strided_copy(queue, {4, {C, R, S, K}, {1, -S * C, -C, R * S * C}, {R * S * K, S * K, K, 1}}, sizeof(float), from + (R * S - 1) * C, to);
}

/// The columns of a run of images at a time, or of a band of one image's rows. What reaches from one band into the next is made twice.
void input_grad_by_columns(CpuQueue& queue, const char* op, const ConvProblem& p, const ConvEpilogue& epilogue, const float* y, const Weight& w, float* x) {
  const int64_t images = images_at_a_time(p, kSecondLevel * queue.threads), row = p.q * window(p), reach = p.dilation.h * (p.r - 1);
  const int64_t at_once = std::max({int64_t(4) * p.r, kColumnBand * queue.threads / row, reach / p.stride.h + 1});   // rows of y; one row of x may need so many
  const int64_t rows = at_once < p.p ? at_once * p.stride.h - reach : p.h;                                          // of x
  float* const columns = queue.scratch(Slot::columns, size_t(images * row * std::min<int64_t>(at_once, p.p)));
  for (int64_t n = 0; n < p.n; n += images)
    for (int64_t first = 0; first < p.h; first += rows) {
      const int64_t end = std::min<int64_t>(first + rows, p.h), above = first + p.pad.h;              // of y, in rows of x
      const int64_t from = std::max<int64_t>(0, (above - reach + p.stride.h - 1) / p.stride.h), to = std::min<int64_t>(p.p, (end - 1 + p.pad.h) / p.stride.h + 1);
      ConvProblem band = p;
      if (rows < p.h) band.h = int(end - first), band.p = int(std::max<int64_t>(0, to - from)), band.pad.h = int(above - from * p.stride.h);
      const int64_t pixels = images * band.p * p.q;
      if (pixels) product(queue, op, {1, pixels, window(p), p.k, false, false, false, 0, 0}, 1, y + (n * p.p + (rows < p.h ? from : 0)) * p.q * p.k, w, nullptr, columns);
      queue.loops->add_columns(queue, band, epilogue, images, 0, columns, x + (n * p.h + first) * p.w * p.c);
    }
}

WinogradPass winograd_pass(const ConvProblem& p) {
  const int step = p.stride.h, taps = p.r / step;
  return {taps, false, tiles_for(p.p, taps), tiles_for(p.q, taps), {p.h, p.w, p.c, step, -p.pad.h, -p.pad.w}, {p.p, p.q, p.k, 1, 0, 0}};
}

/// Its adjoint reads y and makes x, whose phases lie at the same places: from the first that has a pixel in x to the last.
WinogradPass mirrored_pass(const ConvProblem& p) {
  const int step = p.stride.h, taps = p.r / step, top = p.pad.h / step, left = p.pad.w / step;
  const auto tiles = [&](int side, int pad) { return tiles_for((side - 1 + pad) / step - pad / step + 1, taps); };
  return {taps, true, tiles(p.h, p.pad.h), tiles(p.w, p.pad.w), {p.p, p.q, p.k, 1, top - (taps - 1), left - (taps - 1)}, {p.h, p.w, p.c, step, top * step - p.pad.h, left * step - p.pad.w}};
}

/// The tiles that are worked on together: few enough for the chip's cache, and many, since each run rearranges all of the filters. An odd
/// number, so that the 16 places of a tile do not all fall into one set of a cache.
struct Run {
  int64_t first, tiles;
};
template <class F>
void by_runs(const WinogradPass& pass, int images, F f) {
  const int64_t all = images * pass.rows * pass.columns, most = std::max<int64_t>(64, kThirdLevel / (16 * (pass.from.channels() + pass.to.channels())));
  const int64_t runs = (all + most - 1) / most, each = (all + runs - 1) / runs | 1;
  for (int64_t first = 0; first < all; first += each) f(Run{first, std::min(each, all - first)});
}
constexpr int64_t kPlaces = 16, kBetweenPlaces = 16;   // floats more than a whole number of rows, for the same reason

void by_winograd(CpuQueue& queue, const char* op, const ConvProblem& p, const WinogradPass& pass, const ConvEpilogue& epilogue, const float* x, const Weight& w, float* y) {
  const int64_t C = pass.from.channels(), K = pass.to.channels();
  const auto [u, fresh] = queue.derived(w, size_t(kPlaces * K * C));
  if (!fresh) queue.loops->winograd_filter(queue, p, in(w.data), u);
  by_runs(pass, p.n, [&, u = u](Run run) {
    const int64_t apart = run.tiles * C + kBetweenPlaces;
    float* const v = queue.scratch(Slot::columns, size_t(kPlaces * apart));
    float* const m = queue.scratch(Slot::result, size_t(kPlaces * run.tiles * K));
    queue.loops->winograd_image(queue, pass, run.first, run.tiles, x, v, apart);
    product(queue, op, {kPlaces, run.tiles, K, C, false, !pass.mirrored, false, apart, K * C}, 1, v, {u}, nullptr, m);
    queue.loops->winograd_result(queue, pass, epilogue, run.first, run.tiles, m, run.tiles * K, y);
  });
}

void weight_grad_by_winograd(CpuQueue& queue, const ConvProblem& p, bool accumulate, const float* x, const float* y, float* dw) {
  const WinogradPass pass = winograd_pass(p);
  const int64_t C = pass.from.channels(), K = pass.to.channels();
  float* const s = queue.scratch(Slot::weights, size_t(kPlaces * K * C));
  by_runs(pass, p.n, [&](Run run) {
    const int64_t apart_v = run.tiles * C + kBetweenPlaces, apart_z = run.tiles * K + kBetweenPlaces;
    float* const v = queue.scratch(Slot::columns, size_t(kPlaces * apart_v));
    float* const z = queue.scratch(Slot::result, size_t(kPlaces * apart_z));
    queue.loops->winograd_image(queue, pass, run.first, run.tiles, x, v, apart_v);
    queue.loops->winograd_gradient(queue, pass, run.first, run.tiles, y, z, apart_z);
    product(queue, "conv2d_weight_grad:winograd", {kPlaces, K, C, run.tiles, true, false, run.first > 0, apart_z, apart_v}, 1, z, {v}, nullptr, s);
  });
  queue.loops->winograd_filter_gradient(queue, p, accumulate, s, dw);
}

}  // namespace

void matmul(Queue& queue, const MatmulProblem& problem, const void* a, Weight b, const void* bias, void* c) {
  product(own(queue), "matmul", problem, 1, in(a), b, in(bias), out(c));
}

void conv2d(Queue& q, const ConvProblem& p, const ConvEpilogue& epilogue, const void* x, Weight w, void* y) {
  CpuQueue& queue = own(q);
  const double slope = epilogue.accumulate ? 1 : epilogue.leaky_slope;
  if (is_one_product(p))
    return product(queue, "conv2d", {1, p.n, p.k, window(p), false, true, epilogue.accumulate, 0, 0}, slope, in(x), w,
                   in(epilogue.bias), out(y));
  if (suits_winograd(p)) return by_winograd(queue, "conv2d:winograd", p, winograd_pass(p), epilogue, in(x), w, out(y));
  if (large_filter_bank(queue, p)) {
    const int64_t images = images_at_a_time(p, kThirdLevel), pixels = int64_t(p.p) * p.q, image = int64_t(p.h) * p.w * p.c;
    float* const columns = queue.scratch(Slot::columns, size_t(images * image_columns(p)));
    for (int64_t n = 0; n < p.n; n += images) {
      queue.loops->take_columns(queue, p, images, 0, in(x) + n * image, columns);
      product(queue, "conv2d:columns", {1, images * pixels, p.k, window(p), false, true, epilogue.accumulate, 0, 0}, slope,
              columns, w, in(epilogue.bias), out(y) + n * pixels * p.k);
    }
    return;
  }
  if (few_filters(queue, p)) {
    const auto [mirrored, fresh] = queue.derived(w, size_t(p.k * window(p)));
    if (!fresh) mirror(queue, p.k, p.r, p.s, p.c, in(w.data), mirrored);
    return input_grad_by_columns(queue, "conv2d:columns", read_back(p), epilogue, in(x), {mirrored}, out(y));
  }
  if (queue.library && queue.library->conv2d(p, epilogue, in(x), w, out(y))) return;
  ++queue.launches["conv2d"];
  queue.loops->conv2d(queue, p, epilogue, in(x), in(w.data), out(y));
}

void conv2d_input_grad(Queue& q, const ConvProblem& p, const ConvEpilogue& epilogue, const void* y, Weight w, void* x) {
  CpuQueue& queue = own(q);
  const int64_t image = int64_t(p.h) * p.w * p.c, all = p.n * int64_t(p.h) * p.w;
  const bool kept = epilogue.accumulate, plain = !epilogue.bias && !kept && epilogue.leaky_slope == 1;
  if (is_one_product(p)) {
    float* const sum = kept ? queue.scratch(Slot::result, size_t(p.n * image)) : out(x);
    product(queue, "conv2d_input_grad", {1, p.n, image, p.k, false, false, false, 0, 0}, 1, in(y), w, nullptr, sum);
    if (!plain) queue.loops->epilogue(queue, all, p.c, epilogue, sum, out(x));
    return;
  }
  if (suits_winograd(p)) return by_winograd(queue, "conv2d_input_grad:winograd", p, mirrored_pass(p), epilogue, in(y), w, out(x));
  if (tap_by_tap(p)) {
    ++queue.launches["conv2d_input_grad:taps"];
    return queue.loops->few_channels_input_grad(queue, p, epilogue, in(y), in(w.data), out(x));
  }
  if (few_channels(queue, p)) return input_grad_by_columns(queue, "conv2d_input_grad:columns", p, epilogue, in(y), w, out(x));
  if (queue.library) {
    float* const sum = kept ? queue.scratch(Slot::result, size_t(p.n * image)) : out(x);
    if (queue.library->conv2d_input_grad(p, in(y), w, sum)) {
      if (!plain) queue.loops->epilogue(queue, all, p.c, epilogue, sum, out(x));
      return;
    }
  }
  ++queue.launches["conv2d_input_grad"];
  queue.loops->conv2d_input_grad(queue, p, epilogue, in(y), in(w.data), out(x));
}

void conv2d_weight_grad(Queue& q, const ConvProblem& p, bool accumulate, const void* x, const void* y, void* dw) {
  CpuQueue& queue = own(q);
  if (is_one_product(p))
    return product(queue, "conv2d_weight_grad", {1, p.k, window(p), p.n, true, false, accumulate, 0, 0}, 1, in(y), {x}, nullptr, out(dw));
  if (suits_winograd(p)) return weight_grad_by_winograd(queue, p, accumulate, in(x), in(y), out(dw));
  if (large_filter_bank(queue, p) || ends_short_of_the_edge(queue, p)) {
    const int64_t images = images_at_a_time(p, kThirdLevel), pixels = int64_t(p.p) * p.q, image = int64_t(p.h) * p.w * p.c;
    float* const columns = queue.scratch(Slot::columns, size_t(images * image_columns(p)));
    for (int64_t n = 0; n < p.n; n += images) {
      queue.loops->take_columns(queue, p, images, 0, in(x) + n * image, columns);
      product(queue, "conv2d_weight_grad:columns", {1, p.k, window(p), images * pixels, true, false, accumulate || n > 0, 0, 0}, 1,
              in(y) + n * pixels * p.k, {columns}, nullptr, out(dw));
    }
    return;
  }
  if (few_filters(queue, p)) {
    float* const mirrored = queue.scratch(Slot::weights, size_t(p.k * window(p)));
    if (accumulate) mirror(queue, p.k, p.r, p.s, p.c, out(dw), mirrored);
    if (queue.library->conv2d_weight_grad(read_back(p), accumulate, in(y), in(x), mirrored)) return mirror(queue, p.c, p.r, p.s, p.k, mirrored, out(dw));
  }
  if (queue.library && queue.library->conv2d_weight_grad(p, accumulate, in(x), in(y), out(dw))) return;
  ++queue.launches["conv2d_weight_grad"];
  queue.loops->conv2d_weight_grad(queue, p, accumulate, in(x), in(y), out(dw));
}

}  // namespace weft::cpu
