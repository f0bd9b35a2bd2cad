#include "weft/gan/run_contents.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "run_directory.h"

namespace weft::gan {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::streamsize most_bytes = 16 << 20;       // of run.json or state.json
constexpr size_t longest_line = 64 << 10;              // of log.jsonl

std::string text_of(const Json& object, const char* key) { return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : ""; }
int64_t number_of(const Json& object, const char* key) { return object.contains(key) && object[key].is_number_integer() ? object[key].get<int64_t>() : 0; }

RunContents::Log read_log(const fs::path& path) {
  RunContents::Log log;
  std::ifstream in(path, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    const Json entry = line.size() > longest_line ? Json() : Json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.contains("step") || !entry["step"].is_number()) {
      ++log.unreadable;
      continue;
    }
    const double step = entry["step"].get<double>();
    while (!log.steps.empty() && log.steps.back() >= step) {   // the run went back: what comes now stands for it
      log.steps.pop_back();
      for (auto& [name, values] : log.values) values.resize(std::min(values.size(), log.steps.size()));
      for (auto& [name, told] : log.told) told.resize(std::min(told.size(), log.steps.size()));
    }
    while (!log.alarms.empty() && log.alarms.back().first >= step) log.alarms.pop_back();
    if (entry.contains("alarms") && entry["alarms"].is_array())
      for (const Json& sentence : entry["alarms"])
        if (sentence.is_string()) log.alarms.emplace_back(step, sentence.get<std::string>());
    for (const auto& [name, value] : entry.items()) {
      if (name == "step" || (!value.is_number() && !value.is_null())) continue;
      std::vector<double>& values = log.values[name];
      std::vector<bool>& told = log.told[name];
      values.resize(log.steps.size(), NAN), told.resize(log.steps.size());
      told.push_back(true), values.push_back(value.is_number() ? value.get<double>() : NAN);   // JSON has no NaN: null stands for it
    }
    log.steps.push_back(step);
  }
  for (auto& [name, values] : log.values) values.resize(log.steps.size(), NAN), log.told[name].resize(log.steps.size());
  return log;
}

/// The number in "step-000500.png" or "step-000500"; -1 if it is none.
int64_t step_of(const std::string& name) {
  const size_t end = name.find_first_not_of("0123456789", 5);
  return name.rfind("step-", 0) == 0 && name.size() > 5 && end != 5 && name.size() < 30 ? std::strtoll(name.c_str() + 5, nullptr, 10) : -1;
}

uint64_t size_of(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code trouble;
  for (fs::directory_iterator entry(folder, trouble), end; !trouble && entry != end; entry.increment(trouble)) {
    const uint64_t size = entry->is_regular_file(trouble) ? entry->file_size(trouble) : 0;
    if (!trouble) bytes += size;
  }
  return bytes;
}

}  // namespace

Json read_json(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(size_t(most_bytes), '\0');
  in.read(text.data(), most_bytes);
  text.resize(size_t(in.gcount()));
  Json found = Json::parse(text, nullptr, false);
  return found.is_object() ? found : Json::object();
}

double RunContents::Log::last(const std::string& name) const {
  const auto it = values.find(name);
  return it == values.end() || it->second.empty() ? NAN : it->second.back();
}

std::string RunContents::setting(const std::string& key) const {
  for (const auto& [name, value] : config)
    if (name == key) return value;
  return "";
}

int64_t RunContents::steps() const {
  int64_t most = checkpoints.empty() ? 0 : checkpoints.back().step;
  if (!log.steps.empty() && log.steps.back() < 9e15) most = std::max(most, int64_t(log.steps.back()));
  return most;
}

bool is_run(const fs::path& folder) { return fs::exists(folder / "run.json") || fs::is_directory(folder / "checkpoints"); }

RunContents read_run(const fs::path& folder) {
  if (!fs::is_directory(folder) || !is_run(folder)) throw DataError(folder.string() + " is no run: it has neither run.json nor checkpoints/; `weft train` makes one");
  RunContents run;
  const Json about = read_json(folder / "run.json");
  if (about.contains("starts") && about["starts"].is_array())
    for (const Json& s : about["starts"])
      if (s.is_object()) run.starts.push_back({text_of(s, "command"), text_of(s, "device"), text_of(s, "weft"), text_of(s, "started"), number_of(s, "from_step")});
  if (about.contains("config") && about["config"].is_object())
    for (const auto& [key, value] : about["config"].items()) run.config.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  run.log = read_log(folder / "log.jsonl");

  std::error_code trouble;
  for (fs::directory_iterator entry(folder / "samples", trouble), end; !trouble && entry != end; entry.increment(trouble))
    if (const int64_t step = step_of(entry->path().filename().string()); step >= 0 && entry->path().extension() == ".png") run.sheets.push_back({step, entry->path()});
  std::sort(run.sheets.begin(), run.sheets.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
  const nn::Checkpoints all(folder / "checkpoints");
  for (const int64_t step : all.steps()) run.checkpoints.push_back({step, all.path(step), size_of(all.path(step))});
  if (!run.checkpoints.empty()) {
    const Json state = read_json(run.checkpoints.back().folder / "state.json");
    run.parameters_sha256 = text_of(state, "parameters_sha256");
    if (state.contains("best") && state["best"].is_object()) run.best_step = number_of(state["best"], "step");
  }
  return run;
}

}  // namespace weft::gan
