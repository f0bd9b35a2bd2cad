// Every rule of the format, broken once. The cases follow the reference reader's checks (huggingface/safetensors, tensor.rs, in
// their order) and the traps of JSON parsers; the bytes are our own.
#include "weft/tensor/safetensors.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "files.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/durable_file.h"
#include "weft/tensor/random_stream.h"
#include "weft/tensor/sha256.h"

using namespace weft;
using weft::testing::as_bytes;

namespace {

std::string little_endian(uint64_t v) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += char(v >> (8 * i));
  return out;
}

std::string file_of(const std::string& json, size_t data_bytes = 0) { return little_endian(json.size()) + json + std::string(data_bytes, '\1'); }

std::string tensor_json(const std::string& name, const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{" + tensor_json("t", dtype, shape, offsets) + "}";
}

/// What the reader says, or "" if it takes the file.
std::string complaint(const std::string& file, const SafetensorsLimits& limits = {}) {
  try {
    parse_safetensors(as_bytes(file), limits, "f");
    return "";
  } catch (const FormatError& e) {
    return e.what();
  }
}

template <class T>
HostTensor tensor_of(FileDType dtype, const std::vector<int64_t>& shape, const std::vector<T>& values) {
  HostTensor t{dtype, shape, std::vector<std::byte>(values.size() * sizeof(T))};
  if (!values.empty()) std::memcpy(t.bytes.data(), values.data(), t.bytes.size());
  return t;
}

struct Case {
  const char* name;
  std::string file;
  const char* says;
};

const std::string quad = one("F32", "[1]", "[0,4]");

