// Networks whose activations tell what a picture shows and in what manner: VGG16 and VGG19 from a safetensors file that the
// user has, and smaller ones of the same build that weft trains itself (`weft train features`).
//   Papers: Simonyan and Zisserman, arXiv:1409.1556; Gatys, Ecker and Bethge, arXiv:1508.06576.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weft/gan/image.h"
#include "weft/nn/layers.h"

namespace weft::gan {

/// What weights expect as input, which no tensor tells.
///   torchvision  RGB in [0, 1], minus (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225)
///   caffe        BGR in [0, 255], minus (103.939, 116.779, 123.68)
enum class Preprocessing { torchvision, caffe };
const char* name_of(Preprocessing);
/// Throws ConfigError with a suggestion for any other name.
Preprocessing find_preprocessing(const std::string& name);

/// Channels of each 3x3 convolution, by stages; a 2x2 max pool stands between two stages. VGG19 is
/// {{64, 64}, {128, 128}, {256, 256, 256, 256}, {512, 512, 512, 512}, {512, 512, 512, 512}}.
using FeatureStages = std::vector<std::vector<int64_t>>;

/// Convolutions with ReLUs, under torchvision's names: "features.0.weight", ... A tap is the result of one ReLU: "relu4_2" is
/// that of the second convolution of the fourth stage, (N, H/8, W/8, channels).
/// The first convolution repeats the picture's border, where others put zeros: no edge appears that the picture has not.
class FeatureNetwork : public nn::Module {
 public:
  FeatureNetwork(const Context& context, const FeatureStages& stages, Preprocessing preprocessing = Preprocessing::torchvision);

  /// @param pixels  (N,H,W,3) in [-1, 1]; H and W at least 2^(stages - 1)
  Tensor forward(const Tensor& pixels) override;                     // of the last tap
  /// The asked taps in the order asked. Nothing behind the deepest of them is computed. Throws ConfigError for a name that is none.
  Tensors taps(const Tensor& pixels, const std::vector<std::string>& names) const;

  /// Scales and shifts each filter, so that on these pictures its results have mean 0 and variance 1 before their ReLU: what makes
  /// drawn weights useful, and deep networks learn without norms between their layers. Mishkin and Matas, arXiv:1511.06422.
  void standardise(const Tensors& pictures);

  const std::vector<std::string>& tap_names() const { return names_; }   // from the picture on
  const FeatureStages& stages() const { return stages_; }
  Preprocessing preprocessing() const { return preprocessing_; }

 private:
  Tensor prepared(const Tensor& pixels) const;                       // as the first convolution takes it
  Tensor pooled(size_t convolution, const Tensor& x) const;          // as this one takes the result of that before

  FeatureStages stages_;
  Preprocessing preprocessing_;
  Tensor matrix_, shift_;                                            // (3,3), (3): input = pixels * matrix + shift
  std::vector<std::shared_ptr<nn::Conv2d>> convolutions_;
  std::vector<std::string> names_;                                   // of the tap behind each convolution
};

struct FeatureFileOptions {
  std::optional<Preprocessing> preprocessing;                        // empty: as the file says, else torchvision
  std::string cut;                                                   // the deepest tap that is needed; empty: all there are
};

/// A network for evaluation from torchvision's or timm's VGG16 or VGG19, from what save_feature_network() wrote, or from a
/// checkpoint of `weft train features`. Of a VGG's 550 MB only the convolutions up to the cut are read; F32, F16 and BF16.
/// If the file says what the taps' means on a fixed picture are, they are compared.
/// Throws: DataError if there is no such file; FormatError that says what was found, if it is no such network, one with batch
/// norm, another VGG, misshapen, or computes something else than its maker did; ConfigError for a cut that it does not have, or
/// a preprocessing that contradicts the file's.
std::shared_ptr<FeatureNetwork> load_feature_network(const Context& context, const std::filesystem::path& file, const FeatureFileOptions& = {});

/// With nothing at hand: thin, of five stages, its weights drawn and standardised on these pictures, as small or as few of them as have
/// so many pixels in all: of twice those of a transfer's result it takes less memory than the transfer will.
std::shared_ptr<FeatureNetwork> drawn_feature_network(const Context& context, const std::vector<Image>& pictures, uint64_t seed, double pixels = 2 * 256 * 256);

/// The file of a run of `weft train features` (RUN, RUN@STEP or a checkpoint's folder), or the file itself. Throws DataError if there is no such
/// run, FormatError for one of another model. `note` hears of broken checkpoints that were passed over; may be empty.
std::filesystem::path find_feature_file(const std::string& run_or_file, const std::function<void(const std::string&)>& note = {});

/// Weights, float32 or (half) float16, and as metadata model where it is no VGG, weft.preproc, weft.cut and weft.means (each tap's mean activation on the
/// fixed picture, with the weights as they were rounded), beside `more`. Throws IoError.
void save_feature_network(const std::filesystem::path& file, const FeatureNetwork& network, bool half, const Metadata& more = {});

/// Where to get a VGG, for messages: weft never downloads.
extern const char* const kWhereVggIs;

}  // namespace weft::gan
