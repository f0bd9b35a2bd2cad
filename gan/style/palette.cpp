#include "weft/gan/palette.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "style/oklab.h"
#include "weft/kernels/error.h"
#include "weft/kernels/philox.h"
#include "weft/tensor/random_stream.h"

namespace weft::gan {
namespace {

struct Bin {
  Lab lab;                       // mean of its pixels
  double share;
};

float squared_distance(const Lab& a, const Lab& b) {
  float sum = 0;
  for (size_t k = 0; k < 3; ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

size_t nearest(const Lab& lab, const std::vector<Lab>& centres) {
  size_t best = 0;
  for (size_t i = 1; i < centres.size(); ++i)
    if (squared_distance(lab, centres[i]) < squared_distance(lab, centres[best])) best = i;
  return best;
}

/// The picture's colours in 32^3 bins, so that what follows does not depend on its size. A pixel counts by its alpha; where none can be
/// seen, all of them count.
std::vector<Bin> histogram(const Image& image) {
  std::vector<std::array<double, 4>> sums(size_t{1} << 15);
  const bool seen = std::any_of(image.alpha.begin(), image.alpha.end(), [](uint8_t a) { return a > 0; });
  double count = 0;
  for (size_t i = 0; i < image.pixels.size() / 3; ++i) {
    const uint8_t* p = &image.pixels[3 * i];
    const double share = seen ? image.alpha[i] / 255.0 : 1;
    std::array<double, 4>& bin = sums[size_t(p[0] >> 3) << 10 | size_t(p[1] >> 3) << 5 | size_t(p[2] >> 3)];
    const Lab lab = oklab(p);
    for (size_t k = 0; k < 3; ++k) bin[k] += share * double(lab[k]);
    bin[3] += share;
    count += share;
  }
  std::vector<Bin> bins;
  for (const auto& [l, a, b, n] : sums)
    if (n > 0) bins.push_back({{float(l / n), float(a / n), float(b / n)}, n / count});
  return bins;
}

/// k-means++: each further centre is drawn by its squared distance to those there are. Of several draws the best is kept.
std::vector<Lab> seeded(const std::vector<Bin>& bins, size_t count, uint64_t attempt, double* cost) {
  const uint64_t stream = stream_key(0, "palette");
  std::vector<double> weights;
  for (const Bin& bin : bins) weights.push_back(bin.share);
  std::vector<Lab> centres;
  for (uint64_t draw = 0; centres.size() < count; ++draw) {
    double sum = 0;
    for (const double w : weights) sum += w;
    if (sum < 1e-12) break;                      // the picture has no more colours
    double at = double(uniform_from(philox(stream, attempt, draw).w[0])) * sum;
    size_t i = 0;
    while (i + 1 < bins.size() && (at -= weights[i]) >= 0) ++i;
    centres.push_back(bins[i].lab);
    for (size_t k = 0; k < bins.size(); ++k) weights[k] = std::min(weights[k], bins[k].share * double(squared_distance(bins[k].lab, centres.back())));
  }
  std::vector<double> shares;
  for (int round = 0; round < 30; ++round) {     // Lloyd's
    std::vector<std::array<double, 4>> sums(centres.size());
    *cost = 0;
    for (const Bin& bin : bins) {
      const size_t c = nearest(bin.lab, centres);
      for (size_t k = 0; k < 3; ++k) sums[c][k] += bin.share * double(bin.lab[k]);
      sums[c][3] += bin.share;
      *cost += bin.share * double(squared_distance(bin.lab, centres[c]));
    }
    for (size_t c = 0; c < centres.size(); ++c)
      if (sums[c][3] > 0) centres[c] = {float(sums[c][0] / sums[c][3]), float(sums[c][1] / sums[c][3]), float(sums[c][2] / sums[c][3])};
  }
  return centres;
}

std::vector<uint8_t> nearest_ink(const Image& image, const Palette& inks) {
  std::vector<Lab> labs;
  for (const PaletteColour& ink : inks) labs.push_back(oklab(ink.rgb.data()));
  std::vector<uint8_t> which(image.pixels.size() / 3);
  for (size_t i = 0; i < which.size(); ++i) which[i] = uint8_t(nearest(oklab(&image.pixels[3 * i]), labs));
  return which;
}

/// A pixel whose ink is rare in the 3x3 around it, at most twice, takes the ink that is most frequent there: mesh holds no single dots.
std::vector<uint8_t> without_specks(const std::vector<uint8_t>& ink, int height, int width, size_t inks) {
  std::vector<uint8_t> out = ink;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      std::vector<int> votes(inks);
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
          ++votes[ink[size_t(std::clamp(y + dy, 0, height - 1)) * size_t(width) + size_t(std::clamp(x + dx, 0, width - 1))]];
      uint8_t& own = out[size_t(y) * size_t(width) + size_t(x)];
      if (votes[own] <= 2) own = uint8_t(std::max_element(votes.begin(), votes.end()) - votes.begin());
    }
  return out;
}

}  // namespace

Palette extract_palette(const Image& picture, int count) {
  if (count < 1 || count > 64) throw ConfigError("a palette of " + std::to_string(count) + " colours: 1 to 64 can be had");
  const Image image = with_channels(picture, 3);
  const std::vector<Bin> bins = histogram(image);
  std::vector<Lab> best;
  double least = 1e30;
  for (uint64_t attempt = 0; attempt < 8; ++attempt) {
    double cost = 0;
    const std::vector<Lab> centres = seeded(bins, size_t(count), attempt, &cost);
    if (cost < least) least = cost, best = centres;
  }
  Palette palette;
  for (const Lab& centre : best) palette.push_back({srgb(centre), 0});
  for (const Bin& bin : bins) palette[nearest(bin.lab, best)].share += bin.share;
  std::stable_sort(palette.begin(), palette.end(), [](const PaletteColour& a, const PaletteColour& b) { return a.share > b.share; });
  return palette;
}

Palette palette_from_hex(const std::string& codes) {
  Palette palette;
  for (size_t at = 0; at <= codes.size();) {
    const size_t end = std::min(codes.find(',', at), codes.size());
    std::string code = codes.substr(at, end - at);
    code.erase(0, code.find_first_not_of(" #"));
    code.erase(code.find_last_not_of(' ') + 1);
    if (code.size() == 3) code = {code[0], code[0], code[1], code[1], code[2], code[2]};
    if (code.size() != 6 || code.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      throw ConfigError("'" + codes.substr(at, end - at) + "' is no hex colour; write a list like \"#1b2a41,#c9ada7,#fff\"");
    const unsigned long value = std::stoul(code, nullptr, 16);
    palette.push_back({{uint8_t(value >> 16), uint8_t(value >> 8), uint8_t(value)}, 0});
    at = end + 1;
  }
  for (PaletteColour& colour : palette) colour.share = 1.0 / double(palette.size());
  return palette;
}

std::string hex(const PaletteColour& colour) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", unsigned(colour.rgb[0]), unsigned(colour.rgb[1]), unsigned(colour.rgb[2]));
  return text;
}

Image palette_strip(const Palette& palette, int height, int width) {
  const double least = 0.1 / double(palette.size());
  double sum = 0, before = 0;
  for (const PaletteColour& colour : palette) sum += std::max(colour.share, least);
  Image strip{height, width, 3, std::vector<uint8_t>(size_t(height) * size_t(width) * 3)};
  size_t begin = 0;
  for (const PaletteColour& colour : palette) {
    before += std::max(colour.share, least);
    const size_t end = size_t(std::lround(before / sum * width));
    for (size_t y = 0; y < size_t(height); ++y)
      for (size_t x = begin; x < end; ++x) std::copy(colour.rgb.begin(), colour.rgb.end(), &strip.pixels[(y * size_t(width) + x) * 3]);
    begin = end;
  }
  return strip;
}

Separations separate(const Image& picture, const Palette& inks) {
  if (inks.empty() || inks.size() > 64) throw ConfigError(std::to_string(inks.size()) + " inks: a print takes 1 to 64");
  const Image image = with_channels(picture, 3);
  const std::vector<uint8_t> ink = without_specks(nearest_ink(image, inks), image.height, image.width, inks.size());
  Separations out{image, {}, std::vector<double>(inks.size())};
  out.films.assign(inks.size(), Image{image.height, image.width, 1, std::vector<uint8_t>(ink.size(), 255)});
  double printed = 0;
  for (size_t i = 0; i < ink.size(); ++i) {
    std::copy(inks[ink[i]].rgb.begin(), inks[ink[i]].rgb.end(), &out.flat.pixels[3 * i]);
    if (!image.alpha.empty() && image.alpha[i] < 128) continue;
    out.films[ink[i]].pixels[i] = 0;
    ++out.coverage[ink[i]], ++printed;
  }
  for (double& share : out.coverage) share /= std::max(1.0, printed);
  return out;
}

}  // namespace weft::gan
