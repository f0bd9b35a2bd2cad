#include "weft/gan/translator.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "run/run_directory.h"
#include "weft/gan/contest.h"
#include "weft/gan/sheet.h"
#include "weft/gan/translation.h"
#include "weft/tensor/sha256.h"

namespace weft::gan {
namespace fs = std::filesystem;
namespace {

/// Of a run the checkpoint that did best by run.keep_best, which the newest one names; of all else what find_checkpoint() finds.
fs::path best_checkpoint(const std::string& run, const std::function<void(const std::string&)>& note) {
  const fs::path newest = find_checkpoint(run, note), all = newest.parent_path();
  if (all != fs::path(run) / "checkpoints") return newest;
  const nlohmann::ordered_json state = read_json(newest / "state.json");
  const int64_t step = state.contains("best") ? state["best"].value("step", int64_t(0)) : 0;
  const fs::path best = all / nn::checkpoint_name(step);
  return step > 0 && fs::is_directory(best) && nn::checkpoint_fault(best).empty() ? best : newest;
}

}  // namespace

Translator::Translator(const std::string& run, const Context& context, bool back, const std::function<void(const std::string&)>& note) : context_(context) {
  fs::path file = run;
  checkpoint_ = run;
  bool turn = false;                     // one network goes both ways
  if (!fs::is_regular_file(file)) {
    const fs::path folder = best_checkpoint(run, note);
    checkpoint_ = folder.string();
    turn = back && !fs::exists(folder / "generator_back.safetensors");
    const std::string name = back && !turn ? "generator_back" : "generator";
    file = folder / (name + ".ema.safetensors");
    if (!fs::exists(file)) file = folder / (name + ".safetensors");
    if (!fs::exists(file)) throw ConfigError(run + " holds no network called " + name + "; its model makes no pictures");
  }
  Safetensors content = read_safetensors(file);
  const Model& model = model_from(content.metadata, file.string());
  if (model.feed == Feed::pictures)
    throw ConfigError(run + " was trained as " + model.name + ", which makes pictures from noise: `weft generate` draws them. `weft list models` shows those that translate");
  model_ = model_options_from(content.metadata, file.string());
  network_ = model.build(context, model_).generator;
  if (turn && !dynamic_cast<ImageGenerator&>(*network_).turn_back()) throw ConfigError(run + " was trained as " + model.name + ", which learns one way only; leave out --back");
  nn::load_state_dict(*network_, content.tensors, file.string());
  sha256_ = sha256_of_file(file);
}

Tensor Translator::operator()(const Tensor& pictures, const TranslateOptions& o) const {
  if (!(o.strength >= 0 && o.strength <= 1)) throw ConfigError("strength = " + std::to_string(o.strength) + "; 0 is the picture itself, 1 the whole translation");
  const size_t count = model_.styles.size();
  if (count <= 1 && !o.styles.empty() && !(count == 1 && o.styles.size() == 1 && o.styles[0].first == model_.styles[0]))
    throw ConfigError("this network holds one style only" + std::string(count ? ", '" + model_.styles[0] + "'" : "") + "; leave out --style");
  if (count > 1) {
    std::vector<float> which(count);
    double sum = 0;
    for (const auto& [name, weight] : o.styles) {
      size_t i = 0;
      while (i < count && model_.styles[i] != name) ++i;
      if (i == count) throw ConfigError("this network has no style '" + name + "'" + suggestion(name, model_.styles) + "; it has " + listed(model_.styles));
      if (!(weight >= 0)) throw ConfigError("style " + name + " has the weight " + std::to_string(weight) + "; weights are not negative");
      which[i] += float(weight);
      sum += weight;
    }
    if (o.styles.empty()) which[0] = 1, sum = 1;
    if (!(sum > 0)) throw ConfigError("the weights of all styles are 0");
    for (float& w : which) w = float(w / sum);
    dynamic_cast<ResnetGenerator&>(*network_).set_style(context_.from(which, {1, int64_t(count)}));
  }
  const NoGraph scope(context_);
  network_->set_training(false);
  if (o.strength == 0) return pictures;
  const Tensor made = at_any_size(dynamic_cast<ImageGenerator&>(*network_), pictures);
  return o.strength == 1 ? made : lerp(pictures, made, context_.constant(o.strength));
}

Image Translator::operator()(const Image& picture, const TranslateOptions& o) const {
  const Image in = with_channels(picture, model_.channels);
  Image out = to_image((*this)(to_tensor(context_, in), o), 0);
  take_alpha(out, in);
  return out;
}

}  // namespace weft::gan
