// Captured steps: a replay does what the call does, bit for bit, and nothing else on the context can disturb it. On sim a capture
// is a list of launches with their arguments, as on cuda; so addresses, memory and scratch are put to the test here.
#include <doctest/doctest.h>

#include <cmath>

#include "every_device.h"
#include "weft/tensor/autograd.h"
#include "weft/tensor/capture.h"
#include "weft/tensor/ops.h"

using namespace weft;

namespace {

/// A step with noise, a convolution, a gradient, scratch memory, an update in place and a result that is left behind.
struct Work {
  Context context;
  Tensor input, weight, result;
  explicit Work(const Context& c) : context(c), input(c.zeros({4, 6, 6, 8})) {
    begin(0);
    weight = (c.uniform({8, 3, 3, 8}, 5) - 0.5).leaf();
    weight.storage()->weight = true;
  }
  void step() {
    const Tensor x = input + context.normal({4, 6, 6, 8}, 9);
    const Tensor y = conv2d(resize(x, {8, 8}), weight, {}, {{1, 1}, {1, 1}}, 0.2);
    const Tensor loss = mean(max_pool(y, {{2, 2}, {2, 2}, {0, 0}}) * 1.5 + 0.125);
    const Tensor g = grad(loss, {weight})[0];
    weight.copy_from(weight.detach() - g * 0.5, "update");
    result = loss.detach();
  }
  void begin(uint64_t step) {
    context.step_state().step = step;
    context.publish_step_state();
    input.write(std::vector<double>(size_t(input.count()), double(step) / 8));
  }
};

std::vector<double> outcome(const Context& context, int calls_first, int steps, bool captured) {
  Work work(context);
  Captured again;
  std::vector<double> results;
  for (int i = 0; i < steps; ++i) {
    work.begin(uint64_t(i + 1));
    if (captured && i == calls_first) again = context.capture([&] { work.step(); });
    if (again) again.replay();
    else work.step();
    results.push_back(work.result.item());
  }
  const std::vector<double> weights = work.weight.values();
  results.insert(results.end(), weights.begin(), weights.end());
  return results;
}

}  // namespace

TEST_CASE("a replay does what a call does, bit for bit") {
  testing::on_every_device([](const Context& context) {
    const std::vector<double> called = outcome(context, 0, 5, false);
    REQUIRE(std::isfinite(called[4]));
    CHECK(called[3] != called[4]);               // the steps differ, so a replay that repeats old values is noticed
    for (const int calls_first : {0, 1, 3}) CHECK(outcome(context, calls_first, 5, true) == called);
  });
}

TEST_CASE("what else is done on the context neither disturbs a captured step nor is disturbed by it") {
  testing::on_every_device([](const Context& context) {
    Work alone(context), disturbed(context);
    alone.begin(1), alone.step();
    disturbed.begin(1), disturbed.step();
    const Captured first = context.capture([&] { alone.step(); });
    for (uint64_t i = 2; i < 5; ++i) alone.begin(i), first.replay();
    const double left = alone.result.item();

    const Captured second = context.capture([&] { disturbed.step(); });
    std::vector<Tensor> around;                  // of the sizes of the step's own tensors
    Work other(context);
    for (uint64_t i = 2; i < 5; ++i) {
      other.step();                              // with scratch of its own
      for (const Shape& shape : {Shape{4, 6, 6, 8}, Shape{4, 8, 8, 8}, Shape{8, 3, 3, 8}, Shape{}}) around.push_back(context.full(shape, double(i)));
      const Tensor large = max_pool(context.full({4, 32, 32, 8}, 1).leaf(), {{2, 2}, {2, 2}, {0, 0}});
      disturbed.begin(i), second.replay();
    }
    CHECK(alone.weight.values() == disturbed.weight.values());
    CHECK(disturbed.result.item() == left);
    CHECK(alone.result.item() == left);          // what a captured step left behind stays
    for (size_t i = 0; i < around.size(); ++i)
      for (const double v : around[i].values()) CHECK(v == double(2 + i / 4));
  });
}

