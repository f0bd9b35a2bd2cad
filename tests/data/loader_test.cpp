// The loader's order is a function of the seed alone.
#include "weft/gan/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>
#include <thread>

#include "weft/kernels/error.h"

using namespace weft;
using namespace weft::gan;

namespace {

/// Picture i is 2 wide: left i, right -i. Reading takes as long as `delay` says.
class Numbered final : public Dataset {
 public:
  Numbered(int64_t size, int delay_us = 0, int64_t broken_at = -1) : delay_(delay_us), broken_at_(broken_at) { size_ = size, side_ = 2, channels_ = 1; }
  int read(int64_t i, float* out) override {
    if (i == broken_at_) throw DataError("picture " + std::to_string(i));
    if (delay_) std::this_thread::sleep_for(std::chrono::microseconds(random_() % unsigned(delay_)));
    for (int y = 0; y < 2; ++y) out[2 * y] = float(i), out[2 * y + 1] = -float(i);
    return int(i % 10);
  }

 private:
  int delay_;
  int64_t broken_at_;
  std::mt19937 random_{std::random_device{}()};
};

struct Seen {
  std::vector<float> left;
  std::vector<int32_t> labels;
};

Seen drain(Loader& loader, int batches, int pause_us = 0) {
  Seen seen;
  for (int i = 0; i < batches; ++i) {
    const Batch& batch = loader.next();
    for (size_t b = 0; b < batch.labels.size(); ++b) seen.left.push_back(batch.images[4 * b]), seen.labels.push_back(batch.labels[b]);
    if (pause_us) std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
  }
  return seen;
}

}  // namespace

TEST_CASE("loader: an epoch is a permutation, another epoch another one") {
  for (const int64_t n : {1, 2, 3, 100, 4096}) {
    std::vector<int64_t> order = epoch_order(n, 5, 3);
    CHECK(order == epoch_order(n, 5, 3));
    if (n >= 100) CHECK(order != epoch_order(n, 5, 4));
    if (n >= 100) CHECK(order != epoch_order(n, 6, 3));
    std::sort(order.begin(), order.end());
    std::vector<int64_t> all(size_t(n), 0);
    std::iota(all.begin(), all.end(), int64_t(0));
    CHECK(order == all);
  }
  int first[4] = {};                             // where 0 lands: four sigma of 1000 +- 27
  for (int epoch = 0; epoch < 4000; ++epoch) {
    const auto order = epoch_order(4, 1, epoch);
    ++first[std::find(order.begin(), order.end(), 0) - order.begin()];
  }
  for (const int count : first) CHECK(std::abs(count - 1000) < 110);
}

TEST_CASE("loader: the order depends on the seed, not on timing; batches run across epochs and leave nothing out") {
  const LoaderOptions options{.batch = 4, .seed = 9, .augment = {.flip = true}};
  Loader quick(std::make_shared<Numbered>(10), options), slow(std::make_shared<Numbered>(10, 300), options);
  const Seen a = drain(quick, 25, 200), b = drain(slow, 25);
  CHECK(a.left == b.left);
  CHECK(a.labels == b.labels);
  for (int epoch = 0; epoch < 10; ++epoch) {
    const auto order = epoch_order(10, 9, epoch);
    for (size_t i = 0; i < 10; ++i) CHECK(std::abs(a.left[size_t(epoch) * 10 + i]) == float(order[i]));
  }
  Loader other(std::make_shared<Numbered>(10), {.batch = 4, .seed = 10, .augment = {.flip = true}});
  CHECK(drain(other, 25).left != a.left);
}

TEST_CASE("loader: balanced draws give each class the same, each image of a class in its turn") {
  struct Uneven final : Dataset {
    Uneven() {
      size_ = 103, side_ = 1, channels_ = 1, classes_ = {"90", "none", "10", "3"};
      for (int i = 0; i < 103; ++i) labels_.push_back(i < 90 ? 0 : i < 100 ? 2 : 3);
    }
    int read(int64_t i, float* out) override { return *out = float(i), labels_[size_t(i)]; }
  } data;
  std::vector<int> all(103);
  for (int64_t epoch = 0; epoch < 90; ++epoch) {
    int of_class[4] = {};
    for (const int64_t i : epoch_draws(data, Sampling::balanced, 7, epoch)) ++of_class[data.labels()[size_t(i)]], ++all[size_t(i)];
    for (const int c : {0, 2, 3}) CHECK((of_class[c] == 34 || of_class[c] == 35));
  }
  for (int i = 0; i < 103; ++i) {                // 90 x 103 / 3 = 3090 draws a class
    const int size = i < 90 ? 90 : i < 100 ? 10 : 3;
    CHECK((all[size_t(i)] == 3090 / size || all[size_t(i)] == (3090 + size - 1) / size));
  }
  const auto classes_in_order = [&](int64_t epoch) {
    std::vector<int> order;
    for (const int64_t i : epoch_draws(data, Sampling::balanced, 7, epoch)) order.push_back(data.labels()[size_t(i)]);
    return order;
  };
  CHECK(classes_in_order(3) != classes_in_order(6));               // 103 = 1 (mod 3): without mixing, every third would be alike
  CHECK(epoch_draws(data, Sampling::balanced, 7, 1) == epoch_draws(data, Sampling::balanced, 7, 1));
  CHECK(epoch_draws(data, Sampling::balanced, 7, 1) != epoch_draws(data, Sampling::balanced, 8, 1));
  CHECK_THROWS_AS(epoch_draws(Numbered(10), Sampling::balanced, 7, 0), ConfigError);

  const LoaderOptions options{.batch = 10, .seed = 3, .sampling = Sampling::balanced};
  Loader whole(std::make_shared<Uneven>(), options), rest(std::make_shared<Uneven>(), options, {1, 27});
  for (int skipped = 0; skipped < 13; ++skipped) whole.next();                  // 130 = 103 + 27
  for (int i = 0; i < 30; ++i) CHECK(whole.next().images == rest.next().images);
}

