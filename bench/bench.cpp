#include "bench.h"

#include <algorithm>
#include <chrono>
#include <regex>

#include "streams.h"
#include "weft/kernels/error.h"

namespace weft::bench {
namespace {

struct Job {
  std::string name;                      // what --only is matched with
  std::function<Row()> measure;
};

constexpr int64_t kColdFloats = 64 << 20;   // 256 MiB of inputs and as much of outputs: beyond every cache

}  // namespace

Results run(const Options& options, const Callbacks& callbacks) {
  Machine machine(options.device, options.threads);
  const bool slow = machine.is("sim") || machine.is("reference"), gpu = machine.is("cuda");
  const Effort effort{options.quick || slow ? 0.02 : 0.25, options.quick || slow ? 3 : 10, slow ? 2e7 : options.quick && !gpu ? 2e10 : 1e300, options.once};
  const int side = gpu ? 4096 : slow ? 128 : 1024;
  // Feature maps of DCGAN's first layer, which a GPU's cache holds, and four times that, which none holds.
  std::vector<std::pair<int64_t, int64_t>> maps;
  if (slow) maps = {{4096, 64}};
  else maps = {{524288, 64}, {131072, 64}};
  const int batch = slow ? 2 : 128;

  // Ceilings; whole steps; the layers that tell most; what is bound by memory; every other layer.
  std::vector<Job> jobs;
  std::vector<Need> needs{{2 * int64_t{side} * side, int64_t{side} * side}};
  const auto add_streams = [&](bool copies) {
    for (const auto& [rows, channels] : maps)
      for (const Stream& s : streams(rows, channels))
        if ((s.name.rfind("copy", 0) == 0) == copies)
          jobs.push_back({s.name + " " + std::to_string(rows) + "x" + std::to_string(channels), [&, s, rows = rows, channels = channels] {
            return measure_stream(machine, s, rows, channels, effort); }});
  };
  const auto add_layers = [&](const std::vector<Layer>& layers, const std::function<bool(const Layer&)>& wanted) {
    for (const Layer& layer : layers) {
      if (!wanted(layer)) continue;
      for (const Pass pass : passes)
        for (const Precision precision : machine.precisions())
          if (!(layer.on_pictures && pass == Pass::input_grad))
            jobs.push_back({layer.id + " " + layer.network + " " + layer.name + ", " + pass_names[int(pass)] + " " + precision_names[int(precision)],
                            [&, layer, pass, precision] { return measure_layer(machine, layer, pass, precision, effort); }});
      needs.push_back(need_of(shrunk(layer, effort.largest_flops)));
    }
  };
  const auto headline = [](const Layer& l) { return std::count(std::begin(headline_ids), std::end(headline_ids), l.id) > 0; };
  if (options.layer) {
    add_layers({*options.layer}, [](const Layer&) { return true; });
  } else {
    for (const auto& [rows, channels] : maps) needs.push_back(need_of_streams(rows, channels));
    add_streams(true);
    for (const Precision p : machine.precisions())
      jobs.push_back({std::string("matmul ") + precision_names[int(p)], [&, p] { return measure_product(machine, side, p, effort); }});
    for (const Precision p : machine.precisions())
      jobs.push_back({std::string("step dcgan ") + precision_names[int(p)], [&, p] { return measure_step(options.device, options.threads, p, batch, effort); }});
    add_layers(table_layers(), headline);
    add_streams(false);
    add_layers(table_layers(), [&](const Layer& l) { return !headline(l); });
  }
  try {
    const std::regex only(options.only, std::regex::icase);
    jobs.erase(std::remove_if(jobs.begin(), jobs.end(), [&](const Job& j) { return !std::regex_search(j.name, only); }), jobs.end());
  } catch (const std::regex_error& e) {
    throw ConfigError("--only " + options.only + " is no regular expression (" + e.what() + "); for example --only 'S14.*bf16'");
  }
  if (jobs.empty()) throw ConfigError("--only " + options.only + " selects nothing; rows have names like 'S14 CycleGAN R256 *, forward fp32', 'adam 131072x64', 'step dcgan fp32'");

  Need most{slow ? 1 : kColdFloats, slow ? 1 : kColdFloats};
  for (const Need& n : needs) most = {std::max(most.inputs, 2 * n.inputs), std::max(most.outputs, 2 * n.outputs)};
  machine.reserve(most.inputs, most.outputs);

  Results results(machine, options.once ? "" : options.folder, options.command);
  const auto start = std::chrono::steady_clock::now();
  std::string why_early;
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (callbacks.stop && callbacks.stop()) why_early = "it was interrupted";
    if (std::chrono::steady_clock::now() - start > std::chrono::duration<double>(60 * options.minutes)) why_early = "its time was over";
    if (!why_early.empty()) break;
    if (callbacks.next) callbacks.next(int(i), int(jobs.size()), jobs[i].name);
    results.add(jobs[i].measure());
    if (callbacks.row) callbacks.row(results, results.rows().back());
  }
  results.finish(why_early);
  return results;
}

}  // namespace weft::bench
