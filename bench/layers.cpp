// Convolutions and matrix products: time, launches, error against float64, and whether two launches give the same bits.
#include <cmath>
#include <cstring>
#include <limits>

#include "opponent.h"

namespace weft::bench {

void Convolution::launch(const Ops& ops, Queue& queue, const float* a, const float* b, float* out, uint64_t weight, const uint16_t* a16, const uint16_t* b16) const {
  ConvProblem q = p;
  q.bf16_x = a16 && p.c % 8 == 0 && entry != Pass::input_grad, q.bf16_y = a16 && p.k % 8 == 0 && entry != Pass::forward;
  const auto either = [](int narrow, const float* wide, const uint16_t* half) { return narrow ? static_cast<const void*>(half) : wide; };
  const Weight w{b, weight, 0, 1, b16};
  if (entry == Pass::forward) ops.conv2d(queue, q, {}, either(q.bf16_x, a, a16), w, out);
  if (entry == Pass::input_grad) ops.conv2d_input_grad(queue, q, {}, either(q.bf16_y, a, a16), w, out);
  if (entry == Pass::weight_grad) ops.conv2d_weight_grad(queue, q, false, either(q.bf16_x, a, a16), either(q.bf16_y, b, b16), out);
}

double Convolution::exact(const float* a, const float* b, int64_t element) const {
  const int cg = p.c / p.groups, kg = p.k / p.groups;
  const auto x = [&](int64_t n, int64_t h, int64_t w, int64_t c) { return ((n * p.h + h) * p.w + w) * p.c + c; };
  const auto y = [&](int64_t n, int64_t q, int64_t r, int64_t k) { return ((n * p.p + q) * p.q + r) * p.k + k; };
  const auto w = [&](int64_t k, int64_t r, int64_t s, int64_t c) { return ((k * p.r + r) * p.s + s) * cg + c; };
  double sum = 0;
  if (entry == Pass::forward) {
    const int k = int(element % p.k), q = int(element / p.k % p.q), o = int(element / p.k / p.q % p.p), n = int(element / p.k / p.q / p.p);
    for (int r = 0; r < p.r; ++r)
      for (int s = 0; s < p.s; ++s) {
        const int ih = o * p.stride.h - p.pad.h + r * p.dilation.h, iw = q * p.stride.w - p.pad.w + s * p.dilation.w;
        if (ih < 0 || ih >= p.h || iw < 0 || iw >= p.w) continue;
        for (int c = 0; c < cg; ++c) sum += double(a[x(n, ih, iw, k / kg * cg + c)]) * b[w(k, r, s, c)];
      }
  } else if (entry == Pass::input_grad) {
    const int c = int(element % p.c), iw = int(element / p.c % p.w), ih = int(element / p.c / p.w % p.h), n = int(element / p.c / p.w / p.h);
    for (int r = 0; r < p.r; ++r)
      for (int s = 0; s < p.s; ++s) {
        const int oh = ih + p.pad.h - r * p.dilation.h, ow = iw + p.pad.w - s * p.dilation.w;
        if (oh < 0 || ow < 0 || oh % p.stride.h || ow % p.stride.w || oh / p.stride.h >= p.p || ow / p.stride.w >= p.q) continue;
        for (int k = 0; k < kg; ++k) sum += double(a[y(n, oh / p.stride.h, ow / p.stride.w, c / cg * kg + k)]) * b[w(c / cg * kg + k, r, s, c % cg)];
      }
  } else {
    const int c = int(element % cg), s = int(element / cg % p.s), r = int(element / cg / p.s % p.r), k = int(element / cg / p.s / p.r);
    for (int n = 0; n < p.n; ++n)
      for (int o = 0; o < p.p; ++o)
        for (int q = 0; q < p.q; ++q) {
          const int ih = o * p.stride.h - p.pad.h + r * p.dilation.h, iw = q * p.stride.w - p.pad.w + s * p.dilation.w;
          if (ih >= 0 && ih < p.h && iw >= 0 && iw < p.w) sum += double(a[x(n, ih, iw, k / kg * cg + c)]) * b[y(n, o, q, k)];
        }
  }
  return sum;
}
double Convolution::terms() const {
  return entry == Pass::forward ? double(p.r) * p.s * p.c / p.groups : entry == Pass::input_grad ? double(p.r) * p.s * p.k / p.groups : double(p.n) * p.p * p.q;
}

namespace {

/// The error of `got`, by at most 256 of its elements spread over all, fewer where each is a long sum. Not a number if any
/// element at all was left unwritten or is not finite.
double error_of(const std::vector<float>& got, double terms, const std::function<double(int64_t)>& exact) {
  for (const float v : got)
    if (!std::isfinite(v)) return std::numeric_limits<double>::quiet_NaN();
  const int64_t count = int64_t(got.size()), samples = std::min<int64_t>({count, 256, std::max<int64_t>(16, int64_t(1e7 / terms))});
  double off = 0, whole = 0;
  for (int64_t i = 0; i < samples; ++i) {
    const int64_t element = int64_t((uint64_t(i) * 0x9e3779b97f4a7c15u) % uint64_t(count));
    const double wanted = exact(element);
    off += (got[size_t(element)] - wanted) * (got[size_t(element)] - wanted);
    whole += wanted * wanted;
  }
  return std::sqrt(off / whole);
}

/// Every element not a number, so that one that is never written shows.
void poison(Machine& machine, Queue& queue, int64_t count) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  machine.ops().pointwise(queue, PointwiseKind::affine, {1, {count}, {{1}, {0}, {0}}, 0, nan}, machine.output(0), nullptr, nullptr, machine.output(0));
}

using LaunchAt = std::function<void(const Ops&, Queue&, const float* in, float* out, uint64_t weight)>;

void measure(Machine& machine, Row& row, Precision precision, int64_t inputs, int64_t outputs, const LaunchAt& launch, double terms,
             const std::function<double(const float* in, int64_t element)>& exact, const std::function<std::optional<Opponent>()>& find_opponent,
             const Effort& effort) {
  Queue& queue = machine.queue(precision);
  poison(machine, queue, outputs);
  const auto poisoned = queue.launches;
  uint64_t first_id = machine.new_id();
  launch(machine.ops(), queue, machine.input(0), machine.output(0), first_id);
  row.kernels = kernels_since(queue, poisoned);
  machine.backend().device->synchronise(queue);
  if (effort.once) return;

  const std::vector<float> got = machine.read(queue, machine.output(0), outputs);
  const float* in = machine.host_inputs(inputs);
  const auto error = [&](const std::vector<float>& result) { return error_of(result, terms, [&](int64_t element) { return exact(in, element); }); };
  row.error = error(got);
  poison(machine, queue, outputs);
  launch(machine.ops(), queue, machine.input(0), machine.output(0), first_id);
  const std::vector<float> again = machine.read(queue, machine.output(0), outputs);
  row.same_bits = std::memcmp(got.data(), again.data(), got.size() * sizeof(float)) == 0;

  std::vector<std::pair<Queue*, Launch>> contenders{{&queue, [&](int) { launch(machine.ops(), queue, machine.input(0), machine.output(0), first_id); }}};
  const std::optional<Opponent> opponent = find_opponent();
  if (opponent) contenders.push_back({opponent->queue, opponent->launch});
  const std::vector<Timing> warm = machine.race(contenders, effort.seconds, effort.least);
  row.warm = warm[0];
  if (opponent) {
    row.vendor = warm[1], row.vendor_plan = opponent->plan;
    if (opponent->writes_floats) row.vendor_error = error(machine.read(*opponent->queue, machine.output(0), outputs));   // theirs ran last
  }

  const Rotation rotation(machine, inputs, outputs);
  std::vector<uint64_t> ids(size_t(rotation.count));
  for (uint64_t& id : ids) id = machine.new_id();
  row.cold = machine.time(queue, [&](int i) {
    launch(machine.ops(), queue, machine.input(rotation.in(i)), machine.output(rotation.out(i)), ids[size_t(i % rotation.count)]);
  }, effort.seconds, effort.least, rotation.count);
  ids.push_back(first_id);
  for (const uint64_t id : ids)
    if (machine.ops().forget) machine.ops().forget(queue, id);
}

}  // namespace

