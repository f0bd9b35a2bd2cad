// Any text: rows that are whole, or FormatError.
#include <cstdlib>

#include "data/labels.h"
#include "weft/kernels/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weft;
  try {
    const gan::LabelTable table = gan::parse_labels({reinterpret_cast<const char*>(data), size}, "fuzz");
    if (table.rows.empty()) std::abort();
    for (const auto& row : table.rows)
      if (row.file.empty() || row.label.empty() || !(row.weight >= 0) || row.line < 2) std::abort();
  } catch (const FormatError&) {
  }
  return 0;
}
