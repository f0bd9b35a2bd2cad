// Style transfer without a network: the picture's own pixels are moved until its patches are distributed as the style's are.
//
// A step draws random directions, sorts what the patches come to along each (style/patches.h), and moves every patch to where its
// rank would put it in the style; a pixel takes the mean of what its patches want. That is gradient descent on the squared sliced
// Wasserstein distance with the one step size that needs no tuning. Ranks are the content's, so what was light stays light: layout
// is kept without a loss of its own. Coarse to fine: what is arranged at a small size keeps its place at a larger one.
// Papers: Pitié, Kokaram, Dahyot, "Automated colour grading using colour distribution transfer" (2007), whose step this is, of
// patches instead of pixels; Elnekave & Weiss, arXiv:2203.11862.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "weft/gan/feature_network.h"
#include "weft/gan/image.h"
#include "weft/tensor/tensor.h"

namespace weft::gan {

struct Style {
  Image picture;
  double weight = 1;               // against the other styles of its region; not negative, and not all 0
  int region = 0;                  // the mask that it is for; of no account where there are no masks
};

enum class TransferColours {
  style,                           // all of it is the style's
  content,                         // marks of the style in the content's palette; mean colour within 2/255 of the content's
  luminance                        // light and shade of the result, colour differences of the content, pixel for pixel
};
/// style, content, luminance. Throws ConfigError that lists them.
TransferColours transfer_colours_named(const std::string& name);

struct TransferOptions {
  double structure = 0.5;          // [0, 1]: how much of the layout stays. The first level is 0.25 (at 0), 0.6 (0.5) or 0.72 (1) of the size,
                                   // and the content's light and shade holds the result by its root
  double strength = 0.5;           // [0, 1]: how far it goes: 60 (1 + 0.9 structure^2) steps a level times this; 0 returns the content
  double brush = 1;                // [0.25, 4]: size of the style's marks. At 1 the style is as long as the picture
  int size = 0;                    // of the longer side, in pixels; 0: the content's
  uint64_t seed = 0;
  TransferColours colours = TransferColours::style;
  bool keep_shading = false;       // folds and shadows of the content stay
  int feather = 0;                 // pixels over which a mask fades in, from its edge inwards
  double effort = 1;               // (0, 1]: share of the steps of each level that is done; less for a first look
  size_t memory = 0;               // bytes that tensors may take; 0: what the device has free, where that is known
};

struct TransferJob {
  Image content;
  std::vector<Style> styles;
  std::vector<Image> masks;        // of the content's size; white where the region is. None: one region, everything
  TransferOptions options;
  Image lit = {};                  // if a cloth was laid over the content: the content before, of the same size, whose light options.keep_shading lets fall on it,
                                   // and whose colours options.colours keeps
  std::shared_ptr<const FeatureNetwork> features = nullptr;   // method gram (style/gram.h) by this network; none: patches, as above. Then structure
                                   // is the first level alone, strength the balance of style and content, and no seed is needed
};

/// What a job will take, before any of it is done.
struct TransferPlan {
  int height, width;               // of the result
  std::vector<int> levels;         // longer sides, the last that of the result
  int steps;                       // a level
  int directions_at_once;          // of the 16 of a step and grid: fewer take less memory and no less work
  int parts;                       // a step looks at the picture whole (1), or at every n-th strip of rows at a time
  size_t bytes;                    // tensors will not take more; usually they take nine tenths of it or more
  std::string text() const;        // a line for a person
};
/// Throws ConfigError for options out of range, weights that are negative or all 0, regions without a mask and a feather that leaves
/// nothing of a mask; DataError for pictures without pixels, masks that are none, masks or `lit` of another size, and a content
/// that is too thin at this size;
/// OutOfMemory with the size that would fit.
TransferPlan plan_transfer(const Context& context, const TransferJob& job);

struct TransferProgress {
  int step, steps;                 // of all levels
  double done;                     // share of the work, 0 to 1: late levels take longest
  const std::function<double()>& distance;  // of the patches just compared, in [-1, 1] pixels, root of the mean square; by a feature network: the
                                   // part of the level's first style loss that is left. Waits for the device
  const std::function<Image()>& picture;    // as it is now, at the result's size
};

/// The content in the styles' manner. Pixels where all masks are black have the bytes of the content (at its own size, or resized).
/// The same bits for the same seed, device and thread count.
/// @param look  called after each step if given; returning false ends the work, and the picture as it is then is returned
/// Throws as plan_transfer.
Image transfer(const Context& context, const TransferJob& job, const std::function<bool(const TransferProgress&)>& look = {});

/// `picture` with the light and shade of `content`: blurred luminance follows the content's, what is finer stays. Same sizes.
Image shaded_as(const Image& picture, const Image& content);
/// `picture`, a cloth, in the light of `content`: each pixel is multiplied by how light the content is there beside its mean, both blurred, as far
/// as the picture has not such folds already (by least squares). Its own motifs, also large ones, stay.
/// @param share  (H*W) in [0, 1]: where means and folds are looked for. Throws ShapeError for different sizes.
Image lit_as(const Image& picture, const Image& content, const std::vector<float>& share);

/// Region of COCO annotations (segmentations as polygons, filled even-odd, or run lengths): white inside.
/// @param file    instances_*.json
/// @param which   an annotation's id, a category's name, or empty: all annotations of the picture
/// @param picture file name of the picture, without folders; of a file with one picture it is of no account
/// Throws DataError, FormatError; both say what the file has.
Image coco_mask(const std::filesystem::path& file, const std::string& which, const std::string& picture);

}  // namespace weft::gan
