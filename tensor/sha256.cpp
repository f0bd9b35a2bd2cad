#include "weft/tensor/sha256.h"

#ifdef WEFT_HAS_OPENSSL
#include <openssl/evp.h>
#else
#include "sha256_plain.h"
#endif

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "weft/tensor/durable_file.h"

namespace weft {

#ifdef WEFT_HAS_OPENSSL
struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1)
    throw Error("OpenSSL has no SHA-256 to offer");
}

Sha256& Sha256::update(const void* bytes, size_t size) {
  if (size && EVP_DigestUpdate(state_->context, bytes, size) != 1) throw Error("OpenSSL failed to add to a SHA-256");
  return *this;
}

std::array<uint8_t, 32> Sha256::digest() {
  std::array<uint8_t, 32> sum;
  if (EVP_DigestFinal_ex(state_->context, sum.data(), nullptr) != 1) throw Error("OpenSSL failed to end a SHA-256");
  return sum;
}
#else
struct Sha256::State : PlainSha256 {};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256& Sha256::update(const void* bytes, size_t size) { return state_->update(bytes, size), *this; }
std::array<uint8_t, 32> Sha256::digest() { return state_->digest(); }
#endif

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

std::string Sha256::hex() {
  std::string text;
  for (const uint8_t byte : digest()) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string sha256_hex(const void* bytes, size_t size) { return Sha256().update(bytes, size).hex(); }

std::string sha256_of_file(const std::filesystem::path& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) throw_unreadable(path, errno);
  Sha256 sum;
  std::vector<char> block(1u << 18);
  while (const size_t got = std::fread(block.data(), 1, block.size(), file.get())) sum.update(block.data(), got);
  if (std::ferror(file.get())) throw IoError("cannot read " + path.string() + ": " + std::strerror(errno));
  return sum.hex();
}

}  // namespace weft
