// TensorBoard event files, against a decoder of their own here, and against torn and altered ones.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>
#include <vector>

#include "../temporary_folder.h"
#include "gan/image/crc32.h"
#include "weft/gan/event_file.h"

using namespace weft;
namespace fs = std::filesystem;

namespace {

using Folder = weft::testing::TemporaryFolder;

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::set<fs::path> sorted;
  for (const auto& e : fs::directory_iterator(folder)) sorted.insert(e.path());
  return {sorted.begin(), sorted.end()};
}

uint64_t number(const std::string& bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value += uint64_t(uint8_t(bytes.at(at + i))) << (8 * i);
  return value;
}

// CRC-32C by its definition: division of polynomials, a bit at a time.
uint32_t masked_by_definition(const std::string& bytes) {
  uint32_t remainder = 0xffffffff;
  for (const char c : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = (remainder ^ (uint32_t(uint8_t(c)) >> bit)) & 1;
      remainder = (remainder >> 1) ^ (odd ? 0x82f63b78 : 0);
    }
  const uint32_t sum = ~remainder;
  return ((sum >> 15) | (sum << 17)) + 0xa282ead8;
}

std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> all;
  for (size_t at = 0; at < file.size();) {
    const size_t length = number(file, at, 8);
    CHECK(number(file, at + 8, 4) == masked_by_definition(file.substr(at, 8)));
    all.push_back(file.substr(at + 12, length));
    REQUIRE(all.back().size() == length);
    CHECK(number(file, at + 12 + length, 4) == masked_by_definition(all.back()));
    at += 16 + length;
  }
  return all;
}

// "field:wire" -> the value's bytes (a varint's: as 8 bytes, little-endian)
std::map<std::string, std::string> fields(const std::string& message) {
  std::map<std::string, std::string> all;
  size_t at = 0;
  auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = uint8_t(message.at(at++));
      value |= uint64_t(byte % 128) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.size()) {
    const uint64_t key = varint(), wire = key % 8;
    std::string value;
    if (wire == 0) {
      const uint64_t v = varint();
      for (int i = 0; i < 8; ++i) value += char(v >> (8 * i));
    } else {
      const size_t size = wire == 1 ? 8 : wire == 5 ? 4 : size_t(varint());
      value = message.substr(at, size);
      at += size;
    }
    all[std::to_string(key / 8) + ":" + std::to_string(wire)] = value;
  }
  return all;
}

struct Value {
  int64_t step;
  std::map<std::string, std::string> parts;
};
Value value_of(const std::string& event) {
  const auto outer = fields(event);
  return {int64_t(number(outer.at("2:0"), 0, 8)), fields(fields(outer.at("5:2")).at("1:2"))};
}

}  // namespace

TEST_CASE("CRC-32C of the vectors in RFC 3720") {
  const auto crc32c = [](const std::string& bytes) { return gan::crc32<gan::castagnoli>(weft::bytes_of(bytes)); };
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  CHECK(crc32c("") == 0);
}

TEST_CASE("an event file holds what it was given, float32 by float32") {
  const Folder folder;
  const double values[] = {0.1, -1e-40, 3e38, 1e300, -0.0, std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()};
  {
    gan::EventFile file(folder.path);
    for (size_t i = 0; i < std::size(values); ++i) file.scalar("losses/ü", int64_t(i) * 1000003, values[i]);
    file.image("samples", int64_t(1) << 40, std::string("\x89PNG\0\n", 6), 300, 2, 3);
    file.commit();
  }
  REQUIRE(files_in(folder.path).size() == 1);
  const std::vector<std::string> all = records(read_all(files_in(folder.path)[0]));
  REQUIRE(all.size() == std::size(values) + 3);
  CHECK(fields(all[0]).at("3:2") == "brain.Event:2");
  CHECK(number(fields(all[0]).at("2:0"), 0, 8) == 1);
  CHECK(number(fields(all[1]).at("2:0"), 0, 8) == 1);
  double wall = 0;
  std::memcpy(&wall, fields(all[0]).at("1:1").data(), 8);
  CHECK(std::fabs(wall - double(time(nullptr))) < 60);
  for (size_t i = 0; i < std::size(values); ++i) {
    const Value v = value_of(all[i + 2]);
    CHECK(v.step == int64_t(i) * 1000003);
    CHECK(v.parts.at("1:2") == "losses/ü");
    const float expected = float(values[i]);
    CHECK(std::memcmp(v.parts.at("2:5").data(), &expected, 4) == 0);
  }
  const Value picture = value_of(all.back());
  CHECK(picture.step == int64_t(1) << 40);
  const auto image = fields(picture.parts.at("4:2"));
  CHECK(number(image.at("1:0"), 0, 8) == 300);
  CHECK(number(image.at("2:0"), 0, 8) == 2);
  CHECK(number(image.at("3:0"), 0, 8) == 3);
  CHECK(image.at("4:2") == std::string("\x89PNG\0\n", 6));
}

