// What each picture library does for image.cpp. Every reader calls `check_size` between the header and the first allocation.
#pragma once
#include <csetjmp>
#include <span>
#include <string>

#include "weft/gan/image.h"

namespace weft::gan::codecs {

using Bytes = std::span<const std::byte>;

/// A broken picture, without the file's name; decode_image puts that first.
[[noreturn]] void refuse(const std::string& reason);
void check_size(int64_t width, int64_t height);
/// A whole file. Throws: DataError if it is missing or no plain file, FormatError if it is larger than `limit` bytes, IoError.
std::vector<std::byte> read_bytes(const std::filesystem::path&, uint64_t limit = 512 << 20);
/// (h,w,2) or (h,w,4) with alpha last -> 1 or 3 channels over white, and alpha and straight colours apart unless all is opaque; others stay.
Image over_white(Image);
/// Pixels with alpha as the last channel, as a PNG has them; `pixels` themselves where there is none.
std::vector<uint8_t> with_alpha(const Image&);

/// False if a C library told of an error by longjmp to `state.jump`. What `step` calls must own nothing.
template <class State, class Step>
bool guarded(State& state, Step step) {
  if (setjmp(state.jump)) return false;
  step();
  return true;
}

/// EXIF's orientation, 1 to 8; 1, upright, where nothing is said.
int orientation_in_exif(Bytes tiff);
int orientation_of_png(Bytes file);
int orientation_of_webp(Bytes file);
Image upright(Image stored, int orientation);

// As stored: 1 or 3 channels, with alpha 2 or 4.
Image decode_png(Bytes, TextChunks* text = nullptr);
Image decode_jpeg(Bytes);
Image decode_webp(Bytes);
Image decode_bmp(Bytes);

}  // namespace weft::gan::codecs
