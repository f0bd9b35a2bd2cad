// What a run is made of, from its settings: data, device, networks, loader. train(), the plan before it and a resume all start here.
#pragma once
#include "weft/gan/dataset.h"
#include "weft/gan/loader.h"
#include "weft/gan/trainer.h"

namespace weft::gan {

struct Training {
  /// @param note  hears a sentence for a person, from the loader's thread as well
  /// Throws ConfigError, DataError, DeviceError.
  Training(const TrainSettings& settings, const std::function<void(const std::string&)>& note);

  /// The next batch from the loader, and one step of both networks on it.
  void step();

  int64_t steps;                         // the total; 0: as many as the minutes allow
  std::shared_ptr<Dataset> data;
  GanOptions options;
  Context context;
  Gan gan;
  Loader loader;
  Tensor real;                           // (batch,H,W,C): the images of the step
};

}  // namespace weft::gan
