// What every contest does around its step.
#include "weft/gan/contest.h"

#include <algorithm>
#include <cmath>

#include "warm_start.h"

namespace weft::gan {

double Gauges::operator[](const std::string& name) const {
  for (const auto& [known, value] : values)
    if (known == name) return value;
  return NAN;
}

Contest::Contest(const Context& context, const Model& model, const GanOptions& options, std::vector<Player> players)
    : context_(context), model_(model.name ? model.name : ""), options_(options), players_(std::move(players)) {
  NamedNetworks all;
  for (const Player& p : players_) {
    nn::initialise(*p.network, options.init, options.seed, p.name);
    all.emplace_back(p.name, p.network.get());
  }
  begin_from(options.init_from, all);
  options_.init_from = {};               // taken; it would only hold memory
  freeze(options.freeze, all);
  for (const Player& p : players_) {
    State s;
    s.arena = std::make_unique<nn::Arena>(*p.network);
    s.optimizer = std::make_unique<nn::Optimizer>(*s.arena, p.learning, int(states_.size()));
    if (p.average) {
      s.average_arena = std::make_unique<nn::Arena>(*p.average);
      s.ema = std::make_unique<nn::Ema>(*s.arena, *s.average_arena, options.ema);
    }
    states_.push_back(std::move(s));
  }
}

void Contest::step(const Tensors& batch) {
  const Range phase(context_, "training step");
  context_.step_state().step = uint64_t(++step_);
  for (size_t i = 0; i < states_.size(); ++i) {
    if (!moves(i)) continue;
    states_[i].optimizer->prepare(step_ - 1);
    if (states_[i].ema) states_[i].ema->prepare(ema_decay());
  }
  prepare(batch);
  context_.publish_step_state();

  const bool wanted = options_.capture == CaptureSteps::on || (options_.capture == CaptureSteps::automatic && context_.device() == std::string("cuda"));
  const auto same = [](const Tensor& a, const Tensor& b) { return a && b ? a.storage() == b.storage() && a.offset() == b.offset() : !a && !b; };
  if (!std::equal(batch.begin(), batch.end(), batch_.begin(), batch_.end(), same)) {
    for (auto& [which, recorded] : kinds_) recorded.step = {}, recorded.ran = false;
    batch_ = batch;
  }
  Kind& now = kinds_[kind()];
  if (!wanted || !now.ran) {
    now.ran = true;
    return play(batch);
  }
  if (!now.step) now.step = context_.capture([this, &batch] { play(batch); });
  now.step.replay();
}

/// An average that remembers half of what it was after h updates has the decay 0.5^(1/h).
double Contest::ema_decay() const {
  if (options_.ema_ramp == 0) return options_.ema;
  const double h = -1 / std::log2(options_.ema), young = options_.ema_ramp * double(step_ - 1) / options_.d_steps;
  return young >= h ? options_.ema : young > 0 ? std::exp2(-1 / young) : 0;
}

void Contest::gradient(const std::vector<size_t>& players, const Tensor& loss, KeepGraph keep) {
  const Range phase(context_, players_[players[0]].name.c_str());
  Tensors leaves, windows;
  for (const size_t player : players) {
    const nn::Arena& arena = *states_[player].arena;
    for (const Tensor& t : arena.leaves()) leaves.push_back(t);
    for (const Tensor& t : arena.windows()) windows.push_back(t);
  }
  backward(loss, leaves, windows, keep);
}

void Contest::update(size_t player) {
  if (only_looking_) return;
  const Range phase(context_, players_[player].name.c_str());
  states_[player].optimizer->step();
  tell("gradient_norm_" + players_[player].name, states_[player].optimizer->gradient_norm());
  if (states_[player].ema) states_[player].ema->update();
}

void Contest::tell(const std::string& name, const Tensor& value, As as) {
  if (only_looking_) return;
  std::vector<Told>& told = kinds_[kind()].told;
  for (Told& t : told)
    if (t.name == name) return void(t.value = value.detach());
  told.push_back({name, value.detach(), as});
}

Gauges Contest::gauges() const {
  const NoGraph scope(context_);
  Gauges all;
  const auto add = [&](const Kind& kind) {
    for (const Told& t : kind.told)
      if (std::none_of(all.values.begin(), all.values.end(), [&](const auto& known) { return known.first == t.name; }))
        all.values.emplace_back(t.name, mean(t.as == As::probability ? sigmoid(t.value) : t.value).item());
  };
  if (const auto last = kinds_.find(kind()); last != kinds_.end()) add(last->second);
  for (const auto& [which, other] : kinds_) add(other);              // what only they tell is from when they were last
  return all;
}

HostTensors& Contest::file(nn::Checkpoint& into, const std::string& name) const {
  auto& file = into.files[name];
  file.metadata = to_metadata(options_.model);
  file.metadata.insert({{"network", name}, {"model", model_}, {"weft", WEFT_VERSION}});
  return file.tensors;
}

void Contest::save(nn::Checkpoint& into) const {
  for (size_t i = 0; i < players_.size(); ++i) {
    const std::string& name = players_[i].name;
    file(into, name) = nn::state_dict(*players_[i].network);
    file(into, name + ".optimizer") = states_[i].optimizer->state_dict();
    if (players_[i].average) file(into, name + ".ema") = nn::state_dict(*players_[i].average);
  }
}

void Contest::load(const nn::Checkpoint& from, const std::string& what) {
  auto tensors = [&](const std::string& name) -> const HostTensors& {
    const auto it = from.files.find(name);
    if (it == from.files.end()) throw FormatError(what + ": " + name + ".safetensors is missing");
    return it->second.tensors;
  };
  for (size_t i = 0; i < players_.size(); ++i) {
    const std::string& name = players_[i].name;
    nn::load_state_dict(*players_[i].network, tensors(name), what + "/" + name);
    states_[i].optimizer->load_state_dict(tensors(name + ".optimizer"), what + "/" + name + ".optimizer");
    if (players_[i].average) nn::load_state_dict(*players_[i].average, tensors(name + ".ema"), what + "/" + name + ".ema");
  }
}

std::string Contest::parameters_sha256() const {
  std::vector<std::pair<std::string, const nn::Module*>> all;
  for (const Player& p : players_) all.emplace_back(p.name, p.network.get());
  return nn::parameters_sha256(all);
}

Conditional& conditional(nn::Module& network) {
  if (auto* of_classes = dynamic_cast<Conditional*>(&network)) return *of_classes;
  throw ConfigError("labels are given, and this network knows no classes; leave them out, or train a model with model.condition");
}

Tensor in_evaluation(nn::Module& network, const Tensor& x, int64_t most, const Tensor& labels) {
  if (x.size(0) < 1 || most < 1) throw ShapeError("in_evaluation: 1 or more samples, at most 1 or more at a time; came " + x.shape().text() + ", at most " + std::to_string(most));
  const NoGraph scope(x.context());
  struct Evaluation {
    explicit Evaluation(nn::Module& n) : network(n), was_training(n.training()) { network.set_training(false); }
    ~Evaluation() { network.set_training(was_training); }
    nn::Module& network;
    const bool was_training;
  };
  const Evaluation mode(network);
  Tensors parts;
  for (int64_t i = 0; i < x.size(0); i += most) {
    const int64_t end = std::min(x.size(0), i + most);
    if (labels) conditional(network).set_condition(slice(labels, 0, i, end));
    parts.push_back(network(slice(x, 0, i, end)));
  }
  return parts.size() == 1 ? parts[0] : concat(parts, 0);
}

}  // namespace weft::gan
