// The transforms of Winograd's convolution F(2x2, 3x3): Lavin and Gray, "Fast algorithms for convolutional neural networks",
// arXiv:1509.09308. Between them a 3x3 filter takes 16 products for 4 pixels, where the definition takes 36, and they are products
// of matrices, one at each of the 16 places f = 4 * row + column of a transformed tile. Factors are 0, 1 and 1/2: a tile of
// 4x4 results would save more, and lose two digits.
//
//   image      V[f,t,c] = B' d B     d the 4x4 pixels of x under tile t        filter            U[f,k,c] = G g G'    g = w[k,..,c]
//   result     the 2x2 pixels of y in tile t = A' M A, then the epilogue      filter_gradient   dw[k,..,c] = G' S G
//   gradient   Z[f,t,k] = A dy A'    dy the 2x2 pixels of y in tile t
//
//   convolution   M[f] = V[f] U[f]'       its adjoint in x: the same, of a mirrored filter, and in w: S[f] = Z[f]' V[f]
//
// Tiles are numbered through all images; places lie `apart` floats apart. The transform of a mirrored filter is the filter's own with
// places 0 and 3 exchanged in both directions, so that one U serves both. Channels are a multiple of 16.
#include "lanes.h"
#include "loops.h"

namespace weft::cpu::WEFT_ISA {
namespace {

inline Lanes load(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
inline void store(float* p, Lanes v) { *reinterpret_cast<Lanes*>(p) = v; }

// One direction of each: `from` and `to` hold one row or one column.
constexpr auto image_row = [](const Lanes* from, Lanes* to) { to[0] = from[0] - from[2], to[1] = from[1] + from[2], to[2] = from[2] - from[1], to[3] = from[1] - from[3]; };
constexpr auto result_row = [](const Lanes* from, Lanes* to) { to[0] = from[0] + from[1] + from[2], to[1] = from[1] - from[2] - from[3]; };
constexpr auto gradient_row = [](const Lanes* from, Lanes* to) { to[0] = from[0], to[1] = from[0] + from[1], to[2] = from[0] - from[1], to[3] = -from[1]; };
constexpr auto filter_row = [](const Lanes* from, Lanes* to) {
  const Lanes outer = 0.5f * (from[0] + from[2]), middle = 0.5f * from[1];
  to[0] = from[0], to[1] = outer + middle, to[2] = outer - middle, to[3] = from[2];
};
constexpr auto filter_gradient_row = [](const Lanes* from, Lanes* to) {
  const Lanes outer = 0.5f * (from[1] + from[2]);
  to[0] = from[0] + outer, to[1] = 0.5f * (from[1] - from[2]), to[2] = outer + from[3];
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

/// A tile's place in its image, and that image.
struct Tile {
  int64_t n, h, w;
  Tile(const ConvProblem& p, int64_t tile) {
    const int64_t rows = (p.p + 1) / 2, columns = (p.q + 1) / 2;
    n = tile / (rows * columns), h = tile / columns % rows * 2, w = tile % columns * 2;
  }
};

inline int64_t place(int i, int j, bool mirrored) {
  const auto seat = [&](int at) { return mirrored && at % 3 == 0 ? 3 - at : at; };
  return 4 * seat(i) + seat(j);
}

/// The N x N pixels from (top, left) on, transformed for every channel; zeros outside.
template <int N, class Row>
inline void transform_pixels(int64_t H, int64_t W, int64_t C, int64_t top, int64_t left, bool mirrored, const float* image, float* to, int64_t apart, Row row) {
  const float* pixel[N][N];
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < N; ++j) {
      const int64_t h = top + i, w = left + j;
      pixel[i][j] = h >= 0 && h < H && w >= 0 && w < W ? image + (h * W + w) * C : nullptr;
    }
  float* places[4][4];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) places[i][j] = to + place(i, j, mirrored) * apart;
  for (int64_t c = 0; c < C; c += kLanes) {
    Lanes from[N][N], changed[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) from[i][j] = pixel[i][j] ? load(pixel[i][j] + c) : Lanes{};
    both_ways(from, changed, row);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) store(places[i][j] + c, changed[i][j]);
  }
}

}  // namespace

void winograd_image(CpuQueue& queue, const ConvProblem& p, bool mirrored, int64_t first, int64_t tiles, const float* x, float* to, int64_t apart) {
  parallel(queue, tiles, tiles * 16 * p.c, [&](int64_t t) {
    const Tile tile(p, first + t);
    transform_pixels<4>(p.h, p.w, p.c, tile.h - p.pad.h, tile.w - p.pad.w, mirrored, x + tile.n * p.h * p.w * p.c, to + t * p.c, apart, image_row);
  });
}

void winograd_gradient(CpuQueue& queue, const ConvProblem& p, int64_t first, int64_t tiles, const float* y, float* to, int64_t apart) {
  parallel(queue, tiles, tiles * 16 * p.k, [&](int64_t t) {
    const Tile tile(p, first + t);
    transform_pixels<2>(p.p, p.q, p.k, tile.h, tile.w, false, y + tile.n * p.p * p.q * p.k, to + t * p.k, apart, gradient_row);
  });
}

void winograd_result(CpuQueue& queue, const ConvProblem& p, const ConvEpilogue& what, bool mirrored, int64_t first, int64_t tiles, const float* m, int64_t apart,
                     float* y) {
  const float* bias = static_cast<const float*>(what.bias);
  const float slope = float(what.leaky_slope);
  const int64_t K = p.k;
  parallel(queue, tiles, tiles * 16 * K, [&](int64_t t) {
    const Tile tile(p, first + t);
    float* const corner = y + ((tile.n * p.p + tile.h) * p.q + tile.w) * K;
    const int rows = tile.h + 1 < p.p ? 2 : 1, columns = tile.w + 1 < p.q ? 2 : 1;
    for (int64_t k = 0; k < K; k += kLanes) {
      Lanes from[4][4], changed[2][2];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) from[i][j] = load(m + place(i, j, mirrored) * apart + t * K + k);
      both_ways(from, changed, result_row);
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) {
          float* const to = corner + (i * p.q + j) * K + k;
          Lanes value = changed[i][j];
          if (bias) value += load(bias + k);
          if (what.accumulate) value += load(to);
          else if (slope != 1) value = value > 0 ? value : slope * value;
          store(to, value);
        }
    }
  });
}

void winograd_filter(CpuQueue& queue, const ConvProblem& p, const float* w, float* u) {
  const int64_t C = p.c, apart = p.k * C;
  parallel(queue, p.k, 16 * apart, [&](int64_t k) {
    for (int64_t c = 0; c < C; c += kLanes) {
      Lanes from[3][3], changed[4][4];
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) from[i][j] = load(w + (k * 9 + 3 * i + j) * C + c);
      both_ways(from, changed, filter_row);
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) store(u + (4 * i + j) * apart + k * C + c, changed[i][j]);
    }
  });
}

void winograd_filter_gradient(CpuQueue& queue, const ConvProblem& p, bool accumulate, const float* s, float* dw) {
  const int64_t C = p.c, apart = p.k * C;
  parallel(queue, p.k, 16 * apart, [&](int64_t k) {
    for (int64_t c = 0; c < C; c += kLanes) {
      Lanes from[4][4], changed[3][3];
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) from[i][j] = load(s + (4 * i + j) * apart + k * C + c);
      both_ways(from, changed, filter_gradient_row);
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) {
          float* const to = dw + (k * 9 + 3 * i + j) * C + c;
          store(to, accumulate ? load(to) + changed[i][j] : changed[i][j]);
        }
    }
  });
}

}  // namespace weft::cpu::WEFT_ISA
