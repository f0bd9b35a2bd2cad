// The transforms of Winograd's convolutions: Lavin and Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308.
// Between them a 3x3 filter takes 16 products for 2x2 pixels, where the definition takes 36, and they are products of matrices, one at
// each of the 16 places f = 4 * row + column of a transformed tile: F(2x2, 3x3). Factors are 0, 1 and 1/2: a tile of 4x4 results would
// save more, and lose two digits.
//
// A 4x4 filter of stride 2, as GANs have them, is a 2x2 filter of stride 1 over 4 times the channels: the four phases of the pixels, even
// and odd rows by even and odd columns. F(3x3, 2x2) has the same 16 places, the same transform of pixels, and 64 products for 144.
//
//   image      V[f,t,c] = B' d B     d the 4x4 pixels of x under tile t        filter            U[f,k,c] = G g G'    g = w[k,..,c]
//   result     the pixels of y in tile t = A' M A, then the epilogue           filter_gradient   dw[k,..,c] = G' S G
//   gradient   Z[f,t,k] = A dy A'    dy the pixels of y in tile t
//
//   convolution   M[f] = V[f] U[f]'       its adjoint in x: M[f] = V[f] U[f], V of dy, and in w: S[f] = Z[f]' V[f]
//
// c runs over the phases and in each over the channels. Tiles are numbered through all images; places lie `apart` floats apart. The
// adjoint is a convolution with the filter mirrored, whose transform is the filter's own with places 0 and 3 exchanged in both
// directions, and place 2 of another sign where filters are even: one U serves both. Channels are a multiple of 16.
#include "lanes.h"
#include "loops.h"

namespace weft::cpu::WEFT_ISA {
namespace {

inline Lanes load(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
inline void store(float* p, Lanes v) { *reinterpret_cast<Lanes*>(p) = v; }

// One direction of each: `from` and `to` hold one row or one column.
constexpr auto image_row = [](const Lanes* from, Lanes* to) { to[0] = from[0] - from[2], to[1] = from[1] + from[2], to[2] = from[2] - from[1], to[3] = from[1] - from[3]; };
template <int Taps>
struct Rows;
template <>
struct Rows<3> {
  static void result(const Lanes* from, Lanes* to) { to[0] = from[0] + from[1] + from[2], to[1] = from[1] - from[2] - from[3]; }
  static void mirrored_result(const Lanes* from, Lanes* to) { result(from, to); }
  static void gradient(const Lanes* from, Lanes* to) { to[0] = from[0], to[1] = from[0] + from[1], to[2] = from[0] - from[1], to[3] = -from[1]; }
  static void filter(const Lanes* from, Lanes* to) {
    const Lanes outer = 0.5f * (from[0] + from[2]), middle = 0.5f * from[1];
    to[0] = from[0], to[1] = outer + middle, to[2] = outer - middle, to[3] = from[2];
  }
  static void filter_gradient(const Lanes* from, Lanes* to) {
    const Lanes outer = 0.5f * (from[1] + from[2]);
    to[0] = from[0] + outer, to[1] = 0.5f * (from[1] - from[2]), to[2] = outer + from[3];
  }
};
template <>
struct Rows<2> {
  static void result(const Lanes* from, Lanes* to) {
    const Lanes sum = from[1] + from[2];
    to[0] = from[0] + sum, to[1] = from[1] - from[2], to[2] = sum - from[3];
  }
  static void mirrored_result(const Lanes* from, Lanes* to) {
    const Lanes sum = from[1] - from[2];
    to[0] = from[0] + sum, to[1] = from[1] + from[2], to[2] = sum - from[3];
  }
  static void gradient(const Lanes* from, Lanes* to) {
    const Lanes outer = from[0] + from[2];
    to[0] = from[0], to[1] = outer + from[1], to[2] = outer - from[1], to[3] = -from[2];
  }
  static void filter(const Lanes* from, Lanes* to) { to[0] = from[0], to[1] = 0.5f * (from[0] + from[1]), to[2] = 0.5f * (from[0] - from[1]), to[3] = from[1]; }
  static void filter_gradient(const Lanes* from, Lanes* to) { to[0] = from[0] + 0.5f * (from[1] + from[2]), to[1] = 0.5f * (from[1] - from[2]) + from[3]; }
};

/// Columns first, then rows.
template <int N, int M, class Row>
inline void both_ways(const Lanes (&from)[N][N], Lanes (&to)[M][M], Row row) {
  Lanes half[M][N];
#pragma GCC unroll 4
  for (int j = 0; j < N; ++j) {
    Lanes column[N], changed[M];
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) column[i] = from[i][j];
    row(column, changed);
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) half[i][j] = changed[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < M; ++i) row(half[i], to[i]);
}

inline int64_t place(int i, int j, bool mirrored) {
  const auto seat = [&](int at) { return mirrored && at % 3 == 0 ? 3 - at : at; };
  return 4 * seat(i) + seat(j);
}

/// The N x N pixels of a tile, of one phase; null outside the image.
template <int N, class Float>
struct Pixels {
  Float* at[N][N];
  Pixels(const WinogradPass& pass, const WinogradSide& side, int64_t tile, int phase, Float* image) {
    const int64_t rows = pass.rows, columns = pass.columns, results = 5 - pass.taps, n = tile / (rows * columns);
    const int64_t top = side.step * (tile / columns % rows * results) + phase / side.step + side.top, left = side.step * (tile % columns * results) + phase % side.step + side.left;
    for (int i = 0; i < N; ++i)
      for (int j = 0; j < N; ++j) {
        const int64_t h = top + i * side.step, w = left + j * side.step;
        at[i][j] = h >= 0 && h < side.h && w >= 0 && w < side.w ? image + ((n * side.h + h) * side.w + w) * side.c : nullptr;
      }
  }
};

template <int N, class Row>
inline void transform_pixels(const Pixels<N, const float>& pixels, int64_t C, bool mirrored, float* to, int64_t apart, Row row) {
  float* places[4][4];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) places[i][j] = to + place(i, j, mirrored) * apart;
  for (int64_t c = 0; c < C; c += kLanes) {
    Lanes from[N][N], changed[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) from[i][j] = pixels.at[i][j] ? load(pixels.at[i][j] + c) : Lanes{};
    both_ways(from, changed, row);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) store(places[i][j] + c, changed[i][j]);
  }
}

