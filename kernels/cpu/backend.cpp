// The `cpu` backend: float32 on this machine's processor. Convolutions and matrix products go to oneDNN where it has a
// fast way (onednn.cpp), everything else to our own loops, compiled for several instruction sets (loops.h) and chosen
// here. Queue.launches counts an op under its own name, or as "conv2d:jit:avx512_core" when a library did it.
//
// Threads are OpenMP's, and so are oneDNN's: one pool, never nested. The pool belongs to the thread that makes the calls.
#include <cstring>
#include <new>

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

namespace {

CpuQueue& own(Queue& queue) { return static_cast<CpuQueue&>(queue); }
const float* in(const void* p) { return static_cast<const float*>(p); }
float* out(void* p) { return static_cast<float*>(p); }

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

std::string unavailable() { return ""; }

Queue* open(const QueueOptions& options) {
  auto queue = std::make_unique<CpuQueue>();
  queue->threads = options.threads > 0 ? options.threads : physical_cores();
  queue->loops = &loops_of_this_machine();
#ifdef WEFT_HAS_ONEDNN
  queue->library = open_onednn(*queue);
#endif
  return queue.release();
}

void* allocate(Queue&, size_t bytes) {
  try {
    return ::operator new(bytes, std::align_val_t{64});
  } catch (const std::bad_alloc&) {
    throw OutOfMemory("allocate: no memory for another " + std::to_string(bytes) + " bytes; try a smaller batch or size");
  }
}
void release(Queue&, void* memory, size_t) { ::operator delete(memory, std::align_val_t{64}); }

void copy(Queue&, void* dst, const void* src, size_t bytes, CopyDirection) {
  if (bytes) std::memcpy(dst, src, bytes);
}
void fill_zero(Queue&, void* memory, size_t bytes) {
  if (bytes) std::memset(memory, 0, bytes);
}
void synchronise(Queue&) {}

std::string describe(Queue& queue) {
  const CpuQueue& q = own(queue);
  return processor_name() + ", " + q.loops->instruction_set + " loops, " + std::to_string(q.threads) +
         (q.threads == 1 ? " thread, " : " threads, ") + (q.library ? q.library->describe() : "no oneDNN");
}

#ifdef WEFT_SANITIZE
constexpr bool kExactAllocations = true;
#else
constexpr bool kExactAllocations = false;
#endif
constexpr Device device{"cpu", unavailable, open, allocate, release, copy, fill_zero, synchronise, describe, kExactAllocations};

// --- convolutions: a window that covers the whole image exactly once makes them matrix products ---

/// y (n,k) = x (n, r*s*c) w (k, r*s*c)^T: the last layer of a discriminator, and, transposed, the first of a generator
bool is_one_product(const ConvProblem& p) {
  return p.p == 1 && p.q == 1 && p.h == p.r && p.w == p.s && !p.pad.h && !p.pad.w && p.groups == 1 &&
         (p.dilation.h == 1 || p.r == 1) && (p.dilation.w == 1 || p.s == 1);
}

void product(CpuQueue& queue, const char* op, const MatmulProblem& problem, double slope, const float* a, const Weight& b,
             const float* bias, float* c) {
  if (queue.library && queue.library->matmul(op, problem, slope, a, b, bias, c)) return;
  ++queue.launches[op];
  queue.loops->matmul(queue, problem, a, in(b.data), bias, c);
  if (slope != 1) queue.loops->epilogue(queue, problem.batch * problem.m, problem.n, {nullptr, slope}, c, c);
}

void conv2d(Queue& q, const ConvProblem& p, const ConvEpilogue& epilogue, const void* x, Weight w, void* y) {
  CpuQueue& queue = own(q);
  if (is_one_product(p))
    return product(queue, "conv2d", {1, p.n, p.k, int64_t(p.r) * p.s * p.c, false, true, epilogue.accumulate, 0, 0},
                   epilogue.accumulate ? 1 : epilogue.leaky_slope, in(x), w, in(epilogue.bias), out(y));
  if (queue.library && queue.library->conv2d(p, epilogue, in(x), w, out(y))) return;
  ++queue.launches["conv2d"];
  queue.loops->conv2d(queue, p, epilogue, in(x), in(w.data), out(y));
}

void conv2d_input_grad(Queue& q, const ConvProblem& p, const ConvEpilogue& epilogue, const void* y, Weight w, void* x) {
  CpuQueue& queue = own(q);
  const int64_t pixels = int64_t(p.h) * p.w;
  const bool plain = !epilogue.bias && (epilogue.accumulate || epilogue.leaky_slope == 1);
  if (is_one_product(p)) {
    const bool in_place = plain || !epilogue.accumulate;
    float* sum = in_place ? out(x) : queue.scratch(Slot::result, size_t(p.n * pixels * p.c));
    product(queue, "conv2d_input_grad", {1, p.n, pixels * p.c, p.k, false, false, plain && epilogue.accumulate, 0, 0}, 1,
            in(y), w, nullptr, sum);
    if (!plain) queue.loops->epilogue(queue, p.n * pixels, p.c, epilogue, sum, out(x));
    return;
  }
  if (queue.library) {
    float* sum = epilogue.accumulate ? queue.scratch(Slot::result, size_t(p.n * pixels * p.c)) : out(x);
    if (queue.library->conv2d_input_grad(p, in(y), w, sum)) {
      if (!plain || epilogue.accumulate) queue.loops->epilogue(queue, p.n * pixels, p.c, epilogue, sum, out(x));
      return;
    }
  }
  ++queue.launches["conv2d_input_grad"];
  queue.loops->conv2d_input_grad(queue, p, epilogue, in(y), in(w.data), out(x));
}

void conv2d_weight_grad(Queue& q, const ConvProblem& p, bool accumulate, const void* x, const void* y, void* dw) {
  CpuQueue& queue = own(q);
  if (is_one_product(p))
    return product(queue, "conv2d_weight_grad", {1, p.k, int64_t(p.r) * p.s * p.c, p.n, true, false, accumulate, 0, 0}, 1,
                   in(y), {x}, nullptr, out(dw));
  if (queue.library && queue.library->conv2d_weight_grad(p, accumulate, in(x), in(y), out(dw))) return;
  ++queue.launches["conv2d_weight_grad"];
  queue.loops->conv2d_weight_grad(queue, p, accumulate, in(x), in(y), out(dw));
}

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
  ops.resample = [](Queue& q, const ResampleProblem& problem, const void* x, const int32_t* index_h, const void* weight_h,
                    const int32_t* index_w, const void* weight_w, void* y) {
    ++q.launches["resample"];
    own(q).loops->resample(own(q), problem, in(x), index_h, in(weight_h), index_w, in(weight_w), out(y));
  };
  ops.max_pool = [](Queue& q, const PoolProblem& problem, const void* x, void* y, int32_t* index) {
    ++q.launches["max_pool"];
    own(q).loops->max_pool(own(q), problem, in(x), out(y), index);
  };
  ops.matmul = [](Queue& q, const MatmulProblem& problem, const void* a, Weight b, const void* bias, void* c) {
    product(own(q), "matmul", problem, 1, in(a), b, in(bias), out(c));
  };
  ops.conv2d = conv2d;
  ops.conv2d_input_grad = conv2d_input_grad;
  ops.conv2d_weight_grad = conv2d_weight_grad;
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
  ops.forget = [](Queue& q, uint64_t id) {
    if (own(q).library) own(q).library->forget(id);
  };
  return ops;
}
// clang-format on

constexpr Ops ops = table();

}  // namespace

extern const Backend backend;
const Backend backend{&device, &ops};

}  // namespace weft::cpu
