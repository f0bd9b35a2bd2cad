#include "opponent.h"

#include "weft/kernels/error.h"
#include "weft/kernels/vendor.h"

namespace weft::bench {

std::optional<Opponent> find_opponent(Machine& machine, const Convolution& c, Precision precision) {
  if (!machine.vendor()) return std::nullopt;
  Queue& queue = machine.vendor_queue(precision);
  const bool narrow = precision == Precision::bf16, strict = precision == Precision::fp32 || precision == Precision::tf32x3;
  char* const a = narrow ? reinterpret_cast<char*>(machine.bf16_inputs()) : reinterpret_cast<char*>(const_cast<float*>(machine.input(0)));
  char* const b = a + aligned(c.size_a()) * (narrow ? 2 : 4);
  void* const out = machine.output(0);
  void* const x = c.entry == Pass::input_grad ? out : a;
  void* const w = c.entry == Pass::weight_grad ? out : b;
  void* const y = c.entry == Pass::forward ? out : c.entry == Pass::input_grad ? a : b;

  std::optional<vendor::ConvPlan> best;
  bool best_channels_first = false;
  std::vector<bool> layouts{false};
  if (strict) layouts.push_back(true);
  for (const bool channels_first : layouts) {
    vendor::ConvQuestion question{vendor::ConvOp(int(c.entry)), c.p, precision, channels_first, false};
    try {
      const vendor::ConvPlan plan = vendor::find_plan(queue, question, x, w, y);
      if (!best || plan.microseconds < best->microseconds) best = plan, best_channels_first = channels_first;
    } catch (const DeviceError&) {     // no engine qualifies in this layout
    }
  }
  if (!best) return std::nullopt;
  return Opponent{&queue, [&queue, plan = *best, x, w, y](int) { vendor::run_plan(queue, plan, x, w, y); },
                  (best_channels_first ? "NCHW, " : "NHWC, ") + vendor::describe(*best), !best_channels_first && !narrow};
}

std::optional<Opponent> find_opponent(Machine& machine, const MatmulProblem& p, Precision precision) {
  if (!machine.vendor()) return std::nullopt;
  Queue& queue = machine.vendor_queue(precision);
  const Ops& ops = *machine.vendor()->ops;
  const float *a = machine.input(0), *b = a + p.m * p.k;
  float* const out = machine.output(0);
  return Opponent{&queue, [&queue, &ops, p, a, b, out](int) { ops.matmul(queue, p, a, {b}, nullptr, out); }, "cuBLAS", true};
}

}  // namespace weft::bench
