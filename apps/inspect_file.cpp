#include "inspect.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "plan.h"
#include "weft/gan/dataset.h"
#include "weft/gan/event_file.h"
#include "weft/gan/image.h"
#include "weft/gan/provenance.h"
#include "weft/gan/report.h"
#include "weft/kernels/error.h"
#include "weft/tensor/safetensors.h"
#include "weft/tensor/sha256.h"

namespace weft::apps {
namespace {

namespace fs = std::filesystem;

std::string padded(std::string text, size_t width) { return text.size() < width ? text + std::string(width - text.size(), ' ') : text + "  "; }

std::string short_shape(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t n : shape) text += (text.empty() ? "" : "x") + std::to_string(n);
  return text.empty() ? "scalar" : text;
}

/// Of the finite values of one tensor.
struct Statistics {
  int64_t count = 0, not_finite = 0;
  double mean = 0, squares = 0, low = INFINITY, high = -INFINITY;   // squares: of the distances from the mean (Welford)
  double deviation() const { return count ? std::sqrt(squares / double(count)) : NAN; }

  void add(double v) {
    if (!std::isfinite(v)) return void(++not_finite);
    const double before = v - mean;
    mean += before / double(++count);
    squares += before * (v - mean);
    low = std::min(low, v), high = std::max(high, v);
  }
};

/// Reads a part at a time, so that memory does not follow the file's size.
Statistics statistics(std::ifstream& in, const SafetensorsHeader& header, const TensorEntry& entry) {
  constexpr uint64_t part = 1 << 20;
  Statistics all;
  in.clear();
  in.seekg(std::streamoff(header.data_start + entry.begin));
  for (uint64_t left = entry.end - entry.begin; left > 0;) {
    HostTensor piece{entry.dtype, {}, std::vector<std::byte>(size_t(std::min(left, part)))};
    piece.shape = {int64_t(piece.bytes.size() * 8 / bits_of(entry.dtype))};
    if (!in.read(reinterpret_cast<char*>(piece.bytes.data()), std::streamsize(piece.bytes.size()))) throw IoError("cannot read the values of '" + entry.name + "'");
    for (const double v : to_doubles(piece)) all.add(v);
    left -= piece.bytes.size();
  }
  return all;
}

Finding inspect_safetensors(const fs::path& path) {
  const SafetensorsHeader header = read_safetensors_header(path);
  std::ifstream in(path, std::ios::binary);
  Finding found;
  Json tensors = Json::array();
  size_t widest = 4;
  for (const TensorEntry& t : header.tensors) widest = std::max(widest, std::min<size_t>(harmless(t.name).size(), 60));
  std::string rows = padded("name", widest + 2) + padded("type", 6) + padded("shape", 16) + padded("mean", 12) + padded("std", 12) + padded("min", 12) + "max\n";
  int64_t numbers = 0, not_finite = 0;
  for (const TensorEntry& t : header.tensors) {
    Json one = {{"name", t.name}, {"dtype", name_of(t.dtype)}, {"shape", t.shape}};
    rows += padded(harmless(t.name), widest + 2) + padded(name_of(t.dtype), 6) + padded(short_shape(t.shape), 16);
    int64_t count = 1;
    for (const int64_t n : t.shape) count *= n;
    numbers += count;
    if (can_load(t.dtype)) {
      const Statistics s = statistics(in, header, t);
      not_finite += s.not_finite;
      if (s.count > 0) {
        one.update({{"mean", s.mean}, {"std", s.deviation()}, {"min", s.low}, {"max", s.high}});
        for (const double v : {s.mean, s.deviation(), s.low}) rows += padded(gan::short_number(v), 12);
        rows += gan::short_number(s.high);
      }
      one["not_finite"] = s.not_finite;
      if (s.not_finite) rows += "   " + std::to_string(s.not_finite) + " NOT FINITE";
    }
    rows += "\n";
    tensors.push_back(one);
  }
  found.json = {{"kind", "safetensors"}, {"tensors", tensors}, {"numbers", numbers}, {"not_finite", not_finite}, {"metadata", header.metadata}};
  found.text = line("holds", std::to_string(header.tensors.size()) + " tensors, " + std::to_string(numbers) + " numbers" +
                                 (not_finite ? ", of which " + std::to_string(not_finite) + " are NOT FINITE" : ""));
  for (const auto& [key, value] : header.metadata) found.text += line(key, value);
  found.text += "\n" + rows;
  return found;
}

Finding inspect_picture(const fs::path& path, bool png) {
  const gan::Image image = gan::read_image(path);
  Finding found;
  Json text = Json::object();
  found.text = line("picture", std::to_string(image.width) + "x" + std::to_string(image.height) + (image.channels == 1 ? ", grey" : ", colour"));
  for (const auto& [key, value] : png ? gan::read_png_text(path) : gan::TextChunks{}) {
    text[key] = value;
    found.text += line(key, value);
  }
  found.json = {{"kind", "picture"}, {"width", image.width}, {"height", image.height}, {"channels", image.channels}, {"text", text}};
  return found;
}

Finding inspect_events(const fs::path& path) {
  const gan::EventFileContents all = gan::read_event_file(path);
  Finding found;
  Json series = Json::object();
  found.text = line("events", std::to_string(all.records) + " records" + (all.torn ? "; it ends in the midst of one, or is damaged there" : ""));
  for (const auto& [tag, s] : all.series) {
    series[tag] = {{"count", s.count}, {"first_step", s.first_step}, {"last_step", s.last_step}, {"images", s.images}};
    if (!s.images) series[tag]["last_value"] = s.last_value;
    found.text += line(tag, std::to_string(s.count) + (s.images ? " images" : " values") + ", steps " + std::to_string(s.first_step) + " to " + std::to_string(s.last_step) +
                                (s.images ? "" : ", the last " + gan::short_number(s.last_value)));
  }
  found.json = {{"kind", "events"}, {"records", all.records}, {"torn", all.torn}, {"series", series}};
  return found;
}

Finding inspect_idx(const gan::IdxHeader& header) {
  return {{{"kind", "idx"}, {"type", header.type}, {"shape", header.shape}}, line("IDX", short_shape(header.shape) + " of " + header.type)};
}

}  // namespace

