// Line charts. The lines are SVG stretched to the box; words and numbers are HTML around it, so they keep their size on a phone.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "report_parts.h"

namespace weft::gan {
namespace {

constexpr size_t stretches = 200;            // of which each is drawn by its lowest, its highest, and a gap if it has one
constexpr double side = 1000;                // of the drawing, in units of its own
constexpr size_t colours = 6;                // c0, c1, ... of the page's style

struct Points { std::vector<double> x, y; };

/// Lowest and highest value of every stretch, in their order.
Points thinned(const Series& s) {
  if (s.y.size() <= 3 * stretches) return {s.x, s.y};
  Points few;
  for (size_t k = 0; k < stretches; ++k) {
    const size_t begin = s.y.size() * k / stretches, end = s.y.size() * (k + 1) / stretches;
    std::vector<size_t> keep;
    size_t low = end, high = end, gap = end;
    for (size_t i = begin; i < end; ++i) {
      if (!std::isfinite(s.y[i])) { gap = i; continue; }
      if (low == end || s.y[i] < s.y[low]) low = i;
      if (high == end || s.y[i] > s.y[high]) high = i;
    }
    for (const size_t i : {low, high, gap})
      if (i < end && std::find(keep.begin(), keep.end(), i) == keep.end()) keep.push_back(i);
    std::sort(keep.begin(), keep.end());
    for (const size_t i : keep) few.x.push_back(s.x[i]), few.y.push_back(s.y[i]);
  }
  return few;
}

/// An axis: where a value stands between 0 and 1.
struct Axis {
  double low = 0, high = 1;
  bool logarithmic = false;
  double place(double v) const { return logarithmic ? (std::log(v) - std::log(low)) / (std::log(high) - std::log(low)) : (v - low) / (high - low); }
  bool shows(double v) const { return std::isfinite(v) && (!logarithmic || v > 0); }
};

std::vector<double> ticks(const Axis& a, int about) {
  std::vector<double> all;
  if (a.logarithmic) {
    const double decades = std::log10(a.high) - std::log10(a.low);
    const int every = std::max(1, int(std::ceil(decades / about)));
    for (int e = int(std::floor(std::log10(a.low))); e <= std::log10(a.high) + 1e-9; e += every)
      for (const double m : decades < 2 ? std::vector<double>{1, 2, 5} : std::vector<double>{1}) {
        const double v = m * std::pow(10, e);
        if (v >= a.low * (1 - 1e-9) && v <= a.high * (1 + 1e-9)) all.push_back(v);
      }
    return all;
  }
  const double rough = (a.high - a.low) / about, power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
  for (double k = std::ceil(a.low / step - 1e-9); k * step <= a.high + 1e-9 * step && all.size() < 50; ++k) all.push_back(k == 0 ? 0 : k * step);
  return all;
}

/// Around all values; a few that lie far from the rest do not squeeze it into a line: `outside` counts those not shown.
Axis y_axis(const Chart& chart, size_t& outside) {
  Axis axis;
  axis.logarithmic = chart.logarithmic;
  std::vector<double> all;
  for (const Series& s : chart.series)
    for (const double v : s.y)
      if (axis.shows(v)) all.push_back(v);
  std::sort(all.begin(), all.end());
  double low = all.empty() ? 1 : all.front(), high = all.empty() ? 1 : all.back();
  if (!chart.logarithmic && all.size() >= 20) {
    const double usual_low = all[all.size() / 20], usual_high = all[all.size() - 1 - all.size() / 20], usual = usual_high - usual_low;
    low = std::max(low, usual_low - 4 * usual), high = std::min(high, usual_high + 4 * usual);
    if (usual == 0) low = all.front(), high = all.back();
  }
  outside = size_t(std::count_if(all.begin(), all.end(), [&](double v) { return v < low || v > high; }));
  for (const Chart::Mark& m : chart.marks)
    if (axis.shows(m.y)) low = std::min(low, m.y), high = std::max(high, m.y);
  low = std::clamp(low, chart.logarithmic ? 1e-300 : -1e300, 1e300), high = std::clamp(high, low, 1e300);   // room for the sums below
  if (chart.logarithmic) {
    axis.low = low / 1.1, axis.high = high * 1.1;
  } else {
    const double room = high > low ? 0.04 * (high - low) : std::max(0.5, 0.04 * std::fabs(high));
    axis.low = low >= 0 && low < 0.5 * high ? 0 : low - room;
    axis.high = high + room;
  }
  return axis;
}

std::string percent(double share) { return print("%.2f%%", 100 * share); }

std::string with_commas(double whole) {
  std::string text = print("%.0f", whole);
  for (int at = int(text.size()) - 3; at > (text[0] == '-' ? 1 : 0); at -= 3) text.insert(size_t(at), ",");
  return text;
}

std::string line_html(const Points& p, const Axis& x, const Axis& y, size_t colour) {
  std::string path, xs, ys;
  bool down = false;
  for (size_t i = 0; i < p.y.size(); ++i) {
    const bool shown = y.shows(p.y[i]);
    if (shown) {
      path += print(down ? "L%.1f" : "M%.1f", side * x.place(p.x[i])) + print(" %.1f", side * (1 - std::clamp(y.place(p.y[i]), -0.05, 1.05)));
      const bool alone = !down && (i + 1 == p.y.size() || !y.shows(p.y[i + 1]));
      if (alone) path += "h0.01";            // round caps make a dot of it
    }
    down = shown;
    xs += (i ? " " : "") + print("%.10g", p.x[i]);
    ys += (i ? " " : "") + short_number(p.y[i]);
  }
  return "<path class=\"line c" + std::to_string(colour % colours) + "\" d=\"" + path + "\" data-x=\"" + xs + "\" data-y=\"" + ys + "\"/>";
}

}  // namespace

std::string print(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string short_number(double value) { return std::isnan(value) ? "nan" : print("%.4g", value); }

std::string chart_html(const Chart& chart) {
  size_t outside = 0, gaps = 0;
  const Axis y = y_axis(chart, outside);
  Axis x{INFINITY, -INFINITY};
  for (const Series& s : chart.series)
    for (const double v : s.x) x.low = std::min(x.low, v), x.high = std::max(x.high, v);
  if (x.low > 0 && x.low < 0.1 * x.high) x.low = 0;
  if (!(x.high > x.low)) x.low = std::isfinite(x.low) ? x.low - 1 : 0, x.high = x.low + 2;

  std::string legend, lines, labels;
  for (size_t k = 0; k < chart.series.size(); ++k) {
    const Series& s = chart.series[k];
    gaps += size_t(std::count_if(s.y.begin(), s.y.end(), [&](double v) { return !y.shows(v); }));
    legend += "<span class=\"key c" + std::to_string(k % colours) + "\" data-name=\"" + escaped_for_html(s.name) + "\">" + escaped_for_html(s.name) +
              (s.y.empty() ? "" : " <b>" + short_number(s.y.back()) + "</b>") + "</span>";
    lines += line_html(thinned(s), x, y, k);
  }
  for (const double v : ticks(y, 5)) {
    const std::string top = percent(1 - y.place(v));
    labels += "<i class=\"grid\" style=\"top:" + top + "\"></i><span class=\"yt\" style=\"top:" + top + "\">" + short_number(v) + "</span>";
  }
  for (const double v : ticks(x, 5))
    labels += "<span class=\"xt\" style=\"left:" + percent(x.place(v)) + "\">" + (x.high - x.low >= 4 ? with_commas(v) : short_number(v)) + "</span>";
  bool below = false;                        // the first mark's name stands over its line, the next one's under it: they may be close
  for (const Chart::Mark& m : chart.marks)
    if (y.shows(m.y)) labels += std::string("<i class=\"mark") + (std::exchange(below, !below) ? " below" : "") + "\" style=\"top:" + percent(1 - y.place(m.y)) + "\"><span>" + escaped_for_html(m.name) + "</span></i>";

  std::string note = escaped_for_html(chart.note);
  if (outside) note += " " + std::to_string(outside) + (outside == 1 ? " value lies" : " values lie") + " beyond the edge.";
  if (gaps) note += " " + std::to_string(gaps) + (gaps == 1 ? " value is" : " values are") + (chart.logarithmic ? " not finite, or not above 0:" : " not finite:") + " a gap.";
  return "<figure class=\"chart\"><figcaption><h3>" + escaped_for_html(chart.title) + "</h3><div class=\"legend\">" + legend + "</div></figcaption>" +
         "<div class=\"plot\" data-low=\"" + print("%.17g", x.low) + "\" data-high=\"" + print("%.17g", x.high) + "\">" + labels + "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" +
         escaped_for_html(chart.title) + "\">" + lines + "</svg></div>" + (note.empty() ? "" : "<p class=\"note\">" + note + "</p>") + "</figure>\n";
}

}  // namespace weft::gan
