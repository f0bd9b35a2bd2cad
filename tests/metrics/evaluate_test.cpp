// A whole evaluation, of generators that make one grey picture, or noise: what each figure says of them, and of real pictures in their place.
#include "weft/gan/evaluation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "pictures_with_classes.h"
#include "temporary_folder.h"
#include "weft/gan/classifier.h"
#include "weft/gan/digits.h"
#include "weft/gan/nearest.h"
#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;
using namespace weft::testing;

namespace {

struct Scene {
  TemporaryFolder folder;
  Context context = Context::open("cpu", {.threads = 1});
  std::string data = (folder.path / "train-images-idx3-ubyte").string(), generator = (folder.path / "generator.safetensors").string(),
              judge = (folder.path / "classifier.safetensors").string();

  Scene() {
    write_idx(folder.path, "train", 660, 16, 1);
    write_idx(folder.path, "t10k", 330, 16, 2);
    const auto network = train_classifier(context, open_dataset(data, options()), 4, 40, 24, 0);
    Metadata about = to_metadata(network->options());
    about["model"] = "classifier";
    write_safetensors(judge, nn::state_dict(*network), about);
    write_generator(0.3);
  }
  static DatasetOptions options() {
    DatasetOptions o;
    o.size = 16;
    return o;
  }
  /// Weights of that deviation; of 0, all pictures are grey.
  void write_generator(double deviation) const {
    ModelOptions o;
    o.size = 16, o.width = 2, o.latent = 4;
    const nn::ModulePtr network = dcgan(context, o).generator;
    nn::initialise(*network, nn::Init::dcgan, 0);
    HostTensors tensors = nn::state_dict(*network);
    for (auto& [name, t] : tensors)
      if (name.find("weight") != std::string::npos && t.shape.size() == 4)
        for (size_t i = 0; i < t.bytes.size(); i += 4) {
          float v;
          std::memcpy(&v, &t.bytes[i], 4);
          v *= float(deviation / 0.02);
          std::memcpy(&t.bytes[i], &v, 4);
        }
    Metadata about = to_metadata(o);
    about["model"] = "dcgan";
    write_safetensors(generator, tensors, about);
  }
  /// Another model's, with weights as they are drawn.
  void write_generator(const char* model, const ModelOptions& o) const {
    const nn::ModulePtr network = find_model(model).build(context, o).generator;
    nn::initialise(*network, nn::Init::dcgan, 0);
    Metadata about = to_metadata(o);
    about["model"] = model;
    write_safetensors(generator, nn::state_dict(*network), about);
  }
  Evaluation evaluated(int64_t count, const std::string& features) const {
    EvaluateRequest request;
    request.run = generator, request.data = data, request.features = features, request.count = count;
    return evaluate(request, context);
  }
};

const Figure& figure(const Evaluation& e, const std::string& name) {
  for (const Figure& f : e.figures)
    if (f.name == name) return f;
  FAIL("no figure " << name);
  return e.figures[0];
}

}  // namespace

TEST_CASE("evaluate: a collapsed generator is seen by every measure that should see it, and real pictures pass") {
  const Scene scene;
  const Evaluation noise = scene.evaluated(330, scene.judge);
  scene.write_generator(0);
  const Evaluation grey = scene.evaluated(330, scene.judge);
  CHECK(noise.classifier_accuracy > 0.9);
  for (const Evaluation* e : {&noise, &grey}) {
    for (const Figure& f : e->figures) {
      CAPTURE(f.name);
      CHECK(std::isfinite(f.value));
      CHECK(f.count >= 200);
      CHECK(f.resize == (f.name.find("half") != std::string::npos ? "triangle 16 to 8" : f.name.find("quarter") != std::string::npos ? "triangle 16 to 4" : "none"));
    }
    CHECK(figure(*e, "frechet_distance").features == e->features);
    CHECK(figure(*e, "frechet_distance").value > 20 * figure(*e, "frechet_distance").real);
    CHECK(figure(*e, "frechet_distance").test < 3 * figure(*e, "frechet_distance").real);
    CHECK(figure(*e, "frechet_distance").bias > 0);
    CHECK(figure(*e, "kernel_distance").value > 20 * std::fabs(figure(*e, "kernel_distance").real));
    CHECK(figure(*e, "recall").value < 0.1);
    CHECK(figure(*e, "recall").real > 0.7);
    CHECK(figure(*e, "coverage").value < 0.1);
    CHECK(figure(*e, "coverage").real > 0.7);
    CHECK(figure(*e, "classes_present").real == 3);
    CHECK(figure(*e, "sliced_wasserstein").value > 3 * figure(*e, "sliced_wasserstein").real);
    CHECK(figure(*e, "memorised_share").value == 0);
  }
  CHECK(figure(grey, "classes_present").value == 1);
  CHECK(figure(grey, "class_divergence").value > 1);
  CHECK(figure(grey, "similarity").value == doctest::Approx(1));
  CHECK(figure(grey, "similarity").real < 0.6);
  CHECK(figure(grey, "difference").value == 0);
  CHECK(figure(noise, "difference").value > 0.01);
  CHECK(grey.memorised.width > 8 * 96);
  double shares = 0;
  for (const auto& c : grey.classes) shares += c.share;
  CHECK(shares == doctest::Approx(1));
}

