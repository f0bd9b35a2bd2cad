// Feature networks in files: which network it is follows from names and shapes alone, so a file of any origin will do.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>

#include "run/run_directory.h"
#include "weft/gan/feature_network.h"

namespace weft::gan {

const char* const kWhereVggIs =
    "model.safetensors of timm/vgg19.tv_in1k or timm/vgg16.tv_in1k at huggingface.co, or torchvision's vgg19-dcbb9e9d.pth or vgg16-397923af.pth, "
    "whose names have the first digits of their SHA-256, saved as safetensors";

namespace {

namespace fs = std::filesystem;

const FeatureStages kVgg16{{64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}};
const FeatureStages kVgg19{{64, 64}, {128, 128}, {256, 256, 256, 256}, {512, 512, 512, 512}, {512, 512, 512, 512}};

/// Index of a "features.N.KIND" tensor, or -1.
int index_of(const std::string& name, const std::string& kind) {
  int index = -1;
  const char *begin = name.data() + 9, *end = name.data() + name.size();
  if (name.rfind("features.", 0) != 0) return -1;
  const auto [rest, error] = std::from_chars(begin, end, index);
  return error == std::errc() && index >= 0 && std::string(rest, end) == "." + kind ? index : -1;
}

/// PyTorch's own files, by their first bytes: a zip archive, or a bare pickle.
bool is_pytorch(const fs::path& file) {
  char head[2] = {};
  std::ifstream(file, std::ios::binary).read(head, 2);
  return (head[0] == 'P' && head[1] == 'K') || head[0] == '\x80';
}

std::string text_of(const FeatureStages& stages) {
  std::string text;
  for (const auto& stage : stages) text += (text.empty() ? "" : ", ") + std::to_string(stage.size()) + " of " + std::to_string(stage.back());
  return text;
}

/// Whether `part` is `whole`, or its beginning.
bool begins(const FeatureStages& part, const FeatureStages& whole) {
  if (part.empty() || part.size() > whole.size()) return false;
  for (size_t s = 0; s < part.size(); ++s) {
    const bool last = s + 1 == part.size();
    if (part[s].size() > whole[s].size() || (!last && part[s].size() != whole[s].size())) return false;
    if (!std::equal(part[s].begin(), part[s].end(), whole[s].begin())) return false;
  }
  return true;
}

bool is_vgg(const FeatureStages& stages) { return begins(stages, kVgg16) || begins(stages, kVgg19); }

/// The stages that the convolutions' names and shapes tell of. Throws FormatError if they tell of none.
FeatureStages stages_in(const SafetensorsHeader& header, const std::string& what) {
  std::map<int, Shape> weights;
  for (const TensorEntry& t : header.tensors) {
    const int index = index_of(t.name, "weight");
    if (index < 0) continue;
    if (t.shape.size() == 1)
      throw FormatError(what + ": is a VGG with batch norm (" + t.name + " has the shape " + shape_text(t.shape) +
                        "); style transfer takes the plain one: " + kWhereVggIs);
    if (t.shape.size() != 4) throw FormatError(what + ": " + t.name + " is no filter, but of the shape " + shape_text(t.shape));
    weights[index] = Shape(t.shape);
  }
  if (!weights.count(0))
    throw FormatError(what + ": is no VGG: among its " + std::to_string(header.tensors.size()) + " tensors there is no features.0.weight" +
                      (header.tensors.empty() ? "" : "; the first is " + header.tensors[0].name) + ". Expected " + kWhereVggIs);
  FeatureStages stages;
  int64_t from = 3;
  int before = -3;
  for (const auto& [index, shape] : weights) {
    const std::string name = "features." + std::to_string(index) + ".weight";
    const int step = index - before;                                 // 2: after a ReLU; 3: after a ReLU and a pool
    if (step == 3) stages.emplace_back();
    else if (step != 2) throw FormatError(what + ": is no VGG: between features." + std::to_string(before) + " and " + name + " a convolution is missing");
    if (shape.rank() != 4 || shape[1] != from || shape[2] != 3 || shape[3] != 3 || shape[0] < 1)
      throw FormatError(what + ": " + name + " has the shape " + shape.text() + ", not (filters, " + std::to_string(from) + ", 3, 3)");
    stages.back().push_back(shape[0]);
    from = shape[0], before = index;
  }
  return stages;
}

/// The stages up to this tap.
FeatureStages cut_at(FeatureStages stages, const std::string& cut, const std::string& what) {
  int stage = 0, k = 0, read = 0;
  if (std::sscanf(cut.c_str(), "relu%d_%d%n", &stage, &k, &read) != 2 || size_t(read) != cut.size() || stage < 1 ||
      size_t(stage) > stages.size() || k < 1 || size_t(k) > stages[size_t(stage) - 1].size())
    throw ConfigError("cut '" + cut + "': " + what + " has the taps relu1_1 to relu" + std::to_string(stages.size()) + "_" + std::to_string(stages.back().size()));
  stages.resize(size_t(stage));
  stages.back().resize(size_t(k));
  return stages;
}

/// Each tap's mean on a picture of 64x64 whose colours are neither alike nor balanced, so that swapped channels and wrong ranges show.
std::vector<double> means_of(const FeatureNetwork& network, const Context& context) {
  std::vector<double> pixels;
  for (int h = 0; h < 64; ++h)
    for (int w = 0; w < 64; ++w)
      for (int c = 0; c < 3; ++c) pixels.push_back((h * 7 + w * (3 + 2 * c) + h * w * c) % 64 / 48.0 - 1 + 0.3 * c);
  const NoGraph scope(context);
  std::vector<double> means;
  for (const Tensor& t : network.taps(context.from(pixels, {1, 64, 64, 3}), network.tap_names())) means.push_back(mean(t).item());
  return means;
}

void compare_means(const FeatureNetwork& network, const Context& context, const std::string& stored, const std::string& what) {
  const std::vector<double> means = means_of(network, context);
  const char *at = stored.data(), *end = at + stored.size();
  for (size_t i = 0; i < means.size(); ++i) {
    double expected = 0;
    const auto [rest, error] = std::from_chars(at, end, expected);
    if (error != std::errc() || !(std::fabs(means[i] - expected) <= 1e-3 * std::fabs(expected) + 1e-6))
      throw FormatError(what + ": does not compute what it did when it was written: the mean of " + network.tap_names()[i] + " is " + std::to_string(means[i]) +
                        (error == std::errc() ? ", not " + std::to_string(expected) : ", and weft.means lacks it") + ". Make it again with `weft convert-vgg`");
    at = rest + (rest != end);
  }
}

Preprocessing preprocessing_of(const Metadata& metadata, const std::optional<Preprocessing>& told, const std::string& what) {
  const auto entry = metadata.find("weft.preproc");
  if (entry == metadata.end()) return told.value_or(Preprocessing::torchvision);
  for (const Preprocessing p : {Preprocessing::torchvision, Preprocessing::caffe})
    if (entry->second == name_of(p)) {
      if (told && *told != p) throw ConfigError(what + ": takes preprocessing " + name_of(p) + ", as it says itself, not " + name_of(*told));
      return p;
    }
  throw FormatError(what + ": weft.preproc = '" + entry->second + "'; torchvision and caffe are known");
}

}  // namespace

std::shared_ptr<FeatureNetwork> load_feature_network(const Context& context, const fs::path& file, const FeatureFileOptions& options) {
  const std::string what = file.string();
  if (is_pytorch(file))
    throw FormatError(what + ": is PyTorch's own format. Save it as safetensors first: python -c \"import torch; from safetensors.torch import save_file; save_file(torch.load('" +
                      file.filename().string() + "', weights_only=True), 'vgg.safetensors')\"");
  const SafetensorsHeader header = read_safetensors_header(file);
  FeatureStages stages = stages_in(header, what);
  const auto model = header.metadata.find("model");
  if (!is_vgg(stages) && (model == header.metadata.end() || model->second != "features"))
    throw FormatError(what + ": is neither VGG16 nor VGG19: its stages have " + text_of(stages) + " convolutions. Expected " + kWhereVggIs);
  if (!options.cut.empty()) stages = cut_at(stages, options.cut, what);

  const auto network = std::make_shared<FeatureNetwork>(context, stages, preprocessing_of(header.metadata, options.preprocessing, what));
  std::map<std::string, bool> wanted;
  for (const auto& [name, p] : network->parameters()) {
    wanted[name] = true;
    p->value.storage()->keep_as_weight();
  }
  nn::load_state_dict(*network, read_safetensors(file, [&](const TensorEntry& t) { return wanted.count(t.name) != 0; }).tensors, what);
  network->set_training(false);
  if (const auto means = header.metadata.find("weft.means"); means != header.metadata.end()) compare_means(*network, context, means->second, what);
  return network;
}

fs::path find_feature_file(const std::string& run_or_file, const std::function<void(const std::string&)>& note) {
  if (fs::is_regular_file(run_or_file)) return run_or_file;
  const fs::path file = find_checkpoint(run_or_file, note) / "features.safetensors";
  if (!fs::exists(file)) throw FormatError(run_or_file + ": holds no feature network; `weft train features` makes one from a folder of pictures. Or take " + kWhereVggIs);
  return file;
}

void save_feature_network(const fs::path& file, const FeatureNetwork& network, bool half, const Metadata& more) {
  HostTensors tensors = nn::state_dict(network);
  const Context context = network.parameters().front().second->value.context();
  FeatureNetwork rounded(context, network.stages(), network.preprocessing());
  if (half) for (auto& [name, t] : tensors) t = to_half(t);
  nn::load_state_dict(rounded, tensors, file.string());
  std::string means;
  for (const double m : means_of(rounded, context)) {
    char number[32];
    std::snprintf(number, sizeof number, "%s%.9g", means.empty() ? "" : " ", m);
    means += number;
  }
  Metadata metadata = more;
  if (!is_vgg(network.stages())) metadata["model"] = "features";     // by which a reader knows it
  metadata["weft.preproc"] = name_of(network.preprocessing());
  metadata["weft.cut"] = network.tap_names().back();
  metadata["weft.means"] = means;
  write_safetensors(file, tensors, metadata);
}

}  // namespace weft::gan
