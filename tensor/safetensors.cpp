#include "weft/tensor/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>

#include "weft/kernels/error.h"
#include "weft/tensor/durable_file.h"

namespace weft {
namespace {

constexpr uint64_t kFormatHeaderLimit = 100'000'000;
constexpr uint64_t kAlignment = 64;

struct DTypeInfo {
  const char* name;
  unsigned bits;
};
constexpr DTypeInfo kDTypes[] = {
    {"F32", 32}, {"F64", 64}, {"F16", 16}, {"BF16", 16}, {"I64", 64}, {"I32", 32}, {"U8", 8}, {"I8", 8}, {"BOOL", 8},
    {"I16", 16}, {"U16", 16}, {"U32", 32}, {"U64", 64}, {"C64", 64}, {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8},
    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4}};

/// Bytes of the control character at text[i]: 1, or 2 for U+0080 to U+009F in UTF-8; 0 if there is none.
size_t control_character(const std::string& text, size_t i) {
  const auto at = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  if (at(i) < 0x20 || at(i) == 0x7f) return 1;
  return at(i) == 0xc2 && i + 1 < text.size() && at(i + 1) < 0xa0 ? 2 : 0;
}

/// Text from a file, fit for a terminal: quoted, cut, anything but printable ASCII and UTF-8 shown as \xNN.
std::string printable(const std::string& text) {
  std::string out = "\"";
  for (size_t i = 0, hidden = 0; i < text.size() && i < 120; ++i, hidden -= hidden > 0) {
    if (hidden == 0) hidden = control_character(text, i);
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(text[i]));
    out += hidden ? std::string(escape) : std::string(1, text[i]);
  }
  return out + (text.size() > 120 ? "...\"" : "\"");
}

std::string name_trouble(const std::string& name, const SafetensorsLimits& limits) {
  if (name.size() > limits.name_bytes)
    return "a name of " + std::to_string(name.size()) + " bytes; at most " + std::to_string(limits.name_bytes) + " are allowed";
  for (size_t i = 0; i < name.size(); ++i)
    if (control_character(name, i)) return "the name " + printable(name) + " holds a control character";
  return "";
}

/// Bytes of a shape, or why there is no such number. Sizes of zero do not hide an overflow in the others.
std::string byte_count(FileDType dtype, const std::vector<int64_t>& shape, uint64_t* bytes) {
  uint64_t bits = bits_of(dtype);
  bool empty = false;
  for (const int64_t size : shape) {
    empty = empty || size == 0;
    if (size != 0 && __builtin_mul_overflow(bits, uint64_t(size), &bits)) return "has more bits than 64-bit numbers can count";
  }
  if (bits > uint64_t(INT64_MAX)) return "has more bits than 64-bit numbers can count";
  if (empty) bits = 0;
  if (bits % 8) return "ends inside a byte";
  *bytes = bits / 8;
  return "";
}

