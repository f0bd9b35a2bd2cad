// Any bytes: counts that agree with one another, or FormatError.
#include <cstdlib>
#include <sstream>

#include "weft/gan/event_file.h"
#include "weft/kernels/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weft;
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  try {
    const gan::EventFileContents all = gan::read_event_file(in, "file");
    if (all.records < 1) std::abort();
    for (const auto& [tag, series] : all.series)
      if (series.count < 1) std::abort();
  } catch (const FormatError&) {
  }
  return 0;
}
