// What this machine is: its name, and how many cores this process may use.
#pragma once
#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace weft::cpu {

inline std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  return "processor";
}

/// Physical cores among those in this process's affinity mask, and no more than its control group's quota pays for.
inline int physical_cores() {
  int cores = int(std::max(1u, std::thread::hardware_concurrency()));
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    std::set<std::string> siblings;   // one entry a core: the list of its hardware threads
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      std::string list = "cpu " + std::to_string(cpu);
      std::ifstream("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list") >> list;
      siblings.insert(list);
    }
    cores = std::max(1, int(siblings.size()));
  }
  std::string quota;
  double period = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu.max") >> quota >> period && quota != "max" && period > 0)
    cores = std::clamp(int(std::ceil(std::stod(quota) / period)), 1, cores);
#endif
  return cores;
}

}  // namespace weft::cpu