/// Reads the header's JSON as it streams by, so memory follows what is kept and not what a hostile header nests, and each rule
/// is checked where it is broken: duplicate keys, depth, negative, fractional and over-long numbers, unknown keys.
class HeaderReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(const SafetensorsLimits& limits, const std::string& what, SafetensorsHeader& header)
      : limits_(limits), what_(what), header_(header) {}

  bool start_object(size_t) override {
    if (at_ == At::nowhere) at_ = At::top;
    else if (at_ == At::top && key_ == "__metadata__") at_ = At::metadata;
    else if (at_ == At::top) at_ = At::entry, seen_.clear();
    else unexpected("an object");
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    if (at_ == At::top) {
      if (!names_.emplace(name, true).second) fail("the key " + printable(name) + " stands twice in the header");
      if (name == "__metadata__") return true;
      if (header_.tensors.size() == limits_.tensors)
        fail("more than " + std::to_string(limits_.tensors) + " tensors");
      if (const std::string trouble = name_trouble(name, limits_); !trouble.empty()) fail(trouble);
      header_.tensors.push_back({});
      header_.tensors.back().name = name;
    } else if (at_ == At::metadata) {
      if (header_.metadata.count(name)) fail("the metadata key " + printable(name) + " stands twice");
    } else if (std::find(seen_.begin(), seen_.end(), name) != seen_.end()) {
      fail_tensor(printable(name) + " stands twice");
    } else if (name != "dtype" && name != "shape" && name != "data_offsets") {
      fail_tensor("knows \"dtype\", \"shape\" and \"data_offsets\", not " + printable(name));
    } else {
      seen_.push_back(name);
    }
    return true;
  }
  bool end_object() override {
    if (at_ == At::entry && seen_.size() != 3) fail_tensor("\"dtype\", \"shape\" and \"data_offsets\" are all needed");
    at_ = at_ == At::top ? At::nowhere : At::top;
    return true;
  }
  bool start_array(size_t) override {
    if (at_ != At::entry || key_ == "dtype") unexpected("an array");
    at_ = key_ == "shape" ? At::shape : At::offsets;
    offsets_ = 0;
    return true;
  }
  bool end_array() override {
    if (at_ == At::offsets && offsets_ != 2) fail_tensor("\"data_offsets\" needs two numbers, begin and end");
    at_ = At::entry;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (at_ == At::shape) {
      if (current().shape.size() == limits_.rank) fail_tensor("has more than " + std::to_string(limits_.rank) + " axes");
      if (value > uint64_t(INT64_MAX)) fail_tensor("an axis of " + std::to_string(value) + " is too long");
      current().shape.push_back(int64_t(value));
    } else if (at_ == At::offsets) {
      if (offsets_ == 2) fail_tensor("\"data_offsets\" needs two numbers, begin and end");
      (offsets_++ == 0 ? current().begin : current().end) = value;
    } else {
      unexpected("a number");
    }
    return true;
  }
  bool string(string_t& value) override {
    if (at_ == At::metadata) {
      header_.metadata.emplace(key_, value);
    } else if (at_ == At::entry && key_ == "dtype") {
      const auto found = std::find_if(std::begin(kDTypes), std::end(kDTypes), [&](const DTypeInfo& t) { return value == t.name; });
      if (found == std::end(kDTypes)) fail_tensor("dtype " + printable(value) + " is none that safetensors knows");
      current().dtype = FileDType(found - std::begin(kDTypes));
    } else {
      unexpected("a string");
    }
    return true;
  }
  bool number_integer(number_integer_t value) override { return unexpected("the number " + std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return unexpected("the number " + text.substr(0, 40)); }
  bool null() override { return unexpected("null"); }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool binary(binary_t&) override { return unexpected("binary"); }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail("the header is not valid UTF-8 JSON at its byte " + std::to_string(position));
  }

 private:
  enum class At { nowhere, top, entry, metadata, shape, offsets };

  TensorEntry& current() { return header_.tensors.back(); }
  [[noreturn]] bool fail(const std::string& text) const { throw FormatError(what_ + ": " + text); }
  [[noreturn]] bool fail_tensor(const std::string& text) { fail("tensor " + printable(current().name) + ": " + text); }
  [[noreturn]] bool unexpected(const std::string& came) {
    switch (at_) {
      case At::nowhere: fail("the header must be one JSON object; found " + came);
      case At::metadata: fail("metadata " + printable(key_) + " must be a string; found " + came);
      case At::shape: fail_tensor("\"shape\" takes whole numbers from 0 up; found " + came);
      case At::offsets: fail_tensor("\"data_offsets\" takes whole numbers from 0 up; found " + came);
      case At::entry: fail_tensor(printable(key_) + " cannot be " + came);
      case At::top: break;
    }
    fail(printable(key_) + " must be an object; found " + came);
  }

  const SafetensorsLimits& limits_;
  const std::string& what_;
  SafetensorsHeader& header_;
  At at_ = At::nowhere;
  std::string key_;
  std::vector<std::string> seen_;                                  // keys of the entry being read
  std::map<std::string, bool> names_;
  int offsets_ = 0;
};

uint64_t header_size(std::span<const std::byte> head, uint64_t file_size, const SafetensorsLimits& limits, const std::string& what) {
  if (file_size < 8 || head.size() < 8)
    throw FormatError(what + ": " + std::to_string(file_size) + " bytes are too few for a safetensors file, which starts with 8");
  uint64_t size = 0;
  for (int i = 0; i < 8; ++i) size |= uint64_t(head[size_t(i)]) << (8 * i);
  const uint64_t limit = std::min(limits.header_bytes, kFormatHeaderLimit);
  if (size > limit)
    throw FormatError(what + ": claims a header of " + std::to_string(size) + " bytes; at most " + std::to_string(limit) +
                      " are read. Is it a safetensors file?");
  if (size > file_size - 8)
    throw FormatError(what + ": claims a header of " + std::to_string(size) + " bytes, but only " +
                      std::to_string(file_size - 8) + " follow. Was it cut short?");
  return size;
}

