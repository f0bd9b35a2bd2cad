// weft train --plan: what the run would take.
#include "plan.h"

#include <cmath>
#include <cstdio>

#include "json.h"

namespace weft::apps {
namespace {

std::string scaled(double value, double base, std::initializer_list<const char*> units) {
  auto unit = units.begin();
  for (; value >= base && unit + 1 != units.end(); ++unit) value /= base;
  char text[48];
  const int decimals = unit == units.begin() ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  std::snprintf(text, sizeof text, "%.*f %s", decimals, value, *unit);
  return text;
}

std::string duration(double seconds) {
  if (seconds < 100) return scaled(seconds, 1e9, {"s"});
  return seconds < 5400 ? scaled(seconds / 60, 1e9, {"min"}) : scaled(seconds / 3600, 1e9, {"h"});
}

void row(const char* what, const std::string& value, const std::string& note = "") {
  std::printf("%-14s %12s   %s\n", what, value.c_str(), note.c_str());
}

}  // namespace

std::string bytes_text(uint64_t bytes) { return scaled(double(bytes), 1024, {"B", "KiB", "MiB", "GiB", "TiB"}); }

void print_plan(const gan::TrainPlan& p, bool json) {
  const double rate = double(p.flops) / p.seconds;
  if (json) {
    Json networks = Json::object();
    for (const auto& n : p.networks) networks[n.name] = {{"parameters", n.parameters}, {"bytes", n.bytes}};
    print_json({{"model", p.model}, {"device", p.device}, {"data", p.data}, {"images", p.images}, {"batch", p.batch}, {"networks", networks},
                {"flops_a_step", p.flops}, {"peak_tensor_bytes", p.peak_tensor_bytes}, {"peak_process_bytes", p.peak_process_bytes},
                {"seconds_a_step", p.seconds}, {"steps", p.steps}, {"total_seconds", p.total_seconds}, {"checkpoint_bytes", p.checkpoint_bytes}, {"checkpoints", p.checkpoints}});
    return;
  }
  std::printf("%s on %s\n", p.model.c_str(), p.device.c_str());
  row("data", std::to_string(p.images), "images of " + std::to_string(p.width) + "x" + std::to_string(p.height) + (p.channels == 1 ? ", grey" : ", colour"));
  for (const auto& n : p.networks) row(n.name.c_str(), scaled(double(n.parameters), 1000, {"", "K", "M", "G"}), "parameters; " + bytes_text(n.bytes) + " on disk");
  row("a step", scaled(p.seconds * 1000, 1e9, {"ms"}), scaled(double(p.batch) / p.seconds, 1e9, {"images/s"}) + "; the median of three");
  row("work", scaled(double(p.flops), 1000, {"FLOP", "KFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"}), "a step, so " + scaled(rate, 1000, {"FLOP/s", "KFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s"}));
  row("memory", bytes_text(p.peak_tensor_bytes), "in tensors" + (p.peak_process_bytes ? "; " + bytes_text(p.peak_process_bytes) + " the whole process" : ""));
  row("a checkpoint", bytes_text(p.checkpoint_bytes), p.checkpoints ? "of which " + std::to_string(p.checkpoints) + " are kept" : "of which all are kept");
  row("the run", duration(p.total_seconds), p.steps ? std::to_string(p.steps) + " steps, without sample sheets" : "as asked, about " + std::to_string(std::llround(p.total_seconds / p.seconds)) + " steps");
}

}  // namespace weft::apps
