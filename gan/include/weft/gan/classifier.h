// A network that tells what a picture shows: it is trained once on pictures with classes (`weft train classifier`) and then stays
// as it is, to judge generators by: which classes they make, and how far the 128 numbers before its last layer are from the data's.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weft/gan/dataset.h"
#include "weft/gan/model.h"

namespace weft::gan {

class Contest;
struct GanOptions;

/// 3x3 convolutions with batch norm, ReLU and 2x2 max pools until at most 8 pixels a side are left, two of them at 28 and 32
/// pixels; then a layer of 128 numbers, and one of the classes.
class Classifier : public nn::Module {
 public:
  static constexpr int64_t kFeatures = 128;
  /// @param options  size, channels, width (of the first convolution) and classes. Throws ConfigError without classes, or for a size below 8.
  Classifier(const Context& context, const ModelOptions& options);

  /// @param pixels  (N,size,size,channels) in [-1, 1]
  Tensor forward(const Tensor& pixels) override;       // (N, classes) logits
  Tensor features(const Tensor& pixels);               // (N, 128), not negative
  const ModelOptions& options() const { return options_; }

 private:
  ModelOptions options_;
  std::shared_ptr<nn::Sequential> body_;
  std::shared_ptr<nn::Dropout> dropout_;
  std::shared_ptr<nn::Linear> last_;
};

/// The model `classifier`: cross-entropy. A batch is {pictures, labels}, labels (N, classes), one-hot.
std::unique_ptr<Contest> classifier_contest(const Context& context, const Model& model, const GanOptions& options);

/// Ready to be asked. @param file  classifier.safetensors of a run. Throws FormatError if it is none.
std::shared_ptr<Classifier> load_classifier(const Context& context, const std::filesystem::path& file);

/// Trained here and now: `steps` steps of `batch` pictures, by the same recipe as `weft train classifier`.
std::shared_ptr<Classifier> train_classifier(const Context& context, std::shared_ptr<Dataset> data, int width, int64_t steps, int batch, uint64_t seed);

/// The class that each picture is taken for.
std::vector<int> classify(Classifier& classifier, const Tensor& pixels);

}  // namespace weft::gan
