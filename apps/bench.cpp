// weft bench: how fast each kernel is on this machine, and how near to what the machine can do.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "bench/bench.h"
#include "command.h"
#include "json.h"
#include "settings.h"

namespace weft::apps {
namespace {

struct BenchArguments {
  std::string device = "auto", threads = "0", only, shape, minutes = "8", out = "bench/results";
  bool quick = false, once = false, json = false;
};

volatile std::sig_atomic_t interrupted = 0;

int run(const BenchArguments& a, const std::string& command) {
  bench::Options options;
  options.device = a.device;
  options.threads = static_cast<int>(parse_integer("--threads", a.threads, 0, 4096));
  options.minutes = double(parse_integer("--minutes", a.minutes, 1, 10000));
  options.only = a.only;
  if (!a.shape.empty()) options.layer = bench::parse_layer(a.shape);
  options.quick = a.quick;
  options.once = a.once;
  options.folder = a.shape.empty() && a.only.empty() ? a.out : "";   // what is no whole run keeps the last one's results
  options.command = command;

  const bool terminal = isatty(STDERR_FILENO);
  const auto start = std::chrono::steady_clock::now();
  std::string above;
  bench::Callbacks callbacks;
  callbacks.next = [&](int done, int of, const std::string& name) {
    const int seconds = int(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (terminal) std::fprintf(stderr, "\r\033[K%d of %d, %d:%02d   %s", done, of, seconds / 60, seconds % 60, name.c_str());
    else if (a.json && done % 20 == 0) std::fprintf(stderr, "%d of %d, %d:%02d\n", done, of, seconds / 60, seconds % 60);
  };
  callbacks.row = [&](const bench::Results& results, const bench::Row& row) {
    if (terminal) std::fputs("\r\033[K", stderr);
    if (a.json) return;
    if (a.once) {
      std::printf("%s %s %s %s: %s\n", row.id.c_str(), row.what.c_str(), row.pass.c_str(), row.precision.c_str(), row.kernels.c_str());
    } else {
      const std::string heading = bench::heading(row.kind);
      if (heading != above) std::printf("%s%s\n", above.empty() ? "" : "\n", heading.c_str());
      above = heading;
      std::printf("%s\n", bench::line(results, row).c_str());
    }
    std::fflush(stdout);
  };
  callbacks.stop = [] { return interrupted != 0; };
  std::signal(SIGINT, [](int) { interrupted = 1; std::signal(SIGINT, SIG_DFL); });   // a second one ends at once

  const bench::Results results = bench::run(options, callbacks);
  const bench::Json all = results.json();
  if (a.json) print_json(all);
  else if (!a.once) std::printf("\n%s\n", bench::summary(results).c_str());
  if (!results.file().empty() && !a.once) std::fprintf(stderr, "kept in %s; to look at: %s\n", results.file().c_str(), results.page().c_str());
  return interrupted ? 130 : 0;
}

}  // namespace

Command bench_command(const std::string& typed) {
  const auto a = std::make_shared<BenchArguments>();
  return {"bench", "Measure every kernel on this machine",
          "weft bench --quick\n"
          "  weft bench --device cuda --only 'S14.*bf16'\n"
          "  weft bench --shape 8,64,32,32,128,4,4,2,1     N,C,H,W,K,R,S,stride,padding,dilation,groups",
          {{"--device", "NAME", "auto, or one of `weft info` [auto]", &a->device},
           {"--threads", "N", "CPU threads; 0: one a core [0]", &a->threads},
           {"--quick", "", "a few samples of each; a minute instead of several", &a->quick},
           {"--minutes", "N", "end after so many with what there is [8]", &a->minutes},
           {"--only", "REGEX", "rows whose name has it: 'S14', 'bf16', 'adam', 'step dcgan'", &a->only},
           {"--shape", "N,C,H,W,K,R,S,...", "a convolution of your own: then stride, padding, dilation and groups", &a->shape},
           {"--once", "", "launch each once and time nothing, under a profiler", &a->once},
           {"--out", "FOLDER", "where a whole run keeps its results, as JSON and a page [bench/results]", &a->out},
           {"--json", "", "print the results as one JSON object", &a->json}},
          [a, command = typed] { return run(*a, command); }};
}

}  // namespace weft::apps
