// Device `cuda` with the vendor's convolutions and products: our own table with four entries replaced. Memory holds float32
// NHWC as everywhere; what cuDNN wants otherwise (bfloat16, 16-byte alignment, a result by itself) is arranged in the
// workspace, and belongs to what these entries cost. Compiled by nvcc for the queue's sake alone.
#include <cstring>

#include "passes.h"
#include "session.h"

namespace weft::cuda {

extern const Backend backend;

namespace {

using vendor::ConvOp;
using vendor::ConvPlan;
using vendor::OpenSession;

constexpr size_t kBlasWorkspace = size_t(32) << 20;       // what NVIDIA asks for on compute capability 9.0; less elsewhere

/// The arrays of one convolution: those that cuDNN cannot have where they are stand in the workspace.
struct Arrays {
  Queue& queue;
  bool narrow;                           // cuDNN gets bfloat16
  float* given[3];                       // x, w, y
  int64_t count[3];
  int output;                            // which of the three
  bool moved[3] = {};
  void* seen[3] = {};                    // what cuDNN gets
  void* spare = nullptr;                 // the plan's own workspace

  size_t bytes(int i) const { return moved[i] ? (size_t(count[i]) * (narrow ? 2 : 4) + 255) / 256 * 256 : 0; }

  /// Lays out the workspace, plan_bytes of it for the plan, and fills in the inputs.
  void place(size_t plan_bytes) {
    const size_t total = bytes(0) + bytes(1) + bytes(2) + plan_bytes;
    auto* at = static_cast<unsigned char*>(total ? workspace(queue, total) : nullptr);
    for (int i = 0; i < 3; ++i) {
      seen[i] = moved[i] ? at : static_cast<void*>(given[i]);
      at += bytes(i);
      if (!moved[i] || i == output) continue;
      if (narrow) cuda::narrow(queue, count[i], given[i], static_cast<__nv_bfloat16*>(seen[i]));
      else backend.device->copy(queue, seen[i], given[i], size_t(count[i]) * 4, CopyDirection::on_device);
    }
    spare = at;
  }
};

/// The plan for a problem, timed when it is first met; a deterministic one if there is any.
const ConvPlan& plan_of(OpenSession& session, ConvOp op, const ConvProblem& problem, Precision precision, Arrays& arrays) {
  vendor::PlanKey key{int(op)};
  std::memcpy(key.data() + 1, &problem, sizeof problem);
  const auto known = session.plans.find(key);
  if (known != session.plans.end()) return known->second;
  arrays.place(0);
  vendor::ConvQuestion question{op, problem, precision};
  ConvPlan plan;
  const char* failure = session.plugin->find(session.session, question, arrays.seen[0], arrays.seen[1], arrays.seen[2], &plan);
  question.deterministic = false;
  if (failure) failure = session.plugin->find(session.session, question, arrays.seen[0], arrays.seen[1], arrays.seen[2], &plan);
  if (failure) throw DeviceError(std::string(vendor::name_of(op)) + ": cuDNN cannot: " + failure + "; --kernels own can");
  return session.plans.emplace(key, plan).first->second;
}

void convolve(Queue& queue, ConvOp op, const ConvProblem& p, const ConvEpilogue& e, const void* x, const void* w, const void* y) {
  auto at = [](const void* a) { return static_cast<float*>(const_cast<void*>(a)); };
  Arrays arrays{queue, static_cast<KernelQueue&>(queue).precision == Precision::bf16, {at(x), at(w), at(y)},
                {int64_t(p.n) * p.h * p.w * p.c, int64_t(p.k) * p.r * p.s * (p.c / p.groups), int64_t(p.n) * p.p * p.q * p.k},
                op == ConvOp::forward ? 2 : op == ConvOp::input_grad ? 0 : 1};
  const int64_t n = arrays.count[arrays.output];
  if (!n) return;
  for (int i = 0; i < 3; ++i)
    arrays.moved[i] = arrays.narrow || reinterpret_cast<uintptr_t>(arrays.given[i]) % 16 != 0 || (i == arrays.output && e.accumulate);
  OpenSession& session = vendor::session_of(queue);
  const ConvPlan& plan = plan_of(session, op, p, static_cast<KernelQueue&>(queue).precision, arrays);
  arrays.place(size_t(plan.workspace_bytes));
  if (const char* failure = session.plugin->run(session.session, plan.id, arrays.seen[0], arrays.seen[1], arrays.seen[2], arrays.spare))
    throw CudaError(diagnosis::failure(std::string(vendor::name_of(op)) + ": cuDNN", failure, queue.launched, queue.sync));
  queue.launched.add(vendor::name_of(op));
  ++queue.launches[std::string("cudnn ") + vendor::name_of(op) + " engine " + std::to_string(plan.engine) + (plan.deterministic() ? "" : ", not deterministic")];
  const int o = arrays.output;
  const Finish what{arrays.seen[o], arrays.narrow, static_cast<const float*>(e.bias), float(e.leaky_slope), e.accumulate};
  if (arrays.moved[o] || what.bias || what.slope != 1) finish(queue, what, n, op == ConvOp::forward ? p.k : p.c, arrays.given[o]);
}

void vendor_conv2d(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* x, Weight w, void* y) {
  convolve(queue, ConvOp::forward, p, e, x, w.data, y);
}
void vendor_input_grad(Queue& queue, const ConvProblem& p, const ConvEpilogue& e, const void* y, Weight w, void* x) {
  convolve(queue, ConvOp::input_grad, p, e, x, w.data, y);
}
void vendor_weight_grad(Queue& queue, const ConvProblem& p, bool accumulate, const void* x, const void* y, void* dw) {
  ConvEpilogue e;
  e.accumulate = accumulate;
  convolve(queue, ConvOp::weight_grad, p, e, x, dw, y);
}

void vendor_matmul(Queue& queue, const MatmulProblem& p, const void* a, Weight b, const void* bias, void* c) {
  if (p.batch * p.m * p.n == 0) return;
  OpenSession& session = vendor::session_of(queue);
  const Precision precision = static_cast<KernelQueue&>(queue).precision;
  if (const char* failure = session.plugin->matmul(session.session, p, precision, a, b.data, c, workspace(queue, kBlasWorkspace), kBlasWorkspace))
    throw CudaError(diagnosis::failure("matmul: cuBLAS", failure, queue.launched, queue.sync));
  queue.launched.add("cublas gemm");
  ++queue.launches["cublas gemm"];
  if (bias) finish(queue, {c, false, static_cast<const float*>(bias), 1, false}, p.batch * p.m * p.n, p.n, static_cast<float*>(c));
}

std::string unavailable() {
  const std::string why = backend.device->unavailable();
  return why.empty() ? vendor::unavailable() : why;
}

Queue* open(const QueueOptions& options) {
  std::unique_ptr<Queue> queue(backend.device->open(options));
  const vendor::Lender lender{static_cast<KernelQueue&>(*queue).stream, options.device_index};
  auto session = std::make_shared<OpenSession>(&vendor::load(), &lender);
  session->workspace = workspace;
  queue->vendor = session;
  return queue.release();
}

std::string describe(Queue& queue) { return backend.device->describe(queue) + ", kernels of " + vendor::describe(); }

}  // namespace

const Backend& vendor_backend() {
  static const Device device = [] {
    Device d = *backend.device;
    d.unavailable = unavailable;
    d.open = open;
    d.describe = describe;
    return d;
  }();
  static const Ops table = [] {
    Ops t = ops;
    t.name = "cuda with cuDNN and cuBLAS";
    t.conv2d = vendor_conv2d;
    t.conv2d_input_grad = vendor_input_grad;
    t.conv2d_weight_grad = vendor_weight_grad;
    t.folds_reflection = false;
    t.convolutions_take_moments = false;
    t.matmul = vendor_matmul;
    return t;
  }();
  static const Backend both = {&device, &table};
  return both;
}

}  // namespace weft::cuda
