// What a person is told when a device fails or is not there: functions of what the CUDA run time and the machine said, so that
// each sentence is tested where there is neither.
#pragma once
#include <string>

#include "weft/kernels/ops.h"

namespace weft::diagnosis {

/// Of an error that was noticed in doing `what`: the launches that may have caused it, those since the last check, are named.
std::string failure(const std::string& what, const std::string& error, const Launched& launched, bool sync);

/// What decides whether device `cuda` works here. Versions are CUDA's own numbers: 12040 is 12.4.
struct Machine {
  // What the run time says.
  int driver = 0, runtime = 0;           // driver 0: no libcuda was found
  int devices = 0;
  enum class Found { good, old_driver, no_device, mismatch, no_kernel, old_for_ptx, other } found = Found::good;
  std::string error;                     // its words
  std::string gpu;                       // the first one's name, once it is known, and its compute capability: 90 is 9.0
  int capability = 0;
  std::string compiled;                  // "80,90a-real": CMAKE_CUDA_ARCHITECTURES
  // What the machine looks like.
  bool wsl = false;                      // Windows Subsystem for Linux
  bool module = false;                   // the NVIDIA kernel module is loaded
  bool container = false;
  std::string visible_to_container;      // NVIDIA_VISIBLE_DEVICES
  bool hidden = false;                   // CUDA_VISIBLE_DEVICES is empty or -1
};

/// Fills in the latter half. `root` is "/" but in tests.
void look_around(Machine& machine, const std::string& root = "/");

/// Why `cuda` cannot be used, with a way out; empty if it can.
std::string unavailable(const Machine& machine);

/// Why --kernels vendor cannot be used, from what the loader of libraries said ("": the plug-in is not there).
std::string vendor_unavailable(const std::string& loader);

}  // namespace weft::diagnosis
