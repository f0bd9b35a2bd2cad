// weft train: settings from everywhere, then the training loop with a progress display.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sstream>

#include "command.h"
#include "json.h"
#include "plan.h"
#include "progress.h"
#include "settings.h"
#include "weft/gan/mixture.h"
#include "weft/gan/metric.h"
#include "weft/gan/provenance.h"
#include "weft/gan/run_contents.h"
#include "weft/gan/run_report.h"

namespace weft::apps {
namespace {

volatile std::sig_atomic_t stop_signal = 0, save_asked = 0;

/// The first SIGINT, SIGTERM or SIGHUP asks for an orderly end, a second SIGINT or SIGTERM ends at once; SIGUSR1 asks for a checkpoint.
void on_signal(int signal) {
  if (signal == SIGUSR1) {
    save_asked = 1;
    return;
  }
  if (!stop_signal) stop_signal = signal;
  for (const int each : {SIGINT, SIGTERM}) std::signal(each, SIG_DFL);       // not SIGHUP: a terminal that closes may send it twice
}

void listen() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaction(signal, &action, nullptr);
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);       // nohup has it ignored
  std::signal(SIGPIPE, SIG_IGN);             // a run goes on when nobody reads its progress any more
}

const char* name_of(int signal) { return signal == SIGINT ? "SIGINT" : signal == SIGHUP ? "SIGHUP" : "SIGTERM"; }

gan::Wish wish() {
  if (stop_signal) return gan::Wish::stop;
  const bool save = save_asked;
  save_asked = 0;
  return save ? gan::Wish::save : gan::Wish::go_on;
}

struct TrainArguments {
  std::vector<std::string> flags;      // one a setting of settings_list(), empty where not given
  std::vector<std::vector<std::string>> lists;   // the same for those that may come several times
  std::vector<std::string> pairs;
  std::string config;
  bool sync = false, print_config = false, plan = false, json = false, resume = false, allow_config_change = false;
};

void assign_all(TrainSettings& s, const TrainArguments& a) {
  if (!a.config.empty()) read_config_file(s, a.config);
  for (const std::string& pair : a.pairs) assign_pair(s, pair);
  for (size_t i = 0; i < a.flags.size(); ++i)
    if (!a.flags[i].empty()) assign(s, settings_list()[i], a.flags[i], TextKind::bare, settings_list()[i].flag);
  for (size_t i = 0; i < a.lists.size(); ++i) {
    std::string joined;
    for (const std::string& each : a.lists[i]) joined += (joined.empty() ? "" : ",") + each;
    if (!joined.empty()) assign(s, settings_list()[i], joined, TextKind::bare, settings_list()[i].flag);
  }
  if (a.sync) s.sync = true;
}

TrainSettings resolve(const TrainArguments& a) {
  TrainSettings asked, s;
  assign_all(asked, a);                // to know the run that is resumed, and the preset, which come before what is set by name
  const std::vector<gan::ConfigLine> stored = a.resume ? gan::stored_config(asked.out) : std::vector<gan::ConfigLine>();
  s.model = asked.model;
  if (stored.empty()) {
    std::istringstream with_model(gan::find_model(s.model).defaults);
    for (std::string pair; with_model >> pair;) assign_pair(s, pair);
    s.learning_rate_g *= gan::rate_for_width(gan::find_model(s.model), asked.width);
    s.learning_rate_d *= gan::rate_for_width(gan::find_model(s.model), asked.d_width ? asked.d_width : asked.width);
  }
  assign_lines(s, stored);
  s.out = asked.out;                   // it may have been moved
  if (asked.augment != "none") s.augment = asked.augment, apply_preset(s);
  assign_all(s, a);
  if (s.steps == 0 && s.minutes == 0) s.steps = 1600;
  gan::find_model(s.model);
  gan::find_objective(s.objective);
  gan::find_penalties(s.penalty);
  return s;
}

Json to_json(const gan::TrainReport& r) {
  Json losses = Json::object();
  for (const auto& [name, value] : r.losses.values)
    if (name.rfind("loss_", 0) == 0) losses[name.substr(5)] = value;
  return {{"run", r.run}, {"model", r.model}, {"device", r.device}, {"steps", r.steps}, {"images", r.images},
          {"images_per_second", r.images_per_second}, {"seconds", r.seconds}, {"seconds_waited_for_data", r.seconds_waited_for_data},
          {"peak_memory_bytes", r.peak_memory_bytes}, {"losses", losses},
          {"parameters_sha256", r.parameters_sha256}, {"sample_sheet", r.sample_sheet}, {"stopped", r.stopped}, {"out_of_patience", r.out_of_patience}, {"resumed_at", r.resumed_at},
          {"skipped_steps", r.skipped_steps}, {"rollbacks", r.rollbacks}, {"launches", r.launches}};
}

