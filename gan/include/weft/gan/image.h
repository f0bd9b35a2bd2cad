// Pictures in memory: decoding, fitting, and PNG files that remember how they were made.
// PNG is read by libpng (stb_image without it), JPEG by libjpeg-turbo, WebP by libwebp, BMP by stb_image; the bytes decide, not the file's name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weft::gan {

struct Image {
  int height = 0, width = 0, channels = 0;       // 1: grey, 3: sRGB
  std::vector<uint8_t> pixels;                   // (height, width, channels)
  std::vector<uint8_t> alpha = {};               // (height, width), 255 is opaque; empty: all of it is
  std::vector<uint8_t> straight = {};            // as `pixels`, before they were laid over white; empty: not known
};

/// Throws DataError, with `what` first, unless it has pixels: sides of 1 or more, 1 or 3 channels, as many bytes as they say. All that takes a picture
/// looks, where a wrong one would read beyond its bytes.
void expect_picture(const char* what, const Image&);

constexpr int kMaxImageSide = 16384;
constexpr int64_t kMaxImagePixels = 64 << 20;

/// By its ending: .png, .jpg, .jpeg, .webp or .bmp, in either case.
bool is_picture(const std::filesystem::path&);
/// One or three channels, as the file has them. Alpha is laid over white and kept beside, as are the colours before, 16 bits become 8, CMYK
/// becomes RGB, and an EXIF orientation is applied; colour profiles are not. Size limits are checked on the header, before memory is asked for.
/// Throws: FormatError, with `what` first, if this is no picture, or a broken, too large or animated one.
Image decode_image(std::span<const std::byte> file, const std::string& what = "image");
/// Throws also DataError if there is no such file.
Image read_image(const std::filesystem::path&);

using TextChunks = std::vector<std::pair<std::string, std::string>>;    // key (1 to 79 Latin-1 characters), UTF-8 text
/// A picture with alpha is laid off white again: where its pixels are what `straight` gives, by the very bytes of `straight`.
/// @param dpi  print size, pixels an inch; 0: none is said
std::string encode_png(const Image&, const TextChunks& = {}, double dpi = 0);
/// Durable and all or nothing. Throws IoError.
void write_png(const std::filesystem::path&, const Image&, const TextChunks& = {}, double dpi = 0);
/// What `write_png` was told. Throws DataError, FormatError.
TextChunks read_png_text(const std::filesystem::path&);

/// `to` as transparent as `from`, of the same size and as many channels.
void take_alpha(Image& to, const Image& from);
/// 3 -> 1 by ITU-R BT.601 luma (299, 587, 114 thousandths, rounded); 1 -> 3 by repetition.
Image with_channels(const Image&, int channels);
// What follows does not carry alpha along, unless there is nothing to do.
/// The middle of it. Throws ShapeError for sizes beyond the picture's, or below 1.
Image centre_crop(const Image&, int height, int width);
/// Separable triangle filter, widened by the reduction so that nothing aliases; edges by renormalisation; rounds half to even.
Image resized(const Image&, int height, int width);
/// The same with its alpha.
Image resized_with_alpha(const Image&, int height, int width);
enum class Fit {
  crop,                                          // the largest centred window of that shape
  fit,                                           // all of it, stretched
  pad                                            // all of it in its own shape, between borders
};
/// height x width by one of these; `fill` is the borders' value, 0 to 255.
Image fit_into(const Image&, int height, int width, Fit = Fit::crop, uint8_t fill = 255);

}  // namespace weft::gan
