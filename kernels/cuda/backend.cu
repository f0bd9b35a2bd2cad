// Device `cuda`: memory, one stream a queue, and errors that say what was being done. The CUDA run time is linked
// statically and finds the driver by itself, so the program also starts where there is none.
#include <cstring>
#include <string>
#include <utility>

#include "ops.h"
#include "ranges.h"

namespace weft::cuda {

namespace {

void check(cudaError_t error, const std::string& what) {
  if (error != cudaSuccess) throw CudaError(what + ": " + cudaGetErrorString(error));
}
/// The same, where work of the queue may have failed before.
void check(const Queue& queue, cudaError_t error, const std::string& what) {
  if (error != cudaSuccess) throw CudaError(diagnosis::failure(what, cudaGetErrorString(error), queue.launched, queue.sync));
}
KernelQueue& own(Queue& queue) { return static_cast<KernelQueue&>(queue); }
cudaStream_t stream_of(Queue& queue) { return own(queue).stream; }

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

__global__ void probe_kernel() {}

/// What the run time says, in the order in which it can be asked.
diagnosis::Machine ask() {
  using Found = diagnosis::Machine::Found;
  diagnosis::Machine m;
  m.runtime = CUDART_VERSION, m.compiled = WEFT_CUDA_ARCHITECTURES;
  const auto failed = [&](cudaError_t error) {
    cudaGetLastError();                         // forget it: the next launch must not be blamed
    m.error = cudaGetErrorString(error);
    switch (error) {
      case cudaSuccess: return false;
      case cudaErrorNoDevice: m.found = Found::no_device; break;
      case cudaErrorInsufficientDriver: m.found = Found::old_driver; break;
      case cudaErrorSystemDriverMismatch: m.found = Found::mismatch; break;
      case cudaErrorNoKernelImageForDevice: case cudaErrorInvalidDeviceFunction: m.found = Found::no_kernel; break;
      case cudaErrorUnsupportedPtxVersion: m.found = Found::old_for_ptx; break;
      default: m.found = Found::other;
    }
    return true;
  };
  if (cudaDriverGetVersion(&m.driver) != cudaSuccess) m.driver = 0;
  if (m.driver == 0 || failed(cudaGetDeviceCount(&m.devices)) || m.devices == 0) return m;
  cudaDeviceProp properties;
  if (failed(cudaGetDeviceProperties(&properties, 0))) return m;
  m.gpu = properties.name, m.capability = 10 * properties.major + properties.minor;
  cudaFuncAttributes attributes;
  failed(cudaFuncGetAttributes(&attributes, probe_kernel));
  return m;
}

std::string unavailable() {
  diagnosis::Machine m = ask();
  if (m.found == diagnosis::Machine::Found::good && m.devices > 0) return "";
  diagnosis::look_around(m);
  return diagnosis::unavailable(m);
}

/// Memory may be asked for while a step is captured: the driver's caution about that is meant for work on streams.
struct AnyCallAllowed {
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  AnyCallAllowed() { cudaThreadExchangeStreamCaptureMode(&mode); }
  ~AnyCallAllowed() { cudaThreadExchangeStreamCaptureMode(&mode); }
};

MemoryLimits memory(Queue&) {
  const AnyCallAllowed scope;
  MemoryLimits limits;
  cudaMemGetInfo(&limits.free, &limits.total);
  return limits;
}

void* allocate(Queue& queue, size_t bytes) {
  const AnyCallAllowed scope;
  void* p = nullptr;
  const cudaError_t error = cudaMalloc(&p, bytes ? bytes : 1);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    const MemoryLimits limits = memory(queue);
    throw OutOfMemory("cuda: cannot allocate " + std::to_string(bytes >> 20) + " MiB, " + std::to_string(limits.free >> 20) + " of the GPU's " +
                      std::to_string(limits.total >> 20) + " MiB are free; a smaller batch or size needs less");
  }
  check(queue, error, "cuda: allocating " + std::to_string(bytes) + " bytes");
  return p;
}

void release(Queue&, void* p, size_t) {
  if (cudaFree(p) != cudaSuccess) cudaGetLastError();   // at exit the driver may be gone already; destructors never throw
}

struct StreamEvent : Event {
  cudaEvent_t event = nullptr;
  StreamEvent() { check(cudaEventCreate(&event), "cuda: making an event"); }
  ~StreamEvent() override { cudaEventDestroy(event); }
};
cudaEvent_t handle(const Event& event) { return static_cast<const StreamEvent&>(event).event; }

void record(Queue& queue, std::unique_ptr<Event>& event) {
  if (!event) event = std::make_unique<StreamEvent>();
  check(queue, cudaEventRecord(handle(*event), stream_of(queue)), "cuda: recording an event");
}
void wait(Queue& queue, const Event& event) { check(queue, cudaEventSynchronize(handle(event)), "cuda: waiting for an event"); }

/// Values on their way to the device. From page-locked memory a copy is under way at once and the host goes on; from any other
/// the driver first waits for the stream.
struct Staging {
  void* memory = nullptr;
  size_t bytes = 0;
  std::unique_ptr<Event> copied;                // out of `memory`
};
struct StagingQueue : KernelQueue {
  Staging staging[2];                           // in turn
  int turn = 0;
  ~StagingQueue() override { for (Staging& s : staging) cudaFreeHost(s.memory); }
};
constexpr size_t kStaged = 64 << 10;            // smaller ones the driver takes at once by itself

const void* staged(Queue& queue, const void* src, size_t bytes, Staging& s) {
  if (s.copied) wait(queue, *s.copied);
  if (bytes > s.bytes) {
    cudaFreeHost(std::exchange(s.memory, nullptr));
    s.bytes = 0;
    if (cudaMallocHost(&s.memory, bytes) != cudaSuccess) return cudaGetLastError(), src;   // a machine may not lock so much
    s.bytes = bytes;
  }
  return std::memcpy(s.memory, src, bytes);
}

void copy(Queue& queue, void* dst, const void* src, size_t bytes, CopyDirection direction) {
  if (!bytes) return;
  if (direction == CopyDirection::to_device && bytes > kStaged && !own(queue).graph) {
    auto& q = static_cast<StagingQueue&>(queue);
    Staging& s = q.staging[q.turn ^= 1];
    src = staged(queue, src, bytes, s);
    check(queue, cudaMemcpyAsync(dst, src, bytes, cudaMemcpyHostToDevice, q.stream), "cuda: copying " + std::to_string(bytes) + " bytes");
    return record(queue, s.copied);
  }
  const cudaMemcpyKind kind = direction == CopyDirection::to_device ? cudaMemcpyHostToDevice
                              : direction == CopyDirection::to_host ? cudaMemcpyDeviceToHost
                                                                    : cudaMemcpyDeviceToDevice;
  check(queue, cudaMemcpyAsync(dst, src, bytes, kind, stream_of(queue)), "cuda: copying " + std::to_string(bytes) + " bytes");
  if (direction == CopyDirection::to_host) check_queue(queue, "cuda: waiting for a copy to the host");
}

Queue* open(const QueueOptions& options) {
  const std::string why = unavailable();
  if (!why.empty()) throw DeviceError("cuda: " + why);
  int devices = 0;
  check(cudaGetDeviceCount(&devices), "cuda: counting devices");
  if (options.device_index < 0 || options.device_index >= devices)
    throw DeviceError("cuda: there is no GPU number " + std::to_string(options.device_index) + ", this process sees " + std::to_string(devices));
  check(cudaSetDevice(options.device_index), "cuda: choosing GPU " + std::to_string(options.device_index));
  int generation = 0;
  check(cudaDeviceGetAttribute(&generation, cudaDevAttrComputeCapabilityMajor, options.device_index), "cuda: asking for the compute capability");
  if (options.precision != Precision::fp32 && generation < 8)
    throw DeviceError("cuda: this GPU is older than compute capability 8.0, and its tensor cores know neither tf32 nor bfloat16; use --precision fp32");
  auto* queue = new StagingQueue;
  queue->precision = options.precision;
  queue->sync = options.sync;
  try {
    check(cudaStreamCreateWithFlags(&queue->stream, cudaStreamNonBlocking), "cuda: making a stream");
  } catch (...) {
    delete queue;
    throw;
  }
  return queue;
}

void fill_zero(Queue& queue, void* p, size_t bytes) {
  if (bytes) check(queue, cudaMemsetAsync(p, 0, bytes, stream_of(queue)), "cuda: clearing " + std::to_string(bytes) + " bytes");
}

void synchronise(Queue& queue) { check_queue(queue, "cuda: waiting for the queue"); }

std::string describe(Queue&) {
  int index = 0, driver = 0;
  cudaDeviceProp p;
  check(cudaGetDevice(&index), "cuda: asking for the device");
  check(cudaGetDeviceProperties(&p, index), "cuda: asking for the device's properties");
  check(cudaDriverGetVersion(&driver), "cuda: asking for the driver's version");
  return std::string(p.name) + ", compute capability " + std::to_string(p.major) + "." + std::to_string(p.minor) + ", " +
         std::to_string(p.totalGlobalMem >> 20) + " MiB, driver for CUDA " + version_text(driver) + ", built with " + version_text(CUDART_VERSION);
}

double seconds(Queue& queue, const Event& from, const Event& to) {
  wait(queue, from), wait(queue, to);
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, handle(from), handle(to)), "cuda: the time between two events");
  return milliseconds / 1e3;
}

