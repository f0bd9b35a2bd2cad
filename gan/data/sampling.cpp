// Which images an epoch draws, in which order.
#include <algorithm>
#include <numeric>

#include "weft/gan/loader.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

using Order = std::vector<int64_t>;

Order shuffled(int64_t size, uint64_t key, int64_t round) {
  Order order(size_t(size), 0);
  std::iota(order.begin(), order.end(), int64_t(0));
  for (int64_t i = size - 1; i > 0; --i) {
    const Words4 words = philox(key, uint64_t(round), uint64_t(i));
    const uint64_t bits = uint64_t(words.w[1]) << 32 | words.w[0];
    const auto j = uint64_t((static_cast<unsigned __int128>(bits) * uint64_t(i + 1)) >> 64);      // [0, i]
    std::swap(order[size_t(i)], order[size_t(j)]);
  }
  return order;
}

/// Draws in runs of `run` of one class, classes in turn, and a class is gone through in one permutation after the other: with C
/// classes and runs of one, draw t of the whole is number t / C of class t % C.
Order by_class(const Dataset& data, uint64_t seed, int64_t epoch, int64_t run) {
  struct Class {
    Order images, order;
    int64_t round = -1;                                    // that `order` is of
  };
  std::vector<Class> classes(data.classes().size());
  for (int64_t i = 0; i < data.size(); ++i) classes[size_t(data.labels()[size_t(i)])].images.push_back(i);
  classes.erase(std::remove_if(classes.begin(), classes.end(), [](const Class& c) { return c.images.empty(); }), classes.end());
  const auto count = int64_t(classes.size());
  Order draws;
  for (int64_t t = epoch * data.size(); t < (epoch + 1) * data.size(); ++t) {
    const int64_t which = t / run % count, number = t / (run * count) * run + t % run;
    Class& c = classes[size_t(which)];
    const auto size = int64_t(c.images.size());
    if (const int64_t round = number / size; round != c.round) {
      c.order = shuffled(size, stream_key(seed, "data.class." + std::to_string(which)), round);
      c.round = round;
    }
    draws.push_back(c.images[size_t(c.order[size_t(number % size)])]);
  }
  return draws;
}

/// The same in a random order.
Order balanced(const Dataset& data, uint64_t seed, int64_t epoch) {
  const Order draws = by_class(data, seed, epoch, 1);
  Order mixed;
  for (const int64_t p : epoch_order(data.size(), seed, epoch)) mixed.push_back(draws[size_t(p)]);
  return mixed;
}

Order weighted(std::vector<double> weights, uint64_t seed, int64_t epoch) {
  const double largest = *std::max_element(weights.begin(), weights.end());
  if (largest == 0) throw ConfigError("sampling = 'weighted', but all weights are 0");
  for (double& w : weights) w /= largest;                  // no sum overflows
  std::partial_sum(weights.begin(), weights.end(), weights.begin());
  const auto last = std::lower_bound(weights.begin(), weights.end(), weights.back());      // that is ever drawn
  const uint64_t key = stream_key(seed, "data.weighted");
  Order order;
  for (size_t p = 0; p < weights.size(); ++p) {
    const Words4 words = philox(key, uint64_t(epoch), p);
    const double unit = double((uint64_t(words.w[1]) << 32 | words.w[0]) >> 11) * 0x1p-53;
    order.push_back(std::min(std::upper_bound(weights.begin(), weights.end(), unit * weights.back()), last) - weights.begin());
  }
  return order;
}

}  // namespace

std::vector<int64_t> epoch_order(int64_t size, uint64_t seed, int64_t epoch) { return shuffled(size, stream_key(seed, "data.order"), epoch); }

std::vector<int64_t> epoch_draws(const Dataset& data, Sampling sampling, uint64_t seed, int64_t epoch, int batch) {
  if (sampling == Sampling::shuffle || (sampling == Sampling::class_by_class && data.labels().empty())) return epoch_order(data.size(), seed, epoch);
  if (sampling == Sampling::class_by_class) return by_class(data, seed, epoch, batch);
  if (sampling == Sampling::balanced) {
    if (data.labels().empty()) throw ConfigError("sampling = 'balanced', but the data has no classes; put the pictures into a folder a class, or write a labels.csv");
    return balanced(data, seed, epoch);
  }
  const std::vector<double>& weights = data.weights();
  if (weights.empty()) throw ConfigError("sampling = 'weighted', but the data has no weights; they stand in the column 'weight' of a folder's labels.csv");
  return weighted(weights, seed, epoch);
}

}  // namespace weft::gan
