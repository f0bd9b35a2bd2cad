// weft trace: one training step, call by call.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "command.h"
#include "json.h"
#include "plan.h"
#include "settings.h"
#include "weft/gan/step_trace.h"

namespace weft::apps {
namespace {

using Row = gan::StepTrace::Row;

struct TraceArguments {
  std::string run, sort = "step", device, threads;
  bool json = false;
};

struct Sum {
  std::string name;
  uint64_t calls = 0, bytes = 0, flops = 0;
  double seconds = 0;
};

/// Of all rows with one name, in the order in which names come, or heaviest first.
template <class Name>
std::vector<Sum> sums(const std::vector<Row>& rows, bool heaviest_first, Name name) {
  std::vector<Sum> all;
  for (const Row& r : rows) {
    const std::string its = name(r);
    auto at = std::find_if(all.begin(), all.end(), [&](const Sum& s) { return s.name == its; });
    if (at == all.end()) at = all.insert(all.end(), {its});
    ++at->calls, at->bytes += r.bytes, at->flops += r.flops, at->seconds += r.seconds;
  }
  if (heaviest_first) std::stable_sort(all.begin(), all.end(), [](const Sum& a, const Sum& b) { return a.seconds > b.seconds; });
  return all;
}

std::string part_and_pass(const Row& r) { return r.part + ", " + r.pass; }
std::string called(const Row& r) { return r.operation == r.op ? r.op : r.operation + ": " + r.op; }

int width_of(const std::vector<Row>& rows, std::string (*text)(const Row&)) {
  size_t width = 0;
  for (const Row& r : rows) width = std::max(width, text(r).size());
  return int(width);
}

void print_row(const Row& r, int of_call, int of_sizes, int of_kernel, double whole) {
  std::printf("  %-*s  %-*s  %-*s  %9s  %8.1f us %5.1f %%  %s\n", of_call, called(r).c_str(), of_sizes, r.sizes.c_str(), of_kernel, r.kernels.c_str(), bytes_text(r.bytes).c_str(),
              r.seconds * 1e6, 100 * r.seconds / whole, r.derivative.c_str());
}

void print_sums(const char* what, const std::vector<Sum>& all, double whole) {
  size_t width = 12;
  for (const Sum& s : all) width = std::max(width, s.name.size());
  std::printf("\n%-*s  %6s  %10s  %9s  %s\n", int(width) + 2, what, "calls", "bytes", "GFLOP", "time");
  for (const Sum& s : all)
    std::printf("  %-*s  %6llu  %10s  %9.3f  %8.1f us %5.1f %%\n", int(width), s.name.c_str(), (unsigned long long)s.calls, bytes_text(s.bytes).c_str(), double(s.flops) * 1e-9, s.seconds * 1e6,
                100 * s.seconds / whole);
}

void print(const gan::StepTrace& t, bool heaviest_first) {
  double whole = 0;
  for (const Row& r : t.rows) whole += r.seconds;
  whole = std::max(whole, 1e-12);
  std::printf("%s on %s\nstep %lld from %s, %d pictures of %s\n", t.model.c_str(), t.device.c_str(), (long long)t.step, t.weights.c_str(), t.batch, t.data.c_str());
  std::vector<Row> rows = t.rows;
  if (heaviest_first) std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
  const int of_call = width_of(rows, called), of_sizes = width_of(rows, [](const Row& r) { return r.sizes; }), of_kernel = width_of(rows, [](const Row& r) { return r.kernels; });
  std::printf("  %-*s  %-*s  %-*s  %9s  %s\n", of_call, "operation", of_sizes, "sizes", of_kernel, "kernel", "bytes", "time               derivative");
  std::string under;
  for (const Row& r : rows) {
    if (!heaviest_first && part_and_pass(r) != under) std::printf("%s\n", (under = part_and_pass(r)).c_str());
    print_row(r, of_call, of_sizes, of_kernel, whole);
  }
  print_sums("part", sums(t.rows, heaviest_first, part_and_pass), whole);
  print_sums("entry", sums(t.rows, true, [](const Row& r) { return r.op; }), whole);
  print_sums("all", sums(t.rows, false, [](const Row&) { return std::string("all calls"); }), whole);
  std::printf("  the step by the clock, with nobody looking on: %.1f us\n", t.seconds * 1e6);
}

Json to_json(const gan::StepTrace& t) {
  Json rows = Json::array();
  for (const Row& r : t.rows)
    rows.push_back({{"part", r.part}, {"pass", r.pass}, {"operation", r.operation}, {"op", r.op}, {"sizes", r.sizes}, {"kernels", r.kernels}, {"derivative", r.derivative},
                    {"bytes", r.bytes}, {"flops", r.flops}, {"seconds", r.seconds}});
  return {{"model", t.model}, {"device", t.device}, {"data", t.data}, {"checkpoint", t.weights}, {"step", t.step}, {"batch", t.batch}, {"seconds", t.seconds}, {"calls", rows}};
}

int run(const TraceArguments& a) {
  if (a.sort != "step" && a.sort != "time") throw ConfigError("--sort is '" + a.sort + "', but it must be step (as they were called) or time (heaviest first)");
  const std::string folder = a.run.substr(0, a.run.find('@'));
  const std::vector<gan::ConfigLine> stored = gan::stored_config(folder);
  if (stored.empty()) throw DataError(a.run + " is no run: it holds no settings; `weft train` makes one");
  TrainSettings settings;
  assign_lines(settings, stored);
  if (!a.device.empty()) settings.device = a.device;
  if (!a.threads.empty()) settings.threads = int(parse_integer("--threads", a.threads, 0, 4096));
  const gan::StepTrace trace = gan::trace_step(settings, a.run, [](const std::string& t) { std::fprintf(stderr, "weft: %s\n", t.c_str()); });
  if (a.json) print_json(to_json(trace));
  else print(trace, a.sort == "time");
  return 0;
}

}  // namespace

Command trace_command(const std::string&) {
  const auto a = std::make_shared<TraceArguments>();
  return {"trace", "Show one training step of a run, call by call",
          "weft trace runs/clothes\n"
          "  weft trace runs/clothes@800 --sort time --device sim",
          {{"RUN", "", "a run: from its newest checkpoint on; run@800: from that of step 800. Nothing is written", &a->run, true},
           {"--sort", "HOW", "step: as they are called; time: heaviest first [step]", &a->sort},
           {"--device", "NAME", "auto, or one of `weft info`, instead of the run's own", &a->device},
           {"--threads", "N", "CPU threads; 0: one a core", &a->threads},
           {"--json", "", "print it as one JSON object", &a->json}},
          [a] { return run(*a); }};
}

}  // namespace weft::apps
