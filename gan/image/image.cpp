#include "weft/gan/image.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

#include "image_codecs.h"
#include "weft/kernels/error.h"
#include "weft/tensor/durable_file.h"

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

void expect_picture(const char* what, const Image& p) {
  const size_t count = size_t(std::max(0, p.height)) * size_t(std::max(0, p.width));
  if (count > 0 && (p.channels == 1 || p.channels == 3) && p.pixels.size() == count * size_t(p.channels) && (p.alpha.empty() || p.alpha.size() == count)) return;
  throw DataError(std::string(what) + ": takes a picture of 1x1 pixels or more, grey (1 channel) or colour (3), a byte for each; came " + std::to_string(p.width) + "x" +
                  std::to_string(p.height) + " with " + std::to_string(p.channels) + " channels in " + std::to_string(p.pixels.size()) + " bytes" +
                  (p.alpha.empty() ? "" : " and " + std::to_string(p.alpha.size()) + " of alpha"));
}

void codecs::refuse(const std::string& reason) { throw FormatError(reason); }

void codecs::check_size(int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > kMaxImageSide || height > kMaxImageSide || width * height > kMaxImagePixels)
    refuse(std::to_string(width) + "x" + std::to_string(height) + " pixels; sides up to " + std::to_string(kMaxImageSide) + " and " +
           std::to_string(kMaxImagePixels >> 20) + " Mi pixels in all are read");
}

namespace {

uint8_t over_white(int straight, int alpha) { return uint8_t((straight * alpha + 255 * (255 - alpha) + 127) / 255); }

/// What comes to `pixel` over white, as nearly as eight bits have it.
uint8_t off_white(int pixel, int alpha) { return alpha == 0 ? uint8_t(pixel) : uint8_t(std::max(0, 255 - ((255 - pixel) * 255 + alpha / 2) / alpha)); }

}  // namespace

Image codecs::over_white(Image image) {
  if (image.channels % 2) return image;
  const size_t from = size_t(image.channels), to = from - 1, count = image.pixels.size() / from;
  image.alpha.resize(count);
  image.straight.resize(count * to);
  for (size_t i = 0; i < count; ++i) {
    image.alpha[i] = image.pixels[i * from + to];
    std::copy_n(&image.pixels[i * from], to, &image.straight[i * to]);
    for (size_t k = i * to; k < i * to + to; ++k) image.pixels[k] = gan::over_white(image.straight[k], image.alpha[i]);
  }
  image.pixels.resize(count * to);
  image.channels = int(to);
  if (std::all_of(image.alpha.begin(), image.alpha.end(), [](uint8_t a) { return a == 255; })) image.alpha = image.straight = {};
  return image;
}

std::vector<uint8_t> codecs::with_alpha(const Image& image) {
  expect_picture("encode_png", image);
  if (image.alpha.empty()) return image.pixels;
  const size_t from = size_t(image.channels), to = from + 1;
  const bool known = image.straight.size() == image.pixels.size();
  std::vector<uint8_t> all(image.alpha.size() * to);
  for (size_t i = 0; i < image.alpha.size(); ++i) {
    const uint8_t *pixel = &image.pixels[i * from], *straight = known ? &image.straight[i * from] : pixel, alpha = image.alpha[i];
    bool same = known;
    for (size_t k = 0; k < from; ++k) same = same && pixel[k] == gan::over_white(straight[k], alpha);
    for (size_t k = 0; k < from; ++k) all[i * to + k] = same ? straight[k] : off_white(pixel[k], alpha);
    all[i * to + from] = alpha;
  }
  return all;
}

