// Every backend of this build against the reference, over every case of every op; and wrong kernels, which must be caught.
#include "agreement.h"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <set>

#include "cases/cases.h"
#include "cases/conv_problems.h"

using namespace weft;
using namespace weft::testing;

namespace {

/// The float32 backends that work here. Three threads divide no size of these tests evenly.
std::vector<Session> sessions() {
  std::vector<Session> open;
  for (const char* name : {"cpu", "sim", "cuda", "reference"}) {
    const Backend* backend = find_backend(name, DType::f32);
    const std::string why = backend ? backend->device->unavailable() : "it is not in this build";
    if (why.empty())
      open.emplace_back(*backend, QueueOptions{3, 0});
    else
      MESSAGE(("not tested: backend " + std::string(name) + ", for " + why));
  }
  return open;
}

bool has(const Ops& ops, const std::string& op) {
  for (const TableEntry& entry : table_entries())
    if (entry.op == op) return entry.present(ops);
  return false;
}

void agree(const std::string& op) {
  const std::vector<Case> cases = every_case();
  for (Session& session : sessions()) {
    const std::string device = session.backend.device->name;
    if (!has(session.ops(), op)) {
      MESSAGE(("a hole: " + device + " has no " + op));
      continue;
    }
    int tried = 0, wrong = 0;
    for (const Case& c : cases) {
      if (c.op != op || wrong == 10) continue;   // ten failures tell enough
      const std::string difference = disagreement(session, c);
      CHECK(difference == "");
      wrong += !difference.empty(), ++tried;
    }
    MESSAGE((device + " was tried in " + std::to_string(tried) + " cases of " + op));
  }
}

}  // namespace

TEST_CASE("agreement: pointwise") { agree("pointwise"); }
TEST_CASE("agreement: reduce") { agree("reduce"); }
TEST_CASE("agreement: strided_copy") { agree("strided_copy"); }
TEST_CASE("agreement: gather") { agree("gather"); }
TEST_CASE("agreement: scatter_add") { agree("scatter_add"); }
TEST_CASE("agreement: resample") { agree("resample"); }
TEST_CASE("agreement: sort") { agree("sort"); }
TEST_CASE("agreement: max_pool") { agree("max_pool"); }
TEST_CASE("agreement: matmul") { agree("matmul"); }
TEST_CASE("agreement: conv2d") { agree("conv2d"); }
TEST_CASE("agreement: conv2d_input_grad") { agree("conv2d_input_grad"); }
TEST_CASE("agreement: conv2d_weight_grad") { agree("conv2d_weight_grad"); }
TEST_CASE("agreement: moments") { agree("moments"); }
TEST_CASE("agreement: normalize") { agree("normalize"); }
TEST_CASE("agreement: normalize_grad") { agree("normalize_grad"); }
TEST_CASE("agreement: random") { agree("random"); }
TEST_CASE("agreement: optimizer_step") { agree("optimizer_step"); }

TEST_CASE("every entry of the table has cases, and every case an entry") {
  // name, scalar and what it can beside it, the entries below and `forget`: a new entry in Ops makes this fail until table_entries() and the cases know it.
  CHECK(sizeof(Ops) == sizeof(const char*) + 8 + (table_entries().size() + 1) * sizeof(void (*)()));
  std::set<std::string> tabled, tried;
  for (const TableEntry& entry : table_entries()) tabled.insert(entry.op);
  for (const Case& c : every_case()) tried.insert(c.op);
  CHECK(tabled == tried);
  for (const ConvProblem& p : awkward_convolutions) {   // and the cases are convolutions at all
    CHECK(p.p == (p.h + 2 * p.pad.h - p.dilation.h * (p.r - 1) - 1) / p.stride.h + 1);
    CHECK(p.q == (p.w + 2 * p.pad.w - p.dilation.w * (p.s - 1) - 1) / p.stride.w + 1);
  }
}

