// A generator read back: from a run, or from its file alone.
#include <charconv>

#include "run/run_directory.h"
#include "weft/tensor/sha256.h"

namespace weft::gan {
namespace {

namespace fs = std::filesystem;

/// Network sizes as the file's metadata tells them. The file may come from anybody.
int size_from(const Metadata& metadata, const std::string& key, int most, const std::string& what) {
  const auto entry = metadata.find(key);
  int value = 0;
  if (entry == metadata.end()) throw FormatError(what + ": its metadata lacks '" + key + "'; was it written by `weft train`?");
  const char* end = entry->second.data() + entry->second.size();
  const auto [read, error] = std::from_chars(entry->second.data(), end, value);
  if (error != std::errc() || read != end || value < 1 || value > most)
    throw FormatError(what + ": " + key + " = '" + entry->second + "' is beyond any network of this program");
  return value;
}

}  // namespace

TrainedGenerator load_generator(const std::string& run, const Context& context, const std::function<void(const std::string&)>& note) {
  fs::path file = run, folder = run;
  if (!fs::is_regular_file(file)) {
    folder = find_checkpoint(run, note);
    file = folder / "generator.ema.safetensors";
    if (!fs::exists(file)) file = folder / "generator.safetensors";
  }
  Safetensors content = read_safetensors(file);
  const std::string what = file.string();
  TrainedGenerator trained;
  trained.model = {size_from(content.metadata, "size", 1024, what), size_from(content.metadata, "channels", 64, what),
                   size_from(content.metadata, "width", 4096, what), size_from(content.metadata, "latent", 65536, what)};
  trained.network = find_model(content.metadata["model"]).build(context, trained.model).generator;
  nn::load_state_dict(*trained.network, content.tensors, what);
  trained.checkpoint = folder.string();
  trained.sha256 = sha256_of_file(file);
  return trained;
}

Tensor TrainedGenerator::sample(int64_t count, uint64_t seed) const {
  const Context context = network->parameters().front().second->value.context();
  return in_evaluation(*network, latents(context, count, model.latent, seed));
}

}  // namespace weft::gan
