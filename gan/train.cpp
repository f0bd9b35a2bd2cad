// The training loop: data in, steps, pictures and a log out, a checkpoint at the end.
#include <chrono>

#include "run_directory.h"
#include "weft/gan/dataset.h"
#include "weft/gan/loader.h"
#include "weft/gan/trainer.h"

namespace weft::gan {
namespace {

template <class T>
T choice(const char* setting, const std::string& given, const std::vector<std::pair<std::string, T>>& known) {
  std::vector<std::string> names;
  std::string list;
  for (const auto& [name, value] : known) {
    if (name == given) return value;
    names.push_back(name);
    list += (list.empty() ? "" : ", ") + name;
  }
  throw ConfigError(std::string(setting) + " = '" + given + "' is none of " + list + suggestion(given, names));
}

nn::OptimizerOptions optimizer_options(const TrainSettings& s, double learning_rate, int64_t steps) {
  nn::OptimizerOptions o;
  o.settings.kind = choice<OptimizerKind>("optimizer", s.optimizer, {{"sgd", OptimizerKind::sgd}, {"adam", OptimizerKind::adam},
                                                                     {"adamw", OptimizerKind::adamw}, {"rmsprop", OptimizerKind::rmsprop}});
  o.settings.beta1 = s.beta1, o.settings.beta2 = s.beta2, o.settings.epsilon = s.epsilon, o.settings.decay = s.decay;
  o.learning_rate = learning_rate;
  o.clip_norm = s.clip_norm;
  using Kind = nn::Schedule::Kind;
  o.schedule.kind = choice<Kind>("schedule", s.schedule, {{"constant", Kind::constant}, {"linear", Kind::linear}, {"cosine", Kind::cosine}});
  o.schedule.steps = steps, o.schedule.warm_up = s.warm_up;
  if (o.schedule.kind != Kind::constant && steps == 0) throw ConfigError("schedule = '" + s.schedule + "' needs a number of steps: it ends with them");
  return o;
}

GanOptions gan_options(const TrainSettings& s, int channels, int64_t steps) {
  GanOptions o;
  o.model = {s.size, channels, s.width, s.latent};
  o.objective = &find_objective(s.objective);
  o.order = choice<UpdateOrder>("order", s.order, {{"d-first", UpdateOrder::discriminator_first}, {"g-first", UpdateOrder::generator_first},
                                                   {"simultaneous", UpdateOrder::simultaneous}});
  o.generator = optimizer_options(s, s.learning_rate_g, steps);
  o.discriminator = optimizer_options(s, s.learning_rate_d, steps);
  o.init = choice<nn::Init>("init", s.init, {{"dcgan", nn::Init::dcgan}, {"xavier", nn::Init::xavier}, {"kaiming", nn::Init::kaiming}, {"torch", nn::Init::torch}});
  o.ema = s.ema;
  o.seed = s.seed;
  return o;
}

class Clock {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

TrainReport train(const TrainSettings& s, const std::string& config, const std::string& command, const TrainCallbacks& tell) {
  const int64_t steps = s.steps == 0 && s.minutes == 0 ? 1600 : s.steps;
  const DType scalar = choice<DType>("precision", s.precision, {{"fp32", DType::f32}, {"fp64", DType::f64}});
  const Model& model = find_model(s.model);
  if (s.batch < 2) throw ConfigError("batch = " + std::to_string(s.batch) + ": batch norm needs at least 2 images to have a variance");

  DatasetOptions data_options;
  data_options.size = s.size, data_options.channels = s.channels, data_options.root = s.root, data_options.note = tell.note;
  const std::shared_ptr<Dataset> data = open_dataset(s.data, data_options);
  const GanOptions options = gan_options(s, data->channels(), steps);
  const Context context = Context::open(s.device, {scalar, s.threads});
  Gan gan(context, model, options);
  Loader loader(data, {.batch = s.batch, .seed = s.seed, .flip = s.flip});
  RunDirectory run(s.out, config, command, context.describe());

  const Tensor real = context.empty({s.batch, s.size, s.size, data->channels()});
  TrainReport report{s.out, s.model, context.device()};
  const Clock clock;
  context.reset_peak();
  int64_t step = 0;
  double told = 0;
  bool stopping = false;
  while (!stopping) {
    real.write(loader.next().images.data(), "loader");
    gan.step(real);
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
  report.seconds_waited_for_data = loader.seconds_waited();
  report.launches = context.launches();
  run.save_checkpoint(step, s.model, options.model, gan, report.parameters_sha256);
  return report;
}

}  // namespace weft::gan
