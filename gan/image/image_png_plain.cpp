// PNG where libpng is not. stb_image reads the pixels and stb_image_write deflates them; the chunks around them are walked and
// written here, because stb checks no sum, bounds no inflation and knows no text.   https://www.w3.org/TR/png-3
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384
#include <stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "crc32.h"
#include "image_codecs.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

using codecs::Bytes;
using codecs::refuse;

std::string big_endian(uint32_t v) { return {char(v >> 24), char(v >> 16), char(v >> 8), char(v)}; }
uint32_t number(Bytes b) { return uint32_t(b[0]) << 24 | uint32_t(b[1]) << 16 | uint32_t(b[2]) << 8 | uint32_t(b[3]); }
std::string as_text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

struct Chunk {
  std::string type;
  Bytes data;
};

/// Takes the first chunk off `file`.
Chunk next_chunk(Bytes& file) {
  if (file.size() < 12 || number(file) > file.size() - 12) refuse("the file ends too soon");
  const size_t length = number(file);
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION              // a fuzzer cannot guess sums
  if (crc32(file.subspan(4, 4 + length)) != number(file.subspan(8 + length))) refuse("a chunk's checksum is wrong");
#endif
  const Chunk chunk{as_text(file.subspan(4, 4)), file.subspan(8, length)};
  file = file.subspan(12 + length);
  return chunk;
}

/// At most `limit` bytes, or nothing if there are more, or if `data` is broken.
std::string inflated(Bytes data, size_t limit) {
  std::string out(limit, '\0');
  const int size = stbi_zlib_decode_buffer(out.data(), int(limit), reinterpret_cast<const char*>(data.data()), int(data.size()));
  out.resize(size_t(std::max(size, 0)));
  return out;
}

/// tEXt: key, 0, text. zTXt: key, 0, method, deflated. iTXt: key, 0, deflated?, method, language, 0, translated key, 0, text.
void take_text(const Chunk& chunk, TextChunks& text) {
  const bool international = chunk.type == "iTXt";
  const std::string all = as_text(chunk.data);
  const size_t key = all.find('\0');
  size_t at = key + (chunk.type == "tEXt" ? 1 : international ? 3 : 2);
  if (key == std::string::npos || at > all.size()) return;
  for (int part = 0; international && part < 2; ++part)
    if ((at = all.find('\0', at)) == std::string::npos) return;
    else ++at;
  const bool deflated = chunk.type == "zTXt" || (international && all[key + 1]);
  text.emplace_back(all.substr(0, key), deflated ? inflated(chunk.data.subspan(at), 4 << 20) : all.substr(at));
}

std::string written_chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  return big_endian(uint32_t(data.size())) + body + big_endian(crc32(std::as_bytes(std::span(body))));
}

}  // namespace

Image codecs::decode_png(Bytes file, TextChunks* text) {
  Bytes rest = file.subspan(std::min<size_t>(file.size(), 8));
  const Chunk header = next_chunk(rest);
  if (header.type != "IHDR" || header.data.size() != 13) refuse("a PNG that does not begin with its header");
  const int64_t width = number(header.data), height = number(header.data.subspan(4));
  check_size(width, height);
  const int depth = int(header.data[8]), colour = int(header.data[9]);
  const int64_t channels = colour == 2 ? 3 : colour == 4 ? 2 : colour == 6 ? 4 : 1, row_bytes = (width * channels * depth + 7) / 8;
  if (row_bytes * height / 1032 > int64_t(file.size()))                               // deflate's best ratio
    refuse("the file is too short for " + std::to_string(width) + "x" + std::to_string(height) + " pixels");

  std::vector<std::byte> deflated, kept(file.data(), rest.data());
  for (Chunk chunk; chunk.type != "IEND";) {
    const auto* start = rest.data();
    chunk = next_chunk(rest);
    if (chunk.type != "IDAT" || !chunk.data.empty()) kept.insert(kept.end(), start, rest.data());    // an empty one has stb copy to nullptr
    if (chunk.type == "IDAT") deflated.insert(deflated.end(), chunk.data.begin(), chunk.data.end());
    if (text && (chunk.type == "tEXt" || chunk.type == "zTXt" || chunk.type == "iTXt")) take_text(chunk, *text);
  }
  // stb would inflate a bomb as far as it goes. Interlaced, there are up to 2 height + 7 rows, a filter byte and a part of a byte each.
  if (inflated(deflated, size_t(row_bytes * height + 4 * height + 14)).empty()) refuse("its pixels are broken, too few or too many");

  int w = 0, h = 0, n = 0;
  const auto* data = reinterpret_cast<const stbi_uc*>(kept.data());
  const int size = int(std::min<size_t>(kept.size(), INT32_MAX));
  Image image{int(height), int(width), 0, {}};
  if (depth == 16) {
    const std::unique_ptr<stbi_us, void (*)(void*)> pixels(stbi_load_16_from_memory(data, size, &w, &h, &n, 0), stbi_image_free);
    if (!pixels) refuse(std::string("a broken PNG (") + stbi_failure_reason() + ")");
    image.pixels.resize(size_t(w) * size_t(h) * size_t(n));
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = uint8_t((uint32_t(pixels.get()[i]) * 255 + 32895) >> 16);     // rounded
  } else {
    const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(stbi_load_from_memory(data, size, &w, &h, &n, 0), stbi_image_free);
    if (!pixels) refuse(std::string("a broken PNG (") + stbi_failure_reason() + ")");
    image.pixels.assign(pixels.get(), pixels.get() + size_t(w) * size_t(h) * size_t(n));
  }
  image.channels = n;
  return image;
}

std::string encode_png(const Image& image, const TextChunks& text, double dpi) {
  int size = 0;
  const std::unique_ptr<unsigned char, void (*)(void*)> file(
      stbi_write_png_to_mem(codecs::with_alpha(image).data(), 0, image.width, image.height, image.channels + !image.alpha.empty(), &size), std::free);
  if (!file) throw OutOfMemory("no memory for a PNG of " + std::to_string(image.width) + "x" + std::to_string(image.height) + " pixels");
  const char* bytes = reinterpret_cast<const char*>(file.get());
  constexpr size_t header = 8 + 25;                                                    // signature and IHDR
  std::string out(bytes, header);
  if (dpi > 0) {
    const uint32_t metre = uint32_t(std::lround(dpi / 0.0254));
    const std::string both{char(metre >> 24), char(metre >> 16), char(metre >> 8), char(metre)};
    out += written_chunk("pHYs", both + both + '\1');
  }
  for (const auto& [key, value] : text) {
    const bool ascii = std::all_of(value.begin(), value.end(), [](char c) { return c > 0 && c < 0x7f; });
    out += ascii ? written_chunk("tEXt", key + '\0' + value) : written_chunk("iTXt", key + std::string(5, '\0') + value);
  }
  return out.append(bytes + header, size_t(size) - header);
}

}  // namespace weft::gan
