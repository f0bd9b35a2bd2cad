#include "machine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "weft/kernels/error.h"
#include "weft/tensor/context.h"

namespace weft::bench {
namespace {

std::string processor_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);)
    if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  return "processor";
}

constexpr int64_t kDrawn = 1 << 22;   // random numbers, repeated as often as it takes: a slow device need not draw more
constexpr double kBatch = 200;   // microseconds that a sample takes at least, so that the clock's own error is below 1 %

}  // namespace

Machine::Machine(const std::string& device, int threads) : threads_(threads) {
  backend_ = find_backend(Context::open(device).device(), DType::f32);
  Queue& q = queue(Precision::fp32);
  const StepState step{.step = 1};
  step_ = static_cast<StepState*>(backend_->device->allocate(q, sizeof step));
  backend_->device->copy(q, step_, &step, sizeof step, CopyDirection::to_device);
  backend_->device->synchronise(q);
  vendor_ = find_backend(backend_->device->name, DType::f32, Kernels::vendor);
  if (vendor_ && !vendor_->device->unavailable().empty()) vendor_ = nullptr;
}

Machine::~Machine() {
  if (bf16_inputs_) backend_->device->release(*queues_[0], bf16_inputs_, size_t(bf16_count_) * sizeof(uint16_t));
  backend_->device->release(*queues_[0], step_, sizeof *step_);
  release(inputs_, input_count_);
  release(outputs_, output_count_);
}

std::string Machine::describe() const { return backend_->device->describe(*queues_[0]); }

std::string Machine::name() const {
  if (!is("cuda")) return processor_name() + (is("cpu") ? "" : std::string(" (") + backend_->device->name + ")");
  const std::string line = describe();
  return line.substr(0, line.find(','));
}

std::vector<Precision> Machine::precisions() const {
  if (is("cuda") || is("sim")) return {Precision::fp32, Precision::tf32x3, Precision::tf32, Precision::bf16};
  return {Precision::fp32};
}

Queue& Machine::queue(Precision precision) { return *opened(queues_[int(precision)], *backend_, precision); }
Queue& Machine::vendor_queue(Precision precision) { return *opened(vendor_queues_[int(precision)], *vendor_, precision); }

std::unique_ptr<Queue>& Machine::opened(std::unique_ptr<Queue>& queue, const Backend& backend, Precision precision) {
  if (!queue) queue.reset(backend.device->open({threads_, 0, precision}));
  return queue;
}

float* Machine::allocate(int64_t floats) { return static_cast<float*>(backend_->device->allocate(*queues_[0], size_t(floats) * sizeof(float))); }

void Machine::release(float* data, int64_t floats) {
  if (data) backend_->device->release(*queues_[0], data, size_t(floats) * sizeof(float));
}

void Machine::reserve(int64_t inputs, int64_t outputs) {
  Queue& q = queue(Precision::fp32);
  if (inputs > input_count_) {
    release(inputs_, input_count_);
    inputs_ = nullptr, host_inputs_.clear();
    inputs_ = allocate(inputs);
    input_count_ = inputs;
    const int64_t drawn = std::min(inputs, kDrawn);
    ops().random(q, RandomKind::normal, 7, step_, drawn, inputs_);
    for (int64_t done = drawn; done < inputs; done += drawn)
      backend_->device->copy(q, inputs_ + done, inputs_, size_t(std::min(drawn, inputs - done)) * sizeof(float), CopyDirection::on_device);
  }
  if (outputs > output_count_) {
    release(outputs_, output_count_);
    outputs_ = nullptr;
    outputs_ = allocate(outputs);
    output_count_ = outputs;
    backend_->device->fill_zero(q, outputs_, size_t(outputs) * sizeof(float));
  }
  backend_->device->synchronise(q);
}

std::vector<float> Machine::read(Queue& queue, const float* data, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  backend_->device->copy(queue, values.data(), data, values.size() * sizeof(float), CopyDirection::to_host);
  return values;
}

const float* Machine::host_inputs(int64_t count) {
  if (int64_t(host_inputs_.size()) < count) host_inputs_ = read(*queues_[0], inputs_, std::min(input_count_, std::max<int64_t>(count, 2 * int64_t(host_inputs_.size()))));
  return host_inputs_.data();
}