gan::TrainReport train_and_report(const gan::TrainRequest& request, const gan::TrainCallbacks& callbacks) {
  const std::string& folder = request.settings.out;
  try {
    const gan::TrainReport report = gan::train(request, callbacks);
    gan::write_run_report(folder, known_settings());
    return report;
  } catch (const Error& e) {
    try {
      if (e.exit_code == 1 && gan::is_run(folder)) gan::write_run_report(folder, known_settings(), e.what());   // it began, and failed
    } catch (const Error&) {}                // the first trouble is the one to tell
    throw;
  }
}

int run(const TrainArguments& arguments, const std::string& command) {
  const TrainSettings settings = resolve(arguments);
  const std::string toml = to_toml(settings);
  if (arguments.print_config) return std::fputs(toml.c_str(), stdout), 0;
  if (settings.data.empty()) throw ConfigError("--data is missing: what to train on, a folder of images or a name of `weft list data`");
  if (arguments.plan) {
    print_plan(gan::plan_training(settings, [](const std::string& sentence) { std::fprintf(stderr, "%s\n", sentence.c_str()); }), arguments.json);
    return 0;
  }
  if (settings.out.empty()) throw ConfigError("--out is missing: the folder that the run is written to");

  listen();
  gan::TrainRequest request{settings, config_lines(settings), toml, command, arguments.resume, arguments.allow_config_change};
  if (gan::find_mixture(settings.data)) request.metrics = gan::mixture_metrics();
  else if (gan::find_model(settings.model).feed == gan::Feed::pictures && settings.size > 1) request.metrics = gan::picture_metrics();
  gan::TrainReport report;
  {
    ProgressDisplay display(settings.model, settings.minutes);
    gan::TrainCallbacks callbacks;
    callbacks.progress = [&](const gan::Progress& p) { display.show(p); };
    callbacks.note = [&](const std::string& sentence) { display.note(sentence); };
    callbacks.wish = wish;
    report = train_and_report(request, callbacks);
  }
  const int signal = stop_signal;
  if (report.stopped)
    std::fprintf(stderr, "weft: stopped by %s after step %lld; saved. To go on: weft train --resume --out %s\n", name_of(signal), (long long)report.steps,
                 gan::quoted_for_shell(report.run).c_str());
  if (arguments.json) {
    print_json(to_json(report));
  } else {
    std::printf("%lld steps, %lld images in %.1f s on %s: %.0f images a second, at most %.0f MiB\n", (long long)report.steps,
                (long long)report.images, report.seconds, report.device.c_str(), report.images_per_second,
                static_cast<double>(report.peak_memory_bytes) / (1 << 20));
    if (report.skipped_steps + report.rollbacks)
      std::printf("not finite  %lld steps were skipped, the networks went back %lld times\n", (long long)report.skipped_steps, (long long)report.rollbacks);
    std::printf("report      %s/report.html\nsamples     %s\nparameters  %s\nnext        %s\n", report.run.c_str(), report.sample_sheet.c_str(),
                report.parameters_sha256.c_str(), gan::use_of(report.model, gan::quoted_for_shell(report.run)).c_str());
  }
  return report.stopped ? 128 + signal : 0;
}

}  // namespace

Command train_command(const std::string& typed) {
  const auto a = std::make_shared<TrainArguments>();
  a->flags.resize(settings_list().size());
  a->lists.resize(settings_list().size());
  Command c{"train", "Train networks on pictures: a GAN, a translator, style features",
            "weft train dcgan --data fashion-mnist --out runs/clothes --width 32 --steps 1600\n"
            "  weft train dcgan --data ~/photos --out runs/photos --size 64 --minutes 30 --set data.flip=true\n"
            "  weft train restyle --data garments/ --styles paintings/ --out runs/dressed",
            {}, [a, command = typed] { return run(*a, command); }};
  for (size_t i = 0; i < settings_list().size(); ++i) {
    const Setting& s = settings_list()[i];
    if (!*s.flag) continue;
    c.arguments.push_back({s.flag, s.value, s.help + default_note(s), &a->flags[i]});
    if (s.repeats) c.arguments.back().into = &a->lists[i];
  }
  const auto asked_for = [](const Argument& x) { return x.name == "MODEL" || x.name == "--data" || x.name == "--out"; };
  std::stable_partition(c.arguments.begin(), c.arguments.end(), asked_for);       // first in the help
  c.arguments.push_back({"--config", "FILE", "read settings from a TOML file", &a->config});
  c.arguments.push_back({"--set", "K=V", "any setting by its key, as in optimizer.beta1=0; stronger than --config", &a->pairs});
  c.arguments.push_back({"--print-config", "", "print all settings as TOML, with what they mean, and stop", &a->print_config});
  c.arguments.push_back({"--plan", "", "time a few steps, print what the run would take, and stop", &a->plan});
  c.arguments.push_back({"--resume", "", "go on from the newest checkpoint in --out, with its settings; begin if there is none", &a->resume});
  c.arguments.push_back({"--allow-config-change", "", "with --resume: other settings than before are meant", &a->allow_config_change});
  c.arguments.push_back({"--sync", "", "wait after each kernel: an error of the device is then found where it happens", &a->sync});
  c.arguments.push_back({"--json", "", "print the result as one JSON object", &a->json});
  return c;
}

}  // namespace weft::apps
