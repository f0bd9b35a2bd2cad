// Convolutions chosen to hurt.
#pragma once
#include <string>

#include "weft/kernels/geometry.h"

namespace weft::testing {

inline constexpr ConvProblem awkward_convolutions[] = {
    // n  h  w   c   k  r  s  p  q   stride  pad     dilation groups
    {2, 5, 7, 3, 4, 3, 3, 5, 7, {1, 1}, {1, 1}, {1, 1}, 1},     // the few-channel first layer
    {2, 6, 5, 5, 3, 4, 2, 3, 4, {2, 1}, {1, 0}, {1, 1}, 1},     // R != S, odd channels, stride along one axis
    {2, 9, 5, 4, 6, 3, 1, 5, 7, {1, 1}, {0, 1}, {2, 1}, 2},     // two groups, dilated
    {3, 7, 6, 3, 3, 3, 5, 4, 3, {2, 2}, {1, 2}, {1, 1}, 3},     // depthwise
    {1, 1, 1, 1, 1, 1, 1, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1},     // one of everything
    {2, 8, 8, 3, 8, 4, 4, 4, 4, {2, 2}, {1, 1}, {1, 1}, 1},     // DCGAN's
    {2, 4, 4, 20, 36, 4, 4, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1},   // DCGAN's last: an image to one pixel
    {3, 5, 6, 8, 16, 3, 3, 5, 6, {1, 1}, {1, 1}, {1, 1}, 1},    // rows of whole 16-byte words
    {2, 9, 8, 2, 3, 2, 1, 3, 3, {3, 3}, {0, 0}, {1, 1}, 1},     // pixels that no tap reaches, and rows left over
    {2, 10, 11, 3, 2, 3, 2, 4, 6, {2, 2}, {2, 1}, {3, 2}, 1},   // stride and dilation at once
    {2, 3, 3, 6, 4, 3, 3, 9, 9, {1, 1}, {4, 4}, {1, 1}, 2},     // more padding than filter
    {4, 6, 7, 1, 5, 1, 1, 6, 7, {1, 1}, {0, 0}, {1, 1}, 1},     // 1x1, one channel
    {2, 11, 37, 3, 16, 7, 5, 4, 18, {2, 2}, {1, 1}, {1, 1}, 1}, // every second patch of a picture along 16 directions
    {1, 9, 30, 4, 32, 3, 7, 5, 28, {1, 1}, {0, 2}, {2, 1}, 1},  // two blocks of 16 filters, dilated down
};

inline int64_t size_x(const ConvProblem& p) { return int64_t(p.n) * p.h * p.w * p.c; }
inline int64_t size_w(const ConvProblem& p) { return int64_t(p.k) * p.r * p.s * (p.c / p.groups); }
inline int64_t size_y(const ConvProblem& p) { return int64_t(p.n) * p.p * p.q * p.k; }

inline std::string describe(const ConvProblem& p) {
  const auto pair = [](const char* what, Size2 s) { return std::string(what) + std::to_string(s.h) + "," + std::to_string(s.w); };
  return "x " + std::to_string(p.n) + "x" + std::to_string(p.h) + "x" + std::to_string(p.w) + "x" + std::to_string(p.c) + ", " +
         std::to_string(p.k) + " filters " + std::to_string(p.r) + "x" + std::to_string(p.s) + pair(", stride ", p.stride) +
         pair(" pad ", p.pad) + pair(" dilation ", p.dilation) + " groups " + std::to_string(p.groups) + (p.reflect ? " reflected" : "");
}

}  // namespace weft::testing
