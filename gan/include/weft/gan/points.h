// Points of the plane: as files, as numbers, as a picture. Networks see them as pictures of one pixel with two channels, (N,1,1,2),
// less the data's mean and over its deviation, an axis.
#pragma once
#include <string>
#include <vector>

#include "weft/gan/image.h"
#include "weft/gan/dataset.h"
#include "weft/tensor/tensor.h"

namespace weft::gan {

/// x, y of each line of a CSV, whose first line may name them. Throws DataError that lists bad lines by number.
std::vector<double> read_points(const std::string& path);
/// The same, the other way.
std::string points_text(const std::vector<float>& xy);

/// Whether a batch is of points.
inline bool are_points(const Tensor& t) { return t && t.rank() == 4 && t.size(1) == 1 && t.size(2) == 1 && t.size(3) == 2; }
/// x, y of (N,1,1,2) in the data's own units.
std::vector<float> to_points(const Tensor& points, const Units& units);

/// The smallest scale of points, in the units of their Dataset::read: below it they fill an area as a round Gaussian of that deviation
/// does, above it they look like separate dots. By the correlation integral (Grassberger and Procaccia, 1983) of 2,000 of them.
double grain_of(Dataset& points);

/// A scatter plot: `real` in grey below, `made` in blue above; either may be empty. Both axes have one scale; what is shown is where
/// most of `real` is (else of `made`), and a little more, and a line below says from where to where.
/// @param side  of the frame, in pixels
Image scatter(const std::vector<float>& real, const std::vector<float>& made, int side = 512);

}  // namespace weft::gan
