#include "transfer_session.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "progress.h"
#include "weft/gan/report.h"
#include "weft/gan/sheet.h"
#include "weft/kernels/error.h"

namespace weft::apps {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

void on_signal(int signal) {
  stop_signal = signal;
  for (const int each : {SIGINT, SIGTERM}) std::signal(each, SIG_DFL);
}

/// A sheet that nothing could read is refused before there is one. Its cells are as large as their largest pictures, height x width.
void expect_readable(int height, int width, size_t count, int columns, bool captioned) {
  const int longer = std::max(height, width);
  const auto size_at = [&](int side) {
    return gan::contact_sheet_size(int(int64_t{height} * side / longer), int(int64_t{width} * side / longer), count, columns, captioned);
  };
  const auto fits = [&](int side) {
    const auto [h, w] = size_at(side);
    return std::max(h, w) <= gan::kMaxImageSide && h * w <= gan::kMaxImagePixels;
  };
  if (fits(longer)) return;
  int side = longer;
  while (side > 1 && !fits(side)) --side;
  const auto [h, w] = size_at(longer);
  throw ConfigError("the sheet would have " + std::to_string(w) + "x" + std::to_string(h) + " pixels; sides up to " + std::to_string(gan::kMaxImageSide) + " and " +
                    std::to_string(gan::kMaxImagePixels >> 20) + " Mi pixels in all can be read again: --size " + std::to_string(side) + " or less would fit, or take fewer pictures");
}

/// As it stands on a sheet.
gan::Image at_size(const gan::Image& p, int longer) {
  const double scale = double(longer) / std::max(p.height, p.width);
  return gan::resized(gan::with_channels(p, 3), std::max(1, int(p.height * scale + 0.5)), std::max(1, int(p.width * scale + 0.5)));
}

/// Which of many contents it is that cannot be done is told too.
gan::TransferPlan planned(const Context& context, const std::string& content, const gan::TransferJob& job) {
  try {
    return gan::plan_transfer(context, job);
  } catch (const DataError& e) {
    throw DataError(content + ": " + e.what());
  }
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
      display.show(p.done, now, gan::print(job.features ? "style left %.3f" : "patches apart %.3f", p.distance()));
      shown = now;
    }
    if (!preview.empty() && now > drawn + 1) gan::write_png(preview, p.picture(), s.chunks), drawn = seconds();
    return stop_signal == 0;
  });
}

gan::Image sweep(const Session& s, const std::string& dial, const std::string& preview) {
  const auto value_of = [&](int cell) { return dial == "brush" ? 0.25 * (1 << cell) : 0.25 * cell; };
  const auto job_of = [&](int cell) {
    gan::TransferJob job = s.job;
    (dial == "structure" ? job.options.structure : dial == "strength" ? job.options.strength : job.options.brush) = value_of(cell);
    return job;
  };
  constexpr int count = 5;
  for (int i = 0; i < count; ++i) {
    const gan::TransferPlan plan = gan::plan_transfer(s.context, job_of(i));
    expect_readable(plan.height, plan.width, count, count, true);
  }
  std::vector<gan::Image> cells;
  std::vector<std::string> captions;
  for (int i = 0; i < count; ++i) {
    captions.push_back(dial + gan::print(" %g", value_of(i)));
    cells.push_back(dressed(s, job_of(i), captions.back(), preview));
    if (stop_signal) break;
  }
  return gan::contact_sheet(cells, int(cells.size()), captions);
}

gan::Image all_pairs(const Session& s, const std::string& preview) {
  const int longer = s.job.options.size ? s.job.options.size : 256;
  const size_t columns = s.each_style ? s.styles.size() : 1;
  const auto job_of = [&](size_t content, size_t style) {
    gan::TransferJob job = s.job;
    job.content = s.contents[content].picture, job.options.size = longer;
    if (!job.lit.pixels.empty()) job.lit = s.before[content];
    if (s.each_style) job.styles = {s.job.styles[style]};
    return job;
  };
  std::vector<gan::Image> cells{{1, 1, 3, {255, 255, 255}}};
  for (size_t k = 0; k < columns; ++k) cells.push_back(at_size(s.styles[k].picture.picture, longer));
  int height = 1, width = 1;
  for (const gan::Image& style : cells) height = std::max(height, style.height), width = std::max(width, style.width);
  for (size_t i = 0; i < s.contents.size(); ++i)
    for (size_t k = 0; k < columns; ++k) {
      const gan::TransferPlan plan = planned(s.context, s.contents[i].name, job_of(i, k));
      height = std::max(height, plan.height), width = std::max(width, plan.width);
    }
  expect_readable(height, width, (1 + s.contents.size()) * (1 + columns), int(columns) + 1, false);
  for (size_t i = 0; i < s.contents.size() && !stop_signal; ++i) {
    const NamedPicture& content = s.contents[i];
    cells.push_back(at_size(content.picture, longer));
    for (size_t k = 0; k < columns && !stop_signal; ++k)
      cells.push_back(dressed(s, job_of(i, k), content.name + (s.each_style ? " x " + s.styles[k].picture.name : ""), preview));
  }
  return gan::contact_sheet(cells, int(columns) + 1);
}

}  // namespace weft::apps
