// Settings into data, device, networks and loader.
#include "training.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "warm_start.h"
#include "weft/gan/conditions.h"
#include "weft/gan/points.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

template <class T>
T choice(const char* setting, const std::string& given, const std::vector<std::pair<std::string, T>>& known) {
  std::vector<std::string> names;
  for (const auto& [name, value] : known) {
    if (name == given) return value;
    names.push_back(name);
  }
  throw ConfigError(std::string(setting) + " = '" + given + "' is none of " + listed(names) + suggestion(given, names));
}

nn::OptimizerOptions optimizer_options(const TrainSettings& s, double learning_rate, double final, int64_t steps) {
  nn::OptimizerOptions o;
  o.settings.kind = choice<OptimizerKind>("optimizer", s.optimizer, {{"sgd", OptimizerKind::sgd}, {"adam", OptimizerKind::adam},
                                                                     {"adamw", OptimizerKind::adamw}, {"rmsprop", OptimizerKind::rmsprop}});
  o.settings.beta1 = s.beta1, o.settings.beta2 = s.beta2, o.settings.epsilon = s.epsilon, o.settings.decay = s.decay;
  o.learning_rate = learning_rate;
  o.clip_norm = s.clip_norm;
  using Kind = nn::Schedule::Kind;
  o.schedule.kind = choice<Kind>("schedule", s.schedule, {{"constant", Kind::constant}, {"linear", Kind::linear}, {"cosine", Kind::cosine}, {"exponential", Kind::exponential}});
  o.schedule.hold = int64_t(s.hold * double(steps)), o.schedule.steps = steps, o.schedule.warm_up = s.warm_up, o.schedule.final = final;
  if (o.schedule.kind == Kind::exponential && final == 0) throw ConfigError("schedule = 'exponential' ends at a share of the learning rate above 0: optimizer.final_g and optimizer.final_d");
  if (o.schedule.kind != Kind::constant && steps == 0) throw ConfigError("schedule = '" + s.schedule + "' needs a number of steps: it ends with them");
  return o;
}

/// What only the plain game has, and averages by their half-life.
void read_plain_game(const TrainSettings& s, const OwnParts& own, int64_t steps, GanOptions& o) {
  o.penalties = own.penalties ? *own.penalties : find_penalties(s.penalty);
  o.penalty_every = s.penalty_every;
  o.penalty_end = s.penalty_end;
  if (s.penalty_end != 1) {
    if (steps == 0) throw ConfigError("train.penalty_end needs a number of steps (--steps): a share of them is the way there");
    o.penalty_anneal = std::max<int64_t>(1, int64_t(s.penalty_anneal * double(steps)));
  }
  o.augment = {choice<AugmentMethod>("train.augment", s.shown, {{"none", AugmentMethod::none}, {"diffaugment", AugmentMethod::diffaugment}, {"ada", AugmentMethod::ada}}),
               s.shown_policy, s.shown_p, s.shown_target, s.shown_interval, s.shown_kimg};
  o.d_width = s.d_width, o.packing = s.packing, o.d_steps = s.d_steps, o.mode_seeking = s.mode_seeking, o.label_smoothing = s.label_smoothing;
  if (s.batch % s.packing)
    throw ConfigError("train.packing = " + std::to_string(s.packing) + " pictures at a time do not divide a batch of " + std::to_string(s.batch) + "; the nearest that they do: --batch " +
                      std::to_string((s.batch / s.packing + 1) * s.packing));
  o.ema = s.ema, o.ema_ramp = s.ema_ramp;
  if (s.ema_half_life > 0) {
    if (s.ema > 0) throw ConfigError("model.ema and model.ema_half_life say the same in two ways; take one");
    o.ema = std::exp2(-double(s.batch) * s.d_steps / s.ema_half_life);
  }
  if (s.ema_ramp > 0 && o.ema == 0) throw ConfigError("model.ema_ramp is of an average, and none is kept; --set model.ema_half_life=10000, say");
}

