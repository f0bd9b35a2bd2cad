// Looking inside a game for points of the plane, while it goes on: where the generator puts its points, what the discriminator thinks of
// every place, and whither it draws the points there. One page, RUN/landscape.html, that can be played and stopped.
#pragma once
#include <filesystem>

#include "weft/gan/gan.h"

namespace weft::gan {

/// Adds the step now, as RUN/landscape/step-000500.json, and makes the page anew of all that are there; those of later steps, of a
/// run that went back, go. Does nothing for pictures, or where points are judged several together.
/// @param real  (N,1,1,2), some of the data
/// Throws IoError.
void write_landscape(const std::filesystem::path& run, const Gan& gan, const Tensor& real);

}  // namespace weft::gan
