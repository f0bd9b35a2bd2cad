// weft inspect: what a run, a file or a picture is, and how it came to be.
#include "inspect.h"

#include <cmath>
#include <cstdio>

#include "command.h"
#include "plan.h"
#include "settings.h"
#include "weft/gan/report.h"
#include "weft/gan/run_contents.h"
#include "weft/kernels/error.h"

namespace weft::apps {
namespace {

namespace fs = std::filesystem;

Finding inspect_run(const fs::path& folder) {
  const gan::RunContents run = gan::read_run(folder);
  Finding found;
  Json starts = Json::array(), checkpoints = Json::array(), losses = Json::object(), config = Json::object();
  found.text = line("run", folder.string()) + line("model", run.setting("model.name")) + line("data", run.setting("data.source")) +
               line("steps", std::to_string(run.steps()));
  for (const auto& s : run.starts) {
    starts.push_back({{"command", s.command}, {"device", s.device}, {"weft", s.weft}, {"started", s.started}, {"from_step", s.from_step}});
    found.text += line(s.from_step ? "resumed" : "started", s.started + ", weft " + s.weft + " on " + s.device) + line("", s.command);
  }
  for (const auto& [key, value] : run.config) config[key] = value;
  for (const auto& [name, values] : run.log.values)
    if (!values.empty() && std::isfinite(values.back())) losses[name] = values.back();
  if (!run.log.steps.empty())
    found.text += line("losses", "D " + gan::short_number(run.log.last("loss_d")) + ", G " + gan::short_number(run.log.last("loss_g")) + " at step " +
                                     std::to_string(int64_t(run.log.steps.back())));
  for (const auto& c : run.checkpoints) {
    const bool newest = c.step == run.checkpoints.back().step, best = c.step == run.best_step;
    checkpoints.push_back({{"step", c.step}, {"folder", c.folder.string()}, {"bytes", c.bytes}, {"newest", newest}, {"best", best}});
    found.text += line("checkpoint", "step " + std::to_string(c.step) + ", " + bytes_text(c.bytes) + (newest ? ", newest" : "") + (best ? ", best" : ""));
  }
  if (!run.parameters_sha256.empty()) found.text += line("parameters", run.parameters_sha256);
  if (!run.sheets.empty()) found.text += line("sample sheets", std::to_string(run.sheets.size()) + ", the last " + run.sheets.back().file.string());
  const bool report = fs::exists(folder / "report.html");
  if (report) found.text += line("report", (folder / "report.html").string());
  found.json = {{"kind", "run"}, {"run", folder.string()}, {"steps", run.steps()}, {"starts", starts}, {"last", losses}, {"checkpoints", checkpoints},
                {"best_step", run.best_step}, {"parameters_sha256", run.parameters_sha256}, {"sample_sheets", run.sheets.size()},
                {"unreadable_log_lines", run.log.unreadable}, {"report", report ? (folder / "report.html").string() : ""}, {"config", config}};
  return found;
}

struct InspectArguments {
  std::string path;
  bool report = false, json = false;
};

int run(const InspectArguments& a) {
  if (a.report) gan::write_run_report(a.path, known_settings());
  const Finding found = fs::is_directory(a.path) ? inspect_run(a.path) : inspect_file(a.path);
  if (a.json) print_json(found.json);
  else std::fputs(found.text.c_str(), stdout);
  return 0;
}

}  // namespace

Command inspect_command(const std::string&) {
  const auto a = std::make_shared<InspectArguments>();
  return {"inspect", "Show what a run, a file or a picture is",
          "weft inspect runs/clothes\n  weft inspect clothes.png",
          {{"RUN|FILE", "", "a run, a picture, safetensors, TensorBoard events or IDX", &a->path, true},
           {"--report", "", "of a run: write its report.html anew first", &a->report},
           {"--json", "", "print it as one JSON object", &a->json}},
          [a] { return run(*a); }};
}

}  // namespace weft::apps
