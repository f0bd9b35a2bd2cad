#include "results.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "weft/kernels/error.h"
#include "weft/kernels/vendor.h"

namespace weft::bench {

extern const char* const page_template;        // page.html, put into the program by CMake

namespace {

constexpr const char* kind_names[] = {"product", "layer", "stream", "step"};

Json to_json(const Timing& t) { return {{"median", t.median}, {"p20", t.p20}, {"p80", t.p80}, {"samples", t.samples}}; }

std::string number(double value, const char* format) {
  if (!(value > 0)) return "-";
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}
std::string microseconds(double value) { return number(value, value < 100 ? "%.1f" : "%.0f"); }
std::string percent(double value) { return number(100 * value, "%.0f%%"); }

}  // namespace

std::string slug(const std::string& name) {
  std::string text;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c))) text += char(std::tolower(static_cast<unsigned char>(c)));
    else if (!text.empty() && text.back() != '-') text += '-';
  while (!text.empty() && text.back() == '-') text.pop_back();
  return text;
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

Results::Results(const Machine& machine, const std::string& folder, const std::string& command) {
  about_ = {{"name", machine.name()}, {"device", machine.backend().device->name}, {"describe", machine.describe()},
            {"vendor", machine.is("cuda") ? vendor::describe() : ""}, {"date", utc_now()}, {"command", command}, {"finished", false}, {"why_early", "it was interrupted"}};
  if (folder.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!std::filesystem::is_directory(folder)) throw IoError("--out " + folder + ": cannot make this folder (" + error.message() + ")");
  file_ = (std::filesystem::path(folder) / (slug(machine.name()) + ".json")).string();
  page_ = (std::filesystem::path(folder) / (slug(machine.name()) + ".html")).string();
}

void Results::add(Row row) {
  const auto rate = [&](double microseconds, const std::string& how) {
    const bool whole = how.find("inograd") == std::string::npos && how.find("FFT") == std::string::npos;     // every product of the definition was made
    if (whole && row.flops > 0 && row.kind != Row::Kind::step) rates_[row.precision] = std::max(rates_[row.precision], row.flops / microseconds);
  };
  rate(std::min(row.warm.median, row.cold.median), row.kernels);
  if (row.vendor) rate(row.vendor->median, row.vendor_plan);
  if (row.kind == Row::Kind::stream && row.id.rfind("copy", 0) == 0) bandwidth_ = std::max(bandwidth_, row.bytes / row.cold.median);
  rows_.push_back(std::move(row));
  write();
}

void Results::finish(const std::string& why_early) {
  about_["finished"] = why_early.empty();
  about_["why_early"] = why_early;
  about_["ended"] = utc_now();
  write();
}

double Results::floor(const Row& row) const {
  const auto rate = rates_.find(row.precision);
  return std::max(rate == rates_.end() ? 0 : row.flops / rate->second, bandwidth_ > 0 ? row.bytes / bandwidth_ : 0);
}

Json Results::json() const {
  Json all = about_, rows = Json::array(), rates = Json::object();
  for (const auto& [precision, rate] : rates_) rates[precision] = rate * 1e6;
  all["ceilings"] = {{"bytes_per_second", bandwidth_ * 1e6}, {"flops_per_second", rates}};
  for (const Row& r : rows_) {
    Json row = {{"kind", kind_names[int(r.kind)]}, {"id", r.id}, {"what", r.what}, {"pass", r.pass}, {"precision", r.precision},
                {"kernels", r.kernels}, {"shrunk", r.shrunk}, {"flops", r.flops}, {"bytes", r.bytes}, {"warm_us", to_json(r.warm)}};
    if (r.kind == Row::Kind::step) {
      row.update({{"images_per_second", r.images_per_second}, {"launches", r.launches}, {"peak_bytes", r.peak_bytes}});
    } else {
      row["cold_us"] = to_json(r.cold);
      row["floor_us"] = floor(r);
      row["of_roofline"] = floor(r) / r.cold.median;
    }
    if (r.vendor) row["vendor"] = {{"us", to_json(*r.vendor)}, {"ratio", r.warm.median / r.vendor->median}, {"plan", r.vendor_plan}};
    if (r.vendor_error) row["vendor"]["error"] = *r.vendor_error;
    if (r.error) row["error"] = *r.error;
    if (r.same_bits) row["same_bits"] = *r.same_bits;
    rows.push_back(std::move(row));
  }
  all["rows"] = std::move(rows);
  return all;
}

