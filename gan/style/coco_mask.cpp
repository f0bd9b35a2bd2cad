// Masks out of COCO's annotations. A file lists pictures, categories and annotations; an annotation's segmentation is a list of polygons
// [x0, y0, x1, y1, ...] or run lengths down the columns, alternately outside and inside, as numbers or packed into text.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "weft/gan/transfer.h"
#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

using Json = nlohmann::json;

/// Even-odd: a pixel is inside if a line from its centre to the left crosses the outline an odd number of times.
void fill(Image& mask, const std::vector<double>& outline) {
  const size_t corners = outline.size() / 2;
  for (int y = 0; y < mask.height; ++y) {
    std::vector<double> crossings;
    for (size_t i = 0; i < corners; ++i) {
      const size_t j = (i + 1) % corners;
      const double x0 = outline[2 * i], y0 = outline[2 * i + 1] - y - 0.5, x1 = outline[2 * j], y1 = outline[2 * j + 1] - y - 0.5;
      if ((y0 <= 0) != (y1 <= 0)) crossings.push_back(x0 - y0 * (x1 - x0) / (y1 - y0));
    }
    std::sort(crossings.begin(), crossings.end());
    for (size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const auto column = [&](double x) { return int(std::clamp(std::ceil(x - 0.5), 0.0, double(mask.width))); };
      for (int x = column(crossings[i]); x < column(crossings[i + 1]); ++x) mask.pixels[size_t(y) * size_t(mask.width) + size_t(x)] = 255;
    }
  }
}

/// COCO's text: numbers of 5 bits a character from '0', the lowest first, bit 5 says that there is more and bit 4 of the last is the
/// sign; from the fourth on, each is less the one two before.
std::vector<int64_t> unpacked(const std::string& text) {
  std::vector<int64_t> counts;
  for (size_t i = 0; i < text.size();) {
    int64_t value = 0;
    int bits = 0;
    for (bool more = true; more && i < text.size() && bits < 60; bits += 5) {
      const int code = text[i++] - 48;
      value |= int64_t(code & 31) << bits;
      more = code & 32;
      if (!more && (code & 16)) value -= int64_t{1} << (bits + 5);
    }
    counts.push_back(value + (counts.size() > 2 ? counts[counts.size() - 2] : 0));
  }
  return counts;
}

void run_lengths(Image& mask, const std::vector<int64_t>& counts) {
  const int64_t h = mask.height, all = h * mask.width;
  int64_t at = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0 || counts[i] > all - at) throw FormatError("run lengths that go beyond the picture");
    for (int64_t k = at; k < at + counts[i] && i % 2; ++k) mask.pixels[size_t(k % h * mask.width + k / h)] = 255;
    at += counts[i];
  }
}

void draw(Image& mask, const Json& segmentation) {
  if (segmentation.is_array())
    for (const Json& outline : segmentation) fill(mask, outline.get<std::vector<double>>());
  else if (const Json& counts = segmentation.at("counts"); counts.is_string())
    run_lengths(mask, unpacked(counts.get<std::string>()));
  else
    run_lengths(mask, counts.get<std::vector<int64_t>>());
}

const Json& picture_of(const Json& all, const std::string& name) {
  const Json& pictures = all.at("images");
  for (const Json& p : pictures)
    if (pictures.size() == 1 || std::filesystem::path(p.at("file_name").get<std::string>()).filename() == name) return p;
  throw DataError("none of its " + std::to_string(pictures.size()) + " pictures is called '" + name + "'");
}

Image mask_of(const Json& all, const std::string& which, const std::string& name) {
  const Json& picture = picture_of(all, name);
  const int64_t height = picture.at("height"), width = picture.at("width");
  if (height < 1 || width < 1 || height > kMaxImageSide || width > kMaxImageSide || height * width > kMaxImagePixels) throw FormatError("a picture of no possible size");
  Image mask{int(height), int(width), 1, std::vector<uint8_t>(size_t(height * width))};
  std::map<int64_t, std::string> categories;
  for (const Json& c : all.value("categories", Json::array())) categories[c.at("id")] = c.at("name");
  std::string there;
  int drawn = 0;
  for (const Json& a : all.at("annotations")) {
    if (a.at("image_id") != picture.at("id")) continue;
    const std::string id = std::to_string(a.value("id", int64_t{-1})), category = categories[a.value("category_id", int64_t{-1})];
    there += (there.empty() ? "" : ", ") + id + " (" + category + ")";
    if (!which.empty() && which != id && which != category) continue;
    draw(mask, a.at("segmentation"));
    ++drawn;
  }
  if (drawn == 0) throw DataError((which.empty() ? "no annotation" : "no annotation '" + which + "'") + " of this picture; it has " + (there.empty() ? "none" : there));
  return mask;
}

}  // namespace

Image coco_mask(const std::filesystem::path& file, const std::string& which, const std::string& picture) {
  std::ifstream in(file);
  if (!in) throw DataError("cannot open " + file.string());
  try {
    return mask_of(Json::parse(in), which, picture);
  } catch (const Json::exception& e) {
    throw FormatError(file.string() + ": not COCO's annotations (" + e.what() + ")");
  } catch (const FormatError& e) {
    throw FormatError(file.string() + ": " + e.what());
  } catch (const DataError& e) {
    throw DataError(file.string() + ": " + e.what());
  }
}

}  // namespace weft::gan