template <int Taps>
void result(CpuQueue& queue, const WinogradPass& pass, const ConvEpilogue& what, int64_t first, int64_t tiles, const float* m, int64_t apart, float* y) {
  constexpr int N = 5 - Taps;
  const float* bias = static_cast<const float*>(what.bias);
  const float slope = float(what.leaky_slope);
  const int64_t K = pass.to.c, all = pass.to.channels();
  parallel(queue, tiles, tiles * 16 * all, [&](int64_t t) {
    for (int phase = 0; phase < pass.to.phases(); ++phase) {
      const Pixels<N, float> pixels(pass, pass.to, first + t, phase, y);
      const float* const of_phase = m + t * all + phase * K;
      for (int64_t k = 0; k < K; k += kLanes) {
        Lanes from[4][4], changed[N][N];
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i)
#pragma GCC unroll 4
          for (int j = 0; j < 4; ++j) from[i][j] = load(of_phase + place(i, j, pass.mirrored) * apart + k);
        if (pass.mirrored) both_ways(from, changed, Rows<Taps>::mirrored_result);
        else both_ways(from, changed, Rows<Taps>::result);
        for (int i = 0; i < N; ++i)
          for (int j = 0; j < N; ++j) {
            if (!pixels.at[i][j]) continue;
            float* const to = pixels.at[i][j] + k;
            Lanes value = changed[i][j];
            if (bias) value += load(bias + k);
            if (what.accumulate) value += load(to);
            else if (slope != 1) value = value > 0 ? value : slope * value;
            store(to, value);
          }
      }
    }
  });
}