GanOptions gan_options(const TrainSettings& s, const OwnParts& own, const Model& model, const std::vector<Split>& sources, int64_t steps, const std::function<void(const std::string&)>& note) {
  GanOptions o;
  o.freeze = s.freeze;
  if (s.init_from.empty() && !s.init_layers.empty()) throw ConfigError("init.layers = '" + s.init_layers + "' picks tensors of what a run begins from, and it begins from nothing; --init-from RUN, say");
  if (!s.init_from.empty()) o.init_from = {read_networks(s.init_from, note), s.init_from, s.init_layers, note};
  const Feed feed = model.feed;
  const int channels = sources[0].train->channels() / (feed == Feed::pairs ? 2 : 1);   // a pair's pictures are joined at their channels
  o.model = {s.size, channels, s.width, s.latent, s.blocks, s.norm, s.upsampling, s.noise, s.dropout, s.d_layers, s.d_scales, {}, s.condition, {}};
  o.model.stem = s.stem, o.model.kernel = s.kernel, o.model.convolution = s.convolution, o.model.d_norm = s.d_norm, o.model.minibatch_std = s.minibatch_std;
  o.model.across = s.across, o.model.high = s.high;
  o.model.form = s.form, o.model.waves = s.waves;
  o.model.units = sources[0].train->units();
  if (!o.model.units.one.empty()) o.model.grain = grain_of(*sources[0].train);
  if (feed == Feed::styles) o.model.styles = sources[1].train->classes();
  if (feed == Feed::labelled || s.condition != "none") {
    const std::vector<std::string>& classes = sources[0].train->classes();
    o.model.classes = feed == Feed::labelled ? classes : conditions_of(classes).names;
    if (o.model.classes != classes) o.model.combinations = classes;
    if (o.model.classes.empty() && feed == Feed::labelled) throw ConfigError("a " + s.model + " learns the class of each picture, and " + s.data + " has none; folders in it would be classes, or a labels.csv");
    if (o.model.classes.empty())
      throw ConfigError("model.condition = '" + s.condition + "' needs the class of each picture, and " + s.data + " has none; folders in it would be classes, or a labels.csv");
  }
  read_plain_game(s, own, steps, o);
  o.weights = {s.adversarial, s.content, s.style, s.cycle, s.identity, s.l1, s.nce, s.kl, s.path_length};
  o.pool = s.pool;
  o.objective = own.objective ? own.objective : &find_objective(s.objective);
  o.steps = steps;
  o.order = choice<UpdateOrder>("order", s.order, {{"d-first", UpdateOrder::discriminator_first}, {"g-first", UpdateOrder::generator_first},
                                                   {"simultaneous", UpdateOrder::simultaneous}});
  o.generator = optimizer_options(s, s.learning_rate_g, s.final_g, steps);
  o.discriminator = optimizer_options(s, s.learning_rate_d, s.final_d, steps);
  o.init = choice<nn::Init>("init", s.init, {{"dcgan", nn::Init::dcgan}, {"xavier", nn::Init::xavier}, {"kaiming", nn::Init::kaiming}, {"torch", nn::Init::torch}});
  o.capture = choice<CaptureSteps>("capture", s.capture, {{"auto", CaptureSteps::automatic}, {"on", CaptureSteps::on}, {"off", CaptureSteps::off}});
  o.seed = s.seed;
  return o;
}

