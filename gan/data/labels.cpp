#include "labels.h"

#include <charconv>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

/// Cuts a text into records and fields, and knows the line it is at.
class Csv {
 public:
  Csv(std::string_view text, const std::string& what) : text_(text), what_(what) {
    if (text_.substr(0, 3) == "\xef\xbb\xbf") text_.remove_prefix(3);
    if (text_.find('\0') != text_.npos) refuse("has a zero byte in it, so it is no UTF-8; export it as CSV UTF-8");
  }

  /// False at the end. `line` is where the record begins.
  bool record(std::vector<std::string>& fields) {
    fields.clear();
    line = next_line_;
    if (text_.empty()) return false;
    while (!field(fields.emplace_back())) {}
    return true;
  }

  [[noreturn]] void refuse(const std::string& reason) const { throw FormatError(what_ + ":" + std::to_string(line) + ": " + reason); }

  int line = 1;

 private:
  /// True if the record ends with this field.
  bool field(std::string& to) {
    if (!text_.empty() && text_[0] == '"') {
      for (text_.remove_prefix(1);; text_.remove_prefix(1)) {
        if (text_.empty()) refuse("a quoted field has no closing quote");
        if (text_[0] == '"' && text_.substr(0, 2) != "\"\"") break;
        next_line_ += text_[0] == '\n';
        to += text_[0];
        if (text_[0] == '"') text_.remove_prefix(1);
      }
      text_.remove_prefix(1);
    } else {
      const size_t size = std::min(text_.find_first_of(",\r\n\""), text_.size());
      to = text_.substr(0, size);
      text_.remove_prefix(size);
    }
    if (text_.empty()) return true;
    if (text_.substr(0, 2) == "\r\n") text_.remove_prefix(1);
    const char end = text_[0];
    text_.remove_prefix(1);
    if (end != ',' && end != '\n') refuse("a quote or a carriage return stands where a field must end; put the field in quotes, and double those in it");
    next_line_ += end == '\n';
    return end == '\n';
  }

  std::string_view text_;
  const std::string& what_;
  int next_line_ = 1;
};

size_t column(const Csv& csv, const std::vector<std::string>& header, const char* name, bool needed) {
  size_t found = header.size();
  for (size_t i = 0; i < header.size(); ++i)
    if (header[i] == name && std::exchange(found, i) != header.size()) csv.refuse(std::string("two columns are called '") + name + "'");
  if (needed && found == header.size())
    csv.refuse(std::string("no column '") + name + "' in the first line, which must be file,label or file,label,weight" +
               (header.size() == 1 && header[0].find_first_of(";\t") != std::string::npos ? "; separate the columns by commas" : ""));
  return found;
}

double weight_of(const Csv& csv, const std::string& text) {
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size() || !(weight >= 0) || std::isinf(weight))
    csv.refuse("the weight '" + text + "' is no number from 0 up");
  return weight;
}

}  // namespace

LabelTable parse_labels(std::string_view text, const std::string& what) {
  Csv csv(text, what);
  std::vector<std::string> header, fields;
  if (!csv.record(header)) csv.refuse("is empty; its first line must be file,label or file,label,weight");
  const size_t file = column(csv, header, "file", true), label = column(csv, header, "label", true), weight = column(csv, header, "weight", false);

  LabelTable table;
  table.weighted = weight < header.size();
  for (size_t i = 0; i < header.size(); ++i)
    if (i != file && i != label && i != weight) table.ignored.push_back(header[i]);
  std::unordered_map<std::string, int> line_of;
  while (csv.record(fields)) {
    if (fields.size() == 1 && fields[0].empty()) continue;
    if (fields.size() != header.size())
      csv.refuse("has " + std::to_string(fields.size()) + (fields.size() == 1 ? " field" : " fields") + ", and the first line " + std::to_string(header.size()));
    std::string name = fields[file].substr(fields[file].rfind("./", 0) == 0 ? 2 : 0);
    if (name.empty() || fields[label].empty()) csv.refuse(std::string("the ") + (name.empty() ? "file" : "label") + " is empty");
    if (name[0] == '/') csv.refuse("'" + name + "' is no path below the folder");
    if (const auto [first, is_new] = line_of.emplace(name, csv.line); !is_new)
      csv.refuse("'" + name + "' has a label already, in line " + std::to_string(first->second));
    table.rows.push_back({std::move(name), std::move(fields[label]), table.weighted ? weight_of(csv, fields[weight]) : 1, csv.line});
  }
  if (table.rows.empty()) csv.refuse("has no rows below its first line");
  return table;
}

}  // namespace weft::gan
