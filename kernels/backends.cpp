// The list of backends that this build has. A backend is one entry here and one folder beside this file.
#include <iterator>

#include "weft/kernels/ops.h"

namespace weft {

namespace reference { extern const Backend backend_f32, backend_f64; }
namespace cpu { extern const Backend backend; }
namespace sim { extern const Backend backend; }
namespace cuda {
extern const Backend backend;
const Backend& vendor_backend();
}

namespace {

struct Entry {
  const char* name;
  const Backend* backend;
  DType scalar;
  const char* what;
};

constexpr Entry entries[] = {
#ifdef WEFT_HAS_CUDA
    {"cuda", &cuda::backend, DType::f32, "hand-written CUDA kernels on an NVIDIA GPU"},
#endif
#ifdef WEFT_HAS_CPU
    {"cpu", &cpu::backend, DType::f32, "this machine's processor: oneDNN and OpenMP"},
#endif
    {"cpu", &reference::backend_f64, DType::f64, "float64, plain loops: for gradient checks"},
#ifdef WEFT_HAS_HOST
    {"sim", &sim::backend, DType::f32, "the CUDA kernels, run thread by thread on the processor: for tests and debuggers"},
#endif
    {"reference", &reference::backend_f32, DType::f32, "plain loops: the definition of every op"},
};

}  // namespace

const Backend* find_backend(const std::string& device, DType scalar, Kernels kernels) {
#ifdef WEFT_HAS_CUDA
  if (kernels == Kernels::vendor) return device == "cuda" && scalar == DType::f32 ? &cuda::vendor_backend() : nullptr;
#else
  if (kernels == Kernels::vendor) return nullptr;
#endif
  for (const Entry& e : entries)
    if (device == e.name && scalar == e.scalar) return e.backend;
  return nullptr;
}

std::string list_backends() {
  std::string text;
  for (const Entry& e : entries) {
    const std::string why = e.backend->device->unavailable ? e.backend->device->unavailable() : "";
    text += std::string("  ") + e.name + std::string(11 - std::string(e.name).size(), ' ') + e.what;
    text += why.empty() ? "\n" : "  [not usable here: " + why + "]\n";
  }
  return text;
}

}  // namespace weft
