// Settings into data, device, networks and loader.
#include "training.h"

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

std::shared_ptr<Dataset> open_data(const TrainSettings& s, const std::function<void(const std::string&)>& note) {
  if (s.batch < 2) throw ConfigError("batch = " + std::to_string(s.batch) + ": batch norm needs at least 2 images to have a variance");
  DatasetOptions o;
  o.size = s.size, o.channels = s.channels, o.root = s.root, o.note = note;
  return open_dataset(s.data, o);
}

LoaderOptions loader_options(const TrainSettings& s) {
  return {.batch = s.batch, .seed = s.seed, .flip = s.flip};
}

Context open_context(const TrainSettings& s) {
  const DType scalar = choice<DType>("precision", s.precision, {{"fp32", DType::f32}, {"fp64", DType::f64}});
  return Context::open(s.device, {scalar, s.threads});
}

}  // namespace

Training::Training(const TrainSettings& s, const std::function<void(const std::string&)>& note)
    : steps(s.steps == 0 && s.minutes == 0 ? 1600 : s.steps),
      data(open_data(s, note)),
      options(gan_options(s, data->channels(), steps)),
      context(open_context(s)),
      gan(context, find_model(s.model), options),
      loader(data, loader_options(s)),
      real(context.empty({s.batch, s.size, s.size, data->channels()})) {}

void Training::step() {
  real.write(loader.next().images.data(), "loader");
  gan.step(real);
}

}  // namespace weft::gan
