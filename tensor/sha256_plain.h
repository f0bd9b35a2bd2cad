// SHA-256 as FIPS 180-4 writes it: for builds without OpenSSL, which does the same several times faster.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace weft {

class PlainSha256 {
 public:
  void update(const void* bytes, size_t size);
  /// Ends the sum: nothing may be added afterwards.
  std::array<uint8_t, 32> digest();

 private:
  void compress(const uint8_t* block);                              // 64 bytes

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_{};                               // the first size_ % 64 of them count
  uint64_t size_ = 0;                                               // bytes so far
};

}  // namespace weft
