// Device `sim`: the tables of kernels/cuda/, run by the host executor. Memory is the processor's own; every block has its
// exact size and starts as NaN, so that ASan and the tests see what a GPU would forgive.
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "cuda/ops.h"
#include "host_memory.h"

namespace weft::sim {

namespace {

std::string unavailable() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("fma")) return "the kernels were compiled for processors with fused multiply-add (Intel since 2013, AMD since 2012)";
#endif
  return "";
}

Queue* open(const QueueOptions& options) {
  host::Settings& s = host::settings();
  if (s.workers == 0) s.workers = options.threads ? options.threads : int(std::thread::hardware_concurrency());
  auto* queue = new KernelQueue;
  queue->precision = options.precision;
  queue->sync = options.sync;
  return queue;
}

void* allocate(Queue&, size_t bytes) {
  void* p = nullptr;
  if (posix_memalign(&p, 64, bytes)) throw OutOfMemory("sim: cannot allocate " + std::to_string(bytes) + " bytes");
  std::memset(p, 0xff, bytes);
  return p;
}
void release(Queue&, void* p, size_t) { std::free(p); }
void copy(Queue& queue, void* dst, const void* src, size_t bytes, CopyDirection direction) {
  run_or_record(queue, [=, &queue] { host_memory::copy(queue, dst, src, bytes, direction); });
  if (direction == CopyDirection::to_host) check_queue(queue, "sim: waiting for a copy to the host");
}
void synchronise(Queue& queue) { check_queue(queue, "sim: waiting for the queue"); }
void fill_zero(Queue& queue, void* p, size_t bytes) {
  run_or_record(queue, [=, &queue] { host_memory::fill_zero(queue, p, bytes); });
}

// A captured step is a list of launches, copies and fills with the arguments they had: what a CUDA graph is. So that a replay
// does the same as the step itself is tested here, for any step.
void capture_begin(Queue& queue) {
  auto& q = static_cast<KernelQueue&>(queue);
  q.graph = std::make_unique<KernelGraph>();
  q.graph->outside = std::exchange(q.scratch, {});
}
std::unique_ptr<Graph> capture_end(Queue& queue) {
  auto& q = static_cast<KernelQueue&>(queue);
  q.graph->scratch.push_back(std::exchange(q.scratch, q.graph->outside));
  q.launched.count = 0;                         // none of it has happened
  return std::move(q.graph);
}
void replay(Queue& queue, Graph& graph) {
  queue.launched.add("a captured step");
  for (const auto& work : static_cast<KernelGraph&>(graph).work) work();
}
void set_aside(Queue& queue, bool on) { static_cast<KernelQueue&>(queue).aside = on; }
std::string describe(Queue&) {
  return "host executor, " + std::to_string(host::settings().workers) + " worker" + (host::settings().workers == 1 ? "" : "s");
}

constexpr Device table() {
  Device d = host_memory::device("sim", open, describe);
  d.unavailable = unavailable, d.allocate = allocate, d.release = release, d.copy = copy, d.fill_zero = fill_zero, d.synchronise = synchronise;
  d.capture_begin = capture_begin, d.capture_end = capture_end, d.replay = replay, d.set_aside = set_aside;
  d.exact_allocations = true;
  return d;
}
constexpr Device device = table();

}  // namespace

KernelQueue::~KernelQueue() { std::free(scratch.data); }
KernelGraph::~KernelGraph() {
  for (const Scratch& s : scratch) std::free(s.data);
}

/// A new block of its exact size each time: a kernel that counts on what an earlier one left there reads NaN.
void* workspace(Queue& queue, size_t bytes) {
  auto& q = static_cast<KernelQueue&>(queue);
  const Scratch old = std::exchange(q.scratch, {});
  if (q.graph) q.graph->scratch.push_back(old);
  else std::free(old.data);
  q.scratch = {allocate(q, bytes), bytes};
  return q.scratch.data;
}

extern const Backend backend;
const Backend backend = {&device, &ops};

}  // namespace weft::sim
