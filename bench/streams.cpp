#include "streams.h"

#include <cstring>

namespace weft::bench {
namespace {

PointwiseProblem flat(int64_t n, double p = 0) { return {1, {n}, {{1}, {1}, {1}}, p}; }

}  // namespace

StreamArrays stream_arrays(const Machine& machine, int64_t rows, int64_t channels, int64_t in, int64_t out) {
  const int64_t n = aligned(rows * channels), row = aligned(channels);
  StreamArrays a{};
  a.x = machine.input(in), a.dy = a.x + n, a.gamma = a.dy + n;
  a.out = machine.output(out), a.more = a.out + n;
  a.mean = a.more + 2 * n, a.variance = a.mean + row, a.sum = a.variance + row, a.dgamma = a.sum + row, a.dbeta = a.dgamma + row;
  a.step = machine.step_state();
  a.device = machine.backend().device;
  return a;
}

Need need_of_streams(int64_t rows, int64_t channels) {
  const int64_t n = aligned(rows * channels);
  return {2 * n + aligned(channels), 3 * n + 5 * aligned(channels)};
}

std::vector<Stream> streams(int64_t rows, int64_t channels) {
  const int64_t n = rows * channels;
  const double whole = double(n);
  const NormProblem norm{1, rows, channels};
  using A = const StreamArrays&;
  using O = const Ops&;
  using Q = Queue&;
  std::vector<Stream> all = {
      {"copy", 2 * whole, [=](O o, Q q, A a) { o.strided_copy(q, {1, {n}, {1}, {1}}, 4, a.x, a.out); }},
      {"copy by the device", 2 * whole, [=](O, Q q, A a) { a.device->copy(q, a.out, a.x, size_t(n) * sizeof(float), CopyDirection::on_device); }},
      {"copy transposed", 2 * whole, [=](O o, Q q, A a) { o.strided_copy(q, {2, {channels, rows}, {1, channels}, {rows, 1}}, 4, a.x, a.out); }},
      {"moments", whole, [=](O o, Q q, A a) { o.moments(q, norm, a.x, a.mean, a.variance); }},
      {"normalize", 2 * whole, [=](O o, Q q, A a) { o.normalize(q, norm, 1e-5, 0.2, a.x, a.mean, a.variance, a.gamma, a.gamma, a.out); }},
      {"normalize_grad", 5 * whole, [=](O o, Q q, A a) {
         o.normalize_grad(q, norm, 1e-5, 0.2, a.x, a.mean, a.variance, a.gamma, a.gamma, a.dy, a.out, a.dgamma, a.dbeta); }},
      {"adam", 7 * whole, [=](O o, Q q, A a) { o.optimizer_step(q, {}, {a.out, a.x, a.more, a.more + aligned(n), n, nullptr, nullptr}, a.step, 0); }},
      {"add", 3 * whole, [=](O o, Q q, A a) { o.pointwise(q, PointwiseKind::add, flat(n), a.x, a.dy, nullptr, a.out); }},
      {"add a bias", 2 * whole, [=](O o, Q q, A a) {
         o.pointwise(q, PointwiseKind::add, {2, {rows, channels}, {{channels, 1}, {0, 1}, {0, 0}}}, a.x, a.gamma, nullptr, a.out); }},
      {"leaky_relu_grad", 3 * whole, [=](O o, Q q, A a) { o.pointwise(q, PointwiseKind::leaky_relu_grad, flat(n, 0.2), a.x, a.dy, nullptr, a.out); }},
      {"sum of columns", whole, [=](O o, Q q, A a) { o.reduce(q, ReduceKind::sum, {1, rows, channels}, a.x, a.sum, nullptr); }},
      {"sum of all", whole, [=](O o, Q q, A a) { o.reduce(q, ReduceKind::sum, {1, n, 1}, a.x, a.sum, nullptr); }},
      {"random uniform", whole, [=](O o, Q q, A a) { o.random(q, RandomKind::uniform, 7, a.step, n, a.out); }},
      {"random normal", whole, [=](O o, Q q, A a) { o.random(q, RandomKind::normal, 7, a.step, n, a.out); }},
  };
  for (const PointwiseKind kind : {PointwiseKind::leaky_relu, PointwiseKind::tanh, PointwiseKind::exp, PointwiseKind::softplus})
    all.push_back({pointwise_info[int(kind)].name, 2 * whole, [=](O o, Q q, A a) { o.pointwise(q, kind, flat(n, 0.2), a.x, nullptr, nullptr, a.out); }});
  return all;
}

Row measure_stream(Machine& machine, const Stream& stream, int64_t rows, int64_t channels, const Effort& effort) {
  Row row{Row::Kind::stream, stream.name, std::to_string(rows) + "x" + std::to_string(channels)};
  Queue& queue = machine.queue(Precision::fp32);
  const Need need = need_of_streams(rows, channels);
  const StreamArrays first = stream_arrays(machine, rows, channels, 0, 0);
  row.bytes = 4 * stream.moves;

  /// Statistics that stand for x, moments and results of zero; then one launch.
  const auto fresh = [&] {
    machine.backend().device->fill_zero(queue, first.out, size_t(need.outputs) * sizeof(float));
    machine.ops().moments(queue, {1, rows, channels}, first.x, first.mean, first.variance);
    const auto before = queue.launches;
    stream.launch(machine.ops(), queue, first);
    row.kernels = kernels_since(queue, before);
    return effort.once ? std::vector<float>() : machine.read(queue, first.out, need.outputs);
  };
  const std::vector<float> once = fresh();
  machine.backend().device->synchronise(queue);
  if (effort.once) return row;
  const std::vector<float> twice = fresh();
  row.same_bits = std::memcmp(once.data(), twice.data(), once.size() * sizeof(float)) == 0;

  row.warm = machine.time(queue, [&](int) { stream.launch(machine.ops(), queue, first); }, effort.seconds, effort.least);
  const Rotation rotation(machine, need.inputs, need.outputs);
  row.cold = machine.time(queue, [&](int i) {
    StreamArrays at = stream_arrays(machine, rows, channels, rotation.in(i), rotation.out(i));
    at.mean = first.mean, at.variance = first.variance;
    stream.launch(machine.ops(), queue, at);
  }, effort.seconds, effort.least, rotation.count);
  return row;
}

}  // namespace weft::bench
