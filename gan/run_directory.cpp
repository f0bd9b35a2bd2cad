#include "run_directory.h"

#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "weft/gan/sheet.h"
#include "weft/tensor/durable_file.h"
#include "weft/tensor/sha256.h"

namespace weft::gan {
namespace fs = std::filesystem;
using nlohmann::ordered_json;

namespace {

std::string step_name(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "step-%06lld", static_cast<long long>(step));
  return name;
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw DataError("cannot read " + path.string() + ": " + std::strerror(errno));
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

void make_folder(const fs::path& path) {
  std::error_code e;
  fs::create_directories(path, e);
  if (e) throw IoError("cannot make the folder " + path.string() + ": " + e.message());
}

}  // namespace

RunDirectory::RunDirectory(const std::string& path, const std::string& config, const std::string& command, const std::string& device)
    : path_(fs::path(path)), command_(command) {
  if (path.empty()) throw ConfigError("where should the run go? give --out FOLDER");
  if (fs::exists(path_ / "run.json") || fs::exists(path_ / "checkpoints"))
    throw ConfigError(path + " holds another run; choose a new folder for --out, or remove that one");
  if (fs::exists(path_) && !fs::is_directory(path_)) throw IoError(path + " is a file, not a folder");
  make_folder(path_);
  make_folder(path_ / "samples");
  make_folder(path_ / "checkpoints");
  write_file_atomically(path_ / "config.toml", config);
  write_file_atomically(path_ / "run.json", ordered_json{{"weft", WEFT_VERSION}, {"command", command}, {"device", device}, {"started", utc_now()}}.dump(2) + "\n");
  log_.open(path_ / "log.jsonl");
  if (!log_) throw_io("write", path_ / "log.jsonl", errno);
}

void RunDirectory::log(int64_t step, double seconds, const Gauges& g) {
  log_ << ordered_json{{"step", step}, {"seconds", seconds}, {"loss_d", g.loss_d}, {"loss_g", g.loss_g}, {"d_real", g.d_real},
                       {"d_fake", g.d_fake}, {"d_fake_after", g.d_fake_after}, {"gradient_norm_d", g.gradient_norm_d},
                       {"gradient_norm_g", g.gradient_norm_g}}.dump()
       << std::endl;
  if (!log_) throw_io("write", path_ / "log.jsonl", errno);
}

std::string RunDirectory::write_samples(int64_t step, const Tensor& images) {
  const fs::path file = path_ / "samples" / (step_name(step) + ".png");
  write_png(file, to_sheet(images), {{"Software", std::string("weft ") + WEFT_VERSION}, {"weft.command", command_}, {"weft.step", std::to_string(step)}});
  return file.string();
}

void RunDirectory::save_checkpoint(int64_t step, const std::string& model, const ModelOptions& o, const Gan& gan, const std::string& parameters_sha256) {
  const fs::path all = path_ / "checkpoints", hidden = all / ("." + step_name(step)), final = all / step_name(step);
  fs::remove_all(hidden);
  make_folder(hidden);
  std::string sums;
  auto seal = [&](const std::string& name) { sums += sha256_of_file(hidden / name) + "  " + name + "\n"; };
  auto network = [&](const std::string& name, const nn::Module& module) {
    write_safetensors(hidden / (name + ".safetensors"), nn::state_dict(module), {{"network", name}, {"model", model}, {"weft", WEFT_VERSION}});
    seal(name + ".safetensors");
  };
  network("generator", gan.generator());
  network("discriminator", gan.discriminator());
  if (&gan.sampler() != &gan.generator()) network("generator.ema", gan.sampler());
  write_file_atomically(hidden / "state.json", ordered_json{{"step", step}, {"model", model}, {"size", o.size}, {"channels", o.channels}, {"width", o.width},
                                                 {"latent", o.latent}, {"parameters_sha256", parameters_sha256}}.dump(2) + "\n");
  seal("state.json");
  write_file_atomically(hidden / "SHA256SUMS", sums);
  fsync_directory(hidden);
  std::error_code e;
  fs::rename(hidden, final, e);
  if (e) throw IoError("cannot rename " + hidden.string() + " to " + final.string() + ": " + e.message());
  fsync_directory(all);
  write_file_atomically(all / "LATEST", step_name(step) + "\n");
}

TrainedGenerator load_generator(const std::string& run, const Context& context) {
  const size_t at = run.rfind('@');
  fs::path folder = fs::path(run);
  std::string step;
  if (at != std::string::npos && !fs::exists(folder)) folder = run.substr(0, at), step = run.substr(at + 1);
  if (!fs::is_directory(folder)) throw DataError("no run at " + folder.string() + "; `weft train` makes one");
  const fs::path all = folder / "checkpoints";
  if (!fs::exists(all / "LATEST")) throw DataError(folder.string() + " holds no checkpoint (yet): training has not saved one there");
  if (step.empty()) {
    step = read_text(all / "LATEST");
    while (!step.empty() && step.back() == '\n') step.pop_back();
  } else if (step.size() <= 18 && step.find_first_not_of("0123456789") == std::string::npos) {
    step = step_name(std::stoll(step));
  }
  const fs::path checkpoint = all / step;
  if (step.find('/') != std::string::npos || !fs::is_directory(checkpoint)) {
    std::string known;
    for (const auto& e : fs::directory_iterator(all)) if (e.is_directory() && e.path().filename().string()[0] != '.') known += " " + e.path().filename().string();
    throw DataError(folder.string() + " has no checkpoint '" + step + "'; there is:" + known);
  }
  TrainedGenerator trained;
  std::string model;
  try {
    const auto state = nlohmann::json::parse(read_text(checkpoint / "state.json"));
    state.at("model").get_to(model);
    trained.model = {state.at("size").get<int>(), state.at("channels").get<int>(), state.at("width").get<int>(), state.at("latent").get<int>()};
  } catch (const nlohmann::json::exception& e) {
    throw FormatError((checkpoint / "state.json").string() + ": " + e.what());
  }
  const ModelOptions& o = trained.model;
  if (o.size > 1024 || o.channels > 64 || o.width > 4096 || o.latent > 65536)
    throw FormatError((checkpoint / "state.json").string() + ": sizes beyond any network of this program");
  fs::path file = checkpoint / "generator.ema.safetensors";
  if (!fs::exists(file)) file = checkpoint / "generator.safetensors";
  trained.network = find_model(model).build(context, o).generator;
  nn::load_state_dict(*trained.network, read_safetensors(file).tensors, file.string());
  trained.checkpoint = checkpoint.string();
  trained.sha256 = sha256_of_file(file);
  return trained;
}

}  // namespace weft::gan
