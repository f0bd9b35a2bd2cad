// Reverse-mode differentiation, of any order, because every derivative rule is written in the same public operations that
// users call (tensor/ops.h).
#pragma once
#include <functional>

#include "weft/tensor/tensor.h"

namespace weft {

/// What a rule gets to work with, and answers with a gradient of its input's shape for each i that needs one. inputs[i] is as the
/// operation saw it; one that it did not save has its shape and context but no data, and is an empty Tensor if it is outside the graph:
/// what the rule needs of such a one, it has to capture.
struct RuleCall {
  const Tensors& inputs;
  const Tensor& output;             // with data only if the operation saved it
  const Tensor& gradient;           // of the output's shape and type; results take their inputs' types by themselves
  const std::vector<bool>& needs;   // which inputs' gradients are wanted; the others may be left empty
  const Tensors& into;              // where input i's gradient will end up; a rule may write there and return that tensor
  bool graph;                       // the gradient's own graph is wanted: no fused kernels
};
using Rule = std::function<Tensors(const RuleCall&)>;

/// A recorded operation, or (without a rule) a leaf.
struct Node : std::enable_shared_from_this<Node> {
  const char* name;
  uint64_t number;                  // in order of creation
  Tensors inputs;                   // saved, or shape only
  std::vector<uint64_t> versions;   // of each saved input's storage, then of the output's
  std::vector<std::shared_ptr<Node>> edges;
  std::shared_ptr<Storage> output_storage;   // null if not saved
  size_t output_offset = 0;
  Shape output_shape;
  DType output_type;
  Context context;
  Rule rule;
  explicit Node(const Context& c) : context(c) {}
  ~Node();                          // without recursion: a graph may be deep
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
};

/// How an operation asks to be recorded: which inputs and whether the output its rule reads.
struct Saves {
  std::vector<bool> inputs;         // empty: none
  bool output = false;
};

/// Attaches a node to `output` if a graph is being recorded and an input is part of one; otherwise returns it as it is.
/// Walks throw Error where `rule` gives too few results, and ShapeError where one is not of its input's shape.
Tensor record(const char* name, const Tensor& output, const Tensors& inputs, const Saves& saves, Rule rule);

enum class CreateGraph { no, yes };
enum class KeepGraph { no, yes };

/// d loss / d inputs, each of its input's shape; zeros for an input that the loss, which is in a graph, does not depend on.
/// @param loss   a scalar, or any shape together with `seed`
/// @param create yes: the result can be differentiated again (and the graph is kept)
/// @param keep   yes: the graph of `loss` can be walked again; otherwise what it saved is freed on the way
/// @param seed   the gradient that arrives at `loss`; 1 if empty
/// Throws ShapeError if loss is no scalar and there is no seed, or one of another shape; DeviceError if they are not all of one context;
/// Error if an input is not in a graph, a saved value was overwritten since or freed by an earlier walk, or the loss is not in a graph: nothing
/// was recorded, or its derivative is 0 everywhere, as that of sign(x), or of the gradient of something linear in x. Where that may
/// be, ask loss.requires_grad() first.
Tensors grad(const Tensor& loss, const Tensors& inputs, CreateGraph create = CreateGraph::no, KeepGraph keep = KeepGraph::no,
             const Tensor& seed = {});

/// The same walk for a training step: writes d loss / d leaves[i] into windows[i] (raising its version), zeros where the
/// loss does not depend on the leaf. Throws what grad() throws without a seed, and ShapeError if there are not as many windows as leaves or one
/// has not as many elements as its leaf, Error if a leaf stands there twice.
void backward(const Tensor& loss, const Tensors& leaves, const Tensors& windows, KeepGraph keep = KeepGraph::no);

}  // namespace weft
