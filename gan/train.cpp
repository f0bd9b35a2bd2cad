// The training loop: data in, steps, pictures and a log out, a checkpoint at the end.
#include <chrono>

#include "run_directory.h"
#include "training.h"

namespace weft::gan {
namespace {

class Clock {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

TrainReport train(const TrainSettings& s, const std::string& config, const std::string& command, const TrainCallbacks& tell) {
  Training training(s, tell.note);
  const Context& context = training.context;
  Gan& gan = training.gan;
  const int64_t steps = training.steps;
  RunDirectory run(s.out, config, command, context.describe());

  TrainReport report{s.out, s.model, context.device()};
  const Clock clock;
  context.reset_peak();
  int64_t step = 0;
  double told = 0;
  bool stopping = false;
  while (!stopping) {
    training.step();
    ++step;

    const double seconds = clock.seconds();
    stopping = step == steps || (s.minutes > 0 && seconds >= 60 * s.minutes) || (tell.stop && tell.stop());
    const bool logging = step % s.log_every == 0 || step == 1 || stopping;
    if (logging) {
      report.losses = gan.gauges();
      run.log(step, seconds, report.losses);
    }
    if (tell.progress && (logging || seconds - told > 0.5)) {   // a bar moves even where steps are slow
      tell.progress({step, steps, seconds, double(step * s.batch) / seconds, report.losses});
      told = seconds;
    }
    if (stopping || (s.samples_every > 0 && step % s.samples_every == 0))
      report.sample_sheet = run.write_samples(step, gan.sample(s.samples, s.seed));
  }
  context.synchronise();
  report.seconds = clock.seconds();
  report.steps = step;
  report.images = step * s.batch;
  report.images_per_second = double(report.images) / report.seconds;
  report.peak_memory_bytes = context.peak_bytes();
  report.parameters_sha256 = gan.parameters_sha256();
  report.seconds_waited_for_data = training.loader.seconds_waited();
  report.launches = context.launches();
  run.save_checkpoint(step, s.model, training.options.model, gan, report.parameters_sha256);
  return report;
}

}  // namespace weft::gan