std::vector<std::byte> codecs::read_bytes(const std::filesystem::path& path, uint64_t limit) {
  std::error_code trouble;
  if (!std::filesystem::is_regular_file(path, trouble))
    throw DataError(path.string() + ": " + (trouble ? trouble.message() : std::filesystem::exists(path) ? "not a plain file" : "no such file"));
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw DataError("cannot open " + path.string() + ": " + std::strerror(errno));
  const auto size = std::filesystem::file_size(path, trouble);
  if (trouble || size > limit) throw FormatError(path.string() + ": more than " + std::to_string(limit >> 20) + " MiB, which nothing of its kind needs");
  std::vector<std::byte> bytes(size);
  if (std::fread(bytes.data(), 1, size, file.get()) != size) throw IoError("cannot read " + path.string() + ": " + std::strerror(errno));
  return bytes;
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
  return image;
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
  height = height < 0 && height > -kMaxImageSide ? -height : height;                       // negative: rows run downward
  check_size(width, height);
  const auto number = [&](size_t at) { return data[at] + 256 * data[at + 1]; };
  if (file.size() < 30) refuse("a broken BMP header");
  const int64_t row_bits = int64_t(width) * number(number(14) == 12 ? 24 : 28);           // the old header is shorter
  if (number(10) + (int64_t(number(12)) << 16) + (row_bits + 31) / 32 * 4 * height > int64_t(file.size())) refuse("the file ends too soon");
  const int kept = channels == 4 ? 4 : 3;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(stbi_load_from_memory(data, int(file.size()), &width, &height, &channels, kept), stbi_image_free);
  if (!pixels) refuse("a broken BMP");
  return {height, width, kept, std::vector<uint8_t>(pixels.get(), pixels.get() + size_t(width) * size_t(height) * size_t(kept))};
#else
  (void)file;
  refuse("this build of weft has no BMP reader (stb_image)");
#endif
}

namespace {

std::string first_bytes(std::span<const std::byte> file) {
  std::string text;
  for (size_t i = 0; i < file.size() && i < 12; ++i) {
    const int c = int(file[i]);
    char shown[8];
    std::snprintf(shown, sizeof shown, c >= 0x20 && c < 0x7f ? "%c" : "\\x%02x", c);
    text += shown;
  }
  return text;
}

/// For each output position the inputs it mixes: taps [first[i], first[i] + weights.size() / n), triangle filter.
struct Taps {
  size_t width;
  std::vector<int> first;                        // (n)
  std::vector<float> weights;                    // (n, width), zero where a row needs fewer
};

Taps triangle_taps(int from, int to) {
  const double scale = double(from) / to, reach = std::max(1.0, scale);
  Taps taps{size_t(std::min<double>(from, std::ceil(reach) * 2 + 1)), {}, {}};
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int begin = std::clamp(int(std::floor(centre - reach)), 0, from - int(taps.width));
    std::vector<double> row(taps.width);
    double sum = 0;
    for (size_t t = 0; t < taps.width; ++t) sum += row[t] = std::max(0.0, 1 - std::abs(begin + double(t) + 0.5 - centre) / reach);
    taps.first.push_back(begin);
    for (const double w : row) taps.weights.push_back(float(w / sum));
  }
  return taps;
}

}  // namespace

bool is_picture(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? char(c + 32) : c;
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg" || ending == ".webp" || ending == ".bmp";
}

Image decode_image(std::span<const std::byte> file, const std::string& what) {
  const auto starts = [&](size_t at, const char* magic, size_t n) { return file.size() >= at + n && std::memcmp(file.data() + at, magic, n) == 0; };
  try {
    if (starts(0, "\x89PNG\r\n\x1a\n", 8)) return codecs::over_white(codecs::upright(codecs::decode_png(file), codecs::orientation_of_png(file)));
    if (starts(0, "\xff\xd8\xff", 3)) return codecs::decode_jpeg(file);
    if (starts(0, "RIFF", 4) && starts(8, "WEBP", 4)) return codecs::over_white(codecs::upright(codecs::decode_webp(file), codecs::orientation_of_webp(file)));
    if (starts(0, "BM", 2)) return codecs::over_white(codecs::decode_bmp(file));
  } catch (const FormatError& reason) {
    throw FormatError(what + ": " + reason.what());
  }
  if (file.empty()) throw FormatError(what + ": is empty");
  throw FormatError(what + ": is not a PNG, JPEG, WebP or BMP image (starts with \"" + first_bytes(file) + "\")");
}

Image read_image(const std::filesystem::path& path) { return decode_image(codecs::read_bytes(path), path.string()); }

void write_png(const std::filesystem::path& path, const Image& image, const TextChunks& text, double dpi) {
  write_file_atomically(path, encode_png(image, text, dpi));
}

TextChunks read_png_text(const std::filesystem::path& path) {
  TextChunks text;
  const std::vector<std::byte> file = codecs::read_bytes(path);
  if (file.size() < 8 || std::memcmp(file.data(), "\x89PNG", 4) != 0) throw FormatError(path.string() + ": is not a PNG image");
  try {
    codecs::decode_png(file, &text);
  } catch (const FormatError& reason) {
    throw FormatError(path.string() + ": " + reason.what());
  }
  return text;
}

void take_alpha(Image& to, const Image& from) { to.alpha = from.alpha, to.straight = from.straight; }

