// Finds and loads the plug-in, and asks it what weft/kernels/vendor.h promises. Needs neither CUDA nor cuDNN to build or to start.
#include <dlfcn.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "../diagnosis.h"
#include "session.h"

namespace weft::vendor {

namespace {

constexpr const char* kFile = "libweft_vendor.so";

/// Beside the program, where an installation has its libraries, or wherever the system looks.
void* open_library(std::string* why) {
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const std::filesystem::path& place : {folder / kFile, folder.parent_path() / "lib" / kFile, std::filesystem::path(kFile)}) {
    if (place.has_parent_path() && !std::filesystem::exists(place, ignored)) continue;
    if (void* library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    const char* said = dlerror();
    if (place.has_parent_path() || !std::strstr(said, (std::string(kFile) + ": cannot open").c_str())) *why = said;   // else: not there
    if (place.has_parent_path()) return nullptr;                          // it is there, and says what it lacks
  }
  return nullptr;
}

void expect(const char* failure, const char* what) {
  if (failure) throw DeviceError(std::string(what) + ": " + failure);
}

}  // namespace

const Plugin& load() {
  std::string why;
  void* library = open_library(&why);                                     // stays loaded: cuDNN's own threads outlive a session
  if (!library)
    throw DeviceError(diagnosis::vendor_unavailable(why));
  const auto entry = reinterpret_cast<const Plugin* (*)()>(dlsym(library, "weft_vendor"));
  const Plugin* plugin = entry ? entry() : nullptr;
  if (!plugin || plugin->version != kPluginVersion)
    throw DeviceError(std::string(kFile) + " belongs to another version of weft; build both together");
  return *plugin;
}

std::string unavailable() {
  try {
    load();
    return "";
  } catch (const DeviceError& error) {
    return error.what();
  }
}

std::string describe() {
  const std::string why = unavailable();
  return why.empty() ? load().libraries() : why;
}

OpenSession::OpenSession(const Plugin* p, const Lender* lender) : plugin(p) {
  if (const char* failure = plugin->open(lender, &session)) {
    const std::string text = failure;
    plugin->close(session);
    throw DeviceError("the vendor kernels cannot be opened: " + text);
  }
}

OpenSession::~OpenSession() { plugin->close(session); }

OpenSession& session_of(Queue& queue) {
  if (!queue.vendor) throw DeviceError("this queue runs weft's own kernels; open device cuda with --kernels vendor for cuDNN's");
  return *static_cast<OpenSession*>(queue.vendor.get());
}

const char* name_of(ConvOp op) {
  constexpr const char* names[] = {"conv2d", "conv2d_input_grad", "conv2d_weight_grad"};
  return names[int(op)];
}

std::string describe(const ConvPlan& plan) {
  char size[32];
  std::snprintf(size, sizeof size, "%.1f MB workspace", double(plan.workspace_bytes) / 1e6);
  std::string text = "engine " + std::to_string(plan.engine) + (plan.notes & kTensorCore ? ", tensor cores" : ", no tensor cores");
  if (plan.notes & kDownConvertInputs) text += ", converts inputs";
  if (plan.notes & kReducedPrecisionSums) text += ", reduced-precision sums";
  if (plan.notes & kFft) text += ", FFT";
  if (plan.notes & kWinograd) text += ", Winograd";
  if (plan.compiled_at_run_time) text += ", compiled at run time";
  return text + ", " + size + (plan.deterministic() ? "" : ", not deterministic");
}

ConvPlan find_plan(Queue& queue, const ConvQuestion& question, void* x, void* w, void* y) {
  OpenSession& s = session_of(queue);
  ConvPlan plan;
  expect(s.plugin->find(s.session, question, x, w, y, &plan), name_of(question.op));
  return plan;
}

void run_plan(Queue& queue, const ConvPlan& plan, void* x, void* w, void* y) {
  OpenSession& s = session_of(queue);
  void* workspace = plan.workspace_bytes ? s.workspace(queue, size_t(plan.workspace_bytes)) : nullptr;
  if (const char* failure = s.plugin->run(s.session, plan.id, x, w, y, workspace)) throw CudaError(std::string("cuDNN: ") + failure);
}

std::vector<ConvPlan> candidates(const std::string& device_properties, const ConvQuestion& question) {
  const OpenSession s(&load(), nullptr);
  std::vector<ConvPlan> plans(200);
  int32_t count = 0;
  expect(s.plugin->candidates(s.session, device_properties.c_str(), question, plans.data(), int32_t(plans.size()), &count), name_of(question.op));
  plans.resize(size_t(count));
  return plans;
}

}  // namespace weft::vendor
