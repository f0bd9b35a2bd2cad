// Every figure of a generator, each beside what real pictures get in its place.
#include <algorithm>
#include <cmath>

#include "metrics/figures.h"
#include "weft/gan/describer.h"
#include "weft/gan/digits.h"
#include "weft/gan/loader.h"
#include "weft/gan/measures.h"
#include "weft/gan/nearest.h"
#include "weft/gan/report.h"
#include "weft/gan/sheet.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int64_t kPatched = 500, kPairs = 500, kLookedUp = 256, kShown = 24;     // pictures, or pairs, of the measures that need fewer
constexpr double kKnownByHeart = 0.01;   // share of the data's own nearest distances below which one counts as that
constexpr int kEpochs = 4, kWidth = 32;  // of the classifiers of the accuracy score

/// Pictures by who made them: generated, real, others as real as those, as many of the data's test part, and the whole of it.
struct Sets { Labelled generated, real, other, test, whole_test; };

Labelled read(Dataset& data, const std::vector<int64_t>& which) {
  Labelled all;
  for (const int64_t i : which) {
    all.pictures.push_back(picture_of(data, i));
    if (!data.labels().empty()) all.labels.push_back(data.labels()[size_t(i)]);
  }
  return all;
}

std::vector<Image> first(const std::vector<Image>& pictures, int64_t count) {
  return {pictures.begin(), pictures.begin() + std::min(std::ptrdiff_t(count), std::ptrdiff_t(pictures.size()))};
}

class Evaluator {
 public:
  Evaluator(const EvaluateRequest& request, const Context& context) : request_(request), context_(context) {
    generator_ = load_generator(request.run, context, request.note);
    result_.checkpoint = generator_.checkpoint, result_.sha256 = generator_.sha256;
    options_ = request.reading;
    options_.size = generator_.model.size, options_.channels = generator_.model.size == 1 ? 0 : generator_.model.channels;
    options_.across = generator_.model.across, options_.high = generator_.model.high;
    options_.note = request.note;
    data_ = open_dataset(request.data, options_);
    result_.real_pictures = data_->size(), result_.size = data_->height(), result_.width = data_->width(), result_.channels = data_->channels();
    result_.data_fingerprint = data_->fingerprint();
  }

  Evaluation all() {
    if (!request_.features.empty() && data_->units().one.empty()) {
      describer_ = find_describer(context_, request_.features, request_.note);
      result_.describer = describer_.what, result_.features = describer_.sha256;
    }
    if (request_.accuracy_score) expect_judge();
    if (!data_->units().one.empty()) {
      add_point_figures(generator_, *data_, request_, context_, result_);
      return std::move(result_);
    }
    if (request_.brief && !describer_.features && request_.data != kStackedDigits)
      throw ConfigError("--brief leaves only what the network of --features sees, and none is named; name one, or leave out --brief");
    read_pictures();
    if (describer_.features) distances();
    if (describer_.classifier) classes();
    if (request_.data == kStackedDigits) stacks();
    if (request_.brief) return std::move(result_);
    patches();
    alikeness();
    memorised();
    return std::move(result_);
  }

 private:
  void say(const std::string& sentence) const { if (request_.note) request_.note(sentence); }

  /// Whether the features' network tells apart the classes that the data has.
  bool judges_data() const { return describer_.classifier && describer_.classifier->options().classes == data_->classes() && !data_->labels().empty(); }
  void expect_judge() const {
    if (!judges_data())
      throw ConfigError("an accuracy score is of the classes of " + request_.data + (data_->classes().empty() ? ", and it has none" : std::string(", and ") +
                        (describer_.classifier ? request_.features + " tells others apart" : "no classifier of them is given") + "; --features RUN of `weft train classifier --data " + request_.data + "`"));
  }

