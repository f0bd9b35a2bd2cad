#include "weft/gan/step_trace.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "data/drawing.h"
#include "run/run_directory.h"
#include "training.h"
#include "weft/tensor/random_stream.h"
#include "weft/tensor/trace.h"

namespace weft::gan {
namespace {

/// Pictures of nothing, for a step whose data are gone: every number uniform in [-1, 1].
class Noise : public Dataset {
 public:
  Noise(const ModelOptions& m, int channels, const std::vector<std::string>& classes) {
    const Size2 sides = m.sides(m.size);
    size_ = 4096, side_ = sides.h, across_ = sides.w, channels_ = channels, classes_ = classes, units_ = m.units;
    if (!classes.empty())
      for (int64_t i = 0; i < size_; ++i) labels_.push_back(int(i % int64_t(classes.size())));
  }
  int read(int64_t i, float* out) override {
    Dice dice(stream_key(0, "noise"), i);
    for (int64_t k = 0; k < int64_t(height()) * width() * channels_; ++k) out[k] = dice.in(-1, 1);
    return labels_.empty() ? 0 : labels_[size_t(i)];
  }
};

std::vector<Split> stand_ins(const ModelOptions& m, Feed feed) {
  const auto noise = [&](int channels, const std::vector<std::string>& classes) { return Split{std::make_shared<Noise>(m, channels, classes), nullptr}; };
  if (feed == Feed::pairs) return {noise(2 * m.channels, {})};
  if (feed == Feed::sides) return {noise(m.channels, {}), noise(m.channels, {})};
  if (feed == Feed::styles) return {noise(m.channels, {}), noise(m.channels, m.styles)};
  return {noise(m.channels, m.conditions())};
}

/// The settings' own data if they are there, else stand-ins with the form that the checkpoint's networks were made for.
Training open(const TrainSettings& s, const std::filesystem::path& folder, const nn::Checkpoint& checkpoint, std::string& data, const std::function<void(const std::string&)>& note) {
  data = s.data;
  std::string trouble;
  try {
    return Training(s, note);
  } catch (const DataError& e) {
    trouble = e.what();
  } catch (const ConfigError& e) {       // a folder that is gone may also be no folder of what was asked for
    trouble = e.what();
  }
  note(trouble + "\nnoise of the same form takes its place");
  data = "noise";
  TrainSettings on_noise = s;
  on_noise.held_out = 0, on_noise.most = 0;
  const auto& [name, file] = *checkpoint.files.begin();
  OwnParts own;
  own.data = stand_ins(model_options_from(file.metadata, (folder / name).string()), find_model(s.model).feed);
  return Training(on_noise, note, own);
}

int64_t step_of(const nn::Checkpoint& checkpoint, const std::filesystem::path& folder) {
  const auto state = nlohmann::json::parse(checkpoint.state, nullptr, false);
  if (!state.is_object() || !state.contains("step") || !state["step"].is_number_integer()) throw FormatError(folder.string() + "/state.json: it does not say which step it is of");
  return state["step"].get<int64_t>();
}

/// The next step that is penalised and in which the generator moves, or one of the two where no step is both.
int64_t fullest_step(const TrainSettings& s, int64_t after) {
  constexpr int64_t kFarthest = 1000000;
  int64_t fullest = after;
  int most = -1;
  for (int64_t step = after + 1; most < 2 && step <= after + std::min(kFarthest, int64_t(s.penalty_every) * s.d_steps); ++step) {
    const int does = int((step - 1) % s.penalty_every == 0) + int(step % s.d_steps == 0);
    if (does > most) most = does, fullest = step;
  }
  return fullest;
}

const char* pass_of(const Trace::Row& row) {
  for (const std::string& phase : row.phases)
    if (phase == "backward" || phase == "update") return phase == "update" ? "update" : "backward";
  return "forward";
}

std::string part_of(const Trace::Row& row) {
  if (row.phases.empty()) return "data";
  std::string part = "step";
  for (const std::string& phase : row.phases)
    if (phase != "training step" && phase != "backward" && phase != "update") part = phase;
  return part;
}

std::vector<StepTrace::Row> told(const std::vector<Trace::Row>& rows) {
  std::map<uint64_t, std::string> rules;     // what the derivative of a node took
  for (const Trace::Row& row : rows) {
    std::string& rule = rules[row.rule_of];
    if (row.rule_of && (", " + rule + ",").find(", " + row.op + ",") == std::string::npos) rule += (rule.empty() ? "" : ", ") + row.op;
  }
  std::vector<StepTrace::Row> all;
  for (const Trace::Row& row : rows) {
    StepTrace::Row one{part_of(row), pass_of(row), row.operation, row.op, row.sizes, row.kernels, "", row.bytes, row.flops, row.seconds};
    if (one.sizes.rfind(' ', 0) == 0) one.sizes.erase(0, 1);
    if (row.rule_of) one.derivative = "of " + row.rule_name;
    if (row.node && !rules[row.node].empty()) one.derivative += (one.derivative.empty() ? "" : "; ") + rules[row.node];
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

StepTrace trace_step(const TrainSettings& settings, const std::string& run, const std::function<void(const std::string&)>& note) {
  const std::filesystem::path folder = find_checkpoint(run, note);
  const nn::Checkpoint checkpoint = nn::read_checkpoint(folder);
  TrainSettings s = settings;
  s.capture = "off", s.init_from.clear();
  StepTrace result;
  Training training = open(s, folder, checkpoint, result.data, note);
  training.contest->load(checkpoint, folder.string());
  training.contest->seek(step_of(checkpoint, folder));

  result.model = s.model, result.device = training.context.describe(), result.weights = folder.string(), result.batch = s.batch;
  training.step();                       // fills caches, and libraries make their plans
  result.step = fullest_step(s, training.contest->steps_done());
  training.contest->seek(result.step - 1);
  training.step();                       // steps of its kind may need more than the one before
  training.contest->seek(result.step - 1);
  {
    const Trace trace(training.context);
    training.step();
    result.rows = told(trace.rows());
  }
  result.seconds = training.seconds_a_step(result.step);         // again, without anybody looking on
  return result;
}

}  // namespace weft::gan
