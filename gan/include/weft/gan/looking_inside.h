// Sheets that show what a generator does with its latents.
#pragma once
#include <string>
#include <vector>

#include "weft/gan/projection.h"

namespace weft::gan {

struct LabelledSheet {
  Tensor pictures;                       // (rows * columns,H,W,C)
  int columns = 0;
  std::vector<std::string> captions;     // one a picture, for contact_sheet
};

/// A row a latent (N,1,1,latent), from the most typical picture to the freest in `steps` columns: of styles 0 to 1 times their distance from the
/// mean, of noise draws truncated at 0.5 to 3 deviations.
/// @param labels  (N, classes), of a generator with classes
LabelledSheet truncation_sweep(const TrainedGenerator& generator, const Tensor& latents, int64_t steps, const Tensor& labels = {});

/// A row for each of the first half of the latents, a column for each of the others: the picture that has the row's styles in the layers before
/// `from`, and the column's from there on. Their own pictures stand at the left and at the top. Throws ConfigError for a generator without
/// styles, and for a layer that is none of 1 to layers - 1.
/// @param labels  (N, classes), of a generator with classes
LabelledSheet style_mixing(const TrainedGenerator& generator, const Tensor& latents, int64_t from, const Tensor& labels = {});

/// `count` latents that lie this share of the way from one latent to draws of a seed: z along a circle, styles along a line. 0: itself.
Latent varied(const TrainedGenerator& generator, const Latent& latent, double share, int64_t count, uint64_t seed, const Tensor& labels = {});

}  // namespace weft::gan
