// A swatch's edges, joined by its own cloth: where it is periodic the period is found, elsewhere two pieces are cut along the line
// on which they differ least. No thread is drawn that the swatch has not.
// Papers: Efros and Freeman, "Image quilting for texture synthesis and transfer", SIGGRAPH 2001; for the closed cut, Kwatra et al., 2003.
#pragma once
#include "weft/gan/tile.h"

namespace weft::gan {

struct Join {
  bool periodic;                   // the cloth comes round there by itself
  double seen;                     // squared steps across the join, over those that the cloth has at the same places: 1 is none
  bool told() const { return seen >= 1.5; }
};

struct Repeat {
  Image image;                     // its joins lie on its edges
  Join across, down;               // left-right, top-bottom
  bool doubled;                    // two straight repeats, one on the other: another half drop would break the pattern
};

/// A piece of the swatch that repeats straight or as a half drop. Sides of at least half the swatch's; even in the direction of a half drop.
/// Where the pattern comes round, what its ends differ by in light is levelled. Swatches of at least 16 pixels a side.
Repeat joined(const Image& swatch, Layout layout);

}  // namespace weft::gan
