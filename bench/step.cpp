// One DCGAN training step, for bench/compare_pytorch.py to time from outside.
//
//   bench_step --size 32 --channels 1 --width 64 --batch 64 --steps 20 --dump FILE [--device cuda --precision tf32]
//
// Writes the initial networks, the batch and the first step's latents to FILE, so that the opponent can start from the same
// numbers. Then obeys lines on stdin: "model" builds everything and answers "ready"; "go" runs `steps` steps and answers
// with the last losses; "memory" answers with the MiB that tensors held at most on a GPU, elsewhere 0; end of file ends it.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "machine.h"
#include "weft/gan/trainer.h"
#include "weft/tensor/random_stream.h"

using namespace weft;

namespace {

HostTensor host(const Tensor& t, const std::vector<int64_t>& shape) {
  const std::vector<float> values = t.floats();
  HostTensor h{FileDType::f32, shape, std::vector<std::byte>(values.size() * sizeof(float))};
  std::memcpy(h.bytes.data(), values.data(), h.bytes.size());
  return h;
}

void dump(const std::string& path, const gan::Gan& gan, const Tensor& real, const Tensor& z) {
  HostTensors all;
  for (auto& [name, tensor] : nn::state_dict(gan.generator())) all["generator." + name] = tensor;
  for (auto& [name, tensor] : nn::state_dict(gan.discriminator())) all["discriminator." + name] = tensor;
  all["real"] = host(permute(real, {0, 3, 1, 2}), {real.size(0), real.size(3), real.size(1), real.size(2)});
  all["latent"] = host(z, {z.size(0), z.size(3), 1, 1});
  write_safetensors(path, all);
}

int run(int argc, char** argv) {
  int size = 32, channels = 1, width = 64, batch = 64, steps = 20, threads = 0;
  std::string file, device = "cpu", precision = "fp32";
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const std::pair<const char*, int*> numbers[] = {{"--size", &size},   {"--channels", &channels}, {"--width", &width},
                                                    {"--batch", &batch}, {"--steps", &steps},       {"--threads", &threads}};
    for (auto& [name, number] : numbers) if (flag == name) *number = std::stoi(argv[i + 1]);
    if (flag == "--dump") file = argv[i + 1];
    if (flag == "--device") device = argv[i + 1];
    if (flag == "--precision") precision = argv[i + 1];
  }
  const auto named = std::find(std::begin(bench::precision_names), std::end(bench::precision_names), precision);
  if (named == std::end(bench::precision_names)) throw ConfigError("--precision " + precision + ": there are fp32, 3xtf32, tf32 and bf16");
  std::unique_ptr<gan::Gan> model;
  Tensor real;
  const Context context = Context::open(device, {.threads = threads, .precision = Precision(named - std::begin(bench::precision_names))});
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "model") {
      gan::GanOptions options;
      options.model = {size, channels, width, 100};
      options.objective = &gan::find_objective("non-saturating");
      for (auto* o : {&options.generator, &options.discriminator}) o->settings.beta1 = 0.5;
      model = std::make_unique<gan::Gan>(context, gan::find_model("dcgan"), options);
      real = context.uniform({batch, size, size, channels}, stream_key(0, "real")) * 2 - 1;
      context.step_state().step = 1;
      context.publish_step_state();
      if (!file.empty()) dump(file, *model, real, context.normal({batch, 1, 1, 100}, stream_key(0, "latent")));
      std::cout << "ready" << std::endl;
    } else if (line == "go") {
      for (int i = 0; i < steps; ++i) model->step(real);
      context.synchronise();
      const gan::Gauges g = model->gauges();
      std::printf("%.9g %.9g\n", g["loss_d"], g["loss_g"]);
      std::fflush(stdout);
    } else if (line == "memory") {
      std::cout << (device == "cuda" ? double(context.peak_bytes()) / 1048576 : 0) << std::endl;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "bench_step: " << e.what() << "\n";
    return 1;
  }
}
