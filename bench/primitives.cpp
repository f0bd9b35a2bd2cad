// The cpu backend's ops at DCGAN's shapes: 32x32x1 and 64x64x3, width 64, batch 64. Convolutions race oneDNN's bare
// primitive, run in turn with ours so that both see the same machine:
//
//   GFLOP/s   ours, by the best of all iterations          bare   the primitive's, with its weights reordered beforehand
//   ratio     our time over the primitive's: 1 is as good as it gets, unless we know something better than the primitive
//
//   bench_primitives --benchmark_filter=64x64x3 --benchmark_min_time=0.5        OMP_NUM_THREADS=1: on one thread
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "bare_onednn.h"
#include "weft/kernels/ops.h"

namespace weft::bench {
namespace {

constexpr int kBatch = 64, kWidth = 64;

struct Machine {
  const Backend* backend = find_backend("cpu", DType::f32);
  std::unique_ptr<Queue> queue;
  Machine() {
    const char* threads = std::getenv("OMP_NUM_THREADS");   // which the bare primitive obeys
    queue.reset(backend->device->open({threads ? std::atoi(threads) : 0, 0}));
  }
  static Machine& get() {
    static Machine machine;
    return machine;
  }
};

double seconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// As the backend aligns its memory, and oneDNN its own: a vector store across two cache lines costs a convolution 10 %.
template <class T>
struct Aligned {
  using value_type = T;
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, size_t) { ::operator delete(p, std::align_val_t{64}); }
  bool operator==(const Aligned&) const { return true; }
};
using Floats = std::vector<float, Aligned<float>>;

Floats filled(size_t n) {
  Floats values(n);
  for (size_t i = 0; i < n; ++i) values[i] = float(int(i * 2654435761u >> 24) - 128) / 1024;
  return values;
}

void convolution(benchmark::State& state, ConvOp op, const ConvProblem& p) {
  Machine& machine = Machine::get();
  const Ops& ops = *machine.backend->ops;
  Floats x = filled(size_t(p.n) * p.h * p.w * p.c), y = filled(size_t(p.n) * p.p * p.q * p.k);
  Floats w = filled(size_t(p.k) * p.r * p.s * p.c);
  const Weight weight{w.data(), 1, 0, 1};
  const auto ours = [&] {
    if (op == ConvOp::forward) ops.conv2d(*machine.queue, p, {}, x.data(), weight, y.data());
    if (op == ConvOp::input_grad) ops.conv2d_input_grad(*machine.queue, p, {}, y.data(), weight, x.data());
    if (op == ConvOp::weight_grad) ops.conv2d_weight_grad(*machine.queue, p, false, x.data(), y.data(), w.data());
  };
#ifdef WEFT_HAS_ONEDNN
  const auto bare = bare_onednn(op, p);
#else
  const std::function<void()> bare;
#endif
  double best = 1e9, best_bare = 1e9;
  machine.queue->launches.clear();
  for (auto _ : state) {
    const double time = seconds(ours);
    state.SetIterationTime(time);
    best = std::min(best, time);
    if (bare) best_bare = std::min(best_bare, seconds(bare));
  }
  const double flops = 2.0 * p.n * p.p * p.q * p.k * p.r * p.s * p.c;
  state.counters["GFLOP/s"] = flops / best * 1e-9;
  if (bare) state.counters["bare"] = flops / best_bare * 1e-9, state.counters["ratio"] = best / best_bare;
  state.SetLabel(machine.queue->launches.begin()->first);
  ops.forget(*machine.queue, 1);
}

/// Ops that are bound by memory: GB/s of what they must read and write.
void streaming(benchmark::State& state, double floats, const std::function<void(const Ops&, Queue&)>& call) {
  Machine& machine = Machine::get();
  double best = 1e9;
  for (auto _ : state) {
    const double time = seconds([&] { call(*machine.backend->ops, *machine.queue); });
    state.SetIterationTime(time);
    best = std::min(best, time);
  }
  state.counters["GB/s"] = floats * sizeof(float) / best * 1e-9;
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& f) {
  benchmark::RegisterBenchmark(name.c_str(), f)->UseManualTime()->Unit(benchmark::kMicrosecond);
}

void register_convolutions(int size, int channels) {
  const std::string image = std::to_string(size) + "x" + std::to_string(size) + "x" + std::to_string(channels);
  struct Layer {
    std::string name;
    ConvProblem problem;
  };
  std::vector<Layer> layers;
  int side = size, from = channels, to = kWidth;
  for (; side > 4; side /= 2, from = to, to *= 2)
    layers.push_back({std::to_string(from) + "-" + std::to_string(to),
                      {kBatch, side, side, from, to, 4, 4, side / 2, side / 2, {2, 2}, {1, 1}, {1, 1}, 1}});
  layers.push_back({"logit", {kBatch, 4, 4, from, 1, 4, 4, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1}});
  layers.push_back({"stem", {kBatch, 4, 4, from, 100, 4, 4, 1, 1, {1, 1}, {0, 0}, {1, 1}, 1}});
  const std::pair<const char*, ConvOp> ops[] = {
      {"conv2d", ConvOp::forward}, {"input_grad", ConvOp::input_grad}, {"weight_grad", ConvOp::weight_grad}};
  for (const auto& [op_name, op] : ops)
    for (const Layer& layer : layers)
      add(image + "/" + op_name + "/" + layer.name, [op = op, p = layer.problem](benchmark::State& s) { convolution(s, op, p); });
}

void register_streaming(int64_t rows, int64_t channels) {
  const int64_t n = rows * channels;
  struct Buffers {
    Floats x, dy, out, mean, variance, gamma, beta, dgamma, dbeta;
  };
  auto b = std::make_shared<Buffers>(Buffers{filled(n), filled(n), filled(n), filled(channels), Floats(channels, 1),
                                             filled(channels), filled(channels), filled(channels), filled(channels)});
  const std::string shape = std::to_string(rows) + "x" + std::to_string(channels);
  const NormProblem norm{1, rows, channels};
  const auto run = [&](const char* name, double floats, std::function<void(const Ops&, Queue&)> call) {
    add(shape + "/" + name, [=](benchmark::State& s) { streaming(s, floats, call); });
  };
  run("moments", n, [=](const Ops& o, Queue& q) { o.moments(q, norm, b->x.data(), b->mean.data(), b->dbeta.data()); });
  run("normalize", 2 * n, [=](const Ops& o, Queue& q) {
    o.normalize(q, norm, 1e-5, 0.2, b->x.data(), b->mean.data(), b->variance.data(), b->gamma.data(), b->beta.data(), b->out.data());
  });
  run("normalize_grad", 5 * n, [=](const Ops& o, Queue& q) {
    o.normalize_grad(q, norm, 1e-5, 0.2, b->x.data(), b->mean.data(), b->variance.data(), b->gamma.data(), b->beta.data(),
                     b->dy.data(), b->out.data(), b->dgamma.data(), b->dbeta.data());
  });
  run("reduce_sum", n, [=](const Ops& o, Queue& q) { o.reduce(q, ReduceKind::sum, {1, rows, channels}, b->x.data(), b->dbeta.data(), nullptr); });
  run("reduce_all", n, [=](const Ops& o, Queue& q) { o.reduce(q, ReduceKind::sum, {1, n, 1}, b->x.data(), b->dbeta.data(), nullptr); });
  run("add", 3 * n, [=](const Ops& o, Queue& q) {
    o.pointwise(q, PointwiseKind::add, {1, {n}, {{1}, {1}, {0}}}, b->x.data(), b->dy.data(), nullptr, b->out.data());
  });
  run("add_bias", 2 * n, [=](const Ops& o, Queue& q) {
    o.pointwise(q, PointwiseKind::add, {2, {rows, channels}, {{channels, 1}, {0, 1}, {0, 0}}}, b->x.data(), b->beta.data(), nullptr, b->out.data());
  });
  for (const PointwiseKind kind : {PointwiseKind::leaky_relu, PointwiseKind::tanh, PointwiseKind::exp, PointwiseKind::softplus})
    run(pointwise_info[int(kind)].name, 2 * n, [=](const Ops& o, Queue& q) {
      o.pointwise(q, kind, {1, {n}, {{1}, {0}, {0}}, 0.2}, b->x.data(), nullptr, nullptr, b->out.data());
    });
  run("normal", n, [=](const Ops& o, Queue& q) {
    const StepState step;
    o.random(q, RandomKind::normal, 7, &step, n, b->out.data());
  });
  run("adam", 7 * n, [=](const Ops& o, Queue& q) {
    const StepState step;
    o.optimizer_step(q, {}, {b->out.data(), b->x.data(), b->dy.data(), b->dy.data(), n, nullptr, nullptr}, &step, 0);
  });
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  weft::bench::Machine& machine = weft::bench::Machine::get();
  benchmark::AddCustomContext("device", machine.backend->device->describe(*machine.queue));
  weft::bench::register_convolutions(32, 1);
  weft::bench::register_convolutions(64, 3);
  weft::bench::register_streaming(64 * 16 * 16, 64);
  weft::bench::register_streaming(64 * 64 * 64, 3);
  benchmark::RunSpecifiedBenchmarks();
}
