#include "kernel_cases.h"

#include "cases/cases.h"
#include "cases/conv_problems.h"

namespace weft::testing {
namespace {

const ConvProblem convolutions[] = {
    // n   h    w   c    k  r  s   p   q   stride  pad     dilation groups
    {1, 131, 130, 5, 66, 1, 1, 131, 130, {1, 1}, {0, 0}, {1, 1}, 1},    // the wide tile, forward
    {1, 132, 133, 66, 2, 2, 2, 66, 67, {2, 2}, {0, 1}, {1, 1}, 1},      // the wide tile, input gradient in four phases
    {1, 2, 1, 1930, 1090, 1, 1, 2, 1, {1, 1}, {0, 0}, {1, 1}, 1},       // the wide tile, weight gradient
    {3, 20, 21, 5, 7, 3, 2, 20, 22, {1, 1}, {1, 1}, {1, 1}, 1},         // the weight gradient in parts
    {2, 17, 33, 8, 72, 4, 4, 8, 16, {2, 2}, {1, 1}, {1, 1}, 2},         // several tiles each way, two groups
    {1, 40, 19, 6, 5, 7, 7, 40, 19, {1, 1}, {3, 3}, {1, 1}, 1},         // few filters, a deep sum
    {2, 1, 2, 5, 6, 1, 1, 1, 1, {2, 3}, {0, 0}, {1, 1}, 1},             // an image smaller than the stride: phases without a pixel
    {2, 7, 8, 5, 6, 4, 3, 2, 4, {3, 3}, {1, 2}, {1, 1}, 1},             // stride 3 and padding: signs that stride 2 hides
    {2, 10, 11, 5, 6, 3, 2, 4, 6, {2, 2}, {2, 1}, {3, 2}, 1},           // stride and dilation at once
    {2, 5, 7, 7, 5, 3, 3, 5, 7, {1, 1}, {1, 1}, {1, 1}, 1},             // single channels of both
    {2, 9, 17, 40, 72, 3, 3, 9, 17, {1, 1}, {1, 1}, {1, 1}, 1},         // tensor cores: the wide tile, bfloat16 pieces, odd slices
    {2, 16, 12, 16, 48, 4, 4, 8, 6, {2, 2}, {1, 1}, {1, 1}, 2},         // two groups of whole pieces, in phases
    {1, 14, 10, 8, 16, 3, 3, 14, 10, {1, 1}, {1, 1}, {1, 1}, 1},        // the narrow tile
    {1, 4, 4, 128, 24, 4, 4, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1},          // one pixel from a deep sum, in parts
};

const ConvProblem reflected[] = {
    {2, 7, 9, 8, 16, 3, 3, 7, 9, {1, 1}, {1, 1}, {1, 1}, 1, true},
    {1, 9, 8, 5, 6, 5, 4, 7, 4, {2, 3}, {4, 3}, {1, 1}, 1, true},       // padding almost to the far edge, single channels
    {2, 5, 4, 6, 10, 2, 3, 5, 6, {1, 1}, {1, 3}, {2, 2}, 2, true},      // two groups, dilated
};
// Named for the kernel that must take them.
const ConvProblem depthwise[] = {
    {2, 9, 11, 40, 40, 3, 3, 9, 11, {1, 1}, {1, 1}, {1, 1}, 40},        // whole packs, strips cut short
    {1, 6, 5, 132, 132, 3, 3, 6, 5, {1, 1}, {1, 1}, {1, 1}, 132},       // more channels than a block has lanes
    {2, 11, 9, 8, 8, 3, 4, 6, 5, {2, 2}, {1, 2}, {1, 1}, 8},            // phases of different sizes
    {2, 9, 14, 6, 12, 5, 5, 9, 14, {1, 1}, {4, 4}, {2, 2}, 6},          // two filters a channel, dilated
    {1, 2, 1, 5, 15, 1, 2, 1, 1, {3, 2}, {0, 1}, {1, 1}, 5},            // phases without a pixel, without a tap
    {2, 12, 13, 4, 4, 3, 3, 4, 5, {2, 2}, {0, 0}, {2, 2}, 4},           // stride and dilation that share a factor
    {1, 7, 8, 7, 28, 9, 9, 7, 8, {1, 1}, {4, 4}, {1, 1}, 7},            // the largest filter, four a channel
    {2, 20, 21, 128, 128, 2, 3, 19, 19, {1, 1}, {0, 0}, {1, 1}, 128},   // the weight gradient in parts
    {1, 30, 260, 4, 4, 1, 3, 30, 260, {1, 1}, {0, 1}, {1, 1}, 4},       // blocks that walk on
    {1, 1, 1, 1, 3, 1, 1, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1},             // one channel, three filters
    {1, 6, 7, 8, 8, 3, 5, 6, 7, {1, 1}, {1, 2}, {1, 1}, 8, true},       // reflected
};

const ConvProblem few_filters[] = {
    {2, 9, 13, 12, 3, 3, 3, 9, 13, {1, 1}, {1, 1}, {1, 1}, 1},          // a strip and a half
    {1, 7, 11, 8, 4, 7, 7, 7, 11, {1, 1}, {3, 3}, {1, 1}, 1},           // more lines of taps than lanes have packs
    {3, 4, 4, 64, 1, 4, 4, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1},            // a logit: lanes of many warps
    {2, 9, 19, 10, 2, 3, 4, 5, 9, {2, 2}, {1, 1}, {1, 1}, 1},           // strided, single channels, two filters
    {2, 5, 6, 4, 1, 1, 1, 5, 6, {1, 1}, {0, 0}, {1, 1}, 1},             // one pack
    {1, 6, 4, 20, 3, 3, 3, 3, 2, {2, 2}, {2, 1}, {2, 2}, 1},            // dilated as it is strided
    {2, 5, 3, 36, 4, 3, 3, 5, 3, {1, 1}, {1, 1}, {1, 1}, 1},            // short lines
    {1, 3, 520, 264, 1, 1, 1, 3, 520, {1, 1}, {0, 0}, {1, 1}, 1},       // 66 packs and many strips: whole warps, walking on
    {2, 20, 21, 32, 3, 2, 3, 19, 19, {1, 1}, {0, 0}, {1, 1}, 1},        // the weight gradient in parts
    {600, 1, 1, 516, 1, 1, 1, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1},         // more logits than blocks
    {1, 2, 3, 448, 3, 3, 3, 2, 3, {1, 1}, {1, 1}, {1, 1}, 1},           // 47.7 KiB of dynamic shared memory, and static arrays beside it
    {1, 9, 10, 8, 3, 7, 7, 9, 10, {1, 1}, {3, 3}, {1, 1}, 1, true},     // CycleGAN's last layer
};
const ConvProblem few_channels_back[] = {
    {2, 18, 22, 3, 16, 4, 4, 9, 11, {2, 2}, {1, 1}, {1, 1}, 1},         // DCGAN's image, in phases
    {1, 7, 11, 4, 12, 7, 7, 7, 11, {1, 1}, {3, 3}, {1, 1}, 1},
    {2, 1, 2, 3, 8, 1, 1, 1, 1, {2, 3}, {0, 0}, {1, 1}, 1},             // phases without a pixel
    {2, 7, 8, 1, 20, 4, 3, 2, 4, {3, 3}, {1, 2}, {1, 1}, 1},
    {2, 10, 31, 2, 6, 3, 2, 4, 16, {2, 2}, {2, 1}, {3, 2}, 1},          // stride and dilation at once, single channels
    {1, 2, 2, 3, 300, 2, 2, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1},           // few pixels from many channels
};

const ConvProblem few_channels[] = {
    {2, 18, 22, 3, 64, 4, 4, 9, 11, {2, 2}, {1, 1}, {1, 1}, 1},         // DCGAN's first layer; two strips of pixels, many lines
    {1, 5, 300, 3, 8, 3, 3, 5, 300, {1, 1}, {1, 1}, {1, 1}, 1},         // more pixels than a tile has
    {1, 9, 10, 4, 37, 5, 3, 9, 10, {1, 1}, {2, 1}, {1, 1}, 1},          // filters left over
    {3, 11, 5, 2, 130, 3, 1, 4, 3, {2, 2}, {0, 0}, {2, 3}, 1},          // three blocks of filters; dilated but for what has one tap
    {2, 1, 2, 3, 6, 1, 1, 1, 1, {2, 3}, {0, 0}, {1, 1}, 1},             // one pixel
    {2, 3, 3, 1, 5, 3, 3, 9, 9, {1, 1}, {4, 4}, {1, 1}, 1},             // more padding than image
    {1, 600, 31, 1, 8, 1, 2, 600, 30, {1, 1}, {0, 0}, {1, 1}, 1},       // lines of many tiles
    {1, 9, 10, 3, 8, 3, 5, 9, 10, {1, 1}, {1, 2}, {1, 1}, 1, true},     // reflected
    {2, 3, 4, 2, 6, 3, 3, 5, 8, {1, 1}, {2, 3}, {1, 1}, 1, true},       // as far as it goes
    {300, 130, 1, 1, 5, 1, 1, 130, 1, {1, 1}, {0, 0}, {1, 1}, 1},       // more tiles than blocks
};

template <size_t N>
void add_convolutions(std::vector<Case>& cases, const ConvProblem (&problems)[N], const char* kernel, bool forwards = true, bool backwards = true, bool weights = true) {
  for (const ConvProblem& p : problems) {
    Numbers numbers(true);
    const std::string name = kernel + describe(p);
    Case forward{"conv2d", name, Rule::exact, {scalars(numbers(size_x(p))), scalars(numbers(size_w(p))), scalars(numbers(p.k))}, {unwritten(size_y(p))}};
    forward.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
      ops.conv2d(queue, p, {in[2], 0.25, false}, in[0], Weight{in[1]}, out[0]);
    };
    Case backward{"conv2d_input_grad", name, Rule::exact, {scalars(numbers(size_y(p))), scalars(numbers(size_w(p))), scalars(numbers(p.c))}, {unwritten(size_x(p))}};
    backward.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
      ops.conv2d_input_grad(queue, p, {in[2], 0.25, false}, in[0], Weight{in[1]}, out[0]);
    };
    if (forwards) cases.push_back(std::move(forward));
    if (backwards && !p.reflect) cases.push_back(std::move(backward));
    for (const bool accumulate : {false, true}) {
      Case weight{"conv2d_weight_grad", name + (accumulate ? ", accumulated" : ""), Rule::exact, {scalars(numbers(size_x(p))), scalars(numbers(size_y(p)))},
                  {accumulate ? scalars(numbers(size_w(p))) : unwritten(size_w(p))}};
      weight.run = [p, accumulate](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
        ops.conv2d_weight_grad(queue, p, accumulate, in[0], in[1], out[0]);
      };
      if (weights) cases.push_back(std::move(weight));
    }
  }
}