// A backend may keep layouts derived from a weight. They are found by (id, offset), never by address, and live one version.
TEST_CASE("a weight that changes is seen to change") {
  const ConvProblem p = awkward_convolutions[0];
  for (Session& session : sessions()) {
    const Device& device = *session.backend.device;
    Queue& queue = *session.queue;
    const Ops& ops = session.ops();
    if (!ops.conv2d) continue;
    const auto place = [&](int64_t n) { return static_cast<float*>(device.allocate(queue, size_t(n) * 4)); };
    const auto fill = [&](float* to, int64_t n, float value) {
      const std::vector<float> values(size_t(n), value);
      device.copy(queue, to, values.data(), values.size() * 4, CopyDirection::to_device);
    };
    float *x = place(size_x(p)), *w = place(2 * size_w(p)), *y = place(size_y(p));
    fill(x, size_x(p), 1);
    // The sum of one pixel well inside the image, 3 * 3 * 3 = 27 times the filter's value.
    const auto centre = [&](const void* data, uint64_t id, size_t offset, uint64_t version) {
      fill(y, size_y(p), 0);
      ops.conv2d(queue, p, {}, x, Weight{data, id, offset, version}, y);
      float value = 0;
      device.copy(queue, &value, y + ((2 * p.q) + 3) * p.k, 4, CopyDirection::to_host);
      return value;
    };
    fill(w, size_w(p), 1), fill(w + size_w(p), size_w(p), 5);
    CAPTURE(device.name);
    CHECK(centre(w, 7, 0, 1) == 27);
    CHECK(centre(w, 7, 0, 1) == 27);                                     // from what was kept
    CHECK(centre(w + size_w(p), 7, size_t(size_w(p)), 1) == 5 * 27);     // another window of the same arena
    CHECK(centre(w, 7, 0, 1) == 27);
    fill(w, size_w(p), 2);
    CHECK(centre(w, 7, 0, 2) == 2 * 27);                                 // the next version, in place
    fill(w, size_w(p), 3);
    CHECK(centre(w, 8, 0, 2) == 3 * 27);                                 // another storage at the same address
    fill(w, size_w(p), 4);
    CHECK(centre(w, 0, 0, 0) == 4 * 27);
    fill(w, size_w(p), 6);
    CHECK(centre(w, 0, 0, 0) == 6 * 27);                                 // id 0: nothing may be kept
    if (ops.forget) ops.forget(queue, 8);
    if (ops.forget) ops.forget(queue, 12345);                            // one that it never saw
    CHECK(centre(w, 8, 0, 3) == 6 * 27);
    device.release(queue, x, size_t(size_x(p)) * 4);
    device.release(queue, w, size_t(2 * size_w(p)) * 4);
    device.release(queue, y, size_t(size_y(p)) * 4);
  }
}

TEST_CASE("device functions: copies in all directions, zeros, alignment") {
  for (Session& session : sessions()) {
    const Device& device = *session.backend.device;
    Queue& queue = *session.queue;
    CAPTURE(device.name);
    const std::vector<unsigned char> sent = {1, 2, 3, 4, 5, 6, 7};
    std::vector<unsigned char> received(7);
    void *a = device.allocate(queue, 7), *b = device.allocate(queue, 7);
    CHECK(reinterpret_cast<uintptr_t>(a) % 64 == 0);
    CHECK(reinterpret_cast<uintptr_t>(b) % 64 == 0);
    device.copy(queue, a, sent.data(), 7, CopyDirection::to_device);
    device.copy(queue, b, a, 7, CopyDirection::on_device);
    device.fill_zero(queue, a, 3);
    device.copy(queue, received.data(), b, 7, CopyDirection::to_host);
    CHECK(received == sent);
    device.copy(queue, received.data(), a, 7, CopyDirection::to_host);
    CHECK(received == std::vector<unsigned char>{0, 0, 0, 4, 5, 6, 7});
    device.release(queue, a, 7);
    device.release(queue, b, 7);
    CHECK(device.describe(queue) != "");
  }
}

TEST_CASE("device functions: events stand in the order of the work they mark") {
  for (Session& session : sessions()) {
    const Device& device = *session.backend.device;
    Queue& queue = *session.queue;
    CAPTURE(device.name);
    std::unique_ptr<Event> before, after;
    void* a = device.allocate(queue, 1 << 20);
    device.record(queue, before);
    device.fill_zero(queue, a, 1 << 20);
    device.record(queue, after);
    device.wait(queue, *after);
    const double first = device.seconds(queue, *before, *after);
    CHECK(first > 0);
    CHECK(device.seconds(queue, *after, *before) == -first);
    const Event* const kept = after.get();
    device.fill_zero(queue, a, 1 << 20);
    device.record(queue, after);          // moved, not made anew
    CHECK(after.get() == kept);
    CHECK(device.seconds(queue, *before, *after) > first);
    device.release(queue, a, 1 << 20);
  }
}

// --- negative controls: each wrong table must be caught by the cases above ---------------------------------------------

namespace {

const Ops& right() { return *find_backend("reference", DType::f32)->ops; }

/// How many cases of `op` a table that differs from the reference in one entry fails.
template <class Break>
int failures(const std::string& op, Break break_it) {
  Ops wrong = right();
  break_it(wrong);
  const Backend backend{find_backend("reference", DType::f32)->device, &wrong};
  Session session(backend);
  int failed = 0;
  for (const Case& c : every_case())
    if (c.op == op) failed += !disagreement(session, c).empty();
  return failed;
}

}  // namespace

TEST_CASE("a wrong kernel is caught: it does nothing") {
  CHECK(failures("matmul", [](Ops& ops) { ops.matmul = [](Queue&, const MatmulProblem&, const void*, Weight, const void*, void*) {}; }) > 0);
}

TEST_CASE("a wrong kernel is caught: it forgets the last element") {
  CHECK(failures("random", [](Ops& ops) {
    ops.random = [](Queue& queue, RandomKind kind, uint64_t key, const StepState* step, int64_t n, void* out) {
      right().random(queue, kind, key, step, n - 1, out);
    };
  }) > 0);
}

