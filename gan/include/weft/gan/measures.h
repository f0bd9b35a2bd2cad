// How good is a picture that was dressed in another's style, in figures that need no trained network. Pictures of one channel
// count as colour ones; values are taken in [0,1]. All figures are the same on every run; none needs pictures of equal size
// unless it says so. A picture too small for a filter is enlarged until the filter fits.
#pragma once
#include <array>
#include <vector>

#include "weft/gan/image.h"
#include "weft/tensor/context.h"

namespace weft::gan {

enum class FilterBank {
  random,        // 128 unit filters of independent normals: the directions that optimisers of patches draw, though not the same ones
  cosine         // all 147 of the orthonormal cosine transform, over luminance and two colour differences: no optimiser draws these
};

/// How far two pictures' patches are apart: the mean over the bank's filters (7x7x3) of the 1-Wasserstein distance between the two
/// lists of projections, 0 for the same patches in any order. At full, half and quarter size. Lists of several pictures are
/// taken together, so a folder is one style.
/// Papers: Rabin et al., "Wasserstein barycenter and its application to texture mixing", SSVM 2011; Elnekave and Weiss, arXiv:2203.11862.
std::array<double, 3> patch_distance(const Context& context, const std::vector<Image>& a, const std::vector<Image>& b, FilterBank bank = FilterBank::random);
/// Of several folders to one, which is looked at once.
std::vector<std::array<double, 3>> patch_distances(const Context& context, const std::vector<std::vector<Image>>& sets, const std::vector<Image>& b, FilterBank bank = FilterBank::random);

/// patch_distance for single pixels along 64 directions in RGB, at full size: how far two palettes are apart, shares included.
double colour_distance(const Context& context, const std::vector<Image>& a, const std::vector<Image>& b);

/// SSIM of the luminances, mean over all places where the 11x11 Gaussian window (sigma 1.5) fits: 1 for equal pictures.
/// Paper: Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 2004. Throws ShapeError if the sizes differ.
double structural_similarity(const Image& a, const Image& b);

/// Pearson's correlation of the luminances after a Gaussian blur of `sigma` pixels (0: none), -1 to 1: with a large sigma, whether
/// light and shade fall alike. 0 if one of them is flat. Throws ShapeError if the sizes differ.
double luminance_correlation(const Image& a, const Image& b, double sigma);

/// Mean squared difference of neighbours in luminance, across plus down: what a blur takes away.
double gradient_energy(const Image& image);

/// Share, 0 to 1, of the picture's 16x16 blocks whose luminance correlates above 0.95 with a block of the style, at any place on
/// a grid of 2 pixels: the style as it is, and stretched to the picture's own size. Blocks whose deviation is below 2/255 say
/// nothing and count as not copied. Pictures beyond 256 pixels are looked at in that size.
double copied_share(const Context& context, const Image& image, const Image& style);

}  // namespace weft::gan
