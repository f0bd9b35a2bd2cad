// The `cpu` backend: float32 on this machine's processor. Convolutions and matrix products go to oneDNN where it has a
// fast way (onednn.cpp), everything else to our own loops, compiled for several instruction sets (loops.h) and chosen
// here. Queue.launches counts an op under its own name, or as "conv2d:jit:avx512_core" when a library did it.
//
// Threads are OpenMP's, and so are oneDNN's: one pool, never nested. The pool belongs to the thread that makes the calls.
#ifdef _OPENMP
#include <omp.h>
#endif
#include <algorithm>
#include <new>

#include "convolution.h"
#include "host_memory.h"
#include "loops.h"
#include "machine.h"
#include "reference/ops.h"

namespace weft::cpu {

CpuQueue::CpuQueue() = default;
CpuQueue::~CpuQueue() {
  for (Block& block : blocks) ::operator delete(block.data, std::align_val_t{64});
}

float* CpuQueue::scratch(Slot slot, size_t floats) {
  Block& block = blocks[size_t(slot)];
  if (block.floats < floats) {
    ::operator delete(block.data, std::align_val_t{64});
    block = {};
    block.data = static_cast<float*>(::operator new(floats * sizeof(float), std::align_val_t{64}));
    block.floats = floats;
  }
  return block.data;
}

std::pair<float*, bool> CpuQueue::derived(const Weight& w, size_t floats) {
  if (w.id == 0) return {scratch(Slot::weights, floats), false};
  Derived& own = derived_[w.id][w.offset];
  const bool fresh = own.floats.size() == floats && own.version == w.version;
  own.floats.resize(floats);
  own.version = w.version;
  return {own.floats.data(), fresh};
}

void CpuQueue::forget(uint64_t id) {
  derived_.erase(id);
  if (library) library->forget(id);
}

namespace {

const Loops& loops_of_this_machine() {
#ifdef WEFT_X86_LEVELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return v4::loops;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return v3::loops;
#endif
  return baseline::loops;
}

// --- the device ---

Queue* open(const QueueOptions& options) {
  auto queue = std::make_unique<CpuQueue>();
#ifdef _OPENMP
  queue->threads = std::min(options.threads > 0 ? options.threads : physical_cores(), omp_get_thread_limit());   // oneDNN counts on all that it was promised
#else
  (void)options;   // one thread is all there is
#endif
  queue->loops = &loops_of_this_machine();
#ifdef WEFT_HAS_ONEDNN
  queue->library = open_onednn(*queue);
#endif
  return queue.release();
}

std::string describe(Queue& queue) {
  const CpuQueue& q = own(queue);
  return processor_name() + ", " + q.loops->instruction_set + " loops, " + std::to_string(q.threads) +
         (q.threads == 1 ? " thread, " : " threads, ") + (q.library ? q.library->describe() : "no oneDNN");
}

constexpr Device device = host_memory::device("cpu", open, describe);

// --- the table ---

// clang-format off
constexpr Ops table() {
  Ops ops = reference::table<float>("cpu");   // every entry is replaced below; a new one is born slow, but works
  ops.pointwise = [](Queue& q, PointwiseKind kind, const PointwiseProblem& problem, const void* a, const void* b, const void* c, void* y) {
    ++q.launches["pointwise"];
    own(q).loops->pointwise(own(q), kind, problem, in(a), in(b), in(c), out(y));
  };
  ops.reduce = [](Queue& q, ReduceKind kind, const ReduceProblem& problem, const void* x, void* y, int32_t* index) {
    ++q.launches["reduce"];
    own(q).loops->reduce(own(q), kind, problem, in(x), out(y), index);
  };
  ops.strided_copy = [](Queue& q, const CopyProblem& problem, size_t element, const void* src, void* dst) {
    ++q.launches["strided_copy"];
    own(q).loops->strided_copy(own(q), problem, element, src, dst);
  };
  ops.gather = [](Queue& q, const GatherProblem& problem, const void* rows, const int32_t* index, const void* weight, void* y) {
    ++q.launches["gather"];
    own(q).loops->gather(own(q), problem, in(rows), index, in(weight), out(y));
  };
  ops.scatter_add = [](Queue& q, const GatherProblem& problem, const void* x, const int32_t* index, const void* weight, void* rows) {
    ++q.launches["scatter_add"];
    own(q).loops->scatter_add(own(q), problem, in(x), index, in(weight), out(rows));
  };
  ops.sort = [](Queue& q, const SortProblem& problem, const void* x, void* values, int32_t* index) {
    ++q.launches["sort"];
    own(q).loops->sort(own(q), problem, in(x), out(values), index);
  };
  ops.resample = [](Queue& q, const ResampleProblem& problem, const void* x, const int32_t* index_h, const void* weight_h,
                    const int32_t* index_w, const void* weight_w, void* y) {
    ++q.launches["resample"];
    own(q).loops->resample(own(q), problem, in(x), index_h, in(weight_h), index_w, in(weight_w), out(y));
  };
  ops.max_pool = [](Queue& q, const PoolProblem& problem, const void* x, void* y, int32_t* index) {
    ++q.launches["max_pool"];
    own(q).loops->max_pool(own(q), problem, in(x), out(y), index);
  };
  ops.matmul = matmul;
  ops.conv2d = conv2d;
  ops.conv2d_input_grad = conv2d_input_grad;
  ops.conv2d_weight_grad = conv2d_weight_grad;
  ops.folds_reflection = false;                   // oneDNN's do not
  ops.moments = [](Queue& q, const NormProblem& problem, const void* x, void* mean, void* variance) {
    ++q.launches["moments"];
    own(q).loops->moments(own(q), problem, in(x), out(mean), out(variance));
  };
  ops.normalize = [](Queue& q, const NormProblem& problem, double epsilon, double slope, const void* x, const void* mean,
                     const void* variance, const void* gamma, const void* beta, void* y) {
    ++q.launches["normalize"];
    own(q).loops->normalize(own(q), problem, float(epsilon), float(slope), in(x), in(mean), in(variance), in(gamma), in(beta), out(y));
  };
  ops.normalize_grad = [](Queue& q, const NormProblem& problem, double epsilon, double slope, const void* x, const void* mean,
                          const void* variance, const void* gamma, const void* beta, const void* dy, void* dx, void* dgamma, void* dbeta) {
    ++q.launches["normalize_grad"];
    own(q).loops->normalize_grad(own(q), problem, float(epsilon), float(slope), in(x), in(mean), in(variance), in(gamma), in(beta),
                                 in(dy), out(dx), out(dgamma), out(dbeta));
  };
  ops.random = [](Queue& q, RandomKind kind, uint64_t key, const StepState* step, int64_t n, void* y) {
    ++q.launches["random"];
    own(q).loops->random(own(q), kind, key, step->step, n, y);
  };
  ops.optimizer_step = [](Queue& q, const OptimizerSettings& settings, const OptimizerArenas& arenas, const StepState* step, int slot) {
    ++q.launches["optimizer_step"];
    own(q).loops->optimizer_step(own(q), settings, arenas, step->update[slot]);
  };
  ops.forget = [](Queue& q, uint64_t id) { own(q).forget(id); };
  return ops;
}
// clang-format on

constexpr Ops ops = table();

}  // namespace

extern const Backend backend;
const Backend backend{&device, &ops};

}  // namespace weft::cpu
