// By zlib, or where that is missing by stb_image's inflater, with the wrapper read here.
#include "gzip.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "weft/kernels/error.h"

#ifdef WEFT_HAS_ZLIB
#include <zlib.h>
#else
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#include <stb_image.h>

#include "image/crc32.h"
#endif

namespace weft::gan {

bool is_gzip(std::span<const std::byte> file) { return file.size() >= 2 && file[0] == std::byte(0x1f) && file[1] == std::byte(0x8b); }

#ifdef WEFT_HAS_ZLIB
std::vector<std::byte> gunzip(std::span<const std::byte> file, size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw OutOfMemory("zlib could not start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, inflateEnd);
  std::vector<std::byte> out;
  for (size_t used = 0, size = 0;;) {
    constexpr size_t block = 1 << 20;
    const size_t given = std::min(file.size() - used, block), room = std::min(limit - size, block);
    if (out.size() < size + room) out.resize(std::max(size + room, std::min(limit, 2 * size)));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(file.data() + used)), stream.avail_in = uInt(given);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size), stream.avail_out = uInt(room);
    const int code = inflate(&stream, Z_NO_FLUSH);
    used += given - stream.avail_in, size += room - stream.avail_out;
    const bool another = code == Z_STREAM_END && is_gzip(file.subspan(used));           // files may be joined end to end
    if (size == limit || (code == Z_STREAM_END && !another)) return out.resize(size), out;
    if (another) inflateReset(&stream);
    else if (code == Z_BUF_ERROR || (code == Z_OK && used == file.size() && stream.avail_out)) throw FormatError("broken gzip data (the file ends too soon)");
    else if (code != Z_OK) throw FormatError(std::string("broken gzip data (") + (stream.msg ? stream.msg : "inflate failed") + ")");
  }
}
#else
std::vector<std::byte> gunzip(std::span<const std::byte> file, size_t limit) {
  const auto check = [](bool good, const char* reason) { if (!good) throw FormatError(std::string("broken gzip data (") + reason + ")"); };
  const auto little_endian = [&](size_t at, int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; ++i) v |= uint32_t(file[at + size_t(i)]) << 8 * i;
    return v;
  };
  check(file.size() >= 18 && is_gzip(file) && file[2] == std::byte(8), "no gzip header");
  const unsigned flags = unsigned(file[3]);
  size_t at = 10;
  if (flags & 4) at += 2 + little_endian(at, 2);                                        // extra field
  for (const unsigned text : {8u, 16u})                                                 // name, comment: each ends with a 0
    if (flags & text) at = size_t(std::find(file.begin() + ptrdiff_t(std::min(at, file.size())), file.end(), std::byte(0)) - file.begin()) + 1;
  if (flags & 2) at += 2;                                                               // the header's own checksum
  check(at + 8 <= file.size() && file.size() < size_t(INT32_MAX), "the file ends too soon");
  const size_t deflated = file.size() - 8 - at, size = little_endian(file.size() - 4, 4);
  check(size <= 1032 * deflated && size < size_t(INT32_MAX), "its length is impossible");     // deflate's best ratio
  std::vector<std::byte> out(size + 1);                                                 // stb wants room, even for nothing
  const int got = stbi_zlib_decode_noheader_buffer(reinterpret_cast<char*>(out.data()), int(out.size()),
                                                   reinterpret_cast<const char*>(file.data() + at), int(file.size() - at));   // to the end: it looks ahead
  check(got >= 0 && size_t(got) == size, "it does not inflate to its length");
  out.resize(size);
  check(crc32(out) == little_endian(file.size() - 8, 4), "its checksum is wrong");
  out.resize(std::min(size, limit));
  return out;
}
#endif

}  // namespace weft::gan
