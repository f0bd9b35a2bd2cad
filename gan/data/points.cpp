// A person's own points: a CSV of x,y a line.
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "dataset_kinds.h"
#include "weft/gan/points.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

constexpr int64_t kMost = 20'000'000;    // points; 160 MB
constexpr int kToldOf = 5;               // bad lines

/// A finite number, blanks around it allowed.
bool number(std::string_view text, double& value) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value) && std::fabs(value) < 1e30;
}

/// As in a message: short, and without what a terminal would obey.
std::string shown(const std::string& line) {
  std::string text = line.substr(0, 40);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return "'" + text + (line.size() > 40 ? "...'" : "'");
}

class PointsFile final : public Dataset {
 public:
  explicit PointsFile(const std::string& what) {
    xy_ = read_points(what);
    size_ = int64_t(xy_.size() / 2), side_ = 1, channels_ = 2;
    if (size_ < 2) throw DataError(what + " holds " + (size_ == 0 ? "no point" : "one point") + "; x,y a line, two lines at least");
    units_ = {{0, 0}, {0, 0}};
    for (size_t i = 0; i < xy_.size(); ++i) units_.zero[i % 2] += xy_[i] / double(size_);
    for (size_t i = 0; i < xy_.size(); ++i) units_.one[i % 2] += std::pow(xy_[i] - units_.zero[i % 2], 2) / double(size_);
    for (size_t axis = 0; axis < 2; ++axis) {
      units_.one[axis] = std::sqrt(units_.one[axis]);
      if (!(units_.one[axis] > 1e-12 * std::fabs(units_.zero[axis])) || units_.one[axis] == 0)
        throw DataError(what + ": all points have the same " + (axis == 0 ? "x" : "y") + ", so they lie on a line; there is nothing to learn across it");
    }
  }

  int read(int64_t i, float* out) override {
    for (size_t axis = 0; axis < 2; ++axis) out[axis] = float((xy_[2 * size_t(i) + axis] - units_.zero[axis]) / units_.one[axis]);
    return 0;
  }

 private:
  std::vector<double> xy_;
};

}  // namespace

std::vector<double> read_points(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw DataError("cannot read " + path);
  std::vector<double> xy;
  std::string bad, line;
  int64_t bad_lines = 0;
  for (int64_t n = 1; std::getline(in, line); ++n) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string_view text = line;
    const size_t comma = text.find(',');
    double x = 0, y = 0;
    const bool first = number(text.substr(0, comma), x), second = comma != text.npos && number(text.substr(comma + 1), y);
    if (first && second) {
      if (int64_t(xy.size()) >= 2 * kMost) throw DataError(path + ": more than " + std::to_string(kMost) + " points");
      xy.insert(xy.end(), {x, y});
    } else if (n > 1 || first || second) {       // else the header: two names
      if (++bad_lines <= kToldOf) bad += "\n  line " + std::to_string(n) + ": " + shown(line);
    }
  }
  if (in.bad()) throw DataError("cannot read " + path);
  if (bad_lines > kToldOf) bad += "\n  and " + std::to_string(bad_lines - kToldOf) + " more";
  if (bad_lines) throw DataError(path + ": a line is x,y, two finite numbers, and the first may name them; not so:" + bad);
  return xy;
}

std::string points_text(const std::vector<float>& xy) {
  std::string text = "x,y\n";
  char line[64];
  for (size_t i = 0; i + 1 < xy.size(); i += 2) text.append(line, size_t(std::snprintf(line, sizeof line, "%.9g,%.9g\n", double(xy[i]), double(xy[i + 1]))));
  return text;
}

bool is_points_file(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  return ending == ".csv" || ending == ".CSV";
}

std::shared_ptr<Dataset> open_points(const std::string& what) { return std::make_shared<PointsFile>(what); }

}  // namespace weft::gan
