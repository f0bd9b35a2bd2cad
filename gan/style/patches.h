// How a picture's patches are distributed, and how far that is from how they should be.
//
// A direction (a unit 7x7x3 filter) turns every patch into one number. Two pictures have the same distribution of patches exactly if,
// along every direction, the sorted numbers agree; the mean gap between the sorted lists over random directions is the sliced
// Wasserstein distance. It is a convolution, a sort and a difference, so it is a loss of anything that makes pictures: of the pixels
// themselves (`weft transfer`), of a tile with wrapping borders, of a generator's output.
//
// Papers: Rabin et al., "Wasserstein barycenter and its application to texture mixing" (2011); Elnekave & Weiss, arXiv:2203.11862.
#pragma once
#include <vector>

#include "weft/tensor/ops.h"

namespace weft::gan {

constexpr int kPatchSide = 7;

/// How many patches a border pixel is part of: `none` takes patches that lie inside, so fewer; the others as many as any pixel.
enum class Border { none, reflect, wrap };

/// What patches are taken from.
struct PatchSource {
  Tensor pictures;                  // (N, H, W, 3), usually in [-1, 1]
  Border border = Border::none;
  Tensor positions = {};            // int32: the patches that count, as flat (n, y, x) of the N*P*Q there are; empty: all of them
  int groups = 1;                   // equal runs of pictures, each with a distribution of its own; 1 where positions are given
  int stride = 1;                   // every so-manieth patch, down and across: enough of a picture that is larger than need be
  Size2 first = {0, 0};             // how far down and across the first of these is, less than the stride

  int64_t patches() const;          // of a group
};

/// Unit vectors, evenly distributed over the sphere: (count, side, side, 3). A function of (stream, the context's step).
Tensor draw_directions(const Context& context, int count, uint64_t stream, int side = kPatchSide);

/// Unit vectors of one colour each, evenly distributed in all else: (count, 7, 7, 3). A third are of light and shade, the others of a hue
/// against its opposite. What is moved along them stays of that colour: along the others a gap in light is closed by colours as well.
/// A function of (stream, the one behind it, the context's step).
Tensor draw_tinted(const Context& context, int count, uint64_t stream);

/// Unit vectors of one frequency and one colour each, under a Gaussian window: (count, 7, 7, 3). Frequency and phase are evenly
/// distributed, colours as above. Evenly distributed directions see mostly
/// what is strongest, large shapes in light and shade; these see each band of a texture by itself, so it comes out as sharp as it is.
Tensor draw_waves(const Context& context, int count, uint64_t stream);

/// What each patch comes to along each direction, in rising order: (groups, directions, patches). Differentiable.
Tensor sorted_projections(const PatchSource& source, const Tensor& directions);

/// Several pictures' distributions, mixed by the weighted mean of their sorted lists: the barycentre of Wasserstein's distance along
/// each direction. Lists of another length are read at equal shares (entry i of n at (i + 1/2) / n).
class PatchTarget {
 public:
  struct Part {
    PatchSource source;             // of 1 group, or of as many as will be compared
    double weight;                  // not negative, and not all 0; only their ratios count
  };
  /// @param patches     of what will be compared with this, a group
  /// @param directions  how many there will be
  /// Throws ConfigError for weights that are negative or all 0.
  PatchTarget(std::vector<Part> parts, int64_t patches, int directions);
  /// (groups, directions, patches), outside the graph. Of sources with a stride, another `turn` takes others of the patches, and turns 0 to stride^2 / 4 - 1
  /// take all of them but a few at the far ends, if `first` goes through 0 and 1: nothing regular in a style can hide between those that are seen.
  Tensor lists(const Tensor& directions, int turn = 0) const;

 private:
  struct Read {
    Part part;
    Tensor shares;                  // where each entry is read in the part's lists; empty where they have the right length
  };
  std::vector<Read> parts_;
  int64_t patches_;
};

/// Mean absolute gap between `source`'s sorted projections and `wanted` (PatchTarget::lists): a scalar, differentiable in the pictures.
/// The sliced 1-Wasserstein distance if the directions are random.
Tensor patch_distance(const PatchSource& source, const Tensor& wanted, const Tensor& directions);

}  // namespace weft::gan
