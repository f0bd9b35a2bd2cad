// Feature networks: against PyTorch, and what becomes of files that are none.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "temporary_folder.h"
#include "weft/gan/feature_network.h"
#include "where.h"

using namespace weft;
using gan::FeatureStages;

namespace {

const std::string kGolden = testing::test_file("style/torch_vgg.safetensors");

/// (N,C,H,W) on disk -> (N,H,W,C)
Tensor image(const Context& context, const HostTensor& t) { return permute(context.from(to_doubles(t), Shape(t.shape)), {0, 2, 3, 1}); }

/// The largest difference over the largest number; NaN if anything is not finite.
double gap(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<double> x = a.values(), y = b.values();
  double most = 0, size = 0;
  bool finite = true;
  for (size_t i = 0; i < x.size(); ++i) {
    finite = finite && std::isfinite(x[i] - y[i]);
    most = std::max(most, std::fabs(x[i] - y[i])), size = std::max(size, std::fabs(y[i]));
  }
  return finite ? most / size : NAN;
}

void agrees_with_torch(const Context& context, const std::string& file) {
  const HostTensors expected = read_safetensors(file).tensors;
  const auto network = gan::load_feature_network(context, file);
  const Tensor pixels = image(context, expected.at("pixels")).leaf();
  const Tensors taps = network->taps(pixels, network->tap_names());
  // Rounding: a sum of 9C products errs by at most 9C units in the last place of its terms' size, and errors add up over layers.
  double terms = 0, from = 3;
  Tensor loss;
  for (size_t i = 0; i < taps.size(); ++i) {
    terms += 9 * from, from = double(taps[i].size(-1));
    CHECK(gap(taps[i], image(context, expected.at("tap" + std::to_string(i)))) <= terms * (context.scalar() == DType::f64 ? 0x1p-53 : 0x1p-24));
    const Tensor term = mean(taps[i] * taps[i]);
    loss = loss ? loss + term : term;
  }
  // A ReLU's derivative jumps, so one activation that rounds to the other side of 0 moves its own part of the gradient.
  CHECK(gap(grad(loss, {pixels})[0], image(context, expected.at("gradient"))) <= (context.scalar() == DType::f64 ? 1e-9 : 1e-3));
}

HostTensor zeros(const std::vector<int64_t>& shape, FileDType type = FileDType::f32) {
  return {type, shape, std::vector<std::byte>(size_t(Shape(shape).count()) * bits_of(type) / 8)};
}

/// A VGG's convolutions under torchvision's names: sparse enough, as all are zero.
HostTensors vgg(const FeatureStages& stages) {
  HostTensors tensors;
  int64_t from = 3, index = 0;
  for (const auto& stage : stages) {
    for (const int64_t filters : stage) {
      tensors["features." + std::to_string(index) + ".weight"] = zeros({filters, from, 3, 3}, FileDType::bf16);
      tensors["features." + std::to_string(index) + ".bias"] = zeros({filters}, FileDType::bf16);
      from = filters, index += 2;
    }
    ++index;
  }
  return tensors;
}

const FeatureStages kHead16{{64, 64}, {128, 128}, {256, 256, 256}}, kHead19{{64, 64}, {128, 128}, {256, 256, 256, 256}};

gan::FeatureNetwork thin(const Context& context, gan::Preprocessing p = gan::Preprocessing::torchvision) {
  gan::FeatureNetwork network(context, {{4, 5}, {6}}, p);
  nn::initialise(network, nn::Init::kaiming, 3);
  return network;
}

struct Files {
  testing::TemporaryFolder folder;
  Context context = Context::open("cpu");
  std::string path(const std::string& name) const { return (folder.path / name).string(); }
  std::string write(const HostTensors& tensors, const Metadata& metadata = {}) const {
    write_safetensors(path("file.safetensors"), tensors, metadata);
    return path("file.safetensors");
  }
  void refused(const std::string& file, const std::string& part, const gan::FeatureFileOptions& options = {}) const {
    CHECK_THROWS_WITH_AS(gan::load_feature_network(context, file, options), doctest::Contains(part.c_str()), const FormatError&);
  }
};

}  // namespace

TEST_CASE("a VGG19's taps and their gradient are PyTorch's") {
  agrees_with_torch(Context::open("cpu", {DType::f64}), kGolden);
  for (const char* device : {"cpu", "sim", "reference"})
    if (find_backend(device, DType::f32)) agrees_with_torch(Context::open(device), kGolden);
  if (const char* full = std::getenv("WEFT_VGG_WITNESS")) agrees_with_torch(Context::open("cpu"), full);   // torch_vgg.py --full
}

TEST_CASE("caffe's weights see BGR from 0 to 255") {
  const Context context = Context::open("cpu", {DType::f64});
  gan::FeatureNetwork network(context, {{3}}, gan::Preprocessing::caffe);
  HostTensors identity{{"features.0.weight", zeros({3, 3, 3, 3})}, {"features.0.bias", zeros({3})}};
  const float one = 1;
  for (size_t c = 0; c < 3; ++c) std::memcpy(identity["features.0.weight"].bytes.data() + 4 * (c * 27 + c * 9 + 4), &one, 4);
  nn::load_state_dict(network, identity);
  const std::vector<double> seen = network(context.from(std::vector<double>{1, 0.5, 0.25}, {1, 1, 1, 3})).values();
  CHECK(seen[0] == doctest::Approx(1.25 / 2 * 255 - 103.939));
  CHECK(seen[1] == doctest::Approx(1.5 / 2 * 255 - 116.779));
  CHECK(seen[2] == doctest::Approx(255 - 123.68));
}

