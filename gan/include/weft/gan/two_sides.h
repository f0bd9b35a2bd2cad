// Data for a translation: two sides, A and B, between which it goes.
//   unpaired  two data sets, of any sizes, that are shuffled each for itself
//   paired    one data set whose pictures are (H, W, 2C): A's channels, then B's; so both are drawn, cropped and altered alike
#pragma once
#include <array>

#include "weft/gan/dataset.h"

namespace weft::gan {

struct SplitOptions {
  double held_out = 0;                           // share of the pictures that no step sees; [0, 1)
  int64_t most = 0;                              // pictures in all, those held out included; 0: all
};

/// A data set in two parts. Which picture is in which is the same for every seed, and pictures that are replaced because they
/// are broken are replaced from the whole. The parts may be read from two threads.
struct Split {
  std::shared_ptr<Dataset> train, held_out;      // held_out: null if nothing is held out
};
/// Throws: ConfigError for a share that leaves one part without pictures.
Split split(std::shared_ptr<Dataset> whole, const SplitOptions&);

/// @param source  SRC with SRC/A and SRC/B, folders of pictures; or trainA and trainB, then testA and testB, where they are, are
///                what is held out. B's classes are its first-level folders. Or sketches, as below: pairs whose two sides are then
///                shuffled each for itself, so that what was learned can be held to the pairing that was not told.
/// Throws: DataError for a side that is missing or empty, ConfigError as open_dataset and split.
std::array<Split, 2> open_two_sides(const std::string& source, const DatasetOptions&, const SplitOptions& = {});

/// @param source  as above, the sides matched by file name without its ending; or a folder of pictures that are A and B side by
///                side (in train/, with test/ or val/ held out, or all in one); or sketches:SOURCE (`sketches` alone:
///                sketches:fashion-mnist), where B are the pictures of any other source and A the lines that weft draws of them.
/// @param options channels: of one side
/// Throws: DataError that lists pictures without a counterpart; else as above.
Split open_pairs(const std::string& source, const DatasetOptions&, const SplitOptions& = {});

/// Crops of the pictures of a folder, or of one picture; first-level folders are styles, which are the classes.
/// @param shorter  the length, in pixels, that each picture's shorter side is brought to before; 0: as it is
/// @param part     held_out: share of each picture's area; no crop that training sees touches it. `most` is not used
/// Throws: DataError if there is no picture, FormatError if the only one is broken.
Split open_style_crops(const std::string& source, const DatasetOptions&, int shorter, const SplitOptions& part);

/// Dark lines on white where a picture changes most: Canny's thinned gradients (1986), as dark as they are strong.
/// @param picture  1 or 3 channels;  @return one channel, of the same size
Image line_drawing(const Image& picture);

}  // namespace weft::gan
