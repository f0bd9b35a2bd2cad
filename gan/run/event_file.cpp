#include "weft/gan/event_file.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "image/crc32.h"

namespace weft::gan {
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds flush_every{5};
constexpr size_t flush_bytes = 1 << 20;
constexpr uint64_t largest_record = 1 << 28;

uint32_t masked_sum(const std::string& bytes) {
  const uint32_t sum = crc32<castagnoli>(bytes_of(bytes));
  return (sum >> 15 | sum << 17) + 0xa282ead8u;
}

template <class T>
std::string little_endian(T value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(T); ++i) bytes += char(value >> (8 * i));
  return bytes;
}

/// A protobuf message: fields as (number << 3 | wire type), then the value.
struct Message {
  enum Wire { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  std::string text;

  void raw(uint64_t v) {
    for (; v > 127; v >>= 7) text += char(v | 128);
    text += char(v);
  }
  void key(int field, Wire wire) { raw(uint64_t(field) << 3 | wire); }
  Message& integer(int field, int64_t v) { return key(field, varint), raw(uint64_t(v)), *this; }
  Message& real64(int field, double v) { return key(field, fixed64), text += little_endian(std::bit_cast<uint64_t>(v)), *this; }
  Message& real32(int field, float v) { return key(field, fixed32), text += little_endian(std::bit_cast<uint32_t>(v)), *this; }
  Message& piece(int field, const std::string& v) { return key(field, bytes), raw(v.size()), text += v, *this; }
};

// Field numbers of event.proto and summary.proto.
enum EventField { wall_time = 1, event_step = 2, file_version = 3, event_summary = 5, session_log = 7 };
enum ValueField { value_tag = 1, simple_value = 2, value_image = 4 };
constexpr int summary_value = 1, session_status = 1, session_start = 1;
constexpr const char* version = "brain.Event:2";

Message event(int64_t step) {
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return Message().real64(wall_time, now).integer(event_step, step);
}

std::string summary(int64_t step, const Message& value) {
  return event(step).piece(event_summary, Message().piece(summary_value, value.text).text).text;
}

fs::path new_name(const fs::path& folder) {
  const std::string prefix = "events.out.tfevents.";
  long long seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(prefix, 0) == 0) seconds = std::max(seconds, std::strtoll(name.substr(prefix.size(), 10).c_str(), nullptr, 10) + 1);
  }
  char host[64] = "";
  gethostname(host, sizeof host - 1);
  for (char& c : host)
    if (c && !std::isalnum(static_cast<unsigned char>(c)) && c != '-') c = '_';
  char number[32];
  std::snprintf(number, sizeof number, "%010lld.", seconds);
  return folder / (prefix + number + host + "." + std::to_string(getpid()) + ".0");
}

}  // namespace

EventFile::EventFile(const fs::path& folder, int64_t steps_done)
    : file_(std::make_unique<DurableFile>(new_name(folder), DurableFile::Mode::append)) {
  record(event(steps_done + 1).piece(file_version, version).text);
  record(event(steps_done + 1).piece(session_log, Message().integer(session_status, session_start).text).text);
  flush();
}

EventFile::~EventFile() {
  try {
    flush();
  } catch (const Error& e) {
    std::fprintf(stderr, "weft: %s\n", e.what());
  }
}

void EventFile::record(const std::string& event) {
  const std::string length = little_endian(uint64_t(event.size()));
  waiting_ += length + little_endian(masked_sum(length)) + event + little_endian(masked_sum(event));
  if (waiting_.size() >= flush_bytes || std::chrono::steady_clock::now() - flushed_ >= flush_every) flush();
}

void EventFile::scalar(const std::string& tag, int64_t step, double value) {
  record(summary(step, Message().piece(value_tag, tag).real32(simple_value, float(value))));
}

void EventFile::image(const std::string& tag, int64_t step, const std::string& png, int height, int width, int channels) {
  const Message image = Message().integer(1, height).integer(2, width).integer(3, channels).piece(4, png);
  record(summary(step, Message().piece(value_tag, tag).piece(value_image, image.text)));
}

void EventFile::flush() {
  const std::string bytes = std::exchange(waiting_, {});   // a write that fails is not tried again by the destructor
  if (!bytes.empty()) file_->write(bytes);
  flushed_ = std::chrono::steady_clock::now();
}