  void read_pictures() {
    count_ = std::min(request_.count, data_->size() / 2);
    if (count_ < 2) throw DataError(request_.data + " has " + std::to_string(data_->size()) + " pictures; it takes 4 at least to compare with");
    if (count_ < request_.count) say(request_.data + " has " + std::to_string(data_->size()) + " pictures: all measures take " + std::to_string(count_) + ", so that its halves can be compared");
    const std::vector<int64_t> order = epoch_order(data_->size(), stream_key(0, "evaluate.real"), 0);
    real_indices_ = {order.begin(), order.begin() + count_};
    sets_.real = read(*data_, real_indices_);
    sets_.other = read(*data_, {order.begin() + count_, order.begin() + 2 * count_});
    if (const auto test = open_test_part(request_.data, options_)) {
      const std::vector<int64_t> which = epoch_order(test->size(), stream_key(0, "evaluate.real"), 0);
      sets_.whole_test = read(*test, which);
      sets_.test.pictures = first(sets_.whole_test.pictures, count_);
    }
    say("drawing " + std::to_string(count_) + " pictures");
    const ModelOptions& m = generator_.model;
    if (!m.classes.empty() && m.conditions() == data_->classes()) sets_.generated.labels = sets_.real.labels;   // it was asked for as many of each
    for_each_sample(generator_, context_, count_, request_.seed, classes_as(context_, m, *data_, real_indices_), [this](const Tensor& x) {
      for (int64_t i = 0; i < x.size(0); ++i) sets_.generated.pictures.push_back(to_image(x, i));
    });
  }

  Figure& figure(const char* name, const char* what, Better better, double value, double real, int64_t count) {
    return result_.figures.emplace_back(Figure{name, what, better, value, real, NAN, NAN, count});
  }
  Figure& seen(const char* name, const char* what, Better better, double value, double real) {
    Figure& f = figure(name, what, better, value, real, count_);
    f.features = describer_.sha256, f.resize = describer_.resize(result_.size, result_.width);
    return f;
  }
  bool has_test() const { return int64_t(sets_.test.pictures.size()) == count_; }

  void distances() {
    say("looking at them with the features' network, and comparing each with each");
    add_distances({describe(context_, describer_, sets_.generated.pictures), describe(context_, describer_, sets_.real.pictures), describe(context_, describer_, sets_.other.pictures),
                   has_test() ? describe(context_, describer_, sets_.test.pictures) : Points()},
                  describer_.sha256, describer_.resize(result_.size, result_.width), result_.figures);
  }

  void classes() {
    const size_t known = describer_.classifier->options().classes.size();
    const std::vector<int> found = classify(context_, describer_, sets_.generated.pictures), of_other = classify(context_, describer_, sets_.other.pictures);
    std::vector<std::string> names = describer_.classifier->options().classes;
    std::vector<double> wanted = shares_of(classify(context_, describer_, sets_.real.pictures), int64_t(known));
    const Balance b = balance(found, wanted), r = balance(of_other, wanted);
    for (size_t c = 0; c < known; ++c) result_.classes.push_back({names[c], b.shares[c], wanted[c]});
    seen("classes_present", "with a share of at least 2 %", Better::higher, double(b.present), double(r.present));
    Figure& divergence = seen("class_divergence", "of the classes' shares from the data's, in nats", Better::lower, b.divergence, r.divergence);
    divergence.bias = double(known - 1) / (2 * double(count_));
    if (!std::isfinite(b.divergence)) divergence.note = "infinite: samples are taken for a class that no real picture is taken for";

    const Labelled& judged = sets_.whole_test.labels.empty() ? sets_.other : sets_.whole_test;
    if (!judges_data()) return;
    result_.classifier_accuracy = accuracy(context_, describer_, judged);
    if (!request_.accuracy_score) return;
    say("training a classifier on generated pictures, and one on real ones");
    if (sets_.generated.labels.empty()) sets_.generated.labels = found;
    const AccuracyScore score = accuracy_score(context_, sets_.generated, sets_.real, judged, names, kWidth, kEpochs, 0);
    figure("accuracy_score", "of a classifier trained on them, on real pictures", Better::higher, score.generated, score.real, count_);
  }

  void stacks() {
    say("reading digits");
    const DigitReader reader(context_, result_.size);
    const StackScore made = score(reader.read(sets_.generated.pictures)), real = score(reader.read(sets_.other.pictures));
    figure("modes", "of 1,000 numbers that a sample shows", Better::higher, made.modes, real.modes, count_);
    figure("clear_modes", "that a sample shows as clearly as drawn digits do", Better::higher, made.clear_modes, real.clear_modes, count_);
    figure("clear", "share of samples that are as clear as drawn digits", Better::like_data, made.clear, real.clear, count_);
    figure("mode_divergence", "of the samples' shares of the numbers from uniform, in nats", Better::lower, made.kl, real.kl, count_).bias = made.kl_floor;
    for (size_t d = 0; d < made.digits.size(); ++d) result_.classes.push_back({"digit " + std::to_string(d), made.digits[d], real.digits[d]});
  }

