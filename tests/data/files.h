// Files for tests, written byte by byte: PNG by its own rules and zlib, IDX, and a folder that goes away.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "../temporary_folder.h"

namespace weft::testing {

inline std::string big_endian(uint32_t v) { return {char(v >> 24), char(v >> 16), char(v >> 8), char(v)}; }

inline std::span<const std::byte> as_bytes(const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); }

inline std::string deflated(const std::string& raw) {
  uLongf size = compressBound(uLong(raw.size()));
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(raw.data()), uLong(raw.size()));
  out.resize(size);
  return out;
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  return big_endian(uint32_t(data.size())) + body + big_endian(uint32_t(crc32(0, reinterpret_cast<const Bytef*>(body.data()), uInt(body.size()))));
}

/// colour: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. `rows` is unfiltered: each row starts with a 0.
inline std::string png_file(uint32_t width, uint32_t height, int depth, int colour, const std::string& rows, const std::string& between = "") {
  const std::string header = big_endian(width) + big_endian(height) + std::string{char(depth), char(colour), 0, 0, 0};
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + between + png_chunk("IDAT", deflated(rows)) + png_chunk("IEND", "");
}

inline std::string grey_png(int width, int height, int value) {
  std::string rows;
  for (int y = 0; y < height; ++y) rows += std::string(1, '\0') + std::string(size_t(width), char(value));
  return png_file(uint32_t(width), uint32_t(height), 8, 0, rows);
}

inline void write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

inline void write_gzip(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), unsigned(bytes.size()));
  gzclose(file);
}

}  // namespace weft::testing
