// OkLab, a space in which equal distances look about equally large. Ottosson, "A perceptual color space for image processing", 2020.
#pragma once
#include <array>
#include <cstdint>

namespace weft::gan {

using Lab = std::array<float, 3>;                // lightness in [0,1], a: green to red, b: blue to yellow

Lab oklab(const uint8_t* rgb);
/// Nearest sRGB; a colour that sRGB has not loses chroma until it has, so that lightness and hue stay.
std::array<uint8_t, 3> srgb(Lab lab);

}  // namespace weft::gan
