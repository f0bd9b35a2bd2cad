// The training loop: data in, steps, pictures, a log and checkpoints out.
#include <algorithm>
#include <cmath>

#include "alarms.h"
#include "run/run_directory.h"
#include "training.h"
#include "weft/gan/landscape.h"
#include "weft/gan/run_contents.h"

namespace weft::gan {
namespace {

constexpr int64_t kMostInARow = 20;      // steps that are not finite; more, and the run is stuck
constexpr int64_t kToldInFull = 3;       // of them; the others are counted

/// A run that goes on needs nothing of the one that it once began from; that may be gone by now.
TrainSettings without_init(TrainSettings s, bool goes_on) {
  if (goes_on) s.init_from.clear();
  return s;
}

/// Throws ConfigError for a best checkpoint that nothing could be chosen by.
void expect_measurable(const TrainSettings& s, const std::vector<Metric>& metrics, const Model& model, const Contest& contest) {
  std::vector<std::string> known = {"none", "loss_g", "loss_d", "gap", "held_out"};
  for (const Metric& m : metrics) known.push_back("metric_" + std::string(m.name));
  if (std::find(known.begin(), known.end(), s.keep_best) == known.end())
    throw ConfigError("run.keep_best = '" + s.keep_best + "' is none of " + listed(known) + suggestion(s.keep_best, known));
  if (s.keep_best.rfind("metric_", 0) == 0 && s.metrics_every == 0) throw ConfigError("run.keep_best = '" + s.keep_best + "' is never measured; --metrics-every 1000, say");
  if (s.keep_best == "held_out" && !model.contest)
    throw ConfigError("run.keep_best = held_out is what a model measures on pictures that no step sees, and " + s.model + " measures nothing there; --metrics-every 1000 --set run.keep_best=metric_sliced_wasserstein, say");
  if (s.patience > 0 && s.keep_best == "none") throw ConfigError("train.patience waits for something to get better: say for what by run.keep_best");
  if (s.metrics_every > 0 && !metrics.empty() && !dynamic_cast<const Gan*>(&contest)) throw ConfigError("metrics are of pictures made from noise, and " + s.model + " makes none; run.keep_best=held_out is for it");
}

/// One call of train(): a run from its beginning, or from a checkpoint, to its end or until it is told to stop.
class Run {
 public:
  Run(const TrainRequest& request, const TrainCallbacks& tell)
      : request_(request), s_(request.settings), tell_(tell), directory_(request, WEFT_VERSION), 
        training_(without_init(s_, request.resume && !directory_.checkpoints().steps().empty()), tell.note, request.own) {
    expect_measurable(s_, request.metrics, training_.model, *training_.contest);
    if (s_.keep_best == "held_out" && s_.patience > 0 && training_.held_out.empty())
      throw ConfigError("train.patience waits for run.keep_best = held_out, and no pictures are held out; --set data.held_out=0.1, say");
    directory_.take();
    if (request.resume) resume();
    report_.run = s_.out, report_.model = s_.model, report_.device = training_.context.device();
    directory_.begin(step(), training_.context.describe());
    if (last_saved_ > 0) {                 // the end of a save that was perhaps cut off
      hear_again();
      directory_.checkpoints().point_latest(last_saved_);
      prune();
    }
    training_.context.reset_peak();
  }

  TrainReport go() {
    while (!done()) {
      training_.step();
      if (training_.contest->met_not_finite()) not_finite();
      else not_finite_in_a_row_ = 0;

      const bool regular = s_.checkpoint_every > 0 && step() % s_.checkpoint_every == 0;
      const bool in_turn = s_.metrics_every > 0 ? step() % s_.metrics_every == 0 : regular;
      evaluated_ = {};
      if (in_turn || done()) evaluate(in_turn);
      const Wish wish = tell_.wish ? tell_.wish() : Wish::go_on;
      report_.stopped = wish == Wish::stop && !done();
      const bool last = done() || wish == Wish::stop;
      tell_progress(last);
      if (writes_samples(last)) write_samples();
      if (last || wish == Wish::save || regular || best_.step == step()) save();
      if (last) break;
    }
    return finish();
  }

 private:
  int64_t step() const { return training_.contest->steps_done(); }
  double seconds() const { return before_.seconds + clock_.seconds(); }
  bool done() const {
    return (training_.steps > 0 && step() >= training_.steps) || (s_.minutes > 0 && seconds() >= 60 * s_.minutes) || out_of_patience();
  }
  bool out_of_patience() const { return s_.patience > 0 && since_best_ >= s_.patience; }

