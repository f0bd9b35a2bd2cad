#include "progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace weft::apps {
namespace {

constexpr double seconds_between_lines = 5;
constexpr size_t pace_window = 9;
constexpr int widest_bar = 24;

std::string print(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string print(const char* format, ...) {
  char text[160];
  va_list values;
  va_start(values, format);
  std::vsnprintf(text, sizeof text, format, values);
  va_end(values);
  return text;
}

std::string clock_time(double seconds) {
  const auto s = static_cast<long long>(std::max(0.0, std::ceil(seconds)));
  return s < 3600 ? print("%lld:%02lld", s / 60, s % 60) : print("%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
}

size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool set_and_not_empty(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value;
}

}  // namespace

ProgressDisplay::ProgressDisplay(std::string title, double minutes) : title_(std::move(title)), minutes_(minutes) {
  const char* kind = std::getenv("TERM");
  terminal_ = isatty(STDERR_FILENO) && kind && std::string(kind) != "dumb";
  colour_ = terminal_ && !set_and_not_empty("NO_COLOR");
}

ProgressDisplay::~ProgressDisplay() {
  if (drawn_) std::fputc('\n', stderr);
}

/// Seconds a step takes now: the median of the last few calls, so that one slow start or sample sheet does not count for long.
double ProgressDisplay::pace(const gan::Progress& p) {
  if (before_.step > 0 && p.step > before_.step) paces_.push_back((p.seconds - before_.seconds) / static_cast<double>(p.step - before_.step));
  if (paces_.size() > pace_window) paces_.erase(paces_.begin());
  before_ = p;
  if (paces_.empty()) return p.seconds / static_cast<double>(std::max<int64_t>(p.step, 1));
  std::vector<double> sorted = paces_;
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

void ProgressDisplay::show(const gan::Progress& p) {
  const std::lock_guard lock(one_at_a_time_);
  const double each = pace(p), by_clock = minutes_ > 0 ? 60 * minutes_ - p.seconds : INFINITY;
  const double left = std::max(0.0, p.steps > 0 ? std::min(static_cast<double>(p.steps - p.step) * each, by_clock) : by_clock);
  const double share = p.seconds + left > 0 && std::isfinite(left) ? p.seconds / (p.seconds + left) : 0;
  const bool by_steps = p.steps > 0;
  const double done = by_steps ? std::max(static_cast<double>(p.step) / static_cast<double>(p.steps), minutes_ > 0 ? share : 0.0) : share;
  const std::string step = by_steps ? print("%lld/%lld", (long long)p.step, (long long)p.steps) : print("step %lld", (long long)p.step);
  const double rate = each > 0 ? p.batch / each : 0.0;
  std::string numbers = print(rate < 10 ? "%.1f images/s  " : "%.0f images/s  ", rate) + (std::isfinite(left) ? "ETA " + clock_time(left) + "  " : "") + "loss";
  for (const auto& [name, value] : p.gauges.values)
    if (name.rfind("loss_", 0) == 0) numbers += print(" %s %.3f ", name.size() == 6 ? (name == "loss_d" ? "D" : "G") : name.c_str() + 5, value);
  if (terminal_) return draw(title_, done, step + "  " + numbers);
  const bool last = by_steps && p.step >= p.steps;
  if (p.seconds < next_line_ && !last) return;
  next_line_ = p.seconds + seconds_between_lines;
  std::fprintf(stderr, "%s  %s  %s\n", title_.c_str(), step.c_str(), numbers.c_str());
}

void ProgressDisplay::show(double done, double seconds, const std::string& words) {
  const std::lock_guard lock(one_at_a_time_);
  const std::string text = print("%3.0f %%  ", 100 * done) + "ETA " + clock_time(done > 0 ? seconds * (1 - done) / done : 0) + "  " + words;
  if (terminal_) return draw(title_, done, text);
  if (seconds < next_line_) return;
  next_line_ = seconds + seconds_between_lines;
  std::fprintf(stderr, "%s  %s\n", title_.c_str(), text.c_str());
}

void ProgressDisplay::draw(const std::string& left, double done, const std::string& right) {
  const size_t width = terminal_width() - 1;         // asked anew each time: windows are resized
  const int bar_width = std::clamp(static_cast<int>(width) / 4, 4, widest_bar);
  const int filled = static_cast<int>(std::lround(std::clamp(done, 0.0, 1.0) * bar_width));
  const std::string bar = std::string(filled, '=') + std::string(bar_width - filled, ' ');
  std::string rest = "  " + right;
  const size_t before = left.size() + bar.size() + 4;
  if (before + rest.size() > width) rest.resize(width > before ? width - before : 0);
  std::fprintf(stderr, "\r%s  [%s%s%s]%s\x1b[K", left.c_str(), colour_ ? "\x1b[36m" : "", bar.c_str(), colour_ ? "\x1b[0m" : "", rest.c_str());
  drawn_ = true;
}

void ProgressDisplay::note(const std::string& sentence) {
  const std::lock_guard lock(one_at_a_time_);
  std::fprintf(stderr, "%s%s\n", drawn_ ? "\r\x1b[K" : "", sentence.c_str());
  drawn_ = false;
}

}  // namespace weft::apps
