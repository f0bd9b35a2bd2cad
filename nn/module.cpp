#include "weft/nn/module.h"

#include <algorithm>
#include <cmath>

#include "weft/tensor/random_stream.h"

namespace weft::nn {

std::shared_ptr<Parameter> Module::add(const std::string& name, Parameter p) {
  expect_new(name);
  own_.emplace_back(name, std::make_shared<Parameter>(std::move(p)));
  return own_.back().second;
}

void Module::expect_new(const std::string& name) const {
  const auto taken = [&](const auto& all) { return std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.first == name; }); };
  if (taken(own_) || taken(children_)) throw ConfigError("a module has two parts called '" + name + "', of which a state dict would hold one; give each a name of its own");
}

void Module::rename(const std::string& from, const std::string& to) {
  expect_new(to);
  for (auto& [name, p] : own_)
    if (name == from) name = to;
}

void Module::collect(const std::string& prefix, NamedParameters& into) const {
  for (const auto& [name, p] : own_) into.emplace_back(prefix + name, p);
  for (const auto& [name, child] : children_) child->collect(prefix + name + ".", into);
}

NamedParameters Module::parameters() const {
  NamedParameters all;
  collect("", all);
  return all;
}

void Module::visit(const std::function<void(Module&)>& f) {
  f(*this);
  for (auto& [name, child] : children_) child->visit(f);
}

bool Module::has_batch_norm() const {
  return is_batch_norm() || std::any_of(children_.begin(), children_.end(), [](const auto& child) { return child.second->has_batch_norm(); });
}

void Module::set_training(bool on) { visit([on](Module& m) { m.training_ = on; }); }
void Module::set_norm_groups(int groups) {
  if (groups < 1) throw ConfigError("a batch splits into 1 or more norm groups, not " + std::to_string(groups));
  visit([groups](Module& m) { m.norm_groups_ = groups; });
}

Sequential::Sequential(std::vector<ModulePtr> modules) {
  for (auto& m : modules) append(std::move(m));
}
Sequential& Sequential::append(ModulePtr module) { return append(std::to_string(modules_.size()), std::move(module)); }
Sequential& Sequential::append(const std::string& name, ModulePtr module) {
  if (!modules_.empty() && module->is_batch_norm()) modules_.back()->expect_norm();
  modules_.push_back(add(name, std::move(module)));
  return *this;
}
Tensor Sequential::forward(const Tensor& x) {
  Tensor t = x;
  for (auto& m : modules_) t = m->forward(t);
  return t;
}

namespace {

// What a scheme makes of one parameter: normal(mean, spread) or uniform(mean - spread, mean + spread).
struct Draw { bool normal; double mean, spread; };

Draw draw_for(Init scheme, const Parameter& p) {
  if (p.begins) return {true, p.begins->mean, p.begins->spread};
  switch (p.role) {
    case Role::norm_scale: return {true, 1, scheme == Init::dcgan ? 0.02 : 0};
    case Role::running_variance: return {true, 1, 0};
    case Role::norm_shift: case Role::running_mean: return {true, 0, 0};
    case Role::bias: return {false, 0, scheme == Init::torch ? 1 / std::sqrt(double(p.fan_in)) : 0};
    case Role::singular_vector: return {true, 0, 1};
    case Role::weight: break;
  }
  switch (scheme) {
    case Init::dcgan: return {true, 0, 0.02};
    case Init::xavier: return {false, 0, std::sqrt(6.0 / double(p.fan_in + p.fan_out))};
    case Init::kaiming: return {true, 0, std::sqrt(2.0 / (1.04 * double(p.fan_in)))};
    case Init::torch: break;
  }
  return {false, 0, 1 / std::sqrt(double(p.fan_in))};
}

}  // namespace

void initialise(const Module& module, Init scheme, uint64_t seed, const std::string& stream) {
  const NamedParameters named = module.parameters();
  if (named.empty()) return;
  const Context::AtStep begin(named[0].second->value.context(), 0);
  for (const auto& [name, p] : named) {
    const Context context = p->value.context();
    const NoGraph scope(context);
    const Draw d = draw_for(scheme, *p);
    const Shape& shape = p->value.shape();
    const uint64_t key = stream_key(seed, stream + "." + name);
    if (d.spread == 0) p->value.copy_from(context.full(shape, d.mean), "initialise");
    else if (d.normal) p->value.copy_from(affine(context.normal(shape, key), d.spread, d.mean), "initialise");
    else p->value.copy_from(affine(context.uniform(shape, key), 2 * d.spread, d.mean - d.spread), "initialise");
    if (p->role == Role::singular_vector) p->value.copy_from(p->value / sqrt(sum_squares(p->value)), "initialise");
  }
}

Arena::Arena(const Module& module) {
  constexpr int64_t align = 16;   // elements: 64 bytes of float32
  const NamedParameters named = module.parameters();
  int64_t total = 0;
  for (const auto& [name, p] : named) {
    if (!p->trainable) {
      buffers.push_back(p);
      continue;
    }
    const auto twin = std::find(parameters.begin(), parameters.end(), p);
    if (twin != parameters.end())
      throw ConfigError("one module stands in the network twice: " + names[size_t(twin - parameters.begin())] + " and " + name +
                        " are the same parameter; make a module of its own for each place");
    if (p->gradient) throw ConfigError("parameter " + name + " is in an arena already, whose optimiser would move nothing any more; let that arena go first, or take it");
    parameters.push_back(p);
    names.push_back(name);
    count += p->value.count();
    total += (p->value.count() + align - 1) / align * align;
  }
  if (parameters.empty()) throw ConfigError("a network without parameters");
  const Context context = parameters[0]->value.context();
  values = context.zeros({total});
  gradients = context.zeros({total});
  values.storage()->keep_as_weight();
  size_t at = 0;
  for (const auto& p : parameters) {
    const Shape shape = p->value.shape();
    const Tensor window(values.storage(), at, shape, values.dtype());
    window.copy_from(p->value, "flatten");
    p->value = window.leaf();
    p->gradient = Tensor(gradients.storage(), at, shape, values.dtype());
    at += size_t((shape.count() + align - 1) / align * align);
  }
}

Arena::~Arena() {
  for (const auto& p : parameters) p->gradient = {};
}

Tensors Arena::leaves() const {
  Tensors t;
  for (const auto& p : parameters) if (!p->frozen) t.push_back(p->value);
  return t;
}
Tensors Arena::windows() const {
  Tensors t;
  for (const auto& p : parameters) if (!p->frozen) t.push_back(p->gradient);
  return t;
}

}  // namespace weft::nn
