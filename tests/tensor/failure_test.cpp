// A kernel that fails is told of at the next wait, with the launches that it may be; with `sync` by op, shapes and kernel. On sim,
// through the code that runs on cuda.
#include <doctest/doctest.h>

#include "executor.h"
#include "weft/tensor/capture.h"
#include "weft/tensor/ops.h"

using namespace weft;

namespace {

/// The first launch of `kernel` fails, for as long as this lives.
struct Fault {
  explicit Fault(const char* kernel) { host::settings().fault = kernel; }
  ~Fault() { host::settings().fault.clear(); }
};

std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const CudaError& e) {
    return e.what();
  }
  return "";
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a kernel that fails is noticed at the next wait; with sync where it was launched") {
  for (const bool sync : {false, true}) {
    CAPTURE(sync);
    const Context context = Context::open("sim", {.threads = 1, .sync = sync});
    const Tensor x = context.full({2, 4, 4, 3}, 1), w = context.full({5, 3, 3, 3}, 1);
    context.synchronise();
    const Fault fault("reduce_kernel");
    Tensor y, s;
    const auto work = [&] {
      y = conv2d(x, w, {}, {{1, 1}, {1, 1}});
      s = sum(y * y);
      s = s + s;
    };
    if (sync) {
      const std::string text = message(work);
      CHECK_MESSAGE(has(text, "reduce (1, 160, 1) over its middle: after reduce_kernel: a planted fault; launched last: reduce_kernel"), text);
      CHECK_FALSE(s);
    } else {
      CHECK(message(work) == "");
      const std::string text = message([&] { (void)x.values(); });
      CHECK_MESSAGE(has(text, "copy to the host: a planted fault; it was in one of the"), text);
      for (const char* name : {"conv2d", "pointwise_kernel", "reduce_kernel"}) CHECK_MESSAGE(has(text, name), text);
    }
    CHECK(message([&] { context.synchronise(); }) != "");        // it stays broken, as a GPU's context does
  }
}

TEST_CASE("a failing kernel of a captured step is noticed at its replay, and with sync there is no capture") {
  for (const bool sync : {false, true}) {
    const Context context = Context::open("sim", {.threads = 1, .sync = sync});
    const Tensor x = context.full({40}, 1);
    Tensor s = sum(x);
    const Fault fault("reduce_kernel");
    const Captured step = context.capture([&] { s = sum(x); });
    CHECK(message([&] { context.synchronise(); }) == "");
    const std::string text = message([&] { step.replay(), context.synchronise(); });
    CHECK_MESSAGE(has(text, sync ? "reduce (1, 40, 1) over its middle: after reduce_kernel" : "queue: a planted fault; launched last: a captured step."), text);
  }
}