TEST_CASE("loader: weighted draws follow the weights; what weighs nothing never comes") {
  struct Weighted final : Dataset {
    explicit Weighted(const std::vector<double>& weights) { size_ = int64_t(weights.size()), side_ = channels_ = 1, weights_ = weights; }
    int read(int64_t i, float* out) override { return *out = float(i), 0; }
  };
  const Weighted data({0, 1, 0, 3, 4, 0});
  int drawn[6] = {};
  const int epochs = 4000;
  for (int64_t epoch = 0; epoch < epochs; ++epoch)
    for (const int64_t i : epoch_draws(data, Sampling::weighted, 5, epoch)) ++drawn[i];
  for (const int i : {0, 2, 5}) CHECK(drawn[i] == 0);
  for (const int i : {1, 3, 4}) {
    const double share = data.weights()[size_t(i)] / 8, draws = 6.0 * epochs;
    CHECK(std::abs(drawn[i] - share * draws) < 4 * std::sqrt(share * (1 - share) * draws));
  }
  for (const int64_t i : epoch_draws(Weighted({1e308, 1e308, 1e308}), Sampling::weighted, 5, 0)) CHECK((i >= 0 && i < 3));
  CHECK_THROWS_AS(epoch_draws(Weighted({0, 0}), Sampling::weighted, 5, 0), ConfigError);
  CHECK_THROWS_AS(epoch_draws(Numbered(10), Sampling::weighted, 5, 0), ConfigError);
  CHECK_THROWS_AS(Loader(std::make_shared<Numbered>(10), {.batch = 2, .sampling = Sampling::weighted}), ConfigError);
}

TEST_CASE("loader: about half of the pictures are mirrored, others not at all") {
  const LoaderOptions plain{.batch = 100, .seed = 1}, flipping{.batch = 100, .seed = 1, .augment = {.flip = true}};
  Loader straight(std::make_shared<Numbered>(1000), plain), mirrored(std::make_shared<Numbered>(1000), flipping);
  const Seen a = drain(straight, 40), b = drain(mirrored, 40);
  int flips = 0;
  for (size_t i = 0; i < a.left.size(); ++i) {
    CHECK(std::abs(b.left[i]) == a.left[i]);
    flips += b.left[i] < 0;
  }
  CHECK(std::abs(flips - 2000) < 130);           // four sigma of 4000 coins
}

TEST_CASE("loader: a cursor resumes where another loader stopped") {
  const LoaderOptions options{.batch = 7, .seed = 3, .augment = {.flip = true}};
  Loader whole(std::make_shared<Numbered>(23), options);
  const Seen all = drain(whole, 20);
  for (const int cut : {0, 1, 3, 4, 19}) {
    Loader first(std::make_shared<Numbered>(23, 50), options);
    Seen seen = drain(first, cut);
    const Cursor at = first.cursor();
    CHECK(at.epoch * 23 + at.position == cut * 7);
    Loader second(std::make_shared<Numbered>(23), options, at);
    const Seen rest = drain(second, 20 - cut);
    seen.left.insert(seen.left.end(), rest.left.begin(), rest.left.end());
    CHECK(seen.left == all.left);
    first.seek({0, 0});
    CHECK(drain(first, 20).left == all.left);
  }
  CHECK_THROWS_AS(whole.seek({0, 23}), ConfigError);
  CHECK_THROWS_AS(whole.seek({-1, 0}), ConfigError);
}

TEST_CASE("loader: errors of the reading thread come out of next(), after the batches before them") {
  const auto order = epoch_order(10, 2, 0);
  Loader loader(std::make_shared<Numbered>(10, 0, order[7]), {.batch = 3, .seed = 2});
  CHECK_NOTHROW(loader.next());
  CHECK_NOTHROW(loader.next());
  for (int again = 0; again < 2; ++again) CHECK_THROWS_AS(loader.next(), DataError);
  for (int again = 0; again < 6; ++again) {      // neither a buffer nor the thread is lost
    loader.seek({0, 0});
    CHECK_NOTHROW(drain(loader, 2));
    CHECK_THROWS_AS(loader.next(), DataError);
  }
}

TEST_CASE("loader: batches that the data cannot fill are refused") {
  CHECK_THROWS_AS(Loader(std::make_shared<Numbered>(3), {.batch = 4}), ConfigError);
  CHECK_THROWS_AS(Loader(std::make_shared<Numbered>(3), {.batch = 0}), ConfigError);
  Loader one(std::make_shared<Numbered>(1), {.batch = 1});
  CHECK(drain(one, 5).left == std::vector<float>(5, 0.0f));
}

TEST_CASE("loader: a step that is slower than reading does not wait") {
  Loader loader(std::make_shared<Numbered>(1000), {.batch = 8});
  drain(loader, 50, 2000);
  CHECK(loader.seconds_waited() < 0.02);
}
