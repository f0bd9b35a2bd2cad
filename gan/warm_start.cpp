#include "warm_start.h"

#include <fnmatch.h>

#include <algorithm>

#include "run/run_directory.h"

namespace weft::gan {
namespace {

/// Which names a list of patterns picks. Throws for a pattern that picks none.
class Picked {
 public:
  Picked(const char* setting, const std::string& patterns, const NamedNetworks& networks) : patterns_(parts_of(patterns, ',')) {
    std::vector<std::string> all;
    for (const auto& [network, module] : networks)
      for (const auto& [name, p] : module->parameters()) all.push_back(network + "." + name);
    for (const std::string& pattern : patterns_)
      if (std::none_of(all.begin(), all.end(), [&](const std::string& name) { return matches(pattern, name); }))
        throw ConfigError(std::string(setting) + ": no parameter is called '" + pattern + "'; there are " + all.front() + " to " + all.back() +
                          ", and * stands for any text, as in generator.main.0.*" + suggestion(pattern, all));
  }
  bool operator()(const std::string& name) const {
    return std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& p) { return matches(p, name); });
  }

 private:
  static bool matches(const std::string& pattern, const std::string& name) { return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0; }
  std::vector<std::string> patterns_;
};

}  // namespace

void begin_from(const InitFrom& from, const NamedNetworks& networks) {
  if (from.what.empty()) return;
  const bool fitting = from.layers == "fitting", all = from.layers.empty();
  const Picked picked("init.layers", all || fitting ? "" : from.layers, networks);
  std::string wrong, afresh, own, other;
  int64_t loaded = 0;
  for (const auto& [network, module] : networks) {
    const auto file = from.checkpoint.files.find(network);
    own += (own.empty() ? "" : ", ") + network;
    if (file == from.checkpoint.files.end()) {
      afresh += (afresh.empty() ? "" : ", ") + network;
      continue;
    }
    HostTensors tensors = file->second.tensors;
    if (all || fitting) {
      const std::string list = nn::mismatches(*module, tensors);
      if (!list.empty()) wrong += "\n" + network + ":" + list;
    } else {                                 // what is picked must be there and fit; the rest does not matter
      for (const auto& [name, p] : module->parameters()) {
        const auto it = tensors.find(name);
        if (!picked(network + "." + name)) tensors.erase(name);
        else if (it == tensors.end()) wrong += "\n  missing:    " + network + "." + name;
        else if (it->second.shape != nn::to_disk(*p, p->value).shape) wrong += "\n  misshapen:  " + network + "." + name + " is " + shape_text(it->second.shape);
      }
    }
    if (wrong.empty() || fitting) loaded += nn::load_matching(*module, tensors);
  }
  if (own == afresh) {
    for (const auto& [network, file] : from.checkpoint.files) other += (other.empty() ? "" : ", ") + network;
    throw FormatError(from.what + " holds " + (other.empty() ? "no network" : other) + ", and what is to begin from it are " + own);
  }
  if (!afresh.empty() && from.note) from.note(from.what + " holds no " + afresh + "; what it does not hold begins afresh");
  if (wrong.empty()) return;
  if (!fitting) throw FormatError(from.what + " does not fit the networks:" + wrong + "\nto take what fits: --set init.layers=fitting, or name layers, as in init.layers='generator.main.3.*'");
  if (from.note) from.note("from " + from.what + ": took " + std::to_string(loaded) + " tensors; left out:" + wrong);
}

void freeze(const std::string& patterns, const NamedNetworks& networks) {
  const Picked picked("train.freeze", patterns, networks);
  for (const auto& [network, module] : networks) {
    bool moves = false;
    for (const auto& [name, p] : module->parameters()) {
      p->frozen = p->trainable && picked(network + "." + name);
      moves = moves || (p->trainable && !p->frozen);
    }
    if (!moves) throw ConfigError("train.freeze = '" + patterns + "' leaves nothing of the " + network + " to train");
  }
}

nn::Checkpoint read_networks(const std::string& source, const std::function<void(const std::string&)>& note) {
  if (std::filesystem::is_regular_file(source)) {
    Safetensors file = read_safetensors(source);
    const auto named = file.metadata.find("network");
    const std::string network = named == file.metadata.end() ? "generator" : named->second.substr(0, named->second.rfind(".ema"));
    nn::Checkpoint taken;
    taken.files[network] = {std::move(file.tensors), std::move(file.metadata)};
    return taken;
  }
  nn::Checkpoint all = nn::read_checkpoint(find_checkpoint(source, note));
  for (auto file = all.files.begin(); file != all.files.end();) {              // averages and optimisers are of the run that was
    const bool network = file->first.find(".optimizer") == std::string::npos && file->first.find(".ema") == std::string::npos;
    file = network ? std::next(file) : all.files.erase(file);
  }
  return all;
}

}  // namespace weft::gan