void check_layout(SafetensorsHeader& header, uint64_t data_bytes, const std::string& what) {
  std::sort(header.tensors.begin(), header.tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t reached = 0;
  for (const TensorEntry& t : header.tensors) {
    const auto fail = [&](const std::string& text) { throw FormatError(what + ": tensor " + printable(t.name) + ": " + text); };
    const std::string range = "data_offsets [" + std::to_string(t.begin) + ", " + std::to_string(t.end) + ")";
    if (t.end < t.begin) fail(range + " end before they begin");
    if (t.begin != reached)
      fail(range + (t.begin > reached ? " leave a hole after byte " : " overlap the tensor before, which ends at byte ") +
           std::to_string(reached));
    uint64_t needed = 0;
    const std::string described = std::string(name_of(t.dtype)) + " " + shape_text(t.shape);
    if (const std::string trouble = byte_count(t.dtype, t.shape, &needed); !trouble.empty()) fail(described + " " + trouble);
    if (needed != t.end - t.begin)
      fail(described + " needs " + std::to_string(needed) + " bytes, " + range + " hold " + std::to_string(t.end - t.begin));
    reached = t.end;
  }
  if (reached != data_bytes)
    throw FormatError(what + ": the header names " + std::to_string(reached) + " bytes of data, the file holds " +
                      std::to_string(data_bytes) + (reached > data_bytes ? ". Was it cut short?" : ". Something was appended."));
}

HostTensor host_tensor(const TensorEntry& entry, const std::string& what) {
  if (!can_load(entry.dtype))
    throw FormatError(what + ": tensor " + printable(entry.name) + " is " + name_of(entry.dtype) +
                      ", which can be listed but not loaded; convert it to F32, F16 or BF16 first");
  return {entry.dtype, entry.shape, std::vector<std::byte>(entry.end - entry.begin)};
}

/// A file opened for reading whose size is known.
struct OpenFile {
  int fd = -1;
  uint64_t size = 0;
  std::filesystem::path path;

  explicit OpenFile(const std::filesystem::path& p) : path(p) {
    struct stat info;
    fd = ::open(p.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);       // never waits for a pipe's writer
    const int error = fd < 0 || ::fstat(fd, &info) != 0 ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
    if (error == 0 && S_ISREG(info.st_mode)) {
      size = uint64_t(info.st_size);
      return;
    }
    if (fd >= 0) ::close(fd);
    if (error) throw_unreadable(p, error);
    throw DataError("cannot read " + p.string() + ": not a plain file");
  }
  OpenFile(const OpenFile&) = delete;
  ~OpenFile() { ::close(fd); }

  void read(uint64_t offset, std::byte* out, size_t count) const {
    while (count) {
      const ssize_t got = ::pread(fd, out, std::min<size_t>(count, 1u << 30), off_t(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_io("read", path, errno);
      if (got == 0) throw FormatError(path.string() + ": became shorter while it was read");
      out += got, offset += uint64_t(got), count -= size_t(got);
    }
  }

  SafetensorsHeader header(const SafetensorsLimits& limits) const {
    std::vector<std::byte> head(std::min<uint64_t>(size, 8));
    read(0, head.data(), head.size());
    head.resize(8 + header_size(head, size, limits, path.string()));
    read(8, head.data() + 8, head.size() - 8);
    return parse_safetensors_header(head, size, limits, path.string());
  }
};

}  // namespace

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string out = "(";
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + ")";
}

const char* name_of(FileDType t) { return kDTypes[size_t(t)].name; }
unsigned bits_of(FileDType t) { return kDTypes[size_t(t)].bits; }

FileDType file_dtype(DType t) {
  constexpr FileDType of[] = {FileDType::f32, FileDType::f64, FileDType::bf16, FileDType::f16, FileDType::i32, FileDType::u8};
  return of[size_t(t)];
}

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> head, uint64_t file_size, const SafetensorsLimits& limits,
                                           const std::string& what) {
  SafetensorsHeader header;
  const uint64_t size = header_size(head, file_size, limits, what);
  if (head.size() - 8 < size) throw FormatError(what + ": the header was not given whole");
  header.data_start = 8 + size;

  // The parser would take a zero byte for the end of its input and skip a byte-order mark; the format allows neither.
  const char* text = reinterpret_cast<const char*>(head.data()) + 8;
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  const char* first = std::find_if_not(text, text + size, blank);
  if (first == text + size || *first != '{') throw FormatError(what + ": the header does not start with '{'. Is it a safetensors file?");
  if (std::any_of(text, text + size, [&](char c) { return static_cast<unsigned char>(c) < 0x20 && !blank(c); }))
    throw FormatError(what + ": the header holds a control character");

  HeaderReader reader(limits, what, header);
  nlohmann::json::sax_parse(text, text + size, &reader);
  check_layout(header, file_size - header.data_start, what);
  return header;
}