std::vector<Case> broken_files() {
  const std::string wraps = "[4294967296,4294967296]";
  std::string deep = "{\"t\":", long_number = "1";
  for (int i = 0; i < 100000; ++i) deep += "[";
  for (int i = 0; i < 400; ++i) long_number += "0";
  return {
      {"nothing", "", "too few"},
      {"seven bytes", "1234567", "too few"},
      {"only a length", little_endian(0), "does not start with '{'"},
      {"length beyond the format", little_endian(100'000'001) + "{}", "claims a header of 100000001"},
      {"length of 2^64-1", little_endian(~uint64_t(0)) + "{}", "claims a header of 18446744073709551615"},
      {"length of 2^63", little_endian(uint64_t(1) << 63) + "{}", "claims a header"},
      {"length beyond the file", little_endian(3) + "{}", "only 2 follow"},
      {"not UTF-8", file_of("{\"\xff\":" + quad.substr(5), 4), "not valid UTF-8 JSON"},
      {"surrogate half in UTF-8", file_of("{\"\xed\xa0\x80\":" + quad.substr(5), 4), "not valid UTF-8 JSON"},
      {"lone escaped surrogate", file_of("{\"\\ud800\":" + quad.substr(5), 4), "not valid UTF-8 JSON"},
      {"not JSON", file_of("{not json}"), "not valid UTF-8 JSON"},
      {"cut JSON", file_of(quad.substr(0, quad.size() - 1), 4), "not valid UTF-8 JSON"},
      {"an array", file_of("[]"), "does not start with '{'"},
      {"a byte-order mark", file_of("\xef\xbb\xbf" + quad, 4), "does not start with '{'"},
      {"a comment", file_of("{/**/}"), "not valid UTF-8 JSON"},
      {"a second object", file_of("{}{}"), "not valid UTF-8 JSON"},
      {"a zero byte ends no header", file_of(std::string("{}\0", 3) + "junk"), "control character"},
      {"zero bytes as padding", file_of(quad + std::string(4, '\0'), 4), "control character"},
      {"a number as a tensor", file_of("{\"t\":1}"), "must be an object; found a number"},
      {"null as a tensor", file_of("{\"t\":null}"), "must be an object; found null"},
      {"deep nesting", file_of(deep), "must be an object; found an array"},
      {"nesting in a shape", file_of(one("F32", "[[1]]", "[0,4]"), 4), "found an array"},
      {"an object in an entry", file_of("{\"t\":{\"dtype\":{}}}"), "cannot be an object"},
      {"no dtype", file_of("{\"t\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4), "all needed"},
      {"no shape", file_of("{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4), "all needed"},
      {"no offsets", file_of("{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4), "all needed"},
      {"an unknown key", file_of("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"strides\":[1],\"data_offsets\":[0,4]}}", 4), "not \"strides\""},
      {"a tensor twice", file_of("{" + tensor_json("t", "F32", "[1]", "[0,4]") + "," + tensor_json("t", "F32", "[1]", "[0,4]") + "}", 4), "stands twice"},
      {"a shape twice", file_of("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]}}", 4), "stands twice"},
      {"metadata twice", file_of("{\"__metadata__\":{},\"__metadata__\":{}}"), "stands twice"},
      {"a metadata key twice", file_of("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}"), "stands twice"},
      {"metadata that is no string", file_of("{\"__metadata__\":{\"a\":1}}"), "must be a string"},
      {"metadata that nests", file_of("{\"__metadata__\":{\"a\":{}}}"), "must be a string"},
      {"metadata that is no object", file_of("{\"__metadata__\":\"a\"}"), "must be an object"},
      {"an unknown dtype", file_of(one("F31", "[1]", "[0,4]"), 4), "none that safetensors knows"},
      {"a dtype in lower case", file_of(one("f32", "[1]", "[0,4]"), 4), "none that safetensors knows"},
      {"a dtype that is a number", file_of("{\"t\":{\"dtype\":7}}"), "cannot be a number"},
      {"a negative axis", file_of(one("F32", "[-1]", "[0,4]"), 4), "found the number -1"},
      {"minus zero", file_of(one("F32", "[-0]", "[0,0]")), "found the number"},
      {"a fractional axis", file_of(one("F32", "[1.5]", "[0,4]"), 4), "found the number 1.5"},
      {"an axis of 1e0", file_of(one("F32", "[1e0]", "[0,4]"), 4), "found the number 1e0"},
      {"an axis of 2^64", file_of(one("F32", "[18446744073709551616]", "[0,0]")), "found the number 18446744073709551616"},
      {"an axis of 400 digits", file_of(one("F32", "[" + long_number + "]", "[0,4]"), 4), "not valid UTF-8 JSON"},
      {"an axis of 2^63", file_of(one("F32", "[9223372036854775808]", "[0,4]"), 4), "too long"},
      {"a string as an axis", file_of(one("F32", "[\"1\"]", "[0,4]"), 4), "found a string"},
      {"true as an axis", file_of(one("F32", "[true]", "[0,4]"), 4), "found true"},
      {"nine axes", file_of(one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4), "more than 8 axes"},
      {"one offset", file_of(one("F32", "[1]", "[0]"), 4), "needs two numbers"},
      {"three offsets", file_of(one("F32", "[1]", "[0,4,4]"), 4), "needs two numbers"},
      {"a negative offset", file_of(one("F32", "[1]", "[-4,0]"), 4), "found the number -4"},
      {"end before begin", file_of(one("F32", "[1]", "[4,0]"), 4), "end before they begin"},
      {"a first hole", file_of(one("F32", "[1]", "[4,8]"), 8), "leave a hole after byte 0"},
      {"a hole between", file_of("{" + tensor_json("a", "F32", "[1]", "[0,4]") + "," + tensor_json("b", "F32", "[1]", "[8,12]") + "}", 12), "leave a hole after byte 4"},
      {"an overlap", file_of("{" + tensor_json("a", "F32", "[2]", "[0,8]") + "," + tensor_json("b", "F32", "[1]", "[4,8]") + "}", 8), "overlap"},
      {"the same range twice", file_of("{" + tensor_json("a", "F32", "[1]", "[0,4]") + "," + tensor_json("b", "F32", "[1]", "[0,4]") + "}", 4), "overlap"},
      {"too few bytes", file_of(one("F32", "[2]", "[0,4]"), 4), "needs 8 bytes"},
      {"too many bytes", file_of(one("F32", "[1]", "[0,8]"), 8), "needs 4 bytes"},
      {"a scalar of eight bytes", file_of(one("F32", "[]", "[0,8]"), 8), "needs 4 bytes"},
      {"2^32 x 2^32", file_of(one("F32", wraps, "[0,0]")), "64-bit"},
      {"2^31 x 2^31 doubles", file_of(one("F64", "[2147483648,2147483648]", "[0,0]")), "64-bit"},
      {"zero hides no overflow", file_of(one("F32", "[0,4294967296,4294967296]", "[0,0]")), "64-bit"},
      {"half a byte", file_of(one("F4", "[1]", "[0,1]"), 1), "ends inside a byte"},
      {"trailing byte", file_of(quad, 5), "Something was appended"},
      {"truncated by two", file_of(quad, 2), "cut short"},
      {"end of 2^64-1", file_of(one("U8", "[9223372036854775807]", "[0,18446744073709551615]"), 4), "64-bit"},
      {"data without a tensor", file_of("{}", 1), "Something was appended"},
      {"a control character in a name", file_of("{\"a\\u0007\":" + quad.substr(5), 4), "control character"},
      {"one of U+0080 to U+009F in a name", file_of("{\"a\\u009b\":" + quad.substr(5), 4), "\"a\\xc2\\x9b\" holds a control character"},
      {"a name of 1025 bytes", file_of("{" + tensor_json(std::string(1025, 'n'), "F32", "[1]", "[0,4]") + "}", 4), "at most 1024"},
      {"listed, not loaded", file_of(one("F8_E4M3", "[4]", "[0,4]"), 4), "convert it to F32"},
  };
}

}  // namespace

TEST_CASE("safetensors: every broken file is refused, by a sentence that names what is wrong") {
  const std::vector<Case> cases = broken_files();
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const std::string said = complaint(c.file);
    CAPTURE(said);
    CHECK(said.find(c.says) != std::string::npos);
    CHECK(said.find("f: ") == 0);
  }
  CHECK(cases.size() >= 60);
}

TEST_CASE("safetensors: what is legal is read") {
  CHECK(complaint(file_of("{}")) == "");
  CHECK(complaint(file_of("{\"__metadata__\":{\"format\":\"pt\"}}")) == "");
  CHECK(complaint(file_of(quad, 4)) == "");
  CHECK(complaint(file_of("  \n\t" + quad + "   ", 4)) == "");
  CHECK(complaint(file_of(one("F32", "[]", "[0,4]"), 4)) == "");
  CHECK(complaint(file_of(one("F64", "[3,0,2]", "[0,0]"))) == "");
  CHECK(complaint(file_of("{" + tensor_json("b", "U8", "[0]", "[4,4]") + "," + tensor_json("a", "F32", "[1]", "[0,4]") + "," + tensor_json("z", "U8", "[0]", "[0,0]") + "}", 4)) == "");
  CHECK(complaint(file_of("{\"data_offsets\":{\"data_offsets\":[0,4],\"shape\":[1],\"dtype\":\"F32\"}}", 4)) == "");
  CHECK(complaint(file_of("{" + tensor_json(std::string(1024, 'n'), "F32", "[1]", "[0,4]") + "}", 4)) == "");

  const std::string listed = file_of("{" + tensor_json("q", "F4", "[2,3]", "[0,3]") + "}", 3);
  const SafetensorsHeader header = parse_safetensors_header(as_bytes(listed), listed.size());
  REQUIRE(header.tensors.size() == 1);
  CHECK(name_of(header.tensors[0].dtype) == std::string("F4"));
  CHECK(header.data_start + header.tensors[0].end == listed.size());
}

TEST_CASE("safetensors: limits") {
  std::string many = "{";
  for (int i = 0; i < 5; ++i) many += (i ? "," : "") + tensor_json(std::to_string(i), "U8", "[0]", "[0,0]");
  many += "}";
  SafetensorsLimits limits;
  limits.tensors = 5;
  CHECK(complaint(file_of(many), limits) == "");
  limits.tensors = 4;
  CHECK(complaint(file_of(many), limits).find("more than 4 tensors") != std::string::npos);

  const std::string wide = file_of("{}" + std::string((16 << 20) - 2, ' '));
  CHECK(complaint(wide) == "");
  CHECK(complaint(file_of("{}" + std::string((16 << 20) - 1, ' '))).find("at most 16777216") != std::string::npos);
  limits.header_bytes = 1'000'000'000;           // the format's own limit stays
  CHECK(complaint(little_endian(100'000'001) + "{}", limits).find("at most 100000000") != std::string::npos);
}

TEST_CASE("safetensors: written files start with '{', align their data to 64 and come back equal") {
  const testing::TemporaryFolder folder;
  HostTensors tensors;
  tensors["a.bytes"] = tensor_of<uint8_t>(FileDType::u8, {3}, {1, 2, 3});
  tensors["b.weight"] = tensor_of<float>(FileDType::f32, {2, 2}, {1, NAN, INFINITY, -0.0f});
  tensors["c.double"] = tensor_of<double>(FileDType::f64, {}, {0.1});
  tensors["d \"quoted\" é"] = tensor_of<uint16_t>(FileDType::bf16, {2}, {0x3f80, 0xff80});
  tensors["e.empty"] = tensor_of<int64_t>(FileDType::i64, {0, 7}, {});
  const Metadata metadata{{"format", "pt"}, {"line\nbreak", "\u00fc\"\\"}};
  const std::filesystem::path path = folder.path / "modèle 1.safetensors";
  write_safetensors(path, tensors, metadata);

  const Safetensors back = read_safetensors(path);
  CHECK(back.metadata == metadata);
  REQUIRE(back.tensors.size() == tensors.size());
  for (const auto& each : tensors) {
    const auto& name = each.first;
    const auto& t = each.second;
    CAPTURE(name);
    const HostTensor& b = back.tensors.at(name);
    CHECK((b.dtype == t.dtype && b.shape == t.shape && b.bytes == t.bytes));
  }
  const SafetensorsHeader header = read_safetensors_header(path);
  CHECK(header.data_start % 64 == 0);
  std::string order;
  for (const TensorEntry& e : header.tensors) order += e.name[0];
  CHECK(order == "cebda");                       // by element size, then by name
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);      // no sibling is left

  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  CHECK(bytes[8] == '{');
  CHECK(bytes.substr(0, header.data_start) == safetensors_header_for(tensors, metadata));
  CHECK(sha256_of_file(path) == sha256_hex(bytes.data(), bytes.size()));
}

TEST_CASE("safetensors: the writer refuses what the reader would") {
  const auto refused = [](const std::string& name, HostTensor t) {
    CHECK_THROWS_AS(safetensors_header_for({{name, std::move(t)}}), FormatError);
  };
  refused("__metadata__", tensor_of<float>(FileDType::f32, {}, {1}));
  refused("a\nb", tensor_of<float>(FileDType::f32, {}, {1}));
  refused("\xff", tensor_of<float>(FileDType::f32, {}, {1}));
  refused(std::string(1025, 'a'), tensor_of<float>(FileDType::f32, {}, {1}));
  refused("short", tensor_of<float>(FileDType::f32, {2}, {1}));
  refused("negative", tensor_of<float>(FileDType::f32, {-1}, {1}));
  refused("overflow", tensor_of<float>(FileDType::f32, {int64_t(1) << 32, int64_t(1) << 32}, {}));
  CHECK_THROWS_AS(safetensors_header_for({}, {{"k", "\xff"}}), FormatError);
}

TEST_CASE("safetensors: missing files, folders, devices and full disks are named") {
  const testing::TemporaryFolder folder;
  CHECK_THROWS_AS(read_safetensors(folder.path / "absent"), DataError);
  CHECK_THROWS_AS(read_safetensors(folder.path), DataError);
  CHECK_THROWS_AS(read_safetensors("/dev/zero"), DataError);
  CHECK_THROWS_AS(write_safetensors(folder.path / "no" / "such" / "folder", {}), IoError);
  if (std::filesystem::exists("/dev/full")) CHECK_THROWS_AS(write_file_atomically(folder.path, "x"), IoError);     // a folder in the way
  CHECK(std::filesystem::is_empty(folder.path));
}

TEST_CASE("safetensors: conversions") {
  CHECK(to_floats(tensor_of<uint16_t>(FileDType::f16, {5}, {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000})) ==
        std::vector<float>{1, -2, std::ldexp(1.0f, -24), 65504, -0.0f});
  CHECK(std::isinf(to_floats(tensor_of<uint16_t>(FileDType::f16, {1}, {0x7c00}))[0]));
  CHECK(std::isnan(to_doubles(tensor_of<uint16_t>(FileDType::f16, {1}, {0x7e00}))[0]));
  CHECK(to_doubles(tensor_of<uint16_t>(FileDType::bf16, {2}, {0x3f80, 0xc040})) == std::vector<double>{1, -3});
  CHECK(to_doubles(tensor_of<double>(FileDType::f64, {1}, {0.1})) == std::vector<double>{0.1});
  CHECK(to_floats(tensor_of<int64_t>(FileDType::i64, {1}, {-7})) == std::vector<float>{-7});
  CHECK(to_floats(tensor_of<uint8_t>(FileDType::boolean, {3}, {0, 1, 9})) == std::vector<float>{0, 1, 1});
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {         // every finite positive half, against its definition
    const double expected = bits < 0x400 ? bits * 0x1p-24 : (1024 + bits % 1024) * std::ldexp(1.0, int(bits / 1024) - 25);
    if (to_doubles(tensor_of<uint16_t>(FileDType::f16, {}, {uint16_t(bits)}))[0] != expected) FAIL(bits);
  }
}

TEST_CASE("safetensors: 200,000 mutations, none of which does more than throw") {
  HostTensors tensors;
  tensors["w"] = tensor_of<float>(FileDType::f32, {2, 3}, {1, 2, 3, 4, 5, 6});
  tensors["b"] = tensor_of<uint8_t>(FileDType::u8, {5}, {1, 2, 3, 4, 5});
  std::string whole = safetensors_header_for(tensors, {{"format", "pt"}});
  whole += std::string(29, '\2');
  REQUIRE(complaint(whole) == "");

  std::mt19937 random(7);
  const std::string alphabet = "{}[]\",:0123456789-e. \\u";
  int64_t taken = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 200000; ++i) {
    std::string file = whole;
    for (unsigned edits = 1 + random() % 3; edits-- && !file.empty();) {
      const size_t at = random() % file.size();
      switch (random() % 5) {
        case 0: file[at] = char(random()); break;
        case 1: file[at] = alphabet[random() % alphabet.size()]; break;
        case 2: file.erase(at, 1 + random() % 8); break;
        case 3: file.insert(at, file.substr(random() % file.size(), random() % 16)); break;
        default: file.resize(at + 1);
      }
    }
    if (random() % 2 && file.size() > 8) file.replace(0, 8, little_endian(std::min<size_t>(file.size() - 8, whole.size() - 37)));
    taken += complaint(file).empty();
  }
  MESSAGE("taken: ", taken, " of 200000, seconds: ", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  CHECK(taken > 0);
  CHECK(taken < 200000);
}

TEST_CASE("safetensors: the outside witness (run by safetensors_witness.py)") {
  const char* folder = std::getenv("WEFT_WITNESS");
  if (!folder) return;
  const Safetensors theirs = read_safetensors(std::filesystem::path(folder) / "theirs.safetensors");
  CHECK(theirs.tensors.size() >= 40);
  write_safetensors(std::filesystem::path(folder) / "ours.safetensors", theirs.tensors, theirs.metadata);
}

TEST_CASE("SHA-256 by parts, and random streams: known answers") {
  CHECK(Sha256().update("a", 1).update("bc", 2).hex() == sha256_hex("abc", 3));
  // python3 -c 'import hashlib; print(hex(int.from_bytes(hashlib.sha256((7).to_bytes(8,"little")+b"data.order").digest()[:8],"little")))'
  CHECK(stream_key(7, "data.order") == 0xa44cfa6813dd55c7u);
  CHECK(stream_key(7, "data.flip") != stream_key(7, "data.order"));
  CHECK(stream_key(8, "data.order") != stream_key(7, "data.order"));
}
