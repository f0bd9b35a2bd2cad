#include "transfer_inputs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "settings.h"
#include "weft/gan/sheet.h"
#include "weft/gan/trainer.h"
#include "weft/kernels/error.h"

namespace weft::apps {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::exists(path, none);
}

NamedPicture read_named(const std::string& role, const fs::path& file) {
  return {file.filename().string(), gan::read_image(file), gan::picture_input(role, file), file};
}

std::vector<NamedPicture> read_folder(const std::string& role, const std::string& folder) {
  const std::vector<fs::path> files = pictures_in(folder);
  std::vector<NamedPicture> pictures;
  each_usable(folder, files.size(), [&](size_t i) { pictures.push_back(read_named(role, files[i])); });
  return pictures;
}

NamedPicture generated(const std::string& run, const std::string& seed, const Context& context) {
  const gan::TrainedGenerator generator = gan::load_generator(run, context, [](const std::string& t) { std::fprintf(stderr, "weft: %s\n", t.c_str()); });
  const int64_t number = seed.empty() ? 0 : parse_integer("--content " + run + ":SEED", seed, 0, int64_t{1} << 53);
  const NoGraph off(context);
  return {run, gan::with_channels(gan::to_image(generator.sample(1, uint64_t(number)), 0), 3),
          {{"content", run}, {"content_seed", std::to_string(number)}, {"content_sha256", generator.sha256}}};
}

}  // namespace

Suffixed suffixed(const std::string& word) {
  const size_t colon = word.rfind(':');
  if (is_there(word) || colon == std::string::npos) return {word, ""};
  return {word.substr(0, colon), word.substr(colon + 1)};
}

std::vector<NamedPicture> content_pictures(const std::string& word, const Context& context) {
  const Suffixed s = suffixed(word);
  std::error_code none;
  if ((fs::is_directory(s.file, none) && is_there(fs::path(s.file) / "run.json")) || fs::path(s.file).extension() == ".safetensors") return {generated(s.file, s.suffix, context)};
  if (!fs::is_directory(word, none)) return {read_named("content", word)};
  return read_folder("content", word);
}

std::vector<NamedStyle> style_pictures(const std::vector<std::string>& words) {
  std::vector<NamedStyle> styles;
  for (const std::string& word : words) {
    std::error_code none;
    if (fs::is_directory(word, none)) {
      if (words.size() > 1) throw ConfigError("--style " + word + " is a folder: every picture in it is a style by itself, so give it alone");
      for (const NamedPicture& picture : read_folder("style", word)) styles.push_back({picture, 1});
      return styles;
    }
    const Suffixed s = suffixed(word);
    const double weight = s.suffix.empty() ? 1 : parse_number("--style " + s.file + ":WEIGHT", s.suffix, 0, 1e6);
    styles.push_back({read_named("style" + (words.size() > 1 ? std::to_string(styles.size() + 1) : std::string()), s.file), weight});
  }
  return styles;
}

gan::Image as_mask(gan::Image picture) {
  const auto channels = size_t(picture.channels);
  for (size_t i = 0; i < picture.pixels.size() && !picture.alpha.empty(); ++i)
    picture.pixels[i] = uint8_t(std::max(0, picture.pixels[i] - (255 - picture.alpha[i / channels])));
  picture.alpha.clear(), picture.straight.clear();
  return picture;
}

gan::Image read_mask(const std::string& word, const std::string& content) {
  const Suffixed s = suffixed(word);
  return fs::path(s.file).extension() == ".json" ? gan::coco_mask(s.file, s.suffix, content) : as_mask(gan::read_image(word));
}

gan::Image laid_over(const gan::Image& content, const gan::Image& over, double share, const std::vector<gan::Image>& masks) {
  gan::Image result = gan::with_channels(content, 3);
  const gan::Image fit = gan::resized(gan::with_channels(over, 3), content.height, content.width);
  std::vector<double> shares(result.pixels.size() / 3, masks.empty() ? share : 0);
  for (const gan::Image& mask : masks) {
    const gan::Image grey = gan::with_channels(mask, 1);
    for (size_t i = 0; i < std::min(shares.size(), grey.pixels.size()); ++i) shares[i] = std::max(shares[i], share * grey.pixels[i] / 255);
  }
  for (size_t i = 0; i < result.pixels.size(); ++i)
    result.pixels[i] = uint8_t(std::lround(result.pixels[i] + shares[i / 3] * (double(fit.pixels[i]) - result.pixels[i])));
  return result;
}

gan::Image blended(const gan::Image& content, const std::string& word, const std::vector<gan::Image>& masks, gan::TextChunks& chunks) {
  const Suffixed s = suffixed(word);
  const double share = s.suffix.empty() ? 0.5 : parse_number("--blend " + s.file + ":SHARE", s.suffix, 0, 1);
  const NamedPicture over = read_named("blend", s.file);
  chunks.insert(chunks.end(), over.chunks.begin(), over.chunks.end());
  return laid_over(content, over.picture, share, masks);
}

}  // namespace weft::apps