Image with_channels(const Image& image, int channels) {
  expect_picture("with_channels", image);
  if (image.channels == channels) return image;
  const auto converted = [&](const std::vector<uint8_t>& pixels) {
    const size_t count = pixels.size() / size_t(image.channels);
    std::vector<uint8_t> out(count * size_t(channels));
    for (size_t i = 0; i < count; ++i) {
      const uint8_t* p = &pixels[i * size_t(image.channels)];
      if (channels == 1) out[i] = uint8_t((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
      else std::memset(&out[3 * i], p[0], 3);
    }
    return out;
  };
  return {image.height, image.width, channels, converted(image.pixels), image.alpha, converted(image.straight)};
}

Image centre_crop(const Image& image, int height, int width) {
  expect_picture("centre_crop", image);
  if (height < 1 || width < 1 || height > image.height || width > image.width)
    throw ShapeError("centre_crop: " + std::to_string(width) + "x" + std::to_string(height) + " pixels of a picture of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                     "; resized makes it larger");
  const size_t top = size_t(image.height - height) / 2, left = size_t(image.width - width) / 2, c = size_t(image.channels);
  Image out{height, width, image.channels, std::vector<uint8_t>(size_t(height) * size_t(width) * c)};
  for (size_t y = 0; y < size_t(height); ++y)
    std::memcpy(&out.pixels[y * size_t(width) * c], &image.pixels[((top + y) * size_t(image.width) + left) * c], size_t(width) * c);
  return out;
}

Image resized(const Image& image, int height, int width) {
  expect_picture("resized", image);
  if (height == image.height && width == image.width) return image;
  const size_t c = size_t(image.channels), h = size_t(height), w = size_t(width), source_w = size_t(image.width);
  const Taps across = triangle_taps(image.width, width), down = triangle_taps(image.height, height);

  std::vector<float> rows(size_t(image.height) * w * c);                  // (image.height, width, c)
  for (size_t y = 0; y < size_t(image.height); ++y)
    for (size_t x = 0; x < w; ++x)
      for (size_t k = 0; k < c; ++k) {
        const uint8_t* p = &image.pixels[(y * source_w + size_t(across.first[x])) * c + k];
        float sum = 0;
        for (size_t t = 0; t < across.width; ++t) sum += across.weights[x * across.width + t] * float(p[t * c]);
        rows[(y * w + x) * c + k] = sum;
      }

  Image out{height, width, image.channels, std::vector<uint8_t>(h * w * c)};
  std::vector<float> line(w * c);
  for (size_t y = 0; y < h; ++y) {
    std::fill(line.begin(), line.end(), 0.0f);
    for (size_t t = 0; t < down.width; ++t) {
      const float weight = down.weights[y * down.width + t];
      const float* p = &rows[(size_t(down.first[y]) + t) * w * c];
      for (size_t i = 0; i < w * c; ++i) line[i] += weight * p[i];
    }
    for (size_t i = 0; i < w * c; ++i) out.pixels[y * w * c + i] = uint8_t(std::clamp(std::nearbyint(line[i]), 0.0f, 255.0f));
  }
  return out;
}

Image resized_with_alpha(const Image& image, int height, int width) {
  Image result = resized(image, height, width);
  if (!image.alpha.empty()) result.alpha = resized({image.height, image.width, 1, image.alpha}, height, width).pixels;
  return result;
}

Image fit_into(const Image& image, int height, int width, Fit fit, uint8_t fill) {
  if (fit == Fit::fit) return resized(image, height, width);
  const bool wider = int64_t(image.width) * height > int64_t(image.height) * width;       // than what it is to become
  const auto share = [](int64_t of, int64_t part, int64_t whole) { return std::max(1, int((of * part * 2 + whole) / (2 * whole))); };     // halves upward
  if (fit == Fit::crop)
    return resized(wider ? centre_crop(image, image.height, share(image.height, width, height)) : centre_crop(image, share(image.width, height, width), image.width), height, width);
  const int64_t part = wider ? width : height, whole = wider ? image.width : image.height;
  const Image small = resized(image, share(image.height, part, whole), share(image.width, part, whole));
  const size_t c = size_t(image.channels), row = size_t(small.width) * c, top = size_t(height - small.height) / 2, left = size_t(width - small.width) / 2;
  Image out{height, width, image.channels, std::vector<uint8_t>(size_t(height) * size_t(width) * c, fill)};
  for (size_t y = 0; y < size_t(small.height); ++y) std::memcpy(&out.pixels[((top + y) * size_t(width) + left) * c], &small.pixels[y * row], row);
  return out;
}

}  // namespace weft::gan
