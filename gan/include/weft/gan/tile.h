// Repeats: a picture laid side by side without end, as cloth is printed, and how well its edges meet.
#pragma once
#include "weft/gan/image.h"
#include "weft/tensor/context.h"

namespace weft::gan {

enum class Layout {
  straight,      // column by column and row by row
  half_drop,     // every other column half a tile lower
  brick,         // every other row half a tile to the right
  mirror         // every other tile turned over, its edge rows not doubled
};
/// straight, half-drop, brick, mirror. Throws ConfigError that lists them.
Layout layout_named(const std::string& name);

/// `height` x `width` pixels of the endless cloth, its corner at (top, left) of the tile; negative ones too. Throws ShapeError for sides
/// below 1.
Image cloth(const Image& tile, Layout layout, int top, int left, int height, int width);
/// The smallest piece of the cloth that repeats straight: what any printer's or program's plain "tile" setting takes.
Image straight_repeat(const Image& tile, Layout layout);

/// Mean difference of neighbours across a seam over that inside the tile: 1 is a seam that cannot be told from the rest, above 1
/// an edge, below 1 a flat or blurred border. Of the seams left-right and top-bottom the one farther from 1.
double seam_score(const Image& tile, Layout layout = Layout::straight);

/// Patch distances (mean of full and half size) to the swatch's patches: of strips of cloth along the seams, and of seven pairs of
/// strips just as large that lie evenly in the tile. The tile is in the swatch's scale; beyond 256 pixels both are looked at smaller.
struct SeamPatches {
  double seam, middle, worst;    // middle: the mean of the seven; worst: the largest of them
};
SeamPatches seam_patches(const Context& context, const Image& tile, Layout layout, const Image& swatch);

/// Rows as columns.
Image transposed(const Image& image);
/// The tile in another size (even where the layout halves a side); what lies beyond its edges is seen, so that they still meet.
Image resized_tile(const Image& tile, Layout layout, int height, int width);

struct Tile {
  Image image;
  const char* how;               // kept: the swatch tiles already; joined; doubled: joined straight, twice; mirrored
};
/// A piece of the swatch's cloth that repeats in the layout, in the swatch's scale.
/// Joining takes the piece that comes round best, so a pattern's period where there is one, and lays both ends over each other,
/// cut where they differ least: no thread is drawn that the swatch has not, and only light that falls off is levelled. A half drop or
/// bricks that would break a pattern become two of its own repeats. A mirror needs no join.
/// Throws DataError for a swatch below 16 pixels a side.
Tile make_tile(const Context& context, const Image& swatch, Layout layout);

}  // namespace weft::gan
