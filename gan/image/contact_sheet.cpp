#include <algorithm>

#include "weft/gan/sheet.h"

namespace weft::gan {
namespace {

// Letters of 3 x 5 dots, rows from the top, the highest of 15 bits at the top left.
constexpr uint16_t kDigits[] = {0x7b6f, 0x2c97, 0x73e7, 0x72cf, 0x5bc9, 0x79cf, 0x79ef, 0x7252, 0x7bef, 0x7bcf};
constexpr uint16_t kLetters[] = {
    0x7bed, 0x6bae, 0x7927, 0x6b6e, 0x79a7, 0x79a4, 0x796f, 0x5bed, 0x7497, 0x126f, 0x5bad, 0x4927, 0x5fed,
    0x6b6d, 0x7b6f, 0x7be4, 0x7b79, 0x7bad, 0x79cf, 0x7492, 0x5b6f, 0x5b6a, 0x5bfd, 0x5aad, 0x5bd2, 0x72a7};

uint16_t dots_of(char c) {
  if (c >= '0' && c <= '9') return kDigits[c - '0'];
  if (c >= 'a' && c <= 'z') return kLetters[c - 'a'];
  if (c >= 'A' && c <= 'Z') return kLetters[c - 'A'];
  return c == '.' ? 0x0002 : c == '-' ? 0x01c0 : c == ':' ? 0x0410 : 0;
}

struct Spaces {
  int gap, dot, below;                 // between pictures; a dot of the letters; under a picture, for its caption
};
Spaces spaces_of(int w, bool captioned) {
  const int dot = std::max(1, w / 90);
  return {std::max(4, w / 32), dot, captioned ? 9 * dot : 0};
}

/// `dot` pixels a dot, in the middle of [left, left + width).
void write(Image& sheet, const std::string& text, int left, int width, int top, int dot) {
  const int start = left + std::max(0, (width - int(text.size()) * 4 * dot) / 2);
  for (size_t i = 0; i < text.size(); ++i)
    for (int y = 0; y < 5 * dot; ++y)
      for (int x = 0; x < 3 * dot; ++x) {
        const int at = start + int(i) * 4 * dot + x;
        if (at >= left + width || !(dots_of(text[i]) >> (14 - y / dot * 3 - x / dot) & 1)) continue;
        std::fill_n(&sheet.pixels[3 * (size_t(top + y) * size_t(sheet.width) + size_t(at))], 3, uint8_t{40});
      }
}

}  // namespace

std::pair<int64_t, int64_t> contact_sheet_size(int h, int w, size_t count, int columns, bool captioned) {
  const Spaces s = spaces_of(w, captioned);
  const int64_t rows = (int64_t(count) + columns - 1) / columns;
  return {rows * (h + s.below + s.gap) + s.gap, int64_t{columns} * (w + s.gap) + s.gap};
}

Image contact_sheet(const std::vector<Image>& pictures, int columns, const std::vector<std::string>& captions) {
  int h = 1, w = 1;
  for (const Image& p : pictures) h = std::max(h, p.height), w = std::max(w, p.width);
  const auto [gap, dot, below] = spaces_of(w, !captions.empty());
  const auto [height, width] = contact_sheet_size(h, w, pictures.size(), columns, !captions.empty());
  Image sheet{int(height), int(width), 3, {}};
  sheet.pixels.assign(size_t(sheet.height) * size_t(sheet.width) * 3, 255);
  for (size_t i = 0; i < pictures.size(); ++i) {
    const Image p = with_channels(pictures[i], 3);
    const int left = gap + int(i) % columns * (w + gap), top = gap + int(i) / columns * (h + below + gap);
    for (int y = 0; y < p.height; ++y)
      std::copy_n(&p.pixels[size_t(y) * size_t(p.width) * 3], size_t(p.width) * 3,
                  &sheet.pixels[3 * (size_t(top + (h - p.height) / 2 + y) * size_t(sheet.width) + size_t(left + (w - p.width) / 2))]);
    if (!captions.empty()) write(sheet, captions[i], left, w, top + h + 2 * dot, dot);
  }
  return sheet;
}

}  // namespace weft::gan
