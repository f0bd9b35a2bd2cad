// The convolution family and normalisation, fused activations included.
#include "derivatives.h"

namespace weft::testing::cases {
namespace {

struct Problem {
  const char* name;
  Shape x, w;
  ConvGeometry g;
};

void add_convolutions(std::vector<OpCase>& list) {
  const Problem forward[] = {
      {"1x1", {2, 3, 2, 3}, {2, 1, 1, 3}, {}},
      {"3x2", {2, 4, 5, 2}, {3, 3, 2, 2}, {}},
      {"padded", {2, 3, 4, 2}, {2, 3, 2, 2}, {{1, 1}, {1, 2}}},
      {"4x4 stride 2", {2, 4, 6, 2}, {3, 4, 4, 2}, {{2, 2}, {1, 1}}},
      {"stride 2x3, rows left over", {1, 6, 7, 1}, {2, 3, 2, 1}, {{2, 3}, {0, 1}}},
      {"dilated", {1, 6, 5, 2}, {2, 3, 2, 2}, {{1, 1}, {1, 0}, {2, 3}}},
      {"dilated and strided", {2, 7, 6, 1}, {2, 2, 3, 1}, {{2, 1}, {1, 2}, {3, 2}}},
      {"2 groups", {2, 3, 3, 4}, {6, 2, 2, 2}, {{1, 1}, {0, 1}, {1, 1}, {0, 0}, 2}},
      {"depthwise", {2, 4, 3, 3}, {3, 3, 2, 1}, {{2, 1}, {1, 0}, {1, 1}, {0, 0}, 3}},
      {"reflected", {2, 4, 3, 2}, {3, 3, 4, 2}, {{1, 2}, {2, 1}, {1, 1}, {0, 0}, 1, true}},
      {"depthwise, reflected", {2, 3, 4, 2}, {2, 3, 2, 1}, {{1, 1}, {2, 3}, {1, 1}, {0, 0}, 2, true}},
  };
  for (const Problem& p : forward) {
    const ConvGeometry g = p.g;
    const Shape bias{p.w[0]};
    const Size2 filter{int(p.w[1]), int(p.w[2])};
    const std::string name = p.name;
    list.push_back({"conv2d " + name, {{p.x}, {p.w}}, [=](const Tensors& t) { return conv2d(t[0], t[1], {}, g); }});
    list.push_back({"conv2d, bias, slope, " + name, {{p.x}, {p.w}, {bias}}, [=](const Tensors& t) { return conv2d(t[0], t[1], t[2], g, 0.2); }});
    list.push_back({"conv2d_weight_grad " + name, {{p.x}, {p.w}}, [=](const Tensors& t) {
                      return conv2d_weight_grad(t[0], conv2d(t[0], t[1], {}, g), filter, g);
                    }});
  }
  const Problem transposed[] = {
      {"1x1", {2, 3, 2, 3}, {3, 1, 1, 2}, {}},
      {"4x4 stride 2", {2, 2, 3, 2}, {2, 4, 4, 3}, {{2, 2}, {1, 1}}},
      {"output_pad", {2, 2, 3, 2}, {2, 3, 2, 2}, {{2, 3}, {1, 0}, {1, 1}, {1, 2}}},
      {"output_pad by dilation", {1, 2, 3, 2}, {2, 2, 3, 1}, {{1, 2}, {0, 1}, {3, 1}, {2, 1}}},
      {"dilated", {2, 3, 2, 1}, {1, 2, 3, 2}, {{2, 1}, {1, 2}, {2, 3}}},
      {"2 groups", {2, 2, 2, 4}, {4, 2, 3, 3}, {{2, 1}, {0, 1}, {1, 1}, {1, 0}, 2}},
      {"depthwise", {2, 2, 3, 3}, {3, 3, 2, 1}, {{2, 1}, {1, 0}, {1, 1}, {0, 0}, 3}},
  };
  for (const Problem& p : transposed) {
    const ConvGeometry g = p.g;
    const Shape bias{p.w[3] * g.groups};
    const std::string name = p.name;
    list.push_back({"conv_transpose2d " + name, {{p.x}, {p.w}}, [=](const Tensors& t) { return conv_transpose2d(t[0], t[1], {}, g); }});
    list.push_back({"conv_transpose2d, bias, slope, " + name, {{p.x}, {p.w}, {bias}},
                    [=](const Tensors& t) { return conv_transpose2d(t[0], t[1], t[2], g, 0.3); }});
  }
  list.push_back({"conv2d, only the slope", {{{2, 3, 4, 1}}, {{2, 2, 3, 1}}}, [](const Tensors& t) { return conv2d(t[0], t[1], {}, {}, 0.1); }});
  list.push_back({"a filter shared by two layers", {{{1, 3, 4, 2}}, {{2, 3, 3, 2}}, {{2}}}, [](const Tensors& t) {
                    const ConvGeometry same{{1, 1}, {1, 1}};
                    return conv2d(tanh(conv2d(t[0], t[1], t[2], same)), t[1], t[2], same);
                  }});
}

void add_norms(std::vector<OpCase>& list) {
  const Shape image{4, 2, 3, 3};
  struct Groups { const char* name; int64_t groups, channels; };
  const Groups choices[] = {{"batch", 1, 3}, {"batch in 2 groups", 2, 3}, {"instance", 4, 3}, {"layer", 4, 1}};
  for (const Groups& c : choices) {
    const int64_t groups = c.groups, channels = c.channels;
    const std::string name = std::string("normalize ") + c.name;
    const Input scale{{channels}, 0.5, 1.5}, shift{{channels}};
    list.push_back({name, {{image}}, [=](const Tensors& t) { return normalize_groups(t[0], groups, channels, {}, {}).y; }});
    list.push_back({name + ", gamma, beta", {{image}, scale, shift}, [=](const Tensors& t) { return normalize_groups(t[0], groups, channels, t[1], t[2]).y; }});
    list.push_back({name + ", gamma", {{image}, scale}, [=](const Tensors& t) { return normalize_groups(t[0], groups, channels, t[1], {}).y; }});
    list.push_back({name + ", beta", {{image}, shift}, [=](const Tensors& t) { return normalize_groups(t[0], groups, channels, {}, t[1]).y; }});
    list.push_back({name + ", gamma, beta, slope", {{image}, scale, shift},
                    [=](const Tensors& t) { return normalize_groups(t[0], groups, channels, t[1], t[2], 1e-2, 0.2).y; }});
    list.push_back({name + ", slope", {{image}}, [=](const Tensors& t) { return normalize_groups(t[0] * (t[0] + 0.3), groups, channels, {}, {}, 1e-2, 0.2).y; }});
  }
  list.push_back({"normalize rows of features", {{{3, 5}}}, [](const Tensors& t) { return normalize_groups(t[0], 3, 1, {}, {}).y; }});
  auto with = [](const Tensors& t, double slope) {
    const Context c = t[0].context();
    const Tensor mean = c.from(std::vector<double>{0.1, -0.2, 0.3}, {3}), variance = c.from(std::vector<double>{0.5, 1, 2}, {3});
    return normalize_with(t[0], mean, variance, t.size() > 1 ? t[1] : Tensor(), t.size() > 2 ? t[2] : Tensor(), 1e-3, slope);
  };
  const Input scale{{3}, 0.5, 1.5}, shift{{3}};
  list.push_back({"normalize_with", {{image}}, [=](const Tensors& t) { return with(t, 1); }});
  list.push_back({"normalize_with, gamma", {{image}, scale}, [=](const Tensors& t) { return with(t, 0.2); }});
  list.push_back({"normalize_with, gamma, beta, slope", {{image}, scale, shift}, [=](const Tensors& t) { return with(t, 0.2); }});

  // The inputs of one normalisation that depend on one another: what a rule differentiates must stop at its own inputs.
  list.push_back({"normalize twice with one gamma", {{{2, 2, 2, 2}}, {{2}, 0.5, 1.5}, {{2}}}, [](const Tensors& t) {
                    const Tensor once = normalize_groups(t[0], 1, 2, t[1], t[2], 1e-2).y;
                    return normalize_groups(tanh(once), 2, 2, t[1], t[2], 1e-2).y;
                  }});
  list.push_back({"normalize with a gamma made of x", {{{3, 2, 2, 2}}}, [](const Tensors& t) {
                    const Tensor style = mean(t[0] * t[0], {0, 1, 2});
                    return normalize_groups(t[0], 3, 2, style, style * style, 1e-2).y;
                  }});
  list.push_back({"normalize_with twice with one gamma", {{{2, 2, 2, 3}}, {{3}, 0.5, 1.5}}, [=](const Tensors& t) {
                    return with({tanh(with({t[0], t[1]}, 1)), t[1]}, 1);
                  }});
}

}  // namespace

void add_linear(std::vector<OpCase>& list) {
  add_convolutions(list);
  add_norms(list);
}

}  // namespace weft::testing::cases
