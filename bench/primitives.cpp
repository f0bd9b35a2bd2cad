// The cpu backend's ops at DCGAN's shapes: 32x32x1 and 64x64x3, width 64, batch 64. Convolutions race oneDNN's bare
// primitive, run in turn with ours so that both see the same machine:
//
//   GFLOP/s   ours, by the best of all iterations          bare   the primitive's, with its weights reordered beforehand
//   bare_us   the primitive's microseconds, its best
//   ratio     our time over the primitive's: 1 is as good as it gets, unless we know something better than the primitive
//
//   bench_primitives --benchmark_filter=64x64x3 --benchmark_min_time=0.5        OMP_NUM_THREADS=1: on one thread
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>

#include "bare_onednn.h"
#include "streams.h"

namespace weft::bench {
namespace {

double seconds(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void convolution(benchmark::State& state, Machine& machine, Pass entry, const ConvProblem& p) {
  Queue& queue = machine.queue(Precision::fp32);
  const Convolution ours{entry, p};
  const float *a = machine.input(0), *b = a + aligned(ours.size_a());
  const uint64_t id = machine.new_id();
#ifdef WEFT_HAS_ONEDNN
  const auto bare = bare_onednn(entry, p);
#else
  const std::function<void()> bare;
#endif
  double best = 1e9, best_bare = 1e9;
  queue.launches.clear();
  for (auto _ : state) {
    const double time = seconds([&] { ours.launch(machine.ops(), queue, a, b, machine.output(0), id); });
    state.SetIterationTime(time);
    best = std::min(best, time);
    if (bare) best_bare = std::min(best_bare, seconds(bare));
  }
  state.counters["GFLOP/s"] = flops_of(p) / best * 1e-9;
  if (bare) state.counters["bare"] = flops_of(p) / best_bare * 1e-9, state.counters["bare_us"] = best_bare * 1e6, state.counters["ratio"] = best / best_bare;
  state.SetLabel(queue.launches.begin()->first);
  if (machine.ops().forget) machine.ops().forget(queue, id);
}

/// Ops that are bound by memory: GB/s of what they must read and write.
void streaming(benchmark::State& state, Machine& machine, const Stream& stream, int64_t rows, int64_t channels) {
  Queue& queue = machine.queue(Precision::fp32);
  const StreamArrays arrays = stream_arrays(machine, rows, channels, 0, 0);
  machine.backend().device->fill_zero(queue, arrays.out, size_t(machine.outputs()) * sizeof(float));
  machine.ops().moments(queue, {1, rows, channels}, arrays.x, arrays.mean, arrays.variance);
  double best = 1e9;
  for (auto _ : state) {
    const double time = seconds([&] { stream.launch(machine.ops(), queue, arrays); });
    state.SetIterationTime(time);
    best = std::min(best, time);
  }
  state.counters["GB/s"] = stream.moves * sizeof(float) / best * 1e-9;
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& f) {
  benchmark::RegisterBenchmark(name.c_str(), f)->UseManualTime()->Unit(benchmark::kMicrosecond);
}

void register_all(Machine& machine) {
  Need most;
  const auto grow = [&](const Need& need) { most = {std::max(most.inputs, need.inputs), std::max(most.outputs, need.outputs)}; };
  constexpr const char* entries[] = {"conv2d", "input_grad", "weight_grad"};
  for (const auto& [size, channels] : {std::pair{32, 1}, std::pair{64, 3}})
    for (const Pass entry : passes)
      for (const Layer& layer : dcgan_layers(size, channels, 64)) {
        add(layer.network + "/" + entries[int(entry)] + "/" + layer.name,
            [&machine, entry, p = layer.problem](benchmark::State& s) { convolution(s, machine, entry, p); });
        grow(need_of(layer));
      }
  for (const auto& [rows, channels] : {std::pair{64 * 16 * 16, 64}, std::pair{64 * 64 * 64, 3}})
    for (const Stream& stream : streams(rows, channels)) {
      add(std::to_string(rows) + "x" + std::to_string(channels) + "/" + stream.name,
          [&machine, stream, rows = rows, channels = channels](benchmark::State& s) { streaming(s, machine, stream, rows, channels); });
      grow(need_of_streams(rows, channels));
    }
  machine.reserve(most.inputs, most.outputs);
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const char* threads = std::getenv("OMP_NUM_THREADS");   // which the bare primitive obeys
  weft::bench::Machine machine("cpu", threads ? std::atoi(threads) : 0);
  benchmark::AddCustomContext("device", machine.describe());
  weft::bench::register_all(machine);
  benchmark::RunSpecifiedBenchmarks();
}
