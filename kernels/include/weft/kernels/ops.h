// The op table: the small basis of operations that every backend fills in, and the device functions beside it.
// A backend is two tables of plain functions and a Queue; nothing above kernels/ knows more of it.
//
// Pointers are device pointers of the backend's scalar type (float, or double in reference<double>), contiguous, row-major,
// NHWC; index arrays are int32. Every function queues its work and may return before it is done. Outputs never alias
// inputs, except that pointwise may write over an input of the same size and strides. A null entry is a hole: the caller
// (tensor/context.cpp) turns it into an error that names the op, the backend and what would work.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "weft/kernels/error.h"
#include "weft/kernels/geometry.h"
#include "weft/kernels/kinds.h"

namespace weft {

/// How products are computed by the kernels in kernels/cuda/; other backends know fp32 alone. Memory holds float32, but with
/// bf16 activations and their gradients may be bfloat16 arrays (geometry.h); products may have a bfloat16 result in bf16 alone.
enum class Precision : uint8_t {
  fp32,     // fused multiply-adds: the definition
  tf32x3,   // tensor cores, three products of 11-bit halves: float32's accuracy but for the last bits
  tf32,     // tensor cores, factors rounded to 11 bits
  bf16,     // tensor cores, factors rounded to 8 bits, or given as bfloat16
};

/// Whose kernels device `cuda` runs. vendor: cuDNN's and cuBLAS's convolutions and products, through a plug-in (vendor.h),
/// and our own for everything else.
enum class Kernels : uint8_t { own, vendor };

/// How a backend is opened. `threads` 0 means one per physical core that this process may use.
struct QueueOptions {
  int threads = 0;
  int device_index = 0;
  Precision precision = Precision::fp32;
  bool sync = false;       // cuda, sim: wait after each launch, so that an error is told where it happened; nothing is captured
};

/// Names of what was launched since the device was last known to be well: an error may be noticed later than it happens.
struct Launched {
  static constexpr uint64_t kNames = 16;   // the last ones are kept, launch i at i % kNames
  const char* names[kNames] = {};          // for as long as the program runs
  uint64_t count = 0;
  void add(const char* name) { names[count++ % kNames] = name; }
};

/// A backend's own object: stream, workspace, cached primitives. Work on one queue runs in order; one thread at a time.
struct Queue {
  virtual ~Queue() = default;
  std::map<std::string, uint64_t> launches;   // how often each kernel ran, by its name
  Launched launched;
  bool sync = false;
  std::shared_ptr<void> vendor;               // what the vendor plug-in keeps for this queue, if it was opened with it
};

/// A filter or matrix that outlives one step. A backend may keep layouts derived from it, keyed by (id, offset) and never
/// by address, and valid for one version. id 0: a passing value, keep nothing.
struct Weight {
  const void* data = nullptr;
  uint64_t id = 0;
  size_t offset = 0;
  uint64_t version = 0;
  const void* bf16 = nullptr;   // the same numbers rounded to bfloat16, as they are in this version; or null
};

/// What changes from step to step, read by kernels from device memory so that a captured step can be replayed.
struct StepState {
  uint64_t step = 0;                              // the counter of every random stream
  struct Update {
    double learning_rate = 0;
    double bias_correction1 = 1, bias_correction2 = 1;   // 1 - beta^t, Adam's
  } update[4];                                    // one a network
};

/// Constants of an optimiser. `decay` is L2 for sgd, adam and rmsprop, decoupled for adamw.
struct OptimizerSettings {
  OptimizerKind kind = OptimizerKind::adam;
  double beta1 = 0.9;      // adam, adamw; momentum for sgd and rmsprop
  double beta2 = 0.999;    // adam, adamw; alpha for rmsprop
  double epsilon = 1e-8;
  double decay = 0;
  bool nesterov = false;   // sgd
  double rate_scale = 1;   // multiplies the network's learning rate for this range
};

/// One range of a network's arenas, n elements each. m and v may be null where the kind keeps no such moment.
struct OptimizerArenas {
  void* parameter;
  const void* gradient;
  void* m;
  void* v;
  int64_t n;
  const void* gradient_scale;   // one scalar that multiplies every gradient (clipping), or null for 1
  const void* skip;             // one scalar; when it is not 0, nothing is written. Or null
  void* bf16 = nullptr;         // where the new parameters are written a second time, rounded to bfloat16. Or null
};

struct Ops {
  const char* name = nullptr;
  DType scalar = DType::f32;
  bool folds_reflection = false;            // conv2d and conv2d_weight_grad take a problem that reflects; others get a padded image
  bool convolutions_take_moments = false;   // conv2d and conv2d_input_grad fill in the moments that the epilogue asks for