/// Each to a new file that then takes the old one's name: cut short, a run leaves a whole file.
void Results::write() const {
  if (file_.empty()) return;
  const std::string text = json().dump(1, ' ', false, Json::error_handler_t::replace);
  const auto replace = [](const std::string& path, const std::string& content) {
    std::ofstream out(path + ".part");
    out << content << '\n';
    out.close();
    if (!out || std::rename((path + ".part").c_str(), path.c_str()) != 0) throw IoError("cannot write " + path + "; is the disk full?");
  };
  replace(file_, text);
  std::string page = page_template, safe;
  for (const char c : text) c == '<' ? safe += "\\u003c" : safe += c;   // no </script> within the script
  const std::string mark = "/*RESULTS*/[]";
  page.replace(page.find(mark), mark.size(), "[" + safe + "]");
  replace(page_, page);
}

std::string heading(Row::Kind kind) {
  char text[200];
  if (kind == Row::Kind::step) {
    std::snprintf(text, sizeof text, "%-34s %-7s %10s %10s %10s %9s %10s", "training step", "mode", "ms", "p20", "p80", "images/s", "launches");
    return std::string(text) + "   peak MiB";
  }
  std::snprintf(text, sizeof text, "%-38s %-7s %9s %9s %9s %9s %6s %9s %7s %8s %5s", kind == Row::Kind::stream ? "bound by memory" : "bound by arithmetic", "mode",
                "warm us", "p20", "p80", "cold us", "roof", kind == Row::Kind::stream ? "GB/s" : "GFLOP/s", "/vendor", "error", "bits");
  return text;
}

std::string line(const Results& results, const Row& r) {
  char text[240];
  if (r.kind == Row::Kind::step) {
    std::snprintf(text, sizeof text, "%-34s %-7s %10.2f %10.2f %10.2f %9.0f %10.0f %10.0f", r.what.c_str(), r.precision.c_str(), r.warm.median / 1e3,
                  r.warm.p20 / 1e3, r.warm.p80 / 1e3, r.images_per_second, r.launches, r.peak_bytes / 1048576);
    return text;
  }
  const std::string name = (r.shrunk ? "~" : "") + r.id + " " + r.what + (r.pass.empty() ? "" : ", " + r.pass);
  const double rate = r.kind == Row::Kind::stream ? r.bytes / r.cold.median * 1e-3 : r.flops / r.warm.median * 1e-3;
  std::snprintf(text, sizeof text, "%-38s %-7s %9s %9s %9s %9s %6s %9s %7s %8s %5s", name.c_str(), r.precision.c_str(), microseconds(r.warm.median).c_str(),
                microseconds(r.warm.p20).c_str(), microseconds(r.warm.p80).c_str(), microseconds(r.cold.median).c_str(),
                percent(results.floor(r) / r.cold.median).c_str(), number(rate, rate < 100 ? "%.1f" : "%.0f").c_str(),
                r.vendor ? number(r.warm.median / r.vendor->median, "%.2f").c_str() : "-", r.error ? number(*r.error, "%.1e").c_str() : "-",
                !r.same_bits ? "-" : *r.same_bits ? "same" : "DIFFER");
  return text;
}

std::string summary(const Results& results) {
  struct Class {
    double log_sum = 0, worst = 1e300;
    int count = 0;
    std::string worst_name;
  };
  std::map<std::string, Class> classes;
  for (const Row& r : results.rows()) {
    const double share = results.floor(r) / r.cold.median;
    if (r.kind != Row::Kind::layer || !(share > 0)) continue;
    Class& c = classes[r.precision + ", " + r.pass];
    c.log_sum += std::log(share), ++c.count;
    if (share < c.worst) c.worst = share, c.worst_name = r.id + " " + r.what;
  }
  const Json ceilings = results.json()["ceilings"];
  std::string text = "ceilings met in this run: copies " + number(ceilings["bytes_per_second"].get<double>() * 1e-9, "%.0f") + " GB/s";
  for (const auto& [precision, rate] : ceilings["flops_per_second"].items()) text += "; products in " + precision + " " + number(rate.get<double>() * 1e-9, "%.0f") + " GFLOP/s";
  for (const auto& [name, c] : classes)
    text += "\n" + name + ": " + percent(std::exp(c.log_sum / c.count)) + " of the roofline in the geometric mean of " + std::to_string(c.count) + " layers; worst " +
            c.worst_name + " with " + percent(c.worst);
  return text;
}

}  // namespace weft::bench