TEST_CASE("a wrong kernel is caught: it writes one element too many") {
  CHECK(failures("random", [](Ops& ops) {
    ops.random = [](Queue& queue, RandomKind kind, uint64_t key, const StepState* step, int64_t n, void* out) {
      right().random(queue, kind, key, step, n + 1, out);
    };
  }) > 0);
}

TEST_CASE("a wrong kernel is caught: it writes NaN") {
  CHECK(failures("conv2d", [](Ops& ops) {
    ops.conv2d = [](Queue& queue, const ConvProblem& p, const ConvEpilogue& epilogue, const void* x, Weight w, void* y) {
      right().conv2d(queue, p, epilogue, x, w, y);
      static_cast<float*>(y)[0] = std::numeric_limits<float>::quiet_NaN();
    };
  }) > 0);
}

TEST_CASE("a wrong kernel is caught: products of 11 bits, as in TF32") {
  CHECK(failures("matmul", [](Ops& ops) {
    ops.matmul = [](Queue& queue, const MatmulProblem& p, const void* a, Weight b, const void* bias, void* c) {
      const int64_t n = p.batch_stride_a ? p.batch * p.m * p.k : p.m * p.k;
      std::vector<float> cut(size_t(n), 0.0f);
      for (int64_t i = 0; i < n; ++i) {
        uint32_t word;
        std::memcpy(&word, static_cast<const float*>(a) + i, 4);
        word &= 0xffffe000u;
        std::memcpy(&cut[size_t(i)], &word, 4);
      }
      right().matmul(queue, p, cut.data(), b, bias, c);
    };
  }) > 0);
}

TEST_CASE("a wrong kernel is caught: padding wins a maximum") {
  CHECK(failures("max_pool", [](Ops& ops) {
    ops.max_pool = [](Queue& queue, const PoolProblem& p, const void* x, void* y, int32_t* index) {
      right().max_pool(queue, p, x, y, index);
      for (int64_t i = 0; i < int64_t(p.n) * p.p * p.q * p.c; ++i)
        if (static_cast<float*>(y)[i] < 0) static_cast<float*>(y)[i] = 0;
    };
  }) > 0);
}

TEST_CASE("a wrong kernel is caught: the last of a tie") {
  CHECK(failures("reduce", [](Ops& ops) {
    ops.reduce = [](Queue& queue, ReduceKind kind, const ReduceProblem& p, const void* x, void* out, int32_t* index) {
      right().reduce(queue, kind, p, x, out, index);
      if (!index) return;
      for (int64_t o = 0; o < p.outer; ++o)
        for (int64_t i = 0; i < p.inner; ++i)
          for (int64_t j = 0; j < p.n; ++j)
            if (static_cast<const float*>(x)[(o * p.n + j) * p.inner + i] == static_cast<float*>(out)[o * p.inner + i])
              index[o * p.inner + i] = int32_t(j);
    };
  }) > 0);
}

TEST_CASE("a wrong kernel is caught: variance as the mean of squares less the square of the mean") {
  CHECK(failures("moments", [](Ops& ops) {
    ops.moments = [](Queue& queue, const NormProblem& p, const void* x, void* mean, void* variance) {
      right().moments(queue, p, x, mean, variance);
      for (int64_t g = 0; g < p.groups; ++g)
        for (int64_t c = 0; c < p.channels; ++c) {
          float squares = 0;
          for (int64_t r = 0; r < p.rows; ++r) {
            const float v = static_cast<const float*>(x)[(g * p.rows + r) * p.channels + c];
            squares += v * v;
          }
          const float m = static_cast<float*>(mean)[g * p.channels + c];
          static_cast<float*>(variance)[g * p.channels + c] = squares / float(p.rows) - m * m;
        }
    };
  }) > 0);
}

TEST_CASE("a wrong kernel is caught: a gradient that forgets the statistics") {
  CHECK(failures("normalize_grad", [](Ops& ops) {
    ops.normalize_grad = [](Queue& queue, const NormProblem& p, double epsilon, double slope, const void* x, const void* mean, const void* variance,
                            const void* gamma, const void* beta, const void* dy, void* dx, void* dgamma, void* dbeta) {
      right().normalize_grad(queue, p, epsilon, slope, x, mean, variance, gamma, beta, dy, dx, dgamma, dbeta);
      if (dx) static_cast<float*>(dx)[0] *= 1.0001f;
    };
  }) > 0);
}

TEST_CASE("a wrong kernel is caught: epsilon inside Adam's root") {
  CHECK(failures("optimizer_step", [](Ops& ops) {
    ops.optimizer_step = [](Queue& queue, const OptimizerSettings& settings, const OptimizerArenas& arenas, const StepState* step, int slot) {
      OptimizerSettings inside = settings;
      inside.epsilon = std::sqrt(settings.epsilon);
      right().optimizer_step(queue, inside, arenas, step, slot);
    };
  }) > 0);
}
