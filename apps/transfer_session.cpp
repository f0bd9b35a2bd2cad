#include "transfer_session.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "progress.h"
#include "weft/gan/sheet.h"

namespace weft::apps {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

void on_signal(int signal) {
  stop_signal = signal;
  for (const int each : {SIGINT, SIGTERM}) std::signal(each, SIG_DFL);
}

/// As it stands on a sheet.
gan::Image at_size(const gan::Image& p, int longer) {
  const double scale = double(longer) / std::max(p.height, p.width);
  return gan::resized(gan::with_channels(p, 3), std::max(1, int(p.height * scale + 0.5)), std::max(1, int(p.width * scale + 0.5)));
}

}  // namespace

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

int stopped_by() { return stop_signal; }

gan::Image dressed(const Session& s, const gan::TransferJob& job, const std::string& title, const std::string& preview) {
  ProgressDisplay display(title, 0);
  display.note(title + ": " + gan::plan_transfer(s.context, job).text());
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  double shown = -1, drawn = -1;   // so that the first step is seen at once
  return gan::transfer(s.context, job, [&](const gan::TransferProgress& p) {
    const double now = seconds();
    if (now > shown + 0.1) {
      char words[40];
      std::snprintf(words, sizeof words, job.features ? "style left %.3f" : "patches apart %.3f", p.distance());
      display.show(p.done, now, words);
      shown = now;
    }
    if (!preview.empty() && now > drawn + 1) gan::write_png(preview, p.picture()), drawn = seconds();
    return stop_signal == 0;
  });
}

gan::Image sweep(const Session& s, const std::string& dial, const std::string& preview) {
  std::vector<gan::Image> cells;
  std::vector<std::string> captions;
  for (const double step : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    gan::TransferJob job = s.job;
    const double brush = 0.25 * std::vector<double>{1, 2, 4, 8, 16}[size_t(4 * step)], value = dial == "brush" ? brush : step;
    (dial == "structure" ? job.options.structure : dial == "strength" ? job.options.strength : job.options.brush) = value;
    char caption[40];
    std::snprintf(caption, sizeof caption, "%s %g", dial.c_str(), value);
    cells.push_back(dressed(s, job, caption, preview));
    captions.push_back(caption);
    if (stop_signal) break;
  }
  return gan::contact_sheet(cells, int(cells.size()), captions);
}

gan::Image all_pairs(const Session& s, const std::string& preview) {
  const int longer = s.job.options.size ? s.job.options.size : 256;
  std::vector<gan::Image> cells{{1, 1, 3, {255, 255, 255}}};
  const size_t columns = s.each_style ? s.styles.size() : 1;
  for (size_t k = 0; k < columns; ++k) cells.push_back(at_size(s.styles[k].picture.picture, longer));
  for (size_t i = 0; i < s.contents.size() && !stop_signal; ++i) {
    const NamedPicture& content = s.contents[i];
    cells.push_back(at_size(content.picture, longer));
    for (size_t k = 0; k < columns && !stop_signal; ++k) {
      gan::TransferJob job = s.job;
      job.content = content.picture, job.options.size = longer;
      if (!job.lit.pixels.empty()) job.lit = s.before[i];
      if (s.each_style) job.styles = {s.job.styles[k]};
      cells.push_back(dressed(s, job, content.name + (s.each_style ? " x " + s.styles[k].picture.name : ""), preview));
    }
  }
  return gan::contact_sheet(cells, int(columns) + 1);
}

}  // namespace weft::apps
