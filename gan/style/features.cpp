// The model `features`: a feature network that learns from pictures without labels what style transfer needs of it.
//
// What all parts of a picture share, whatever they show, is its manner. So each picture is cut into quarters, and the network is to
// find, among all quarters of the batch, those of the same picture, by the mean and the spread of its channels: what a Gram matrix
// holds of them too. Each quarter's colours are altered at random, so that colour alone does not tell.
//   The loss is NT-Xent: Chen et al., arXiv:2002.05709. The first batch scales each filter to unit variance, so that nine layers learn without norms in
//   between: Mishkin and Matas, arXiv:1511.06422.
#include <algorithm>

#include "weft/gan/contest.h"
#include "weft/gan/feature_network.h"
#include "weft/nn/loss.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int64_t kQuarters = 4, kDescribed = 64;
constexpr double kTemperature = 0.1;     // of the comparison
constexpr double kColours = 0.4;         // by how much gain and level of each colour vary

/// Stages of VGG's build: two layers each at 1, 2, 4 and 8 times the width, and one more.
FeatureStages stages_of(int64_t width) {
  return {{width, width}, {2 * width, 2 * width}, {4 * width, 4 * width}, {8 * width, 8 * width}, {8 * width}};
}

/// (N,H,W,3) -> (4N,H/2,W/2,3): all first quarters, then all second ones, ...
Tensor quarters(const Tensor& x) {
  const int64_t h = x.size(1) / 2, w = x.size(2) / 2;
  Tensors parts;
  for (const int64_t y : {int64_t{0}, h})
    for (const int64_t z : {int64_t{0}, w}) parts.push_back(slice(slice(x, 1, y, y + h), 2, z, z + w));
  return concat(parts, 0);
}

class Describer : public FeatureNetwork {
 public:
  Describer(const Context& context, const FeatureStages& stages) : FeatureNetwork(context, stages) {
    int64_t numbers = 0;
    for (const auto& stage : stages) numbers += 2 * stage[0];
    head_ = add("head", std::make_shared<nn::Linear>(context, numbers, kDescribed));
  }

  /// (N,H,W,3) -> (N, 64), of length 1
  Tensor forward(const Tensor& pixels) override {
    std::vector<std::string> firsts;
    for (size_t stage = 1; stage <= stages().size(); ++stage) firsts.push_back("relu" + std::to_string(stage) + "_1");
    Tensors numbers;
    for (const Tensor& t : taps(pixels, firsts)) {
      const Tensor f = reshape(t, {t.size(0), t.size(1) * t.size(2), t.size(3)});
      numbers.push_back(mean(f, {1}));
      numbers.push_back(sqrt(variance(f, {1}) + 1e-3));
    }
    const Tensor z = head_->forward(concat(numbers, 1));
    return z / sqrt(sum(z * z, {1}, KeepAxes::yes) + 1e-12);
  }

 private:
  std::shared_ptr<nn::Linear> head_;
};

class Features : public Contest {
 public:
  Features(const Context& context, const Model& model, const GanOptions& options)
      : Contest(context, model, options, {{"features", std::make_shared<Describer>(context, stages_of(options.model.width)), options.generator, nullptr}}) {}

  /// In rows: a picture of the last batch, and those that the network takes for the nearest in style, the nearest first.
  Sheet sheet(const Tensors& shown, int64_t count, uint64_t) const override {
    constexpr int64_t kColumns = 6;
    const Tensor x = or_last(!shown.empty() && shown[0] && shown[0].size(0) >= kColumns ? shown : Tensors()).at(0);
    const int64_t n = x.size(0), columns = std::min(kColumns, n), rows = std::max<int64_t>(1, std::min(count / columns, n));
    const Tensor z = in_evaluation(network(0), x);
    const NoGraph scope(context());
    std::vector<double> alike = matmul(z, z, false, true).values();
    std::vector<int32_t> order;
    for (int64_t r = 0; r < rows; ++r) {
      std::vector<int32_t> row(static_cast<size_t>(n));
      for (int32_t i = 0; i < n; ++i) row[size_t(i)] = i;
      const auto nearness = [&](int32_t i) { return i == r ? 2 : alike[size_t(r * n + i)]; };
      std::stable_sort(row.begin(), row.end(), [&](int32_t a, int32_t b) { return nearness(a) > nearness(b); });
      order.insert(order.end(), row.begin(), row.begin() + columns);
    }
    return {gather(x, context().index(order, {int64_t(order.size())})), int(columns)};
  }

