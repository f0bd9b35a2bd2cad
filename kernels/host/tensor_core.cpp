// mma.sync and ldmatrix: the arithmetic of a whole warp, done by the last lane that arrives. Fragment layouts are those
// of the PTX manual; the order in which hardware sums the products inside one instruction is not documented, so results
// are compared with a tolerance.
#include <cstring>

#include "block.h"

namespace weft::host {

namespace {

float tf32(uint32_t u) {                      // the hardware ignores the low 13 bits
  u &= ~0x1fffu;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
float bf16(uint32_t u) {
  u <<= 16;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}

// d (16,8) += a (16,K) * b (K,8), for tile (i,j) of every lane's accumulators
template <int K>
void accumulate(const float (&a)[16][K], const float (&b)[K][8], void* const* argument, int cols, int i, int j) {
  float d[16][8] = {};
  for (int r = 0; r < 16; ++r)
    for (int k = 0; k < K; ++k)
      for (int c = 0; c < 8; ++c) d[r][c] += a[r][k] * b[k][c];
  for (int l = 0; l < 32; ++l) {
    float* out = static_cast<MmaArgument*>(argument[l])->d + (i * cols + j) * 4;
    const int row = l >> 2, col = (l & 3) * 2;
    out[0] += d[row][col];
    out[1] += d[row][col + 1];
    out[2] += d[row + 8][col];
    out[3] += d[row + 8][col + 1];
  }
}

void whole_warp(uint32_t mask, const char* what) {
  if (mask != ~0u) fail("%s needs all 32 lanes, mask is %08x", what, mask);
}

}  // namespace

void mma_tf32_complete(void* const* argument, uint32_t mask) {   // m16n8k8
  whole_warp(mask, "mma.sync");
  const auto* first = static_cast<MmaArgument*>(argument[0]);
  for (int i = 0; i < first->rows; ++i)
    for (int j = 0; j < first->cols; ++j) {
      float a[16][8], b[8][8];
      for (int l = 0; l < 32; ++l) {
        const uint32_t* fa = static_cast<MmaArgument*>(argument[l])->a + i * 4;
        const uint32_t* fb = static_cast<MmaArgument*>(argument[l])->b + j * 2;
        const int g = l >> 2, t = l & 3;
        a[g][t] = tf32(fa[0]);
        a[g + 8][t] = tf32(fa[1]);
        a[g][t + 4] = tf32(fa[2]);
        a[g + 8][t + 4] = tf32(fa[3]);
        b[t][g] = tf32(fb[0]);
        b[t + 4][g] = tf32(fb[1]);
      }
      accumulate<8>(a, b, argument, first->cols, i, j);
    }
}

void mma_bf16_complete(void* const* argument, uint32_t mask) {   // m16n8k16
  whole_warp(mask, "mma.sync");
  const auto* first = static_cast<MmaArgument*>(argument[0]);
  for (int i = 0; i < first->rows; ++i)
    for (int j = 0; j < first->cols; ++j) {
      float a[16][16], b[16][8];
      for (int l = 0; l < 32; ++l) {
        const uint32_t* fa = static_cast<MmaArgument*>(argument[l])->a + i * 4;
        const uint32_t* fb = static_cast<MmaArgument*>(argument[l])->b + j * 2;
        const int g = l >> 2, t = (l & 3) * 2;
        for (int half = 0; half < 2; ++half) {
          b[t + 8 * half][g] = bf16(fb[half] & 0xffff);
          b[t + 8 * half + 1][g] = bf16(fb[half] >> 16);
        }
        for (int q = 0; q < 4; ++q) {
          const int row = g + 8 * (q & 1), k = t + 8 * (q >> 1);
          a[row][k] = bf16(fa[q] & 0xffff);
          a[row][k + 1] = bf16(fa[q] >> 16);
        }
      }
      accumulate<16>(a, b, argument, first->cols, i, j);
    }
}

void ldmatrix_complete(void* const* argument, uint32_t mask) {
  whole_warp(mask, "ldmatrix");
  const auto* first = static_cast<LdmatrixArgument*>(argument[0]);
  uint16_t m[4][8][8];
  for (int i = 0; i < first->count * 8; ++i) {
    const void* row = static_cast<LdmatrixArgument*>(argument[i])->row;
    if (reinterpret_cast<uintptr_t>(row) & 15) fail("ldmatrix: row address of lane %d is not 16-byte aligned", i);
    std::memcpy(m[i / 8][i % 8], row, 16);
    if (race_checked()) race_access(row, 16, false, false, __builtin_return_address(0));
  }
  for (int l = 0; l < 32; ++l) {
    auto* me = static_cast<LdmatrixArgument*>(argument[l]);
    const int r = l >> 2, c = (l & 3) * 2;
    for (int i = 0; i < first->count; ++i)
      me->registers[i] = first->transposed ? uint32_t(m[i][c][r]) | uint32_t(m[i][c + 1][r]) << 16
                                           : uint32_t(m[i][r][c]) | uint32_t(m[i][r][c + 1]) << 16;
  }
}

}  // namespace weft::host