TEST_CASE("evaluate: too few pictures for the covariance are refused, and without features the rest is told") {
  const Scene scene;
  const Evaluation few = scene.evaluated(100, scene.judge), without = scene.evaluated(20, "");
  CHECK(std::isnan(figure(few, "frechet_distance").value));
  CHECK(figure(few, "frechet_distance").note.find("100 pictures") != std::string::npos);
  CHECK(std::isfinite(figure(few, "kernel_distance").value));
  CHECK(without.features.empty());
  CHECK(without.figures.size() == 7);
  CHECK(std::isfinite(figure(without, "nearest_distance").value));
  CHECK_THROWS_AS(scene.evaluated(20, scene.generator), FormatError);
}

TEST_CASE("evaluate: points of a file are halved at random, in whatever order it has them") {
  const Scene scene;
  const std::string points = (scene.folder.path / "points.csv").string();
  {
    std::ofstream file(points);
    for (int i = 0; i < 400; ++i) file << (i < 200 ? -4 : 4) + 0.01 * (i % 7) << "," << 0.01 * (i % 11) << "\n";       // one cluster after the other
  }
  ModelOptions o;
  o.size = 1, o.channels = 2, o.width = 4, o.latent = 2, o.waves = 0, o.units = open_dataset(points, {.size = 1})->units();
  scene.write_generator("mlp", o);
  EvaluateRequest request;
  request.run = scene.generator, request.data = points, request.count = 200;
  CHECK(figure(evaluate(request, scene.context), "frechet_distance").real < 0.1);          // of halves, one cluster each: 4
}

TEST_CASE("accuracy score: labelled real pictures teach, wrongly labelled ones do not") {
  const Context context = Context::open("cpu", {.threads = 1});
  Labelled real, wrong, test;
  for (int64_t i = 0; i < 192; ++i) {
    real.pictures.push_back(classed_picture(i, 16, 1)), real.labels.push_back(int(i % 3));
    test.pictures.push_back(classed_picture(i, 16, 2)), test.labels.push_back(int(i % 3));
  }
  wrong = real;
  for (int& label : wrong.labels) label = (label + 1) % 3;
  const AccuracyScore score = accuracy_score(context, wrong, real, test, {"a", "b", "c"}, 4, 12, 0);
  CHECK(score.real > 0.9);
  CHECK(score.generated < 0.1);
}

TEST_CASE("evaluate: the accuracy score of noise is a guesser's, and that of real pictures is not") {
  const Scene scene;
  EvaluateRequest request;
  request.run = scene.generator, request.data = scene.data, request.features = scene.judge, request.count = 330, request.accuracy_score = true;
  const Evaluation e = evaluate(request, scene.context);
  CHECK(figure(e, "accuracy_score").real > 0.9);
  CHECK(figure(e, "accuracy_score").value < 0.7);          // of three classes
  CHECK(figure(e, "accuracy_score").count == 330);
  // A judge of other classes than the data's cannot give one, be they as many.
  const auto network = train_classifier(scene.context, open_dataset(scene.data, Scene::options()), 4, 1, 24, 0);
  Metadata about = to_metadata(network->options());
  about["model"] = "classifier", about["classes"] = "x\ny\nz\n";
  write_safetensors(scene.judge, nn::state_dict(*network), about);
  CHECK_THROWS_WITH_AS(evaluate(request, scene.context), doctest::Contains("tells others apart"), const ConfigError&);
}

TEST_CASE("evaluate: of stacked digits, modes are counted, and drawn ones have nearly as many as there are samples") {
  const Scene scene;
  ModelOptions o;
  o.size = 16, o.channels = 3, o.width = 2, o.latent = 4;
  scene.write_generator("dcgan", o);
  EvaluateRequest request;
  request.run = scene.generator, request.data = kStackedDigits, request.count = 40;
  const Evaluation e = evaluate(request, scene.context);
  CHECK(figure(e, "modes").real > 35);
  CHECK(figure(e, "modes").value < 20);                    // grey all over
  CHECK(figure(e, "clear_modes").value == 0);
  CHECK(figure(e, "clear").real > 0.9);
  CHECK(figure(e, "mode_divergence").value > figure(e, "mode_divergence").real);
  CHECK(figure(e, "mode_divergence").bias == doctest::Approx(999.0 / 80));
}

TEST_CASE("nearest picture: a copy is found with its number, also a slightly altered one; one's own is passed over") {
  const Scene scene;
  const auto data = open_dataset(scene.data, Scene::options());
  Image altered = classed_picture(41, 16, 1);
  altered.pixels[7] = uint8_t(altered.pixels[7] ^ 16);
  const std::vector<Nearest> n = nearest_pictures(scene.context, {classed_picture(600, 16, 1), altered, classed_picture(5, 16, 7), classed_picture(9, 16, 1)}, *data, {-1, -1, -1, 9});
  CHECK(n[0].index == 600);
  CHECK(n[0].distance == 0);
  CHECK(n[1].index == 41);
  CHECK(n[1].distance == doctest::Approx(1 / 255.0));      // 16 / 255 at one of 256 pixels: the root of the mean square is a sixteenth of it
  CHECK(n[2].distance > 0.03);
  CHECK(n[3].index != 9);
  CHECK(n[3].distance > 0.03);
  CHECK_THROWS_AS(nearest_pictures(scene.context, {classed_picture(0, 8, 1)}, *data), ShapeError);
}
