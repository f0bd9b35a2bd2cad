#include "shelf.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>

#include "../transfer_inputs.h"
#include "weft/gan/provenance.h"
#include "weft/tensor/durable_file.h"
#include "weft/tensor/sha256.h"

namespace weft::apps::studio {
namespace fs = std::filesystem;
namespace {

constexpr size_t most_in_memory = 24, most_history = 60, most_decoded_bytes = size_t{192} << 20;

bool is_id(const std::string& text) { return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos; }

const char* ending_of(const std::string& bytes) {
  return bytes.rfind("\x89PNG", 0) == 0 ? ".png" : bytes.rfind("\xff\xd8", 0) == 0 ? ".jpg" : bytes.rfind("RIFF", 0) == 0 ? ".webp" : ".bmp";
}

/// For a person: the last part of what a browser called it, without control characters.
std::string shown_name(std::string name) {
  name.erase(0, name.find_last_of("/\\") + 1);
  name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return (unsigned char)c < 0x20 || c == 0x7f; }), name.end());
  return gan::is_utf8(name) && name.size() <= 120 ? name : "";
}

/// So many bytes of UTF-8, or fewer: whole characters.
std::string beginning(const std::string& text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (text[most] & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

gan::Image at_most(const gan::Image& picture, int side) {
  const int longer = std::max(picture.height, picture.width);
  if (longer <= side) return picture;
  const auto scaled = [&](int s) { return std::max(1, int((int64_t{s} * side + longer / 2) / longer)); };
  return gan::resized_with_alpha(picture, scaled(picture.height), scaled(picture.width));
}

}  // namespace

std::string read_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Shelf::Shelf(const fs::path& out) : out_(fs::absolute(out).lexically_normal()) {
  for (const char* part : {"inputs", "history"}) make_directories(out_ / part);
  std::error_code trouble;
  for (fs::directory_iterator entry(out_ / "inputs", trouble), end; !trouble && entry != end; entry.increment(trouble))
    if (const std::string stem = entry->path().stem().string(); is_id(stem)) kept_[stem] = {"", "", entry->path()};
}

Json Shelf::add(const std::string& bytes, const std::string& name, bool keep) {
  const std::lock_guard one(decoding_);
  const gan::Image picture = gan::decode_image(bytes_of(bytes), shown_name(name).empty() ? "this file" : shown_name(name));
  const std::string id = sha256_hex(bytes.data(), bytes.size()).substr(0, 32);
  {
    const std::lock_guard lock(mutex_);
    Kept& kept = kept_[id];
    if (kept.name.empty()) kept.name = shown_name(name);
    if (!is_there(kept.file)) {
      in_memory_.remove(id), in_memory_.push_back(id);
      kept.file.clear(), kept.bytes = bytes;
    }
    for (; in_memory_.size() > most_in_memory; in_memory_.pop_front()) kept_.erase(in_memory_.front());
  }
  const fs::path written = keep ? file(id) : fs::path();
  Json told = {{"id", id}, {"name", shown_name(name)}, {"width", picture.width}, {"height", picture.height}};
  if (const Json settings = keep ? settings_of_png(written) : Json(); !settings.is_null()) told["settings"] = settings;
  return told;
}

Json Shelf::add_mask(const std::string& bytes, const std::string& content) {
  const Picture of = image(content);
  std::string png;
  {
    const std::lock_guard one(decoding_);
    const gan::Image mask = gan::with_channels(as_mask(gan::decode_image(bytes_of(bytes), "this mask")), 1);
    png = gan::encode_png(gan::resized(mask, of->height, of->width));
  }
  return add(png, "mask.png", false);
}

Picture Shelf::decoded(const std::string& key, const std::function<gan::Image()>& make) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = std::find_if(decoded_.begin(), decoded_.end(), [&](const Decoded& d) { return d.key == key; });
    if (it != decoded_.end()) return decoded_.splice(decoded_.begin(), decoded_, it), it->picture;
  }
  const auto picture = std::make_shared<const gan::Image>(make());
  const std::lock_guard lock(mutex_);
  decoded_.push_front({key, picture});
  decoded_bytes_ += picture->pixels.size();
  for (; decoded_bytes_ > most_decoded_bytes && decoded_.size() > 1; decoded_.pop_back()) decoded_bytes_ -= decoded_.back().picture->pixels.size();
  return picture;
}

Shelf::Kept& Shelf::there(const std::string& id) {
  const auto it = kept_.find(id);
  if (it == kept_.end() || (it->second.bytes.empty() && !is_there(it->second.file))) throw DataError("gone: a picture that was brought is not here any more; bring it again");
  return it->second;
}

Picture Shelf::image(const std::string& id) {
  return decoded(id, [&] {
    Kept kept;
    {
      const std::lock_guard lock(mutex_);
      kept = there(id);
    }
    const std::lock_guard one(decoding_);
    return kept.bytes.empty() ? gan::read_image(kept.file) : gan::decode_image(bytes_of(kept.bytes));
  });
}

Picture Shelf::image(const std::string& id, int side) {
  return decoded(id + "@" + std::to_string(side), [&] { return at_most(*image(id), side); });
}

fs::path Shelf::file(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Kept& kept = there(id);
  if (kept.file.empty()) {
    const fs::path file = out_ / "inputs" / (id + ending_of(kept.bytes));
    write_file_atomically(file, kept.bytes);
    kept.file = file, kept.bytes.clear();
    in_memory_.remove(id);
  }
  return kept.file;
}

std::string Shelf::name(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto it = kept_.find(id);
  return it == kept_.end() ? "" : it->second.name;
}

std::string Shelf::remember(const std::string& png) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const int thousandths = int(std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char stamp[40], name[60];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts);
  std::snprintf(name, sizeof name, "%s-%03d.png", stamp, thousandths);
  write_file_atomically(out_ / "history" / name, png);
  const std::vector<std::string> all = history();
  for (size_t i = most_history; i < all.size(); ++i) remove_tree(out_ / "history" / all[i]);
  return name;
}

std::vector<std::string> Shelf::history() const {
  std::vector<std::string> names;
  std::error_code trouble;
  for (fs::directory_iterator entry(out_ / "history", trouble), end; !trouble && entry != end; entry.increment(trouble))
    if (const std::string name = entry->path().filename().string(); name[0] != '.' && entry->path().extension() == ".png") names.push_back(name);
  std::sort(names.rbegin(), names.rend());
  return names;
}

fs::path Shelf::result(const std::string& name) const {
  const std::vector<std::string> all = history();
  if (std::find(all.begin(), all.end(), name) == all.end()) throw DataError("there is no such result");
  return out_ / "history" / name;
}

std::string Shelf::thumbnail(const std::string& name, int side) {
  const fs::path file = result(name);
  return gan::encode_png(*decoded("history " + name + "@" + std::to_string(side), [&] {
    const std::lock_guard one(decoding_);
    return at_most(gan::read_image(file), std::max(1, side));
  }));
}

fs::path Shelf::save(const std::string& bytes, const std::string& stem) {
  const std::lock_guard one(saving_);
  fs::path file;
  for (int i = 1; file.empty() || is_there(file); ++i) {
    char number[20];
    std::snprintf(number, sizeof number, "-%03d.png", i);
    file = out_ / (beginning(stem, 40) + number);
  }
  write_file_atomically(file, bytes);
  return file;
}

}  // namespace weft::apps::studio