std::vector<Split> open_sources(const TrainSettings& s, const Model& model, const std::function<void(const std::string&)>& note) {
  const Feed feed = model.feed;
  if (s.batch < 2 && feed == Feed::pictures) throw ConfigError("batch = " + std::to_string(s.batch) + ": batch norm needs at least 2 images to have a variance");
  if (feed != Feed::styles && (!s.styles.empty() || s.style_size > 0 || s.style_batch > 0))
    throw ConfigError("data.styles, data.style_size and train.style_batch do nothing for " + s.model + "; they are settings of restyle");
  const DatasetOptions o = dataset_options(s, note);
  if ((s.across || s.high) && !model.rectangles) {
    std::string list;
    for (const Model& m : models())
      if (m.rectangles) list += (list.empty() ? "" : ", ") + std::string(m.name);
    throw ConfigError(s.model + " takes square pictures; --size " + std::to_string(s.size) + ". Others are made by " + list);
  }
  const SplitOptions part{s.held_out, s.most};
  if (feed == Feed::pictures || feed == Feed::labelled) return {split(open_dataset(s.data, o), part)};
  if (feed == Feed::pairs) return {open_pairs(s.data, o, part)};
  if (feed == Feed::sides) {
    auto [a, b] = open_two_sides(s.data, o, part);
    return {a, b};
  }
  const bool apart = !s.styles.empty();
  std::error_code ignored;
  if (!apart && !std::filesystem::is_directory(s.data + "/A", ignored))
    throw ConfigError(s.model + " takes pictures of styles: --styles DIR; or contents in A and styles in B, both in " + s.data + ", and there is no folder " + s.data + "/A");
  Split contents = split(open_dataset(apart ? s.data : s.data + "/A", o), part);
  DatasetOptions same = o;
  same.channels = contents.train->channels();
  return {contents, open_style_crops(apart ? s.styles : s.data + "/B", same, s.style_size, part)};
}

LoaderOptions loader_options(const TrainSettings& s) {
  LoaderOptions o{.batch = s.batch, .seed = s.seed};
  o.sampling = choice<Sampling>("sampling", s.sampling, {{"shuffle", Sampling::shuffle}, {"balanced", Sampling::balanced}, {"weighted", Sampling::weighted}});
  o.augment = {s.flip, s.crop, s.rotation, s.shift, s.shear, s.zoom, s.jitter};
  o.augment.fill = choice<Fill>("fill", s.fill, {{"nearest", Fill::nearest}, {"reflect", Fill::reflect}, {"constant", Fill::constant}});
  o.augment.fill_value = s.fill_value / 127.5 - 1;
  return o;
}

Context open_context(const TrainSettings& s) {
  const DType scalar = s.precision == "fp64" ? DType::f64 : DType::f32;
  const Precision precision = choice<Precision>("precision", s.precision, {{"fp32", Precision::fp32}, {"3xtf32", Precision::tf32x3},
      {"tf32", Precision::tf32}, {"bf16", Precision::bf16}, {"fp64", Precision::fp32}});
  const Kernels kernels = choice<Kernels>("kernels", s.kernels, {{"own", Kernels::own}, {"vendor", Kernels::vendor}});
  return Context::open(s.device, {.scalar = scalar, .threads = s.threads, .precision = precision, .kernels = kernels, .memory_limit = size_t(s.memory_limit) << 20, .sync = s.sync});
}

}  // namespace

DatasetOptions dataset_options(const TrainSettings& s, const std::function<void(const std::string&)>& note) {
  DatasetOptions o;
  o.size = s.size, o.channels = s.channels, o.root = s.root, o.labels = s.labels, o.broken_share = s.broken_share, o.note = note;
  o.across = s.across, o.high = s.high;
  o.fit = choice<Fit>("fit", s.fit, {{"crop", Fit::crop}, {"fit", Fit::fit}, {"pad", Fit::pad}});
  o.fill_value = uint8_t(s.fill_value);
  return o;
}

// Opening a GPU takes about as long as looking through a folder of pictures, so both are done at once.
Training::Training(const TrainSettings& s, const std::function<void(const std::string&)>& note, const OwnParts& own)
    : Training(s, note, own, std::async(std::launch::async, open_context, s)) {}

