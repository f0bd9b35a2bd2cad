// Named streams of random numbers. A stream is a Philox key; there is no state to save, only the counters that callers hold.
#pragma once
#include <cstdint>
#include <string_view>

namespace weft {

/// First 8 bytes, little-endian, of SHA-256(seed as 8 little-endian bytes, then the name). Streams of two names, or of two
/// seeds, share nothing; the same pair is the same stream on every machine.
uint64_t stream_key(uint64_t seed, std::string_view name);

}  // namespace weft
