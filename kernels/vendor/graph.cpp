#include "graph.h"

namespace weft::vendor {

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char message[1024] = "";
  cudnnGetLastErrorString(message, sizeof message);
  throw Failure(std::string(what) + ": " + cudnnGetErrorString(status) + (*message ? std::string(", ") + message : ""));
}
void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) throw Failure(std::string(what) + ": " + cudaGetErrorString(error));
}
void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) throw Failure(std::string(what) + ": " + cublasGetStatusString(status));
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) { check(cudnnBackendCreateDescriptor(type, &descriptor_), "making a descriptor"); }

namespace {

constexpr int64_t kIds[] = {'x', 'w', 'y'};

/// The names that one direction of a convolution has for its parts.
struct Names {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t convolution, x, w, y, alpha, beta;
};
constexpr Names kNames[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

/// (n, c, h, w) in cuDNN's order of axes, whichever way it lies in memory; a filter is (k, c, r, s).
Descriptor tensor(int64_t id, const ConvQuestion& q, int64_t n, int64_t c, int64_t h, int64_t w) {
  const int64_t sizes[] = {n, c, h, w};
  const int64_t first[] = {c * h * w, h * w, w, 1}, last[] = {c * h * w, 1, w * c, c};
  Descriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, q.precision == Precision::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT);
  t.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, sizes, 4);
  t.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, q.channels_first ? first : last, 4);
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
  t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, int64_t(16));
  t.finalize("a tensor");
  return t;
}

Descriptor graph_of(cudnnHandle_t handle, const ConvQuestion& q) {
  const ConvProblem& p = q.problem;
  const Descriptor x = tensor('x', q, p.n, p.c, p.h, p.w), w = tensor('w', q, p.k, p.c / p.groups, p.r, p.s), y = tensor('y', q, p.n, p.k, p.p, p.q);
  // The last windows need not reach the edge of the larger side; cuDNN's own formula for the output's size gives ours either way.
  const int64_t stride[] = {p.stride.h, p.stride.w}, pad[] = {p.pad.h, p.pad.w}, dilation[] = {p.dilation.h, p.dilation.w};
  Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT);
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, int64_t(2));
  convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, stride, 2);
  convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, pad, 2);
  convolution.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, pad, 2);
  convolution.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, dilation, 2);
  convolution.finalize("the convolution");

  const Names& names = kNames[int(q.op)];
  Descriptor operation(names.operation);
  operation.set(names.convolution, convolution);
  operation.set(names.x, x);
  operation.set(names.w, w);
  operation.set(names.y, y);
  operation.set(names.alpha, CUDNN_TYPE_FLOAT, 1.0f);
  operation.set(names.beta, CUDNN_TYPE_FLOAT, 0.0f);
  operation.finalize("the operation");

  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  if (handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  graph.finalize("the graph");
  return graph;
}

/// The GPU to plan for, or none: that of the handle.
std::vector<Descriptor> device_of(const char* properties) {
  std::vector<Descriptor> device;
  if (!properties) return device;
#if CUDNN_VERSION >= 90800
  device.emplace_back(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device[0].set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, properties, int64_t(std::char_traits<char>::length(properties)) + 1);
  device[0].finalize("the device's properties");
  return device;
#else
  throw Failure("this plug-in was built with a cuDNN older than 9.8, which plans only for a GPU that is there");
#endif
}
#if CUDNN_VERSION >= 90800
constexpr cudnnBackendAttributeName_t kDeviceOfHeuristics = CUDNN_ATTR_ENGINEHEUR_DEVICEPROP;
#else
constexpr cudnnBackendAttributeName_t kDeviceOfHeuristics = CUDNN_ATTR_ENGINEHEUR_MODE;   // never used
#endif

template <class Kind>
uint32_t notes_of(const Descriptor& engine, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t kinds) {
  uint32_t bits = 0;
  for (const Kind note : engine.get<Kind>(name, type, kinds)) bits |= 1u << int(note);
  return bits;
}

bool allowed(const ConvQuestion& q, const ConvPlan& plan) {
  uint32_t refused = kReducedPrecisionSums;
  if (q.precision != Precision::bf16) refused |= kDownConvertInputs;
  if (q.precision == Precision::fp32 || q.precision == Precision::tf32x3) refused |= kTensorCore;
  if (q.deterministic) refused |= kNondeterministic;
  return !(plan.notes & refused);
}

}  // namespace

std::vector<Candidate> list_candidates(cudnnHandle_t handle, const char* device_properties, const ConvQuestion& question) {
  const Descriptor graph = graph_of(handle, question);
  std::vector<Candidate> found;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
    const std::vector<Descriptor> device = device_of(device_properties);
    for (const Descriptor& d : device) heuristics.set(kDeviceOfHeuristics, d);
    heuristics.finalize("cuDNN's heuristics");
    int64_t count = 0;
    check(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr), "counting engines");
    std::vector<Descriptor> configurations;
    std::vector<cudnnBackendDescriptor_t> raw;
    for (int64_t i = 0; i < count; ++i) raw.push_back(configurations.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
    check(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count, raw.data()), "listing engines");

    for (int64_t i = 0; i < count; ++i) {
      const Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
      cudnnBackendDescriptor_t into = engine.raw();
      int64_t one = 0;
      check(cudnnBackendGetAttribute(raw[size_t(i)], CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &one, &into), "asking for an engine");
      ConvPlan plan;
      plan.rank = int32_t(found.size());
      plan.engine = engine.get<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1).at(0);
      plan.notes = notes_of<cudnnBackendNumericalNote_t>(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
      plan.compiled_at_run_time = notes_of<cudnnBackendBehaviorNote_t>(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE,
                                                                       CUDNN_BEHAVIOR_NOTE_TYPE_COUNT) & 1u << CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
      if (allowed(question, plan)) found.push_back({std::move(configurations[size_t(i)]), plan});
    }
  }
  return found;
}

Descriptor build_plan(cudnnHandle_t handle, const Candidate& candidate, int64_t* workspace_bytes) {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, candidate.configuration);
  plan.finalize("a plan");
  *workspace_bytes = plan.get<int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1).at(0);
  return plan;
}

void launch_plan(cudnnHandle_t handle, const Descriptor& plan, void* x, void* w, void* y, void* workspace) {
  void* const arrays[] = {x, w, y};
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, kIds, 3);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, arrays, 3);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  pack.finalize("a plan's arguments");
  check(cudnnBackendExecute(handle, plan.raw(), pack.raw()), "running a plan");
}

}  // namespace weft::vendor