Training::Training(const TrainSettings& s, const std::function<void(const std::string&)>& note, const OwnParts& own, std::future<Context> opening)
    : model(own.model ? *own.model : find_model(s.model)),
      steps(s.steps == 0 && s.minutes == 0 ? 1600 : s.steps),
      sources(own.data.empty() ? open_sources(s, model, note) : own.data),
      options(gan_options(s, own, model, sources, steps, note)),
      context(opening.get()),
      contest(make_contest(context, model, options)) {
  options.init_from = {};                // taken; it would only hold memory
  const bool styles = model.feed == Feed::styles;
  for (const Split& source : sources) {
    const std::shared_ptr<Dataset>& data = source.train;
    LoaderOptions o = loader_options(s);
    if (!streams.empty()) {
      o.seed = stream_key(s.seed, "data.side." + std::to_string(streams.size()));   // the sides keep no company
      if (styles) o.sampling = Sampling::class_by_class, o.batch = std::max(s.batch, s.style_batch);
    }
    Stream stream{data, Loader(data, o), {}, context.empty({o.batch, data->height(), data->width(), data->channels()}), {}, {}, {}};
    stream.next = context.empty(stream.pictures.shape());
    const bool one_class = styles && !streams.empty();
    if (one_class || !options.model.classes.empty()) {
      if (s.condition != "none") stream.row_of_class = conditions_of(data->classes()).rows;
      stream.labels = context.zeros({one_class ? 1 : o.batch, int64_t(one_class ? data->classes().size() : options.model.classes.size())});
      stream.next_labels = context.zeros(stream.labels.shape());
    }
    streams.push_back(std::move(stream));
  }
  hold_out(size_t(s.samples));
}

/// Pictures from all over those that are held back: of each side equally many, but of styles many more, since crops differ.
void Training::hold_out(size_t most) {
  constexpr size_t kCrops = 128;
  const bool styles = !options.model.styles.empty();
  if (!sources[0].held_out && !sources[0].train->units().one.empty()) sources[0].held_out = sources[0].train;   // points are shown with real ones below
  for (const Split& source : sources) {
    if (!source.held_out) return;
    if (!styles) most = std::min(most, size_t(source.held_out->size()));
  }
  for (const Split& source : sources) {
    Dataset& data = *source.held_out;
    const size_t each = size_t(data.height()) * size_t(data.width()) * size_t(data.channels());
    const Stream& stream = streams[size_t(&source - sources.data())];
    const size_t count = std::min(styles && &source == &sources.back() ? kCrops : most, size_t(data.size()));
    std::vector<float> pixels(count * each), labels;
    for (size_t i = 0; i < count; ++i) {
      const int label = data.read(int64_t(i) * data.size() / int64_t(count), pixels.data() + i * each);
      if (stream.labels) stream.label(label, labels);
    }
    held_out.push_back(context.from(pixels, {int64_t(count), data.height(), data.width(), data.channels()}));
    if (stream.labels) held_out.push_back(context.from(labels, {int64_t(count), stream.labels.size(1)}));
  }
}

void Stream::label(int of_class, std::vector<float>& into) const {
  const size_t begin = into.size();
  into.resize(begin + size_t(labels.size(1)));
  if (row_of_class.empty()) into[begin + size_t(of_class)] = 1;
  else std::copy(row_of_class[size_t(of_class)].begin(), row_of_class[size_t(of_class)].end(), into.begin() + std::ptrdiff_t(begin));
}

Tensors Training::batch() const {
  Tensors all;
  for (const Stream& s : streams) all.push_back(s.pictures);
  if (streams.back().labels) all.push_back(streams.back().labels);
  return all;
}

double Training::seconds_waited() const {
  double seconds = 0;
  for (const Stream& s : streams) seconds += s.loader.seconds_waited();
  return seconds;
}

void Training::step() {
  if (!fetched_) fetch();
  if (failed_) std::rethrow_exception(failed_);
  for (Stream& s : streams) {
    s.cursor = s.loader.cursor();
    s.pictures.copy_from(s.next, "loader");
    if (s.labels) s.labels.copy_from(s.next_labels, "loader");
  }
  try {
    contest->step(batch());
  } catch (const OutOfMemory& e) {
    throw OutOfMemory(e.what() + batch_that_fits());
  }
  fetch();
}

