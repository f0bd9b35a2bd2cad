// cuDNN's backend graph interface, as much of it as one convolution needs.
//
// A convolution is a graph of one operation over three tensors. cuDNN's heuristics name engine configurations for it; each
// engine carries notes on how it computes, and those decide who may take part: cuDNN's own first choice for float32 data
// uses TF32 on the tensor cores, which would make "float32" a race between two different computations.
//
//   NVIDIA, "cuDNN backend API", docs.nvidia.com/deeplearning/cudnn
#pragma once
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "weft/kernels/vendor.h"

namespace weft::vendor {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
void check(cudnnStatus_t status, const char* what);      // throws Failure with cuDNN's own words
void check(cudaError_t error, const char* what);
void check(cublasStatus_t status, const char* what);

/// A backend descriptor: attributes are set, then it is finalised and never changes.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = nullptr; }
  ~Descriptor() { if (descriptor_) cudnnBackendDestroyDescriptor(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T* values, int64_t count) {
    check(cudnnBackendSetAttribute(descriptor_, name, type, count, values), "setting an attribute");
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) { set(name, type, &value, 1); }
  void set(cudnnBackendAttributeName_t name, const Descriptor& part) { set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, part.descriptor_); }
  void finalize(const char* what) { check(cudnnBackendFinalize(descriptor_), what); }
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t most) const {
    std::vector<T> values(static_cast<size_t>(most));
    int64_t count = 0;
    check(cudnnBackendGetAttribute(descriptor_, name, type, most, &count, values.data()), "asking for an attribute");
    values.resize(static_cast<size_t>(count < most ? count : most));
    return values;
  }
  cudnnBackendDescriptor_t raw() const { return descriptor_; }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

/// One configuration of one engine, and what cuDNN says of it (id, microseconds and workspace are not known yet).
struct Candidate {
  Descriptor configuration;
  ConvPlan plan;
};

/// The candidates that `question` allows, in cuDNN's order: its heuristics' first, then the fallbacks.
/// @param handle             may be null if device_properties is not
/// @param device_properties  a GPU in cuDNN's JSON, or null for the handle's own
std::vector<Candidate> list_candidates(cudnnHandle_t handle, const char* device_properties, const ConvQuestion& question);

Descriptor build_plan(cudnnHandle_t handle, const Candidate& candidate, int64_t* workspace_bytes);
void launch_plan(cudnnHandle_t handle, const Descriptor& plan, void* x, void* w, void* y, void* workspace);

}  // namespace weft::vendor