  void patches() {
    say("comparing patches");
    const int64_t n = std::min(count_, kPatched);
    const std::vector<Image> real = first(sets_.real.pictures, n);
    const auto to_real = [&](const std::vector<Image>& pictures) { return patch_distance(context_, first(pictures, n), real); };
    const std::array<double, 3> value = to_real(sets_.generated.pictures), other = to_real(sets_.other.pictures);
    const std::array<double, 3> test = int64_t(sets_.test.pictures.size()) >= n ? to_real(sets_.test.pictures) : std::array<double, 3>{NAN, NAN, NAN};
    constexpr const char* kNames[] = {"sliced_wasserstein", "sliced_wasserstein_half", "sliced_wasserstein_quarter"};
    constexpr const char* kWhat[] = {"of 7x7 patches", "the same at half size", "the same at quarter size"};
    for (size_t s = 0; s < 3; ++s) {
      Figure& f = figure(kNames[s], kWhat[s], Better::lower, value[s], other[s], n);
      f.test = test[s];
      if (s) f.resize = "triangle " + std::to_string(result_.size) + " to " + std::to_string(std::max(1, result_.size >> s));
    }
  }

  void alikeness() {
    const Diversity made = diversity(sets_.generated.pictures, kPairs, request_.seed), real = diversity(sets_.real.pictures, kPairs, request_.seed);
    const std::string note = "over " + std::to_string(kPairs) + " pairs";
    figure("similarity", "multi-scale SSIM of two samples: 1 if all are one picture", Better::like_data, made.similarity, real.similarity, count_).note = note;
    figure("difference", "of two samples' pixels: 0 if all are one picture", Better::like_data, made.difference, real.difference, count_).note = note;
  }

  void memorised() {
    say("looking for each sample's nearest training picture");
    const int64_t n = std::min(count_, kLookedUp);
    std::vector<Image> asked = first(sets_.generated.pictures, n);
    std::vector<int64_t> own(size_t(n), -1);
    for (int64_t i = 0; i < n; ++i) asked.push_back(sets_.real.pictures[size_t(i)]), own.push_back(real_indices_[size_t(i)]);
    const std::vector<Nearest> nearest = nearest_pictures(context_, asked, *data_, own);
    const std::vector<Nearest> of_made(nearest.begin(), nearest.begin() + n);
    std::vector<double> of_real;
    for (auto it = nearest.begin() + n; it != nearest.end(); ++it) of_real.push_back(it->distance);
    std::sort(of_real.begin(), of_real.end());
    std::vector<size_t> order;
    for (size_t i = 0; i < of_made.size(); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return of_made[a].distance < of_made[b].distance; });

    figure("nearest_distance", "of pixels, to the nearest training picture; the median", Better::like_data, of_made[order[order.size() / 2]].distance, of_real[of_real.size() / 2], n);
    const double close = of_real[size_t(kKnownByHeart * double(of_real.size()))];
    const auto by_heart = std::count_if(of_made.begin(), of_made.end(), [&](const Nearest& x) { return x.distance < close; });
    figure("memorised_share", "nearer to a training picture than 99 % of real ones are", Better::like_data, double(by_heart) / double(n), kKnownByHeart, n);

    std::vector<Image> pictures;
    std::vector<std::string> captions;
    const int times = std::max(1, 96 / std::max(result_.size, result_.width));
    for (size_t k = 0; k < std::min<size_t>(order.size(), kShown); ++k) {
      const Nearest& x = of_made[order[k]];
      for (const Image& p : {asked[order[k]], picture_of(*data_, x.index)}) pictures.push_back(resized(p, times * result_.size, times * result_.width));
      captions.insert(captions.end(), {"sample " + std::to_string(order[k]), print("off by %.3f", x.distance)});
    }
    result_.memorised = contact_sheet(pictures, 8, captions);
  }

  const EvaluateRequest& request_;
  Context context_;
  Evaluation result_;
  TrainedGenerator generator_;
  Describer describer_;
  DatasetOptions options_;
  std::shared_ptr<Dataset> data_;
  std::vector<int64_t> real_indices_;
  int64_t count_ = 0;
  Sets sets_;
};

}  // namespace

const char* name_of(Better b) { return b == Better::lower ? "lower" : b == Better::higher ? "higher" : "like the data"; }

Evaluation evaluate(const EvaluateRequest& request, const Context& context) { return Evaluator(request, context).all(); }

}  // namespace weft::gan
