// Any bytes: pictures or labels as many as their shape says, or FormatError.
#include <cstdlib>

#include "data/idx.h"
#include "weft/kernels/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weft;
  for (const int rank : {1, 3}) {
    try {
      const gan::Idx idx = gan::parse_idx(std::as_bytes(std::span(data, size)), rank);
      int64_t values = 1;
      for (const int64_t axis : idx.shape) values *= axis;
      if (idx.shape.size() != size_t(rank) || values < 1 || values != int64_t(idx.values.size())) std::abort();
    } catch (const FormatError&) {
    }
  }
  return 0;
}
