// One device under measurement: a queue for each way to compute products, numbers to work on, and a clock.
//
// Inputs are views of one large array of normal random numbers that nobody writes to; outputs are views of another. A cold
// launch reads where no launch was lately: views rotate through arrays that are larger than any cache.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weft/kernels/ops.h"

namespace weft::bench {

inline constexpr const char* precision_names[] = {"fp32", "3xtf32", "tf32", "bf16"};

/// Microseconds a launch.
struct Timing {
  double median = 0, p20 = 0, p80 = 0;
  int samples = 0;
};

/// Launches something for the i-th time; the caller rotates its buffers by i.
using Launch = std::function<void(int i)>;

class Machine {
 public:
  /// @param device   auto, cpu, cuda, sim, reference; throws DeviceError that says what there is
  /// @param threads  0: one a core
  Machine(const std::string& device, int threads);
  ~Machine();

  const Backend& backend() const { return *backend_; }
  const Ops& ops() const { return *backend_->ops; }
  bool is(const char* device) const { return std::string(backend_->device->name) == device; }
  std::string name() const;             // of the hardware, for people and files: "NVIDIA H200"
  std::string describe() const;         // the device's whole line
  std::vector<Precision> precisions() const;   // that this device has
  Queue& queue(Precision precision);

  /// Makes room for inputs and outputs of so many floats at once. Keeps no contents of the outputs.
  void reserve(int64_t inputs, int64_t outputs);
  const float* input(int64_t offset) const { return inputs_ + offset; }
  float* output(int64_t offset) const { return outputs_ + offset; }
  int64_t inputs() const { return input_count_; }
  int64_t outputs() const { return output_count_; }
  std::vector<float> read(Queue& queue, const float* data, int64_t count);   // waits for the queue
  const float* host_inputs(int64_t count);   // the same numbers as input(0), in host memory
  const StepState* step_state() const { return step_; }
  const Backend* vendor() const { return vendor_; }   // the same device with a vendor's convolutions and products, or null
  Queue& vendor_queue(Precision precision);
  uint16_t* bf16_inputs();              // the inputs once more, rounded to bfloat16, as many as there are
  uint64_t new_id() { return ++last_id_; }   // of a weight; never given twice

  /// Runs each contender in turn, several launches a sample, until `seconds` are over for each or 200 samples are there;
  /// at least `least` of them. Where the device can record work, a sample is a recording of its launches that is repeated, so
  /// that a short kernel is not timed by how fast a processor can ask for it.
  /// @param cycle  so many launches go over all buffers: a recording has as many
  std::vector<Timing> race(const std::vector<std::pair<Queue*, Launch>>& contenders, double seconds, int least, int cycle = 1);
  Timing time(Queue& queue, const Launch& launch, double seconds, int least, int cycle = 1) { return race({{&queue, launch}}, seconds, least, cycle)[0]; }

 private:
  std::unique_ptr<Queue>& opened(std::unique_ptr<Queue>& queue, const Backend& backend, Precision precision);
  double seconds_of(Queue& queue, const std::function<void()>& work);
  std::unique_ptr<Graph> recorded(Queue& queue, const Launch& launch, int count);
  float* allocate(int64_t floats);
  void release(float* data, int64_t floats);

  const Backend *backend_, *vendor_ = nullptr;
  std::unique_ptr<Queue> queues_[4], vendor_queues_[4];
  int threads_;
  float *inputs_ = nullptr, *outputs_ = nullptr;
  int64_t input_count_ = 0, output_count_ = 0;
  std::vector<float> host_inputs_;
  uint16_t* bf16_inputs_ = nullptr;
  int64_t bf16_count_ = 0;
  StepState* step_ = nullptr;
  uint64_t last_id_ = 0;
};

/// Views of `inputs` and `outputs` floats each, which follow one another through the machine's arrays and begin anew at the end.
struct Rotation {
  int64_t in_stride, out_stride;
  int count;
  Rotation(const Machine& machine, int64_t inputs, int64_t outputs);
  int64_t in(int i) const { return in_stride * (i % count); }
  int64_t out(int i) const { return out_stride * (i % count); }
};

/// A place for one more array within a view, where its first element is aligned like an allocation's.
constexpr int64_t aligned(int64_t floats) { return (floats + 63) / 64 * 64; }

/// What ran on a queue since `before`: "conv2d_kernel", "a_kernel + 2 b_kernel".
std::string kernels_since(const Queue& queue, const std::map<std::string, uint64_t>& before);

}  // namespace weft::bench
