// The reference backends: plain loops on one thread over ordinary memory, in float32 ("reference") and float64 ("cpu").
#include "host_memory.h"
#include "ops.h"

namespace weft::reference {
namespace {

Queue* open(const QueueOptions&) { return new Queue; }

constexpr Device device_f32 = host_memory::device("reference", open, [](Queue&) -> std::string { return "plain loops, float32, one thread"; });
constexpr Device device_f64 = host_memory::device("cpu", open, [](Queue&) -> std::string { return "plain loops, float64, one thread"; });
constexpr Ops ops_f32 = table<float>("reference"), ops_f64 = table<double>("reference");

}  // namespace

extern const Backend backend_f32, backend_f64;
const Backend backend_f32{&device_f32, &ops_f32};
const Backend backend_f64{&device_f64, &ops_f64};

}  // namespace weft::reference
