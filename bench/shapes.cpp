#include "shapes.h"

#include <algorithm>
#include <cstdlib>

#include "weft/kernels/error.h"

namespace weft::bench {
namespace {

ConvProblem square(int n, int large, int c, int k, int kernel, int stride, int pad, int small) {
  return {n, large, large, c, k, kernel, kernel, small, small, {stride, stride}, {pad, pad}, {1, 1}, 1};
}

enum Kind { conv, conv_transposed };

struct TableRow {
  const char *id, *network, *name;
  Kind kind;
  int n, in, side, out, kernel, stride, pad, out_side;   // channels in and out, pixels a side in and out
};

// Padding of the layers marked * is reflection in the papers, a separate gather; here it is zeros.
constexpr TableRow rows[] = {
    //                                              n    in  side   out kernel stride pad out side
    {"S01", "DCGAN", "D1", conv,                    128,   3,  64,   64, 4, 2, 1,  32},
    {"S02", "DCGAN", "D2", conv,                    128,  64,  32,  128, 4, 2, 1,  16},
    {"S03", "DCGAN", "D3", conv,                    128, 128,  16,  256, 4, 2, 1,   8},
    {"S04", "DCGAN", "D4", conv,                    128, 256,   8,  512, 4, 2, 1,   4},
    {"S05", "DCGAN", "D5", conv,                    128, 512,   4,    1, 4, 1, 0,   1},
    {"S06", "DCGAN", "G1", conv_transposed,         128, 100,   1,  512, 4, 1, 0,   4},
    {"S07", "DCGAN", "G2", conv_transposed,         128, 512,   4,  256, 4, 2, 1,   8},
    {"S08", "DCGAN", "G3", conv_transposed,         128, 256,   8,  128, 4, 2, 1,  16},
    {"S09", "DCGAN", "G4", conv_transposed,         128, 128,  16,   64, 4, 2, 1,  32},
    {"S10", "DCGAN", "G5", conv_transposed,         128,  64,  32,    3, 4, 2, 1,  64},
    {"S11", "CycleGAN", "c7s1-64 *", conv,            1,   3, 256,   64, 7, 1, 3, 256},
    {"S12", "CycleGAN", "d128", conv,                 1,  64, 256,  128, 3, 2, 1, 128},
    {"S13", "CycleGAN", "d256", conv,                 1, 128, 128,  256, 3, 2, 1,  64},
    {"S14", "CycleGAN", "R256 *", conv,               1, 256,  64,  256, 3, 1, 1,  64},
    {"S15", "CycleGAN", "u128", conv_transposed,      1, 256,  64,  128, 3, 2, 1, 128},
    {"S16", "CycleGAN", "u64", conv_transposed,       1, 128, 128,   64, 3, 2, 1, 256},
    {"S17", "CycleGAN", "c7s1-3 *", conv,             1,  64, 256,    3, 7, 1, 3, 256},
    {"S18", "PatchGAN", "C128", conv,                 1,  64, 128,  128, 4, 2, 1,  64},
    {"S19", "PatchGAN", "C512", conv,                 1, 256,  32,  512, 4, 1, 1,  31},
    {"S20", "PatchGAN", "C1", conv,                   1, 512,  31,    1, 4, 1, 1,  30},
    {"S21", "pix2pix", "e4", conv,                    1, 256,  32,  512, 4, 2, 1,  16},
    {"S22", "pix2pix", "d2", conv_transposed,         1, 1024,  2,  512, 4, 2, 1,   4},
    {"S23", "VGG, 512 px", "conv1_1", conv,           1,   3, 512,   64, 3, 1, 1, 512},
    {"S24", "VGG, 512 px", "conv1_2", conv,           1,  64, 512,   64, 3, 1, 1, 512},
    {"S25", "VGG, 512 px", "conv2_2", conv,           1, 128, 256,  128, 3, 1, 1, 256},
    {"S26", "VGG, 512 px", "conv3_2", conv,           1, 256, 128,  256, 3, 1, 1, 128},
    {"S27", "VGG, 512 px", "conv4_2", conv,           1, 512,  64,  512, 3, 1, 1,  64},
    {"S28", "StyleGAN2", "64 px", conv,               8, 512,  64,  512, 3, 1, 1,  64},
    {"S29", "StyleGAN2", "toRGB 256 px", conv,        8, 128, 256,    3, 1, 1, 0, 256},
    {"S30", "5x5 stride 2", "", conv,                64,  64,  64,  128, 5, 2, 2,  32},
};

Layer to_layer(const TableRow& r) {
  Layer layer{r.id, r.network, r.name, {}, r.kind == conv_transposed, r.in == 3 && std::string(r.network) != "DCGAN"};
  layer.problem = layer.transposed ? square(r.n, r.out_side, r.out, r.in, r.kernel, r.stride, r.pad, r.side)
                                   : square(r.n, r.side, r.in, r.out, r.kernel, r.stride, r.pad, r.out_side);
  return layer;
}

int extent(int out, int stride, int pad, int dilation, int kernel) { return (out - 1) * stride - 2 * pad + dilation * (kernel - 1) + 1; }

}  // namespace

std::vector<Layer> table_layers() {
  std::vector<Layer> layers;
  for (const TableRow& r : rows) layers.push_back(to_layer(r));
  return layers;
}

std::vector<Layer> dcgan_layers(int size, int channels, int batch) {
  std::vector<Layer> layers;
  const std::string network = std::to_string(size) + "x" + std::to_string(size) + "x" + std::to_string(channels);
  int from = channels, to = 64;
  for (int side = size; side > 4; side /= 2, from = to, to *= 2)
    layers.push_back({"", network, std::to_string(from) + "-" + std::to_string(to), square(batch, side, from, to, 4, 2, 1, side / 2)});
  layers.push_back({"", network, "logit", square(batch, 4, from, 1, 4, 1, 0, 1)});
  layers.push_back({"", network, "stem", square(batch, 4, from, 100, 4, 1, 0, 1), true});
  return layers;
}

Layer parse_layer(const std::string& text) {
  int values[11] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1};
  int count = 0;
  for (const char* at = text.c_str();; ++at) {
    char* end = nullptr;
    const long value = std::strtol(at, &end, 10);
    if (end == at || value < 0 || value > 1 << 24 || count == 11) break;
    values[count++] = int(value);
    at = end;
    if (*at == 0) {
      const auto [n, c, h, w, k, r, s, stride, pad, dilation, groups] = values;
      const bool positive = *std::min_element(values, values + 8) > 0 && dilation > 0 && groups > 0;
      if (count < 7 || !positive || c % groups || k % groups) break;
      ConvProblem p{n, h, w, c, k, r, s, 0, 0, {stride, stride}, {pad, pad}, {dilation, dilation}, groups};
      p.p = (h + 2 * pad - dilation * (r - 1) - 1) / stride + 1;
      p.q = (w + 2 * pad - dilation * (s - 1) - 1) / stride + 1;
      if (h + 2 * pad < dilation * (r - 1) + 1 || w + 2 * pad < dilation * (s - 1) + 1)
        throw ConfigError("--shape " + text + ": the filter is larger than the padded image");
      return {"own", text, "", p};
    }
    if (*at != ',') break;
  }
  throw ConfigError("--shape " + text + ": wanted are N,C,H,W,K,R,S and, as far as they differ from 1,0,1,1, stride, padding, dilation and groups; "
                    "all positive (padding may be 0), channels and filters multiples of the groups. Example: --shape 8,64,32,32,128,4,4,2,1");
}

Layer shrunk(const Layer& layer, double flops) {
  Layer small = layer;
  ConvProblem& p = small.problem;
  while (flops_of(p) > flops && (p.n > 1 || p.p > 1 || p.q > 1)) {
    int& side = p.n > 1 ? p.n : p.p >= p.q ? p.p : p.q;
    side = (side + 1) / 2;
    p.h = std::max(1, extent(p.p, p.stride.h, p.pad.h, p.dilation.h, p.r));
    p.w = std::max(1, extent(p.q, p.stride.w, p.pad.w, p.dilation.w, p.s));
  }
  return small;
}

double flops_of(const ConvProblem& p) { return 2.0 * p.n * p.p * p.q * p.k * p.r * p.s * (p.c / p.groups); }
int64_t size_x(const ConvProblem& p) { return int64_t{p.n} * p.h * p.w * p.c; }
int64_t size_y(const ConvProblem& p) { return int64_t{p.n} * p.p * p.q * p.k; }
int64_t size_w(const ConvProblem& p) { return int64_t{p.k} * p.r * p.s * (p.c / p.groups); }

}  // namespace weft::bench
