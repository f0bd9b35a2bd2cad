// Whole training steps, as `weft train` takes them.
#include <chrono>

#include "bench.h"
#include "weft/gan/trainer.h"
#include "weft/tensor/random_stream.h"

namespace weft::bench {

Row measure_step(const std::string& device, int threads, Precision precision, int batch, const Effort& effort) {
  constexpr int size = 64, channels = 3, width = 64;
  Row row{Row::Kind::step, "dcgan", "DCGAN 64x64x3, batch " + std::to_string(batch), "", precision_names[int(precision)]};
  const Context context = Context::open(device, {.threads = threads, .precision = precision});
  gan::GanOptions options;
  options.model = {size, channels, width, 100};
  options.objective = &gan::find_objective("non-saturating");
  for (nn::OptimizerOptions* o : {&options.generator, &options.discriminator}) o->settings.beta1 = 0.5;
  gan::Gan model(context, gan::find_model("dcgan"), options);
  const Tensor real = context.uniform({batch, size, size, channels}, stream_key(0, "real")) * 2 - 1;

  const auto step = [&] {
    const auto start = std::chrono::steady_clock::now();
    model.step(real);
    context.synchronise();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  };
  step();                                  // fills caches, and libraries make their plans
  if (effort.once) return row;
  const uint64_t flops = context.flops();
  const auto launches = [&] {
    double sum = 0;
    for (const auto& [name, count] : context.launches()) sum += double(count);
    return sum;
  };
  const double before = launches();
  context.reset_peak();
  step();                                  // where steps are captured, the one that is recorded: what follows launches one graph
  row.launches = launches() - before;
  row.flops = double(context.flops() - flops);
  std::vector<double> times;
  const double first = step();
  const int samples = std::clamp(int(4 * effort.seconds * 1e6 / first), effort.least, 200);
  for (int i = 0; i < samples; ++i) times.push_back(step());
  std::sort(times.begin(), times.end());
  const auto quantile = [&](double q) { return times[size_t(q * double(times.size() - 1) + 0.5)]; };
  row.warm = {quantile(0.5), quantile(0.2), quantile(0.8), samples};
  row.images_per_second = batch * 1e6 / row.warm.median;
  row.peak_bytes = double(context.peak_bytes());
  return row;
}

}  // namespace weft::bench
