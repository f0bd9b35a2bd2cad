// A data set's pictures, dealt out to training and to looking at what came of it.
#include <algorithm>
#include <cmath>
#include <mutex>

#include "weft/gan/loader.h"
#include "weft/gan/two_sides.h"
#include "weft/kernels/error.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

// The loader's thread reads the whole and what it caches, and so does whoever looks at how the run goes: one at a time.
struct Whole {
  std::shared_ptr<Dataset> data;
  std::mutex mutex;
};

class Part final : public Dataset {
 public:
  Part(std::shared_ptr<Whole> whole, std::vector<int64_t> indices) : whole_(std::move(whole)), indices_(std::move(indices)) {
    const Dataset& data = *whole_->data;
    std::sort(indices_.begin(), indices_.end());
    size_ = int64_t(indices_.size());
    side_ = data.height(), across_ = data.width(), channels_ = data.channels(), units_ = data.units();
    classes_ = data.classes();
    for (const int64_t i : indices_) {
      if (!data.labels().empty()) labels_.push_back(data.labels()[size_t(i)]);
      if (!data.weights().empty()) weights_.push_back(data.weights()[size_t(i)]);
    }
  }

  int read(int64_t i, float* out) override {
    const std::lock_guard lock(whole_->mutex);
    const int label = whole_->data->read(indices_[size_t(i)], out);
    broken_ = whole_->data->broken();
    return label;
  }
  const Mixture* mixture() const override { return whole_->data->mixture(); }
  std::string name(int64_t i) const override { return whole_->data->name(indices_[size_t(i)]); }

 private:
  std::shared_ptr<Whole> whole_;
  std::vector<int64_t> indices_;
};

}  // namespace

Split split(std::shared_ptr<Dataset> data, const SplitOptions& o) {
  if (!(o.held_out >= 0 && o.held_out < 1)) throw ConfigError("held_out = " + std::to_string(o.held_out) + " is no share of the pictures; 0 to below 1");
  if (o.most < 0) throw ConfigError("most = " + std::to_string(o.most) + " pictures; 0 takes all");
  const int64_t all = data->size(), used = o.most == 0 ? all : std::min(all, o.most);
  if (data->endless() && o.most == 0) return {std::move(data), nullptr};      // no step has seen what none has drawn yet
  const int64_t held = o.held_out == 0 ? 0 : std::max(int64_t(1), int64_t(std::llround(o.held_out * double(used))));
  if (held >= used)
    throw ConfigError("held_out = " + std::to_string(o.held_out) + " of " + std::to_string(used) + (used == 1 ? " picture" : " pictures") + " leaves none to train with");
  const std::vector<int64_t> order = epoch_order(all, stream_key(0, "data.held_out"), 0);
  const auto whole = std::make_shared<Whole>();
  whole->data = std::move(data);
  const auto part = [&](int64_t from, int64_t to) { return std::make_shared<Part>(whole, std::vector<int64_t>(order.begin() + from, order.begin() + to)); };
  return {part(held, used), held > 0 ? part(0, held) : nullptr};
}

}  // namespace weft::gan
