// A trained translator read back from a run: pictures in, pictures out, of any size.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "weft/gan/image.h"
#include "weft/gan/model.h"

namespace weft::gan {

struct TranslateOptions {
  double strength = 1;                   // [0, 1]: 0 is the picture itself, 1 the translation
  std::vector<std::pair<std::string, double>> styles;   // of a network that holds several: name and weight; empty: the first one
};

class ImageGenerator;

class Translator {
 public:
  /// @param run   RUN (its best checkpoint by run.keep_best, or else the newest whole one), RUN@STEP, a checkpoint's folder, or FILE.safetensors
  /// @param back  from B to A, for models that learn both ways
  /// @param note  hears of broken checkpoints that were passed over; may be empty
  /// Throws DataError, FormatError; ConfigError if the run's model does not translate pictures, or not back.
  Translator(const std::string& run, const Context& context, bool back = false, const std::function<void(const std::string&)>& note = {});

  /// (N,H,W,C) in [-1, 1] -> the same, for sides of any length. Throws ConfigError for options that the network cannot follow.
  Tensor operator()(const Tensor& pictures, const TranslateOptions& options = {}) const;
  /// The same for a picture; alpha stays as it is.
  Image operator()(const Image& picture, const TranslateOptions& options = {}) const;

  const ModelOptions& model() const { return model_; }
  const std::string& checkpoint() const { return checkpoint_; }   // its directory, or the file
  const std::string& sha256() const { return sha256_; }           // of the network's file

 private:
  Context context_;
  ModelOptions model_;
  nn::ModulePtr network_;
  std::string checkpoint_, sha256_;
};

}  // namespace weft::gan
