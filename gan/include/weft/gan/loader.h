// Batches, made ready by a background thread while the step computes. Which images come, in which order and which of them are
// mirrored is a function of (seed, epoch, position) alone: not of timing, and not of where a run was cut and resumed.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/gan/dataset.h"

namespace weft::gan {

struct LoaderOptions {
  int batch = 64;
  uint64_t seed = 0;
  bool flip = false;                             // mirror half of the images left to right
  int ahead = 4;                                 // batches that wait ready
};

struct Batch {
  std::vector<float> images;                     // (batch, height, width, channels) in [-1, 1]
  std::vector<int32_t> labels;                   // (batch)
};

/// The next image: `position` of the permutation that is `epoch`'s.
struct Cursor {
  int64_t epoch = 0, position = 0;
};

class Loader {
 public:
  /// Throws: ConfigError if the batch is larger than the data set.
  Loader(std::shared_ptr<Dataset>, const LoaderOptions&, Cursor start = {});
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

}  // namespace weft::gan
