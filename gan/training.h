// What a run is made of, from its settings: data, device, networks, loader. train(), the plan before it and a resume all start here.
#pragma once
#include <chrono>
#include <exception>
#include <future>

#include "weft/gan/dataset.h"
#include "weft/gan/loader.h"
#include "weft/gan/trainer.h"
#include "weft/gan/two_sides.h"

namespace weft::gan {

class Clock {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// What a run knows beside its networks.
struct RunState {
  double seconds = 0;                    // of training so far, over all its parts
  Gauges gauges;
  struct { int64_t step = 0; double value = 0; } best;   // of the checkpoint to keep; step 0: none yet
  int64_t since_best = 0;                // evaluations
};

/// One of the sets that a step is given pictures of: one, or a translation's two sides.
struct Stream {
  std::shared_ptr<Dataset> data;
  Loader loader;
  Cursor cursor;                         // after the last step's images; the loader's own is a batch ahead
  Tensor pictures;                       // (batch,H,W,C): those of the step
  Tensor next;                           // of the next one, once they are fetched
  Tensor labels, next_labels;            // one-hot: (1, classes) the batch's class, or (batch, classes) each picture's, where the model asks for it
  std::vector<std::vector<float>> row_of_class = {};   // of labels, where classes have attributes; empty: one-hot
  void label(int of_class, std::vector<float>& into) const;   // one more row
};

struct Training {
  /// @param note   hears a sentence for a person, from the loader's thread as well
  /// @param own    what stands in for what the settings name
  /// Throws ConfigError, DataError, DeviceError.
  Training(const TrainSettings& settings, const std::function<void(const std::string&)>& note, const OwnParts& own = {});

  /// The next batch from the loader, and one step of both networks on it.
  void step();
  /// Takes steps from `first` on, `count` of them, three times. Seconds a step: the median.
  double seconds_a_step(int64_t first, int count = 1);

  /// Everything that a resume needs; `state` is what the networks do not know. Throws Error if a number in it is not finite.
  nn::Checkpoint checkpoint(const TrainRequest& request, RunState state) const;
  /// Back to where checkpoint() was. Throws FormatError if it is no checkpoint of these networks, ConfigError if it was made
  /// with other settings (a diff) and the request does not allow that. `note` hears what will make the bits differ.
  RunState restore(const nn::Checkpoint& checkpoint, const std::string& what, const TrainRequest& request,
                   const std::function<void(const std::string&)>& note);

  /// What the last step was given, and pictures that no step is given, in the same form; those are empty where none are held back.
  Tensors batch() const;
  Tensors held_out;
  double seconds_waited() const;         // for data

  const Model& model;
  int64_t steps;                         // the total; 0: as many as the minutes allow
  std::vector<Split> sources;            // of the pictures that a step is given, and of those that none is given
  GanOptions options;
  Context context;
  std::unique_ptr<Contest> contest;
  std::vector<Stream> streams;           // of the sources

 private:
  Training(const TrainSettings& settings, const std::function<void(const std::string&)>& note, const OwnParts& own, std::future<Context> opening);
  void fetch();
  void hold_out(size_t most);
  std::string batch_that_fits();

  bool fetched_ = false;                 // the next step's pictures
  std::exception_ptr failed_;            // in fetching them
};

}  // namespace weft::gan