void add_products(std::vector<Case>& cases) {
  const int64_t shapes[][4] = {{1, 136, 72, 520}, {3, 16, 24, 72},                          // batch, m, n, k: whole pieces of bfloat16, in parts
                               {132, 5, 70, 9}, {1, 150, 140, 37}, {1, 130, 12, 50},    // batch, m, n, k: wide, square and narrow tiles
                               {65537, 1, 1, 2}};                                            // more products than a grid has layers
  for (const auto& s : shapes)
    for (int variant = 0; variant < (s[0] > 65535 ? 1 : 4); ++variant) {
      const MatmulProblem p{s[0], s[1], s[2], s[3], bool(variant & 1), bool(variant & 2), false, s[1] * s[3], s[2] * s[3]};
      Numbers numbers(true);
      Case c{"matmul", std::to_string(p.batch) + " of " + std::to_string(p.m) + "x" + std::to_string(p.n) + "x" + std::to_string(p.k) + ", variant " + std::to_string(variant),
             Rule::exact, {scalars(numbers(p.batch * p.m * p.k)), scalars(numbers(p.batch * p.k * p.n)), scalars(numbers(p.n))}, {unwritten(p.batch * p.m * p.n)}};
      c.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) { ops.matmul(queue, p, in[0], Weight{in[1]}, in[2], out[0]); };
      cases.push_back(std::move(c));
    }
}

