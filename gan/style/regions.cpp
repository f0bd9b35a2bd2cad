#include "style/regions.h"

#include <algorithm>
#include <cmath>

#include "weft/kernels/error.h"

namespace weft::gan {
namespace {

std::string size_of(const Image& image) { return std::to_string(image.width) + "x" + std::to_string(image.height); }

/// Mean of the 2r+1 values round each, twice: nearly a triangle. What lies beyond the ends is as the ends are.
void smooth_line(std::vector<float>& line, int r) {
  const int n = int(line.size());
  std::vector<double> before(size_t(n) + 1);
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = 0; i < n; ++i) before[size_t(i) + 1] = before[size_t(i)] + line[size_t(i)];
    const float first = line.front(), last = line.back();
    for (int i = 0; i < n; ++i) {
      const int low = std::max(0, i - r), high = std::min(n - 1, i + r);
      const double outside = std::max(0, r - i) * double(first) + std::max(0, i + r - (n - 1)) * double(last);
      line[size_t(i)] = float((before[size_t(high) + 1] - before[size_t(low)] + outside) / (2 * r + 1));
    }
  }
}

}  // namespace

std::vector<float> smoothed(std::vector<float> plane, int height, int width, int r) {
  std::vector<float> line;
  for (int y = 0; y < height; ++y) {
    line.assign(plane.begin() + int64_t(y) * width, plane.begin() + int64_t(y + 1) * width);
    smooth_line(line, r);
    std::copy(line.begin(), line.end(), plane.begin() + int64_t(y) * width);
  }
  line.resize(size_t(height));
  for (int x = 0; x < width; ++x) {
    for (int y = 0; y < height; ++y) line[size_t(y)] = plane[size_t(y) * size_t(width) + size_t(x)];
    smooth_line(line, r);
    for (int y = 0; y < height; ++y) plane[size_t(y) * size_t(width) + size_t(x)] = line[size_t(y)];
  }
  return plane;
}

void check_pictures(const TransferJob& job) {
  expect_picture("transfer, the content", job.content);
  for (const Style& s : job.styles) expect_picture("transfer, a style", s.picture);
  const Image& lit = job.lit;
  if (!lit.pixels.empty() && (lit.height != job.content.height || lit.width != job.content.width))
    throw DataError("transfer: the content before a cloth was laid over it is " + size_of(lit) + " and the content " + size_of(job.content) + "; they are of one size");
  for (size_t m = 0; m < job.masks.size(); ++m) {
    const Image& mask = job.masks[m];
    const std::string name = "mask " + std::to_string(m + 1);
    if (mask.height != job.content.height || mask.width != job.content.width)
      throw DataError(name + " is " + size_of(mask) + " and the content " + size_of(job.content) + "; a mask has the content's size, pixel for pixel");
    for (size_t i = 0; mask.channels == 3 && i < mask.pixels.size(); i += 3)
      if (std::abs(mask.pixels[i] - mask.pixels[i + 1]) > 8 || std::abs(mask.pixels[i] - mask.pixels[i + 2]) > 8)
        throw DataError(name + " has colours, so it is no mask; a mask is white where the style goes and black where the content stays");
    if (inside(mask).empty())
      throw DataError(name + " is black: there is no place for a style; a mask is white where the style goes");
  }
}

std::vector<float> coverage(const Image& any, int feather) {
  const Image mask = with_channels(any, 1);
  std::vector<float> share(mask.pixels.size());
  for (size_t i = 0; i < share.size(); ++i) share[i] = float(mask.pixels[i]) / 255;
  if (feather == 0) return share;
  const std::vector<float> near = smoothed(share, mask.height, mask.width, std::max(1, feather / 2));
  for (size_t i = 0; i < share.size(); ++i) share[i] *= std::max(0.0f, 2 * near[i] - 1);   // 0 on a straight edge, 1 `feather` inside
  return share;
}

void check_feather(const TransferJob& job, int height, int width) {
  const int feather = job.options.feather;
  for (size_t m = 0; m < job.masks.size() && feather > 0; ++m) {
    const std::vector<float> share = coverage(resized(with_channels(job.masks[m], 1), height, width), feather);
    if (*std::max_element(share.begin(), share.end()) * 255 < 1)
      throw ConfigError("a feather of " + std::to_string(feather) + " pixels leaves nothing of mask " + std::to_string(m + 1) + ": at " + std::to_string(width) + "x" +
                        std::to_string(height) + " it is too narrow to fade in so far; choose a smaller feather");
  }
}

std::vector<int32_t> inside(const Image& any) {
  const Image mask = with_channels(any, 1);
  std::vector<int32_t> where;
  for (size_t i = 0; i < mask.pixels.size(); ++i)
    if (mask.pixels[i] >= 128) where.push_back(int32_t(i));
  return where;
}

Image composed(const Image& base, const Image& over, const std::vector<float>& share) {
  Image result = base;
  for (size_t i = 0; i < share.size(); ++i)
    for (size_t k = 3 * i; k < 3 * i + 3 && share[i] > 0; ++k)
      result.pixels[k] = uint8_t(std::lround(float(base.pixels[k]) + share[i] * (float(over.pixels[k]) - float(base.pixels[k]))));
  return result;
}

Image cloud_of(const Image& picture, const std::vector<int32_t>& where) {
  if (where.empty()) return picture;
  Image cloud{1, int(where.size()), 3, std::vector<uint8_t>(3 * where.size())};
  for (size_t i = 0; i < where.size(); ++i) std::copy_n(&picture.pixels[3 * size_t(where[i])], 3, &cloud.pixels[3 * i]);
  return cloud;
}

Image with_cloud(Image picture, const Image& cloud, const std::vector<int32_t>& where) {
  if (where.empty()) return cloud;
  for (size_t i = 0; i < where.size(); ++i) std::copy_n(&cloud.pixels[3 * i], 3, &picture.pixels[3 * size_t(where[i])]);
  return picture;
}

}  // namespace weft::gan
