#include "metrics/figures.h"

#include <algorithm>

#include "weft/gan/loader.h"
#include "weft/gan/mixture.h"
#include "weft/gan/points.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

constexpr int64_t kDrawnAtOnce = 500;

/// The data's points in another order: those of a CSV may be sorted. As networks see them.
class Reader {
 public:
  explicit Reader(Dataset& data) : data_(data), order_(data.endless() ? std::vector<int64_t>() : epoch_order(data.size(), stream_key(0, "evaluate.real"), 0)) {}
  /// Points [from, from + count) of the order; of endless data, of those beyond what a first epoch was.
  Points operator()(int64_t from, int64_t count) const {
    Points p{count, data_.channels(), std::vector<float>(size_t(count) * size_t(data_.channels()))};
    for (int64_t i = 0; i < count; ++i) data_.read(data_.endless() ? data_.size() + from + i : order_[size_t(from + i)], &p.values[size_t(i * p.dimensions)]);
    return p;
  }

 private:
  Dataset& data_;
  std::vector<int64_t> order_;
};

void add_modes(const Mixture& mixture, const MixtureScore& made, const MixtureScore& real, std::deque<Figure>& figures) {
  const auto add = [&](const char* name, const char* what, Better better, double value, double of_real) {
    figures.push_back({name, what, better, value, of_real, NAN, NAN, made.samples});
  };
  add("modes", "that have a sample within three deviations", Better::higher, made.modes, real.modes);
  add("high_quality", "share of samples within three deviations of a mode", Better::like_data, made.high_quality, real.high_quality);
  add("mode_width", "of a mode, in the mixture's own deviations", Better::like_data, made.deviation, real.deviation);
  add("reverse_kl", "of the samples' shares of the modes from the weights, in nats", Better::lower, made.reverse_kl, real.reverse_kl);
  figures.back().bias = double(mixture.centres.size() - 1) / (2 * double(made.samples) * std::max(1e-9, made.high_quality));
}

}  // namespace

void for_each_sample(const TrainedGenerator& generator, const Context& context, int64_t count, uint64_t seed, const Tensor& labels,
                     const std::function<void(const Tensor&)>& see) {
  const Tensor z = latents(context, count, generator.model.latent, seed);
  for (int64_t begin = 0; begin < count; begin += kDrawnAtOnce) {
    const int64_t end = std::min(count, begin + kDrawnAtOnce);
    see(in_evaluation(*generator.network, slice(z, 0, begin, end), 64, labels ? slice(labels, 0, begin, end) : Tensor()));
  }
}

void add_distances(const PointSets& sets, const std::string& features, const std::string& resize, std::deque<Figure>& figures) {
  const int64_t n = sets.generated.count, d = sets.generated.dimensions;
  const bool has_test = sets.test.count == n;
  const auto add = [&](const char* name, const char* what, Better better) -> Figure& {
    return figures.emplace_back(Figure{name, what, better, NAN, NAN, NAN, NAN, n, resize, features});
  };
  Figure& frechet = add("frechet_distance", "of means and covariances", Better::lower);
  if (n > d) {
    const Moments m = moments_of(sets.real);
    frechet.value = frechet_distance(moments_of(sets.generated), m), frechet.real = frechet_distance(moments_of(sets.other), m);
    if (has_test) frechet.test = frechet_distance(moments_of(sets.test), m);
    frechet.bias = 2 * frechet_bias(m, n);
  } else {
    frechet.note = "refused: " + std::to_string(n) + " pictures give the covariance of " + std::to_string(d) + " numbers no full rank; take more than " + std::to_string(d);
  }
  Figure& kernel = add("kernel_distance", "squared, unbiased, cubic kernel", Better::lower);
  kernel.value = kernel_distance(sets.generated, sets.real), kernel.real = kernel_distance(sets.other, sets.real);
  if (has_test) kernel.test = kernel_distance(sets.test, sets.real);
  if (n <= kReachOfDensity) return;
  const Neighbourhood made = neighbourhood(sets.real, sets.generated), other = neighbourhood(sets.real, sets.other),
                      test = has_test ? neighbourhood(sets.real, sets.test) : Neighbourhood{NAN, NAN, NAN, NAN};
  const auto add_share = [&](const char* name, const char* what, double Neighbourhood::*value) {
    Figure& f = add(name, what, Better::higher);
    f.value = made.*value, f.real = other.*value, f.test = test.*value;
  };
  add_share("precision", "samples near a real picture, k 3", &Neighbourhood::precision);
  add_share("recall", "real pictures near a sample, k 3", &Neighbourhood::recall);
  add_share("density", "how crowded with real ones it is where samples are, k 5", &Neighbourhood::density);
  add_share("coverage", "real pictures that have a sample near, k 5", &Neighbourhood::coverage);
}

void add_point_figures(const TrainedGenerator& generator, Dataset& data, const EvaluateRequest& request, const Context& context, Evaluation& result) {
  const int64_t n = data.endless() ? request.count : std::min(request.count, data.size() / 2);
  if (n < 4) throw DataError(request.data + " has " + std::to_string(data.size()) + " points; it takes 8 at least to compare with");
  Points made{n, data.channels(), {}};
  for_each_sample(generator, context, n, request.seed, classes_in_turn(context, n, generator.model), [&](const Tensor& x) {
    const std::vector<float> some = x.floats();
    made.values.insert(made.values.end(), some.begin(), some.end());
  });
  const Reader read(data);
  const PointSets sets{made, read(0, n), read(n, n), {}};
  if (const Mixture* mixture = find_mixture(request.data)) {
    const auto scored = [&](const Points& p) { return score(*mixture, to_points(context.from(p.values, {n, 1, 1, 2}), data.units())); };
    add_modes(*mixture, scored(made), scored(sets.real), result.figures);
  }
  add_distances(sets, "", "none", result.figures);
}

}  // namespace weft::gan
