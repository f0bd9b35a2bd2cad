// The classifier: PyTorch's numbers from PyTorch's weights, and that it learns what anyone can tell.
#include "weft/gan/classifier.h"

#include <doctest/doctest.h>

#include <cmath>

#include "pictures_with_classes.h"
#include "temporary_folder.h"
#include "weft/gan/contest.h"
#include "weft/gan/describer.h"
#include "weft/kernels/error.h"
#include "where.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

const std::string kGolden = test_file("metrics/torch_classifier.safetensors");

Tensor expected(const Context& context, const HostTensors& all, const std::string& name) {
  const HostTensor& t = all.at("expected." + name);
  return context.from(to_doubles(t), Shape(t.shape));
}

double gap(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  const std::vector<double> x = a.values(), y = b.values();
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) most = std::fabs(x[i] - y[i]) <= most ? most : std::fabs(x[i] - y[i]);
  return most;
}

ModelOptions golden_options() {
  ModelOptions o;
  o.size = 18, o.channels = 1, o.width = 2, o.classes = {"a", "b", "c"};
  return o;
}

}  // namespace

TEST_CASE("classifier: PyTorch's features, logits, loss and error from its weights") {
  const Context context = Context::open("cpu", {.scalar = DType::f64});
  HostTensors all = read_safetensors(kGolden).tensors, weights;
  for (const auto& [name, t] : all)
    if (name.rfind("expected.", 0) != 0) weights[name] = t;
  const TemporaryFolder folder;
  Metadata about = to_metadata(golden_options());
  about["model"] = "classifier";
  write_safetensors(folder.path / "classifier.safetensors", weights, about);
  const auto network = load_classifier(context, folder.path / "classifier.safetensors");
  const Tensor pixels = permute(expected(context, all, "pixels"), {0, 2, 3, 1});
  CHECK(gap(network->features(pixels), expected(context, all, "features")) < 1e-12);
  CHECK(gap((*network)(pixels), expected(context, all, "logits")) < 1e-12);

  GanOptions o;
  o.model = golden_options();
  const auto contest = classifier_contest(context, Model{}, o);
  nn::load_state_dict(contest->network(0), weights);
  const Gauges held_out = contest->measure({pixels, expected(context, all, "labels")});
  CHECK(held_out["held_out_error"] == doctest::Approx(expected(context, all, "error").item()));
  CHECK(held_out["held_out_accuracy"] == doctest::Approx(1 - expected(context, all, "error").item()));
  CHECK(classify(*network, pixels).size() == 5);
}

TEST_CASE("classifier: learns three classes, and its file is found, described and refused") {
  const Context context = Context::open("cpu", {.threads = 1});
  const TemporaryFolder folder;
  write_idx(folder.path, "train", 300, 16, 1);
  write_idx(folder.path, "t10k", 90, 16, 2);
  DatasetOptions o;
  o.size = 16;
  const std::string source = (folder.path / "train-images-idx3-ubyte").string();
  const auto data = open_dataset(source, o), test = open_test_part(source, o);
  REQUIRE(test);
  CHECK(test->size() == 90);
  CHECK(!open_test_part("garments", o));
  const auto network = train_classifier(context, data, 4, 40, 24, 0);
  std::vector<float> pixels(90 * 256);
  for (int64_t i = 0; i < 90; ++i) test->read(i, &pixels[size_t(i * 256)]);
  const std::vector<int> found = classify(*network, context.from(pixels, {90, 16, 16, 1}));
  int right = 0;
  for (size_t i = 0; i < found.size(); ++i) right += found[i] == test->labels()[i];
  CHECK(right > 80);
  CHECK(nn::parameters_sha256({{"c", network.get()}}) == nn::parameters_sha256({{"c", train_classifier(context, data, 4, 40, 24, 0).get()}}));

  Metadata about = to_metadata(network->options());
  about["model"] = "classifier";
  const auto file = folder.path / "classifier.safetensors";
  write_safetensors(file, nn::state_dict(*network), about);
  const Describer d = find_describer(context, file.string());
  CHECK(d.classifier);
  CHECK(d.dimensions == 128);
  CHECK(d.resize(16, 16) == "none");
  CHECK(d.resize(28, 28) == "triangle 28 to 16");
  CHECK(d.resize(16, 24) == "triangle 24x16 to 16");
  const std::vector<Image> pictures = {classed_picture(0, 16, 9), classed_picture(1, 16, 9), classed_picture(2, 16, 9)};
  CHECK(classify(context, d, pictures) == std::vector<int>{0, 1, 2});
  CHECK(describe(context, d, pictures).values.size() == 3 * 128);

  about["model"] = "dcgan";
  write_safetensors(file, nn::state_dict(*network), about);
  CHECK_THROWS_AS(load_classifier(context, file), FormatError);
  CHECK_THROWS_AS(find_describer(context, (folder.path / "none").string()), DataError);
  ModelOptions none = golden_options();
  none.classes = {"one"};
  CHECK_THROWS_AS(Classifier(context, none), ConfigError);
  none = golden_options(), none.size = 4;
  CHECK_THROWS_AS(Classifier(context, none), ConfigError);
}
