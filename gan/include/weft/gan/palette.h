// A picture's few main colours: found, shown, read from hex codes, and printed with.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "weft/gan/image.h"

namespace weft::gan {

struct PaletteColour {
  std::array<uint8_t, 3> rgb;
  double share;                  // of what can be seen of the picture, 0 to 1
};
using Palette = std::vector<PaletteColour>;

/// The `count` (1 to 64) colours nearest to all of the picture's, by k-means++ in OkLab from a fixed seed; the largest share
/// first. Fewer if the picture has no more. Paper: Arthur and Vassilvitskii, "k-means++", SODA 2007.
/// Throws ConfigError for another count.
Palette extract_palette(const Image& picture, int count);

/// "#1b2a41,#c9ada7,#f2e9e4", with or without #, three or six digits each; equal shares. Throws ConfigError with the code that is none.
Palette palette_from_hex(const std::string& codes);
/// "#1b2a41"
std::string hex(const PaletteColour& colour);

/// Side by side, as wide as their shares; each at least a tenth of what an equal share would be.
Image palette_strip(const Palette& palette, int height, int width);

/// A print in flat colours.
struct Separations {
  Image flat;                    // each pixel in the ink that is nearest, specks of a pixel given to their surroundings
  std::vector<Image> films;      // one an ink: black where it prints, white elsewhere; every pixel is black on exactly one, and on none where more than half is seen through
  std::vector<double> coverage;  // of each ink, among all that is printed: 0 to 1
};
/// Throws ConfigError without an ink.
Separations separate(const Image& picture, const Palette& inks);

}  // namespace weft::gan