TEST_CASE("which VGG it is follows from names and shapes, and only what is needed is read") {
  const Files files;
  for (const FeatureStages& head : {kHead16, kHead19}) {
    HostTensors tensors = vgg(head);
    tensors["classifier.0.weight"] = zeros({2, 3}, FileDType::u8);             // torchvision's head, and timm's
    tensors["pre_logits.fc1.weight"] = zeros({4, 5, 7, 7}, FileDType::i32);
    const std::string file = files.write(tensors);
    CHECK(gan::load_feature_network(files.context, file)->stages() == head);
    const auto cut = gan::load_feature_network(files.context, file, {{}, "relu2_1"});
    CHECK(cut->tap_names() == std::vector<std::string>{"relu1_1", "relu1_2", "relu2_1"});
    CHECK(cut->preprocessing() == gan::Preprocessing::torchvision);
    CHECK_THROWS_WITH_AS(gan::load_feature_network(files.context, file, {{}, "relu9_1"}), doctest::Contains("relu1_1 to relu3_"), const ConfigError&);
    CHECK_THROWS_AS(gan::load_feature_network(files.context, file, {{}, "relu2_1x"}), const ConfigError&);
  }
}

TEST_CASE("a file that is no such network is refused in a sentence") {
  const Files files;
  CHECK_THROWS_AS(gan::load_feature_network(files.context, files.path("none")), const DataError&);
  files.refused(files.write({{"conv1.weight", zeros({4, 3, 3, 3})}}), "the first is conv1.weight");
  files.refused(files.write({}), "no features.0.weight");
  HostTensors bn = vgg({{64}});
  bn["features.1.weight"] = zeros({64});
  files.refused(files.write(bn), "batch norm");
  files.refused(files.write(vgg({{64, 64}, {128, 128}, {256, 256}, {512}})), "neither VGG16 nor VGG19: its stages have 2 of 64, 2 of 128, 2 of 256, 1 of 512");
  files.refused(files.write(vgg({{32, 32}})), "2 of 32");
  HostTensors torn = vgg(kHead16);
  torn.erase("features.7.weight");
  files.refused(files.write(torn), "a convolution is missing");
  torn = vgg(kHead16);
  torn.erase("features.5.bias");
  files.refused(files.write(torn), "missing:    features.5.bias");
  torn = vgg(kHead16);
  torn["features.2.weight"] = zeros({3, 3, 64, 64});
  files.refused(files.write(torn), "features.2.weight has the shape (3, 3, 64, 64), not (filters, 64, 3, 3)");
  std::ofstream(files.path("vgg19.pth")) << "PK\x03\x04 and so on";
  files.refused(files.path("vgg19.pth"), "torch.load('vgg19.pth'");
}

TEST_CASE("what is saved tells how to feed it, and whether it still computes the same") {
  const Files files;
  const std::string file = files.path("thin.safetensors");
  for (const bool half : {false, true}) {
    const gan::FeatureNetwork network = thin(files.context, gan::Preprocessing::caffe);
    gan::save_feature_network(file, network, half, {{"model", "features"}});
    const auto back = gan::load_feature_network(files.context, file);
    CHECK(back->preprocessing() == gan::Preprocessing::caffe);
    const Tensor pixels = files.context.uniform({1, 9, 12, 3}, 1) * 2 - 1;
    CHECK(gap(back->taps(pixels, {"relu2_1"})[0], network.taps(pixels, {"relu2_1"})[0]) <= (half ? 3 * 0x1p-11 * 45 : 0));   // halves round by 2^-11, 3 layers of up to 45 products
    CHECK_THROWS_WITH_AS(gan::load_feature_network(files.context, file, {gan::Preprocessing::torchvision, ""}), doctest::Contains("takes preprocessing caffe"), const ConfigError&);
  }
  Safetensors content = read_safetensors(file);
  content.metadata["weft.preproc"] = "torchvision";                            // as if somebody had guessed
  files.refused(files.write(content.tensors, content.metadata), "the mean of relu1_1 is");
  content.metadata["weft.preproc"] = "keras";
  files.refused(files.write(content.tensors, content.metadata), "torchvision and caffe are known");
  content.metadata["weft.preproc"] = "caffe";
  content.metadata["weft.means"] = "nan 1";
  files.refused(files.write(content.tensors, content.metadata), "the mean of relu1_1 is");
}

TEST_CASE("float16 rounds to nearest even") {
  const std::vector<float> values{0, -0.0f, 1, 1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 65504, 65519.9f, 65520, -1e9f, 0x1p-14f, 0x1p-24f, 0x1p-25f, 0x1.8p-25f, 2047.5f};
  const std::vector<float> nearest{0, -0.0f, 1, 1, 1 + 0x1p-9f, 65504, 65504, INFINITY, -INFINITY, 0x1p-14f, 0x1p-24f, 0, 0x1p-24f, 2048};
  HostTensor t{FileDType::f32, {int64_t(values.size())}, std::vector<std::byte>(values.size() * 4)};
  std::memcpy(t.bytes.data(), values.data(), t.bytes.size());
  CHECK(to_floats(to_half(t)) == nearest);
}

TEST_CASE("a tap that is not there comes with a suggestion") {
  const Context context = Context::open("cpu");
  CHECK_THROWS_WITH_AS(thin(context).taps(context.zeros({1, 8, 8, 3}), {"relu1_9"}), doctest::Contains("did you mean 'relu1_"), const ConfigError&);
}