  void note(const std::string& sentence) const { if (tell_.note) tell_.note(sentence); }

  void resume() {
    const auto newest = directory_.checkpoints().newest_whole(tell_.note);
    if (!newest) {
      if (!directory_.checkpoints().steps().empty()) throw FormatError(s_.out + ": none of its checkpoints is whole; `weft verify` says what is wrong with each");
      return note("there is no checkpoint in " + s_.out + " yet: the run begins");
    }
    const std::string folder = directory_.checkpoints().path(*newest).string();
    report_.sample_sheet = directory_.sample_sheet(*newest);
    before_ = training_.restore(nn::read_checkpoint(folder), folder, request_, [this](const std::string& t) { note(t); });
    best_ = before_.best, since_best_ = before_.since_best, report_.losses = before_.gauges;
    report_.resumed_at = last_saved_ = *newest;
    note("going on from " + folder + (done() ? ": it is at the end already" : ""));
  }

  /// Alarms go by what the log has told so far.
  void hear_again() {
    const RunContents::Log log = read_run(s_.out).log;
    for (size_t i = 0; i < log.steps.size(); ++i) {
      Gauges then;
      for (const auto& [name, values] : log.values)
        if (log.told.at(name)[i]) then.values.emplace_back(name, values[i]);
      alarms_.hear(int64_t(log.steps[i]), then);
    }
  }

  void tell_progress(bool last) {
    const bool logging = last || step() % s_.log_every == 0 || step() == 1 || writes_samples(last) || !evaluated_.values.empty();
    if (logging) {
      report_.losses = training_.contest->gauges();
      for (const Gauges& more : {writes_samples(last) ? measure() : Gauges(), evaluated_, writes_samples(last) ? watch() : Gauges()})
        report_.losses.values.insert(report_.losses.values.end(), more.values.begin(), more.values.end());
      const std::vector<std::string> alarms = alarms_.hear(step(), report_.losses);
      for (const std::string& sentence : alarms) note("alarm: " + sentence);
      directory_.log(step(), seconds(), images_per_second(), report_.losses, alarms);
    }
    if (tell_.progress && (logging || clock_.seconds() - told_ > 0.5)) {   // a bar moves even where steps are slow
      tell_.progress({step(), training_.steps, seconds(), s_.batch, report_.losses});
      told_ = clock_.seconds();
    }
  }

  double images_per_second() const { return double((step() - report_.resumed_at) * s_.batch) / clock_.seconds(); }

  bool writes_samples(bool last) const { return last || (s_.samples_every > 0 && step() % s_.samples_every == 0); }

  /// What the model makes of pictures that no step sees.
  Gauges measure() const { return training_.held_out.empty() ? Gauges() : training_.contest->measure(training_.held_out); }

  /// What alarms go by, where pictures are made from noise.
  Gauges watch() const {
    const auto* gan = dynamic_cast<const Gan*>(training_.contest.get());
    return gan ? watched(*gan, training_.batch(), training_.held_out, s_.seed) : Gauges();
  }

  void write_samples() {
    report_.sample_sheet = directory_.write_samples(step(), training_.contest->sheet(training_.held_out, s_.samples, s_.seed));
    if (const auto* gan = dynamic_cast<const Gan*>(training_.contest.get()); gan && !training_.held_out.empty()) write_landscape(s_.out, *gan, training_.held_out[0]);
  }

  /// Asks the metrics, and whether this step is the best so far. Patience counts the evaluations that come in their turn: a run that was ended
  /// between two and gone on with loses it at the same step as one that was not.
  void evaluate(bool in_turn) {
    if (s_.metrics_every > 0)
      for (const Metric& m : request_.metrics)
        for (const auto& [name, value] : m.measure(dynamic_cast<const Gan&>(*training_.contest), *training_.sources[0].train, s_.metric_samples, s_.seed).values)
          evaluated_.values.emplace_back("metric_" + name, value);
    if (s_.keep_best == "none") return;
    const double value = chosen(), better = best_.step == 0 ? 1 : highest_is_best() ? value - best_.value : best_.value - value;
    const bool best = std::isfinite(value) && better > 0;
    if (best) best_ = {step(), value};
    if (in_turn) since_best_ = best ? 0 : since_best_ + 1;
    report_.out_of_patience = out_of_patience();
  }

