// Pools, resampling, padding.
#include <cmath>

#include "operators.h"

namespace weft::onnx {
namespace {

struct Pool {
  Size2 window, stride;
  Margins margins;    // what ONNX pads, the extra of ceil_mode included
};

Pool pool_of(const Call& c, const Tensor& image) {
  Integers window = c.list("kernel_shape", {}), strides = c.list("strides", Integers(window.size(), 1)), pads = c.list("pads", Integers(2 * window.size(), 0));
  for (int64_t d : c.list("dilations", {})) if (d != 1) throw Unsupported("pools have no dilation");
  if (window.size() == 1) window.insert(window.begin(), 1), strides.insert(strides.begin(), 1), pads = {0, pads[0], 0, pads[1]};
  const std::string automatic = c.text("auto_pad", "NOTSET");
  int before[2], after[2];
  for (size_t a = 0; a < 2; ++a) {
    const int64_t n = image.size(int(a) + 1);
    int64_t total = pads[a] + pads[a + 2];
    before[a] = int(pads[a]);
    if (automatic != "NOTSET" && automatic != "VALID") {
      total = std::max<int64_t>(0, ((n + strides[a] - 1) / strides[a] - 1) * strides[a] + window[a] - n);
      before[a] = int(automatic == "SAME_LOWER" ? total - total / 2 : total / 2);
    }
    const int64_t room = n + total - window[a];
    if (c.integer("ceil_mode", 0)) total += (room + strides[a] - 1) / strides[a] * strides[a] - room;
    after[a] = int(total) - before[a];
  }
  return {{int(window[0]), int(window[1])}, {int(strides[0]), int(strides[1])}, {before[0], after[0], before[1], after[1]}};
}

// weft pads a pool on both sides alike and by at most half the window.
bool native(const Pool& p) {
  return p.margins.top == p.margins.bottom && p.margins.left == p.margins.right && 2 * p.margins.top <= p.window.h && 2 * p.margins.left <= p.window.w;
}
Window window_of(const Pool& p, bool padded) {
  return {p.window, p.stride, padded ? Size2{p.margins.top, p.margins.left} : Size2{0, 0}};
}

Tensors average(const Call& c) {
  const Tensor x = to_image(c.tensor(0));
  const Pool p = pool_of(c, x);
  const bool count_pad = c.integer("count_include_pad", 0);
  Tensor y;
  if (native(p)) {
    y = average_pool(x, window_of(p, true), count_pad);
  } else {
    y = average_pool(pad(x, p.margins), window_of(p, false));
    if (!count_pad) y = y / average_pool(pad(c.context.full(x.shape(), 1), p.margins), window_of(p, false));
  }
  return {from_image(y, c.tensor(0).rank())};
}

// Rows and columns that never win.
Tensor pad_below_all(const Tensor& x, const Margins& m) {
  auto block = [&](int axis, int n) {
    Shape s = x.shape();
    if (axis == 2) s[1] += m.top + m.bottom;
    s[axis] = n;
    return x.context().full(s, -1e30);
  };
  const Tensor tall = concat({block(1, m.top), x, block(1, m.bottom)}, 1);
  return concat({block(2, m.left), tall, block(2, m.right)}, 2);
}

Tensors maximum_pool(const Call& c) {
  const Tensor x = to_image(c.tensor(0));
  const Pool p = pool_of(c, x);
  const Tensor y = native(p) ? max_pool(x, window_of(p, true)) : max_pool(pad_below_all(x, p.margins), window_of(p, false));
  return {from_image(y, c.tensor(0).rank())};
}

Tensors resized(const Call& c, size_t scales_at, const std::string& coordinates) {
  const Tensor x = c.tensor(0);
  const std::string mode = c.text("mode", "nearest"), nearest = c.text("nearest_mode", "round_prefer_floor");
  if (mode == "cubic") throw Unsupported("no cubic resizing");
  if (coordinates == "align_corners" || coordinates == "tf_crop_and_resize") throw Unsupported("pixel centres lie at half-integers");
  Size2 size;
  if (c.has(scales_at) && !c.value(scales_at).data.empty()) {
    const auto& s = c.value(scales_at).data;
    const double h = std::floor(double(x.size(2)) * s[2]), w = std::floor(double(x.size(3)) * s[3]);
    if (mode == "linear" && (h != double(x.size(2)) * s[2] || w != double(x.size(3)) * s[3])) throw Unsupported("a scale is the quotient of two sizes");
    size = {int(h), int(w)};
  } else {
    const Integers s = c.integers(scales_at + 1);
    size = {int(s[2]), int(s[3])};
  }
  if (coordinates == "pytorch_half_pixel" && (size.h == 1 || size.w == 1)) throw Unsupported("one row or column is taken from the middle");
  const bool half = coordinates == "half_pixel";
  if (mode == "nearest" && !(half ? nearest == "round_prefer_floor" : nearest == "floor")) throw Unsupported("nearest takes the pixel that floor names");
  // Half-pixel centres with ties downwards, and floor of asymmetric ones, name the same pixel for whole factors.
  if (mode == "nearest" && half && (size.h % x.size(2) || size.w % x.size(3))) throw Unsupported("nearest takes the pixel that floor names");
  return {from_image(resize(to_image(x), size, mode == "linear" ? Resize::bilinear : Resize::nearest), x.rank())};
}

Tensors padded(const Call& c) {
  const Tensor x = c.tensor(0);
  const Integers p = c.integers(1);
  const std::string mode = c.text("mode", "constant");
  if (c.has(3)) throw Unsupported("pads of some axes");
  if (p[0] || p[1] || p[4] || p[5]) throw Unsupported("pads of samples or channels");
  const double value = mode == "constant" ? c.scalar(2, 0) : 0;
  const Margins m{int(p[2]), int(p[6]), int(p[3]), int(p[7])};
  const Padding how = mode == "reflect" ? Padding::reflect : mode == "edge" ? Padding::replicate : mode == "wrap" ? Padding::wrap : Padding::zero;
  return {from_image(pad(to_image(x) - value, m, how) + value, x.rank())};
}

// Blocks of pixels become channels, and back.
Tensors depth_to_space(const Call& c) {
  const Tensor x = c.tensor(0);
  const int64_t b = c.integer("blocksize", 1), n = x.size(0), d = x.size(1) / (b * b), h = x.size(2), w = x.size(3);
  const Tensor y = c.text("mode", "DCR") == "DCR" ? permute(reshape(x, {n, b, b, d, h, w}), {0, 3, 4, 1, 5, 2})
                                                  : permute(reshape(x, {n, d, b, b, h, w}), {0, 1, 4, 2, 5, 3});
  return {reshape(y, {n, d, h * b, w * b})};
}
Tensors space_to_depth(const Call& c) {
  const Tensor x = c.tensor(0);
  const int64_t b = c.integer("blocksize", 1), n = x.size(0), d = x.size(1), h = x.size(2) / b, w = x.size(3) / b;
  return {reshape(permute(reshape(x, {n, d, h, b, w, b}), {0, 3, 5, 1, 2, 4}), {n, d * b * b, h, w})};
}

}  // namespace

void add_images(Operators& list) {
  list["MaxPool"] = maximum_pool;
  list["AveragePool"] = average;
  list["GlobalAveragePool"] = [](const Call& c) {
    const Tensor x = c.tensor(0);
    return Tensors{reshape(global_average_pool(to_image(x)), {x.size(0), x.size(1), 1, 1})};
  };
  list["GlobalMaxPool"] = [](const Call& c) { return Tensors{max(c.tensor(0), {2, 3}, KeepAxes::yes)}; };
  list["Resize"] = [](const Call& c) { return resized(c, 2, c.text("coordinate_transformation_mode", "half_pixel")); };
  list["Upsample"] = [](const Call& c) { return resized(c, 1, "half_pixel"); };
  list["Pad"] = padded;
  list["DepthToSpace"] = depth_to_space;
  list["SpaceToDepth"] = space_to_depth;
}

}  // namespace weft::onnx