void capture_begin(Queue& queue) {
  KernelQueue& q = own(queue);
  check(queue, cudaStreamBeginCapture(q.stream, cudaStreamCaptureModeThreadLocal), "cuda: beginning a capture");
  q.graph = std::make_unique<KernelGraph>();
  q.graph->outside = std::exchange(q.scratch, {});
}

std::unique_ptr<Graph> capture_end(Queue& queue) {
  KernelQueue& q = own(queue);
  std::unique_ptr<KernelGraph> held = std::move(q.graph);
  held->scratch.push_back(std::exchange(q.scratch, held->outside));
  q.launched.count = 0;                                 // none of it has happened
  cudaGraph_t recorded = nullptr;
  check(queue, cudaStreamEndCapture(q.stream, &recorded), "cuda: ending a capture");
  const cudaError_t error = cudaGraphInstantiateWithFlags(&held->exec, recorded, 0);
  cudaGraphDestroy(recorded);
  check(queue, error, "cuda: making a graph of a captured step");
  check(queue, cudaGraphUpload(held->exec, q.stream), "cuda: bringing a captured step to the device");
  return held;
}

void replay(Queue& queue, Graph& graph) {
  queue.launched.add("a captured step");
  check(queue, cudaGraphLaunch(static_cast<KernelGraph&>(graph).exec, stream_of(queue)), "cuda: repeating a captured step");
}

