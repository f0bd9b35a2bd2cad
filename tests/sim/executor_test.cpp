// The host executor itself: right kernels give right results, and each seeded bug is named. A bug ends its program, so
// each runs in a program of its own: this one again, asked for one test that it otherwise skips.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "executor.h"
#include "seeded_bugs.h"

using namespace weft;
using namespace weft::testing;

namespace {

std::vector<float> run(const std::string& name) {
  std::vector<float> out(64);
  run_seeded(name, out.data());
  return out;
}

bool race_checked() { return &host::race_count != nullptr; }

/// What this program prints when it runs the bug alone, in that order of threads.
std::string said_by(const std::string& bug, const std::string& order) {
  const std::string command = "WEFT_SIM_BUG='" + bug + "' WEFT_SIM_ASYNC=lazy WEFT_SIM_ORDER=" + order + " /proc/" + std::to_string(getpid()) + "/exe -ns -tc='one seeded bug' 2>&1";
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  char part[512];
  while (std::fgets(part, sizeof part, pipe)) text += part;
  pclose(pipe);
  return text;
}

void named(const std::string& bug, const std::string& finding, const std::string& order = "forward") {
  const std::string said = said_by(bug, order);
  CAPTURE(bug);
  CAPTURE(said);
  CHECK(said.find(finding) != std::string::npos);
}

}  // namespace

TEST_CASE("one seeded bug" * doctest::skip()) {
  const char* bug = std::getenv("WEFT_SIM_BUG");
  for (const float v : run(bug ? bug : "")) std::printf("%.9g ", double(v));
  std::printf("\n");
  std::fflush(stdout);
}

TEST_CASE("executor: what it must find in any build") {
  named("divergent barrier", "divergent __syncthreads()");
  named("half of a warp at the barrier", "deadlock");
  named("exited lane", "exits while other lanes wait");
  named("exited lane", "already exited", "reverse");
  named("unwritten shared memory", "nan");
  named("nobody waits", "nobody waited for");
  named("too much shared memory", "dynamic shared memory: 'b' needs bytes 192 to 320, but the launch gave 256");
  named("divergent barrier", "kernel divergent_barrier, block (0,0,0) of (1,1,1), thread (16,0,0)");
  named("missing wait", "nan");                                      // asynchronous copies land as late as they may
}

TEST_CASE("executor: a missing barrier shows in one order or another") {
  const std::string right = "0 1 2 3 4 5";
  CHECK(said_by("missing barrier", "forward").find(right) != std::string::npos);   // forward order hides this one
  CHECK(said_by("missing barrier", "reverse").find(right) == std::string::npos);
  CHECK(said_by("missing barrier", "random:1").find(right) == std::string::npos);
}

TEST_CASE("executor: a float atomic's sum depends on the order") {           // printed with all its bits: the comparison of
  const std::string forward = said_by("float atomic", "forward");              // all kernels' bits in kernels_test.cpp sees such a sum
  CHECK(forward == said_by("float atomic", "forward"));
  CHECK(forward != said_by("float atomic", "reverse"));
  CHECK(forward != said_by("float atomic", "random:1"));
}

TEST_CASE("executor: a wrong fragment index gives wrong products") {
  for (const char* bug : {"wrong fragment index, tf32", "wrong fragment index, bf16"}) {
    float wrong = 0;
    for (const float of_lane : run(bug)) wrong += of_lane;
    CHECK(wrong > 0);
  }
}

TEST_CASE("executor: races, in a race-checked build") {
  if (!race_checked()) return;
  named("missing barrier", "[race] on shared array 'buf'");
  named("missing barrier", "seeded_bugs.cpp:");
  named("missing __syncwarp", "[race] on shared array 'buf'");
  named("two blocks, one output", "of another block");
  named("no fence", "of another block");
}

TEST_CASE("executor: overruns, in a sanitized build") {
#if defined(WEFT_SANITIZE)
  named("shared overrun", "use-after-poison");
  named("shared overrun", "kernel shared_overrun");
  named("global overrun", "heap-buffer-overflow");
#endif
}

TEST_CASE("executor: right kernels") {
  const std::vector<float> masks = run("partial masks"), done = run("last block done"), pipeline = run("async pipeline");
  CHECK(masks[0] == 136);                                            // 1 + ... + 16
  CHECK(masks[31] == 32);
  CHECK(done[0] == 36);                                              // 1 + ... + 8
  for (int t = 0; t < 32; ++t) {
    float sum = 0;
    for (int step = 0; step < 4; ++step) sum += float(((t + 5) % 32 + (step ? step - 1 : 0)) % 16 * 4 + 1);
    CHECK(pipeline[size_t(t)] == sum);
  }
  for (const char* fragment : {"mma tf32", "mma bf16", "ldmatrix"})
    for (const float wrong : run(fragment)) CHECK(wrong == 0);
  if (race_checked()) CHECK(host::race_count() == 0);
}
