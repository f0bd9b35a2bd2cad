// The CRC-32 of PNG and gzip (ISO 3309), and that of TensorBoard's event files (Castagnoli; RFC 3720).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::gan {

constexpr uint32_t iso3309 = 0xedb88320, castagnoli = 0x82f63b78;      // polynomials, their bits reversed

template <uint32_t polynomial>
inline constexpr auto kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t n = 0; n < 256; ++n) {
    table[n] = n;
    for (int bit = 0; bit < 8; ++bit) table[n] = table[n] >> 1 ^ (table[n] & 1 ? polynomial : 0);
  }
  return table;
}();

template <uint32_t polynomial = iso3309>
uint32_t crc32(std::span<const std::byte> bytes) {
  uint32_t sum = ~0u;
  for (const std::byte b : bytes) sum = sum >> 8 ^ kCrcTable<polynomial>[(sum ^ uint32_t(b)) & 255];
  return ~sum;
}

}  // namespace weft::gan