Need need_of(const Layer& layer) {
  Need need;
  for (const Pass pass : passes) {
    const Convolution c{pass, layer.problem};
    need.inputs = std::max(need.inputs, aligned(c.size_a()) + aligned(c.size_b()));
    need.outputs = std::max(need.outputs, aligned(c.size_out()));
  }
  return need;
}

Row measure_layer(Machine& machine, const Layer& layer, Pass pass, Precision precision, const Effort& effort) {
  const Layer run = shrunk(layer, effort.largest_flops);
  const Convolution c{run.entry(pass), run.problem};
  Row row{Row::Kind::layer, layer.id, layer.network + (layer.name.empty() ? "" : " " + layer.name), pass_names[int(pass)], precision_names[int(precision)]};
  row.shrunk = flops_of(run.problem) < flops_of(layer.problem);
  row.flops = flops_of(c.p);
  row.bytes = (precision == Precision::bf16 ? 2.0 : 4.0) * double(c.size_a() + c.size_b()) + 4.0 * double(c.size_out());
  const int64_t b = aligned(c.size_a());
  measure(machine, row, precision, b + aligned(c.size_b()), c.size_out(),
          [&](const Ops& ops, Queue& queue, const float* in, float* out, uint64_t weight) {
            const uint16_t* half = precision == Precision::bf16 ? machine.bf16_inputs() + (in - machine.input(0)) : nullptr;
            c.launch(ops, queue, in, in + b, out, weight, half, half ? half + b : nullptr);
          },
          c.terms(), [&](const float* in, int64_t element) { return c.exact(in, in + b, element); },
          [&] { return find_opponent(machine, c, precision); }, effort);
  return row;
}

Row measure_product(Machine& machine, int size, Precision precision, const Effort& effort) {
  const std::string side = std::to_string(size);
  Row row{Row::Kind::product, "matmul", side + "x" + side + "x" + side, "", precision_names[int(precision)]};
  const MatmulProblem p{1, size, size, size, false, false, false, 0, 0};
  const int64_t n = int64_t{size} * size;
  row.flops = 2.0 * double(n) * size;
  row.bytes = (precision == Precision::bf16 ? 8.0 : 12.0) * double(n);
  measure(machine, row, precision, 2 * n, n,
          [&](const Ops& ops, Queue& queue, const float* in, float* out, uint64_t weight) {
            MatmulProblem q = p;
            q.bf16_a = precision == Precision::bf16;
            const uint16_t* half = q.bf16_a ? machine.bf16_inputs() + (in - machine.input(0)) : nullptr;
            ops.matmul(queue, q, half ? static_cast<const void*>(half) : in, {in + n, weight, 0, 1, half ? half + n : nullptr}, nullptr, out);
          },
          size, [&](const float* in, int64_t element) {
            double sum = 0;
            for (int64_t k = 0; k < size; ++k) sum += double(in[element / size * size + k]) * in[n + k * size + element % size];
            return sum;
          }, [&] { return find_opponent(machine, p, precision); }, effort);
  return row;
}

}  // namespace weft::bench