double Training::seconds_a_step(int64_t first, int count) {
  double seconds[3];
  for (double& one : seconds) {
    contest->seek(first - 1);
    context.synchronise();
    const Clock clock;
    for (int i = 0; i < count; ++i) step();
    context.synchronise();
    one = clock.seconds() / count;
  }
  std::sort(seconds, seconds + 3);
  return seconds[1];
}

/// The next batch, brought to the device while the step before is under way there.
void Training::fetch() {
  fetched_ = true;
  try {
    for (Stream& s : streams) {
      const Batch& batch = s.loader.next();
      s.next.write(batch.images.data(), "loader");
      if (!s.labels) continue;
      std::vector<float> labels;
      for (int64_t i = 0; i < s.labels.size(0); ++i) s.label(batch.labels[size_t(i)], labels);
      s.next_labels.write(labels.data(), "loader");
    }
  } catch (...) {
    failed_ = std::current_exception();  // the step under way is still a good one
  }
}

/// A step's memory grows evenly with the batch. Two small ones tell how fast, and their networks serve nobody any more.
std::string Training::batch_that_fits() {
  constexpr double kRounding = 0.95;     // blocks are reused for somewhat smaller tensors
  const size_t most = context.most_bytes();
  const int64_t given = streams[0].pictures.size(0);
  size_t fed = 0;                        // bytes of a batch, of which there are two
  for (const Stream& s : streams) fed += s.pictures.storage()->bytes;
  double peak[2];
  const int64_t least = 2 * options.packing;
  try {
    for (const int i : {0, 1}) {
      Tensors few;
      for (const Stream& s : streams) few.push_back(context.zeros({least * (1 + i), s.pictures.size(1), s.pictures.size(2), s.pictures.size(3)}));
      if (const Tensor& labels = streams.back().labels) few.push_back(labels.size(0) == 1 ? labels : context.zeros({least * (1 + i), labels.size(1)}));
      context.reset_peak();
      contest->step(few);
      peak[i] = double(context.peak_bytes() - 2 * fed);
    }
  } catch (const OutOfMemory&) {
    return "\nno batch fits: a smaller size or width needs less";
  }
  if (most == 0) return "";
  const double image = (peak[1] - peak[0]) / double(least), rest = peak[0] - double(least) * image, fetched = double(fed) / double(given);
  const auto batch = int64_t((kRounding * double(most) - rest) / (image + fetched)) / options.packing * options.packing;
  if (batch < least) return "\nno batch fits: a smaller size or width needs less";
  if (batch >= given) return "\nwithout recording the step it would fit: --set run.capture=off, or a somewhat smaller --batch";
  return "\na batch of " + std::to_string(batch) + " would have fitted, as steps with " + std::to_string(least) + " and " + std::to_string(2 * least) + " pictures tell (--batch)";
}

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Gauges& g) {
  Json object = Json::object();
  for (const auto& [name, value] : g.values) object[name] = value;
  return object;
}

Gauges gauges_from(const Json& object) {
  Gauges g;
  for (const auto& [name, value] : object.items()) g.values.emplace_back(name, value.is_number() ? value.get<double>() : std::nan(""));   // JSON has no NaN: null
  return g;
}

/// Throws ConfigError with a diff if the settings that enter the result are others than those of the checkpoint.
void compare(const Json& before, const TrainRequest& request, const std::string& what) {
  if (request.config.empty() && !before.empty())
    throw ConfigError(what + " was made with settings that are kept there, and this request has none to compare with them; fill TrainRequest::config (stored_config reads what it was), or allow the change");
  std::string diff;
  for (const ConfigLine& line : request.config) {
    const bool known = before.contains(line.key) && before[line.key].is_string();
    const std::string was = known ? before[line.key].get<std::string>() : line.by_default;
    if (!line.may_change && was != line.value) diff += "\n  " + line.key + ": " + was + " -> " + line.value;
  }
  if (!diff.empty())
    throw ConfigError("not the settings that " + what + " was made with:" + diff + "\nto go on with the new ones: --allow-config-change; the result is then no longer that of one run");
}

