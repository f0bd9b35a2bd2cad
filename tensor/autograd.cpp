#include "weft/tensor/autograd.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>

#include "state.h"
#include "weft/tensor/ops.h"

namespace weft {

// Members would release one another down the whole chain, a stack frame each. Instead every node that is about to go hands
// over its edges first; what it saved hangs on nodes that the edges hold.
Node::~Node() {
  std::vector<std::shared_ptr<Node>> held = std::move(edges);
  inputs.clear();
  while (!held.empty()) {
    const std::shared_ptr<Node> node = std::move(held.back());
    held.pop_back();
    if (node.use_count() != 1) continue;
    std::move(node->edges.begin(), node->edges.end(), std::back_inserter(held));
    node->edges.clear();
    node->inputs.clear();
  }
}

Tensor record(const char* name, const Tensor& output, const Tensors& inputs, const Saves& saves, Rule rule) {
  const Context context = output.context();
  detail::made(name, output, inputs);
  const bool wanted = context.recording() && std::any_of(inputs.begin(), inputs.end(), [](const Tensor& t) { return t.requires_grad(); });
  if (!wanted) return output;
  auto node = std::make_shared<Node>(context);
  node->name = name;
  node->number = context.state().next_node++;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& t = inputs[i];
    const bool save = t && i < saves.inputs.size() && saves.inputs[i];
    node->edges.push_back(t ? t.node() : nullptr);
    node->inputs.push_back(!t || save ? t : Tensor(nullptr, 0, t.shape(), t.dtype(), t.node() ? t.node() : node->shared_from_this()));
    node->versions.push_back(save ? t.storage()->version : 0);
    if (t && !save && !t.node()) node->inputs.back() = {};   // a shape without data or graph says nothing to a rule
  }
  node->output_shape = output.shape();
  node->output_type = output.dtype();
  if (saves.output) {
    node->output_storage = output.storage();
    node->output_offset = output.offset();
    node->versions.push_back(output.storage()->version);
  }
  node->rule = std::move(rule);
  if (Watch* watch = context.state().watch) watch->recorded(*node);
  return Tensor(output.storage(), output.offset(), output.shape(), output.dtype(), node);
}

namespace {

void check_versions(const Node& node) {
  auto check = [&](const Storage& s, uint64_t saved, const char* what) {
    if (s.version != saved)
      throw Error(std::string("the gradient of ") + node.name + " needs its " + what + " as it was, but " + s.writer +
                  " wrote over it since; take the gradient first, or let " + s.writer + " work on a copy");
  };
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i] && node.inputs[i].storage()) check(*node.inputs[i].storage(), node.versions[i], "input");
  if (node.output_storage) check(*node.output_storage, node.versions.back(), "output");
}

// The nodes that lie between `root` and the targets, found without recursion: a graph may be deep.
std::unordered_set<Node*> nodes_between(Node* root, const std::unordered_set<Node*>& targets) {
  std::unordered_map<Node*, bool> leads;   // to a target
  std::vector<std::pair<Node*, bool>> stack{{root, false}};
  while (!stack.empty()) {
    auto [node, children_done] = stack.back();
    stack.pop_back();
    if (!children_done) {
      if (leads.count(node)) continue;
      leads[node] = targets.count(node) > 0;
      stack.push_back({node, true});
      for (const auto& e : node->edges) if (e && !leads.count(e.get())) stack.push_back({e.get(), false});
    } else {
      for (const auto& e : node->edges) if (e && leads[e.get()]) leads[node] = true;
    }
  }
  std::unordered_set<Node*> result;
  for (auto& [node, yes] : leads) if (yes) result.insert(node);
  return result;
}

struct Walk {
  std::unordered_map<Node*, Tensor> window;    // where a leaf's gradient is to be written, for backward
  std::unordered_map<Node*, Tensor> gradient;  // what has arrived so far

  void arrive(Node* node, const Tensor& any) {
    const Tensor g = cast(any, node->output_type);
    Tensor& held = gradient[node];
    auto w = window.find(node);
    if (w == window.end()) {
      held = held ? held + g : g;
    } else if (!held) {
      const bool in_place = g.storage() == w->second.storage() && g.offset() == w->second.offset();
      if (!in_place) w->second.copy_from(g, "gradient");
      held = w->second;
    } else {
      held.copy_from(held + g, "gradient");
    }
  }

