// libweft_vendor.so: what weft/kernels/vendor.h says of a plug-in. Nothing is thrown past weft_vendor()'s functions.
#include <algorithm>
#include <new>

#include "graph.h"

namespace weft::vendor {

struct Session {
  cudnnHandle_t dnn = nullptr;
  cublasHandle_t blas = nullptr;
  cudaStream_t stream = nullptr;
  std::vector<Descriptor> plans;                // ConvPlan::id counts them
  std::string failure;

  ~Session() {
    plans.clear();                              // before the handle that made them
    if (dnn) cudnnDestroy(dnn);
    if (blas) cublasDestroy(blas);
  }
};

namespace {

constexpr int64_t kMostWorkspace = int64_t(1) << 30;

/// Runs `work`; what it throws becomes the session's sentence.
template <class Work>
const char* guarded(Session* session, Work&& work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception& error) {
    try {
      session->failure = error.what();
      return session->failure.c_str();
    } catch (...) {
    }
  } catch (...) {
  }
  return "out of memory";
}

const char* libraries() {
  static const std::string text = [] {
    int blas[3] = {};
    for (int i = 0; i < 3; ++i) cublasGetProperty(libraryPropertyType(i), &blas[i]);
    const size_t dnn = cudnnGetVersion();
    return "cuDNN " + std::to_string(dnn / 10000) + "." + std::to_string(dnn / 100 % 100) + "." + std::to_string(dnn % 100) + ", cuBLAS " +
           std::to_string(blas[0]) + "." + std::to_string(blas[1]) + "." + std::to_string(blas[2]);
  }();
  return text.c_str();
}

const char* open(const Lender* lender, Session** session) {
  *session = new (std::nothrow) Session;
  if (!*session) return "out of memory";
  if (!lender) return nullptr;
  return guarded(*session, [&] {
    Session& s = **session;
    s.stream = static_cast<cudaStream_t>(lender->stream);
    check(cudaSetDevice(lender->device_index), "choosing the GPU");
    check(cudnnCreate(&s.dnn), "opening cuDNN");
    check(cudnnSetStream(s.dnn, s.stream), "opening cuDNN");
    check(cublasCreate(&s.blas), "opening cuBLAS");
    check(cublasSetStream(s.blas, s.stream), "opening cuBLAS");
  });
}

void close(Session* session) { delete session; }

struct Event {
  cudaEvent_t event = nullptr;
  Event() { check(cudaEventCreate(&event), "making an event"); }
  ~Event() { cudaEventDestroy(event); }
  Event(const Event&) = delete;
};

struct DeviceMemory {
  void* data = nullptr;
  explicit DeviceMemory(int64_t bytes) { if (bytes) check(cudaMalloc(&data, size_t(bytes)), "memory for a plan"); }
  ~DeviceMemory() { if (data) cudaFree(data); }
  DeviceMemory(const DeviceMemory&) = delete;
};

/// The mean time of a launch, in microseconds, of `runs` back to back after one that is not counted.
double time_plan(Session& s, const Descriptor& plan, int64_t workspace_bytes, int runs, void* x, void* w, void* y) {
  const DeviceMemory workspace(workspace_bytes);
  const Event begin, end;
  launch_plan(s.dnn, plan, x, w, y, workspace.data);
  check(cudaEventRecord(begin.event, s.stream), "timing a plan");
  for (int i = 0; i < runs; ++i) launch_plan(s.dnn, plan, x, w, y, workspace.data);
  check(cudaEventRecord(end.event, s.stream), "timing a plan");
  check(cudaEventSynchronize(end.event), "timing a plan");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin.event, end.event), "timing a plan");
  return 1e3 * milliseconds / runs;
}

const char* find(Session* session, const ConvQuestion& question, void* x, void* w, void* y, ConvPlan* best) {
  return guarded(session, [&] {
    Session& s = *session;
    if (!s.dnn) throw Failure("this session has no GPU");
    cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(s.stream, &capturing), "asking the stream");
    const bool timing = question.runs > 0 && capturing == cudaStreamCaptureStatusNone;   // a captured stream cannot be waited for
    std::vector<Descriptor> kept;
    std::string last = "no engine of cuDNN's qualifies";
    int built = 0;
    for (const Candidate& candidate : list_candidates(s.dnn, nullptr, question)) {
      if (built == (timing ? question.candidates : 1)) break;
      try {
        ConvPlan plan = candidate.plan;
        Descriptor made = build_plan(s.dnn, candidate, &plan.workspace_bytes);
        if (plan.workspace_bytes > kMostWorkspace) continue;
        if (timing) plan.microseconds = time_plan(s, made, plan.workspace_bytes, question.runs, x, w, y);
        ++built;
        if (!kept.empty() && plan.microseconds >= best->microseconds) continue;
        kept.clear();
        kept.push_back(std::move(made));
        *best = plan;
      } catch (const Failure& failure) {        // a candidate that cannot be built here is no error; the next may
        last = failure.what();
        cudaGetLastError();
      }
    }
    if (kept.empty()) throw Failure(last);
    best->id = int32_t(s.plans.size());
    best->timed = timing ? built : 0;
    s.plans.push_back(std::move(kept.front()));
  });
}

const char* run(Session* session, int32_t plan, void* x, void* w, void* y, void* workspace) {
  return guarded(session, [&] { launch_plan(session->dnn, session->plans.at(size_t(plan)), x, w, y, workspace); });
}

/// Row-major c = op(a) op(b) is column-major c' = op(b)' op(a)', so the arrays go to cuBLAS as they are, in the other order.
const char* matmul(Session* session, const MatmulProblem& p, Precision precision, const void* a, const void* b, void* c, void* workspace, size_t workspace_bytes) {
  return guarded(session, [&] {
    const float one = 1, before = p.accumulate ? 1.0f : 0.0f;
    const cublasComputeType_t compute = precision == Precision::tf32   ? CUBLAS_COMPUTE_32F_FAST_TF32
                                        : precision == Precision::bf16 ? CUBLAS_COMPUTE_32F_FAST_16BF
                                                                       : CUBLAS_COMPUTE_32F;
    const int m = int(p.m), n = int(p.n), k = int(p.k);
    check(cublasSetWorkspace(session->blas, workspace, workspace_bytes), "a workspace for cuBLAS");
    check(cublasGemmStridedBatchedEx(session->blas, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k, &one,
                                     b, CUDA_R_32F, std::max(1, p.transpose_b ? k : n), p.batch_stride_b,
                                     a, CUDA_R_32F, std::max(1, p.transpose_a ? m : k), p.batch_stride_a, &before,
                                     c, CUDA_R_32F, n, p.m * p.n, int(p.batch), compute, CUBLAS_GEMM_DEFAULT),
          "cublasGemmStridedBatchedEx");
  });
}

const char* candidates(Session* session, const char* device_properties, const ConvQuestion& question, ConvPlan* plans, int32_t capacity, int32_t* count) {
  return guarded(session, [&] {
    const std::vector<Candidate> found = list_candidates(nullptr, device_properties, question);
    *count = std::min(capacity, int32_t(found.size()));
    for (int32_t i = 0; i < *count; ++i) plans[i] = found[size_t(i)].plan;
  });
}

constexpr Plugin kPlugin = {kPluginVersion, libraries, open, close, find, run, matmul, candidates};

}  // namespace

}  // namespace weft::vendor

extern "C" __attribute__((visibility("default"))) const weft::vendor::Plugin* weft_vendor() { return &weft::vendor::kPlugin; }
