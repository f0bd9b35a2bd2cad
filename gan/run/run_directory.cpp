#include "run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

#include "weft/gan/provenance.h"
#include "weft/gan/sheet.h"

namespace weft::gan {
namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

/// As JSON whatever the bytes: a path need not be UTF-8.
std::string dump(const ordered_json& object, int indent) { return object.dump(indent, ' ', false, ordered_json::error_handler_t::replace) + "\n"; }

/// Where in log.jsonl the first line begins that is torn, or of a later step.
uint64_t length_up_to(const fs::path& log, int64_t step) {
  std::ifstream in(log, std::ios::binary);
  uint64_t length = 0;
  for (std::string line; std::getline(in, line) && !in.eof(); length += line.size() + 1) {
    const auto entry = ordered_json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.contains("step") || !entry["step"].is_number_integer() || entry["step"].get<int64_t>() > step) break;
  }
  return length;
}

/// The same name for TensorBoard, which draws together what stands before the slash: "loss_d" is "loss/d".
std::string tag_of(const std::string& name) {
  for (const std::string group : {"loss_", "d_", "gradient_norm_"})
    if (name.rfind(group, 0) == 0) return group.substr(0, group.size() - 1) + "/" + name.substr(group.size());
  return name;
}

}  // namespace

RunDirectory::RunDirectory(const TrainRequest& request, const std::string& version)
    : path_(request.settings.out), request_(request), version_(version), checkpoints_(path_ / "checkpoints") {
  const std::string& out = request.settings.out;
  if (out.empty()) throw ConfigError("where should the run go? give --out FOLDER");
  if (!request.resume && (is_there(path_ / "run.json") || is_there(path_ / "checkpoints")))
    throw ConfigError(out + " holds another run; go on with it by --resume, choose a new folder for --out, or remove that one");
  if (is_there(path_) && !is_folder(path_)) throw IoError(out + " is a file, not a folder");
}

void RunDirectory::take() {
  make_directories(path_);
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(lock_);
    throw ConfigError("another process is training into " + path_.string() + "; let it end, or stop it, first");
  }
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

void RunDirectory::begin(int64_t from, const std::string& device) {
  for (const char* folder : {"", "samples", "checkpoints"}) {
    make_directories(path_ / folder);
    remove_leftovers(path_ / folder, {".weft-"});
  }
  checkpoints_.remove_leftovers();
  write_file_atomically(path_ / "config.toml", request_.config_toml);

  const ordered_json start = {{"weft", version_}, {"command", request_.command}, {"device", device}, {"started", utc_now()}, {"from_step", from}};
  ordered_json starts = ordered_json::array();
  if (const ordered_json before = read_json(path_ / "run.json"); from > 0 && before.contains("starts") && before["starts"].is_array()) starts = before["starts"];
  starts.push_back(start);
  ordered_json config = ordered_json::object();
  for (const ConfigLine& line : request_.config) config[line.key] = line.value;
  write_file_atomically(path_ / "run.json", dump({{"config", config}, {"starts", starts}}, 2));

  const fs::path log = path_ / "log.jsonl";
  if (is_there(log)) truncate_file(log, from > 0 ? length_up_to(log, from) : 0);
  log_ = std::make_unique<DurableFile>(log, DurableFile::Mode::append);
  events_ = std::make_unique<EventFile>(path_, from);
}

void RunDirectory::log(int64_t step, double seconds, double images_per_second, const Gauges& g, const std::vector<std::string>& alarms) {
  ordered_json line = {{"step", step}, {"seconds", seconds}};
  const auto put = [&](const std::string& name, double value) {
    line[name] = value;
    events_->scalar(tag_of(name), step, value);
  };
  for (const auto& [name, value] : g.values) put(name, value);
  put("images_per_second", images_per_second);
  if (!alarms.empty()) line["alarms"] = alarms;
  log_->write(dump(line, -1));
}

std::string RunDirectory::write_samples(int64_t step, const Contest::Sheet& samples) {
  const TrainSettings& s = request_.settings;
  const Image sheet = to_sheet(samples.images, samples.columns);
  const std::string png = encode_png(sheet, provenance(request_.command, {{"step", std::to_string(step)}, {"seed", std::to_string(s.seed)}, {"data", s.data}}));
  write_file_atomically(sample_sheet(step), png);
  events_->image("samples", step, png, sheet.height, sheet.width, sheet.channels);
  return sample_sheet(step);
}

fs::path find_checkpoint(const std::string& source, const std::function<void(const std::string&)>& note) {
  fs::path folder = source;
  std::string step;
  const size_t at = source.rfind('@');
  if (at != std::string::npos && !is_there(folder)) folder = source.substr(0, at), step = source.substr(at + 1);
  if (!is_folder(folder)) throw DataError("no run at " + folder.string() + "; `weft train` makes one");
  if (is_there(folder / "SHA256SUMS")) {
    const std::string fault = nn::checkpoint_fault(folder);
    if (!fault.empty()) throw FormatError(folder.string() + " is not whole: " + fault);
    return folder;
  }
  const nn::Checkpoints all(folder / "checkpoints");
  std::string known;
  for (const int64_t s : all.steps()) known += " " + nn::checkpoint_name(s);
  if (known.empty()) throw DataError(folder.string() + " holds no checkpoint (yet): training has not saved one there");
  if (step.empty()) {
    const auto newest = all.newest_whole(note);
    if (!newest) throw FormatError(folder.string() + ": none of its checkpoints is whole; `weft verify` says what is wrong with each");
    return all.path(*newest);
  }
  if (step.rfind("step-", 0) == 0) step = step.substr(5);
  const bool number = !step.empty() && step.size() <= 18 && step.find_first_not_of("0123456789") == std::string::npos;
  if (!number || !is_folder(all.path(std::stoll(step)))) throw DataError(folder.string() + " has no checkpoint '" + step + "'; there is:" + known);
  return find_checkpoint(all.path(std::stoll(step)).string(), note);
}

std::vector<ConfigLine> stored_config(const std::string& run) {
  std::vector<ConfigLine> lines;
  auto take = [&](const fs::path& path) {
    const ordered_json found = read_json(path);
    if (!found.contains("config") || !found["config"].is_object()) return;
    for (const auto& [key, value] : found["config"].items())
      if (value.is_string()) lines.push_back({key, value.get<std::string>()});
  };
  take(fs::path(run) / "run.json");
  const nn::Checkpoints all(fs::path(run) / "checkpoints");
  if (const auto newest = lines.empty() ? all.newest_whole({}) : std::nullopt) take(all.path(*newest) / "state.json");
  return lines;
}

}  // namespace weft::gan