  /// The number that the best checkpoint is chosen by.
  double chosen() const {
    if (s_.keep_best.rfind("metric_", 0) == 0) return evaluated_[s_.keep_best];
    if (s_.keep_best == "held_out") {
      const Gauges now = measure();
      return now.values.empty() ? std::nan("") : now.values[0].second;
    }
    const Gauges now = training_.contest->gauges();
    const auto told = [&](const std::string& name) { return std::any_of(now.values.begin(), now.values.end(), [&](const auto& gauge) { return gauge.first == name; }); };
    if (!told(s_.keep_best == "gap" ? "d_fake" : s_.keep_best)) throw ConfigError("run.keep_best = '" + s_.keep_best + "' is nothing that a run of " + s_.model + " tells; log.jsonl has what it does");
    return s_.keep_best == "gap" ? std::abs(now["d_real"] - now["d_fake"]) : now[s_.keep_best];
  }

  bool highest_is_best() const {
    return std::any_of(request_.metrics.begin(), request_.metrics.end(), [&](const Metric& m) { return m.higher_is_better && "metric_" + std::string(m.name) == s_.keep_best; });
  }

  void save() {
    if (last_saved_ == step()) return;
    directory_.commit_log();
    directory_.checkpoints().save(step(), training_.checkpoint(request_, {seconds(), report_.losses, best_, since_best_}));
    last_saved_ = step();
    prune();
  }

  void prune() const {
    if (s_.keep_last == 0) return;
    const std::vector<int64_t> all = directory_.checkpoints().steps();
    std::set<int64_t> keep(all.end() - std::min<std::ptrdiff_t>(s_.keep_last, std::ptrdiff_t(all.size())), all.end());
    keep.insert({step(), best_.step});
    for (const int64_t s : all) if (s_.keep_every > 0 && s % s_.keep_every == 0) keep.insert(s);
    directory_.checkpoints().keep_only(keep);
  }

  /// The watchdog: what met a number that is not finite did not move, and the run ends, goes on, or goes back.
  void not_finite() {
    const bool stuck = ++not_finite_in_a_row_ > kMostInARow, skip = s_.watchdog == "skip";
    const int64_t back_to = s_.watchdog == "rollback" ? directory_.checkpoints().newest_whole({}).value_or(0) : 0;
    const bool ends = stuck || (!skip && back_to == 0);
    const bool told = !ends && report_.skipped_steps + report_.rollbacks >= kToldInFull;
    const std::string what = told ? "" : "step " + std::to_string(step()) + ": " + training_.contest->explain_not_finite(training_.batch());
    if (ends)
      throw Error(what + (stuck ? "; so it was in the " + std::to_string(kMostInARow) + " steps before" : "") +
                  (s_.watchdog == "rollback" && back_to == 0 ? "; there is no checkpoint yet to go back to" : "") +
                  "\nthe last checkpoint stays as it is. A smaller learning rate, --set optimizer.clip_norm=1, or another objective may help" +
                  (s_.watchdog == "stop" ? "; --set train.watchdog=skip or rollback goes on" : ""));
    if (skip) {
      ++report_.skipped_steps;
      if (!told) note(what + "; the step is skipped");
      return;
    }
    // Networks, average and optimisers go back; the step, and with it noise and data, does not: the same batch would fail again.
    const std::string folder = directory_.checkpoints().path(back_to).string();
    training_.contest->load(nn::read_checkpoint(folder), folder);
    ++report_.rollbacks;
    if (!told) note(what + "; the networks go back to those of step " + std::to_string(back_to));
  }

  TrainReport finish() {
    training_.context.synchronise();
    directory_.commit_log();
    report_.seconds = clock_.seconds();
    report_.steps = step();
    report_.images = step() * s_.batch;
    report_.images_per_second = images_per_second();
    report_.peak_memory_bytes = training_.context.peak_bytes();
    report_.parameters_sha256 = training_.contest->parameters_sha256();
    report_.seconds_waited_for_data = training_.seconds_waited();
    report_.launches = training_.context.launches();
    return report_;
  }

  const TrainRequest& request_;
  const TrainSettings& s_;
  const TrainCallbacks& tell_;
  RunDirectory directory_;
  Training training_;
  TrainReport report_;
  RunState before_;                      // of the checkpoint that this part began from
  decltype(RunState::best) best_;
  int64_t since_best_ = 0;               // evaluations
  Alarms alarms_;
  Gauges evaluated_;                     // of this step, if it was
  Clock clock_;
  double told_ = 0;
  int64_t last_saved_ = 0, not_finite_in_a_row_ = 0;
};

}  // namespace

TrainReport train(const TrainRequest& request, const TrainCallbacks& tell) { return Run(request, tell).go(); }

}  // namespace weft::gan