void add_reductions(std::vector<Case>& cases) {
  const ReduceProblem shapes[] = {{2, 5000, 3}, {1, 3000, 40}, {1, 20000, 1}};   // all in parts
  for (const ReduceProblem& p : shapes)
    for (const ReduceKind kind : {ReduceKind::sum, ReduceKind::sum_squares, ReduceKind::max, ReduceKind::min, ReduceKind::count_non_finite}) {
      Numbers numbers(true);
      const int64_t results = p.outer * p.inner;
      Case c{"reduce", "kind " + std::to_string(int(kind)) + " of " + std::to_string(p.outer) + "x" + std::to_string(p.n) + "x" + std::to_string(p.inner), Rule::exact,
             {scalars(numbers(p.outer * p.n * p.inner))}, {unwritten(results), unwritten_indices(results)}};
      const bool extreme = kind == ReduceKind::max || kind == ReduceKind::min;
      if (!extreme) c.outputs[1] = nothing();
      c.run = [p, kind](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
        ops.reduce(queue, kind, p, in[0], out[0], static_cast<int32_t*>(out[1]));
      };
      cases.push_back(std::move(c));
    }
}

void add_scatter(std::vector<Case>& cases) {
  const GatherProblem p{5000, 1, 2, 300};
  Numbers numbers(true);
  Case c{"scatter_add", "5000 entries into 300 rows", Rule::exact,
         {scalars(numbers(p.rows * p.columns)), indices(numbers.places(p.rows, int(p.table_rows)))}, {unwritten(p.table_rows * p.columns)}};
  c.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
    ops.scatter_add(queue, p, in[0], static_cast<int32_t*>(in[1]), nullptr, out[0]);
  };
  cases.push_back(std::move(c));
}