/// The taps of each phase of w[k], (phases, Taps, Taps) of C, at step * (i, j) + phase.
template <int Taps, class F>
void each_filter(CpuQueue& queue, const ConvProblem& p, F f) {
  const int step = p.stride.h, phases = step * step;
  parallel(queue, p.k, 16 * p.k * phases * p.c, [&](int64_t k) {
    for (int phase = 0; phase < phases; ++phase)
      for (int64_t c = 0; c < p.c; c += kLanes)
        f([&](int i, int j) { return ((k * p.r + step * i + phase / step) * p.s + step * j + phase % step) * p.c + c; }, (k * phases + phase) * p.c + c);
  });
}

template <int Taps>
void filter(CpuQueue& queue, const ConvProblem& p, const float* w, float* u) {
  const int64_t apart = p.k * p.stride.h * p.stride.w * p.c;
  each_filter<Taps>(queue, p, [&](const auto& tap, int64_t at) {
    Lanes from[Taps][Taps], changed[4][4];
    for (int i = 0; i < Taps; ++i)
      for (int j = 0; j < Taps; ++j) from[i][j] = load(w + tap(i, j));
    both_ways(from, changed, Rows<Taps>::filter);
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) store(u + (4 * i + j) * apart + at, changed[i][j]);
  });
}

template <int Taps>
void filter_gradient(CpuQueue& queue, const ConvProblem& p, bool accumulate, const float* s, float* dw) {
  const int64_t apart = p.k * p.stride.h * p.stride.w * p.c;
  each_filter<Taps>(queue, p, [&](const auto& tap, int64_t at) {
    Lanes from[4][4], changed[Taps][Taps];
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) from[i][j] = load(s + (4 * i + j) * apart + at);
    both_ways(from, changed, Rows<Taps>::filter_gradient);
    for (int i = 0; i < Taps; ++i)
      for (int j = 0; j < Taps; ++j) {
        float* const to = dw + tap(i, j);
        store(to, accumulate ? load(to) + changed[i][j] : changed[i][j]);
      }
  });
}

}  // namespace

void winograd_image(CpuQueue& queue, const WinogradPass& pass, int64_t first, int64_t tiles, const float* x, float* to, int64_t apart) {
  const int64_t all = pass.from.channels();
  parallel(queue, tiles, tiles * 16 * all, [&](int64_t t) {
    for (int phase = 0; phase < pass.from.phases(); ++phase)
      transform_pixels<4>({pass, pass.from, first + t, phase, x}, pass.from.c, pass.mirrored, to + t * all + phase * pass.from.c, apart, image_row);
  });
}

void winograd_gradient(CpuQueue& queue, const WinogradPass& pass, int64_t first, int64_t tiles, const float* y, float* to, int64_t apart) {
  const int64_t K = pass.to.c;
  parallel(queue, tiles, tiles * 16 * K, [&](int64_t t) {
    if (pass.taps == 3) transform_pixels<2>({pass, pass.to, first + t, 0, y}, K, false, to + t * K, apart, Rows<3>::gradient);
    else transform_pixels<3>({pass, pass.to, first + t, 0, y}, K, false, to + t * K, apart, Rows<2>::gradient);
  });
}

void winograd_result(CpuQueue& queue, const WinogradPass& pass, const ConvEpilogue& what, int64_t first, int64_t tiles, const float* m, int64_t apart, float* y) {
  pass.taps == 3 ? result<3>(queue, pass, what, first, tiles, m, apart, y) : result<2>(queue, pass, what, first, tiles, m, apart, y);
}

void winograd_filter(CpuQueue& queue, const ConvProblem& p, const float* w, float* u) { p.stride.h == 1 ? filter<3>(queue, p, w, u) : filter<2>(queue, p, w, u); }

void winograd_filter_gradient(CpuQueue& queue, const ConvProblem& p, bool accumulate, const float* s, float* dw) {
  p.stride.h == 1 ? filter_gradient<3>(queue, p, accumulate, s, dw) : filter_gradient<2>(queue, p, accumulate, s, dw);
}

}  // namespace weft::cpu::WEFT_ISA