/// A stream back to where it was. Throws ConfigError if its data are others now and that is not `allowed`.
void seek(Stream& stream, const Json& before, const std::string& what, bool allowed) {
  const auto images = before.at("images").get<int64_t>(), now = stream.data->size();
  if (images != now && !allowed)
    throw ConfigError("the data had " + std::to_string(images) + " pictures when " + what + " was made and has " + std::to_string(now) +
                      " now; --allow-config-change goes on all the same");
  if (before.at("fingerprint").get<std::string>() != stream.data->fingerprint() && !allowed)
    throw ConfigError("the data are not those that " + what + " was made with: files have other names, classes or weights; --allow-config-change goes on all the same");
  stream.cursor = {before.at("epoch").get<int64_t>(), before.at("position").get<int64_t>()};
  if (images != now) stream.cursor = {stream.cursor.epoch + 1, 0};
  stream.loader.seek(stream.cursor);
}

/// A checkpoint is something to go back to. Throws Error if one would hold a number that is not finite.
void expect_finite(const nn::Checkpoint& c) {
  for (const auto& [name, file] : c.files)
    for (const auto& [tensor, t] : file.tensors) {
      const std::vector<double> values = to_doubles(t);
      if (!std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); }))
        throw Error("no checkpoint is written: " + name + " " + tensor + " holds a number that is not finite, though no gradient does; where did the run begin?");
    }
}

}  // namespace

nn::Checkpoint Training::checkpoint(const TrainRequest& request, RunState state) const {
  nn::Checkpoint c;
  contest->save(c);
  expect_finite(c);
  Json config = Json::object(), sides = Json::array();
  for (const ConfigLine& line : request.config) config[line.key] = line.value;
  for (const Stream& s : streams)
    sides.push_back({{"images", s.data->size()}, {"fingerprint", s.data->fingerprint()}, {"epoch", s.cursor.epoch}, {"position", s.cursor.position}});
  const Json all = {{"weft", WEFT_VERSION}, {"step", contest->steps_done()}, {"images", contest->steps_done() * request.settings.batch}, {"seconds", state.seconds},
                    {"model", request.settings.model}, {"parameters_sha256", contest->parameters_sha256()}, {"device", context.describe()},
                    {"data", sides},
                    {"gauges", to_json(state.gauges)}, {"best", {{"step", state.best.step}, {"value", state.best.value}, {"since", state.since_best}}}, {"config", config}};
  c.state = all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return c;
}

RunState Training::restore(const nn::Checkpoint& c, const std::string& what, const TrainRequest& request, const std::function<void(const std::string&)>& note) {
  RunState state;
  try {
    const Json all = Json::parse(c.state);
    if (!all.at("config").is_object()) throw FormatError(what + "/state.json: config is no table");
    if (!request.allow_config_change) compare(all.at("config"), request, what);
    if (!all.at("data").is_array() || all["data"].size() != streams.size()) throw FormatError(what + "/state.json: data is no list of " + std::to_string(streams.size()));
    for (size_t i = 0; i < streams.size(); ++i) seek(streams[i], all["data"][i], what, request.allow_config_change);
    contest->load(c, what);
    contest->seek(all.at("step").get<int64_t>());
    fetched_ = false, failed_ = nullptr;
    state.seconds = all.at("seconds").get<double>();
    state.gauges = gauges_from(all.at("gauges"));
    state.best = {all.at("best").at("step").get<int64_t>(), all.at("best").at("value").get<double>()};
    state.since_best = all.at("best").value("since", int64_t{0});
    const auto device = all.at("device").get<std::string>(), version = all.at("weft").get<std::string>();
    if (device != context.describe())
      note("the checkpoint was made on another device (" + device + "; here " + context.describe() + "): the run goes on, but not to the same bits");
    else if (version != WEFT_VERSION)
      note("the checkpoint was made by weft " + version + ": the run goes on, but perhaps not to the same bits");
  } catch (const Json::exception& e) {
    throw FormatError(what + "/state.json: " + e.what());
  }
  return state;
}

}  // namespace weft::gan
