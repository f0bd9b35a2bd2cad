#include "diagnosis.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace weft::diagnosis {

std::string failure(const std::string& what, const std::string& error, const Launched& launched, bool sync) {
  std::string text = what + ": " + error;
  const uint64_t kept = std::min(launched.count, Launched::kNames);
  if (kept == 0) return text;
  text += sync || launched.count == 1 ? "; launched last: " : "; it was in one of the " + std::to_string(launched.count) + " launches since the last check: ";
  if (kept < launched.count) text += "..., ";
  for (uint64_t i = launched.count - kept, times; i < launched.count; i += times) {
    const std::string name = launched.names[i % Launched::kNames];
    for (times = 1; i + times < launched.count && launched.names[(i + times) % Launched::kNames] == name;) ++times;
    text += name + (times > 1 ? " " + std::to_string(times) + " times" : "") + (i + times < launched.count ? ", " : "");
  }
  return sync ? text : text + ". With --sync it is found where it happens, slowly";
}

namespace {

std::string version_text(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }
std::string capability_text(int capability) { return std::to_string(capability / 10) + "." + std::to_string(capability % 10); }

/// "8.0, 9.0 and newer than 8.0" from "80,90a-real".
std::string compiled_text(const std::string& architectures) {
  std::string text, newest_ptx;
  std::istringstream all(architectures);
  for (std::string one; std::getline(all, one, ',');) {
    const int number = std::atoi(one.c_str());
    const std::string capability = number ? capability_text(number) : one;   // "native" is a name
    if (one.find("-virtual") == std::string::npos) text += (text.empty() ? "" : ", ") + capability;
    if (number && one.find("-real") == std::string::npos) newest_ptx = capability;
  }
  return newest_ptx.empty() ? text : text + " and newer than " + newest_ptx;
}

const std::string start_with_gpu = "start it with `--gpus all` (docker, with the NVIDIA Container Toolkit) or `--device nvidia.com/gpu=all` (podman)";

std::string no_driver(const Machine& m) {
  if (m.module)
    return m.container ? "the machine has NVIDIA's driver, but this container was given neither its libraries nor a GPU: " + start_with_gpu
                       : "NVIDIA's kernel module is loaded, but libcuda.so.1 was not found: install the driver's libraries of the same version";
  if (m.wsl && !m.container)
    return "this is WSL, and there is no libcuda.so.1: install NVIDIA's driver in Windows, none in here, then `wsl --shutdown`; "
           "if /usr/lib/wsl/lib has it already, add that folder to LD_LIBRARY_PATH";
  return "no NVIDIA driver is installed" + (m.container ? "; in a container it is the machine's that counts: " + start_with_gpu : "");
}

std::string no_device(const Machine& m) {
  if (m.hidden) return "CUDA_VISIBLE_DEVICES hides every GPU; unset it";
  if (m.visible_to_container == "void" || m.visible_to_container == "none")
    return "this container was given no GPU: NVIDIA_VISIBLE_DEVICES is " + m.visible_to_container + "; " + start_with_gpu;
  if (m.container) return "there is a driver, but this container was given no GPU: " + start_with_gpu;
  if (!m.module && !m.wsl) return "there is a driver, but its kernel module is not loaded: `sudo modprobe nvidia` loads it, or says why it cannot";
  return "there is a driver, but no GPU that this process may use: `nvidia-smi` shows what there is, CUDA_VISIBLE_DEVICES which of them count";
}

bool there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

void look_around(Machine& m, const std::string& root) {
  std::string kernel;
  std::getline(std::ifstream(root + "proc/sys/kernel/osrelease"), kernel);
  m.wsl = kernel.find("microsoft") != std::string::npos || kernel.find("Microsoft") != std::string::npos;
  m.module = there(root + "proc/driver/nvidia/version");
  m.container = there(root + ".dockerenv") || there(root + "run/.containerenv");
  if (const char* visible = std::getenv("NVIDIA_VISIBLE_DEVICES")) m.visible_to_container = visible;
  const char* devices = std::getenv("CUDA_VISIBLE_DEVICES");
  m.hidden = devices && (*devices == 0 || *devices == '-');
}

std::string unavailable(const Machine& m) {
  const std::string gpu = m.gpu + " (compute capability " + capability_text(m.capability) + ")";
  switch (m.found) {
    case Machine::Found::good: return m.driver == 0 ? no_driver(m) : m.devices == 0 ? no_device(m) : "";
    case Machine::Found::no_device: return no_device(m);
    case Machine::Found::old_driver:
      return "the NVIDIA driver supports CUDA " + version_text(m.driver) + ", this program was built with " + version_text(m.runtime) +
             "; update the driver, or build with an older toolkit";
    case Machine::Found::mismatch:
      return "the driver's libraries and its kernel module are of different versions, as after an update: restart the machine" +
             std::string(m.container ? ", and then the container" : "");
    case Machine::Found::no_kernel:
      return gpu + " is none of those that this program was built for: " + compiled_text(m.compiled) + "; " +
             (m.capability < 75 ? "weft needs 7.5 or newer, so there is --device cpu"
                                : "build with -DCMAKE_CUDA_ARCHITECTURES=" + std::to_string(m.capability) + "-real");
    case Machine::Found::old_for_ptx:
      return gpu + " needs its kernels translated by the driver, and this one, for CUDA " + version_text(m.driver) + ", is older than the toolkit that wrote them, " +
             version_text(m.runtime) + "; update the driver, or build with -DCMAKE_CUDA_ARCHITECTURES=" + std::to_string(m.capability) + "-real";
    case Machine::Found::other: break;
  }
  return "the CUDA run time says: " + m.error + "; `nvidia-smi` may know more";
}

std::string vendor_unavailable(const std::string& loader) {
  const auto lacks = [&](const char* library) { return loader.find(library) != std::string::npos; };
  std::string way_out;
  if (loader.empty())
    way_out = "libweft_vendor.so is not there: this weft was built without CUDA kernels, or without cuDNN 9 and cuBLAS (-DWEFT_CUDA=ON -DWEFT_CUDNN=ON say what is missing), or was moved without it";
  else if (lacks("libcudnn")) way_out = loader + "; install cuDNN 9 (libcudnn9-cuda-12 or -13, as the toolkit is), or add its folder to LD_LIBRARY_PATH";
  else if (lacks("libcublas")) way_out = loader + "; cuBLAS comes with the CUDA toolkit: add its lib64 to LD_LIBRARY_PATH";
  else way_out = loader + "; build libweft_vendor.so and weft together, with the cuDNN 9 and cuBLAS that are here";
  return "the vendor kernels cannot be loaded: " + way_out + ". --kernels own needs neither";
}

}  // namespace weft::diagnosis
