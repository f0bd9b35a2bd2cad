#include "runs.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "processes.h"
#include "shelf.h"
#include "weft/gan/dataset.h"
#include "weft/gan/model.h"
#include "weft/gan/provenance.h"
#include "weft/gan/run_contents.h"

namespace weft::apps::studio {
namespace fs = std::filesystem;
namespace {

bool is_generator(const fs::path& file) {
  std::error_code none;
  return file.extension() == ".safetensors" && fs::is_regular_file(file, none);
}

/// What a run may be called that is begun here.
bool is_plain(const std::string& name) {
  return !name.empty() && name.size() <= 40 && name[0] != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == std::string::npos;
}

/// The process that trains into it, or that says what it does to this file; 0: none that may be seen.
pid_t trainer_of(const fs::path& held, const std::map<fs::path, pid_t>& all) {
  std::error_code none;
  const auto it = all.find(fs::canonical(held, none));
  return it == all.end() ? 0 : it->second;
}

std::string last_line(std::string text) {
  text.resize(text.find_last_not_of('\n') + 1);
  return text.substr(text.find_last_of('\n') + 1);
}

/// For a curve on a screen: the mean of every stretch.
Json thinned(const std::vector<double>& values) {
  constexpr size_t most = 240;
  const size_t each = (values.size() + most - 1) / most;
  Json all = Json::array();
  for (size_t i = 0; i < values.size(); i += std::max<size_t>(1, each)) {
    double sum = 0;
    int count = 0;
    for (size_t k = i; k < std::min(values.size(), i + each); ++k)
      if (std::isfinite(values[k])) sum += values[k], ++count;
    all.push_back(count ? Json(sum / count) : Json(nullptr));
  }
  return all;
}

/// Seconds until it is done, from the pace since it was last begun; negative: nobody knows.
double seconds_left(const gan::RunContents& run) {
  const double steps = std::strtod(run.setting("train.steps").c_str(), nullptr), minutes = std::strtod(run.setting("train.minutes").c_str(), nullptr);
  const auto times = run.log.values.find("seconds");
  if (times == run.log.values.end() || run.log.steps.size() < 2) return -1;
  const size_t last = run.log.steps.size() - 1, before = last > 10 ? last - 10 : 0;
  const double pace = (times->second[last] - times->second[before]) / (run.log.steps[last] - run.log.steps[before]);
  double left = steps > 0 ? std::max(0.0, (steps - run.log.steps[last]) * pace) : -1;
  if (minutes > 0) left = left < 0 ? std::max(0.0, 60 * minutes - times->second[last]) : std::min(left, std::max(0.0, 60 * minutes - times->second[last]));
  return std::isfinite(left) ? left : -1;
}

}  // namespace

Json Runs::summary(const fs::path& path) const {
  std::error_code none;
  const auto changed = [&](const char* part) { return std::to_string(fs::last_write_time(path / part, none).time_since_epoch().count()) + " "; };
  const std::string stamp = changed("log.jsonl") + changed("samples") + changed("checkpoints") + changed("run.json");
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = known_.find(path); it != known_.end() && it->second.stamp == stamp) return it->second.summary;
  }
  const gan::RunContents run = gan::read_run(path);
  bool generates = false;
  for (const gan::Model& model : gan::models())
    generates = generates || (run.setting("model.name") == model.name && model.build && model.feed == gan::Feed::pictures && run.setting("model.size") != "1");
  generates = generates && !run.checkpoints.empty() && fs::exists(run.checkpoints.back().folder / "generator.safetensors", none);
  const Json told = {{"name", path.filename().string()}, {"model", run.setting("model.name")}, {"data", run.setting("data.source")}, {"steps", run.steps()}, {"generates", generates},
                     {"sheet", run.sheets.empty() ? Json(nullptr) : Json(run.sheets.back().step)}};
  const std::lock_guard lock(mutex_);
  known_[path] = {stamp, told};
  return told;
}

Json Runs::list() const {
  Json all = Json::array();
  const std::map<fs::path, pid_t> at_work = trainers();
  std::vector<fs::path> found;
  std::error_code trouble;
  for (fs::directory_iterator entry(folder_, trouble), end; !trouble && entry != end; entry.increment(trouble)) found.push_back(entry->path());
  std::sort(found.begin(), found.end());
  for (const fs::path& path : found) {
    const std::string name = path.filename().string();
    if (name[0] == '.' || !gan::is_utf8(name)) continue;
    std::error_code none;
    if (is_generator(path)) all.push_back({{"name", name}, {"model", "generator"}, {"steps", 0}, {"running", false}, {"generates", true}});
    if (!fs::is_directory(path, none) || !gan::is_run(path)) continue;
    Json told = summary(path);
    told["running"] = trainer_of(path, at_work) != 0;
    all.push_back(told);
  }
  return all;
}

fs::path Runs::find(const std::string& name) const {
  std::error_code trouble;
  for (fs::directory_iterator entry(folder_, trouble), end; !trouble && entry != end; entry.increment(trouble))
    if (entry->path().filename().string() == name && name[0] != '.' && (is_generator(entry->path()) || (entry->is_directory(trouble) && gan::is_run(entry->path())))) return entry->path();
  throw DataError("there is no run '" + name + "' here");
}