TEST_CASE("every start has a file of its own that sorts last, and opens a session at the step it goes on from") {
  const Folder folder;
  gan::EventFile first(folder.path);
  first.scalar("a", 1, 1);
  first.flush();
  const std::string before = read_all(files_in(folder.path)[0]);
  for (int64_t start = 1; start <= 3; ++start) {     // all within the same second
    gan::EventFile next(folder.path, start * 100);
    next.commit();
    const std::vector<fs::path> all = files_in(folder.path);
    REQUIRE(all.size() == size_t(start) + 1);
    const std::vector<std::string> told = records(read_all(all.back()));
    REQUIRE(told.size() == 2);
    CHECK(number(fields(told[0]).at("2:0"), 0, 8) == uint64_t(start * 100 + 1));
    CHECK(number(fields(told[1]).at("2:0"), 0, 8) == uint64_t(start * 100 + 1));
    CHECK(number(fields(fields(told[1]).at("7:2")).at("1:0"), 0, 8) == 1);      // SessionLog.START
  }
  CHECK(read_all(files_in(folder.path)[0]) == before);
  CHECK_THROWS_AS(gan::EventFile(folder.path / "nowhere"), IoError);
}

TEST_CASE("reading event files: the contents, and every way to be torn or altered") {
  const Folder folder;
  {
    gan::EventFile file(folder.path);
    for (int step = 1; step <= 5; ++step) file.scalar("loss", step * 10, step / 4.0);
    file.image("samples", 50, "png", 1, 1, 1);
  }
  const fs::path path = files_in(folder.path)[0];
  const gan::EventFileContents all = gan::read_event_file(path);
  CHECK(all.records == 8);
  CHECK(!all.torn);
  REQUIRE(all.series.size() == 2);
  const gan::EventSeries& loss = all.series.at("loss");
  CHECK(loss.count == 5);
  CHECK(loss.first_step == 10);
  CHECK(loss.last_step == 50);
  CHECK(loss.last_value == 1.25f);
  CHECK(!loss.images);
  CHECK(all.series.at("samples").images);

  const std::string whole = read_all(path);
  const fs::path other = folder.path / "other";
  auto read = [&](const std::string& bytes) {
    std::ofstream(other, std::ios::binary) << bytes;
    return gan::read_event_file(other);
  };
  const size_t first = 16 + number(whole, 0, 8);
  for (size_t size = 0; size < whole.size(); ++size) {
    if (size < first) {
      CHECK_THROWS_AS(read(whole.substr(0, size)), FormatError);
    } else {
      const gan::EventFileContents part = read(whole.substr(0, size));
      const bool at_an_end = [&] { size_t at = 0; while (at < size) at += 16 + number(whole, at, 8); return at == size; }();
      CHECK(part.torn == !at_an_end);
      CHECK(part.records < all.records);
    }
  }
  for (size_t at = first; at < whole.size(); ++at) {   // one bit of any byte altered is noticed
    std::string bytes = whole;
    bytes[at] = char(bytes[at] ^ 1 << at % 8);
    CHECK(read(bytes).torn);
  }
  CHECK_THROWS_AS(read("not an event file at all"), FormatError);
  CHECK_THROWS_AS(gan::read_event_file(folder.path / "none"), DataError);
}