SafetensorsHeader read_safetensors_header(const std::filesystem::path& path, const SafetensorsLimits& limits) {
  return OpenFile(path).header(limits);
}

Safetensors parse_safetensors(std::span<const std::byte> file, const SafetensorsLimits& limits, const std::string& what) {
  SafetensorsHeader header = parse_safetensors_header(file, file.size(), limits, what);
  Safetensors result{{}, std::move(header.metadata)};
  for (const TensorEntry& entry : header.tensors) {
    HostTensor& t = result.tensors[entry.name] = host_tensor(entry, what);
    if (!t.bytes.empty()) std::memcpy(t.bytes.data(), file.data() + header.data_start + entry.begin, t.bytes.size());
  }
  return result;
}

Safetensors read_safetensors(const std::filesystem::path& path, const SafetensorsLimits& limits) {
  return read_safetensors(path, [](const TensorEntry&) { return true; }, limits);
}

Safetensors read_safetensors(const std::filesystem::path& path, const std::function<bool(const TensorEntry&)>& wanted, const SafetensorsLimits& limits) {
  const OpenFile file(path);
  SafetensorsHeader header = file.header(limits);
  Safetensors result{{}, std::move(header.metadata)};
  for (const TensorEntry& entry : header.tensors) {
    if (!wanted(entry)) continue;
    HostTensor& t = result.tensors[entry.name] = host_tensor(entry, path.string());
    file.read(header.data_start + entry.begin, t.bytes.data(), t.bytes.size());
  }
  return result;
}

namespace {

std::vector<const HostTensors::value_type*> file_order(const HostTensors& tensors) {
  std::vector<const HostTensors::value_type*> order;
  for (const auto& named : tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return bits_of(a->second.dtype) > bits_of(b->second.dtype); });
  return order;
}

}  // namespace

std::string safetensors_header_for(const HostTensors& tensors, const Metadata& metadata) {
  const auto json_string = [](const std::string& text) {
    try {
      return nlohmann::json(text).dump();
    } catch (const nlohmann::json::exception&) {
      throw FormatError("safetensors: " + printable(text) + " is not UTF-8 and cannot be written");
    }
  };
  std::string json = "{";
  for (const auto& [key, value] : metadata)
    json += (json.size() == 1 ? "\"__metadata__\":{" : ",") + json_string(key) + ":" + json_string(value);
  if (!metadata.empty()) json += "}";

  uint64_t reached = 0;
  for (const auto* named : file_order(tensors)) {
    const auto& [name, t] = *named;
    uint64_t bytes = 0;
    std::string trouble = name == "__metadata__" ? "the name __metadata__ is taken by the format" : name_trouble(name, {});
    if (trouble.empty() && (t.shape.size() > SafetensorsLimits{}.rank || std::any_of(t.shape.begin(), t.shape.end(), [](int64_t n) { return n < 0; })))
      trouble = "no shape for a file: " + shape_text(t.shape);
    if (trouble.empty()) trouble = byte_count(t.dtype, t.shape, &bytes);
    if (trouble.empty() && bytes != t.bytes.size())
      trouble = shape_text(t.shape) + " needs " + std::to_string(bytes) + " bytes, there are " + std::to_string(t.bytes.size());
    if (!trouble.empty()) throw FormatError("safetensors: tensor " + printable(name) + ": " + trouble);

    std::string shape;
    for (const int64_t size : t.shape) shape += (shape.empty() ? "" : ",") + std::to_string(size);
    json += (json.size() == 1 ? "" : ",") + json_string(name) + ":{\"dtype\":\"" + name_of(t.dtype) + "\",\"shape\":[" + shape +
            "],\"data_offsets\":[" + std::to_string(reached) + "," + std::to_string(reached + bytes) + "]}";
    reached += bytes;
  }
  json += "}";
  json.append((kAlignment - (8 + json.size()) % kAlignment) % kAlignment, ' ');

  std::string head(8, '\0');
  for (int i = 0; i < 8; ++i) head[size_t(i)] = char(uint64_t(json.size()) >> (8 * i));
  return head + json;
}

void write_safetensors(const std::filesystem::path& path, const HostTensors& tensors, const Metadata& metadata) {
  const std::string head = safetensors_header_for(tensors, metadata);
  std::vector<std::span<const std::byte>> pieces{bytes_of(head)};
  for (const auto* named : file_order(tensors)) pieces.push_back(named->second.bytes);
  write_file_atomically(path, pieces);
}


}  // namespace weft
