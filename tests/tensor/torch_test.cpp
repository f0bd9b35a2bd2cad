// Claim: weft computes what PyTorch computes, derivatives of both orders and their conventions at kinks included. The answers
// are in torch_cases.safetensors, which torch_cases.py made; there every letter is explained.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <set>

#include "derivatives.h"
#include "weft/tensor/safetensors.h"
#include "where.h"

using namespace weft;
using namespace weft::testing;

namespace {

using Function = std::function<Tensor(const Tensors&)>;

Tensor square(const Tensor& x) { return x * x; }

const std::map<std::string, Function> functions = {
    {"conv2d", [](const Tensors& t) { return conv2d(t[0], t[1], t[2]); }},
    {"conv2d strided", [](const Tensors& t) { return conv2d(t[0], t[1], t[2], {{2, 1}, {1, 2}}); }},
    {"conv2d dilated", [](const Tensors& t) { return conv2d(t[0], t[1], {}, {{1, 2}, {2, 1}, {3, 2}}); }},
    {"conv2d grouped", [](const Tensors& t) { return conv2d(t[0], t[1], t[2], {{1, 1}, {1, 1}, {1, 1}, {0, 0}, 2}); }},
    {"conv2d leaky", [](const Tensors& t) { return conv2d(t[0], t[1], t[2], {{1, 1}, {1, 1}}, 0.2); }},
    {"conv_transpose2d", [](const Tensors& t) { return conv_transpose2d(t[0], t[1], t[2]); }},
    {"conv_transpose2d 4x4 stride 2", [](const Tensors& t) { return conv_transpose2d(t[0], t[1], t[2], {{2, 2}, {1, 1}}); }},
    {"conv_transpose2d output_pad", [](const Tensors& t) { return conv_transpose2d(t[0], t[1], {}, {{2, 3}, {1, 0}, {2, 1}, {1, 2}}); }},
    {"conv_transpose2d grouped", [](const Tensors& t) { return conv_transpose2d(t[0], t[1], t[2], {{1, 2}, {0, 0}, {1, 1}, {0, 0}, 2}); }},
    {"linear", [](const Tensors& t) { return matmul(t[0], t[1], false, true, t[2]); }},
    {"batch_norm", [](const Tensors& t) { return normalize_groups(t[0], 1, 2, t[1], t[2]).y; }},
    {"batch_norm evaluation", [](const Tensors& t) {
       const Context c = t[0].context();
       return normalize_with(t[0], c.from(std::vector<double>{0.2, -0.1}, {2}), c.from(std::vector<double>{0.7, 1.9}, {2}), t[1], t[2], 1e-3);
     }},
    {"instance_norm", [](const Tensors& t) { return normalize_groups(t[0], 3, 2, t[1], t[2]).y; }},
    {"layer_norm", [](const Tensors& t) { return normalize_groups(t[0], 3, 1, {}, {}).y; }},
    {"batch_norm leaky", [](const Tensors& t) { return normalize_groups(t[0], 1, 2, t[1], t[2], 1e-5, 0.2).y; }},
    {"nearest 6x8", [](const Tensors& t) { return resize(t[0], {6, 8}); }},
    {"nearest 5x7", [](const Tensors& t) { return resize(t[0], {5, 7}); }},
    {"nearest 2x3", [](const Tensors& t) { return resize(t[0], {2, 3}); }},
    {"nearest 1x9", [](const Tensors& t) { return resize(t[0], {1, 9}); }},
    {"bilinear 6x8", [](const Tensors& t) { return resize(t[0], {6, 8}, Resize::bilinear); }},
    {"bilinear 5x7", [](const Tensors& t) { return resize(t[0], {5, 7}, Resize::bilinear); }},
    {"bilinear 2x3", [](const Tensors& t) { return resize(t[0], {2, 3}, Resize::bilinear); }},
    {"bilinear 1x9", [](const Tensors& t) { return resize(t[0], {1, 9}, Resize::bilinear); }},
    {"pad zero", [](const Tensors& t) { return square(pad(t[0], {0, 2, 3, 1}, Padding::zero)); }},
    {"pad reflect", [](const Tensors& t) { return square(pad(t[0], {0, 2, 3, 1}, Padding::reflect)); }},
    {"pad replicate", [](const Tensors& t) { return square(pad(t[0], {0, 2, 3, 1}, Padding::replicate)); }},
    {"pad wrap", [](const Tensors& t) { return square(pad(t[0], {0, 2, 3, 1}, Padding::wrap)); }},
    {"max_pool", [](const Tensors& t) { return max_pool(t[0], {{3, 2}, {2, 1}, {1, 0}}); }},
    {"max_pool ties", [](const Tensors& t) { return max_pool(t[0], {}); }},
    {"average_pool", [](const Tensors& t) { return square(average_pool(t[0], {{3, 2}, {2, 1}, {1, 1}})); }},
    {"average_pool without padding counted", [](const Tensors& t) { return square(average_pool(t[0], {{3, 3}, {2, 2}, {1, 1}}, false)); }},
    {"softplus", [](const Tensors& t) { return softplus(t[0]); }},
    {"log_softmax", [](const Tensors& t) { return log_softmax(t[0]); }},
    {"softmax", [](const Tensors& t) { return softmax(t[0]); }},
    {"leaky_relu", [](const Tensors& t) { return leaky_relu(t[0], 0.2); }},
    {"relu", [](const Tensors& t) { return relu(t[0]) * t[0]; }},
    {"elu", [](const Tensors& t) { return elu(t[0], 0.7); }},
    {"abs", [](const Tensors& t) { return abs(t[0]) * t[0]; }},
    {"clamp", [](const Tensors& t) { return clamp(t[0], -0.9, 0.6) * t[0]; }},
    {"sigmoid", [](const Tensors& t) { return sigmoid(t[0]); }},
    {"tanh", [](const Tensors& t) { return tanh(t[0]); }},
    {"max with ties", [](const Tensors& t) { return square(max(t[0], {0, 2})); }},
    {"pow 3", [](const Tensors& t) { return pow(t[0], 3); }},
    {"pow 2", [](const Tensors& t) { return pow(t[0], 2); }},
    {"gather", [](const Tensors& t) { return square(gather(t[0], t[0].context().index({2, 0, 2, 3}, {2, 2}))); }},
    {"matmul", [](const Tensors& t) { return matmul(t[0], t[1], true); }},
    {"variance", [](const Tensors& t) { return variance(t[0], {1, 2}); }},
};

struct Witness {
  Context context = Context::open("cpu", {DType::f64});
  HostTensors file = read_safetensors(testing::test_file("tensor/torch_cases.safetensors")).tensors;