/// The side stream begins when all earlier work is done: a capture begins with an idle queue.
void set_aside(Queue& queue, bool on) {
  KernelQueue& q = own(queue);
  cudaStreamCaptureMode mode = on ? cudaStreamCaptureModeRelaxed : cudaStreamCaptureModeGlobal;   // a thread begins with the latter
  cudaThreadExchangeStreamCaptureMode(&mode);
  if (on && !q.side) check(cudaStreamCreateWithFlags(&q.side, cudaStreamNonBlocking), "cuda: making a stream");
  std::swap(q.stream, q.side);
  q.aside = on;
  if (!on) check(queue, cudaStreamSynchronize(q.side), "cuda: waiting for what was done beside a capture");
}

constexpr Device table() {
  Device d;
  d.name = "cuda", d.unavailable = unavailable, d.open = open, d.describe = describe;
  d.allocate = allocate, d.release = release, d.memory = memory, d.copy = copy, d.fill_zero = fill_zero, d.synchronise = synchronise;
  d.record = record, d.wait = wait, d.seconds = seconds;
  d.capture_begin = capture_begin, d.capture_end = capture_end, d.replay = replay, d.set_aside = set_aside;
  d.range_push = range_push, d.range_pop = range_pop;
  return d;
}
constexpr Device device = table();

}  // namespace

KernelQueue::~KernelQueue() {
  vendor.reset();                                       // works on the stream
  release(*this, scratch.data, scratch.bytes);
  for (const cudaStream_t s : {stream, side}) if (s) cudaStreamDestroy(s);
}
KernelGraph::~KernelGraph() {
  if (exec) cudaGraphExecDestroy(exec);
  for (const Scratch& s : scratch) cudaFree(s.data);
}

/// One block that grows to the largest size asked for. cudaFree waits for the kernels that still use the old one; those of a
/// captured step will use it for as long as there is the graph, which therefore keeps every block it has seen.
void* workspace(Queue& queue, size_t bytes) {
  KernelQueue& q = own(queue);
  if (bytes > q.scratch.bytes) {
    const Scratch old = std::exchange(q.scratch, {});
    if (q.graph) q.graph->scratch.push_back(old);
    else release(q, old.data, old.bytes);
    q.scratch = {allocate(q, bytes), bytes};
  }
  return q.scratch.data;
}

extern const Backend backend;
const Backend backend = {&device, &ops};

}  // namespace weft::cuda
