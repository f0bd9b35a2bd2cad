// Small pictures of three classes that anyone can tell apart: bright above, bright on the left, bright in the middle; with noise.
#pragma once
#include <filesystem>
#include <fstream>

#include "weft/gan/dataset.h"
#include "weft/kernels/philox.h"

namespace weft::testing {

inline gan::Image classed_picture(int64_t i, int side, uint64_t seed) {
  gan::Image image{side, side, 1, {}};
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const bool bright = i % 3 == 0 ? y < side / 2 : i % 3 == 1 ? x < side / 2 : std::abs(y - side / 2) < side / 4 && std::abs(x - side / 2) < side / 4;
      image.pixels.push_back(uint8_t((bright ? 150 : 20) + philox(seed, uint64_t(i), uint64_t(y * side + x)).w[0] % 100));
    }
  return image;
}

inline void write_idx(const std::filesystem::path& folder, const std::string& part, int64_t count, int side, uint64_t seed) {
  const auto big = [](std::ofstream& out, int64_t v) { for (int shift = 24; shift >= 0; shift -= 8) out.put(char(v >> shift)); };
  std::ofstream images(folder / (part + "-images-idx3-ubyte"), std::ios::binary), labels(folder / (part + "-labels-idx1-ubyte"), std::ios::binary);
  big(images, 0x803), big(images, count), big(images, side), big(images, side);
  big(labels, 0x801), big(labels, count);
  for (int64_t i = 0; i < count; ++i) {
    for (const uint8_t p : classed_picture(i, side, seed).pixels) images.put(char(p));
    labels.put(char(i % 3));
  }
}

}  // namespace weft::testing
