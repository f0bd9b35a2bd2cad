#include "weft/gan/describer.h"

#include <algorithm>
#include <cmath>

#include "run/run_directory.h"
#include "weft/gan/feature_network.h"
#include "weft/gan/sheet.h"
#include "weft/tensor/sha256.h"

namespace weft::gan {
namespace {

namespace fs = std::filesystem;
constexpr size_t kAtOnce = 100;

std::string hash_of(const std::string& what, const nn::Module& network) {
  const std::string text = what + " " + nn::parameters_sha256({{"features", &network}});
  return Sha256().update(text.data(), text.size()).hex();
}

Describer by_classifier(const Context& context, const fs::path& file) {
  const auto network = load_classifier(context, file);
  Describer d{"classifier of " + std::to_string(network->options().classes.size()) + " classes, 128 numbers before its last layer", "", Classifier::kFeatures,
              network->options().size, network->options().channels, [network](const Tensor& x) { return network->features(x); }, network};
  d.sha256 = hash_of(d.what, *network);
  return d;
}

Describer by_features(const Context& context, const std::string& run_or_file, const std::function<void(const std::string&)>& note) {
  const auto network = load_feature_network(context, find_feature_file(run_or_file, note));
  const int64_t channels = network->stages().back().back();
  const int least = 1 << (network->stages().size() - 1);
  Describer d{"feature network, means of " + network->tap_names().back() + " over all places", "", channels, 0, 3, {}, nullptr};
  d.features = [network, least](const Tensor& x) {
    if (x.size(1) < least || x.size(2) < least) throw ShapeError("the feature network takes pictures of " + std::to_string(least) + " pixels and more");
    return mean(network->forward(x), {1, 2});
  };
  d.sha256 = hash_of(d.what, *network);
  return d;
}

/// What `see` makes of all pictures, a few at a time, in the size that the network takes.
void for_each_part(const Context& context, const Describer& d, const std::vector<Image>& pictures, const std::function<void(const Tensor&)>& see) {
  const NoGraph scope(context);
  for (size_t begin = 0; begin < pictures.size(); begin += kAtOnce) {
    const size_t end = std::min(pictures.size(), begin + kAtOnce);
    std::vector<Image> part(pictures.begin() + std::ptrdiff_t(begin), pictures.begin() + std::ptrdiff_t(end));
    if (d.size != 0)
      for (Image& p : part) p = resized(p, d.size, d.size);
    see(to_tensor(context, part, d.channels));
  }
}

}  // namespace

std::string Describer::resize(int height, int width) const {
  if (size == 0 || (size == height && size == width)) return "none";
  return "triangle " + (height == width ? "" : std::to_string(width) + "x") + std::to_string(height) + " to " + std::to_string(size);
}

Describer find_describer(const Context& context, const std::string& run_or_file, const std::function<void(const std::string&)>& note) {
  if (fs::is_regular_file(run_or_file)) {
    const fs::path file = run_or_file;
    if (file.extension() != ".safetensors") return by_features(context, run_or_file, note);
    const Metadata about = read_safetensors_header(file).metadata;
    const auto model = about.find("model");
    return model != about.end() && model->second == "classifier" ? by_classifier(context, file) : by_features(context, run_or_file, note);
  }
  const fs::path folder = find_checkpoint(run_or_file, note);
  if (fs::exists(folder / "classifier.safetensors")) return by_classifier(context, folder / "classifier.safetensors");
  if (!fs::exists(folder / "features.safetensors"))
    throw FormatError(run_or_file + ": is no run of `weft train classifier` or `weft train features`, so it holds no network to see pictures by");
  return by_features(context, run_or_file, note);
}

Points describe(const Context& context, const Describer& d, const std::vector<Image>& pictures) {
  Points points{int64_t(pictures.size()), d.dimensions, {}};
  for_each_part(context, d, pictures, [&](const Tensor& x) {
    const std::vector<float> some = d.features(x).floats();
    points.values.insert(points.values.end(), some.begin(), some.end());
  });
  if (!std::all_of(points.values.begin(), points.values.end(), [](float v) { return std::isfinite(v); }))
    throw FormatError("what the feature network makes of a picture is not finite; `weft verify` looks through its file");
  return points;
}

std::vector<int> classify(const Context& context, const Describer& d, const std::vector<Image>& pictures) {
  std::vector<int> all;
  for_each_part(context, d, pictures, [&](const Tensor& x) {
    const std::vector<int> some = classify(*d.classifier, x);
    all.insert(all.end(), some.begin(), some.end());
  });
  return all;
}

}  // namespace weft::gan
