// Which way up a camera held the picture: EXIF tag 274. JEITA CP-3451, sections 4.5 and 4.6.
#include <cstring>

#include "image_codecs.h"

namespace weft::gan {
namespace {

uint32_t number(codecs::Bytes bytes, size_t at, size_t count, bool little) {      // at + count <= bytes.size(), seen to by the caller
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | uint32_t(bytes[little ? at + count - 1 - i : at + i]);
  return value;
}

/// The data of a file's first chunk of that type; empty if there is none.
codecs::Bytes chunk(codecs::Bytes file, const char* type, bool png) {
  const size_t around = png ? 12 : 8;                      // PNG: length, type, data, sum; RIFF: type, length, data, perhaps a 0
  for (size_t at = png ? 8 : 12; at < file.size() && file.size() - at >= around;) {
    const size_t length = number(file, at + (png ? 0 : 4), 4, !png);
    if (length > file.size() - at - around) break;
    if (std::memcmp(file.data() + at + (png ? 4 : 0), type, 4) == 0) return file.subspan(at + 8, length);
    at += around + length + (png ? 0 : length % 2);
  }
  return {};
}

}  // namespace

int codecs::orientation_in_exif(Bytes tiff) {
  if (tiff.size() < 8) return 1;
  const bool little = tiff[0] == std::byte('I');
  const size_t directory = number(tiff, 4, 4, little);
  if (directory + 2 > tiff.size()) return 1;
  const size_t entries = number(tiff, directory, 2, little);
  for (size_t i = 0, at = directory + 2; i < entries && at + 12 <= tiff.size(); ++i, at += 12) {
    const uint32_t value = number(tiff, at + 8, 2, little);
    if (number(tiff, at, 2, little) == 274 && value >= 1 && value <= 8) return int(value);
  }
  return 1;
}

int codecs::orientation_of_png(Bytes file) { return orientation_in_exif(chunk(file, "eXIf", true)); }

int codecs::orientation_of_webp(Bytes file) {
  const Bytes exif = chunk(file, "EXIF", false);
  const bool named = exif.size() > 6 && std::memcmp(exif.data(), "Exif\0\0", 6) == 0;      // some writers keep JPEG's header
  return orientation_in_exif(named ? exif.subspan(6) : exif);
}

/// Turns and mirrors stored pixels the way the camera says they should be seen.
Image codecs::upright(Image stored, int orientation) {
  if (orientation == 1) return stored;
  const bool transposed = orientation >= 5;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  Image seen = stored;
  if (transposed) std::swap(seen.height, seen.width);
  const size_t c = size_t(stored.channels);
  for (int y = 0; y < seen.height; ++y)
    for (int x = 0; x < seen.width; ++x) {
      const int v = flip_y ? seen.height - 1 - y : y, u = flip_x ? seen.width - 1 - x : x;
      const int row = transposed ? u : v, column = transposed ? v : u;
      std::memcpy(&seen.pixels[(size_t(y) * size_t(seen.width) + size_t(x)) * c],
                  &stored.pixels[(size_t(row) * size_t(stored.width) + size_t(column)) * c], c);
    }
  return seen;
}

}  // namespace weft::gan
