// Any bytes: a picture whose sizes agree with its pixels, or FormatError.
#include <cstdlib>

#include "weft/gan/image.h"
#include "weft/kernels/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weft;
  try {
    const gan::Image image = gan::decode_image(std::as_bytes(std::span(data, size)));
    const size_t pixels = size_t(image.height) * size_t(image.width);
    if (pixels == 0 || image.pixels.size() != pixels * size_t(image.channels) || (image.channels != 1 && image.channels != 3)) std::abort();
    if (pixels < 65536 && gan::fit_into(gan::with_channels(image, 3), 8, 8).pixels.size() != 192) std::abort();
  } catch (const FormatError&) {
  }
  return 0;
}