  /// out = kind(a, b, c), point by point; b and c are null where the kind takes fewer.
  void (*pointwise)(Queue&, PointwiseKind, const PointwiseProblem&, const void* a, const void* b, const void* c, void* out) = nullptr;
  /// max and min also write the winner's position in [0,n), the first at a tie, into `index` unless it is null; NaN wins.
  void (*reduce)(Queue&, ReduceKind, const ReduceProblem&, const void* x, void* out, int32_t* index) = nullptr;
  /// Moves elements of size `element` (4 or 8 bytes; the kernels in kernels/cuda/ also 2).
  void (*strided_copy)(Queue&, const CopyProblem&, size_t element, const void* src, void* dst) = nullptr;
  /// y[i,:] = sum over t of weight[i,t] * table[index[i,t],:]     y (rows, columns); weight null means 1
  void (*gather)(Queue&, const GatherProblem&, const void* table, const int32_t* index, const void* weight, void* y) = nullptr;
  /// table[j,:] = sum over (i,t) with index[i,t] == j of weight[i,t] * x[i,:], in rising (i,t)     x (rows, columns)
  void (*scatter_add)(Queue&, const GatherProblem&, const void* x, const int32_t* index, const void* weight, void* table) = nullptr;
  /// Each row in rising order, equal values as they came (+0 and -0 are equal), NaN behind all others. index, unless it is
  /// null: the flat position in x of each value.
  void (*sort)(Queue&, const SortProblem&, const void* x, void* values, int32_t* index) = nullptr;
  /// y[n,p,q,c] = sum over i,j of weight_h[p,i] * weight_w[q,j] * x[n, index_h[p,i], index_w[q,j], c]; index -1 reads zero
  void (*resample)(Queue&, const ResampleProblem&, const void* x, const int32_t* index_h, const void* weight_h,
                   const int32_t* index_w, const void* weight_w, void* y) = nullptr;
  /// index: each winner's flat position in x, the first at a tie; NaN wins.
  void (*max_pool)(Queue&, const PoolProblem&, const void* x, void* y, int32_t* index) = nullptr;
  void (*matmul)(Queue&, const MatmulProblem&, const void* a, Weight b, const void* bias, void* c) = nullptr;

  /// y[n,p,q,k] = sum over r,s,c of x[n, p*stride.h - pad.h + r*dilation.h, ..., c] * w[k,r,s,c], then the epilogue over k
  void (*conv2d)(Queue&, const ConvProblem&, const ConvEpilogue&, const void* x, Weight w, void* y) = nullptr;
  /// The adjoint in x (= transposed convolution): x from y and w, then the epilogue over c.
  void (*conv2d_input_grad)(Queue&, const ConvProblem&, const ConvEpilogue&, const void* y, Weight w, void* x) = nullptr;
  /// The adjoint in w: dw[k,r,s,c] = sum over n,p,q of x * y; adds to dw if `accumulate`.
  void (*conv2d_weight_grad)(Queue&, const ConvProblem&, bool accumulate, const void* x, const void* y, void* dw) = nullptr;