  Tensor tensor(const std::string& name) const {
    const HostTensor& t = file.at(name);
    return context.from(to_doubles(t), Shape(t.shape));
  }
  Tensors numbered(const std::string& name) const {
    Tensors all;
    for (int i = 0; file.count(name + std::to_string(i)); ++i) all.push_back(tensor(name + std::to_string(i)));
    return all;
  }
};

// Both sides round in float64 along chains of fewer than a thousand operations: 1000 * 2^-53 = 1e-13, and derivatives of
// normalisation amplify that by up to a hundred or two.
void check(const std::string& what, const Tensor& found, const Tensor& expected) {
  CAPTURE(what);
  CHECK(found.shape() == expected.shape());
  CHECK(relative_gap(found.values(), expected.values(), 1e-14) <= 1e-10);
}

}  // namespace

TEST_CASE("PyTorch computes the same") {
  const Witness torch;
  for (const auto& entry : functions) {
    const std::string name = entry.first;
    const Function& f = entry.second;
    CAPTURE(name);
    Tensors in, v = torch.numbered(name + "/v");
    for (const Tensor& t : torch.numbered(name + "/in")) in.push_back(t.leaf());
    const Tensor r = torch.tensor(name + "/r").leaf();
    const Tensor out = f(in);
    check("out", out, torch.tensor(name + "/out"));
    const Tensor loss = sum(out * r);
    const Tensors fused = grad(loss, in, CreateGraph::no, KeepGraph::yes), first = grad(loss, in, CreateGraph::yes);
    Tensor slope = torch.context.zeros({});
    for (size_t i = 0; i < in.size(); ++i) {
      const Tensor expected = torch.tensor(name + "/first" + std::to_string(i));
      check("fused first " + std::to_string(i), fused[i], expected);
      check("first " + std::to_string(i), first[i], expected);
      slope = slope + sum(first[i] * v[i]);
    }
    Tensors with = in;
    with.push_back(r);
    const Tensors second = grad(slope, with);
    for (size_t i = 0; i < in.size(); ++i)
      check("second " + std::to_string(i), second[i], torch.tensor(name + "/second" + std::to_string(i)));
    check("second_r", second.back(), torch.tensor(name + "/second_r"));
  }
}

TEST_CASE("every case of PyTorch's file has its function") {
  const Witness torch;
  std::set<std::string> names;
  for (const auto& entry : torch.file) names.insert(entry.first.substr(0, entry.first.rfind('/')));
  for (const std::string& name : names) CHECK_MESSAGE(functions.count(name) == 1, name);
  CHECK(names.size() == functions.size());
}
