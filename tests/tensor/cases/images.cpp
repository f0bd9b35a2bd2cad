// Resampling: padding, resizing, flips and pools. The square makes second derivatives of these linear operations visible.
#include "derivatives.h"

namespace weft::testing::cases {

void add_images(std::vector<OpCase>& list) {
  const Input image{{2, 3, 4, 2}}, wide{{2, 4, 5, 1}};
  auto square = [](const Tensor& x) { return x * x; };
  struct Mode { const char* name; Padding mode; };
  for (const Mode& m : {Mode{"zero", Padding::zero}, {"reflect", Padding::reflect}, {"replicate", Padding::replicate}, {"wrap", Padding::wrap}}) {
    const Padding mode = m.mode;
    list.push_back({std::string("pad ") + m.name, {image}, [=](const Tensors& t) { return square(pad(t[0], {2, 1, 0, 3}, mode)); }});
    list.push_back({std::string("pad nothing, ") + m.name, {image}, [=](const Tensors& t) { return pad(square(t[0]), {}, mode); }});
  }
  list.push_back({"pad wrap, more than once round", {image}, [=](const Tensors& t) { return square(pad(t[0], {4, 7, 5, 9}, Padding::wrap)); }});
  struct Target { const char* name; Size2 size; };
  for (const Target& s : {Target{"twice", {6, 8}}, {"larger", {5, 7}}, {"smaller", {2, 3}}, {"to one", {1, 1}}, {"mixed", {2, 9}}, {"same", {3, 4}}})
    for (Resize mode : {Resize::nearest, Resize::bilinear}) {
      const Size2 size = s.size;
      list.push_back({std::string("resize ") + (mode == Resize::nearest ? "nearest " : "bilinear ") + s.name, {image},
                      [=](const Tensors& t) { return square(resize(t[0], size, mode)); }});
    }
  for (const Mode& m : {Mode{"zero", Padding::zero}, {"reflect", Padding::reflect}, {"replicate", Padding::replicate}, {"wrap", Padding::wrap}}) {
    const Padding mode = m.mode;
    list.push_back({std::string("filter ") + m.name, {wide}, [=](const Tensors& t) { return square(filter(t[0], {0.2, 0.5, -0.4}, 1, mode)); }});
    list.push_back({std::string("filter every other, ") + m.name, {wide}, [=](const Tensors& t) { return square(filter(t[0], {0.25, 0.5, 0.25}, 2, mode)); }});
  }
  list.push_back({"upfirdn doubles", {image}, [=](const Tensors& t) { return square(upfirdn(t[0], {0.25, 0.75, 0.75, 0.25}, 2, 1, 2, 1)); }});
  list.push_back({"upfirdn halves", {wide}, [=](const Tensors& t) { return square(upfirdn(t[0], {0.1, 0.4, 0.3, 0.2}, 1, 2, 1, 1)); }});
  list.push_back({"upfirdn up 3, down 2", {image}, [=](const Tensors& t) { return square(upfirdn(t[0], {0.5, -0.2, 0.7}, 3, 2, 0, 2)); }});
  list.push_back({"flip", {image}, [=](const Tensors& t) { return square(flip(t[0])) * t[0]; }});
  struct Pool { const char* name; Window window; };
  for (const Pool& p : {Pool{"2x2", {}}, {"3x2 stride 2x1", {{3, 2}, {2, 1}, {0, 0}}}, {"3x3 padded", {{3, 3}, {2, 2}, {1, 1}}},
                        {"2x3 padded stride 1x3", {{2, 3}, {1, 3}, {1, 0}}}}) {
    const Window window = p.window;
    const std::string name = p.name;
    list.push_back({"max_pool " + name, {wide}, [=](const Tensors& t) { return square(max_pool(t[0], window)); }});
    list.push_back({"average_pool " + name, {wide}, [=](const Tensors& t) { return square(average_pool(t[0], window)); }});
    list.push_back({"average_pool without padding counted " + name, {wide}, [=](const Tensors& t) { return square(average_pool(t[0], window, false)); }});
  }
  list.push_back({"global_average_pool", {image}, [=](const Tensors& t) { return square(global_average_pool(t[0])); }});
}

}  // namespace weft::testing::cases
