#include "weft/tensor/random_stream.h"

#include "weft/tensor/sha256.h"

namespace weft {

uint64_t stream_key(uint64_t seed, std::string_view name) {
  uint8_t little_endian[8];
  for (int i = 0; i < 8; ++i) little_endian[i] = uint8_t(seed >> (8 * i));
  const auto sum = Sha256().update(little_endian, 8).update(name.data(), name.size()).digest();
  uint64_t key = 0;
  for (int i = 0; i < 8; ++i) key |= uint64_t(sum[size_t(i)]) << (8 * i);
  return key;
}

}  // namespace weft