  /// How often a quarter's nearest is of another picture.
  Gauges measure(const Tensors& held_out) const override {
    if (held_out.empty() || !held_out[0]) return {};
    const NoGraph scope(context());
    const Tensor z = in_evaluation(network(0), quarters(held_out[0]));
    const Pairs p = pairs(z.size(0));
    return {{{"not_found", missed(compared(z, p), p).item()}}};
  }

 protected:
  void play(const Tensors& batch) override {
    const Tensor parts = quarters(batch[0]);
    const int64_t rows = parts.size(0);
    if (!pairs_.itself || pairs_.itself.size(0) != rows) pairs_ = pairs(rows);
    auto& describer = static_cast<Describer&>(network(0));
    if (context().step_state().step == 1) describer.standardise({parts});
    const Tensor logits = compared(describer(altered(parts)), pairs_);
    Tensor loss;
    for (const Tensor& labels : pairs_.same) {
      const Tensor one = nn::cross_entropy(logits, labels);
      loss = loss ? loss + one : one;
    }
    loss = loss * (1 / double(kQuarters - 1));
    tell("loss_features", loss);
    tell("not_found", missed(logits.detach(), pairs_));
    gradient(0, loss);
    update(0);
  }

 private:
  /// Which entries of a table of all quarters by all quarters are what.
  struct Pairs {
    Tensor itself, others;               // (rows, rows): 1 where a quarter meets itself, or one of another picture
    Tensors same;                        // each quarter's others of the same picture: kQuarters - 1 lists (rows) of labels
  };
  Pairs pairs(int64_t rows) const {
    const int64_t n = rows / kQuarters;
    std::vector<double> itself(size_t(rows * rows)), others(itself.size());
    Pairs p;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < rows; ++j) itself[size_t(i * rows + j)] = i == j, others[size_t(i * rows + j)] = i % n != j % n;
    for (int64_t turn = 1; turn < kQuarters; ++turn) {
      std::vector<int32_t> labels;
      for (int64_t i = 0; i < rows; ++i) labels.push_back(int32_t((i + turn * n) % rows));
      p.same.push_back(context().index(labels, {rows}));
    }
    p.itself = context().from(itself, {rows, rows}), p.others = context().from(others, {rows, rows});
    return p;
  }

  /// Each with a gain and a level of its own for each colour.
  Tensor altered(const Tensor& x) const {
    const Shape each{x.size(0), 1, 1, 3};
    const Tensor gain = context().uniform(each, stream_key(options().seed, "features.gain")) * (2 * kColours) + (1 - kColours);
    const Tensor level = context().uniform(each, stream_key(options().seed, "features.level")) * (2 * kColours) - kColours;
    return clamp(fma(x, gain, level), -1, 1);
  }

  /// (rows, rows): how alike two quarters are, over the temperature; none is like itself.
  static Tensor compared(const Tensor& z, const Pairs& p) { return matmul(z, z, false, true) * (1 / kTemperature) - p.itself * 1e4; }

  /// The share of rows whose largest entry is of another picture.
  static Tensor missed(const Tensor& logits, const Pairs& p) {
    return mean(max(equal(logits, max(logits, {1}, KeepAxes::yes)) * p.others, {1}));
  }

  Pairs pairs_;                          // of a batch
};

}  // namespace

std::unique_ptr<Contest> features_contest(const Context& context, const Model& model, const GanOptions& options) {
  if (options.model.channels != 3) throw ConfigError("features looks at colour pictures: --set model.channels=3");
  if (options.model.size < 32) throw ConfigError("size = " + std::to_string(options.model.size) + ": features cuts pictures into quarters, and needs at least 32");
  return std::make_unique<Features>(context, model, options);
}

}  // namespace weft::gan
