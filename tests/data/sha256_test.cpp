// SHA-256: the vectors that NIST gives for FIPS 180-4, and two implementations that must agree on every length and every cut.
#include "weft/tensor/sha256.h"

#include <doctest/doctest.h>

#include "sha256_plain.h"

using namespace weft;

namespace {

std::string plain_hex(const std::string& message, size_t cut = 0) {
  PlainSha256 sum;
  sum.update(message.data(), cut);
  sum.update(message.data() + cut, message.size() - cut);
  std::string text;
  for (const uint8_t byte : sum.digest()) text += std::string{"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15]};
  return text;
}

}  // namespace

TEST_CASE("SHA-256: NIST's vectors, by this build's implementation and by the plain one") {
  const std::pair<std::string, const char*> vectors[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {std::string(1000000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
  for (const auto& [message, sum] : vectors) {
    CHECK(sha256_hex(message.data(), message.size()) == sum);
    CHECK(plain_hex(message) == sum);
  }
}

TEST_CASE("SHA-256: this build's implementation and the plain one agree on every length to 300, wherever it is cut") {
  std::string message;
  for (int length = 0; length <= 300; ++length, message += char(length * 37)) {
    const std::string sum = sha256_hex(message.data(), message.size());
    for (const size_t cut : {size_t(0), message.size() / 3, message.size()}) CHECK(plain_hex(message, cut) == sum);
  }
}
