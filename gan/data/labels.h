// labels.csv: which picture is of which class, and how often it should come.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weft::gan {

struct LabelTable {
  struct Row {
    std::string file, label;                     // below the folder; neither empty
    double weight;                               // 1 where the table has none
    int line;
  };
  std::vector<Row> rows;                         // each file once
  bool weighted = false;
  std::vector<std::string> ignored;              // columns of other names
};

/// A header line `file,label[,weight]`, in any order and with any others; then a line a picture. Comma-separated values after
/// RFC 4180, in UTF-8, with or without a byte order mark; lines end in LF or CRLF; empty lines are skipped.
/// Throws: FormatError as "WHAT:LINE: ...".
LabelTable parse_labels(std::string_view text, const std::string& what);

}  // namespace weft::gan
