// kernels/cuda/conv2d_few_channels.cu: convolutions of one to four input channels: the layer that reads an RGB image.
//
//   y[n,p,q,k] = leaky(b[k] + sum over r,s,c of  x[n, p*stride.h - pad.h + r*dilation.h, q*stride.w - pad.w + s, c] * w[k,r,s,c])
//
//   x (N,H,W,C), C <= 4   w (K,R,S,C)   b (K) or null   y (N,P,Q,K)      contiguous, pad reads as 0, or mirrors x
//   float32, and y perhaps bfloat16
//
// Work:   the S*C numbers of a line of taps lie side by side, and so do those of its neighbours: a line of pixels is a line of
//         single numbers, and the window moves by stride.w * C. So a block copies the lines that its pixels meet into shared
//         memory as they lie, with zeros around them, and the filters of a block turned, k side by side; no address is worked
//         out after that. A thread multiplies eight pixels by eight filters; its pixels are `strips` apart, so that the threads
//         of a warp read different banks and store neighbouring pixels. Blocks walk on over tiles of pixels.
//         blockIdx: x tiles, y filters. The filter's gradient stays with the tiled product, which these shapes fill.
// Limit:  memory, the store of y, to some 16 taps and channels; from there 2*R*S*C*|y| FLOPs, 64 in ten reads of shared memory.
// Twin:   kernels/reference; equal bit for bit on whole-number inputs.
#include "conv_direct.h"
#include "ops.h"

namespace weft::WEFT_BACKEND {
namespace {

constexpr int kPixels = 8, kRuns = 2;             // of a thread: pixels, and runs of four filters
constexpr size_t kMostBytes = (64 << 10) - 32;    // of shared memory: what every device has, less the ends of two arrays

struct Tiles {
  int lanes, strips, lines;                       // a block: lanes * 8 filters, strips * 8 pixels of so many lines
  int run;                                        // numbers of x that a line of those pixels meets
  int filters, depth;                             // of a block; R * S * C
  int64_t across, count;                          // tiles of a line, and in all
  size_t bytes;
};
Tiles tiles_of(const ConvProblem& p) {
  Tiles t{};
  t.lanes = p.k > 32 ? 8 : 4;
  t.filters = t.lanes * 4 * kRuns;
  t.depth = p.r * p.s * p.c;
  const int slots = kThreads / t.lanes;
  for (t.strips = 1; t.strips < 32 && t.strips * kPixels < p.q;) t.strips *= 2;
  t.lines = slots / t.strips;
  t.run = ((t.strips * kPixels - 1) * p.stride.w + p.s) * p.c;
  t.across = ceil_div(p.q, t.strips * kPixels);
  t.count = ceil_div(int64_t(p.n) * p.p, t.lines) * t.across;
  t.bytes = (size_t(t.depth) * (t.filters + 4) + size_t(t.lines) * p.r * t.run) * 4;
  return t;
}

__global__ void __launch_bounds__(kThreads, 2) conv2d_few_channels_kernel(ConvProblem p, Tiles t, Divisor depth, Divisor run, Divisor taps_h,
                                                                          Divisor image_lines, Divisor across, const float* x, const float* w,
                                                                          Epilogue epilogue, void* y) {
  const int me = int(threadIdx.x), pitch = t.filters + 4, first_filter = blockIdx.y * t.filters;
  SharedCarver carve;
  float* weights = carve.take<float>(size_t(t.depth) * pitch, "weights");       // (r, s, c, k)
  float* tile = carve.take<float>(size_t(t.lines) * p.r * t.run, "tile");       // (line, r, number)
  for (int i = me; i < t.filters * t.depth; i += kThreads) {
    uint32_t d;
    const int filter = int(depth.split(uint32_t(i), &d));
    weights[int(d) * pitch + filter] = first_filter + filter < p.k ? w[int64_t(first_filter) * t.depth + i] : 0.0f;
  }
  const int lane = me % t.lanes, strip = me / t.lanes % t.strips, my_line = me / t.lanes / t.strips;
  const int width = p.w * p.c, step = t.strips * p.stride.w * p.c;
  for (int number = blockIdx.x; number < int(t.count); number += gridDim.x) {
    uint32_t at;
    const int first_line = int(across.split(uint32_t(number), &at)) * t.lines, first_pixel = int(at) * t.strips * kPixels;
    const int left = (first_pixel * p.stride.w - p.pad.w) * p.c;
    __syncthreads();                              // the tile before has been read
    for (int i = me; i < t.lines * p.r * t.run; i += kThreads) {
      uint32_t column, r, line;
      const int among = int(taps_h.split(run.split(uint32_t(i), &column), &r));
      const uint32_t image = image_lines.split(uint32_t(first_line + among), &line);
      int row = int(line) * p.stride.h - p.pad.h + int(r) * p.dilation.h, from = left + int(column);
      if (p.reflect) {
        const int pixel = (from + p.pad.w * p.c) / p.c - p.pad.w;                // rounds down: nothing is left of the padding
        row = mirrored(row, p.h), from += (mirrored(pixel, p.w) - pixel) * p.c;
      }
      const bool inside = int(image) < p.n && unsigned(row) < unsigned(p.h) && unsigned(from) < unsigned(width);
      tile[i] = inside ? x[(int64_t(image) * p.h + row) * width + from] : 0.0f;
    }
    __syncthreads();
    float sum[kPixels][4 * kRuns] = {};
    const float* weight = weights + lane * 4;
    for (int r = 0; r < p.r; ++r) {
      const float* numbers = tile + (my_line * p.r + r) * t.run + strip * p.stride.w * p.c;
#pragma unroll 2
      for (int e = 0; e < p.s * p.c; ++e, weight += pitch) {
        float of_filters[kRuns][4];
#pragma unroll
        for (int j = 0; j < kRuns; ++j) load4(weight + j * t.lanes * 4, of_filters[j]);
#pragma unroll
        for (int i = 0; i < kPixels; ++i) {
          const float v = numbers[e + i * step];
#pragma unroll
          for (int j = 0; j < 4 * kRuns; ++j) sum[i][j] = fmaf(v, of_filters[j / 4][j % 4], sum[i][j]);
        }
      }
    }
    const int line = first_line + my_line;
#pragma unroll
    for (int i = 0; i < kPixels; ++i) {
      const int pixel = first_pixel + i * t.strips + strip;
      if (line >= p.n * p.p || pixel >= p.q) continue;
#pragma unroll
      for (int j = 0; j < kRuns; ++j)
        store_run<4>(epilogue, y, (int64_t(line) * p.q + pixel) * p.k, first_filter + (j * t.lanes + lane) * 4, p.k, &sum[i][j * 4]);
    }
  }
}

}  // namespace

bool fits_few_channels(const ConvProblem& p) {
  return p.groups == 1 && p.c <= 4 && !p.bf16_x && (p.dilation.w == 1 || p.s == 1) && tiles_of(p).bytes <= kMostBytes;
}
void conv2d_few_channels(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* x, const Weight& w, void* y) {
  const Tiles t = tiles_of(p);
  const int64_t down = ceil_div(p.k, t.filters);
  launch<conv2d_few_channels_kernel>(queue, dim3(unsigned(min(t.count, ceil_div(528, down))), unsigned(down)), kThreads, t.bytes + 32, p, t,
                                     Divisor(t.depth), Divisor(t.run), Divisor(p.r), Divisor(p.p), Divisor(t.across), static_cast<const float*>(x),
                                     static_cast<const float*>(w.data), epilogue_of(e, p.bf16_y), y);
}

}  // namespace weft::WEFT_BACKEND