Json Runs::watch(const std::string& name) const {
  Json told = {{"name", name}};
  const std::string text = is_plain(name) ? read_whole(said(name)) : "";
  told["said"] = text.size() > 2000 ? text.substr(text.size() - 2000) : text;
  if (is_plain(name) && fs::exists(said(name)) && !gan::is_run(folder_ / name)) {      // begun, and not there yet; or not any more
    if (!trainer_of(said(name), trainers())) told["error"] = "there is no run '" + name + "', and its process has ended: " + last_line(text);
    return told;
  }
  const fs::path folder = find(name);
  const gan::RunContents run = gan::read_run(folder);
  Json curves = Json::object(), last = Json::object(), alarms = Json::array(), sheets = Json::array();
  for (const auto& [key, values] : run.log.values) {
    if (key != "seconds") curves[key] = thinned(values);
    const auto finite = std::find_if(values.rbegin(), values.rend(), [](double v) { return std::isfinite(v); });     // measures come now and then
    if (finite != values.rend()) last[key] = *finite;
  }
  for (const auto& [step, sentence] : run.log.alarms) alarms.push_back({{"step", step}, {"text", sentence}});
  for (const auto& sheet : run.sheets) sheets.push_back(sheet.step);
  const auto setting = [&](const char* key) { return run.setting(key); };
  const Json more = {{"model", setting("model.name")}, {"data", setting("data.source")}, {"total", std::strtoll(setting("train.steps").c_str(), nullptr, 10)},
                     {"minutes", std::strtod(setting("train.minutes").c_str(), nullptr)}, {"step", run.steps()}, {"running", trainer_of(folder, trainers()) != 0}, {"left", seconds_left(run)},
                     {"steps", thinned(run.log.steps)}, {"curves", curves}, {"last", last}, {"alarms", alarms}, {"sheets", sheets}, {"checkpoints", run.checkpoints.size()},
                     {"command", run.starts.empty() ? "" : run.starts.back().command}};
  told.update(more);
  return told;
}

std::string Runs::sheet(const std::string& name, int64_t step) const {
  for (const auto& sheet : gan::read_run(find(name)).sheets)
    if (sheet.step == step) return gan::encode_png(gan::read_image(sheet.file));
  throw DataError("this run has no sheet of step " + std::to_string(step));
}

Json Runs::choices() {
  Json models = Json::array(), data = Json::array();
  for (const gan::Model& model : gan::models())
    if (model.build && model.feed == gan::Feed::pictures && std::string(model.name) != "mlp") models.push_back({{"name", model.name}, {"what", model.what}});
  for (const gan::NamedData& set : gan::kNamedData)
    if ((!*set.folder || fs::is_directory(set.folder)) && std::string(set.name).find_first_of("0123456789") == std::string::npos) data.push_back({{"name", set.name}, {"what", set.what}});
  return {{"models", models}, {"data", data}};
}

Json Runs::begin(const Json& asked) const {
  const std::string name = asked.at("name");
  if (!is_plain(name)) throw ConfigError("a run's name has letters, digits, _ and then -, and at most 40 of them");
  if (fs::exists(folder_ / name)) throw ConfigError("there is something called '" + name + "' already; choose another name");
  const Json known = choices();
  const auto one_of = [&](const char* key, const char* list) {
    const std::string wanted = asked.at(key);
    for (const Json& each : known.at(list))
      if (each["name"] == wanted) return wanted;
    throw ConfigError(std::string("there is no ") + key + " '" + wanted + "' to be had here");
  };
  const auto whole = [&](const char* key, int64_t otherwise) { return std::to_string(asked.value(key, otherwise)); };
  std::vector<std::string> words = {"train", one_of("model", "models"), "--data", one_of("data", "data"), "--out", (folder_ / name).string(), "--size", whole("size", 32), "--width", whole("width", 32), "--seed", whole("seed", 0)};
  if (const int64_t minutes = asked.value("minutes", int64_t{0}); minutes > 0) words.insert(words.end(), {"--minutes", std::to_string(minutes)});
  else words.insert(words.end(), {"--steps", whole("steps", 1600)});
  words.insert(words.end(), {"--samples-every", whole("samples_every", 100), "--checkpoint-every", whole("checkpoint_every", 200)});
  if (const std::string way = asked.value("condition", "none"); way == "concat" || way == "projection") words.insert(words.end(), {"--set", "model.condition=" + way});
  return {{"name", name}, {"command", start_weft(words, said(name))}};
}

void Runs::pause(const std::string& name) const {
  const fs::path run = find(name);
  const pid_t process = trainer_of(run, trainers());
  if (process == 0 || kill(process, SIGTERM) != 0) throw DataError("nobody who could be asked is training '" + name + "' now");
}

Json Runs::go_on(const std::string& name, int64_t steps) const {
  const fs::path run = find(name);
  for (int waited = 0; trainer_of(run, trainers()); ++waited) {      // one that was asked to end may be about to
    if (waited == 50) throw ConfigError("'" + name + "' is being trained already");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  std::vector<std::string> words = {"train", "--resume", "--out", run.string()};
  if (steps > 0) words.insert(words.end(), {"--steps", std::to_string(steps)});
  return {{"name", name}, {"command", start_weft(words, said(name))}};
}

}  // namespace weft::apps::studio