  /// mean and biased variance, each (groups, channels), by a method that survives a large mean (two passes or Chan's merge)
  void (*moments)(Queue&, const NormProblem&, const void* x, void* mean, void* variance) = nullptr;
  /// y = leaky((x - mean) / sqrt(variance + epsilon) * gamma + beta); gamma and beta (channels), or null for 1 and 0
  void (*normalize)(Queue&, const NormProblem&, double epsilon, double leaky_slope, const void* x, const void* mean,
                    const void* variance, const void* gamma, const void* beta, void* y) = nullptr;
  /// The whole backward pass of moments + normalize. dx, or dgamma and dbeta (summed over groups), may be null.
  void (*normalize_grad)(Queue&, const NormProblem&, double epsilon, double leaky_slope, const void* x, const void* mean,
                         const void* variance, const void* gamma, const void* beta, const void* dy, void* dx,
                         void* dgamma, void* dbeta) = nullptr;

  /// out[i] from Philox4x32-10 (philox.h) with counter (step->step, i/4), word i%4. bits writes int32, the others scalars.
  void (*random)(Queue&, RandomKind, uint64_t key, const StepState* step, int64_t n, void* out) = nullptr;
  /// One update of one range of arenas, with step->update[slot].
  void (*optimizer_step)(Queue&, const OptimizerSettings&, const OptimizerArenas&, const StepState* step, int slot) = nullptr;
  /// The weight's storage is gone: drop what was derived from it. May be null.
  void (*forget)(Queue&, uint64_t id) = nullptr;
};

enum class CopyDirection { to_device, to_host, on_device };

/// A mark in a queue's order of work. The backend's own object.
struct Event {
  virtual ~Event() = default;
};

/// Recorded work, which is bound to the addresses it was recorded with, and owns what its kernels use of the backend's own
/// memory. The backend's own object.
struct Graph {
  virtual ~Graph() = default;
};

struct MemoryLimits {
  size_t free = 0, total = 0;         // bytes; 0: not known
};

struct Device {
  const char* name = nullptr;         // what --device takes
  /// Empty if this backend works here, else a sentence that says why not.
  std::string (*unavailable)() = nullptr;
  Queue* (*open)(const QueueOptions&) = nullptr;          // throws DeviceError
  void* (*allocate)(Queue&, size_t bytes) = nullptr;      // 64-byte aligned; throws OutOfMemory
  void (*release)(Queue&, void*, size_t bytes) = nullptr;
  MemoryLimits (*memory)(Queue&) = nullptr;               // of the whole device, others' share included. Null: not known
  void (*copy)(Queue&, void* dst, const void* src, size_t bytes, CopyDirection) = nullptr;   // to_host waits
  void (*fill_zero)(Queue&, void*, size_t bytes) = nullptr;
  void (*synchronise)(Queue&) = nullptr;
  std::string (*describe)(Queue&) = nullptr;
  /// Marks the work queued so far; an empty `event` is made first.
  void (*record)(Queue&, std::unique_ptr<Event>& event) = nullptr;
  void (*wait)(Queue&, const Event&) = nullptr;           // until what it marks is done
  /// Waits for both. cuda: the device's own time between the two, to half a microsecond; elsewhere a clock's.
  double (*seconds)(Queue&, const Event& from, const Event& to) = nullptr;
  /// Between the two, work is recorded instead of done; the host's addresses in copies are recorded too. Null: not offered.
  void (*capture_begin)(Queue&) = nullptr;
  std::unique_ptr<Graph> (*capture_end)(Queue&) = nullptr;
  void (*replay)(Queue&, Graph&) = nullptr;
  /// While on, during a capture, work is done as ever, and is finished when it is set back. For values that outlive the graph.
  void (*set_aside)(Queue&, bool on) = nullptr;
  /// A name for what is queued between the two, for a profiler; they nest. Null: there is none.
  void (*range_push)(const char* name) = nullptr;
  void (*range_pop)() = nullptr;
  bool exact_allocations = false;     // every block its exact size, none reused: for sanitizers and the race checker
};

struct Backend {
  const Device* device;
  const Ops* ops;
};

/// Every backend this build has, in the order in which `auto` tries them; `sim` is never chosen by `auto`.
/// `scalar` f64 leaves only the reference, `kernels` vendor only cuda.
const Backend* find_backend(const std::string& device, DType scalar, Kernels kernels = Kernels::own);   // null if there is none
std::string list_backends();   // one line each: name, what it is, and why it cannot be used if so

}  // namespace weft