std::string harmless(const std::string& text) {
  const bool utf8 = gan::is_utf8(text);
  std::string out;
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto c1 = [&](size_t i) { return at(i) == 0xc2 && at(i + 1) < 0xa0; };          // U+0080 to U+009F, of two bytes
  for (size_t i = 0; i < text.size(); ++i) {
    char code[8];
    std::snprintf(code, sizeof code, "\\x%02x", at(i));
    const bool control = at(i) < 0x20 || at(i) == 0x7f || c1(i) || (i > 0 && c1(i - 1)) || (at(i) > 0x7f && !utf8);
    out += control ? code : std::string(1, text[i]);
  }
  return out;
}

std::string line(const std::string& name, const std::string& value) { return padded(harmless(name), 24) + harmless(value) + "\n"; }

Finding inspect_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw DataError("cannot read " + path.string() + ": " + std::strerror(errno));
  char start[9] = "";
  in.read(start, sizeof start);
  const size_t got = size_t(in.gcount());
  in.close();
  const auto begins = [&](const std::string& with) { return got >= with.size() && std::memcmp(start, with.data(), with.size()) == 0; };

  Finding found;
  if (path.extension() == ".safetensors" || (got == 9 && start[8] == '{')) found = inspect_safetensors(path);
  else if (path.filename().string().find("tfevents") != std::string::npos) found = inspect_events(path);
  else if (begins(std::string("\0\0", 2)) || begins("\x1f\x8b")) found = inspect_idx(gan::read_idx_header(path));
  else if (begins("\x89PNG") || begins("\xff\xd8") || begins("RIFF") || begins("BM")) found = inspect_picture(path, begins("\x89PNG"));
  else throw FormatError(path.string() + " is nothing that weft knows: a run's folder, safetensors, a picture (PNG, JPEG, WebP, BMP), TensorBoard events or IDX");
  const std::string sum = sha256_of_file(path);
  found.json.update({{"file", path.string()}, {"bytes", fs::file_size(path)}, {"sha256", sum}});
  found.text = line("file", path.string()) + line("size", bytes_text(fs::file_size(path))) + line("sha256", sum) + found.text;
  return found;
}

}  // namespace weft::apps
