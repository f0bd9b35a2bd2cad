// Pictures as numbers: planes of floats in [0,1], and what the measures and colour methods do with them.
#pragma once
#include <vector>

#include "weft/gan/image.h"

namespace weft::gan {

struct Plane {
  int height = 0, width = 0;
  std::vector<float> values;                     // (height, width)
};

/// BT.601 luma of sRGB values, not rounded.
Plane luminance(const Image& image);
/// Separable Gaussian of `radius` taps to each side, only where it fits: the result is smaller by `radius` all round.
Plane blurred_inside(const Plane& plane, double sigma, int radius);
/// SSIM's two factors, the latter with structure; means over all places where the 11x11 window (sigma 1.5) fits. Of one size.
struct Compared { double luminance, contrast; };
constexpr int kWindow = 11;
Compared compared(const Plane& x, const Plane& y);
/// The picture, enlarged if need be until both sides have at least `side` pixels.
Image at_least(const Image& image, int side);

}  // namespace weft::gan
