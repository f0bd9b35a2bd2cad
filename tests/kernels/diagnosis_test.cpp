// What a person is told of a machine that does not do what it should.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../temporary_folder.h"
#include "diagnosis.h"

using namespace weft;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("an error names the launches since the last check, the newest of many") {
  Launched launched;
  CHECK(diagnosis::failure("waiting", "trouble", launched, false) == "waiting: trouble");
  launched.add("a_kernel");
  CHECK(diagnosis::failure("waiting", "trouble", launched, true) == "waiting: trouble; launched last: a_kernel");
  for (int i = 0; i < 3; ++i) launched.add("b_kernel");
  launched.add("c_kernel");
  CHECK(has(diagnosis::failure("waiting", "trouble", launched, false),
            "one of the 5 launches since the last check: a_kernel, b_kernel 3 times, c_kernel. With --sync"));
  for (uint64_t i = 0; i < Launched::kNames - 2; ++i) launched.add("d_kernel");
  CHECK(has(diagnosis::failure("waiting", "trouble", launched, false), "check: ..., b_kernel, c_kernel, d_kernel 14 times."));
}

TEST_CASE("a machine on which cuda cannot be used gets a sentence with a way out") {
  using Found = diagnosis::Machine::Found;
  diagnosis::Machine good;
  good.driver = 12020, good.runtime = 13000, good.devices = 1, good.gpu = "NVIDIA L4", good.capability = 89, good.compiled = "75-real,80,90a-real", good.module = true;
  CHECK(diagnosis::unavailable(good) == "");
  const auto told = [&](auto alter) {
    diagnosis::Machine m = good;
    alter(m);
    return diagnosis::unavailable(m);
  };
  using M = diagnosis::Machine;
  const std::tuple<const char*, std::string, std::string> cases[] = {
      {"no driver", told([](M& m) { m.driver = 0, m.module = false; }), "no NVIDIA driver is installed"},
      {"the same in a container", told([](M& m) { m.driver = 0, m.module = false, m.container = true; }), "--gpus all"},
      {"libraries missing", told([](M& m) { m.driver = 0; }), "install the driver's libraries"},
      {"container without its GPU", told([](M& m) { m.driver = 0, m.container = true; }), "given neither its libraries nor a GPU: start it with `--gpus all`"},
      {"container with libraries alone", told([](M& m) { m.found = Found::no_device, m.container = true; }), "given no GPU: start it with `--gpus all`"},
      {"void", told([](M& m) { m.devices = 0, m.visible_to_container = "void"; }), "NVIDIA_VISIBLE_DEVICES is void; start it with"},
      {"WSL", told([](M& m) { m.driver = 0, m.module = false, m.wsl = true; }), "install NVIDIA's driver in Windows"},
      {"hidden", told([](M& m) { m.found = Found::no_device, m.hidden = true; }), "unset it"},
      {"module not loaded", told([](M& m) { m.found = Found::no_device, m.module = false; }), "modprobe nvidia"},
      {"no GPU", told([](M& m) { m.devices = 0; }), "nvidia-smi"},
      {"old driver", told([](M& m) { m.found = Found::old_driver; }), "supports CUDA 12.2, this program was built with 13.0; update the driver"},
      {"updated driver", told([](M& m) { m.found = Found::mismatch; }), "restart the machine"},
      {"old for PTX", told([](M& m) { m.found = Found::old_for_ptx; }), "NVIDIA L4 (compute capability 8.9) needs its kernels translated by the driver, and this one, for CUDA 12.2, is older than the toolkit that wrote them, 13.0; update"},
      {"not compiled", told([](M& m) { m.found = Found::no_kernel, m.gpu = "NVIDIA B200", m.capability = 100; }),
       "NVIDIA B200 (compute capability 10.0) is none of those that this program was built for: 7.5, 8.0, 9.0 and newer than 8.0; build with -DCMAKE_CUDA_ARCHITECTURES=100-real"},
      {"too old for weft", told([](M& m) { m.found = Found::no_kernel, m.capability = 61, m.compiled = "native"; }), "built for: native; weft needs 7.5 or newer, so there is --device cpu"},
      {"else", told([](M& m) { m.found = Found::other, m.error = "unknown error"; }), "says: unknown error; `nvidia-smi`"},
  };
  for (const auto& each : cases) CHECK_MESSAGE(has(std::get<1>(each), std::get<2>(each)), std::get<0>(each) << ": " << std::get<1>(each));
}

TEST_CASE("what the machine looks like is read from its files") {
  const testing::TemporaryFolder root;
  const auto look = [&] {
    diagnosis::Machine m;
    diagnosis::look_around(m, root.path.string() + "/");
    return std::tuple(m.wsl, m.module, m.container);
  };
  const auto write = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root.path.string() + "/" + path).parent_path());
    std::ofstream(root.path.string() + "/" + path) << text << "\n";
  };
  CHECK(look() == std::tuple(false, false, false));
  write("proc/sys/kernel/osrelease", "6.1.0-18-amd64");
  CHECK(look() == std::tuple(false, false, false));
  write("proc/sys/kernel/osrelease", "5.15.153.1-microsoft-standard-WSL2");
  CHECK(look() == std::tuple(true, false, false));
  write("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module");
  write("run/.containerenv", "");
  CHECK(look() == std::tuple(true, true, true));
}

TEST_CASE("the vendor's libraries are missed by name") {
  CHECK(has(diagnosis::vendor_unavailable(""), "built without CUDA kernels, or without cuDNN 9"));
  CHECK(has(diagnosis::vendor_unavailable("libcudnn.so.9: cannot open shared object file: No such file or directory"), "install cuDNN 9"));
  CHECK(has(diagnosis::vendor_unavailable("libcublas.so.13: cannot open shared object file: No such file or directory"), "comes with the CUDA toolkit"));
  CHECK(has(diagnosis::vendor_unavailable("libweft_vendor.so: undefined symbol: cudnnCreate"), "build libweft_vendor.so and weft together"));
  for (const char* said : {"", "libcudnn.so.9: no", "else"}) CHECK(has(diagnosis::vendor_unavailable(said), "--kernels own needs neither"));
}
