// Colour by itself: one picture in the colours of another, and the few dials of a darkroom. Deterministic; milliseconds for a
// photograph. Grey pictures, pictures of one colour and of one pixel are no trouble: where a picture has no contrast of its own
// there is nothing to stretch, and it is moved only.
#pragma once
#include <string>

#include "weft/gan/image.h"

namespace weft::gan {

enum class ColourMethod {
  mkl,           // the linear map of least change between the two clouds of colours, seen as Gaussians
  reinhard,      // mean and deviation of each channel of l-alpha-beta, a space in which a photograph's channels are nearly independent
  sliced         // the whole cloud, bends and clusters too, by optimal transport along one axis after another; may add grain
};
/// mkl, reinhard, sliced. Throws ConfigError that lists them.
ColourMethod colour_method_named(const std::string& name);

/// `picture` in the colours of `palette`: three channels, the picture's size. A palette of one colour moves the picture's mean
/// there and keeps its contrasts. Transparent pixels of either count for nothing, and the picture's stay. With mkl the mean is the palette's within 1/255, what clipping takes made good, unless the
/// palette is so close to black or white that this cannot be.
/// Papers: Pitié and Kokaram, "The linear Monge-Kantorovitch linear colour mapping", CVMP 2007; Reinhard, Ashikhmin, Gooch,
/// Shirley, "Color transfer between images", IEEE CG&A 2001; Pitié, Kokaram, Dahyot, "Automated colour grading using colour
/// distribution transfer", CVIU 2007.
Image recoloured(const Image& picture, const Image& palette, ColourMethod method = ColourMethod::mkl);

/// The light and shade of one picture, the colours of another: luma of `light`, colour differences of `colours`, as BT.601 has
/// them. Throws ShapeError if the sizes differ.
Image with_light_of(const Image& colours, const Image& light);

/// Dials in OkLab (Ottosson 2020), where a turn of the hue leaves the lightness alone. At their defaults nothing changes.
struct Adjustments {
  double hue = 0;                // degrees, any
  double contrast = 1;           // 0 to 10; 18 % grey stays
  double saturation = 1;         // 0 to 10
  bool black_and_white = false;
  double film = 0;               // 0 to 1: the S-curve of a negative on paper, blacks that are never quite black, and grain
  uint64_t seed = 0;             // of the grain
};
/// Three channels. Throws ConfigError for a dial out of its range.
Image adjusted(const Image& picture, const Adjustments& adjustments);

}  // namespace weft::gan
