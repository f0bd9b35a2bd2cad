// Batches, made ready by a background thread while the step computes. Which images come, in which order and how each is
// altered is a function of (seed, epoch, position) alone: not of timing, and not of where a run was cut and resumed.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/gan/augment.h"
#include "weft/gan/dataset.h"

namespace weft::gan {

/// What an epoch of size() draws is.
enum class Sampling {
  shuffle,                                       // each image once
  balanced,                                      // each class equally often, whatever its size, and each image of a class in its turn
  weighted,                                      // drawn with replacement, each image as often as its weight says
  class_by_class                                 // each batch is of one class, in turn; one after another from the run's first draw
};

struct LoaderOptions {
  int batch = 64;
  uint64_t seed = 0;
  Sampling sampling = Sampling::shuffle;
  AugmentOptions augment;
  int ahead = 4;                                 // batches that wait ready
};

struct Batch {
  std::vector<float> images;                     // (batch, height, width, channels) in [-1, 1]
  std::vector<int32_t> labels;                   // (batch)
};

/// The next image: draw `position`, in [0, size()), of epoch `epoch`.
struct Cursor {
  int64_t epoch = 0, position = 0;
};

class Loader {
 public:
  /// Throws: ConfigError if the batch is larger than the data set, or the data has no classes to balance or no weights.
  Loader(std::shared_ptr<Dataset>, const LoaderOptions&, Cursor start = {});
  Loader(Loader&&) noexcept;
  ~Loader();

  /// Stays valid until the next call. A batch may end one epoch and begin the next, so no image is ever left out. Throws what
  /// reading the batch threw.
  const Batch& next();
  Cursor cursor() const;                         // after the batches that next() gave out
  void seek(Cursor);
  double seconds_waited() const;                 // that next() was not ready at once, the first batch apart

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Epoch's order of [0, size): a Fisher-Yates shuffle of the identity by the stream "data.order".
std::vector<int64_t> epoch_order(int64_t size, uint64_t seed, int64_t epoch);
/// The same for any sampling: the image of each of the epoch's draws. Throws: ConfigError as Loader.
std::vector<int64_t> epoch_draws(const Dataset&, Sampling, uint64_t seed, int64_t epoch, int batch = 1);

}  // namespace weft::gan
