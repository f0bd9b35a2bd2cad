// The CRC-32 of PNG and gzip (ISO 3309).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::gan {

inline constexpr auto kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t n = 0; n < 256; ++n) {
    table[n] = n;
    for (int bit = 0; bit < 8; ++bit) table[n] = table[n] >> 1 ^ (table[n] & 1 ? 0xedb88320 : 0);
  }
  return table;
}();

inline uint32_t crc32(std::span<const std::byte> bytes) {
  uint32_t sum = ~0u;
  for (const std::byte b : bytes) sum = sum >> 8 ^ kCrcTable[(sum ^ uint32_t(b)) & 255];
  return ~sum;
}

}  // namespace weft::gan
