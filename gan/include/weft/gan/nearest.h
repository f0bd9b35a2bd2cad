// Which training picture each generated one is nearest to: whether a generator has learned pictures by heart.
#pragma once
#include <vector>

#include "weft/gan/dataset.h"
#include "weft/tensor/context.h"

namespace weft::gan {

struct Nearest {
  int64_t index = -1;                      // of the training picture
  double distance = 0;                     // root of the mean squared difference of pixels, in [0, 1]
};

/// Looks through the whole data set once.
/// @param pictures  of the data's size and channels
/// @param own       which picture of the data set each of them is itself, and so is passed over; -1 or empty: none
std::vector<Nearest> nearest_pictures(const Context& context, const std::vector<Image>& pictures, Dataset& data, const std::vector<int64_t>& own = {});

/// Picture i of the data set as 8 bits a channel. @param label  if not null, gets its class
Image picture_of(Dataset& data, int64_t i, int* label = nullptr);

}  // namespace weft::gan
