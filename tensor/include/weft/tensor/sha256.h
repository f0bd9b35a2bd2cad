// SHA-256, by OpenSSL where the build found it. Users can check our sums with plain `sha256sum -c`.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace weft {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  Sha256& update(const void* bytes, size_t size);
  /// Ends the sum: nothing may be added afterwards.
  std::array<uint8_t, 32> digest();
  std::string hex();                                               // 64 lower-case digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(const void* bytes, size_t size);
/// Throws: DataError if there is no such file, IoError if it cannot be read or no more files can be opened.
std::string sha256_of_file(const std::filesystem::path&);

}  // namespace weft