/// Rows in parts. A lane's chain has at most 150 additions, each wrong by 2^-24 of a partial sum, which bounds every result.
void add_norms(std::vector<Case>& cases) {
  const NormProblem shapes[] = {{2, 3000, 5}, {1, 1800, 40}, {3, 700, 1}};
  for (const NormProblem& p : shapes) {
    Numbers numbers(false);
    const int64_t size = p.groups * p.rows * p.channels, columns = p.groups * p.channels;
    const std::string name = std::to_string(p.groups) + " groups of " + std::to_string(p.rows) + " rows, " + std::to_string(p.channels) + " channels";
    const auto relative = [](const Values& exact) {
      Values tolerance = exact;
      for (std::vector<double>& values : tolerance) {
        double largest = 0;
        for (const double v : values) largest = std::max(largest, std::abs(v));
        for (double& v : values) v = 150 * kRoundoff * std::max(largest, 1.0);
      }
      return tolerance;
    };
    Case moments{"moments", name, Rule::within, {scalars(numbers(size))}, {unwritten(columns), unwritten(columns)}};
    moments.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) { ops.moments(queue, p, in[0], out[0], out[1]); };
    moments.tolerance = relative;
    cases.push_back(moments);
    Case gradient{"normalize_grad", name, Rule::within,
                  {scalars(numbers(size)), scalars(numbers(columns)), scalars(numbers.positive(columns)), scalars(numbers.positive(p.channels)),
                   scalars(std::vector<double>(size_t(p.channels), 100.0)), scalars(numbers(size))},   // beta 100: no kink nearby
                  {unwritten(size), unwritten(p.channels), unwritten(p.channels)}};
    gradient.run = [p](const Ops& ops, Queue& queue, const Pointers& in, const Pointers& out) {
      ops.normalize_grad(queue, p, 1e-5, 0.25, in[0], in[1], in[2], in[3], in[4], in[5], out[0], out[1], out[2]);
    };
    gradient.tolerance = [p](const Values& exact) {   // each sum has `rows` terms of a size up to 1.5 * 3 / sqrt(0.05)
      Values tolerance = exact;
      const double sum = 1.5 * 3 / std::sqrt(0.05) * double(p.rows) * double(p.groups), each = 150 * kRoundoff;
      for (double& v : tolerance[0]) v = each * 1.5 / 0.05 * 40;
      for (int i : {1, 2})
        for (double& v : tolerance[size_t(i)]) v = each * sum;
      return tolerance;
    };
    cases.push_back(gradient);
  }
}

}  // namespace

std::vector<Case> kernel_cases() {
  std::vector<Case> cases;
  add_convolutions(cases, convolutions, "");
  add_convolutions(cases, reflected, "");
  add_convolutions(cases, depthwise, "depthwise: ");
  add_convolutions(cases, few_filters, "few filters: ", true, false);
  add_convolutions(cases, few_channels_back, "few filters: ", false, true, false);
  add_convolutions(cases, few_channels, "few channels: ", true, false, false);
  for (auto add : {add_products, add_reductions, add_scatter, add_norms}) add(cases);
  return cases;
}

}  // namespace weft::testing
