// One training step, for bench/compare_pytorch.py and bench/compare_cyclegan.py to time from outside.
//
//   bench_step [--model dcgan] --size 32 --channels 1 --width 64 --batch 64 --steps 20 --dump FILE [--device cuda --precision tf32]
//
// Writes the initial networks, the batch and the first step's latents (of cyclegan: both sides' batches) to FILE, so that the opponent can start from the same
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

void dump(const std::string& path, const gan::Contest& contest, const HostTensors& inputs) {
  HostTensors all = inputs;
  for (size_t i = 0; i < contest.players().size(); ++i)
    for (auto& [name, tensor] : nn::state_dict(contest.network(i))) all[contest.players()[i].name + "." + name] = tensor;
  write_safetensors(path, all);
}

HostTensor picture(const Tensor& t) { return host(permute(t, {0, 3, 1, 2}), {t.size(0), t.size(3), t.size(1), t.size(2)}); }

int run(int argc, char** argv) {
  int size = 32, channels = 1, width = 64, batch = 64, steps = 20, threads = 0;
  std::string kind = "dcgan", file, device = "cpu", precision = "fp32";
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const std::pair<const char*, int*> numbers[] = {{"--size", &size},   {"--channels", &channels}, {"--width", &width},
                                                    {"--batch", &batch}, {"--steps", &steps},       {"--threads", &threads}};
    for (auto& [name, number] : numbers) if (flag == name) *number = std::stoi(argv[i + 1]);
    if (flag == "--model") kind = argv[i + 1];
    if (flag == "--dump") file = argv[i + 1];
    if (flag == "--device") device = argv[i + 1];
    if (flag == "--precision") precision = argv[i + 1];
  }
  const auto named = std::find(std::begin(bench::precision_names), std::end(bench::precision_names), precision);
  if (named == std::end(bench::precision_names)) throw ConfigError("--precision " + precision + ": there are fp32, 3xtf32, tf32 and bf16");
  std::unique_ptr<gan::Contest> model;
  Tensors inputs;
  const Context context = Context::open(device, {.threads = threads, .precision = Precision(named - std::begin(bench::precision_names))});
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "model") {
      gan::GanOptions options;
      options.model = {size, channels, width, 100};
      options.objective = &gan::find_objective(kind == "dcgan" ? "non-saturating" : "lsgan");
      if (kind == "cyclegan") options.weights = {.cycle = 10, .identity = 5};
      for (auto* o : {&options.generator, &options.discriminator}) o->settings.beta1 = 0.5;
      model = gan::make_contest(context, gan::find_model(kind), options);
      const auto pictures = [&](const char* stream) { return context.uniform({batch, size, size, channels}, stream_key(0, stream)) * 2 - 1; };
      inputs = {pictures("real")};
      HostTensors known = {{"real", picture(inputs[0])}};
      if (kind == "dcgan") {
        context.step_state().step = 1;
        context.publish_step_state();
        const Tensor z = context.normal({batch, 1, 1, 100}, stream_key(0, "latent"));
        known["latent"] = host(z, {batch, 100, 1, 1});
      } else {
        inputs.push_back(pictures("other side"));
        known["other_side"] = picture(inputs[1]);
      }
      if (!file.empty()) dump(file, *model, known);
      std::cout << "ready" << std::endl;
    } else if (line == "go") {
      for (int i = 0; i < steps; ++i) model->step(inputs);
      context.synchronise();
      const gan::Gauges g = model->gauges();
      double loss_d = 0;                     // of all discriminators
      for (const auto& [name, value] : g.values) if (name.rfind("loss_d", 0) == 0) loss_d += value;
      std::printf("%.9g %.9g\n", loss_d, g["loss_g"]);
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
