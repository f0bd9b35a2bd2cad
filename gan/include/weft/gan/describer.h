// A frozen network that turns each picture into a point, for the distances of weft/gan/set_measures.h.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weft/gan/classifier.h"
#include "weft/gan/set_measures.h"
#include "weft/tensor/context.h"

namespace weft::gan {

struct Describer {
  std::string what;                        // "classifier, 128 numbers before the last layer"
  std::string sha256;                      // of its weights and of which numbers are taken: figures under another are not comparable
  int64_t dimensions = 0;
  int size = 0, channels = 0;              // of the pictures that it takes; 0: any size
  std::function<Tensor(const Tensor&)> features;       // (N,H,W,channels) in [-1, 1] -> (N, dimensions)
  std::shared_ptr<Classifier> classifier;  // if it is one

  /// How pictures of those sides come to the size that it takes, for whoever reads the figures: "none", "triangle 28 to 32" or "triangle 48x32 to 28".
  std::string resize(int height, int width) const;
};

/// @param run_or_file  a run of `weft train classifier` or `weft train features` (RUN, RUN@STEP or a checkpoint's folder), or a
///                     file: classifier.safetensors, a feature network's, a VGG's. Of a feature network the mean of its deepest tap over
///                     all places is taken.
/// Throws DataError, FormatError as load_feature_network. `note` hears of broken checkpoints that were passed over; may be empty.
Describer find_describer(const Context& context, const std::string& run_or_file, const std::function<void(const std::string&)>& note = {});

/// Throws FormatError if a number is not finite.
Points describe(const Context& context, const Describer& describer, const std::vector<Image>& pictures);
/// The class of each picture; of a describer that is a classifier.
std::vector<int> classify(const Context& context, const Describer& describer, const std::vector<Image>& pictures);

}  // namespace weft::gan