uint16_t* Machine::bf16_inputs() {
  if (bf16_count_ == input_count_) return bf16_inputs_;
  Queue& q = *queues_[0];
  if (bf16_inputs_) backend_->device->release(q, bf16_inputs_, size_t(bf16_count_) * sizeof(uint16_t));
  bf16_inputs_ = static_cast<uint16_t*>(backend_->device->allocate(q, size_t(input_count_) * sizeof(uint16_t)));
  bf16_count_ = input_count_;
  const int64_t drawn = std::min(input_count_, kDrawn);
  std::vector<uint16_t> narrow(static_cast<size_t>(drawn));
  const float* wide = host_inputs(drawn);
  for (int64_t i = 0; i < drawn; ++i) {
    uint32_t bits;
    std::memcpy(&bits, wide + i, sizeof bits);
    narrow[size_t(i)] = uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
  for (int64_t done = 0; done < input_count_; done += drawn)
    backend_->device->copy(q, bf16_inputs_ + done, narrow.data(), size_t(std::min(drawn, input_count_ - done)) * sizeof(uint16_t), CopyDirection::to_device);
  backend_->device->synchronise(q);
  return bf16_inputs_;
}

double Machine::seconds_of(Queue& queue, const std::function<void()>& work) {
  const Device& device = *backend_->device;
  std::unique_ptr<Event> from, to;
  device.record(queue, from);
  work();
  device.record(queue, to);
  return device.seconds(queue, *from, *to);
}

/// Null where the device records nothing, or where this work cannot be recorded: a library may do on the host what it pleases.
std::unique_ptr<Graph> Machine::recorded(Queue& queue, const Launch& launch, int count) {
  const Device& device = *backend_->device;
  if (!device.capture_begin) return nullptr;
  device.synchronise(queue);
  device.capture_begin(queue);
  bool failed = false;
  try {
    for (int i = 0; i < count; ++i) launch(i);
  } catch (const Error&) {
    failed = true;
  }
  try {
    std::unique_ptr<Graph> graph = device.capture_end(queue);
    return failed ? nullptr : std::move(graph);
  } catch (const Error&) {
    return nullptr;
  }
}

std::vector<Timing> Machine::race(const std::vector<std::pair<Queue*, Launch>>& contenders, double seconds, int least, int cycle) {
  struct Runner {
    std::function<void()> sample;
    int launches;
    std::unique_ptr<Graph> graph;
    std::vector<double> times;   // microseconds a launch
  };
  std::vector<Runner> runners(contenders.size());
  double together = 0;
  for (size_t c = 0; c < contenders.size(); ++c) {
    Queue& queue = *contenders[c].first;
    const Launch& launch = contenders[c].second;
    Runner& runner = runners[c];
    double one = 1e6 * seconds_of(queue, [&] { launch(0); });
    if (one < 1e5) one = 1e6 * seconds_of(queue, [&] { launch(1); });   // the first made layouts of weights, plans, and filled caches
    runner.launches = std::clamp(int(std::ceil(kBatch / std::max(one, 0.1))), 1, 200);
    if (backend_->device->capture_begin) runner.launches = std::max(runner.launches, std::min(cycle, 1000));
    runner.graph = recorded(queue, launch, runner.launches);
    if (runner.graph) runner.sample = [this, &queue, &graph = *runner.graph] { backend_->device->replay(queue, graph); };
    else runner.sample = [&launch, count = runner.launches, next = 2]() mutable { for (int i = 0; i < count; ++i) launch(next++); };
    together += one * runner.launches;
  }
  const int rounds = std::clamp(int(seconds * 1e6 * double(contenders.size()) / together), least, 200);
  for (int round = 0; round < rounds; ++round)
    for (size_t c = 0; c < contenders.size(); ++c) runners[c].times.push_back(1e6 * seconds_of(*contenders[c].first, runners[c].sample) / runners[c].launches);
  std::vector<Timing> result;
  for (Runner& runner : runners) {
    std::vector<double>& t = runner.times;
    std::sort(t.begin(), t.end());
    const auto quantile = [&](double q) { return t[size_t(q * double(t.size() - 1) + 0.5)]; };
    result.push_back({quantile(0.5), quantile(0.2), quantile(0.8), int(t.size())});
  }
  return result;
}

Rotation::Rotation(const Machine& machine, int64_t inputs, int64_t outputs) : in_stride(aligned(inputs)), out_stride(aligned(outputs)) {
  const int64_t fit = std::min(machine.inputs() / std::max<int64_t>(in_stride, 1), machine.outputs() / std::max<int64_t>(out_stride, 1));
  count = int(std::clamp<int64_t>(fit, 1, 4096));
}

std::string kernels_since(const Queue& queue, const std::map<std::string, uint64_t>& before) {
  std::string text;
  for (const auto& [name, count] : queue.launches) {
    const auto it = before.find(name);
    const uint64_t ran = count - (it == before.end() ? 0 : it->second);
    if (ran) text += (text.empty() ? "" : " + ") + (ran > 1 ? std::to_string(ran) + " " : "") + name;
  }
  return text;
}

}  // namespace weft::bench
