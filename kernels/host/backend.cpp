// Device `sim`: the tables of kernels/cuda/, run by the host executor. Memory is the processor's own; every block has its
// exact size and starts as NaN, so that ASan and the tests see what a GPU would forgive.
#include <cstdlib>
#include <cstring>
#include <thread>

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
  return queue;
}

void* allocate(Queue&, size_t bytes) {
  void* p = nullptr;
  if (posix_memalign(&p, 64, bytes)) throw OutOfMemory("sim: cannot allocate " + std::to_string(bytes) + " bytes");
  std::memset(p, 0xff, bytes);
  return p;
}
void release(Queue&, void* p, size_t) { std::free(p); }
std::string describe(Queue&) {
  return "host executor, " + std::to_string(host::settings().workers) + " worker" + (host::settings().workers == 1 ? "" : "s");
}

constexpr Device table() {
  Device d = host_memory::device("sim", open, describe);
  d.unavailable = unavailable, d.allocate = allocate, d.release = release;
  d.exact_allocations = true;
  return d;
}
constexpr Device device = table();

}  // namespace

KernelQueue::~KernelQueue() { std::free(scratch); }

/// A new block of its exact size each time: a kernel that counts on what an earlier one left there reads NaN.
void* workspace(Queue& queue, size_t bytes) {
  auto& q = static_cast<KernelQueue&>(queue);
  release(q, q.scratch, q.scratch_bytes);
  q.scratch = nullptr;
  q.scratch = allocate(q, bytes);
  q.scratch_bytes = bytes;
  return q.scratch;
}

extern const Backend backend;
const Backend backend = {&device, &ops};

}  // namespace weft::sim
