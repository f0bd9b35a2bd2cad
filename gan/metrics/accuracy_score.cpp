#include "weft/gan/classifier.h"
#include "weft/gan/describer.h"
#include "weft/gan/evaluation.h"

namespace weft::gan {
namespace {

constexpr int kBatch = 64;

class InMemory final : public Dataset {
 public:
  InMemory(const Labelled& from, const std::vector<std::string>& classes) : from_(from) {
    size_ = int64_t(from.pictures.size());
    side_ = from.pictures[0].height, channels_ = from.pictures[0].channels;
    classes_ = classes, labels_ = from.labels;
  }
  int read(int64_t i, float* out) override {
    for (const uint8_t p : from_.pictures[size_t(i)].pixels) *out++ = p / 127.5f - 1;
    return labels_[size_t(i)];
  }

 private:
  const Labelled& from_;
};

}  // namespace

double accuracy(const Context& context, const Describer& classifier, const Labelled& test) {
  const std::vector<int> found = classify(context, classifier, test.pictures);
  double right = 0;
  for (size_t i = 0; i < found.size(); ++i) right += found[i] == test.labels[i];
  return right / double(found.size());
}

AccuracyScore accuracy_score(const Context& context, const Labelled& generated, const Labelled& real, const Labelled& test, const std::vector<std::string>& classes,
                             int width, int epochs, uint64_t seed) {
  const auto of = [&](const Labelled& from) {
    if (from.pictures.size() < size_t(kBatch)) throw ConfigError("the accuracy score trains on " + std::to_string(from.pictures.size()) + " pictures; it takes " + std::to_string(kBatch) + " at least");
    if (from.pictures[0].height != from.pictures[0].width) throw ConfigError("the accuracy score trains a classifier, and those take square pictures; leave --accuracy-score out");
    const int64_t steps = int64_t(from.pictures.size()) * epochs / kBatch;
    Describer judge;
    judge.classifier = train_classifier(context, std::make_shared<InMemory>(from, classes), width, steps, kBatch, seed);
    judge.channels = judge.classifier->options().channels;
    return accuracy(context, judge, test);
  };
  return {of(generated), of(real)};
}

}  // namespace weft::gan
