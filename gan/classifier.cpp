#include "weft/gan/classifier.h"

#include <algorithm>

#include "weft/gan/contest.h"
#include "weft/gan/loader.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int kLastSide = 8, kColumns = 8;
constexpr double kLearningRate = 1e-3, kDropout = 0.25;       // of the defaults of `weft train classifier`

/// (N): 1 where the largest logit is not the label's.
Tensor missed(const Tensor& logits, const Tensor& labels) { return 1 - max(equal(logits, max(logits, {1}, KeepAxes::yes)) * labels, {1}); }

class Classify : public Contest {
 public:
  Classify(const Context& context, const Model& model, const GanOptions& options)
      : Contest(context, model, options, {{"classifier", std::make_shared<Classifier>(context, options.model), options.generator, nullptr}}) {}

  /// A row a class: pictures that are taken for it.
  Sheet sheet(const Tensors& shown, int64_t, uint64_t) const override {
    const Tensor x = or_last(shown).at(0);
    auto& network = static_cast<Classifier&>(this->network(0));
    const std::vector<int> found = classify(network, x);
    std::vector<int32_t> order;
    for (int c = 0; c < int(network.options().classes.size()); ++c) {
      const size_t row = order.size() + kColumns;
      for (size_t i = 0; i < found.size() && order.size() < row; ++i)
        if (found[i] == c) order.push_back(int32_t(i));
      order.resize(row, -1);               // grey
    }
    const NoGraph scope(context());
    return {gather(x, context().index(order, {int64_t(order.size())})), kColumns};
  }

  Gauges measure(const Tensors& held_out) const override {
    if (held_out.size() < 2 || !held_out[1]) return {};
    const NoGraph scope(context());
    const double error = mean(missed(in_evaluation(network(0), held_out[0]), held_out[1])).item();
    return {{{"held_out_error", error}, {"held_out_accuracy", 1 - error}}};
  }

 protected:
  void play(const Tensors& batch) override {
    const Tensor labels = batch.at(1), logits = network(0)(batch[0]);
    const Tensor loss = mean(sum(labels * log_softmax(logits), {1})) * -1;
    tell("loss_classifier", loss);
    tell("error", missed(logits.detach(), labels));
    gradient(0, loss);
    update(0);
  }
};

}  // namespace

Classifier::Classifier(const Context& context, const ModelOptions& o) : options_(o), body_(std::make_shared<nn::Sequential>()) {
  if (o.classes.size() < 2) throw ConfigError("a classifier needs data of at least two classes, and got " + std::to_string(o.classes.size()) + "; put the pictures into a folder a class, or write a labels.csv");
  if (o.size < kLastSide) throw ConfigError("size = " + std::to_string(o.size) + ": a classifier needs at least " + std::to_string(kLastSide) + " pixels");
  int64_t from = o.channels, to = o.width, side = o.size;
  do {                                     // PyTorch's numbering: convolution, norm, ReLU, pool
    body_->append(std::make_shared<nn::Conv2d>(context, from, to, Size2{3, 3}, ConvGeometry{.pad = {1, 1}}, nn::Bias::no));
    body_->append(std::make_shared<nn::BatchNorm2d>(context, to, 1e-5, 0.1, 0)).append(nn::Identity()).append(nn::MaxPool2d({}));
    side /= 2, from = to, to = std::min<int64_t>(2 * to, 4 * o.width);
  } while (side > kLastSide);
  body_->append(nn::Flatten());
  body_->append(std::make_shared<nn::Linear>(context, side * side * from, kFeatures, nn::Bias::yes, nn::ImageShape{side, side, from})).append(nn::ReLU());
  add("body", body_);
  dropout_ = add("dropout", std::make_shared<nn::Dropout>(o.dropout, stream_key(0, "classifier.dropout")));
  last_ = add("last", std::make_shared<nn::Linear>(context, kFeatures, int64_t(o.classes.size())));
}

Tensor Classifier::features(const Tensor& pixels) { return body_->forward(pixels); }
Tensor Classifier::forward(const Tensor& pixels) { return last_->forward(dropout_->forward(features(pixels))); }

std::unique_ptr<Contest> classifier_contest(const Context& context, const Model& model, const GanOptions& options) { return std::make_unique<Classify>(context, model, options); }

std::shared_ptr<Classifier> load_classifier(const Context& context, const std::filesystem::path& file) {
  const Safetensors content = read_safetensors(file);
  const auto model = content.metadata.find("model");
  if (model == content.metadata.end() || model->second != "classifier") throw FormatError(file.string() + " holds no classifier; `weft train classifier` makes one");
  const auto network = std::make_shared<Classifier>(context, model_options_from(content.metadata, file.string()));
  for (const auto& [name, p] : network->parameters()) p->value.storage()->keep_as_weight();
  nn::load_state_dict(*network, content.tensors, file.string());
  network->set_training(false);
  return network;
}

std::shared_ptr<Classifier> train_classifier(const Context& context, std::shared_ptr<Dataset> data, int width, int64_t steps, int batch, uint64_t seed) {
  GanOptions o;
  o.model.size = data->height(), o.model.channels = data->channels(), o.model.width = width, o.model.dropout = kDropout, o.model.classes = data->classes();
  o.init = nn::Init::kaiming, o.seed = seed;
  o.generator.learning_rate = kLearningRate, o.generator.settings.beta1 = 0.9;
  o.generator.schedule = {nn::Schedule::Kind::cosine, steps};
  Classify contest(context, find_model("classifier"), o);
  LoaderOptions how;
  how.batch = batch, how.seed = seed;
  Loader loader(data, how);
  const auto classes = int64_t(data->classes().size());
  const Tensor pictures = context.empty({batch, data->height(), data->width(), data->channels()}), labels = context.empty({batch, classes});
  for (int64_t step = 0; step < steps; ++step) {
    const Batch& next = loader.next();
    std::vector<float> which(size_t(batch * classes));
    for (size_t i = 0; i < size_t(batch); ++i) which[i * size_t(classes) + size_t(next.labels[i])] = 1;
    pictures.write(next.images.data(), "loader");
    labels.write(which.data(), "loader");
    contest.step({pictures, labels});
  }
  const auto trained = std::dynamic_pointer_cast<Classifier>(contest.players()[0].network);
  trained->set_training(false);
  return trained;
}

std::vector<int> classify(Classifier& classifier, const Tensor& pixels) {
  const Tensor logits = in_evaluation(classifier, pixels);
  const auto classes = size_t(logits.size(1));
  const std::vector<float> values = logits.floats();
  std::vector<int> found;
  for (size_t i = 0; i < values.size(); i += classes) found.push_back(int(std::max_element(&values[i], &values[i] + classes) - &values[i]));
  return found;
}

}  // namespace weft::gan
