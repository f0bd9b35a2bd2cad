// A swatch's edges, joined by its own cloth: where it is periodic the period is found, elsewhere two pieces are cut along the line
// on which they differ least. No thread is drawn that the swatch has not.
// Papers: Efros and Freeman, "Image quilting for texture synthesis and transfer", SIGGRAPH 2001; for the closed cut, Kwatra et al., 2003.
#pragma once
#include "weft/gan/tile.h"

namespace weft::gan {

/// A piece of the swatch that repeats straight or as a half drop, its joins lying on its edges. Sides of at least half the swatch's;
/// even in the direction of a half drop. Swatches of at least 16 pixels a side.
Image joined(const Image& swatch, Layout layout);

}  // namespace weft::gan
