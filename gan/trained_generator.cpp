// A generator read back: from a run, or from its file alone.
#include "run/run_directory.h"
#include "weft/gan/latent.h"
#include "weft/tensor/sha256.h"

namespace weft::gan {
namespace fs = std::filesystem;

TrainedGenerator load_generator(const std::string& run, const Context& context, const std::function<void(const std::string&)>& note) {
  fs::path file = run, folder = run;
  if (!fs::is_regular_file(file)) {
    folder = find_checkpoint(run, note);
    file = folder / "generator.ema.safetensors";
    if (!fs::exists(file)) file = folder / "generator.safetensors";
    if (!fs::exists(file)) throw FormatError(folder.string() + ": holds no generator that makes pictures from noise; `weft inspect " + run + "` shows what it is");
  }
  Safetensors content = read_safetensors(file);
  const std::string what = file.string();
  TrainedGenerator trained;
  trained.model = model_options_from(content.metadata, what);
  const Model& model = model_from(content.metadata, what);
  if (!model.build) throw FormatError(what + ": the model " + model.name + " makes no pictures from noise");
  trained.network = model.build(context, trained.model).generator;
  nn::load_state_dict(*trained.network, content.tensors, what);
  trained.checkpoint = folder.string();
  trained.sha256 = sha256_of_file(file);
  return trained;
}

Tensor TrainedGenerator::sample(int64_t count, uint64_t seed, const Tensor& labels) const {
  return pictures(latents(network->parameters().front().second->value.context(), count, model.latent, seed), labels);
}

Tensor TrainedGenerator::pictures(const Tensor& z, const Tensor& labels) const {
  return in_evaluation(*network, z, 64, labels ? labels : classes_in_turn(z.context(), z.size(0), model));
}

Styled* TrainedGenerator::styled() const { return dynamic_cast<Styled*>(network.get()); }

}  // namespace weft::gan