  void run(const Tensor& loss, const Tensor& seed, bool create_graph, bool keep_graph) {
    const Range phase(loss.context(), "backward");
    Node* root = loss.node().get();
    std::unordered_set<Node*> targets;
    for (auto& [node, w] : window) targets.insert(node);
    for (auto& [node, g] : gradient) targets.insert(node);
    const auto between = nodes_between(root, targets);
    if (!between.count(root)) return;

    std::map<uint64_t, std::shared_ptr<Node>, std::greater<>> pending{{root->number, loss.node()}};
    arrive(root, seed);
    while (!pending.empty()) {
      const std::shared_ptr<Node> node = pending.begin()->second;
      pending.erase(pending.begin());
      if (node->edges.empty()) continue;   // a leaf
      if (!node->rule)
        throw Error(std::string("the graph behind ") + node->name + " was freed by an earlier gradient; ask that one for KeepGraph::yes");
      check_versions(*node);
      std::vector<bool> needs;
      Tensors into;
      for (const auto& e : node->edges) {
        needs.push_back(e && between.count(e.get()));
        const bool direct = needs.back() && window.count(e.get()) && !gradient[e.get()] &&
                            std::count(node->edges.begin(), node->edges.end(), e) == 1;
        into.push_back(direct ? window[e.get()] : Tensor());
      }
      if (std::none_of(needs.begin(), needs.end(), [](bool n) { return n; })) continue;
      const Tensor output(node->output_storage, node->output_offset, node->output_shape, node->output_type, node);
      const Tensor g = gradient[node.get()];
      if (!targets.count(node.get())) gradient.erase(node.get());
      Watch* const watch = node->context.state().watch;
      if (watch) watch->rule_begins(*node);
      Tensors results;
      try {
        results = node->rule({node->inputs, output, g, needs, into, create_graph});
      } catch (...) {
        if (watch) watch->rule_ends(*node, {});
        throw;
      }
      if (watch) watch->rule_ends(*node, results);
      for (size_t i = 0; i < needs.size(); ++i) {
        if (!needs[i]) continue;
        if (i >= results.size())
          throw Error(std::string("the rule of ") + node->name + " gave " + std::to_string(results.size()) + " results, and none for input " + std::to_string(i) +
                      ", whose gradient is wanted; it gives one for each input, empty where none is");
        if (!results[i]) continue;
        if (const Shape& own = node->edges[i]->output_shape; !into[i] && !(results[i].shape() == own))
          throw ShapeError(std::string("the rule of ") + node->name + " gave a gradient of shape " + results[i].shape().text() + " for input " + std::to_string(i) +
                           ", which is " + own.text());
        arrive(node->edges[i].get(), results[i]);
        pending[node->edges[i]->number] = node->edges[i];
      }
      if (!create_graph && !keep_graph) {
        node->inputs.clear();
        node->output_storage.reset();
        node->rule = nullptr;   // and what it captured
      }
    }
  }
};

Tensor first_gradient(const Tensor& loss, const Tensor& seed) {
  if (!loss.requires_grad())
    throw Error("the gradient of a tensor that is not part of a graph: make its inputs leaf() and record. If they are, and it was recorded, its derivative is 0 everywhere "
                "(as of sign(x), or the second one of what is linear in x): ask requires_grad() first, and take zeros");
  detail::common_context("the gradient and its seed", {&loss, &seed}, false);
  if (!seed && loss.count() != 1) throw ShapeError("the gradient of a tensor of shape " + loss.shape().text() + " needs a seed of that shape; a loss is a scalar");
  if (seed && !(seed.shape() == loss.shape())) throw ShapeError("a seed of shape " + seed.shape().text() + " for a tensor of shape " + loss.shape().text());
  return seed ? seed : reshape(loss.context().constant(1), loss.shape());
}

}  // namespace

Tensors grad(const Tensor& loss, const Tensors& inputs, CreateGraph create, KeepGraph keep, const Tensor& seed) {
  const Context context = loss.context();
  const Tensor start = first_gradient(loss, seed);
  const bool graph = create == CreateGraph::yes;
  const Context::Recording scope(context, graph);
  Walk walk;
  for (const Tensor& t : inputs) {
    if (!t.requires_grad()) throw Error("the gradient with respect to a tensor that is not part of the graph; use its leaf()");
    detail::common_context("grad", {&loss, &t}, false);
    walk.gradient[t.node().get()];
  }
  walk.run(loss, start, graph, keep == KeepGraph::yes);
  Tensors results;
  for (const Tensor& t : inputs) {
    const Tensor& g = walk.gradient[t.node().get()];
    results.push_back(g ? g : context.zeros(t.shape(), t.dtype()));
  }
  return results;
}

void backward(const Tensor& loss, const Tensors& leaves, const Tensors& windows, KeepGraph keep) {
  const Context context = loss.context();
  const Tensor start = first_gradient(loss, {});
  const NoGraph scope(context);
  Walk walk;
  if (leaves.size() != windows.size()) throw ShapeError("backward: " + std::to_string(leaves.size()) + " leaves but " + std::to_string(windows.size()) + " windows");
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (!leaves[i].requires_grad()) throw Error("the gradient with respect to a tensor that is not part of the graph; use its leaf()");
    detail::common_context("backward", {&loss, &leaves[i], &windows[i]}, false);
    if (windows[i].count() != leaves[i].count()) throw ShapeError("backward: a window of shape " + windows[i].shape().text() + " for a leaf of shape " + leaves[i].shape().text());
    if (!walk.window.emplace(leaves[i].node().get(), windows[i]).second)
      throw Error("backward: leaf " + std::to_string(i) + ", of shape " + leaves[i].shape().text() + ", stands among the leaves twice; a leaf has one gradient, and one window for it");
  }
  walk.run(loss, start, false, keep == KeepGraph::yes);
  for (size_t i = 0; i < leaves.size(); ++i)
    if (!walk.gradient[leaves[i].node().get()]) windows[i].copy_from(context.zeros(windows[i].shape()), "gradient");
}

}  // namespace weft
