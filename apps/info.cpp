// weft info: what this weft is, what it can use here, and what to do next.
#include <cstdio>
#include <sstream>
#include <thread>

#include "command.h"
#include "json.h"
#include "weft/kernels/vendor.h"
#include "weft/tensor/context.h"

namespace weft::apps {
namespace {

int run(bool json) {
  std::string chosen;
  try {
    chosen = Context::open("auto").describe();
  } catch (const Error& error) {
    chosen = std::string("none: ") + error.what();
  }
  const unsigned cores = std::thread::hardware_concurrency();
  const std::string backends = list_backends(), libraries = vendor::describe();
  const bool has_cuda = std::string(WEFT_CUDA) == "yes", has_onednn = std::string(WEFT_ONEDNN) == "yes";
  std::vector<std::string> hints;
  if (!has_onednn) hints.push_back("training on the CPU is several times faster with oneDNN: install libdnnl-dev and build again");
  if (!has_cuda) hints.push_back("this build has no CUDA kernels: with an NVIDIA GPU, install the CUDA toolkit (nvcc) and build again");
  hints.push_back("see it learn: weft train dcgan --data fashion-mnist --out runs/clothes --width 32");

  if (json) {
    std::vector<std::string> lines;
    std::istringstream text(backends);
    for (std::string line; std::getline(text, line);) lines.push_back(line.substr(std::min(line.find_first_not_of(' '), line.size())));
    const Json result = {{"version", WEFT_VERSION}, {"compiler", WEFT_COMPILER}, {"build_type", WEFT_BUILD_TYPE},
                                           {"onednn", has_onednn}, {"cuda", has_cuda}, {"with", WEFT_WITH}, {"without", WEFT_WITHOUT},
                                           {"cores", cores}, {"device", chosen},
                                           {"backends", lines}, {"vendor", libraries}, {"hints", hints}};
    print_json(result);
    return 0;
  }
  std::printf("weft %s, built by %s (%s)\noneDNN: %s   CUDA kernels: %s   cores: %u\n", WEFT_VERSION, WEFT_COMPILER, WEFT_BUILD_TYPE, WEFT_ONEDNN,
              WEFT_CUDA, cores);
  if (*WEFT_WITH) std::printf("built with: %s\n", WEFT_WITH);
  if (*WEFT_WITHOUT) std::printf("without:    %s\n", WEFT_WITHOUT);
  std::printf("\nDevices, for --device:\n%s  auto       here: %s\n\n--kernels vendor: %s\n\nNext:\n", backends.c_str(), chosen.c_str(), libraries.c_str());
  for (const std::string& hint : hints) std::printf("  %s\n", hint.c_str());
  return 0;
}

}  // namespace

Command info_command(const std::string&) {
  const auto json = std::make_shared<bool>(false);
  return {"info", "Show version, devices and what to do next", "weft info", {{"--json", "", "print it as one JSON object", json.get()}},
          [json] { return run(*json); }};
}

}  // namespace weft::apps
