#include "weft/gan/image.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "image_codecs.h"
#include "weft/kernels/error.h"
#include "weft/tensor/file.h"

#ifdef WEFT_HAS_WEBP
#include <webp/decode.h>
#endif
#ifdef WEFT_HAS_STB
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_BMP                            // its JPEG reader writes out of bounds in Debian's 2.27; GIF, PSD, HDR no better
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384
#include <stb_image.h>
#endif

namespace weft::gan {

void codecs::refuse(const std::string& reason) { throw FormatError(reason); }

void codecs::check_size(int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kMaxImageSide || height > kMaxImageSide || width * height > kMaxImagePixels)
    refuse(std::to_string(width) + "x" + std::to_string(height) + " pixels; sides up to " + std::to_string(kMaxImageSide) + " and " +
           std::to_string(kMaxImagePixels >> 20) + " Mi pixels in all are read");
}

Image codecs::over_white(Image image) {
  if (image.channels % 2) return image;
  const size_t from = size_t(image.channels), to = from - 1, count = image.pixels.size() / from;
  for (size_t i = 0; i < count; ++i) {
    const int alpha = image.pixels[i * from + to];
    for (size_t k = 0; k < to; ++k)
      image.pixels[i * to + k] = uint8_t((image.pixels[i * from + k] * alpha + 255 * (255 - alpha) + 127) / 255);
  }
  image.pixels.resize(count * to);
  image.channels = int(to);
  return image;
}

Image codecs::decode_webp(Bytes file) {
#ifdef WEFT_HAS_WEBP
  const auto* data = reinterpret_cast<const uint8_t*>(file.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, file.size(), &features) != VP8_STATUS_OK) refuse("a broken WebP header");
  check_size(features.width, features.height);
  if (features.has_animation) refuse("an animated WebP; save one frame of it");
  Image image{features.height, features.width, features.has_alpha ? 4 : 3, {}};
  const int row_bytes = image.width * image.channels;
  image.pixels.resize(size_t(row_bytes) * size_t(image.height));
  const auto decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(data, file.size(), image.pixels.data(), image.pixels.size(), row_bytes)) refuse("a broken or cut WebP");
  return over_white(std::move(image));
#else
  (void)file;
  refuse("this build of weft has no WebP reader (libwebp)");
#endif
}

Image codecs::decode_bmp(Bytes file) {
#ifdef WEFT_HAS_STB
  const auto* data = reinterpret_cast<const stbi_uc*>(file.data());
  int width = 0, height = 0, channels = 0;
  if (file.size() > size_t(INT32_MAX) || !stbi_info_from_memory(data, int(file.size()), &width, &height, &channels)) refuse("a broken BMP header");
  check_size(width, height);
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(stbi_load_from_memory(data, int(file.size()), &width, &height, &channels, 3), stbi_image_free);
  if (!pixels) refuse("a broken BMP");
  return {height, width, 3, std::vector<uint8_t>(pixels.get(), pixels.get() + size_t(width) * size_t(height) * 3)};
#else
  (void)file;
  refuse("this build of weft has no BMP reader (stb_image)");
#endif
}
