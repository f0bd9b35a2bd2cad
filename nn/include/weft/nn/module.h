// A module holds parameters and turns a tensor into a tensor. Names follow PyTorch's, so a state dict moves both ways.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weft/tensor/ops.h"
#include "weft/tensor/safetensors.h"

namespace weft::nn {

/// What a tensor is for; initialisers go by it.
enum class Role { weight, bias, norm_scale, norm_shift, running_mean, running_variance, singular_vector };

/// N(mean, spread^2); spread 0: the mean itself.
struct Normal { double mean = 0, spread = 0; };

/// How a tensor in memory becomes a tensor on disk: seen as `view`, its axes in the order `axes`, with the shape `shape`.
/// A filter (K,R,S,C) is (K,C,R,S) on disk: view (K,R,S,C), axes {0,3,1,2}.
struct DiskLayout {
  Shape view;
  std::vector<int> axes;
  Shape shape;
};

/// A learned tensor, or (trainable false) a buffer that training updates, such as a running mean.
struct Parameter {
  Tensor value;               // a leaf of the graph; a window of an arena once the network is flattened
  Tensor gradient;            // the window where backward writes; empty for buffers, and outside an arena
  Role role = Role::weight;
  int64_t fan_in = 1, fan_out = 1;   // as PyTorch counts them
  DiskLayout disk;            // empty axes: as in memory
  bool trainable = true;
  bool frozen = false;        // trainable, but no optimiser moves it and no gradient is taken
  std::optional<Normal> begins = {};   // for an architecture that says how it begins: instead of what the scheme would draw
};

/// With the dots of its path: "main.0.weight"
using NamedParameters = std::vector<std::pair<std::string, std::shared_ptr<Parameter>>>;

class Module {
 public:
  virtual ~Module() = default;
  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x) { return forward(x); }

  /// Parameters and buffers of this module and of those in it, in order of definition.
  NamedParameters parameters() const;
  /// Training: batch statistics, dropout. Evaluation: running statistics, no dropout.
  void set_training(bool on);
  /// Into how many equal runs of samples batch norms split a batch, each with statistics of its own: 2 gives real and fake
  /// halves, in one pass, exactly what two passes would.
  void set_norm_groups(int groups);
  bool training() const { return training_; }
  /// Of a module that can: a batch norm follows, so take the moments of the result on the way.
  virtual void expect_norm() {}
  virtual bool is_batch_norm() const { return false; }
  bool has_batch_norm() const;           // it is one, or one is in it

 protected:
  /// Both throw ConfigError if the module has a part of that name.
  std::shared_ptr<Parameter> add(const std::string& name, Parameter p);
  template <class M> std::shared_ptr<M> add(const std::string& name, std::shared_ptr<M> child) {
    expect_new(name);
    children_.emplace_back(name, child);
    return child;
  }
  int norm_groups() const { return norm_groups_; }
  /// Of this module's own parameter.
  void rename(const std::string& from, const std::string& to);

 private:
  void expect_new(const std::string& name) const;
  void collect(const std::string& prefix, NamedParameters& into) const;
  void visit(const std::function<void(Module&)>& f);
  std::vector<std::pair<std::string, std::shared_ptr<Parameter>>> own_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children_;
  bool training_ = true;
  int norm_groups_ = 1;
};

using ModulePtr = std::shared_ptr<Module>;

/// Modules one after another. Children are named "0", "1", ... as PyTorch does, or as given.
class Sequential : public Module {
 public:
  Sequential() = default;
  explicit Sequential(std::vector<ModulePtr> modules);
  Sequential& append(ModulePtr module);
  Sequential& append(const std::string& name, ModulePtr module);
  Tensor forward(const Tensor& x) override;
  const std::vector<ModulePtr>& modules() const { return modules_; }

 private:
  std::vector<ModulePtr> modules_;
};

/// Initial values, a function of (seed, `stream`, parameter name) whatever the step, so that adding a layer does not change the others. Parameters
/// that say how they begin do so under every scheme; singular vectors are random directions.
///   dcgan    weights N(0, 0.02), norm scales N(1, 0.02), biases 0                      Radford et al., arXiv:1511.06434
///   xavier   uniform(+-sqrt(6 / (fan_in + fan_out))), biases 0                         Glorot and Bengio, 2010
///   kaiming  N(0, sqrt(2 / ((1 + slope^2) fan_in))), slope 0.2, biases 0               He et al., arXiv:1502.01852
///   torch    uniform(+-1 / sqrt(fan_in)) for weights and biases: PyTorch's default
enum class Init { dcgan, xavier, kaiming, torch };
void initialise(const Module& module, Init scheme, uint64_t seed, const std::string& stream = "init");

/// Every parameter and buffer of a network in one block each for values and gradients, so that the optimiser, EMA and
/// clipping are one launch. Parameters become windows; each starts on 64 bytes. Buffers stay where they are. At the arena's end the
/// parameters keep their values. Throws ConfigError if a parameter stands in it twice (one module in two places), or in another arena.
struct Arena {
  explicit Arena(const Module& module);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Tensor values, gradients;
  std::vector<std::shared_ptr<Parameter>> parameters, buffers;
  std::vector<std::string> names;          // of the parameters
  int64_t count = 0;                       // trainable numbers, without the padding between windows
  Tensors leaves() const, windows() const; // what backward takes: of the parameters that are not frozen
};

/// Values of a parameter's shape (its own, or a moment's) as PyTorch lays them out, and back.
HostTensor to_disk(const Parameter& layout, const Tensor& values);
void from_disk(const Parameter& layout, const HostTensor& tensor, const Tensor& into);

/// The tensors under their names in PyTorch's layout, as float32 (float64 from a float64 context).
HostTensors state_dict(const Module& module);
/// Throws FormatError that lists every missing, unexpected or misshapen tensor. `num_batches_tracked` is ignored, and so is
/// `*.filt`: the fixed blur of anti-aliased networks, which weft has no need to store.
void load_state_dict(const Module& module, const HostTensors& tensors, const std::string& what = "state dict");
/// The lines of that list, each after a line break; empty if all fits.
std::string mismatches(const Module& module, const HostTensors& tensors);
/// Takes every tensor that has the name and the shape of one of the module's, and leaves the rest; returns how many.
int64_t load_matching(const Module& module, const HostTensors& tensors);
/// SHA-256 over names and PyTorch-layout bytes of every parameter and buffer of several modules, in name order.
std::string parameters_sha256(const std::vector<std::pair<std::string, const Module*>>& modules);

}  // namespace weft::nn