TEST_CASE("constants and tables that are made inside a captured step outlive it") {
  testing::on_every_device([](const Context& context) {
    const Tensor x = context.full({1, 3, 3, 1}, 2);
    {
      Tensor y;
      const Captured step = context.capture([&] { y = resize(x * x.context().constant(1.75), {5, 5}); });
      CHECK(context.constant(1.75).item() == 1.75);                                // before the first replay
      CHECK(resize(x, {5, 5}).values() == std::vector<double>(25, 2));
      step.replay();
      CHECK(y.values() == std::vector<double>(25, 3.5));
    }
    const Tensor reused = context.full({}, 77);
    CHECK(context.constant(1.75).item() == 1.75);
    CHECK(resize(x, {5, 5}).values() == std::vector<double>(25, 2));
    CHECK(reused.item() == 77);
  });
}

TEST_CASE("a replay is counted as the call is: launches, operations, peak memory") {
  testing::on_every_device([](const Context& context) {
    Work work(context);
    work.step();
    const Captured step = context.capture([&] { work.step(); });
    const auto counted = [&](auto run) {
      const auto launches = context.launches();
      const uint64_t flops = context.flops();
      context.reset_peak();
      run();
      std::map<std::string, uint64_t> more;
      for (const auto& [name, count] : context.launches())
        if (const auto before = launches.find(name); before == launches.end() || before->second != count)
          more[name] = count - (before == launches.end() ? 0 : before->second);
      return std::tuple(more, context.flops() - flops, context.peak_bytes() - context.live_bytes());
    };
    const auto replayed = counted([&] { step.replay(); }), called = counted([&] { work.step(); });
    CHECK(replayed == called);
    CHECK(std::get<1>(called) > 0);
    CHECK(std::get<2>(called) > 4 * 8 * 8 * 8 * 4);                                // y, at least
  });
}

TEST_CASE("a captured step that needs the host is refused with a way out") {
  testing::on_every_device([](const Context& context) {
    const Tensor x = context.full({2}, 3);
    { const Tensor large = context.zeros({1 << 16}); }                             // a peak that is past
    const std::pair<const char*, std::function<void()>> wrong[] = {
        {"read back", [&] { (void)sum(x).item(); }},
        {"from the host", [&] { (void)(x + context.from(std::vector<double>{1, 2}, {2})); }},
        {"from the host", [&] { context.publish_step_state(); }},
        {"synchronise", [&] { context.synchronise(); }},
        {"another capture", [&] { (void)context.capture([] {}); }},
    };
    for (const auto& each : wrong) {
      const auto& what = each.first;
      const auto& step = each.second;
      CAPTURE(what);
      std::string text;
      const auto launches = context.launches();
      const uint64_t flops = context.flops(), peak = context.peak_bytes();
      bool recorded = false;
      try {
        const Captured captured = context.capture(step);
        recorded = true;                                                           // or put off to the replay, as on cpu
        captured.replay();
      } catch (const Error& e) {
        text = e.what();
        if (!recorded) CHECK((context.launches() == launches && context.flops() == flops && context.peak_bytes() == peak));   // of what was never done
      }
      CHECK_MESSAGE(text.find(what) != std::string::npos, text);
      CHECK_MESSAGE(text.find("before it") != std::string::npos, text);
      CHECK((x + x).values() == std::vector<double>{6, 6});                        // the context is as it was
    }
  });
}

TEST_CASE("layouts derived from a weight know that a replay wrote it") {
  testing::on_every_device([](const Context& context) {
    const Tensor x = context.full({2, 4, 4, 8}, 1), w = context.full({8, 3, 3, 8}, 1), more = context.full({8, 3, 3, 8}, 1);
    w.storage()->weight = true;
    const ConvGeometry same{{1, 1}, {1, 1}};
    Tensor y;
    const auto step = [&] {
      y = conv2d(x, w, {}, same);
      w.copy_from(w + more, "update");
    };
    step();
    (void)conv2d(x, w, {}, same);                // derived from the present version: the graph may not rely on it
    const Captured captured = context.capture(step);
    for (int i = 2; i < 5; ++i) {
      captured.replay();
      CHECK(y.values()[5 * 8] == 72.0 * i);
      CHECK(conv2d(x, w, {}, same).values()[5 * 8] == 72.0 * (i + 1));
    }
  });
}
