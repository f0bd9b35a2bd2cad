// A Context is one device, one queue of work and the memory behind it. Everything that other engines keep in globals is
// here: whether a graph is recorded, the allocator with its peak, the step that random streams count by.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "weft/kernels/ops.h"
#include "weft/tensor/shape.h"

namespace weft {

class Captured;
class Tensor;
namespace detail { struct ContextState; }

struct ContextOptions {
  DType scalar = DType::f32;   // f64: device cpu (or auto), in plain loops
  int threads = 0;             // CPU threads; 0: one per physical core
  Precision precision = Precision::fp32;   // other than fp32: on cuda and sim only
  Kernels kernels = Kernels::own;          // vendor: cuda only; `auto` is then cuda
  size_t memory_limit = 0;     // bytes that tensors, and what is kept for the next ones, may take; 0: what the device has
  bool sync = false;           // cuda and sim wait after each launch: an error names op, shapes and kernel. Slow; capture() is a call
};

/// A handle: copies share the one context. Use from one thread at a time.
class Context {
 public:
  /// @param device  auto (cuda if it works, else cpu), cpu, cuda, sim, reference (plain loops in float32)
  /// Throws DeviceError that lists what there is, and why the others cannot be used.
  static Context open(const std::string& device = "auto", const ContextOptions& options = {});

  DType scalar() const;                  // what tensors hold; in precision bf16 activations are bfloat16 (tensor/ops.h)
  const char* device() const;            // "cpu", "cuda", "sim", "reference"
  std::string describe() const;          // device, libraries, threads, in one line
  void synchronise() const;              // waits for all queued work
  size_t live_bytes() const;             // held by tensors now
  size_t peak_bytes() const;             // the most that tensors ever held at once
  void reset_peak() const;
  size_t most_bytes() const;             // that tensors could hold by now, by the limit or by what the device has free; 0: not known
  const std::map<std::string, uint64_t>& launches() const;   // how often each kernel ran
  /// Floating-point operations of all matrix products and convolutions so far, a multiply-add counted as 2 and products with
  /// padding counted as well: 2MNK of the matrix product that each of them is. Everything else moves memory, and is left out.
  uint64_t flops() const;

  Tensor empty(const Shape& shape) const;                    // contents undefined
  Tensor empty(const Shape& shape, DType type) const;        // scalar(), i32, or bf16 where precision is bf16, else DeviceError
  Tensor empty_index(const Shape& shape) const;              // int32
  Tensor zeros(const Shape& shape) const;
  Tensor zeros(const Shape& shape, DType type) const;
  Tensor full(const Shape& shape, double value) const;
  /// A scalar that stays: made once for each value, for use in formulas. All that ask for the value share it, so never write into it.
  Tensor constant(double value) const;
  Tensor from(const std::vector<double>& values, const Shape& shape) const;
  Tensor from(const std::vector<float>& values, const Shape& shape) const;
  Tensor index(const std::vector<int32_t>& values, const Shape& shape) const;

  /// Uniform in [0,1) and standard normal draws: functions of (stream key, step, element), see kernels/philox.h.
  Tensor uniform(const Shape& shape, uint64_t stream) const;
  Tensor normal(const Shape& shape, uint64_t stream) const;

  /// The step state on the device: edit the host's copy, then publish it before the step's first kernel.
  StepState& step_state() const;
  void publish_step_state() const;
  /// For work beside a training's steps: random draws are those of `step` from here on, and at the end of this object's life the step
  /// state is what it was before, learning rates included.
  class AtStep {
   public:
    AtStep(const Context& context, uint64_t step);
    ~AtStep();
    AtStep(const AtStep&) = delete;
    AtStep& operator=(const AtStep&) = delete;
   private:
    std::shared_ptr<detail::ContextState> state_;
    StepState before_;
  };

  /// Records `step` without doing it; each replay() then does it, with the bits that a call would have given. What the step does
  /// on the host happens here alone (elsewhere than on cuda and sim: at each replay), so it must depend on nothing that changes.
  /// Let the step run once before, so that constants and tables are there and memory is at hand. Waits for the device.
  /// Throws Error if the step reads a value back, takes one from the host, or captures another.
  Captured capture(const std::function<void()>& step) const;   // weft/tensor/capture.h

  bool recording() const;                // whether operations make graph nodes
  /// Operations recorded (or not) until the end of this object's life.
  class Recording {
   public:
    Recording(const Context& context, bool on);
    ~Recording();
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
   private:
    std::shared_ptr<detail::ContextState> state_;
    bool before_;
  };

  detail::ContextState& state() const { return *state_; }
  bool operator==(const Context& o) const { return state_ == o.state_; }

 private:
  friend class Tensor;
  explicit Context(std::shared_ptr<detail::ContextState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::ContextState> state_;
};

/// A name for the work that is queued during its life, which profilers of the device show (NVTX), and a watch (watch.h) hears; they nest.
class Range {
 public:
  Range(const Device& device, const char* name) : device_(device) { if (device_.range_push) device_.range_push(name); }
  Range(const Context& context, const char* name);
  ~Range() {
    if (device_.range_pop) device_.range_pop();
    if (told_) tell_end();
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
 private:
  void tell_end() const;
  const Device& device_;
  detail::ContextState* told_ = nullptr;   // whose watch heard of the beginning
};

struct NoGraph : Context::Recording {
  explicit NoGraph(const Context& context) : Recording(context, false) {}
};

}  // namespace weft