void EventFile::commit() {
  flush();
  file_->commit();
}

namespace {

struct Field {
  uint64_t number = 0, value = 0;            // value: of a varint, fixed64 or fixed32
  std::string_view piece;                    // of length-delimited ones
};

/// Walks over a message's fields. After a malformed one there are no more.
class Fields {
 public:
  explicit Fields(std::string_view message) : rest_(message) {}

  std::optional<Field> next() {
    const std::optional<uint64_t> key = varint();
    if (!key) return {};
    Field f{*key >> 3};
    switch (*key & 7) {
      case Message::varint:
        if (const auto v = varint()) return f.value = *v, f;
        return {};
      case Message::fixed64: return fixed(f, 8);
      case Message::fixed32: return fixed(f, 4);
      case Message::bytes: {
        const auto length = varint();
        if (!length || *length > rest_.size()) return rest_ = {}, std::nullopt;
        f.piece = rest_.substr(0, *length);
        rest_.remove_prefix(*length);
        return f;
      }
      default: return rest_ = {}, std::nullopt;
    }
  }

 private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      value |= uint64_t(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return rest_ = {}, std::nullopt;
  }
  std::optional<Field> fixed(Field f, size_t size) {
    if (rest_.size() < size) return rest_ = {}, std::nullopt;
    for (size_t i = 0; i < size; ++i) f.value |= uint64_t(static_cast<unsigned char>(rest_[i])) << (8 * i);
    rest_.remove_prefix(size);
    return f;
  }
  std::string_view rest_;
};

/// One `Event`; the first says what version of the format it is.
std::string_view read_event(std::string_view message, EventFileContents& into) {
  int64_t step = 0;
  std::string_view found_version, values;
  Fields fields(message);
  while (const auto f = fields.next()) {
    if (f->number == event_step) step = int64_t(f->value);
    if (f->number == file_version) found_version = f->piece;
    if (f->number == event_summary) values = f->piece;
  }
  Fields summaries(values);
  while (const auto one = summaries.next()) {
    if (one->number != summary_value) continue;
    EventSeries now{1, step, step};
    std::string tag;
    Fields parts(one->piece);
    while (const auto f = parts.next()) {
      if (f->number == value_tag) tag = f->piece;
      if (f->number == simple_value) now.last_value = std::bit_cast<float>(uint32_t(f->value));
      if (f->number == value_image) now.images = true;
    }
    EventSeries& all = into.series[tag];
    if (all.count > 0) now.first_step = all.first_step, now.count += all.count;
    all = now;
  }
  return found_version;
}

/// `size` bytes and their sum. Memory grows with what is there, not with what a length claims.
std::optional<std::string> take(std::istream& in, uint64_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    const size_t before = bytes.size(), part = size_t(std::min<uint64_t>(size - before, flush_bytes));
    bytes.resize(before + part);
    if (!in.read(bytes.data() + before, std::streamsize(part))) return {};
  }
  char sum[4];
  if (!in.read(sum, 4)) return {};
#ifndef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION             // a fuzzer cannot guess sums
  if (std::string_view(sum, 4) != little_endian(masked_sum(bytes))) return {};
#endif
  return bytes;
}

}  // namespace

EventFileContents read_event_file(std::istream& in, const std::string& what) {
  EventFileContents all;
  while (in.peek() != std::istream::traits_type::eof() && !all.torn) {
    const auto length = take(in, 8);
    uint64_t size = 0;
    for (size_t i = 0; length && i < 8; ++i) size |= uint64_t(static_cast<unsigned char>((*length)[i])) << (8 * i);
    const auto message = length && size <= largest_record ? take(in, size) : std::nullopt;
    if (message) {
      const std::string_view found = read_event(*message, all);
      if (all.records++ == 0 && found.rfind("brain.Event:", 0) != 0) throw FormatError(what + ": its first record is not that of a TensorBoard event file");
    } else if (all.records == 0) {
      throw FormatError(what + ": not a TensorBoard event file: the first record's sums do not fit");
    } else {
      all.torn = true;
    }
  }
  if (all.records == 0) throw FormatError(what + ": an empty file; a TensorBoard event file has at least one record");
  return all;
}

EventFileContents read_event_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw DataError("cannot read " + path.string() + ": " + std::strerror(errno));
  return read_event_file(in, path.string());
}

}  // namespace weft::gan
